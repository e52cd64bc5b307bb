"""The page on a phone, by touch and by mouse: pinching, dragging, seeking, and the player that stays in view."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from visitor import Visitor

pytestmark = pytest.mark.browser
SECONDS = 10
LEFT, RIGHT = 10, 10  # pixels beside the roll's time
HANDS: dict[Any, Any] = {}  # what sends a page its touches
IN_VIEW = """(where) => {
  const node = document.querySelector(where), box = node.getBoundingClientRect();
  return node.checkVisibility() && box.height > 0 && box.top >= 0 && box.bottom <= innerHeight;
}"""
COVERED = """(where) => {
  const box = document.querySelector(where).getBoundingClientRect();
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return !document.querySelector(where).contains(top);
}"""
# Names of points that lie over another name or over a point.
COLLISIONS = """([where, points]) => {
  const svg = document.querySelector(where);
  window.ekphonia.drawPlane(svg, points);
  const boxes = (part) => [...svg.querySelectorAll(part)].map((node) => [node.textContent || 'point', node.getBBox()]);
  const names = boxes('.ek-point-name'), all = [...names, ...boxes('.ek-point')];
  const common = (a, b) => Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x) > 2
    && Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y) > 4;
  const under = ([name, box], place) => all.slice(place + 1).filter(([, other]) => common(box, other))
    .map(([other]) => `${name} over ${other}`);
  return names.flatMap(under);
}"""


@pytest.fixture(scope="module")
def once_heard(browser: Any, address: str) -> Iterator[Visitor]:
    """A visitor with a phone for whom a piece is finished."""
    visitor = Visitor.come(browser, address, viewport={"width": 390, "height": 844}, has_touch=True)
    visitor.choose_length(SECONDS)
    visitor.page.locator(".ek-frame").nth(0).tap()
    visitor.wait_status("Finished")
    yield visitor
    visitor.leave()


@pytest.fixture
def heard(once_heard: Visitor) -> Visitor:
    """The same, with nothing playing and all in view."""
    page = once_heard.page
    page.evaluate("() => window.ekphonia.hush()")
    page.locator("#ek-music canvas").focus()
    page.keyboard.press("0")
    once_heard.settle()
    return once_heard


def touch(visitor: Visitor, kind: str, points: Sequence[tuple[float, float]]) -> None:
    """Send the browser fingers: touchStart, touchMove or touchEnd, with where they are in the window."""
    if visitor.page not in HANDS:
        HANDS[visitor.page] = visitor.page.context.new_cdp_session(visitor.page)
    spots = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
    HANDS[visitor.page].send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": spots})


def box_of(visitor: Visitor, where: str) -> dict[str, float]:
    """Where an element is in the window, brought to its middle."""
    node = visitor.page.locator(where)
    node.evaluate("(node) => node.scrollIntoView({ block: 'center', behavior: 'instant' })")
    visitor.settle()
    box: dict[str, float] = node.bounding_box()
    return box


def view_of(visitor: Visitor) -> tuple[float, float]:
    canvas = visitor.page.locator("#ek-music canvas")
    return float(canvas.get_attribute("data-from")), float(canvas.get_attribute("data-until"))


def test_two_fingers_zoom_the_roll_and_what_lies_between_them_stays(heard: Visitor) -> None:
    box = box_of(heard, "#ek-music canvas")
    begin, end = view_of(heard)
    middle, y = box["x"] + box["width"] / 2, box["y"] + 80
    touch(heard, "touchStart", [(middle - 30, y), (middle + 30, y)])
    for apart in (36, 42, 48, 54, 60):
        touch(heard, "touchMove", [(middle - apart, y), (middle + apart, y)])
    touch(heard, "touchEnd", [])
    heard.settle()
    near, far = view_of(heard)
    assert (far - near) / (end - begin) == pytest.approx(0.5, abs=0.08)
    share = (box["width"] / 2 - LEFT) / (box["width"] - LEFT - RIGHT)
    assert near + share * (far - near) == pytest.approx(begin + share * (end - begin), abs=0.2)


def test_a_tap_and_a_click_on_the_roll_seek(heard: Visitor) -> None:
    box = box_of(heard, "#ek-music canvas")
    for part, press in ((0.3, heard.page.touchscreen.tap), (0.7, heard.page.mouse.click)):
        begin, end = view_of(heard)
        press(box["x"] + LEFT + part * (box["width"] - LEFT - RIGHT), box["y"] + 80)
        heard.settle()
        second = heard.page.locator("#ek-music audio").evaluate("(sound) => sound.currentTime")
        assert second == pytest.approx(begin + part * (end - begin), abs=0.05)


@pytest.mark.parametrize("by", ["mouse", "finger"])
def test_the_feeling_is_dragged(heard: Visitor, by: str) -> None:
    box = box_of(heard, "#ek-feeling .ek-plane .ek-edge")
    spots = [(box["x"] + part * box["width"], box["y"] + (1 - part) * box["height"]) for part in (0.5, 0.6, 0.75)]
    if by == "mouse":
        heard.page.mouse.move(*spots[0])
        heard.page.mouse.down()
        for spot in spots[1:]:
            heard.page.mouse.move(*spot)
        heard.page.mouse.up()
    else:
        touch(heard, "touchStart", spots[:1])
        for spot in spots[1:]:
            touch(heard, "touchMove", [spot])
        touch(heard, "touchEnd", [])
    chosen = [float(heard.page.locator(f"#ek-feeling .ek-{axis}").input_value()) for axis in ("valence", "arousal")]
    assert chosen == [pytest.approx(7.0, abs=0.1)] * 2
    assert heard.page.locator("#ek-feeling .ek-correct button").is_enabled()
    stayed = heard.page.locator("#ek-feeling .ek-plane .ek-edge").bounding_box()
    assert stayed["y"] == pytest.approx(box["y"], abs=1)  # the page stood still


def test_the_player_and_what_goes_on_stay_in_view(heard: Visitor) -> None:
    page = heard.page
    page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
    page.locator(".ek-frame").nth(1).tap()
    parts = [f"#ek-status {part}" for part in (".ek-dock-play", ".ek-dock-stop", ".ek-progress")]
    page.wait_for_function(f"(parts) => parts.every({IN_VIEW})", arg=parts)  # before it is finished
    page.wait_for_selector("#ek-music .ek-play.ek-going")
    assert not page.evaluate(COVERED, "#ek-status .ek-dock-play")
    heard.wait_status("Finished")
    page.evaluate("() => window.ekphonia.hush()")
    page.locator("#ek-music .ek-seek").evaluate("(node) => { node.value = 2; node.dispatchEvent(new Event('input')); }")
    page.locator("#ek-music .ek-play").evaluate("(button) => button.click()")
    page.wait_for_selector("#ek-music .ek-play.ek-going", state="attached")
    page.evaluate("() => { scrollTo({ top: 0, behavior: 'instant' }); document.activeElement.blur(); }")
    dock = page.locator("#ek-status .ek-dock-play")
    dock.tap()
    page.wait_for_selector("#ek-music .ek-play:not(.ek-going)", state="attached")
    box_of(heard, "#ek-music .ek-transport")  # its own buttons are in view
    page.evaluate("() => document.activeElement.blur()")
    dock.wait_for(state="hidden")


def test_names_of_points_that_lie_close_do_not_collide(heard: Visitor) -> None:
    kinds = (("asked", "asked for"), ("heard", "piano"), ("heard-too", "words"))
    for spots in (
        ((6.8, 5.3), (7.0, 5.2), (6.6, 5.4)),
        ((9.0, 9.0), (8.9, 8.8), (8.7, 9.0)),
        ((1.0, 1.0), (1.1, 1.3), (1.4, 1.0)),
        ((5.0, 5.0), (5.0, 5.0), (5.0, 5.0)),
    ):
        points = [
            {"valence": v, "arousal": a, "valence_sd": 0, "arousal_sd": 0, "kind": kind, "name": name}
            for (v, a), (kind, name) in zip(spots, kinds, strict=True)
        ]
        assert heard.page.evaluate(COLLISIONS, ["#ek-heard .ek-plane", points]) == [], spots
