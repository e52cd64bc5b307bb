"""Scenes out of doors: a meadow (happy), a storm at sea (angry), rain (sad).

Each takes a random generator and gives a picture of :mod:`training.paint_kit`, (720, 960, 3) float in 0 to 1.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from training.paint_kit import (
    HEIGHT,
    TAU,
    WIDTH,
    XS,
    YS,
    Array,
    Point,
    blur,
    brush,
    disc,
    glow,
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


def happy(random: Random) -> Array:
    """A meadow in the sun, full of flowers, before hills and a blue sky."""
    sky = gradient([(0, "#2f8fe3"), (0.28, "#6cbdf3"), (0.42, "#b9e2f7"), (0.54, "#ffeec2")], YS / HEIGHT)
    puffs = noise(random, scale=230, stretch=1.8) * step(430, 60, YS)
    picture = lay(sky, rgb("#ffffff"), 0.9 * step(0.56, 0.74, puffs))
    picture = lay(picture, rgb("#fffbe9"), 0.9 * glow(730, 150, 150))
    picture = lay(picture, rgb("#ffe27a"), 0.85 * glow(730, 150, 70))
    picture = lay(picture, rgb("#fff3a6"), disc(730, 150, 50, soft=5))
    for base, tall, waves, far, near in (
        (385, 40, 1.1, "#8fb9c9", "#a9cdb0"),
        (425, 42, 0.8, "#7fbf72", "#b6d96a"),
        (480, 46, 0.6, "#5fb04e", "#c2dc52"),
    ):
        line = ridge(random, base=base, height=tall, waves=waves)
        light = np.clip((YS - line[None]) / 150, 0, 1) * 0.5 + 0.5 * noise(random, scale=120, stretch=2.5)
        picture = lay(picture, gradient([(0, near), (1, far)], light), under(line))
    meadow = gradient([(0, "#a9d84a"), (0.5, "#6dbb3c"), (1, "#3b9133")], (YS - 500) / 220)
    meadow = lay(meadow, rgb("#e3ee6a"), 0.5 * noise(random, scale=90, stretch=3))
    picture = lay(picture, meadow, under(ridge(random, base=525, height=18, waves=0.7), soft=6))
    picture = _path(picture)
    picture = _tree(picture, random, x=185, y=500)
    flow = np.where(YS > 500, -1.35 + 0.5 * noise(random, scale=200), 0.4 * noise(random, scale=260) - 0.2)
    picture = brush(picture, random, flow=flow.astype(np.float32), sizes=(15, 8, 4))
    return _flowers(picture, random)


def _path(picture: Array) -> Array:
    """A sandy path that winds from the front to the hills."""
    y = np.linspace(740, 497, 40)
    x, width = _path_at(y), 75 * ((y - 490) / 250) ** 1.7 + 3
    edge = [*zip(x - width, y, strict=True), *zip((x + width)[::-1], y[::-1], strict=True)]
    return lay(picture, rgb("#f2dda4"), 0.9 * polygon(edge, soft=3))


def _path_at(y: Array | float) -> Array:
    """Middle of the path, x for y."""
    t = ((740 - np.asarray(y, np.float32)) / 245) ** 1.43
    return np.asarray(610 - 150 * np.sin(t * 3.6) * (1 - t) - 60 * t, np.float32)


def _tree(picture: Array, random: Random, *, x: float, y: float) -> Array:
    """A round tree in leaf, lit from the right."""
    picture = lay(picture, rgb("#3f7d33"), 0.5 * disc(x - 25, y + 28, 130, 16, soft=8))
    picture = lay(
        picture, rgb("#6b4a2e"), polygon([(x - 13, y + 30), (x - 7, y - 110), (x + 9, y - 110), (x + 16, y + 30)])
    )
    picture = lay(picture, rgb("#3c8a35"), disc(x, y - 178, 122, 104, soft=10))
    leaves = [(random.uniform(0, TAU), math.sqrt(random.random())) for _ in range(130)]
    lit = [0.5 + 0.5 * (math.cos(angle) * 0.6 - math.sin(angle) * 0.8) * far for angle, far in leaves]
    for light, (angle, far) in sorted(zip(lit, leaves, strict=True)):
        at_x, at_y = x + 108 * far * math.cos(angle), y - 178 + 92 * far * math.sin(angle)
        colour = gradient([(0, "#2c6e2f"), (0.5, "#4f9f3a"), (1, "#b4d94c")], np.asarray(light, np.float32))
        picture = lay(picture, colour, 0.85 * disc(at_x, at_y, random.uniform(20, 36), soft=6))
    return picture


def _flowers(picture: Array, random: Random) -> Array:
    """Flowers of five colours, larger towards the front."""
    colours = ("#f2405a", "#ffd428", "#ffffff", "#ff8fc0", "#a05de0", "#ff7a2e")
    for y in np.sort(535 + 190 * random.random(750) ** 0.9):
        near = (y - 520) / 200
        x, size = random.uniform(0, WIDTH), 1.5 + 8.5 * near**1.3
        if near < 0.05 or abs(x - _path_at(y)) < 82 * near**1.2 + 10:
            continue
        left, right = max(0, int(x - 20)), min(WIDTH, int(x + 20))
        top, bottom = max(0, int(y - 20)), min(HEIGHT, int(y + 20))
        part = (slice(top, bottom), slice(left, right))
        far = np.hypot(XS[part] - x, (YS[part] - y) * 1.25)
        angle = np.arctan2(YS[part] - y, XS[part] - x)
        petals = size * (0.78 + 0.22 * np.cos(5 * angle + x))
        colour = np.array(rgb(str(random.choice(colours)))) * random.uniform(0.9, 1.0)
        picture[part] = lay(picture[part], tuple(colour), step(1.2, -0.8, far - petals))
        picture[part] = lay(picture[part], rgb("#f7b21b"), step(0.8, -0.6, far - size * 0.27))
    return picture


def angry(random: Random) -> Array:
    """A black storm over a red sea, with lightning and jagged rocks."""
    swirl = noise(random, scale=340, stretch=1.5)
    turned = np.clip(np.abs(2 * noise(random, scale=220, stretch=1.9) - 1) + 0.25 * swirl, 0, 1)
    dark = np.clip(0.75 * turned + 0.25 * (1 - YS / 470), 0, 1)
    picture = gradient([(0, "#e0391a"), (0.22, "#8d1512"), (0.5, "#3a0c12"), (1, "#08060a")], dark)
    picture = lay(picture, rgb("#ff5a1c"), 0.75 * np.exp(-(((YS - 455) / 42) ** 2)) * (0.4 + 0.6 * swirl))
    deep = np.clip((YS - 455) / 265, 0, 1)
    crests = sea_waves(random, horizon=455)
    sea = gradient([(0, "#0d0306"), (0.5, "#4a0a0e"), (0.78, "#a81d14"), (0.93, "#f0542c"), (1, "#ffc490")], crests)
    sea = lay(sea, rgb("#c9321a"), 0.35 * (1 - deep))
    picture = lay(picture, sea, step(452, 458, YS))
    flow = (2.6 * swirl - 1.3 + np.where(YS > 455, 0.25 * np.sin(XS / 45), 0)).astype(np.float32)
    flow = np.where(YS > 455, flow * 0.35, flow)
    bolts = [bolt(random, (560, 0), (470, 462)), bolt(random, (250, 0), (330, 458))]
    picture = brush(_rocks(picture, random), random, flow=flow, sizes=(20, 11, 6, 3.5), jitter=0.02)
    return _strike(picture, bolts)


def sea_waves(random: Random, *, horizon: float) -> Array:
    """Crests of a rough sea in perspective, 0 in the troughs to 1: noise drawn out towards the horizon."""
    flat = noise(random, scale=180, octaves=6)
    depth = 26.0 / np.maximum(YS - horizon + 12, 1)  # how far away a row is
    rows = np.clip(depth * 950, 0, HEIGHT - 1).astype(int)
    columns = np.clip(WIDTH / 2 + (XS - WIDTH / 2) * (0.3 + 0.5 * depth), 0, WIDTH - 1).astype(int)
    rolling = 0.5 + 0.5 * np.sin(rows / 9.5 + 9 * flat[rows, columns])
    return (0.65 * rolling**2 + 0.35 * flat[rows, columns]).astype(np.float32)


def _rocks(picture: Array, random: Random) -> Array:
    """Black cliffs on both sides, their edges broken, lit red where they face the lightning."""
    for side, x, top, foot in ((1, -20, 250, 330), (-1, 990, 330, 250), (1, -30, 430, 400), (-1, 985, 500, 330)):
        peak, low = (x + side * 60, top), (x + side * foot, 745)
        edge = crooked(random, peak, low, sway=0.13)
        shadow = [(px - side * (5 + 0.1 * (py - top)), py) for px, py in crooked(random, peak, low, sway=0.1)]
        crown = crooked(random, (x - side * 90, top + 70), peak, sway=0.12)
        picture = lay(picture, rgb("#0a0607"), polygon([*crown, *edge, (x - side * 90, 760)], soft=0.8))
        rough = 0.25 + 0.75 * noise(random, scale=34, octaves=4)
        facet = polygon([*edge, *reversed(shadow)], soft=1.2) * rough * np.clip(1.2 - (YS - top) / 380, 0.1, 1)
        picture = lay(picture, rgb("#6a1611"), 0.6 * facet**1.5)
    return picture


def bolt(random: Random, begin: Point, end: Point) -> list[Stroke]:
    """A bolt of lightning with its forks: polylines and their widths."""
    trunk = crooked(random, begin, end, sway=0.2)
    count = len(trunk)
    strokes = [(trunk, 4.2)]
    for start in random.choice(np.arange(4, count - 10), 5, replace=False):
        side = random.choice((-1, 1))
        x, y = trunk[start]
        tip = (x + side * random.uniform(50, 150), y + random.uniform(60, 150))
        strokes.append((crooked(random, (x, y), tip, sway=0.16)[:-6], 1.6))
    return strokes


def crooked(random: Random, begin: Point, end: Point, *, sway: float) -> list[Point]:
    """A line that is broken again and again in its middle, as lightning is: 33 points."""
    points = [np.array(begin, float), np.array(end, float)]
    for _ in range(5):
        longer = [points[0]]
        for first, second in pairwise(points):
            along = second - first
            longer += [(first + second) / 2 + np.array((-along[1], along[0])) * random.normal(0, sway), second]
        points = longer
    return [(float(x), float(y)) for x, y in points]


def _strike(picture: Array, bolts: list[list[Stroke]]) -> Array:
    """Lightning over a picture: the first bolt bright, the others far away."""
    for strokes, power in zip(bolts, (1.0, 0.55), strict=True):
        wide = lines([(points, width * 5) for points, width in strokes], soft=16)
        picture = lay(picture, rgb("#ff9a86"), 0.75 * power * wide)
        picture = lay(picture, rgb("#ffd9d0"), 0.8 * power * lines([(p, w * 2) for p, w in strokes], soft=3))
        picture = lay(picture, rgb("#fffaf2"), power * lines(strokes, soft=0.7))
    foot = bolts[0][0][0][-1]
    return lay(picture, rgb("#ffb59a"), 0.7 * np.exp(-(((XS - foot[0]) / 90) ** 2 + ((YS - 466) / 14) ** 2)))


def sad(random: Random) -> Array:
    """Rain at dusk: a bare tree, an empty bench, a wet path."""
    mist = noise(random, scale=300, stretch=2.5)
    picture = gradient(
        [(0, "#39424f"), (0.35, "#5d6875"), (0.62, "#8a929a"), (1, "#8a929a")], YS / HEIGHT + 0.1 * (mist - 0.5)
    )
    for base, tall, colour in ((440, 22, "#747e88"), (465, 16, "#5f6972")):
        picture = lay(picture, rgb(colour), 0.8 * under(ridge(random, base=base, height=tall, waves=2.4), soft=9))
    ground = gradient([(0, "#59626a"), (0.4, "#454d55"), (1, "#2b3138")], (YS - 485) / 235 + 0.25 * (mist - 0.5))
    picture = lay(picture, ground, step(480, 494, YS))
    wet = step(0.35, 0.75, noise(random, scale=130, stretch=6) + 0.5 * glow(480, 650, 130) - 0.25) * step(575, 640, YS)
    picture = lay(picture, rgb("#8d97a1"), 0.75 * wet)
    flow = np.where(YS > 484, 0.1 * mist, 1.9 + 0.4 * mist).astype(np.float32)
    picture = brush(picture, random, flow=flow, sizes=(20, 11, 6), jitter=0.016)
    branches: list[Stroke] = [([(255, 566), (255 + x, 584)], 7) for x in (-17, -7, 6, 18)]
    _grow(branches, random, (255, 575), -1.5, 118, 17)
    tree = lines(branches, soft=0.7)
    mirrored = np.roll(tree[::-1], 2 * 575 - HEIGHT + 26, axis=0) * step(585, 600, YS)
    picture = lay(picture, rgb("#262b32"), 0.35 * blur(mirrored, 5) * np.clip(0.3 + wet, 0, 1))
    picture = lay(picture, rgb("#20242b"), 0.95 * tree)
    picture = _bench(picture)
    return _rain(picture, random)


def _grow(branches: list[Stroke], random: Random, at: Point, angle: float, long: float, wide: float) -> None:
    """Add a branch, slightly crooked, and what grows on it."""
    points = [at]
    for _ in range(4):
        angle += random.normal(0, 0.09)
        points.append((points[-1][0] + long / 4 * math.cos(angle), points[-1][1] + long / 4 * math.sin(angle)))
    branches.append((points, wide))
    if wide < 0.9:
        return
    for turn in (-0.42, 0.38) if wide > 3 else (-0.5, 0.05, 0.45):
        leaning = angle + turn + random.normal(0, 0.16)
        _grow(branches, random, points[-1], leaning + 0.05, long * random.uniform(0.68, 0.86), wide * 0.64)


def _bench(picture: Array) -> Array:
    """An empty park bench and its shadow on the wet ground."""
    dark = rgb("#1d2127")
    picture = lay(picture, dark, 0.45 * disc(640, 604, 118, 9, soft=6))
    for y, thick in ((512, 7), (527, 7), (556, 8)):
        picture = lay(picture, dark, polygon([(540, y), (740, y), (742, y + thick), (538, y + thick)], soft=0.7))
    legs: list[Stroke] = [([(x, 505), (x, 603)], 6) for x in (556, 724)]
    legs += [([(x + 2, 560), (x + side, 604)], 5) for x, side in ((556, -9), (724, 13))]
    return lay(picture, dark, lines(legs, soft=0.7))


def _rain(picture: Array, random: Random) -> Array:
    """Slanting rain in two depths."""
    for count, long, width, strength in ((900, 22, 0.6, 0.28), (260, 46, 1.0, 0.36)):
        drops: list[Stroke] = []
        for x, y in random.uniform((-40, -40), (WIDTH, HEIGHT), (count, 2)):
            drops.append(([(x, y), (x - long * 0.2, y + long)], width))
        picture = lay(picture, rgb("#c9d3dc"), strength * lines(drops, soft=0.5))
    return picture
