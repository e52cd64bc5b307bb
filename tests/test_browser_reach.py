"""The page by Tab alone, with text of twice the size, in narrow windows and in the system's own colours.

One visitor with two finished takes serves all tests, and is narrowed and widened, so that music is made seldom.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from everybody import CUT_OFF, SIZES, hear, open_tab
from visitor import Visitor

pytestmark = pytest.mark.browser
FOCUSED = """() => {
  const node = document.activeElement;
  if (!node || node === document.body) return null;
  const style = getComputedStyle(node), place = node.getBoundingClientRect();
  const dock = document.querySelector('.ek-status[data-dock=line], .ek-status[data-dock=player] .ek-dock');
  const free = !dock || dock.contains(node) ? innerHeight : dock.getBoundingClientRect().top;
  window.focusedSeen ??= new Set();
  const again = focusedSeen.has(node);
  focusedSeen.add(node);
  return {
    name: node.id || node.getAttribute('aria-label') || node.textContent.trim().slice(0, 40) || node.className,
    ringed: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
    visible: place.width > 0 && place.height > 0 && place.bottom > 0 && place.top < free,
    again,
  };
}"""
# What ought to be reached by Tab but was not; of radio buttons one stands for its group.
UNREACHED = """() => [...document.querySelectorAll('gradio-app :is(button, input, textarea, select, a[href])')]
  .filter((node) => node.type !== 'radio' && !node.disabled && node.tabIndex >= 0 && !focusedSeen.has(node))
  .filter((node) => node.checkVisibility({ visibilityProperty: true })).map((node) => node.outerHTML.slice(0, 120))"""
# How far the points, the notes and the wave stand out from their grounds, as the greatest difference of lightness.
STANDS_OUT = """(node) => {
  const { data } = node.getContext('2d').getImageData(0, 0, node.width, node.height);
  const ground = getComputedStyle(node.parentElement).backgroundColor.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const luma = (r, g, b) => 0.2126 * r + 0.7152 * g + 0.0722 * b;
  let far = 0;
  for (let i = 0; i < data.length; i += 4)
    if (data[i + 3] > 200) far = Math.max(far, Math.abs(luma(data[i], data[i + 1], data[i + 2]) - luma(...ground)));
  return far;
}"""


@pytest.fixture(scope="module")
def once_finished(browser: Any, address: str) -> Iterator[Visitor]:
    """A visitor for whom a piece is finished in both lanes, and then once more."""
    visitor = Visitor.come(browser, address)
    hear(visitor)
    visitor.wait_status("Finished")
    visitor.page.locator("#ek-hear:enabled").press("Enter")
    visitor.wait_for_another()
    yield visitor
    visitor.leave()


@pytest.fixture
def finished(once_finished: Visitor) -> Iterator[Visitor]:
    yield once_finished
    page = once_finished.page
    page.emulate_media(reduced_motion="no-preference", forced_colors="none")
    page.evaluate("document.documentElement.style.fontSize = ''")
    once_finished.resize(1280)


def test_everything_is_reached_by_tab_and_shows_it(finished: Visitor) -> None:
    page = finished.page
    page.wait_for_selector("#ek-hear:enabled")
    page.evaluate("document.activeElement.blur(), scrollTo(0, 0)")
    page.mouse.click(3, 3)
    reached: list[dict[str, Any]] = []
    for _ in range(200):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused is None or focused["again"]:
            break
        reached.append(focused)
    assert [one["name"] for one in reached if not one["ringed"]] == []
    assert [one["name"] for one in reached if not one["visible"]] == []
    names = {one["name"] for one in reached}
    assert {"A summer morning", "ek-hear", "ek-dice", "ek-caption-text", "ek-prompt-text", "MP3"} <= names
    assert page.evaluate(UNREACHED) == []


def test_text_of_twice_the_size_and_a_window_of_320_pixels_fit(finished: Visitor) -> None:
    page = finished.page
    page.emulate_media(reduced_motion="reduce")
    size = "parseFloat(getComputedStyle(document.querySelector('#ek-dice')).fontSize)"
    before = page.evaluate(size)
    finished.resize(320, 640)
    for number in (0, 1, 2, 3):
        open_tab(finished, number)
        assert page.evaluate(CUT_OFF) == [], f"tab {number}"
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    for width, height in SIZES:
        finished.resize(width, height)
        for number in (1, 2, 3, 0):
            open_tab(finished, number)
            assert page.evaluate(CUT_OFF) == [], f"{width} px, tab {number}"
    assert page.evaluate(size) == pytest.approx(2 * before)  # Gradio's own parts grow as well


def test_points_notes_and_wave_are_seen_where_the_system_chooses_the_colours(finished: Visitor) -> None:
    page = finished.page
    page.emulate_media(forced_colors="active", color_scheme="dark")
    finished.settle()
    for lane in ("music", "wave"):
        canvas = page.locator(f"#ek-{lane} canvas")
        canvas.evaluate("(node) => window.dispatchEvent(new Event('resize'))")
        assert finished.once(lambda canvas=canvas: canvas.evaluate(STANDS_OUT) > 80, True), lane
    plane = page.locator("#ek-heard .ek-plane")
    grounds = plane.evaluate("(node) => getComputedStyle(node).backgroundColor")
    fills = plane.locator(".ek-point").evaluate_all("(nodes) => nodes.map((node) => getComputedStyle(node).fill)")
    assert len(fills) == 3
    assert grounds not in fills
    page.emulate_media(forced_colors="none", color_scheme="light")
