"""Paint by program: noise, gradients, shapes with soft edges, and a last coat of brush strokes.

A scene is composed as an array (HEIGHT, WIDTH, 3) float32 in 0 to 1, x to the right and y down in pixels, and then
painted: thousands of strokes take their colour from it and their direction from a flow of angles. Everything random
comes from the generator that is handed in, so the same seed gives the same picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT = 960, 720
TAU = 2 * math.pi
FINE = 2  # strokes are drawn at twice the size, then reduced: smooth edges

Array = npt.NDArray[np.floating[Any]]
Colour = tuple[float, float, float]
Point = tuple[float, float]

YS, XS = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)


def rgb(code: str) -> Colour:
    """Colour of a code such as "#ffcc00", each part in 0 to 1."""
    red, green, blue = (int(code[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def noise(random: np.random.Generator, *, scale: float, octaves: int = 5, stretch: float = 1.0) -> Array:
    """Fractal noise in 0 to 1; `scale` is the size of its largest blots in pixels, `stretch` widens them."""
    total = np.zeros((HEIGHT, WIDTH), np.float32)
    for octave in range(octaves):
        size = scale / 2**octave
        rows, columns = int(HEIGHT / size) + 3, int(WIDTH / size / stretch) + 3
        grid = Image.fromarray(random.random((rows, columns)).astype(np.float32))
        total += np.asarray(grid.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)) * 0.5**octave
    low, high = np.percentile(total, (1, 99))
    return np.clip((total - low) / (high - low), 0, 1).astype(np.float32)


def gradient(stops: Sequence[tuple[float, str]], at: Array) -> Array:
    """Colours along `at`, between stops of (position, colour code): (…, 3)."""
    places = [place for place, _ in stops]
    channels = zip(*(rgb(code) for _, code in stops), strict=True)
    return np.stack([np.interp(at, places, channel) for channel in channels], axis=-1).astype(np.float32)


def step(low: float, high: float, at: Array) -> Array:
    """0 below `low`, 1 above `high`, smooth between; the other way round when `low` is above `high`."""
    part = np.clip((at - low) / (high - low), 0, 1)
    return part * part * (3 - 2 * part)


def lay(picture: Array, colour: Colour | Array, mask: Array) -> Array:
    """Lay a colour, or an array of colours, over a picture where `mask` (0 to 1) says."""
    cover = mask[..., None]
    return picture * (1 - cover) + np.asarray(colour, np.float32) * cover


def glow(x: float, y: float, radius: float) -> Array:
    """A round glow: 1 in its middle, falling off as a Gaussian."""
    return np.exp(-((XS - x) ** 2 + (YS - y) ** 2) / (2 * radius * radius)).astype(np.float32)


def polygon(*outlines: Sequence[Point], soft: float = 1.0) -> Array:
    """Mask of one polygon or several, their edges blurred by `soft` pixels."""
    image = Image.new("L", (WIDTH * FINE, HEIGHT * FINE))
    draw = ImageDraw.Draw(image)
    for points in outlines:
        draw.polygon([(x * FINE, y * FINE) for x, y in points], fill=255)
    return _mask(image, soft)


def disc(x: float, y: float, width: float, height: float | None = None, *, soft: float = 1.0) -> Array:
    """Mask of an ellipse about (x, y) with half-axes `width` and `height`."""
    height = width if height is None else height
    return step(
        1 + soft / min(width, height), 1 - soft / min(width, height), np.hypot((XS - x) / width, (YS - y) / height)
    )


def ridge(random: np.random.Generator, *, base: float, height: float, waves: float) -> Array:
    """A hilly line: y for each x, (WIDTH,)."""
    x = np.linspace(0, TAU, WIDTH)
    parts = [np.sin(x * waves * k + random.uniform(0, TAU)) / k for k in (1, 2, 3.3, 5.1)]
    return (base - height * np.sum(parts, axis=0) / 2).astype(np.float32)


def under(line: Array, *, soft: float = 1.5) -> Array:
    """Mask of all below a line."""
    return step(-soft, soft, YS - line[None, :])


def lines(strokes: Sequence[tuple[Sequence[Point], float]], *, soft: float = 0.6) -> Array:
    """Mask of polylines, each with its width in pixels."""
    image = Image.new("L", (WIDTH * FINE, HEIGHT * FINE))
    draw = ImageDraw.Draw(image)
    for points, width in strokes:
        draw.line([(x * FINE, y * FINE) for x, y in points], fill=255, width=max(1, round(width * FINE)), joint="curve")
    return _mask(image, soft)


def _mask(image: Image.Image, soft: float) -> Array:
    small = image.filter(ImageFilter.GaussianBlur(soft * FINE)).resize((WIDTH, HEIGHT), Image.Resampling.BOX)
    return np.asarray(small, np.float32) / 255


def blur(picture: Array, radius: float) -> Array:
    """Blur a mask (height, width) in 0 to 1 or a picture by a Gaussian."""
    image = Image.fromarray(np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), np.float32) / 255


def brush(
    picture: Array,
    random: np.random.Generator,
    *,
    flow: Array,
    sizes: Sequence[float] = (16, 9, 5),
    detail: Array | None = None,
    jitter: float = 0.035,
) -> Array:
    """Paint a picture over with strokes, coarse ones first.

    `flow` (height, width) holds their angles in radians. A finer coat goes only where the picture has detail finer
    than the last coat could hold, or where `detail` (0 to 1) asks for it.
    """
    canvas = Image.fromarray(np.rint(np.clip(blur(picture, sizes[0]), 0, 1) * 255).astype(np.uint8))
    canvas = canvas.resize((WIDTH * FINE, HEIGHT * FINE))
    for size in sizes:
        source = blur(picture, size / 3)
        wanted = np.clip(np.abs(source - blur(picture, size * 1.5)).sum(axis=-1) * 6, 0, 1)
        if detail is not None:
            wanted = np.maximum(wanted, detail)
        _coat(canvas, source, random, flow=flow, size=size, wanted=wanted if size != sizes[0] else None, jitter=jitter)
    reduced = canvas.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    return np.asarray(reduced, np.float32) / 255


def _coat(
    canvas: Image.Image,
    source: Array,
    random: np.random.Generator,
    *,
    flow: Array,
    size: float,
    wanted: Array | None,
    jitter: float,
) -> None:
    """One coat of strokes about `size` pixels wide, in random order, each of four bristles."""
    draw = ImageDraw.Draw(canvas)
    pitch = size * 0.7
    xs, ys = np.meshgrid(np.arange(-pitch, WIDTH + pitch, pitch), np.arange(-pitch, HEIGHT + pitch, pitch))
    places = np.stack((xs.ravel(), ys.ravel()), axis=1)
    places += random.uniform(-pitch, pitch, places.shape)
    random.shuffle(places)
    for x, y in places:
        row, column = min(HEIGHT - 1, max(0, int(y))), min(WIDTH - 1, max(0, int(x)))
        if wanted is not None and random.random() > wanted[row, column]:
            continue
        colour = source[row, column] + random.normal(0, jitter) + random.normal(0, jitter / 2, 3)
        angle = float(flow[row, column]) + random.normal(0, 0.15)
        _stroke(draw, random, (float(x), float(y)), angle, size, colour)


def _stroke(
    draw: ImageDraw.ImageDraw, random: np.random.Generator, at: Point, angle: float, size: float, colour: Array
) -> None:
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    length = size * random.uniform(1.2, 2.4)
    for offset in (-0.36, -0.12, 0.12, 0.36):
        middle = np.array(at) + across * offset * size
        begin, end = (
            middle - along * length * random.uniform(0.4, 0.6),
            middle + along * length * random.uniform(0.4, 0.6),
        )
        shade = np.clip((colour + random.normal(0, 0.018)) * 255, 0, 255).astype(int)
        draw.line([*(begin * FINE), *(end * FINE)], fill=tuple(shade.tolist()), width=max(2, round(size * 0.3 * FINE)))


def finish(picture: Array, random: np.random.Generator, *, vignette: float = 0.12, grain: float = 0.008) -> Image.Image:
    """Darken the corners a little, add the grain of a canvas, and turn to an image."""
    away = np.hypot((XS - WIDTH / 2) / WIDTH, (YS - HEIGHT / 2) / HEIGHT)
    shaded = picture * (1 - vignette * step(0.35, 0.75, away))[..., None]
    weave = random.normal(0, grain, (HEIGHT, WIDTH, 1))
    return Image.fromarray(np.rint(np.clip(shaded + weave, 0, 1) * 255).astype(np.uint8))
