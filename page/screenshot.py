"""A picture of the finished page for the README: `python -m page.screenshot [--out FILE] [--example N] [--dark]`.

Starts a server of its own, lets the page compose for an example in headless Chromium, and writes the whole page as a
PNG of 256 colours. Needs the pip package playwright and Debian's chromium.
"""

from __future__ import annotations

import argparse
import io
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from page.own import UI_DIR

if TYPE_CHECKING:
    from PIL import Image

ROOT = UI_DIR.parents[1]
WIDTH_PX, HEIGHT_PX = 1280, 900
COLOURS, FREQUENT = 256, 16
LONGEST_WAIT_MS = 120_000
FINISHED = "document.querySelector('#ek-status [role=status]').textContent.startsWith('Finished')"
UNDOCKED = '.ek-status[data-dock="player"] .ek-dock { display: none !important; }'
HEARD_S = 14.0  # where the playhead stands in the picture


@contextmanager
def serve() -> Iterator[str]:
    """A server on a free port of this machine; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "app.py", "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        yield _when_up(f"http://127.0.0.1:{port}")
    finally:
        server.terminate()
        server.wait(20)


def _when_up(address: str) -> str:
    for _ in range(300):
        try:
            with urllib.request.urlopen(address, timeout=5):
                return address
        except OSError:
            time.sleep(0.2)
    raise SystemExit("The page did not come up within a minute; start app.py by hand to see why.")


def photograph(address: str, *, example: int, dark: bool) -> bytes:
    """Let the page finish a piece and return it as PNG."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        size = {"width": WIDTH_PX, "height": HEIGHT_PX}
        page = browser.new_page(viewport=size, color_scheme="dark" if dark else "light")  # type: ignore[arg-type]
        page.goto(address)
        page.locator(".ek-frame").nth(example).click(timeout=LONGEST_WAIT_MS)
        page.wait_for_function(FINISHED, timeout=LONGEST_WAIT_MS)
        seek = f"(n) => {{ n.value = {HEARD_S}; n.dispatchEvent(new Event('input', {{ bubbles: true }})); }}"
        page.locator("#ek-music .ek-seek").evaluate(seek)
        page.add_style_tag(content=UNDOCKED)  # the bar follows the window, which a whole page has not
        page.mouse.move(2, 2)
        page.wait_for_timeout(2000)
        image = page.screenshot(full_page=True)
        browser.close()
    return image


def write_small(image: bytes, path: Path) -> None:
    """Write a PNG of 256 colours, dithered."""
    from PIL import Image

    picture = Image.open(io.BytesIO(image)).convert("RGB")
    picture.quantize(palette=palette_of(picture), dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)


def palette_of(picture: Image.Image) -> Image.Image:
    """256 colours: the most frequent as they are, and the rest chosen with each colour counted once.

    Otherwise the walls, which cover most of the page, would outvote the pictures.
    """
    import numpy as np
    from PIL import Image

    pixels = np.asarray(picture).reshape(-1, 3)
    colours, counts = np.unique(pixels, axis=0, return_counts=True)
    frequent = colours[np.argsort(-counts)[:FREQUENT]]
    shades = np.unique(colours >> 2 << 2, axis=0)
    rows = -(-len(shades) // 256)
    sheet = Image.fromarray(np.resize(shades, (rows, 256, 3)).astype(np.uint8))
    chosen = sheet.quantize(COLOURS - FREQUENT, method=Image.Quantize.MEDIANCUT, kmeans=2)
    palette = Image.new("P", (1, 1))
    palette.putpalette([*(chosen.getpalette() or [])[: 3 * (COLOURS - FREQUENT)], *frequent.ravel().tolist()])
    return palette


def main() -> None:
    """Take the picture."""
    parser = argparse.ArgumentParser(prog="python -m page.screenshot", description="Take the README's picture.")
    parser.add_argument("--out", type=Path, default=UI_DIR / "screenshot.png")
    parser.add_argument("--example", type=int, default=1, help="which example, from 0")
    parser.add_argument("--dark", action="store_true", help="by night")
    options = parser.parse_args()
    with serve() as address:
        write_small(photograph(address, example=options.example, dark=options.dark), options.out)
    print(f"{options.out}: {options.out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
