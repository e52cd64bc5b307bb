"""A path through valence and arousal over time: what a piece is to feel like at each of its seconds.

In: the emotions of several pictures, or where a listener is and wishes to be. Out: a :class:`Path` of points between
which valence and arousal (1 to 9) change evenly. Seconds are counted from the beginning of the music.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.errors import SettingsError
from pipelines.records import VA_MAX, VA_MIN, clip_va

Feeling = tuple[float, float]


@dataclass(frozen=True)
class PathPoint:
    """At `second` the music is to have this valence and arousal (1 to 9)."""

    second: float
    valence: float
    arousal: float


@dataclass(frozen=True)
class Path:
    """Points in order of time; of two at one second the path leaps from the first to the second."""

    points: tuple[PathPoint, ...]

    @property
    def duration_s(self) -> float:
        """Where the path ends, in seconds."""
        return self.points[-1].second

    def at(self, second: float) -> Feeling:
        """Valence and arousal at a second; before the first and after the last point those of that point."""
        after = bisect.bisect_right(self.points, second, key=lambda point: point.second)
        if after == 0:
            return self.points[0].valence, self.points[0].arousal
        if after == len(self.points):
            return self.points[-1].valence, self.points[-1].arousal
        left, right = self.points[after - 1], self.points[after]
        part = (second - left.second) / (right.second - left.second)
        return (
            left.valence + part * (right.valence - left.valence),
            left.arousal + part * (right.arousal - left.arousal),
        )

    def mean(self, begin_s: float, end_s: float, *, samples: int = 32) -> Feeling:
        """Mean valence and arousal between two seconds."""
        step = (end_s - begin_s) / samples
        seen = [self.at(begin_s + (i + 0.5) * step) for i in range(samples)]
        return sum(v for v, _ in seen) / samples, sum(a for _, a in seen) / samples


def check_feeling(valence: float, arousal: float) -> None:
    """Raise SettingsError for a point that does not lie on the plane of valence and arousal."""
    for name, value in (("valence", valence), ("arousal", arousal)):
        if not VA_MIN <= value <= VA_MAX:
            raise SettingsError(f"The {name} cannot be {value:g}; choose {VA_MIN:g} to {VA_MAX:g}.")


def stepped_path(feelings: Sequence[Feeling], cuts_s: Sequence[float], duration_s: float) -> Path:
    """One feeling after another: the first from 0 on, each of the others from its cut on.

    `cuts_s` are the seconds at which the second, third, … begin, one fewer than there are feelings.
    """
    begins = [0.0, *cuts_s]
    ends = [*cuts_s, duration_s]
    points: list[PathPoint] = []
    for (valence, arousal), begin, end in zip(feelings, begins, ends, strict=True):
        points += [PathPoint(begin, valence, arousal), PathPoint(end, valence, arousal)]
    return Path(tuple(points))


def iso_path(
    start: Feeling,
    goal: Feeling,
    duration_s: float,
    *,
    hold_start: float = 0.15,
    hold_end: float = 0.2,
    arousal_ceiling: float = VA_MAX,
) -> Path:
    """From where the listener is to where they wish to be, after the iso principle.

    Music first meets the listener's mood, then leads it away in small steps (Altshuler 1948; Heiderscheit and Madson
    2015): the start is held for a share `hold_start` of the time, the goal for `hold_end`, and in between the path goes
    evenly. No point lies above `arousal_ceiling`. Raises SettingsError for points off the plane, shares below 0 or
    that leave less than a tenth of the time for the way, or a ceiling that is not 1 to 9.
    """
    check_feeling(*start)
    check_feeling(*goal)
    if not VA_MIN <= arousal_ceiling <= VA_MAX:
        raise SettingsError(f"The ceiling on arousal cannot be {arousal_ceiling:g}; choose {VA_MIN:g} to {VA_MAX:g}.")
    if not (hold_start >= 0 and hold_end >= 0 and hold_start + hold_end <= 0.9):
        raise SettingsError(
            f"Start and end cannot be held for {hold_start:g} and {hold_end:g} of the time; "
            "choose shares from 0 on that are together 0.9 at most."
        )
    (v0, a0), (v1, a1) = ((clip_va(v), min(arousal_ceiling, clip_va(a))) for v, a in (start, goal))
    return Path(
        (
            PathPoint(0.0, v0, a0),
            PathPoint(hold_start * duration_s, v0, a0),
            PathPoint((1 - hold_end) * duration_s, v1, a1),
            PathPoint(duration_s, v1, a1),
        )
    )


def apart(one: Feeling, other: Feeling) -> float:
    """Distance of two feelings on the plane, 0 to 8√2."""
    return math.dist(one, other)
