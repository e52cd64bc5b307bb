"""Light and composition of a picture: what can be measured in it without knowing what it shows.

In: a small picture in OKLab, (side, side, 3) float64. Out: :class:`Light` and :class:`Layout`.

Conventions
-----------
Lightness is that of OKLab, 0 (black) to 1 (white). Places are fractions of the width from the left and of the height
from the top. The limits of the words were set by looking at OASIS: each extreme word holds for about a fifth of its
pictures or fewer, so that it tells something.

Source: the measure of what stands out is that of Achanta et al., "Frequency-tuned Salient Region Detection", 2009.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.waveform.caption_colours import Hue, palette

Floats = npt.NDArray[np.float64]
SMOOTH_PX = 5
DARKNESS, DIMNESS, LIGHTNESS, BRIGHTNESS = 0.38, 0.48, 0.62, 0.72
STRONG_CONTRAST, WEAK_CONTRAST = 0.76, 0.42
WARM, COOL = 0.045, -0.022
BUSY, EMPTY = 0.075, 0.022
OFF_CENTRE, CONCENTRATED = 0.1, 0.84
MIRRORED = 0.8
ONE_COLOUR = 0.55
DIFFERS = 0.12
NINTHS = (
    "at the upper left", "at the top", "at the upper right",
    "at the left", "in the middle", "at the right",
    "at the lower left", "at the bottom", "at the lower right",
)  # fmt: skip
INNER, OUTER = 0.22, 0.4


@dataclass(frozen=True)
class Light:
    """`level` mean lightness; `contrast` from the 5th to the 95th percentile; `warmth` mean of b, yellow over blue."""

    level: float
    contrast: float
    warmth: float

    @property
    def word(self) -> str:
        """Level: "dark", "dim", "light", "bright" or ""."""
        if self.level < DIMNESS:
            return "dark" if self.level < DARKNESS else "dim"
        return "bright" if self.level > BRIGHTNESS else "light" if self.level > LIGHTNESS else ""

    @property
    def hardness(self) -> str:
        """Contrast: "strong", "soft" or ""."""
        return "strong" if self.contrast > STRONG_CONTRAST else "soft" if self.contrast < WEAK_CONTRAST else ""

    @property
    def temperature(self) -> str:
        """Colour of the light: "warm", "cool" or ""."""
        return "warm" if self.warmth > WARM else "cool" if self.warmth < COOL else ""


@dataclass(frozen=True)
class Layout:
    """Where things lie.

    `detail` is the mean step in lightness between neighbours; `centre` (x, y) of what stands out and `spread` its mean
    distance from there over that of an even picture, small where it is one shape; `symmetry` the correlation of
    lightness with the mirror image; `above`, `below`, `middle` and `around` the colours of the upper and
    lower third, of the middle and of the border, None where they are mixed; `brightest` and `darkest` the
    ninth that is (:data:`NINTHS`), "" where it differs little from the rest; `sides` width over height.
    """

    detail: float
    centre: tuple[float, float]
    spread: float
    symmetry: float
    above: Hue | None
    below: Hue | None
    middle: Hue | None
    around: Hue | None
    brightest: str
    darkest: str
    sides: float

    @property
    def place(self) -> str:
        """Where the main shape is: "left", "right", "top", "bottom", "middle", or "" where nothing stands out alone."""
        x, y = self.centre[0] - 0.5, self.centre[1] - 0.5
        if max(abs(x), abs(y)) > OFF_CENTRE:
            return ("right" if x > 0 else "left") if abs(x) >= abs(y) else ("bottom" if y > 0 else "top")
        return "middle" if self.spread < CONCENTRATED and max(abs(x), abs(y)) < 0.08 else ""

    @property
    def fullness(self) -> str:
        """How much there is to see: "busy", "empty" or ""."""
        return "busy" if self.detail > BUSY else "empty" if self.detail < EMPTY else ""

    @property
    def symmetric(self) -> bool:
        """Whether left and right mirror each other."""
        return self.symmetry > MIRRORED

    @property
    def bands(self) -> tuple[str, str] | None:
        """Colours above and below where each is one colour and they differ."""
        return _differing(self.above, self.below)

    @property
    def core(self) -> tuple[str, str] | None:
        """Colours in the middle and around it where each is one colour and they differ."""
        return _differing(self.middle, self.around)


def _differing(one: Hue | None, other: Hue | None) -> tuple[str, str] | None:
    return (one.name, other.name) if one and other and one.family != other.family else None


def light_of(lab: Floats) -> Light:
    """Measure the light of a small picture."""
    low, high = np.percentile(lab[..., 0], [5, 95])
    return Light(float(lab[..., 0].mean()), float(high - low), float(lab[..., 2].mean()))


def layout_of(lab: Floats, *, sides: float) -> Layout:
    """Measure the composition of a small picture whose original is `sides` times as wide as high."""
    third = len(lab) // 3
    centre, spread = _main_shape(lab)
    y, x = np.abs((np.mgrid[: len(lab), : lab.shape[1]] + 0.5) / len(lab) - 0.5)
    inner, outer = np.hypot(x, y) < INNER, np.maximum(x, y) > OUTER
    return Layout(
        detail=_detail(lab[..., 0]),
        centre=centre,
        spread=spread,
        symmetry=_symmetry(lab[..., 0]),
        above=_one_colour(lab[:third]),
        below=_one_colour(lab[-third:]),
        middle=_one_colour(lab[inner]),
        around=_one_colour(lab[outer]),
        brightest=_extreme_ninth(lab[..., 0], sign=1),
        darkest=_extreme_ninth(lab[..., 0], sign=-1),
        sides=sides,
    )


def _detail(lightness: Floats) -> float:
    down, across = np.abs(np.diff(lightness, axis=0)), np.abs(np.diff(lightness, axis=1))
    return float((down.mean() + across.mean()) / 2)


def _main_shape(lab: Floats) -> tuple[tuple[float, float], float]:
    """Centre and spread of how far, squared, each place, smoothed, lies in colour from the picture's mean."""
    stand_out = ((_smooth(lab) - lab.mean(axis=(0, 1))) ** 2).sum(axis=2)
    weight = stand_out / max(float(stand_out.sum()), 1e-9)
    y, x = (np.mgrid[: len(lab), : lab.shape[1]] + 0.5) / len(lab)
    cx, cy = float((weight * x).sum()), float((weight * y).sum())
    even = np.hypot(x - 0.5, y - 0.5).mean()
    spread = float((weight * np.hypot(x - cx, y - cy)).sum() / even) if stand_out.sum() > 1e-6 else 1.0
    return ((cx, cy) if stand_out.sum() > 1e-6 else (0.5, 0.5)), spread


def _smooth(lab: Floats) -> Floats:
    """Mean over squares of :data:`SMOOTH_PX`, edges repeated."""
    half = SMOOTH_PX // 2
    padded = np.pad(lab, ((half, half), (half, half), (0, 0)), mode="edge")
    views = np.lib.stride_tricks.sliding_window_view(padded, (SMOOTH_PX, SMOOTH_PX), axis=(0, 1))
    smooth: Floats = views.mean(axis=(3, 4))
    return smooth


def _symmetry(lightness: Floats) -> float:
    coarse = lightness.reshape(24, len(lightness) // 24, 24, -1).mean(axis=(1, 3))
    if coarse.std() < 0.05:
        return 0.0
    return float(np.corrcoef(coarse.ravel(), coarse[:, ::-1].ravel())[0, 1])


def _extreme_ninth(lightness: Floats, *, sign: int) -> str:
    """Where the lightest (sign 1) or darkest (-1) of three by three fields lies, if it differs enough from the mean."""
    third = len(lightness) // 3
    fields = sign * lightness.reshape(3, third, 3, third).mean(axis=(1, 3)).ravel()
    return NINTHS[int(fields.argmax())] if fields.max() - fields.mean() > DIFFERS else ""


def _one_colour(lab: Floats) -> Hue | None:
    first = palette(lab).hues[0]
    return first if first.share >= ONE_COLOUR else None
