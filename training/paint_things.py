"""Scenes of things: a fair (fun), a still life (neutral), discs and planes (abstract).

Each takes a random generator and gives a picture of :mod:`training.paint_kit`, (720, 960, 3) float in 0 to 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from training.paint_kit import (
    HEIGHT,
    TAU,
    WIDTH,
    XS,
    YS,
    Array,
    Colour,
    Point,
    brush,
    disc,
    gradient,
    lay,
    lines,
    noise,
    polygon,
    rgb,
    ridge,
    step,
    under,
)

Random = np.random.Generator
Stroke = tuple[list[Point], float]  # a polyline and its width
Palette = tuple[str, ...]


def fun(random: Random) -> Array:
    """A fair on a bright day: tents, a big wheel, balloons, bunting, confetti."""
    picture = gradient([(0, "#1fa2f0"), (0.55, "#8fdcff"), (0.8, "#e9fbff")], YS / HEIGHT)
    puffs = noise(random, scale=200, stretch=1.7) * step(520, 120, YS)
    picture = lay(picture, rgb("#ffffff"), 0.85 * step(0.55, 0.75, puffs))
    picture = lay(
        picture,
        gradient([(0, "#8fdb4c"), (1, "#39a845")], (YS - 600) / 120),
        under(ridge(random, base=612, height=9, waves=0.8)),
    )
    picture = _wheel(picture, 690, 385, 215)
    for x, wide, tall, first, second in (
        (150, 130, 190, "#f0324b", "#fff7e8"),
        (395, 100, 150, "#7a3fe0", "#ffd93b"),
        (905, 100, 165, "#ff8a1f", "#fff7e8"),
    ):
        picture = _tent(picture, x, 640, wide, tall, rgb(first), rgb(second))
    flow = (np.where(YS > 612, 0.1, 0.5 * noise(random, scale=240) - 0.25)).astype(np.float32)
    picture = brush(picture, random, flow=flow, sizes=(13, 7, 4, 2.5), jitter=0.025)
    picture = _bunting(picture)
    for x, y, size, colour in (
        (80, 195, 44, "#ff3b5c"),
        (160, 130, 50, "#ffc91f"),
        (245, 205, 46, "#2fc26b"),
        (330, 120, 42, "#ff7ac2"),
        (405, 215, 40, "#7b4df0"),
        (480, 140, 36, "#ff8a1f"),
        (885, 120, 44, "#17b8d6"),
        (820, 60, 32, "#ff3b5c"),
    ):
        picture = _balloon(picture, x, y, size, rgb(colour))
    return _confetti(picture, random)


def _tent(picture: Array, x: float, y: float, wide: float, tall: float, first: Colour, second: Colour) -> Array:
    """A striped tent with a pointed roof and a flag; (x, y) is the middle of its foot."""
    eaves = y - tall * 0.42
    across = (XS - x) / wide
    height = np.clip((YS - (y - tall)) / (tall * 0.58), 0.02, 1)
    fan = np.where(eaves > YS, across / height**1.15, across)
    stripes = step(-0.12, 0.12, np.sin(fan * 4.5 * math.pi))
    cloth = lay(np.broadcast_to(np.asarray(first, np.float32), picture.shape), second, stripes)
    cloth = cloth * (1.04 - 0.3 * np.clip(np.abs(across), 0, 1) ** 2 * (1 - 0.4 * (across > 0)))[..., None]
    t = np.linspace(0, 1, 20)
    slope = [*zip(x - wide * t**1.15, y - tall + tall * 0.58 * t, strict=True)]
    roof = [*slope, *[(2 * x - at, down) for at, down in reversed(slope)]]
    walls = [(x - wide * 0.93, eaves - 2), (x + wide * 0.93, eaves - 2), (x + wide * 0.93, y), (x - wide * 0.93, y)]
    picture = lay(picture, cloth * 0.86, polygon(walls))
    door = [(x - wide * 0.17, y), (x, eaves + 8), (x + wide * 0.17, y)]
    picture = lay(picture, rgb("#4a2038"), 0.85 * polygon(door))
    picture = lay(picture, cloth, polygon(roof))
    picture = lay(picture, first, polygon([(x, y - tall - 34), (x + 34, y - tall - 25), (x, y - tall - 15)]))
    return lay(picture, rgb("#6b4a3a"), lines([([(x, y - tall - 36), (x, y - tall)], 2.5)]))


def _wheel(picture: Array, x: float, y: float, radius: float) -> Array:
    """A big wheel with coloured cabins."""
    strokes: list[Stroke] = [([(x, y), (x + side * 105, 640)], 9) for side in (-1, 1)]
    for spoke in range(12):
        angle = TAU * (spoke + 0.3) / 12
        strokes.append(([(x, y), (x + radius * math.cos(angle), y + radius * math.sin(angle))], 2.6))
    picture = lay(picture, rgb("#5c86c4"), 0.95 * lines(strokes))
    far = np.hypot(XS - x, YS - y)
    for ring, wide in ((radius, 4.5), (radius * 0.9, 2.2), (radius * 0.3, 2.5)):
        picture = lay(picture, rgb("#f0456a"), step(wide + 1, wide - 1, np.abs(far - ring)))
    picture = lay(picture, rgb("#ffd93b"), disc(x, y, 19))
    colours = ("#ff3b5c", "#ffc91f", "#2fc26b", "#17b8d6", "#7b4df0", "#ff8a1f")
    for cabin in range(12):
        angle = TAU * (cabin + 0.3) / 12
        at_x, at_y = x + radius * math.cos(angle), y + radius * math.sin(angle) + 15
        colour = rgb(colours[cabin % 6])
        picture = lay(picture, colour, disc(at_x, at_y, 21, 19))
        picture = lay(picture, rgb("#fff7e8"), disc(at_x, at_y - 4, 13, 8))
    return picture


def _balloon(picture: Array, x: float, y: float, size: float, colour: Colour) -> Array:
    """A balloon with its shine, knot and string."""
    t = np.linspace(0, 1, 24)
    string = list(zip((x + 9 * np.sin(t * 7 + x)).tolist(), (y + size * 1.2 + t * size * 2.6).tolist(), strict=True))
    picture = lay(picture, rgb("#5f6b7a"), 0.7 * lines([(string, 1.2)]))
    picture = lay(picture, colour, polygon([(x - 6, y + size * 1.32), (x, y + size * 1.12), (x + 6, y + size * 1.32)]))
    shade = np.clip(1.08 - 0.42 * (np.hypot(XS - x + size * 0.35, YS - y + size * 0.45) / size / 1.5) ** 2, 0.6, 1.1)
    skin = np.clip(np.asarray(colour, np.float32) * shade[..., None], 0, 1)
    picture = lay(picture, skin, 0.96 * disc(x, y, size, size * 1.2))
    return lay(picture, rgb("#ffffff"), 0.75 * disc(x - size * 0.36, y - size * 0.5, size * 0.16, size * 0.27, soft=4))


def _bunting(picture: Array) -> Array:
    """Two lines of little flags across the sky."""
    colours = ("#ff3b5c", "#ffc91f", "#2fc26b", "#17b8d6", "#ff7ac2")
    flags: dict[str, list[list[Point]]] = {colour: [] for colour in colours}
    for left, right, sag in ((8, 22, 26), (64, 78, 34)):
        xs = np.linspace(-10, WIDTH + 10, 30)
        t = xs / WIDTH
        ys = left + (right - left) * t + sag * 4 * t * (1 - t)
        picture = lay(picture, rgb("#5b6675"), lines([(list(zip(xs.tolist(), ys.tolist(), strict=True)), 1.6)]))
        for number, ((x0, y0), (x1, y1)) in enumerate(pairwise(zip(xs.tolist(), ys.tolist(), strict=True))):
            flag = [(x0 + 3, y0), (x1 - 3, y1), ((x0 + x1) / 2, (y0 + y1) / 2 + 30)]
            flags[colours[(number + left) % len(colours)]].append(flag)
    for colour, several in flags.items():
        picture = lay(picture, rgb(colour), polygon(*several, soft=0.6))
    return picture


def _confetti(picture: Array, random: Random) -> Array:
    """Paper in the air: little turned rectangles of all colours."""
    colours = ("#ff3b5c", "#ffc91f", "#2fc26b", "#7b4df0", "#ff7ac2", "#ffffff", "#ff8a1f")
    for colour in colours:
        strokes: list[Stroke] = []
        for x, y in random.uniform((0, 0), (WIDTH, HEIGHT), (48, 2)):
            angle, long = random.uniform(0, TAU), random.uniform(5, 10)
            strokes.append(([(x, y), (x + long * math.cos(angle), y + long * math.sin(angle))], random.uniform(3, 5)))
        picture = lay(picture, rgb(colour), 0.95 * lines(strokes, soft=0.5))
    return picture


def neutral(random: Random) -> Array:
    """A still life: a jug, a bowl and two pears on a table before a plain wall."""
    wall = gradient(
        [(0, "#cfc8ba"), (1, "#a9a191")], 0.75 * (XS / WIDTH) + 0.3 * YS / HEIGHT + 0.12 * noise(random, scale=340)
    )
    table = gradient([(0, "#b39b7d"), (1, "#8d7559")], (YS - 480) / 240 + 0.25 * noise(random, scale=160, stretch=7))
    picture = lay(wall, table, step(477, 482, YS))
    picture = lay(picture, rgb("#7c6a54"), 0.5 * np.exp(-(((YS - 482) / 5) ** 2)))
    for x, y, wide, tall in ((470, 602, 230, 22), (690, 622, 215, 20), (262, 628, 120, 15), (850, 640, 90, 12)):
        picture = lay(picture, rgb("#4e4235"), 0.55 * disc(x + 35, y, wide, tall, soft=16))
    jug = [(200, 47), (212, 43), (250, 38), (300, 52), (350, 92), (420, 128), (490, 132), (550, 112), (600, 76)]
    picture = lay(picture, rgb("#6f7f88"), lines([(_arc(478, 318, 118, 84, -1.65, 1.0), 20)], soft=1.0))
    picture = lay(picture, rgb("#93a3aa"), 0.7 * lines([(_arc(478, 317, 114, 81, -1.5, 0.3), 5)], soft=2.5))
    picture = turned(picture, 430, jug, ("#3f4d57", "#8698a1", "#dfe6e6"))
    picture = lay(picture, rgb("#36424a"), disc(430, 200, 45, 9, soft=1.5))
    bowl = [(520, 130), (545, 126), (575, 108), (600, 76), (612, 50), (622, 54)]
    picture = lay(picture, rgb("#5d4a3a"), disc(690, 520, 130, 19, soft=1.5))
    for x, y, colour in ((645, 500, "#c9a24d"), (735, 502, "#b5894a"), (690, 488, "#c8b067")):
        picture = lay(picture, shaded(x, y, 46, colour), disc(x, y, 46, 44, soft=1.5))
    picture = turned(picture, 690, bowl, ("#6d5a48", "#b6a48c", "#efe7d8"))
    for x, y, lean in ((262, 628, -0.1), (845, 640, 0.25)):
        picture = _pear(picture, x, y, lean)
    flow = np.where(YS > 482, 0.05, 0.9 + 0.7 * noise(random, scale=300)).astype(np.float32)
    return brush(picture, random, flow=flow, sizes=(16, 9, 5, 3), jitter=0.016)


def turned(picture: Array, x: float, profile: Sequence[tuple[float, float]], tones: tuple[str, str, str]) -> Array:
    """A turned vessel about the axis at `x`: `profile` is (y, radius) from top to bottom, `tones` dark to light."""
    ys, radii = zip(*profile, strict=True)
    radius = np.interp(YS[:, 0], ys, blur_line(radii, ys), left=0, right=radii[-1]).astype(np.float32)[:, None]
    across = np.clip((XS - x) / np.maximum(radius, 1), -1, 1)
    light = np.clip(0.62 - 0.5 * across - 0.55 * np.clip(across + 0.1, 0, 1) ** 2, 0, 1)
    light += 0.35 * np.exp(-(((across + 0.48) / 0.13) ** 2)) + 0.12 * np.clip((across - 0.8) / 0.2, 0, 1)
    colour = gradient([(0, tones[0]), (0.5, tones[1]), (1, tones[2])], light)
    inside = step(1.2, -1.2, np.abs(XS - x) - radius) * (ys[0] <= YS) * (ys[-1] >= YS)
    bottom = disc(x, ys[-1], radii[-1], radii[-1] * 0.13, soft=1)
    return lay(lay(picture, colour, bottom), colour, inside)


def blur_line(radii: tuple[float, ...], ys: tuple[float, ...]) -> list[float]:
    """Radii with their corners eased, at the same places."""
    fine = np.interp(np.arange(ys[0], ys[-1] + 1), ys, radii)
    eased = np.convolve(np.pad(fine, 10, mode="edge"), np.ones(21) / 21, mode="valid")
    return [float(eased[int(y - ys[0])]) for y in ys]


def shaded(x: float, y: float, size: float, colour: str) -> Array:
    """Colour of a ball lit from the upper left."""
    far = np.hypot(XS - x + size * 0.35, YS - y + size * 0.4) / size
    return np.clip(np.asarray(rgb(colour), np.float32) * (1.2 - 0.5 * np.clip(far, 0, 1.6))[..., None], 0, 1)


def _pear(picture: Array, x: float, y: float, lean: float) -> Array:
    """A pear that stands at (x, y) and leans."""
    colour = shaded(x - 6, y - 55, 62, "#b9b257")
    belly, neck = disc(x, y - 46, 53, 49, soft=1.5), disc(x + lean * 75, y - 100, 29, 40, soft=1.5)
    between = polygon(
        [(x - 46, y - 68), (x + lean * 75 - 27, y - 108), (x + lean * 75 + 27, y - 108), (x + 46, y - 68)], soft=4
    )
    picture = lay(picture, colour, np.maximum(np.maximum(belly, neck), between))
    stalk = [(x + lean * 85, y - 134), (x + lean * 95 + 3, y - 150), (x + lean * 110 + 10, y - 164)]
    return lay(picture, rgb("#4d3b26"), lines([(stalk, 4.5)]))


def _arc(x: float, y: float, wide: float, tall: float, begin: float, end: float) -> list[Point]:
    return [(x + wide * math.cos(t), y + tall * math.sin(t)) for t in np.linspace(begin, end, 40).tolist()]


def abstract(random: Random) -> Array:
    """Discs of many rings, broken into planes by diagonals that change every colour they cross."""
    first = gradient(
        [(0, "#f2b134"), (0.4, "#e8632c"), (0.75, "#c22d52"), (1, "#432371")], (XS / WIDTH + YS / HEIGHT) / 2
    )
    picture = first
    for points, colour, cover in (
        ([(0, 0), (430, 0), (170, 720), (0, 720)], "#14487a", 0.8),
        ([(960, 720), (960, 190), (520, 720)], "#0f7f82", 0.85),
        ([(300, 0), (700, 0), (960, 330), (960, 430)], "#f6d9a8", 0.75),
        ([(150, 720), (520, 340), (640, 720)], "#f4efe2", 0.8),
    ):
        picture = lay(picture, rgb(colour), cover * polygon(points, soft=1.2))
    warm = ("#f6c445", "#e4572e", "#b3234f", "#fbe8c8", "#f08a24")
    cool = ("#1d3f72", "#2a9d8f", "#8ecae6", "#3a2a6b", "#e6efe9")
    for x, y, radius, rings in ((345, 315, 235, 6), (700, 430, 185, 5), (610, 150, 105, 4), (170, 585, 95, 4)):
        picture = _rings(picture, random, x, y, radius, rings, warm, cool)
    strokes: list[Stroke] = [([(40, 700), (905, 60)], 4), ([(90, 30), (880, 690)], 2.5)]
    strokes += [(_arc(345, 315, 290, 290, -0.9, 0.8), 6), (_arc(700, 430, 235, 235, 1.4, 3.0), 4)]
    picture = lay(picture, rgb("#1a1630"), 0.9 * lines(strokes))
    flow = (np.arctan2(YS - 315, XS - 345) + math.pi / 2 + 0.5 * noise(random, scale=200)).astype(np.float32)
    return brush(picture, random, flow=flow, sizes=(15, 8, 4, 2.5), jitter=0.025)


def _rings(
    picture: Array, random: Random, x: float, y: float, radius: float, count: int, warm: Palette, cool: Palette
) -> Array:
    """A disc of rings in four quarters, warm and cool in turn."""
    turn = random.uniform(0, TAU)
    far = np.hypot(XS - x, YS - y)
    angle = (np.arctan2(YS - y, XS - x) + turn) % TAU
    for ring in range(count):
        outer = radius * (1 - ring / count)
        for quarter in range(4):
            palette = warm if (quarter + ring) % 2 else cool
            colour = rgb(palette[int(random.integers(len(palette)))])
            inside = (angle >= quarter * TAU / 4) & (angle < (quarter + 1) * TAU / 4)
            picture = lay(picture, colour, 0.93 * step(outer + 0.8, outer - 0.8, far) * inside)
    return picture
