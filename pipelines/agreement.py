"""Statistics of how listeners agree: with what was wanted, with the model's hearing, and with each other.

Marks are an array (listeners, pieces, 2) float64, valence and arousal on 1 to 9, NaN where a listener did not mark a
piece; points of the pieces are (pieces, 2). A figure that the data cannot give is NaN. Intervals are 95 % percentile
intervals of a bootstrap that draws listeners and pieces anew, each with replacement ("pigeonhole" bootstrap, Owen,
Annals of Applied Statistics 1 (2007) 386-411), so they speak for other listeners and other pieces of the same kind.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.records import VA_MIDDLE

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
AXES = ("valence", "arousal")
DRAWS = 1000
LEAST_DRAWN = 0.5  # of the draws must give a figure, or there is no interval
FEWEST_PIECES = 3  # for a correlation


@dataclass(frozen=True)
class Figure:
    """An estimate with its 95 % interval; NaN where the data cannot give it."""

    value: float
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class Quadrants:
    """How many points lie in the wanted quadrant: `hits` of `count`, against `chance`.

    `chance` is the larger of 1/4 and the agreement of two that choose quadrants as often as these, but blindly (the
    chance term of Cohen's kappa); `p_value` is of the one-sided exact binomial test, `low` and `high` the
    Clopper-Pearson 95 % interval of the proportion.
    """

    hits: int
    count: int
    chance: float
    p_value: float
    low: float
    high: float

    @property
    def proportion(self) -> float:
        """The part that lies right, 0 to 1."""
        return self.hits / self.count if self.count else math.nan


def pearson(first: Floats, second: Floats) -> float:
    """Correlation of two (pieces,) arrays over the pieces that both have; NaN for fewer than 3 or for no spread."""
    both = np.isfinite(first) & np.isfinite(second)
    x, y = first[both], second[both]
    if len(x) < FEWEST_PIECES:
        return math.nan
    x, y = x - x.mean(), y - y.mean()
    scale = math.sqrt(float(x @ x) * float(y @ y))
    return float(x @ y) / scale if scale > 1e-12 else math.nan


def mean_over(values: Floats, axis: int | None = None) -> Any:
    """Mean without NaN; NaN where there is nothing."""
    there = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.where(there, values, 0.0).sum(axis=axis) / there.sum(axis=axis)


def spread_over_listeners(marks: Floats) -> Floats:
    """Standard deviation (n - 1) of (listeners, pieces, 2) for each piece and axis; NaN for fewer than two marks."""
    there = np.isfinite(marks)
    squares = np.where(there, (marks - mean_over(marks, 0)) ** 2, 0.0).sum(axis=0)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.sqrt(squares / np.where(there.sum(axis=0) > 1, there.sum(axis=0) - 1, np.nan)))


def distances(marks: Floats, points: Floats) -> Floats:
    """Euclidean distance of each mark to its piece's point: (listeners, pieces), 0 to 8√2."""
    return np.asarray(np.hypot(*np.moveaxis(marks - points, -1, 0)))


def mean_distance(marks: Floats, points: Floats) -> float:
    """Mean over all marks of the distance to their piece's point."""
    return float(mean_over(distances(marks, points)))


def distance_by_chance(marks: Floats, points: Floats) -> float:
    """What :func:`mean_distance` would be, on average, if the pieces' points were dealt out at random."""
    marked = marks[np.isfinite(marks).all(axis=2)]
    if not len(marked):
        return math.nan
    return float(np.hypot(*np.moveaxis(marked[:, None] - points[None], -1, 0)).mean())


def correlation_with(points: Floats, axis: int) -> Callable[[Floats, Places], float]:
    """The statistic "correlation of the mean marks with these points", for :func:`bootstrapped`.

    NaN for a draw of fewer than three different pieces, through which always runs a line.
    """

    def correlation(marks: Floats, pieces: Places) -> float:
        if len(set(pieces.tolist())) < FEWEST_PIECES:
            return math.nan
        return pearson(mean_over(marks[:, :, axis], 0), points[pieces, axis])

    return correlation


def bootstrapped(
    marks: Floats,
    statistic: Callable[[Floats, Places], float],
    *,
    seed: int = 0,
    draws: int = DRAWS,
    draw_listeners: bool = True,
) -> Figure:
    """A statistic of (marks, indices of the pieces they are of) with its interval.

    Set `draw_listeners` False for a statistic that compares listeners, which would take one drawn twice for two that
    agree. Draws for which the statistic is NaN are left out; there is no interval where over half are.
    """
    random = np.random.default_rng(seed)
    listeners, pieces = marks.shape[:2]
    value = statistic(marks, np.arange(pieces))
    found: list[float] = []
    for _ in range(draws if math.isfinite(value) and pieces > 1 else 0):
        who = random.integers(0, listeners, (listeners,)) if draw_listeners else np.arange(listeners)
        what = random.integers(0, pieces, (pieces,))
        found.append(statistic(marks[np.ix_(who, what)], what))
    good = [one for one in found if math.isfinite(one)]
    if len(good) < max(1.0, LEAST_DRAWN * draws):
        return Figure(value)
    low, high = np.percentile(good, (2.5, 97.5))
    return Figure(value, float(low), float(high))


def krippendorff_alpha(ratings: Floats) -> float:
    """Krippendorff's alpha for interval data of (raters, units), NaN for a rating that is missing.

    1 is full agreement, 0 what chance gives, below 0 disagreement by system. Source: K. Krippendorff, "Computing
    Krippendorff's Alpha-Reliability" (2011), with the squared difference as metric; checked against its example
    (0.849). NaN with fewer than two raters of some unit, or where all ratings are the same.
    """
    units = [column[np.isfinite(column)] for column in ratings.T]
    units = [unit for unit in units if len(unit) >= 2]
    paired = np.concatenate(units) if units else np.empty(0)
    count = len(paired)
    if count < 2:
        return math.nan
    # Over all ordered pairs of m values, the squared differences sum to 2 m times their sum of squares about the mean.
    observed = sum(2 * len(unit) * _squares(unit) / (len(unit) - 1) for unit in units) / count
    expected = 2 * count * _squares(paired) / (count * (count - 1))
    return 1.0 - observed / expected if expected > 1e-12 else math.nan


def _squares(values: Floats) -> float:
    return float(((values - values.mean()) ** 2).sum())


def icc_2_1(ratings: Floats) -> float:
    """Intraclass correlation ICC(2,1), two-way random, absolute agreement, single rater, of (raters, units).

    Source: P. Shrout and J. Fleiss, "Intraclass Correlations", Psychological Bulletin 86 (1979) 420-428, checked
    against its table 4 (0.29). Only raters of all units count; NaN with fewer than two of them or of units.
    """
    whole = ratings[np.isfinite(ratings).all(axis=1)]
    raters, units = whole.shape
    if raters < 2 or units < 2:
        return math.nan
    between_units = raters * _squares(whole.mean(axis=0)) / (units - 1)
    between_raters = units * _squares(whole.mean(axis=1)) / (raters - 1)
    total = _squares(whole.ravel())
    rest = total - between_units * (units - 1) - between_raters * (raters - 1)
    error = rest / ((raters - 1) * (units - 1))
    below = between_units + (raters - 1) * error + raters * (between_raters - error) / units
    return (between_units - error) / below if below > 1e-12 else math.nan


def against_the_others(ratings: Floats) -> Floats:
    """For each rater of (raters, units) the correlation with the mean of all others, (raters,), NaN where undefined."""
    found = []
    for rater in range(len(ratings)):
        others = np.delete(ratings, rater, axis=0)
        found.append(pearson(ratings[rater], mean_over(others, 0)) if len(others) else math.nan)
    return np.array(found)


def distance_to_others(marks: Floats) -> Floats:
    """For each listener the mean distance to the mean of all others' marks, (listeners,), NaN where undefined."""
    found = []
    for rater in range(len(marks)):
        others = np.delete(marks, rater, axis=0)
        found.append(float(mean_over(distances(marks[rater], mean_over(others, 0)))) if len(others) else math.nan)
    return np.array(found)


def quadrant(points: Floats) -> npt.NDArray[np.int64]:
    """Quadrant of (…, 2) points: 0 to 3 by pleasant and excited, -1 for one on an axis (at 5) or missing."""
    valence, arousal = np.moveaxis(points, -1, 0)
    inside = np.isfinite(valence) & np.isfinite(arousal) & (valence != VA_MIDDLE) & (arousal != VA_MIDDLE)
    return np.where(inside, (valence > VA_MIDDLE) + 2 * (arousal > VA_MIDDLE), -1).astype(np.int64)


def right_quadrants(points: Floats, wanted: Floats) -> Quadrants:
    """How many of the points (…, pieces, 2) lie in the quadrant wanted; one on an axis lies in none.

    Points without a mark, and pieces whose wanted point lies on an axis, do not count.
    """
    from scipy.stats import binomtest

    aims = np.broadcast_to(quadrant(wanted), points.shape[:-1])
    counts = np.isfinite(points).all(axis=-1) & (aims >= 0)
    aimed, got = aims[counts], quadrant(points)[counts]
    if not len(aimed):
        return Quadrants(0, 0, 0.25, math.nan, math.nan, math.nan)
    chance = max(0.25, sum(float((aimed == q).mean() * (got == q).mean()) for q in range(4)))
    hits = int((aimed == got).sum())
    test = binomtest(hits, len(aimed), min(1.0, chance), alternative="greater")
    interval = binomtest(hits, len(aimed)).proportion_ci(0.95, "exact")
    return Quadrants(hits, len(aimed), chance, float(test.pvalue), float(interval.low), float(interval.high))
