"""A visitor of the page in headless Chromium: what one does there, and what went wrong or out of the house."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
PATIENCE_MS = 180_000  # for a machine that does much else
STATUS = "#ek-status [role=status]"
DETAIL = "#ek-status .ek-detail"
NOTE_FIRST_SOUND = """
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (...when) {
  window.atFirstSound ??= document.querySelector('#ek-status .ek-detail')?.textContent;
  return start.apply(this, when);
};
"""
# All that fades from one colour to another is brought to its end, and what was asked for is drawn.
SETTLE = """async () => {
  for (let frame = 0; frame < 5; frame++) {
    for (const one of document.getAnimations())
      if (!one.animationName && one.effect.getComputedTiming().endTime < Infinity) one.finish();
    await new Promise(requestAnimationFrame);
  }
}"""
# The buttons come last in each message, so that where they rest all panels show what that message told.
AT_REST = """() => {
  const at = (where) => document.querySelector(where);
  const [line, hear, stop] = [at('#ek-status .ek-status'), at('#ek-hear'), at('#ek-stop')];
  return line.dataset.kind === 'busy' || (!hear.disabled && stop.disabled);
}"""


@dataclass
class Visitor:
    """A page of its own, and what went wrong or out of the house in it."""

    page: Any
    url: str
    troubles: list[str] = field(default_factory=list)

    @classmethod
    def come(cls, browser: Any, url: str, *, link: str = "", shown: str = ".ek-frame", **options: Any) -> Visitor:
        """Open a page in a context of its own and wait until it shows something; options are those of the context."""
        options = {"viewport": {"width": 1280, "height": 900}, "accept_downloads": True, **options}
        context = browser.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        visitor = cls(context.new_page(), url)
        visitor.watch()
        visitor.page.add_init_script(NOTE_FIRST_SOUND)
        visitor.page.goto(link or url)
        visitor.page.wait_for_selector(shown)
        visitor.settle()
        return visitor

    def leave(self) -> None:
        """Close the page; whatever was asked of the outside or told the console fails the test."""
        self.page.context.close()
        assert not self.troubles, self.troubles

    def watch(self) -> None:
        self.page.on("console", lambda m: self.troubles.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("request", self._check)

    def _check(self, request: Any) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.troubles.append(f"asked {request.url}")

    def wait_status(self, beginning: str) -> str:
        """Wait for the page's own status text, and where that ends something, until all panels show the end."""
        script = "([where, text]) => document.querySelector(where).textContent.startsWith(text)"
        self.page.wait_for_function(script, arg=[STATUS, beginning])
        self.wait_rest()
        return str(self.page.locator(STATUS).text_content())

    def wait_rest(self) -> None:
        """Wait, unless something runs, until the panels show all that came, and for what is drawn then."""
        self.page.wait_for_function(AT_REST)
        self.settle()

    def settle(self) -> None:
        """Wait for what was asked of the page to be drawn, at its last colours."""
        self.page.evaluate(SETTLE)

    def resize(self, width: int, height: int = 900) -> None:
        """Make the window narrower or wider, and wait until the page is laid out for it."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.settle()

    def once(self, read: Callable[[], Any], wanted: Any) -> Any:
        """What is read once it is what is wanted, or after all patience what it is instead, to be asserted."""
        end = time.monotonic() + PATIENCE_MS / 1000
        while (found := read()) != wanted and time.monotonic() < end:
            self.page.wait_for_timeout(50)
        return found

    def wait_for_another(self) -> None:
        """Wait until what is under way, after something finished before, is finished too."""
        words = "document.querySelector(where).textContent"
        self.page.wait_for_function(f"(where) => !{words}.startsWith('Finished')", arg=STATUS)
        self.wait_status("Finished")

    def choose_length(self, seconds: int) -> None:
        field = self.page.locator("#ek-duration input[type=number]")
        field.fill(str(seconds))
        field.press("Tab")

    def put_in(self, path: Path) -> None:
        self.page.set_input_files("#ek-picture input[type=file]", str(path))

    def choose_lanes(self, name: str) -> None:
        self.page.locator("#ek-lanes-choice").get_by_label(name, exact=True).check()

    def take(self, folder: Path) -> Any:
        """The record of how the take was made."""
        return json.loads(self.download("take.json", folder).read_text())

    def download(self, name: str, folder: Path) -> Path:
        """Click the row of a file and keep what comes."""
        with self.page.expect_download() as coming:
            self.page.locator(f'#ek-files a[download="{name}"]').click()
        path = folder / coming.value.suggested_filename
        coming.value.save_as(path)
        return path
