"""The page for everybody, in a real browser: axe-core in every state, keys, large text, narrow windows, reduced motion.

axe-core comes from npm into the virtual environment (`make setup-dev`); without it those tests are skipped and say so.
One visitor serves several tests, and is narrowed and widened, so that the page is opened and a piece made seldom.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from visitor import PATIENCE_MS, Visitor

pytestmark = pytest.mark.browser
AXE = Path(sys.prefix) / "axe" / "node_modules" / "axe-core" / "axe.min.js"
EXAMPLES = Path(__file__).resolve().parent.parent / "assets" / "examples"
SECONDS = 10
SIZES = ((1280, 900), (390, 844))
MOODS = ("Happy", "Angry", "Sad", "Fun", "Neutral")
# What is Gradio's own and cannot be mended from the page: rule, what the element's markup holds, why it is there.
GRADIOS_OWN = (
    ("nested-interactive", "toast-header", "a note that may be closed is a button that holds a button"),
    ("nested-interactive", 'class="icon-button', "the button that adds files to a list holds the drop zone's button"),
)
RUN_AXE = """async (rules) => {
  const all = { rules: { 'target-size': { enabled: true } } };
  const wish = { resultTypes: ['violations'], ...(rules ? { runOnly: rules } : all) };
  const { violations } = await axe.run(document, wish);
  const told = ({ id, nodes }) => nodes.map(({ html, target }) => [id, target.join(' '), html.slice(0, 200)]);
  return violations.flatMap(told);
}"""
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
# Text that its box cuts off, or that goes beyond its box or the window; what is hidden from sight is meant to be.
CUT_OFF = """() => {
  const texts = 'gradio-app :is(p, span, h1, h2, h3, li, label, button, a, strong, em, output, b):not(.icon)';
  const says = (node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
  const shown = (node) => node.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const wider = document.documentElement.scrollWidth - innerWidth;
  return [...document.querySelectorAll(texts)].filter((node) => {
    const { overflowX, overflowY, display } = getComputedStyle(node), box = node.getBoundingClientRect();
    if (!says(node) || !shown(node) || box.width < 2 || node.closest('.visually-hidden')) return false;
    const wide = node.scrollWidth > node.clientWidth + 1, high = node.scrollHeight > node.clientHeight + 1;
    const cut = display !== 'inline' && (wide || (high && (overflowX !== 'visible' || overflowY !== 'visible')));
    return cut || box.left < -1 || box.right > innerWidth + 1;
  }).map((node) => `${node.tagName} ${node.className}: ${node.textContent.trim().slice(0, 60)}`)
    .concat(wider > 0 ? [`the page is ${wider} px wider than its window`] : []);
}"""
MOVING = """() => document.getAnimations().filter((one) => Number(one.effect.getComputedTiming().duration) > 10)
  .map((one) => `${one.animationName || one.transitionProperty} of ${one.effect.target.className}`)"""
DURATIONS = """() => [...document.querySelectorAll('gradio-app *')].flatMap((node) => {
  const { transitionDuration, animationDuration } = getComputedStyle(node);
  const longest = Math.max(...`${transitionDuration}, ${animationDuration}`.split(',').map(parseFloat));
  return longest > 0.01 ? [`${node.tagName} ${node.className} ${longest} s`] : [];
})"""
# All that fades from one colour to another is brought to its end.
SETTLE = """async () => {
  for (let frame = 0; frame < 3; frame++) {
    for (const one of document.getAnimations()) if (!one.animationName) one.finish();
    await new Promise(requestAnimationFrame);
  }
}"""
PAINT = """([dark, mood]) => {
  document.body.classList.toggle('dark', dark);
  if (mood) document.documentElement.dataset.mood = mood;
}"""
TABS = "#ek-tabs > .tab-wrapper [role=tab]:not(.visually-hidden *)"
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


def bring_axe(visitor: Visitor) -> None:
    """Put axe-core into the visitor's page, where motion is not wanted, so that colours change at once."""
    if not AXE.is_file():
        pytest.skip("axe-core is not in the virtual environment; install it with: make setup-dev (it needs npm)")
    visitor.page.emulate_media(reduced_motion="reduce")
    visitor.page.evaluate(AXE.read_text(encoding="utf-8"))


def violations(visitor: Visitor, rules: list[str] | None = None) -> list[list[str]]:
    """What axe-core finds in the state of the page, Gradio's own left out."""
    found = visitor.page.evaluate(RUN_AXE, rules)
    return [hit for hit in found if not any(hit[0] == rule and piece in hit[2] for rule, piece, _ in GRADIOS_OWN)]


def paint(visitor: Visitor, *, dark: bool, mood: str | None = None) -> None:
    visitor.page.evaluate(PAINT, [dark, mood])
    visitor.page.evaluate(SETTLE)


def check(visitor: Visitor) -> None:
    """No violation on a desk and on a phone, nor by night, when only colours differ."""
    for width, height in reversed(SIZES):
        visitor.page.set_viewport_size({"width": width, "height": height})
        visitor.page.evaluate(SETTLE)
        assert violations(visitor) == [], f"{width} px"
        assert visitor.page.evaluate(CUT_OFF) == [], f"{width} px"
    paint(visitor, dark=True)
    assert violations(visitor, ["color-contrast"]) == [], "dark"
    paint(visitor, dark=False)


def hear(visitor: Visitor, seconds: int = SECONDS) -> None:
    visitor.choose_length(seconds)
    visitor.page.locator(".ek-frame").nth(0).focus()
    visitor.page.keyboard.press("Enter")  # an example is taken by keys


def open_tab(visitor: Visitor, number: int) -> None:
    tab = visitor.page.locator(TABS).nth(number)
    tab.press("Enter")
    visitor.page.wait_for_function("(tab) => tab.ariaSelected === 'true'", arg=tab.element_handle())


def wait_kind(visitor: Visitor, where: str, kind: str) -> None:
    script = "([where, kind]) => document.querySelector(`${where} .ek-status`).dataset.kind === kind"
    try:
        visitor.page.wait_for_function(script, arg=[where, kind], timeout=PATIENCE_MS)
    except Exception as error:
        pytest.fail(f"not {kind} but: {visitor.page.locator(f'{where} [role=status]').text_content()} ({error})")


@pytest.fixture(scope="module")
def once_finished(browser: Any, address: str) -> Iterator[Visitor]:
    """A visitor for whom a piece is finished in both lanes, then again with the feeling moved by keys."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    visitor = Visitor(context.new_page(), address)
    visitor.watch()
    visitor.page.goto(address)
    visitor.page.wait_for_selector(".ek-frame", timeout=PATIENCE_MS)
    hear(visitor)
    visitor.wait_status("Finished")
    yield visitor
    context.close()
    assert visitor.troubles == []


@pytest.fixture
def finished(once_finished: Visitor) -> Iterator[Visitor]:
    yield once_finished
    page = once_finished.page
    page.emulate_media(reduced_motion="no-preference", forced_colors="none")
    page.evaluate("document.documentElement.style.fontSize = ''")
    page.set_viewport_size({"width": 1280, "height": 900})


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
    visitor.page.wait_for_selector("#ek-models li", state="visible", timeout=PATIENCE_MS)
    check(visitor)


def test_axe_finds_nothing_and_nothing_moves_while_it_runs_and_after_a_warning(visit: Any, tmp_path: Path) -> None:
    visitor: Visitor = visit()
    assert visitor.page.evaluate(DURATIONS) != []  # else what is asked further down would say nothing
    bring_axe(visitor)
    hear(visitor, 180)
    visitor.page.wait_for_selector("#ek-music .ek-play:enabled", timeout=PATIENCE_MS)
    assert visitor.page.evaluate(MOVING) == []
    assert visitor.page.evaluate(DURATIONS) == []
    wait_kind(visitor, "#ek-status", "busy")
    visitor.page.wait_for_selector("#ek-stop:enabled")
    check(visitor)
    visitor.page.locator("#ek-stop").press("Enter")
    wait_kind(visitor, "#ek-status", "stopped")
    text = tmp_path / "holiday.png"
    text.write_text("this is no picture")
    visitor.page.locator("#ek-picture button[aria-label*=Remove i]").press("Enter")
    visitor.put_in(text)
    wait_kind(visitor, "#ek-status", "warning")
    visitor.page.wait_for_selector("#ek-hear:enabled")
    check(visitor)


def test_axe_finds_nothing_in_the_full_rooms(visit: Any) -> None:
    visitor: Visitor = visit()
    bring_axe(visitor)
    page, pictures = visitor.page, [str(EXAMPLES / name) for name in ("happy.jpg", "sad.jpg")]
    open_tab(visitor, 1)
    page.set_input_files("#ek-show-pictures input[type=file]", pictures)
    page.wait_for_selector("#ek-show-pictures .file", timeout=PATIENCE_MS)
    page.locator("#ek-show-each input[type=number]").fill("5")
    page.locator("#ek-show-each input[type=number]").press("Tab")
    page.locator("#ek-show-make").press("Enter")
    open_tab(visitor, 2)
    page.locator("#ek-way-minutes input[type=number]").fill("1")
    page.locator("#ek-way-minutes input[type=number]").press("Tab")
    page.locator("#ek-way-begin").press("Enter")
    open_tab(visitor, 3)
    page.set_input_files("#ek-class-pictures input[type=file]", pictures[:1])
    page.wait_for_selector("#ek-class-pictures .file", timeout=PATIENCE_MS)
    assert violations(visitor) == []
    page.locator("#ek-class-duration input[type=number]").fill("10")
    page.locator("#ek-class-make").press("Enter")
    page.wait_for_selector(".ek-class-link:visible", timeout=PATIENCE_MS)
    check(visitor)
    for _ in range(2):  # it asks back
        page.locator(".ek-class-reveal-it").press("Enter")
    page.wait_for_selector(".ek-class-revealed:visible", timeout=PATIENCE_MS)
    check(visitor)
    for number, where in ((2, "#ek-way-status"), (1, "#ek-show-status")):
        open_tab(visitor, number)
        wait_kind(visitor, where, "done")
        check(visitor)


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


def test_the_feeling_is_moved_by_keys_and_axe_finds_nothing_then_in_any_mood(finished: Visitor) -> None:
    page = finished.page
    for slider in (".ek-valence", ".ek-arousal"):
        page.locator(f"#ek-feeling {slider}").focus()
        page.keyboard.press("Home")
    assert page.evaluate("document.activeElement.ariaValueText") == "1.0, on a scale from 1, calm, to 9, excited"
    plane = page.locator("#ek-feeling .ek-plane").get_attribute("aria-label")
    assert "your choice at valence 1.0, arousal 1.0" in plane
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    finished.wait_for_another()
    assert page.locator("#ek-feeling .ek-label").text_content() == "Sad"
    page.locator("#ek-music .ek-seek").focus()
    page.keyboard.press("End")
    assert float(page.locator("#ek-music .ek-seek").input_value()) > SECONDS - 1
    bring_axe(finished)
    check(finished)
    for mood in MOODS:
        for dark in (False, True):
            paint(finished, dark=dark, mood=mood)
            low = page.evaluate(CONTRAST)
            assert (violations(finished, ["color-contrast"]), low) == ([], []), f"{mood}, {'dark' if dark else 'light'}"
    paint(finished, dark=False)


def test_text_of_twice_the_size_and_a_window_of_320_pixels_fit(finished: Visitor) -> None:
    page = finished.page
    page.emulate_media(reduced_motion="reduce")
    size = "parseFloat(getComputedStyle(document.querySelector('#ek-dice')).fontSize)"
    before = page.evaluate(size)
    page.set_viewport_size({"width": 320, "height": 640})
    for number in (0, 1, 2, 3):
        open_tab(finished, number)
        assert page.evaluate(CUT_OFF) == [], f"tab {number}"
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        for number in (1, 2, 3, 0):
            open_tab(finished, number)
            page.evaluate(SETTLE)
            assert page.evaluate(CUT_OFF) == [], f"{width} px, tab {number}"
    assert page.evaluate(size) == pytest.approx(2 * before)  # Gradio's own parts grow as well


def test_points_notes_and_wave_are_seen_where_the_system_chooses_the_colours(finished: Visitor) -> None:
    page = finished.page
    page.emulate_media(forced_colors="active", color_scheme="dark")
    page.evaluate("new Promise((done) => setTimeout(done, 1200))")
    for lane in ("music", "wave"):
        canvas = page.locator(f"#ek-{lane} canvas")
        canvas.evaluate("(node) => window.dispatchEvent(new Event('resize'))")
        assert canvas.evaluate(STANDS_OUT) > 80
    plane = page.locator("#ek-heard .ek-plane")
    grounds = plane.evaluate("(node) => getComputedStyle(node).backgroundColor")
    fills = plane.locator(".ek-point").evaluate_all("(nodes) => nodes.map((node) => getComputedStyle(node).fill)")
    assert len(fills) == 3
    assert grounds not in fills
    page.emulate_media(forced_colors="none", color_scheme="light")
