"""The music can be seen: roll, waveform and spectrogram in a real browser, zoomed and not, by pointer and by keys."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from visitor import Visitor

pytestmark = pytest.mark.browser
SECONDS = 10
LEFT = {"music": 10, "wave": 10, "spectrogram": 52}
RIGHT = 10
EXACT_S = 0.05
QUIET = "() => [...document.querySelectorAll('.ek-play.ek-going')].forEach((button) => button.click())"
# Where the playhead stands in its picture: the x, in CSS pixels, of the middle of what has the colour of ink in a row.
PLAYHEAD = """(canvas, y) => {
  const ratio = canvas.width / canvas.clientWidth, pen = canvas.getContext('2d');
  const dot = document.createElement('canvas').getContext('2d');
  dot.fillStyle = getComputedStyle(canvas).getPropertyValue('--ek-ink');
  dot.fillRect(0, 0, 1, 1);
  const ink = dot.getImageData(0, 0, 1, 1).data, row = pen.getImageData(0, Math.round(y * ratio), canvas.width, 1).data;
  let sum = 0, count = 0;
  for (let x = 0; x < canvas.width; x++) {
    if (![0, 1, 2].every((c) => Math.abs(row[4 * x + c] - ink[c]) < 24) || row[4 * x + 3] < 200) continue;
    sum += x + 0.5;
    count += 1;
  }
  return count ? sum / count / ratio : null;
}"""
COLOURS = """(box) => {
  const canvas = box.querySelector('canvas'), pen = canvas.getContext('2d');
  const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
  const dot = document.createElement('canvas').getContext('2d');
  return [...box.querySelectorAll('[data-voice] i')].map((swatch) => {
    dot.fillStyle = getComputedStyle(swatch).backgroundColor;
    dot.fillRect(0, 0, 1, 1);
    const [r, g, b] = dot.getImageData(0, 0, 1, 1).data;
    let near = 0;
    for (let i = 0; i < data.length; i += 4) {
      if (Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 60) near += 1;
    }
    return { luma: 0.2126 * r + 0.7152 * g + 0.0722 * b, near };
  });
}"""
SINE = """() => {
  const rate = 32000, wave = (i) => 0.5 * Math.sin((2 * Math.PI * 1000 * i) / rate);
  const tone = (from, to) => Float32Array.from({ length: to - from }, (_, i) => wave(from + i));
  const levels = (pieces) => {
    const spectrum = window.ekphonia.makeSpectrum(rate);
    for (const [from, to] of pieces) {
      spectrum.add(from / rate, tone(from, to));
      while (spectrum.work(50));
    }
    const at = Array.from(spectrum.levelsAt(0.5)), band = at.indexOf(Math.max(...at)), last = at.length - 1;
    const [low, hertz, high] = [0, band, last].map(spectrum.bandHz);
    return { at, band, low, hertz, high, last: at[last] };
  };
  return [levels([[0, 32000]]), levels([[16000, 32000], [0, 16000]])];
}"""


@pytest.fixture(scope="module")
def once_finished(browser: Any, address: str) -> Iterator[Visitor]:
    """A visitor for whom an example is finished in both lanes."""
    visitor = Visitor.come(browser, address)
    visitor.choose_length(SECONDS)
    visitor.page.locator(".ek-frame").nth(0).click()
    visitor.wait_status("Finished: 10 seconds of piano in ")
    yield visitor
    visitor.leave()


@pytest.fixture
def finished(once_finished: Visitor) -> Visitor:
    """The same, with nothing playing, all in view, and the waveform chosen."""
    page = once_finished.page
    page.wait_for_selector("#ek-wave .ek-play:enabled")
    page.evaluate(QUIET)
    page.locator("#ek-wave [data-kind=waveform]").click()
    for lane in ("music", "wave"):
        page.locator(f"#ek-{lane} canvas").focus()
        page.keyboard.press("0")
    once_finished.settle()
    return once_finished


def canvas_of(visitor: Visitor, lane: str) -> Any:
    return visitor.page.locator(f"#ek-{lane} canvas")


def second_of(visitor: Visitor, lane: str) -> float:
    return float(visitor.page.locator(f"#ek-{lane} audio").evaluate("(sound) => sound.currentTime"))


def click_seeks(visitor: Visitor, lane: str, left: int) -> None:
    """A click at 60 % of the picture goes to the second that lies there, and the playhead stands under the pointer."""
    canvas = canvas_of(visitor, lane)
    canvas.scroll_into_view_if_needed()
    visitor.settle()
    begin, end = (float(canvas.get_attribute(f"data-{name}")) for name in ("from", "until"))
    width = canvas.evaluate("(node) => node.clientWidth")
    x = round(left + 0.6 * (width - left - RIGHT))
    canvas.click(position={"x": x, "y": 60})
    wanted = begin + (x - left) / (width - left - RIGHT) * (end - begin)
    assert second_of(visitor, lane) == pytest.approx(wanted, abs=EXACT_S)
    place, row = pytest.approx(x, abs=1.5), 22 if lane == "music" else 6
    assert visitor.once(lambda: canvas.evaluate(PLAYHEAD, row), place) == place


@pytest.mark.parametrize("lane", ["music", "wave", "spectrogram"])
def test_a_click_seeks_exactly_zoomed_and_not(finished: Visitor, lane: str) -> None:
    left = LEFT[lane]
    if lane == "spectrogram":
        lane = "wave"
        finished.page.locator("#ek-wave [data-kind=spectrogram]").click()
    canvas_of(finished, lane).click(position={"x": 100, "y": 60})  # from now on it is the whole file's length
    finished.settle()
    click_seeks(finished, lane, left)
    assert finished.page.locator(f"#ek-{lane} .ek-zoom output").text_content() == "all in view"
    finished.page.locator(f"#ek-{lane} [data-zoom=in]").click()
    finished.page.locator(f"#ek-{lane} [data-zoom=in]").click()
    finished.settle()
    canvas = canvas_of(finished, lane)
    span = float(canvas.get_attribute("data-until")) - float(canvas.get_attribute("data-from"))
    assert 3.999 <= span < 10
    assert finished.page.locator(f"#ek-{lane} .ek-zoom output").text_content() == f"{span:.1f} s in view"
    click_seeks(finished, lane, left)


def test_the_roll_is_played_by_keys(finished: Visitor) -> None:
    canvas, keyboard = canvas_of(finished, "music"), finished.page.keyboard
    canvas.focus()
    assert canvas.get_attribute("role") == "slider"
    keyboard.press("Home")
    assert second_of(finished, "music") == 0
    places = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        keyboard.press(key)
        places.append((second_of(finished, "music"), canvas.get_attribute("aria-valuetext")))
    (first, said), (second, _), (back, _) = places
    assert said.startswith("bar 2 of ")
    assert second == pytest.approx(2 * first, rel=0.1)
    assert back == first
    keyboard.press("+")
    finished.settle()
    assert "s in view" in finished.page.locator("#ek-music .ek-zoom output").text_content()
    keyboard.press("-")
    finished.settle()
    assert finished.page.locator("#ek-music .ek-zoom output").text_content() == "all in view"
    assert canvas.evaluate("(node) => getComputedStyle(node).outlineStyle") == "solid"
    keyboard.press("End")
    assert second_of(finished, "music") == pytest.approx(float(canvas.get_attribute("aria-valuemax")), abs=0.1)


def test_the_wheel_with_ctrl_zooms_where_the_pointer_is(finished: Visitor) -> None:
    canvas = canvas_of(finished, "music")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    part = 0.25
    before = float(canvas.get_attribute("data-until"))
    finished.page.mouse.move(box["x"] + 10 + part * (box["width"] - 20), box["y"] + 100)
    finished.page.keyboard.down("Control")
    finished.page.mouse.wheel(0, -60)
    finished.page.keyboard.up("Control")
    finished.settle()
    begin, end = (float(canvas.get_attribute(f"data-{name}")) for name in ("from", "until"))
    assert end - begin == pytest.approx(before * 0.5488, rel=0.02)
    assert begin + part * (end - begin) == pytest.approx(part * before, abs=0.05)


def test_zoomed_in_the_roll_goes_along_with_the_playhead(finished: Visitor) -> None:
    page, canvas = finished.page, canvas_of(finished, "music")
    canvas.focus()
    for key in ("Home", "+", "+", "+", " "):
        page.keyboard.press(key)
    page.wait_for_function("() => document.querySelector('#ek-music audio').currentTime > 4.5")
    begin = float(canvas.get_attribute("data-from"))
    assert begin > 0.5
    page.keyboard.press(" ")
    finished.settle()
    begin, end = (float(canvas.get_attribute(f"data-{name}")) for name in ("from", "until"))
    wide = canvas.evaluate("(node) => node.clientWidth") - 20
    drawn = begin + (canvas.evaluate(PLAYHEAD, 22) - 10) / wide * (end - begin)
    assert drawn == pytest.approx(second_of(finished, "music"), abs=0.03)


def test_what_is_written_below_the_roll_moves_nothing(finished: Visitor) -> None:
    for width in (1280, 390):
        finished.resize(width)
        heights = set()
        for text in ("", "bar 18 of 24, E flat minor"):
            finished.page.locator("#ek-music .ek-where").evaluate("(node, text) => { node.textContent = text; }", text)
            finished.settle()
            heights.add(finished.page.locator("#ek-music .ek-view").bounding_box()["height"])
        assert len(heights) == 1
        assert finished.page.evaluate("document.documentElement.scrollWidth") <= width
    finished.resize(1280)


def test_three_voices_are_drawn_in_colours_of_different_shade(finished: Visitor) -> None:
    for night in (False, True):
        finished.page.evaluate("(night) => document.body.classList.toggle('dark', night)", night)
        finished.settle()
        voices = finished.page.locator("#ek-music").evaluate(COLOURS)
        assert all(voice["near"] > 100 for voice in voices)
        shades = sorted(voice["luma"] for voice in voices)
        assert min(high - low for low, high in itertools.pairwise(shades)) > 20


def test_the_spectrogram_measures_a_known_tone(finished: Visitor) -> None:
    whole, in_pieces = finished.page.evaluate(SINE)
    assert in_pieces["at"] == whole["at"]  # though the second half came first
    assert whole["hertz"] == pytest.approx(1000, rel=0.03)
    decibels = (whole["at"][whole["band"]] / 255 - 1) * 96
    assert decibels == pytest.approx(-6.02, abs=1.5)  # the window's scalloping loss is at most 1.42 dB
    assert whole["last"] < 20
    assert 50 < whole["low"] < 75
    assert 11500 < whole["high"] < 12000


def test_the_sound_is_shown_as_waveform_or_spectrogram(finished: Visitor) -> None:
    page, canvas = finished.page, canvas_of(finished, "wave")
    drawn = "(node) => new Set(new Uint32Array(node.getContext('2d').getImageData(60, 10, 300, 80).data.buffer)).size"
    waveform, button = canvas.evaluate(drawn), page.locator("#ek-wave [data-kind=spectrogram]")
    assert canvas.get_attribute("aria-label").startswith("Waveform. ")
    button.focus()
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-pressed") == "true"
    assert finished.once(lambda: canvas.evaluate(drawn) > 5 * waveform, True)
    assert canvas.get_attribute("aria-label").startswith("Spectrogram, 50 Hz to 12 kHz. ")
