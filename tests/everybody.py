"""What the tests for everybody share: axe-core in a visitor's page, text that is cut off, and going about by keys.

axe-core comes from npm into the virtual environment (`make setup-dev`); without it its tests are skipped and say so.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from visitor import Visitor

AXE = Path(sys.prefix) / "axe" / "node_modules" / "axe-core" / "axe.min.js"
SECONDS = 10
SIZES = ((1280, 900), (390, 844))
# What is Gradio's own and cannot be mended from the page: rule, what the element's markup holds, why it is there.
GRADIOS_OWN = (
    ("nested-interactive", "toast-header", "a note that may be closed is a button that holds a button"),
    ("nested-interactive", 'class="icon-button', "the button that adds files to a list holds the drop zone's button"),
)
RUN_AXE = """async (rules) => {
  const all = { rules: { 'target-size': { enabled: true } } };
  const wish = { resultTypes: ['violations'], ...(rules ? { runOnly: rules } : all) };
  const { violations } = await axe.run(document, wish);
  const told = ({ id, nodes }) => nodes.map(({ html, target, failureSummary }) =>
    [id, target.join(' '), html.slice(0, 200), failureSummary]);
  return violations.flatMap(told);
}"""
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
PAINT = """([dark, mood]) => {
  document.body.classList.toggle('dark', dark);
  if (mood) document.documentElement.dataset.mood = mood;
}"""
TABS = "#ek-tabs > .tab-wrapper [role=tab]:not(.visually-hidden *)"


def bring_axe(visitor: Visitor) -> None:
    """Put axe-core into the visitor's page, where motion is not wanted, so that colours change at once."""
    if not AXE.is_file():
        pytest.skip("axe-core is not in the virtual environment; install it with: make setup-dev (it needs npm)")
    visitor.page.emulate_media(reduced_motion="reduce")
    visitor.page.evaluate(AXE.read_text(encoding="utf-8"))


def violations(visitor: Visitor, rules: list[str] | None = None) -> list[list[str]]:
    """What axe-core finds in the state of the page, each with rule, place, markup and reason; Gradio's own left out.

    While a piece is made the page is redrawn under axe's hands, which may see a part between two frames, such as a drop
    zone that has yet to get its name. So it looks once more when all is drawn: rules that are broken both times count.
    """
    found = _look(visitor, rules)
    if not found:
        return []
    visitor.settle()
    broken = {hit[0] for hit in found}
    return [hit for hit in _look(visitor, rules) if hit[0] in broken]


def _look(visitor: Visitor, rules: list[str] | None) -> list[list[str]]:
    found = visitor.page.evaluate(RUN_AXE, rules)
    return [hit for hit in found if not any(hit[0] == rule and piece in hit[2] for rule, piece, _ in GRADIOS_OWN)]


def expect_none(found: list[Any], where: str) -> None:
    """Fail with all that was found, for pytest does not show what an assertion of a helper compared."""
    assert not found, f"{where}: " + "\n".join(map(str, found))


def paint(visitor: Visitor, *, dark: bool, mood: str | None = None) -> None:
    visitor.page.evaluate(PAINT, [dark, mood])
    visitor.settle()


def check(visitor: Visitor) -> None:
    """No violation on a desk and on a phone, nor by night, when only colours differ."""
    for width, height in reversed(SIZES):
        visitor.resize(width, height)
        expect_none(violations(visitor), f"{width} px")
        expect_none(visitor.page.evaluate(CUT_OFF), f"{width} px")
    paint(visitor, dark=True)
    expect_none(violations(visitor, ["color-contrast"]), "dark")
    paint(visitor, dark=False)


def hear(visitor: Visitor, seconds: int = SECONDS) -> None:
    visitor.choose_length(seconds)
    visitor.page.locator(".ek-frame").nth(0).focus()
    visitor.page.keyboard.press("Enter")  # an example is taken by keys


def open_tab(visitor: Visitor, number: int) -> None:
    tab = visitor.page.locator(TABS).nth(number)
    tab.press("Enter")
    visitor.page.wait_for_function("(tab) => tab.ariaSelected === 'true'", arg=tab.element_handle())
    visitor.settle()


def wait_kind(visitor: Visitor, where: str, kind: str) -> None:
    script = "([where, kind]) => document.querySelector(`${where} .ek-status`).dataset.kind === kind"
    try:
        visitor.page.wait_for_function(script, arg=[where, kind])
        visitor.wait_rest()
    except Exception as error:
        pytest.fail(f"not {kind} but: {visitor.page.locator(f'{where} [role=status]').text_content()} ({error})")
