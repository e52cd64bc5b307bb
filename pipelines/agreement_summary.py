"""What the marks of a class say, as figures: the whole class, each pipeline, each piece, each listener.

In: the answers of a class. Out: frozen records of the statistics of :mod:`pipelines.agreement`, for the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipelines.agreement import (
    AXES,
    Figure,
    Floats,
    Places,
    Quadrants,
    against_the_others,
    bootstrapped,
    correlation_with,
    distance_by_chance,
    distance_to_others,
    icc_2_1,
    krippendorff_alpha,
    mean_distance,
    mean_over,
    right_quadrants,
    spread_over_listeners,
)
from pipelines.classroom_answers import Answers
from pipelines.classroom_records import Piece, Point
from pipelines.errors import SettingsError

FEW_LISTENERS, FEW_PIECES = 12, 12
DRAWS_OF_ALPHA = 500


@dataclass(frozen=True)
class Toward:
    """How the marks lie to one target, what was wanted or what the model heard.

    `correlation` by axis, of the mean marks over the pieces; `distance` the mean of all marks; `by_chance` what that
    distance would be if the targets were dealt out at random.
    """

    correlation: Mapping[str, Figure]
    distance: Figure
    by_chance: float


@dataclass(frozen=True)
class Group:
    """Some pieces together: all, or those of one pipeline."""

    name: str
    pieces: int
    marks: int
    wanted: Toward
    heard: Toward
    marks_right: Quadrants
    means_right: Quadrants


@dataclass(frozen=True)
class PieceSummary:
    """One piece: how many marks, their mean and spread (standard deviation), the mean distance to what was wanted."""

    piece: Piece
    count: int
    mean: Point
    spread: Point
    distance: float


@dataclass(frozen=True)
class ListenerSummary:
    """One listener: how many pieces, correlation with the mean of the others by axis, mean distance to it."""

    name: str
    count: int
    correlation: Mapping[str, float]
    distance: float


@dataclass(frozen=True)
class Agreement:
    """All figures of a class; `alpha` and `icc` by axis, `complete` the listeners who marked every piece."""

    name: str
    listeners: tuple[ListenerSummary, ...]
    pieces: tuple[PieceSummary, ...]
    groups: tuple[Group, ...]
    alpha: Mapping[str, Figure]
    icc: Mapping[str, float]
    complete: int

    @property
    def caution(self) -> str:
        """What a small sample allows, in words; "" for one that is not small."""
        heard = sum(piece.count > 0 for piece in self.pieces)
        few = [
            f"{count} {noun}{'' if count == 1 else 's'}"
            for count, limit, noun in ((len(self.listeners), FEW_LISTENERS, "listener"), (heard, FEW_PIECES, "piece"))
            if count < limit
        ]
        if not few:
            return ""
        return (
            f"This is a small sample: only {' and '.join(few)}. Read the figures as a first impression; with other "
            "listeners or other pieces they may come out quite differently, as wide intervals show."
        )


def marks_array(answers: Answers) -> Floats:
    """The marks as (listeners, pieces, 2), NaN where there is none."""
    rows = {name: row for row, name in enumerate(answers.listeners)}
    marks = np.full((len(rows), len(answers.classroom.pieces), 2), np.nan)
    for mark in answers.marks:
        marks[rows[mark.listener], mark.piece - 1] = (mark.at.valence, mark.at.arousal)
    return marks


def summarise(answers: Answers, *, seed: int = 0) -> Agreement:
    """All figures of a class; the intervals' draws are seeded. Raises SettingsError where nobody marked anything."""
    if not answers.marks:
        raise SettingsError("Nobody has marked a piece yet; there is nothing to compare.")
    marks = marks_array(answers)
    pieces = answers.classroom.pieces
    pipelines = list(dict.fromkeys(piece.pipeline for piece in pieces))
    parts = {"all pieces": np.arange(len(pieces))}
    if len(pipelines) > 1:
        parts |= {name: np.array([i for i, p in enumerate(pieces) if p.pipeline == name]) for name in pipelines}
    return Agreement(
        name=answers.classroom.name,
        listeners=_listeners(answers, marks),
        pieces=_pieces(pieces, marks),
        groups=tuple(_group(name, pieces, marks, which, seed) for name, which in parts.items()),
        alpha={axis: _alpha(marks, number, seed) for number, axis in enumerate(AXES)},
        icc={axis: icc_2_1(marks[:, :, number]) for number, axis in enumerate(AXES)},
        complete=int(np.isfinite(marks).all(axis=(1, 2)).sum()),
    )


def _alpha(marks: Floats, axis: int, seed: int) -> Figure:
    return bootstrapped(
        marks,
        lambda drawn, _: krippendorff_alpha(drawn[:, :, axis]),
        seed=seed,
        draws=DRAWS_OF_ALPHA,
        draw_listeners=False,
    )


def _group(name: str, pieces: tuple[Piece, ...], marks: Floats, which: Places, seed: int) -> Group:
    wanted, heard = (
        np.array([(point.valence, point.arousal) for point in points])[which]
        for points in ([piece.wanted for piece in pieces], [piece.heard for piece in pieces])
    )
    part = marks[:, which]
    return Group(
        name,
        len(which),
        int(np.isfinite(part).all(axis=2).sum()),
        _toward(part, wanted, seed),
        _toward(part, heard, seed),
        right_quadrants(part, wanted),
        right_quadrants(mean_over(part, 0), wanted),
    )


def _toward(marks: Floats, points: Floats, seed: int) -> Toward:
    correlation = {
        axis: bootstrapped(marks, correlation_with(points, number), seed=seed) for number, axis in enumerate(AXES)
    }
    distance = bootstrapped(marks, lambda drawn, pieces: mean_distance(drawn, points[pieces]), seed=seed)
    return Toward(correlation, distance, distance_by_chance(marks, points))


def _pieces(pieces: tuple[Piece, ...], marks: Floats) -> tuple[PieceSummary, ...]:
    means, spreads = mean_over(marks, 0), spread_over_listeners(marks)
    counts = np.isfinite(marks).all(axis=2).sum(axis=0)
    found = []
    for i, piece in enumerate(pieces):
        target = np.array([piece.wanted.valence, piece.wanted.arousal])
        distance = mean_distance(marks[:, i : i + 1], target)
        found.append(PieceSummary(piece, int(counts[i]), _point(means[i]), _point(spreads[i]), distance))
    return tuple(found)


def _point(pair: Floats) -> Point:
    return Point(float(pair[0]), float(pair[1]))


def _listeners(answers: Answers, marks: Floats) -> tuple[ListenerSummary, ...]:
    correlations = {axis: against_the_others(marks[:, :, number]) for number, axis in enumerate(AXES)}
    apart = distance_to_others(marks)
    counts = np.isfinite(marks).all(axis=2).sum(axis=1)
    return tuple(
        ListenerSummary(name, int(counts[i]), {axis: float(correlations[axis][i]) for axis in AXES}, float(apart[i]))
        for i, name in enumerate(answers.listeners)
    )
