"""Does the music follow its path? A Score and the wanted Path in, what is heard window by window beside it out.

A window is as long as the clips that people rated, 15 s; :mod:`pipelines.hearing` listens to each. How well the path is
followed is said by two figures for valence and for arousal: Pearson's correlation of heard and wanted over the windows,
and monotony, the share of pairs of windows that are heard in the order in which they are wanted.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipelines.path import Feeling, Path, apart
from pipelines.records import Note, Score, TempoMark

WINDOW_S = 15.0
SHORTEST_WINDOW_S = 6.0
LEAST_STEP = 0.3  # windows whose wanted values lie closer than this are in no order


@dataclass(frozen=True)
class Window:
    """What was wanted and what was heard (valence and arousal, 1 to 9) from `begin_s` to `end_s`."""

    begin_s: float
    end_s: float
    wanted: Feeling
    heard: Feeling


@dataclass(frozen=True)
class Following:
    """How well a path was followed: for valence and arousal the correlation -1 to 1 and the monotony 0 to 1.

    NaN where the wanted value never changes. `distance` is the mean distance on the plane.
    """

    correlation: Feeling
    monotony: Feeling
    distance: float


def heard_along(score: Score, path: Path, *, window_s: float = WINDOW_S) -> tuple[Window, ...]:
    """Hear a score in windows one after another; the last is left out if it is shorter than 6 s or holds no note.

    Raises WeightsError as :func:`pipelines.hearing.hear`.
    """
    edges = [*np.arange(0.0, score.duration_s, window_s).tolist(), score.duration_s]
    return heard_between(score, path, [pair for pair in itertools.pairwise(edges) if _long_enough(*pair)])


def _long_enough(begin_s: float, end_s: float) -> bool:
    return end_s - begin_s >= SHORTEST_WINDOW_S


def heard_between(score: Score, path: Path, spans_s: Sequence[tuple[float, float]]) -> tuple[Window, ...]:
    """Hear a score between some seconds; spans without a note are left out."""
    from pipelines.hearing import hear_points

    seconds = [score.seconds_at(note.start_beat) for note in score.notes]
    parts = [_part(score, seconds, begin, end) for begin, end in spans_s]
    full = [(span, part) for span, part in zip(spans_s, parts, strict=True) if part.notes]
    heard = hear_points([part for _, part in full])
    return tuple(
        Window(begin, end, path.mean(begin, end), (float(point[0]), float(point[1])))
        for ((begin, end), _), point in zip(full, heard, strict=True)
    )


def _part(score: Score, seconds: Sequence[float], begin_s: float, end_s: float) -> Score:
    """The notes that start between two seconds, moved to the beginning, at the mean tempo there."""
    notes = [note for note, at in zip(score.notes, seconds, strict=True) if begin_s <= at < end_s]
    if not notes:
        return replace(score, notes=())
    return window_of(notes, score, notes[0].start_beat, tempo_bpm=tempo_between(score, begin_s, end_s))


def window_of(notes: Sequence[Note], score: Score, from_beat: float, *, tempo_bpm: float) -> Score:
    """Some notes of a score as a score of their own that begins with the bar of `from_beat`, at one tempo."""
    start = math.floor(from_beat / score.beats_per_bar) * score.beats_per_bar
    moved = tuple(replace(note, start_beat=note.start_beat - start) for note in notes)
    return replace(score, notes=moved, tempo_marks=(TempoMark(0.0, tempo_bpm),), sections=())


def tempo_between(score: Score, begin_s: float, end_s: float) -> float:
    """Mean tempo in beats a minute between two seconds."""
    beats, second = 0.0, 0.0
    for mark, following in itertools.zip_longest(score.tempo_marks, score.tempo_marks[1:]):
        until = math.inf if following is None else second + (following.beat - mark.beat) * 60 / mark.bpm
        beats += max(0.0, min(end_s, until) - max(begin_s, second)) * mark.bpm / 60
        second = until
    return beats * 60 / (end_s - begin_s)


def following(windows: Sequence[Window]) -> Following:
    """Compare what was heard with what was wanted over at least two windows."""
    wanted = np.array([window.wanted for window in windows])
    heard = np.array([window.heard for window in windows])
    pairs = [(_correlation(w, h), _monotony(w, h)) for w, h in zip(wanted.T, heard.T, strict=True)]
    (cv, mv), (ca, ma) = pairs
    distance = float(np.mean([apart(window.wanted, window.heard) for window in windows]))
    return Following((cv, ca), (mv, ma), distance)


def _correlation(wanted: np.ndarray, heard: np.ndarray) -> float:
    if len(wanted) < 2 or np.ptp(wanted) < LEAST_STEP or np.ptp(heard) < 1e-9:
        return math.nan
    return float(np.corrcoef(wanted, heard)[0, 1])


def _monotony(wanted: np.ndarray, heard: np.ndarray) -> float:
    """Share of the pairs of windows, wanted apart, that are heard in the same order."""
    apart_ = [
        (wanted[j] - wanted[i]) * (heard[j] - heard[i]) > 0
        for i, j in itertools.combinations(range(len(wanted)), 2)
        if abs(wanted[j] - wanted[i]) >= LEAST_STEP
    ]
    return float(np.mean(apart_)) if apart_ else math.nan
