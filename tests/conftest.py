"""Fixtures of the browser tests: one server with the real weights, one browser, visitors that nobody follows."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from visitor import ARGUMENTS, CHROMIUM, NOTE_FIRST_SOUND, PATIENCE_MS, Visitor

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium; without it these tests are skipped."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium on this machine; install Debian's package chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="the pip package playwright is not installed")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Any]:
    """Open the page as a new visitor; whatever was asked of the outside or told the console fails the test."""
    visitors: list[Visitor] = []

    def arrive(*, width: int = 1280, height: int = 900, locale: str | None = None) -> Visitor:
        viewport = {"width": width, "height": height}
        context = browser.new_context(viewport=viewport, accept_downloads=True, locale=locale)
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
