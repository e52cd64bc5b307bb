"""Fixtures of the browser tests: one server with the real weights, one browser, visitors that nobody follows."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from visitor import ARGUMENTS, CHROMIUM, PATIENCE_MS, Visitor

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def served(*command: str, **environment: str) -> Iterator[str]:
    """The address of a server of our own on a free port, whose number ends the command given to Python."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    quiet: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = (sys.executable, *command, str(port))
    server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment}, **quiet)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, server)
        yield url
    finally:
        server.terminate()
        server.wait(PATIENCE_MS / 1000)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < end:
        assert server.poll() is None, "the server ended by itself"
        try:
            with urllib.request.urlopen(url, timeout=30):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail("the page did not come up")


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """The page, served with the real weights."""
    with served("app.py", "--port", GRADIO_SERVER_NAME="127.0.0.1") as url:
        yield url


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
        visitors.append(Visitor.come(browser, address, viewport={"width": width, "height": height}, locale=locale))
        return visitors[-1]

    yield arrive
    for visitor in visitors:
        visitor.leave()
