"""A visitor of the page in headless Chromium: what one does there, and what went wrong or out of the house."""

import json
import shutil
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
PATIENCE_MS = 90_000
STATUS = "#ek-status [role=status]"
DETAIL = "#ek-status .ek-detail"
NOTE_FIRST_SOUND = """
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (...when) {
  window.atFirstSound ??= document.querySelector('#ek-status .ek-detail').textContent;
  return start.apply(this, when);
};
"""


@dataclass
class Visitor:
    """A page of its own, and what went wrong or out of the house in it."""

    page: Any
    url: str
    troubles: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("console", lambda m: self.troubles.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("request", self._check)

    def _check(self, request: Any) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.troubles.append(f"asked {request.url}")

    def wait_status(self, beginning: str) -> str:
        """Wait for the page's own status text."""
        script = "([where, text]) => document.querySelector(where).textContent.startsWith(text)"
        self.page.wait_for_function(script, arg=[STATUS, beginning], timeout=PATIENCE_MS)
        return str(self.page.locator(STATUS).text_content())

    def wait_for_another(self) -> None:
        """Wait until what is under way, after something finished before, is finished too."""
        words = "document.querySelector(where).textContent"
        self.page.wait_for_function(f"(where) => !{words}.startsWith('Finished')", arg=STATUS, timeout=PATIENCE_MS)
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
        with self.page.expect_download(timeout=PATIENCE_MS) as coming:
            self.page.locator(f'#ek-files a[download="{name}"]').click()
        path = folder / coming.value.suggested_filename
        coming.value.save_as(path)
        return path
