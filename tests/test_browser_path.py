"""The panels of slideshow and journey in headless Chromium, on a page of their own."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, served
from visitor import Visitor

pytestmark = pytest.mark.browser
EXAMPLES = sorted((ROOT / "assets" / "examples").glob("*.jpg"))
PAGE = """
import sys
import app
import gradio as gr
from page.journey_panel import journey_panel
from page.slideshow_panel import slideshow_panel
with gr.Blocks(title="Paths", analytics_enabled=False) as demo:
    with gr.Tabs():
        with gr.Tab("Slideshow", elem_id="ek-tab-show"):
            slideshow_panel()
        with gr.Tab("Journey", elem_id="ek-tab-way"):
            journey_panel()
demo.queue(default_concurrency_limit=2)
demo.launch(server_name="127.0.0.1", server_port=int(sys.argv[1]), **app.launch_options())
"""
PEAK = """async ([where]) => {
  const value = await (await fetch(where)).arrayBuffer();
  const sound = await new OfflineAudioContext(2, 44100, 44100).decodeAudioData(value);
  return [sound.duration, sound.getChannelData(0).reduce((most, x) => Math.max(most, Math.abs(x)), 0)];
}"""


@pytest.fixture(scope="module")
def paths_page() -> Iterator[str]:
    with served("-c", PAGE, PYTHONPATH=str(ROOT)) as url:
        yield url


@pytest.fixture
def visitor(browser: Any, paths_page: str) -> Iterator[Visitor]:
    come = Visitor.come(browser, paths_page, shown="#ek-show-make", viewport={"width": 1280, "height": 1000})
    yield come
    come.leave()


def wait_line(visitor: Visitor, where: str, beginning: str) -> str:
    script = "([where, text]) => document.querySelector(where).textContent.startsWith(text)"
    line = f"{where} [role=status]"
    visitor.page.wait_for_function(script, arg=[line, beginning])
    return str(visitor.page.locator(line).text_content())


def test_pictures_become_a_video_that_plays(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.page
    page.set_input_files("#ek-show-pictures input[type=file]", [str(path) for path in EXAMPLES[:3]])
    page.locator("#ek-show-pictures").get_by_text("angry").first.wait_for()
    page.locator("#ek-show-each input[type=number]").fill("4")
    page.locator("#ek-show-each input[type=number]").press("Tab")
    page.click("#ek-show-make")
    text = wait_line(visitor, "#ek-show-status", "Finished")
    assert text.startswith("Finished: 3 pictures, 12 seconds in ")
    slides, names = page.locator("#ek-show-slides li"), [path.name for path in EXAMPLES[:3]]
    assert visitor.once(lambda: [slide.split(" from ")[0] for slide in slides.all_text_contents()], names) == names
    page.wait_for_function("document.querySelector('#ek-show-video video')?.videoWidth > 0")
    assert page.evaluate("document.querySelector('#ek-show-video video').duration") == pytest.approx(12.0, abs=0.05)
    assert page.evaluate("document.querySelector('#ek-show-video video').videoWidth") == 1280
    for name in ("slideshow.mp4", "slideshow.wav", "slideshow.mid", "slideshow.json"):
        page.locator(f"#ek-show-files a[href$='/{name}']").first.wait_for()


def test_a_file_that_is_no_picture_is_named(visitor: Visitor, tmp_path: Path) -> None:
    bad = tmp_path / "holiday.png"
    bad.write_text("no picture")
    visitor.page.set_input_files("#ek-show-pictures input[type=file]", [str(EXAMPLES[0]), str(bad)])
    visitor.page.locator("#ek-show-pictures").get_by_text("holiday").first.wait_for()
    visitor.page.click("#ek-show-make")
    assert wait_line(visitor, "#ek-show-status", "holiday.png is not a picture;")
    visitor.page.wait_for_selector("#ek-show-make:enabled")


def link_to(visitor: Visitor, name: str) -> str:
    return str(visitor.page.locator(f"#ek-way-files a[href$='/{name}']").first.evaluate("(link) => link.href"))


def test_a_journey_sounds_and_ends_with_its_files(visitor: Visitor) -> None:
    page = visitor.page
    page.get_by_role("tab", name="Journey").click()
    assert "This is no medical device." in page.locator("#ek-way-welcome").text_content()
    page.locator("#ek-way-minutes input[type=number]").fill("1")
    page.locator("#ek-way-minutes input[type=number]").press("Tab")
    page.click("#ek-way-begin")
    page.wait_for_function("document.querySelector('#ek-way .ek-time').textContent > '0:02'")
    page.locator("#ek-way .ek-play").click()  # pause
    page.wait_for_selector("#ek-way .ek-play:not(.ek-going)")
    before = page.locator("#ek-way .ek-time").text_content()
    wait_line(visitor, "#ek-way-status", "Finished composing")
    wav, record = (link_to(visitor, name) for name in ("journey.wav", "journey.json"))
    duration, peak = page.evaluate(PEAK, [wav])
    assert duration == pytest.approx(60.0, abs=0.001)
    assert peak > 0.02
    assert json.loads(urllib.request.urlopen(record).read())["settings"]["minutes"] == 1.0
    page.wait_for_timeout(1200)
    assert page.locator("#ek-way .ek-time").text_content() == before


def test_a_journey_can_be_stopped(visitor: Visitor) -> None:
    page = visitor.page
    page.get_by_role("tab", name="Journey").click()
    page.click("#ek-way-begin")
    wait_line(visitor, "#ek-way-status", "On the way")
    page.click("#ek-way-stop")
    wait_line(visitor, "#ek-way-status", "Stopped.")
    page.wait_for_timeout(1500)
    assert page.locator("#ek-way-status [role=status]").text_content() == "Stopped."
    page.wait_for_selector("#ek-way .ek-play[aria-label=Play]")
