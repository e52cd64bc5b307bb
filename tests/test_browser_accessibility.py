"""axe-core in each state of the page: empty, running, full, two takes compared; any mood, at night."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from everybody import SECONDS, TABS, bring_axe, check, expect_none, hear, open_tab, paint, violations, wait_kind
from visitor import Visitor

pytestmark = pytest.mark.browser
EXAMPLES = Path(__file__).resolve().parent.parent / "assets" / "examples"
MOODS = ("Happy", "Angry", "Sad", "Fun", "Neutral")
# The contrast of the page's inks with every ground: the wall's gradient and the plane's regions, which axe cannot tell.
CONTRAST = """() => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 });
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  const probe = document.querySelector('.gradio-container').appendChild(document.createElement('i'));
  const linear = (byte) => (byte <= 10.3 ? byte / 3294.6 : ((byte / 255 + 0.055) / 1.055) ** 2.4);
  const light = (colour) => {
    probe.style.cssText = `transition: none; color: ${colour}`;
    pen.fillStyle = getComputedStyle(probe).color;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].map(linear);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (ink, ground) => {
    const [a, b] = [light(ink), light(ground)];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const grounds = ['var(--ek-wall)', 'color-mix(in srgb, var(--ek-mood) 20%, var(--ek-wall))'];
  const tab = getComputedStyle(document.querySelector('#ek-tabs [role=tab][aria-selected=true]')).color;
  const pairs = grounds.flatMap((ground) => ['var(--ek-soft)', 'var(--ek-ink)', tab].map((ink) => [ink, ground]));
  for (const name of ['happy', 'angry', 'sad', 'fun', 'neutral'])
    pairs.push(['var(--ek-soft)', `color-mix(in srgb, var(--ek-c-${name}) 14%, var(--ek-card))`]);
  for (const ground of ['strong', 'deep']) pairs.push(['var(--ek-on-mood)', `var(--ek-mood-${ground})`]);
  pairs.push(['var(--ek-mood-strong)', 'var(--ek-card)']);
  const found = pairs.map(([ink, ground]) => [ratio(ink, ground), 4.5, `${ink} on ${ground}`]);
  for (const ground of ['card', 'well'])
    found.push([ratio('var(--ek-field)', `var(--ek-${ground})`), 3, `a field on ${ground}`]);
  probe.remove();
  return found.filter(([found, least]) => found < least);
}"""
MOVING = """() => document.getAnimations().filter((one) => Number(one.effect.getComputedTiming().duration) > 10)
  .map((one) => `${one.animationName || one.transitionProperty} of ${one.effect.target.className}`)"""
DURATIONS = """() => [...document.querySelectorAll('gradio-app *')].flatMap((node) => {
  const { transitionDuration, animationDuration } = getComputedStyle(node);
  const longest = Math.max(...`${transitionDuration}, ${animationDuration}`.split(',').map(parseFloat));
  return longest > 0.01 ? [`${node.tagName} ${node.className} ${longest} s`] : [];
})"""

# What a button looks like before and after it may be pressed, read at once, before another frame is drawn.
AT_ONCE = """() => {
  const stop = document.querySelector('#ek-stop'), read = () => getComputedStyle(stop).opacity;
  const before = read();
  stop.disabled = false;
  const after = read();
  stop.disabled = true;
  return [before, after];
}"""


def test_axe_finds_nothing_before_anything_is_heard(visit: Any) -> None:
    visitor: Visitor = visit()
    bring_axe(visitor)
    check(visitor)
    assert visitor.page.locator(TABS).count() == 4
    for number in (1, 2, 3):
        open_tab(visitor, number)
        check(visitor)
    open_tab(visitor, 0)
    visitor.page.locator("#ek-models-panel > button").press("Enter")
    visitor.page.wait_for_selector("#ek-models li", state="visible")
    check(visitor)


def test_axe_finds_nothing_and_nothing_moves_while_it_runs_and_after_a_warning(visit: Any, tmp_path: Path) -> None:
    visitor: Visitor = visit()
    assert visitor.page.evaluate(DURATIONS) != []  # else what is asked further down would say nothing
    bring_axe(visitor)
    visitor.settle()
    assert visitor.page.evaluate(AT_ONCE) == ["0.6", "1"]
    hear(visitor, 180)
    visitor.page.wait_for_selector("#ek-music .ek-play:enabled")
    assert visitor.page.evaluate(MOVING) == []
    assert visitor.page.evaluate(DURATIONS) == []
    wait_kind(visitor, "#ek-status", "busy")
    visitor.page.wait_for_selector("#ek-stop:enabled")
    check(visitor)
    visitor.page.locator("#ek-stop").press("Enter")
    visitor.wait_status("Stopped.")
    text = tmp_path / "holiday.png"
    text.write_text("this is no picture")
    visitor.page.locator("#ek-picture button[aria-label*=Remove i]").press("Enter")
    visitor.wait_status("Choose a picture")  # it asks for another, and does not complain
    visitor.put_in(text)
    visitor.wait_status("holiday.png is not a picture;")
    wait_kind(visitor, "#ek-status", "warning")
    visitor.page.wait_for_selector("#ek-picture [data-testid=upload-text]")  # the file that is none is taken down
    check(visitor)


def test_axe_finds_nothing_in_the_full_rooms(visit: Any) -> None:
    visitor: Visitor = visit()
    bring_axe(visitor)
    page, pictures = visitor.page, [str(EXAMPLES / name) for name in ("happy.jpg", "sad.jpg")]
    open_tab(visitor, 1)
    page.set_input_files("#ek-show-pictures input[type=file]", pictures)
    page.wait_for_selector("#ek-show-pictures .file")
    page.locator("#ek-show-each input[type=number]").fill("5")
    page.locator("#ek-show-each input[type=number]").press("Tab")
    page.locator("#ek-show-make").press("Enter")
    open_tab(visitor, 2)
    page.locator("#ek-way-minutes input[type=number]").fill("1")
    page.locator("#ek-way-minutes input[type=number]").press("Tab")
    page.locator("#ek-way-begin").press("Enter")
    open_tab(visitor, 3)
    page.set_input_files("#ek-class-pictures input[type=file]", pictures[:1])
    page.wait_for_selector("#ek-class-pictures .file")
    expect_none(violations(visitor), "a class not yet made")
    page.locator("#ek-class-duration input[type=number]").fill("10")
    page.locator("#ek-class-make").press("Enter")
    page.wait_for_selector(".ek-class-link:visible")
    check(visitor)
    for _ in range(2):  # it asks back
        page.locator(".ek-class-reveal-it").press("Enter")
    page.wait_for_selector(".ek-class-revealed:visible")
    check(visitor)
    for number, where in ((2, "#ek-way-status"), (1, "#ek-show-status")):
        open_tab(visitor, number)
        wait_kind(visitor, where, "done")
        check(visitor)


def test_the_feeling_is_moved_by_keys_and_axe_finds_nothing_in_two_takes_nor_in_any_mood(visit: Any) -> None:
    visitor: Visitor = visit()
    page = visitor.page
    hear(visitor)
    visitor.wait_status("Finished")
    for slider in (".ek-valence", ".ek-arousal"):
        page.locator(f"#ek-feeling {slider}").focus()
        page.keyboard.press("Home")
    assert page.evaluate("document.activeElement.ariaValueText") == "1.0, on a scale from 1, calm, to 9, excited"
    plane = page.locator("#ek-feeling .ek-plane").get_attribute("aria-label")
    assert "your choice at valence 1.0, arousal 1.0" in plane
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    visitor.wait_for_another()
    assert page.locator("#ek-feeling .ek-label").text_content() == "Sad"
    page.locator("#ek-music .ek-seek").focus()
    page.keyboard.press("End")
    assert float(page.locator("#ek-music .ek-seek").input_value()) > SECONDS - 1
    assert page.locator(".ek-take").count() == 2
    page.wait_for_selector(".ek-ab:visible")
    page.locator(".ek-take summary").first.press("Enter")
    page.wait_for_selector(".ek-take-files a:visible")
    bring_axe(visitor)
    check(visitor)
    for mood in MOODS:
        for dark in (False, True):
            paint(visitor, dark=dark, mood=mood)
            low = page.evaluate(CONTRAST)
            expect_none(violations(visitor, ["color-contrast"]) + low, f"{mood}, {'dark' if dark else 'light'}")
    paint(visitor, dark=False)
