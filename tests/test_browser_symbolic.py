"""The page in a real browser on a real server with the real weights: from a picture to sound and files."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import wave
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from page.picture_panel import examples
from pipelines.symbolic.midi import read_midi

pytestmark = pytest.mark.browser
playwright = pytest.importorskip("playwright.sync_api", reason="the pip package playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ROOT = Path(__file__).resolve().parent.parent
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
SECONDS = 10
NOTE_FIRST_SOUND = """
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (...when) {
  window.atFirstSound ??= document.querySelector('#ek-status [role=status]').textContent;
  return start.apply(this, when);
};
"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server of our own on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "GRADIO_SERVER_NAME": "127.0.0.1"}
    command = [sys.executable, "app.py", "--port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, server)
        yield url
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert server.poll() is None, "the server ended by itself"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail("the page did not come up")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium; without it these tests are skipped."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium on this machine; install Debian's package chromium")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


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

    def choose_length(self, seconds: int) -> None:
        field = self.page.locator("#ek-duration input[type=number]")
        field.fill(str(seconds))
        field.press("Tab")

    def put_in(self, path: Path) -> None:
        self.page.set_input_files("#ek-picture input[type=file]", str(path))

    def download(self, number: int, folder: Path) -> Path:
        """Click the row of a file and keep what comes."""
        with self.page.expect_download(timeout=PATIENCE_MS) as coming:
            self.page.locator("#ek-files a").nth(number).click()
        path = folder / coming.value.suggested_filename
        coming.value.save_as(path)
        return path


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Any]:
    """Open the page as a new visitor; whatever was asked of the outside or told the console fails the test."""
    visitors: list[Visitor] = []

    def arrive(*, width: int = 1280, height: int = 900) -> Visitor:
        context = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True)
        visitor = Visitor(context.new_page(), address)
        visitor.watch()
        visitor.page.add_init_script(NOTE_FIRST_SOUND)
        visitor.page.goto(address)
        visitor.page.wait_for_selector(".ek-frame", timeout=PATIENCE_MS)
        visitors.append(visitor)
        return visitor

    yield arrive
    for visitor in visitors:
        visitor.page.context.close()
        assert visitor.troubles == []


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples.astype(np.float64) / 32768))))


def test_from_an_upload_to_sound_and_files(visit: Any, tmp_path: Path) -> None:
    visitor = visit()
    visitor.wait_status("Choose a picture")
    visitor.choose_length(SECONDS)
    visitor.put_in(examples()[0].path)
    visitor.page.wait_for_selector(".ek-play:enabled", timeout=PATIENCE_MS)  # sound is there before it is finished
    assert visitor.wait_status("Finished: 10 seconds of piano in ")
    _check_sound(visitor.download(0, tmp_path))
    score = read_midi(visitor.download(1, tmp_path))
    assert len(score.notes) > 10
    assert score.duration_s == pytest.approx(SECONDS, abs=0.5)
    take = json.loads(visitor.download(3, tmp_path).read_text())
    shown = visitor.page.locator("#ek-feeling")
    assert shown.locator(".ek-label").text_content() == take["wanted"]["label"]
    assert "EfficientNet" in shown.locator(".ek-maker").text_content()
    assert f"{take['distance']:.1f} apart" in visitor.page.locator("#ek-heard .ek-sentence").text_content()
    _check_player(visitor)


def _check_sound(path: Path) -> None:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels()) == (44100, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert SECONDS - 0.5 <= len(samples) / 44100 <= SECONDS + 7  # and its tail
    assert 0.02 < rms(samples) < 0.5
    thirds = [rms(part) for part in np.array_split(samples[: SECONDS * 44100], 3)]
    assert min(thirds) > 0.01


def _check_player(visitor: Visitor) -> None:
    """Seeking goes to the finished take, and it plays on from there."""
    seek = visitor.page.locator(".ek-seek")
    seek.evaluate("(node) => { node.value = 6; node.dispatchEvent(new Event('input', { bubbles: true })); }")
    sound = visitor.page.locator("#ek-music audio")
    assert sound.evaluate("(node) => node.duration") > SECONDS - 0.5
    assert sound.evaluate("(node) => node.currentTime") >= 5.9
    if visitor.page.locator(".ek-play").get_attribute("aria-label") == "Play":
        visitor.page.locator(".ek-play").click()
    visitor.page.wait_for_function("() => document.querySelector('#ek-music audio').currentTime > 6.2", timeout=20_000)
    visitor.page.locator(".ek-play").click()
    assert sound.evaluate("(node) => node.paused") is True
    assert "Piano roll." in visitor.page.locator("#ek-music canvas").get_attribute("aria-label")


def test_what_is_no_picture_gets_a_sentence_and_stop_stops(visit: Any, tmp_path: Path) -> None:
    visitor = visit(width=390, height=844)
    text = tmp_path / "holiday.png"
    text.write_text("this is no picture")
    visitor.put_in(text)
    assert visitor.wait_status("holiday.png is not a picture;")
    assert "Traceback" not in visitor.page.content()
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 390
    visitor.choose_length(180)
    visitor.page.locator(".ek-frame").nth(2).click()
    visitor.wait_status("Composing bar")
    visitor.page.wait_for_function("() => window.atFirstSound", timeout=PATIENCE_MS)
    visitor.page.locator("#ek-stop").click()
    visitor.wait_status("Stopped.")
    notes = visitor.page.locator("#ek-music canvas").get_attribute("aria-label")
    visitor.page.wait_for_selector("#ek-hear:enabled", timeout=PATIENCE_MS)
    visitor.page.wait_for_timeout(1500)
    assert visitor.page.locator("#ek-music canvas").get_attribute("aria-label") == notes  # nothing goes on behind
    assert visitor.page.locator(STATUS).text_content() == "Stopped."
    begun, bars = map(int, re.findall(r"\d+", visitor.page.evaluate("window.atFirstSound")))
    assert bars > 60
    assert begun < bars / 2  # sound comes while most of the piece is still unwritten
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_two_visitors_at_once_get_their_own_music(visit: Any, tmp_path: Path) -> None:
    pair = [visit(), visit()]
    for number, visitor in enumerate(pair):
        visitor.choose_length(SECONDS)
        visitor.page.locator(".ek-frame").nth(number).click()
    takes = []
    for number, visitor in enumerate(pair):
        visitor.wait_status("Finished")
        folder = tmp_path / str(number)
        folder.mkdir()
        takes.append((json.loads(visitor.download(3, folder).read_text()), visitor.download(1, folder).read_bytes()))
    (first, notes), (second, others) = takes
    assert first["picture"]["name"] == examples()[0].path.name
    assert second["picture"]["name"] == examples()[1].path.name
    assert notes != others


def test_programs_get_the_same_take(address: str) -> None:
    from gradio_client import Client, handle_file

    client = Client(address, verbose=False)
    job = client.submit(handle_file(str(examples()[0].path)), SECONDS, 2.0, 0, api_name="/symbolic")
    take, midi, wav, roll = job.result(timeout=PATIENCE_MS / 1000)
    settings = take["settings"]
    assert (settings["duration_s"], settings["seed"], settings["strength"]) == (10.0, 0, 2.0)
    assert len(read_midi(midi).notes) > 10
    assert Path(wav).stat().st_size > 10 * 44100 * 4 * 0.9
    assert Path(roll).read_bytes().startswith(b"\x89PNG")
    assert any("Composing" in output[0].get("status", "") for output in job.outputs()[:-1])
