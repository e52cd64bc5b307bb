"""What moves below the picture of a video: notes or a waveform along a time axis, as one long strip of colour codes.

In: a piano roll's data (`pipelines.symbolic.piano_roll.to_data`) or an Audio. Out: a :class:`Strip`, whose pixels are
codes, not colours, so that a frame is a slice looked up in a table: :data:`GROUND`, :data:`LINE`, :data:`BAND`, and
from :data:`FAINTEST` to 255 a note or a stroke of the waveform, the more the fuller. Times are in seconds, x grows with
time, y downwards.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.records import Audio

GROUND, LINE, BAND, FAINTEST = 0, 1, 2, 16
LEAD_PX = 24  # before the first sound and after the last
STEP_PX = 2  # that a long strip moves a frame: whole pixels, so that it does not judder
FEWEST_SEMITONES = 30
SOFTEST_PART = 0.6  # how full the softest note is drawn
THINNEST_PX = 5.0  # a note, so that its colour survives the video's halved colours
GAP_PX = 1.0  # between a note and the next
STROKE_PX, PERIOD_PX = 4, 6  # of a waveform's strokes
STROKE_POWER = 0.75  # lifts what is soft

Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Scale:
    """Where the seconds lie: pixels a second, and the strip's size in pixels."""

    pixels_per_s: float
    width_px: int
    height_px: int

    def x_at(self, second: float) -> float:
        """The x of a second."""
        return LEAD_PX + second * self.pixels_per_s


@dataclass(frozen=True, eq=False)
class Strip:
    """Codes (height, width) uint8, and the things in it that light up while they sound.

    `starts_s` and `ends_s` are (things,), `boxes` (things, 4) int: left, right, top, bottom in pixels, right and bottom
    excluded. Things are in order of their start.
    """

    codes: Codes
    scale: Scale
    starts_s: npt.NDArray[np.float64]
    ends_s: npt.NDArray[np.float64]
    boxes: npt.NDArray[np.int64]


def scale_for(duration_s: float, *, view_px: int, height_px: int, frame_rate_hz: int) -> Scale:
    """The whole sound within the view where that leaves room enough, else a strip that moves whole pixels a frame."""
    per_s = float(STEP_PX * frame_rate_hz)
    if duration_s * per_s + 2 * LEAD_PX <= view_px:
        return Scale((view_px - 2 * LEAD_PX) / duration_s, view_px, height_px)
    return Scale(per_s, math.ceil(duration_s * per_s) + 2 * LEAD_PX, height_px)


def roll_strip(data: Mapping[str, Any], scale: Scale) -> Strip:
    """Draw a piano roll from `to_data`'s dictionary: pitch upwards, octaves, bar lines, louder notes fuller."""
    notes = sorted(data["notes"], key=lambda note: float(note["start_s"]))
    low, high = _range([int(note["pitch"]) for note in notes])
    row = scale.height_px / (high - low + 1)
    codes = _grid(data, scale, low, high, row)
    boxes = []
    for note in notes:
        left, right = scale.x_at(note["start_s"]), scale.x_at(note["end_s"])
        middle, half = (high - note["pitch"] + 0.5) * row, max(THINNEST_PX, row) / 2
        right = max(left + 2.0, right - GAP_PX)
        fullness = SOFTEST_PART + (1 - SOFTEST_PART) * min(1.0, note["velocity"] / 110)
        boxes.append(_paint(codes, (left, right, middle - half, middle + half), fullness))
    starts, ends = ([float(note[key]) for note in notes] for key in ("start_s", "end_s"))
    return Strip(codes, scale, np.array(starts), np.array(ends), np.array(boxes, np.int64).reshape(-1, 4))


def _range(pitches: list[int]) -> tuple[int, int]:
    """Lowest and highest pitch shown, with a little room, at least :data:`FEWEST_SEMITONES` apart."""
    low, high = (min(pitches) - 2, max(pitches) + 2) if pitches else (48, 72)
    missing = max(0, FEWEST_SEMITONES - (high - low))
    return low - missing // 2, high + (missing + 1) // 2


def _grid(data: Mapping[str, Any], scale: Scale, low: int, high: int, row: float) -> Codes:
    codes = np.full((scale.height_px, scale.width_px), GROUND, np.uint8)
    for c in range(low - low % 24, high + 1, 24):  # every other octave
        top, bottom = (high - c - 11) * row, (high - c + 1) * row
        codes[max(0, round(top)) : max(0, round(bottom))] = BAND
    for second in data.get("bars_s", ()):
        x = round(scale.x_at(second))
        if 0 <= x < scale.width_px:
            codes[:, x] = LINE
    return codes


def wave_strip(audio: Audio, scale: Scale) -> Strip:
    """Draw the loudness of sound as upright strokes about the middle, each as high as its root mean square."""
    count = max(1, int((scale.width_px - 2 * LEAD_PX) // PERIOD_PX))
    seconds = np.arange(count + 1) * PERIOD_PX / scale.pixels_per_s
    levels = _levels(audio, seconds)
    codes = np.full((scale.height_px, scale.width_px), GROUND, np.uint8)
    middle, reach = scale.height_px / 2, scale.height_px / 2 - 4
    boxes = []
    for number, level in enumerate(levels):
        left, half = scale.x_at(seconds[number]), max(1.5, reach * level)
        boxes.append(_paint(codes, (left, left + STROKE_PX, middle - half, middle + half), 1.0))
    return Strip(codes, scale, seconds[:-1], seconds[1:], np.array(boxes, np.int64).reshape(-1, 4))


def _levels(audio: Audio, seconds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Root mean square between the seconds, 0 to 1 of the loudest, raised for the eye."""
    power = np.concatenate(([0.0], np.cumsum(np.square(audio.samples, dtype=np.float64).mean(axis=1))))
    edges = np.clip(np.rint(seconds * audio.sample_rate_hz).astype(int), 0, len(power) - 1)
    level = np.sqrt(np.maximum(0.0, np.diff(power[edges])) / np.maximum(1, np.diff(edges)))
    return (level / max(float(level.max(initial=0.0)), 1e-9)) ** STROKE_POWER


def _paint(codes: Codes, box: tuple[float, float, float, float], fullness: float) -> tuple[int, int, int, int]:
    """Fill a box whose edges may lie within pixels, its corners softened; returns the pixels that it touches."""
    left, right, top, bottom = box
    x, across = _covered(left, right, codes.shape[1])
    y, down = _covered(top, bottom, codes.shape[0])
    part = np.outer(down, across) * fullness
    if min(part.shape) > 2:
        part[np.ix_((0, -1), (0, -1))] *= 0.45
    painted = np.rint(FAINTEST + part * (255 - FAINTEST)).astype(np.uint8)
    area = codes[y : y + len(down), x : x + len(across)]
    np.copyto(area, painted, where=(part > 0.04) & ((painted > area) | (area < FAINTEST)))
    return x, x + len(across), y, y + len(down)


def _covered(begin: float, end: float, limit: int) -> tuple[int, npt.NDArray[np.float64]]:
    """The first pixel of a stretch, and how much of each pixel from there on it covers, 0 to 1, within the limit."""
    first, last = min(limit, max(0, math.floor(begin))), min(limit, max(0, math.ceil(end)))
    pixel = np.arange(first, last)
    return first, np.clip(np.minimum(pixel + 1, end) - np.maximum(pixel, begin), 0.0, 1.0)
