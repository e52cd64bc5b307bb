"""Draw the example pictures of the page: `python -m training.draw_examples [--out assets/examples]`.

Out: six JPEG files of 960 × 720 pixels, each under 200 KB, and the same each time with the same versions of numpy and
Pillow. What they show stands in assets/examples/README.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from training import paint_outdoors, paint_things
from training.paint_kit import Array, finish

OUT = Path(__file__).resolve().parents[1] / "assets" / "examples"
JPEG_QUALITY = 88
SEED = 7
SCENES: dict[str, Callable[[np.random.Generator], Array]] = {
    "happy": paint_outdoors.happy,
    "angry": paint_outdoors.angry,
    "sad": paint_outdoors.sad,
    "fun": paint_things.fun,
    "neutral": paint_things.neutral,
    "abstract": paint_things.abstract,
}


def draw_example(name: str, *, seed: int = SEED) -> Image.Image:
    """Draw one scene of :data:`SCENES`: an RGB image of 960 × 720 pixels."""
    random = np.random.default_rng(seed)
    return finish(SCENES[name](random), random)


def main() -> None:
    """Draw all scenes, or those that are named."""
    parser = argparse.ArgumentParser(description="Draw the example pictures of the page.")
    parser.add_argument("names", nargs="*", help="which ones; all by default")
    parser.add_argument("--out", type=Path, default=OUT, help="the folder for the pictures")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.names or SCENES:
        path = options.out / f"{name}.jpg"
        draw_example(name).save(path, quality=JPEG_QUALITY, optimize=True)
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
