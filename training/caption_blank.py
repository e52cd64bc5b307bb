"""Pictures that show nothing, made by code: noise, plain colours, gradients, textures, stripes, checks, pages of text.

In: a kind and a seed. Out: an RGB picture, (height, width, 3) uint8, the same for the same kind and seed. The embedded
captioner is fitted to name nothing in them (`training/caption.py`), and its tests draw others.

Conventions
-----------
Sides are those of :data:`SIDES_PX`, drawn by the seed, so are colours, sizes and directions.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Rgb = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, int]], Rgb]
SIDES_PX = ((200, 200), (224, 224), (90, 120), (300, 400), (400, 300), (480, 640), (64, 64), (240, 600))
WORDS = ("in", "of", "the", "and", "a", "to", "light", "sound", "page", "we", "it", "was", "over", "long", "without")


def blank(kind: str, seed: int) -> Rgb:
    """A picture of a kind of :data:`KINDS`."""
    rng = np.random.default_rng([list(KINDS).index(kind), seed])
    height, width = SIDES_PX[int(rng.integers(len(SIDES_PX)))]
    return KINDS[kind](rng, (height, width))


def _to_rgb(values: Floats) -> Rgb:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _two_colours(rng: np.random.Generator, shares: Floats) -> Rgb:
    """Shares, (height, width) in 0 to 1, of the second of two colours drawn."""
    one, other = rng.uniform(0, 255, (2, 3))
    return _to_rgb(one + shares[..., None] * (other - one))


def _enlarged(values: Rgb, sides: tuple[int, int]) -> Rgb:
    return np.asarray(Image.fromarray(values).resize(sides[::-1], Image.Resampling.NEAREST))


def colour_noise(rng: np.random.Generator, sides: tuple[int, int]) -> Rgb:
    """Each pixel of a colour of its own."""
    return rng.integers(0, 256, (*sides, 3), dtype=np.uint8)


def grey_noise(rng: np.random.Generator, sides: tuple[int, int]) -> Rgb:
    """Each pixel of a grey of its own."""
    return np.repeat(rng.integers(0, 256, (*sides, 1), dtype=np.uint8), 3, axis=2)


def soft_noise(rng: np.random.Generator, sides: tuple[int, int]) -> Rgb:
    """Noise about one colour, weak or strong, in grey or in each channel."""
    channels = 3 if rng.random() < 0.5 else 1
    return _to_rgb(rng.uniform(30, 225, 3) + rng.normal(0, rng.uniform(5, 90), (*sides, channels)))


def coarse_noise(rng: np.random.Generator, sides: tuple[int, int]) -> Rgb:
    """Squares of 2 to 24 pixels, each of a colour or grey of its own."""
    size = int(rng.integers(2, 25))
    cells = tuple(-(-side // size) for side in sides)
    return _enlarged((colour_noise if rng.random() < 0.6 else grey_noise)(rng, (cells[0], cells[1])), sides)


def specks(rng: np.random.Generator, sides: tuple[int, int]) -> Rgb:
    """Pixels of one colour strewn over another."""
    return _two_colours(rng, (rng.random(sides) < rng.uniform(0.01, 0.5)).astype(float))


def plain(rng: np.random.Generator, sides: tuple[int, int]) -> Rgb:
    """One colour: black, white, a grey, or any."""
    grey = np.repeat(rng.choice(np.array([0, 255, rng.integers(1, 255)])), 3)
    return _to_rgb(np.ones((*sides, 3)) * (grey if rng.random() < 0.4 else rng.uniform(0, 255, 3)))


def gradient(rng: np.random.Generator, sides: tuple[int, int]) -> Rgb:
    """From one colour to another, along a line or from a point outwards."""
    y, x = _places(sides)
    angle = rng.choice([0, np.pi / 2, rng.uniform(0, 2 * np.pi)])
    far = x * np.cos(angle) + y * np.sin(angle)
    if rng.random() < 0.4:
        far = np.hypot(x - rng.uniform(), y - rng.uniform())
    return _two_colours(rng, (far - far.min()) / (np.ptp(far) + 1e-9))


def _places(sides: tuple[int, int]) -> tuple[Floats, Floats]:
    y, x = (np.mgrid[: sides[0], : sides[1]] + 0.5) / max(sides)
    return y, x


def clouds(rng: np.random.Generator, sides: tuple[int, int]) -> Rgb:
    """Random texture whose amplitude falls with frequency to a power drawn, of two colours or of many."""
    high, wide = np.fft.fftfreq(sides[0])[:, None], np.fft.fftfreq(sides[1])[None]
    falls = np.hypot(high, wide)
    falls[0, 0] = np.inf
    power = rng.uniform(0.6, 2.0)
    layers = [np.fft.ifft2(np.fft.fft2(rng.normal(size=sides)) * falls**-power).real for _ in range(3)]
    ranked = [(layer - layer.min()) / np.ptp(layer) for layer in layers]
    return _to_rgb(255 * np.stack(ranked, axis=-1)) if rng.random() < 0.4 else _two_colours(rng, ranked[0])


def stripes(rng: np.random.Generator, sides: tuple[int, int]) -> Rgb:
    """Stripes in any direction, hard or soft."""
    y, x = _places(sides)
    angle = rng.choice([0, np.pi / 2, rng.uniform(0, np.pi)])
    wave = np.sin(2 * np.pi * rng.uniform(2, 40) * (x * np.cos(angle) + y * np.sin(angle)))
    return _two_colours(rng, (wave > 0).astype(float) if rng.random() < 0.7 else (wave + 1) / 2)


def checks(rng: np.random.Generator, sides: tuple[int, int]) -> Rgb:
    """A chessboard of small or large fields, or a grid of lines."""
    y, x = (place * rng.integers(3, 40) for place in _places(sides))
    if rng.random() < 0.6:
        return _two_colours(rng, (np.floor(y) + np.floor(x)) % 2)
    y, x = y % 1, x % 1
    return _two_colours(rng, ((y < 0.12) | (x < 0.12)).astype(float))


def woven(rng: np.random.Generator, sides: tuple[int, int]) -> Rgb:
    """A fabric: two waves multiplied, with grain."""
    y, x = _places(sides)
    weave = np.sin(2 * np.pi * rng.uniform(10, 60) * x) * np.sin(2 * np.pi * rng.uniform(10, 60) * y)
    return _two_colours(rng, np.clip((weave + 1) / 2 + rng.normal(0, rng.uniform(0.02, 0.3), sides), 0, 1))


def page(rng: np.random.Generator, sides: tuple[int, int]) -> Rgb:
    """Lines of dark words on light paper, now and then light on dark."""
    height, width = sides
    dark, light = (tuple(int(v) for v in rng.integers(low, low + 50, 3)) for low in (0, 205))
    ink, paper = (dark, light) if rng.random() < 0.8 else (light, dark)
    drawn = Image.new("RGB", (width, height), paper)
    pen, size = ImageDraw.Draw(drawn), int(rng.integers(7, 26))
    font = ImageFont.load_default(size)
    margin = int(rng.integers(2, 20))
    for top in range(margin, height - margin - size, int(size * rng.uniform(1.15, 1.7))):
        line = " ".join(rng.choice(WORDS, 1 + width // (3 * size)))
        while pen.textlength(line, font=font) > width - 2 * margin and " " in line:
            line = line.rpartition(" ")[0]
        if rng.random() < 0.93:  # else a paragraph ends
            pen.text((margin, top), line, fill=ink, font=font)
    return np.asarray(drawn).copy()


KINDS: dict[str, Draw] = {
    "colour noise": colour_noise,
    "grey noise": grey_noise,
    "soft noise": soft_noise,
    "coarse noise": coarse_noise,
    "specks": specks,
    "plain": plain,
    "gradient": gradient,
    "clouds": clouds,
    "stripes": stripes,
    "checks": checks,
    "woven": woven,
    "page": page,
}
