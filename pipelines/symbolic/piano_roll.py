"""Score to a picture, to data for the page's canvas, and to a sentence.

In: a Score, whole or still growing. Out: an image (height, width, 3) uint8, a dictionary fit for JSON, or plain
English. Matplotlib is used through its objects only, never pyplot, so threads may draw at once.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.records import Note, Score

PAPER, INK, MUTED = "#fbfaf7", "#2b2d33", "#8a8d96"
BAR_LINE, OCTAVE_LINE, BAND = "#d9d7d0", "#ebe9e3", "#f3f1eb"
SOFT, LOUD = (0.62, 0.71, 0.86), (0.13, 0.20, 0.45)  # colours of velocity 20 and 115
SOFTEST, LOUDEST = 20, 115
DPI = 100
STILL_RANGE = (40, 81)
MOST_BAR_NUMBERS = 24
GROWTH_RATIO = 1.4
LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 52, 18, 34, 40

Image = npt.NDArray[np.uint8]


def draw(
    score: Score,
    *,
    until_beat: float | None = None,
    duration_s: float | None = None,
    width_px: int = 1200,
    height_px: int = 420,
) -> Image:
    """Draw pitch against time, velocity as shade: (height_px, width_px, 3) uint8.

    With `until_beat` only notes that begin before it are drawn, and a line stands there. `duration_s` keeps the time
    axis from growing: it is at least that long. A score without notes gives empty staves.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_px / DPI, height_px / DPI), dpi=DPI, facecolor=PAPER)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes(_frame(width_px, height_px), facecolor=PAPER)
    last_bar = _last_bar(score, until_beat, duration_s)
    low, high = _pitch_range(score)
    axes.set_xlim(0, last_bar * score.beats_per_bar)
    axes.set_ylim(low - 0.5, high + 0.5)
    _draw_grid(axes, score, last_bar, low, high)
    _draw_sections(axes, score, last_bar)
    _draw_notes(axes, [note for note in score.notes if until_beat is None or note.start_beat < until_beat])
    if until_beat is not None and until_beat < score.end_beat:
        axes.axvline(until_beat, color="#b3541e", linewidth=1.2, zorder=4)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _frame(width_px: int, height_px: int) -> tuple[float, float, float, float]:
    width, height = width_px - LEFT_PX - RIGHT_PX, height_px - TOP_PX - BOTTOM_PX
    return LEFT_PX / width_px, BOTTOM_PX / height_px, width / width_px, height / height_px


def _last_bar(score: Score, until_beat: float | None, duration_s: float | None) -> int:
    """Number of bars on the time axis."""
    beats = max(score.end_beat, until_beat or 0.0, _beat_at(score, duration_s or 0.0), float(score.beats_per_bar))
    return math.ceil(beats / score.beats_per_bar - 0.05)


def _beat_at(score: Score, second: float) -> float:
    """The beat that sounds at a second: the inverse of `Score.seconds_at`."""
    marks = score.tempo_marks
    latest = marks[0]
    for mark in marks:
        if score.seconds_at(mark.beat) <= second:
            latest = mark
    return latest.beat + (second - score.seconds_at(latest.beat)) * latest.bpm / 60.0


def _pitch_range(score: Score) -> tuple[int, int]:
    """Lowest and highest pitch of the axis: E2 to A5 at least, so that it keeps still while notes come."""
    pitches = [note.pitch for note in score.notes]
    low, high = STILL_RANGE
    return max(0, min([low, *(pitch - 2 for pitch in pitches)])), min(
        127, max([high, *(pitch + 2 for pitch in pitches)])
    )


def _draw_grid(axes: Any, score: Score, last_bar: int, low: int, high: int) -> None:
    """Octaves in turn light and lighter with their C names, bar lines with their numbers."""
    cs = [pitch for pitch in range(low, high + 1) if pitch % 12 == 0]
    for pitch in cs:
        axes.axhline(pitch - 0.5, color=OCTAVE_LINE, linewidth=0.8, zorder=0.6)
        if pitch % 24 == 0:
            axes.axhspan(pitch - 0.5, pitch + 11.5, color=BAND, linewidth=0, zorder=0.4)
    bar_beats = [bar * score.beats_per_bar for bar in range(last_bar + 1)]
    axes.vlines(bar_beats, low - 0.5, high + 0.5, BAR_LINE, linewidth=0.7, zorder=0.8)
    step = 1
    while last_bar / step > MOST_BAR_NUMBERS:
        step *= 2
    axes.set_xticks(bar_beats[:-1:step], [str(bar + 1) for bar in range(0, last_bar, step)], ha="left")
    axes.set_yticks(cs, [f"C{pitch // 12 - 1}" for pitch in cs])
    axes.tick_params(length=0, labelsize=9, labelcolor=MUTED, pad=5)
    axes.set_xlabel("bar", fontsize=9, color=MUTED, labelpad=3, loc="left")
    for side in axes.spines.values():
        side.set_visible(False)


def _draw_sections(axes: Any, score: Score, last_bar: int) -> None:
    """The name of each section above the staff, over a line as long as the section."""
    for section in score.sections:
        if section.first_bar >= last_bar:
            continue
        begin = section.first_bar * score.beats_per_bar
        end = min(section.first_bar + section.bars, last_bar) * score.beats_per_bar
        span = axes.get_xaxis_transform()
        axes.plot([begin, end - 0.15], [1.02, 1.02], transform=span, color=MUTED, linewidth=1.0, clip_on=False)
        axes.text(begin, 1.035, section.name, transform=span, fontsize=10, color=INK, va="bottom", ha="left")


def _draw_notes(axes: Any, notes: list[Note]) -> None:
    """All notes as one collection of rectangles."""
    from matplotlib.collections import PolyCollection

    corners = []
    for note in notes:
        left, right = note.start_beat, note.end_beat - min(0.05, note.duration_beats / 5)
        bottom, top = note.pitch - 0.42, note.pitch + 0.42
        corners.append(((left, bottom), (right, bottom), (right, top), (left, top)))
    colours = [shade(note.velocity) for note in notes]
    axes.add_collection(PolyCollection(corners, facecolors=colours, edgecolors="none", zorder=3), autolim=False)


def shade(velocity: int) -> tuple[float, float, float]:
    """Colour of a velocity, red, green and blue in 0 to 1: the louder, the darker."""
    part = min(1.0, max(0.0, (velocity - SOFTEST) / (LOUDEST - SOFTEST)))
    red, green, blue = (soft + part * (loud - soft) for soft, loud in zip(SOFT, LOUD, strict=True))
    return red, green, blue


def write_png(image: Image, path: str | Path) -> None:
    """Write an image (height, width, 3) uint8 as PNG."""
    from PIL import Image as Pillow

    Pillow.fromarray(image).save(path, format="PNG")


def to_data(score: Score) -> dict[str, Any]:
    """The score for the page's canvas, fit for JSON: times in seconds, to a millisecond.

    `notes` holds `start_s`, `end_s`, `pitch`, `velocity`; `bars_s` where each bar begins, and the end of the last;
    `sections` `name`, `start_s`, `end_s`; then `key`, `tempo_bpm`, `beats_per_bar`, `duration_s`.
    """

    def at(beat: float) -> float:
        return round(score.seconds_at(beat), 3)

    per_bar = score.beats_per_bar
    return {
        "notes": [
            {"start_s": at(n.start_beat), "end_s": at(n.end_beat), "pitch": n.pitch, "velocity": n.velocity}
            for n in score.notes
        ],
        "bars_s": [at(bar * per_bar) for bar in range(score.bar_count + 1)],
        "sections": [
            {"name": s.name, "start_s": at(s.first_bar * per_bar), "end_s": at((s.first_bar + s.bars) * per_bar)}
            for s in score.sections
        ],
        "key": score.key_name,
        "tempo_bpm": round(score.tempo_bpm, 2),
        "beats_per_bar": per_bar,
        "duration_s": round(score.duration_s, 3),
    }


def describe(score: Score) -> str:
    """Tell a score in one or two plain sentences: length, metre, key, tempo, register, motion, form."""
    if not score.notes:
        return "No notes yet."
    bars = f"{score.bar_count} bar{'s' if score.bar_count != 1 else ''}"
    first = f"{bars} of {score.beats_per_bar}/4 in {score.key_name} at {round(score.tempo_bpm)} BPM"
    traits = [trait for trait in (_register(score), _loudness(score), _density(score), _growth(score)) if trait]
    sentence = ", ".join([first, *traits])
    form = " ".join(section.name for section in score.sections)
    return f"{sentence}; the form is {form}." if len(score.sections) > 1 else f"{sentence}."


def _register(score: Score) -> str:
    """Where most of the sounding time lies, in pitch."""
    weights = [note.duration_beats for note in score.notes]
    mean = float(np.average([note.pitch for note in score.notes], weights=weights if sum(weights) > 0 else None))
    return "mostly low" if mean < 53 else "mostly high" if mean > 68 else ""


def _loudness(score: Score) -> str:
    mean = float(np.mean([note.velocity for note in score.notes]))
    return "soft" if mean < 58 else "loud" if mean > 96 else ""


def _density(score: Score) -> str:
    """Onsets a second, chords counted once."""
    onsets = len({round(note.start_beat, 2) for note in score.notes}) / max(1.0, score.duration_s)
    return "sparse" if onsets < 1.5 else "busy" if onsets > 5.0 else ""


def _growth(score: Score) -> str:
    """Whether the second half has notably more notes than the first, or fewer."""
    if score.bar_count < 4:
        return ""
    end = float(score.bar_count * score.beats_per_bar)
    first, second = (len(score.notes_between(begin, begin + end / 2)) for begin in (0.0, end / 2))
    if second >= GROWTH_RATIO * first:
        return "growing denser"
    return "thinning out" if first >= GROWTH_RATIO * second else ""
