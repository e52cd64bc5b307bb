"""Two takes in a real browser: compared at the same second, by mouse and by key, and put back on the desk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from visitor import STATUS, Visitor

pytestmark = pytest.mark.browser
SECONDS = 10
LINE, TIME = ".ek-ab-line", ".ek-ab .ek-time"
# What the box's two gains are, and how many sources have been begun: a switch begins none anew.
LISTEN = """() => {
  const create = AudioContext.prototype.createGain, begin = AudioBufferSourceNode.prototype.start;
  window.gains = [];
  window.begun = 0;
  AudioContext.prototype.createGain = function () {
    window.gains.push(create.call(this));
    return window.gains.at(-1);
  };
  AudioBufferSourceNode.prototype.start = function (...when) {
    window.begun += 1;
    return begin.apply(this, when);
  };
}"""


@pytest.fixture
def visitor(visit: Any) -> Visitor:
    """One who has heard a picture's piano, moved its feeling, and heard it again."""
    visitor: Visitor = visit()
    visitor.page.evaluate(LISTEN)
    assert "both takes will stand here" in visitor.page.locator(".ek-takes-empty").text_content()
    visitor.choose_length(SECONDS)
    visitor.choose_lanes("Piano")
    visitor.page.locator(".ek-frame").first.click()
    visitor.wait_status("Finished")
    assert visitor.page.locator(".ek-take").count() == 1
    assert visitor.page.locator(".ek-ab").is_hidden()
    move(visitor, 12)
    visitor.page.locator("#ek-feeling [type=submit]").click()
    visitor.wait_for_another()
    visitor.page.wait_for_selector(".ek-ab:visible")
    return visitor


def move(visitor: Visitor, steps: int) -> None:
    slider = visitor.page.locator("#ek-feeling .ek-valence")
    for _ in range(steps):
        slider.press("ArrowLeft")


def second(visitor: Visitor) -> float:
    return float(visitor.page.locator(".ek-ab .ek-seek").input_value())


def moment(visitor: Visitor) -> tuple[float, float]:
    """The second that is heard, and by the page's clock when that was."""
    read = "[Number(document.querySelector('.ek-ab .ek-seek').value), performance.now() / 1000]"
    where, when = visitor.page.evaluate(read)
    return where, when


def went_on(visitor: Visitor, before: tuple[float, float]) -> None:
    """It is heard from where it was on, with no more gone by than time has, but for how late a second is shown."""
    where, when = moment(visitor)
    assert -0.2 <= where - before[0] <= when - before[1] + 1


def wait_for_line(visitor: Visitor, words: str) -> None:
    script = "([where, words]) => document.querySelector(where).textContent.startsWith(words)"
    visitor.page.wait_for_function(script, arg=[LINE, words])


def test_two_takes_are_heard_in_turn_at_the_same_second_and_one_is_put_back(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.page
    _check_rows(visitor)
    page.locator(".ek-ab .ek-play").click()
    wait_for_line(visitor, "Playing A, Take 1.")
    assert page.locator("#ek-music .ek-play").get_attribute("aria-label") == "Play the piano"  # one plays at a time
    page.wait_for_function("() => document.querySelector('.ek-ab .ek-seek').value > 1")
    _check_switch(visitor)
    _check_keys(visitor)
    _check_back(visitor, tmp_path)


def _check_rows(visitor: Visitor) -> None:
    rows = visitor.page.locator(".ek-take")
    assert rows.count() == 2
    assert rows.nth(0).locator("h3").text_content() == "Take 2"
    assert "feeling moved by hand" in rows.nth(0).text_content()
    assert "as the models found it" in rows.nth(1).text_content()
    assert rows.nth(0).locator(".ek-take-desk").is_visible()
    assert rows.nth(1).locator(".ek-take-desk").is_hidden()
    plane = visitor.page.locator(".ek-ab .ek-plane").get_attribute("aria-label")
    assert all(name in plane for name in ("A asked at", "A heard at", "B asked at", "B heard at"))


def _check_switch(visitor: Visitor) -> None:
    """Nothing is begun anew: one is turned down while the other is turned up."""
    page = visitor.page
    begun, before = page.evaluate("window.begun"), moment(visitor)
    page.locator(".ek-switch input").nth(1).check()
    wait_for_line(visitor, "Playing B, Take 2.")
    page.wait_for_function("window.gains.at(-2).gain.value === 0 && window.gains.at(-1).gain.value === 1")
    assert page.evaluate("window.begun") == begun
    went_on(visitor, before)


def _check_keys(visitor: Visitor) -> None:
    page = visitor.page
    back = "(node) => { node.value = 2; node.dispatchEvent(new Event('input')); }"
    page.locator(".ek-ab .ek-seek").evaluate(back)  # so that it does not end meanwhile
    page.keyboard.press("a")
    wait_for_line(visitor, "Playing A")
    page.keyboard.press("ArrowRight")  # from one radio to the next
    wait_for_line(visitor, "Playing B")
    page.keyboard.press(" ")
    wait_for_line(visitor, "Paused.")
    there = second(visitor)
    assert there > 1
    page.keyboard.press("A")
    wait_for_line(visitor, "Chosen: A")
    before = moment(visitor)
    assert before[0] == there
    page.keyboard.press(" ")
    wait_for_line(visitor, "Playing A")
    went_on(visitor, before)
    page.locator("#ek-feeling .ek-valence").press("b")  # keys of the box only
    assert page.locator(LINE).text_content().startswith("Playing A")


def _check_back(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.page
    assert page.locator("#ek-feeling .ek-restore").is_visible()
    page.locator(".ek-back").nth(1).click()
    visitor.wait_status("Take 1 is back on the desk.")
    page.wait_for_function("() => document.querySelector('#ek-feeling .ek-restore').hidden")
    page.locator(".ek-take").nth(1).locator(".ek-take-desk").wait_for()
    assert page.locator("#ek-music .ek-play").get_attribute("aria-label") == "Play the piano"  # unasked, it is still
    wanted = visitor.take(tmp_path)["chains"]["symbolic"]["wanted"]
    assert page.locator("#ek-feeling .ek-label").text_content() == wanted["label"]
    page.locator(".ek-take").first.locator("summary").click()
    with page.expect_download() as coming:
        page.locator('.ek-take >> nth=0 >> a[download="symbolic.mid"]').click()
    kept = tmp_path / "kept.mid"
    coming.value.save_as(kept)
    assert kept.read_bytes()[:4] == b"MThd"
    assert kept.read_bytes() != visitor.download("symbolic.mid", tmp_path).read_bytes()  # that of the take on the desk


def test_what_is_the_visitors_own_holds_until_taken_back(visit: Any) -> None:
    visitor = visit(width=390, height=844)
    page = visitor.page
    visitor.choose_length(SECONDS)
    visitor.choose_lanes("From words")
    page.locator(".ek-frame").first.click()
    visitor.wait_status("Finished")
    page.locator("#ek-prompt-text").fill("A sad, slow cello.")
    page.locator(".ek-word[data-step=prompt] [type=submit]").click()
    visitor.wait_for_another()
    assert "Your prompt asks for sad" in page.locator("#ek-heard").text_content()
    assert "chamber music" in page.locator(".ek-chosen").text_content()
    page.locator("#ek-hear").click()
    visitor.wait_for_another()
    assert page.locator("#ek-prompt-text").input_value() == "A sad, slow cello."
    page.locator(".ek-word[data-step=prompt] .ek-restore").click()
    visitor.wait_for_another()
    assert page.locator("#ek-prompt-text").input_value() != "A sad, slow cello."
    assert page.locator(".ek-chosen").is_hidden()
    assert page.locator(".ek-word[data-step=prompt] .ek-restore").is_hidden()
    changed = [text.strip() for text in page.locator(".ek-take-changed").all_text_contents()]
    assert changed == ["prompt taken back", "made again unchanged", "prompt edited", "as the models found it"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_trouble_is_told_once_in_the_line_of_what_goes_on(visit: Any, tmp_path: Path) -> None:
    visitor = visit()
    text = tmp_path / "holiday.png"
    text.write_text("this is no picture")
    visitor.put_in(text)
    visitor.wait_status("holiday.png is not a picture;")
    visitor.page.wait_for_timeout(500)
    assert visitor.page.locator(".toast-body").count() == 0
    assert visitor.page.locator(STATUS).is_visible()
