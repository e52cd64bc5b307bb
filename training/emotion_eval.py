"""How well the emotion reader reads pictures that it was not fitted with.

In: tables of features and ratings. Out: held-out opinions, and scores of them.

Conventions
-----------
Two ways of splitting into ten folds: "random" (pictures shuffled) and "themes" (whole themes held out: no theme in
both halves). A fold's standardisation, kernel and heads never see its pictures, in whatever style. The blend's 14
free numbers for a fold are fitted on the held-out opinions on all other folds. Correlations are taken once over all
held-out readings, not averaged over folds.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pipelines.emotion import Blend, Opinion
from pipelines.records import LABELS
from training.emotion_fit import (
    FitSettings,
    fit_blend,
    fit_heads,
    fit_kernel,
    label_numbers,
    opinion_of,
    region_masses,
)
from training.emotion_table import Table

log = logging.getLogger(__name__)
Floats = npt.NDArray[np.float64]
Splits = list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]
FOLDS = 10
CALIBRATION_BINS = 10


@dataclass(frozen=True, eq=False)
class Readings:
    """Held-out readings of n pictures: `va` and `spread` (n, 2), `probabilities` (n, 5)."""

    va: Floats
    spread: Floats
    probabilities: Floats


@dataclass(frozen=True)
class Scores:
    """Scores of held-out readings against the ratings.

    `r_*` Pearson's r; `mae_*` mean absolute error on 1 to 9; `within_sd` share of readings within one standard
    deviation (0.68 is right); `accuracy`, `log_loss` (nats) and `calibration_error` (expected, 10 bins, of the most
    probable label) against the circumplex's label of the rated means; `log_loss_of_shares` that of always giving the
    labels' shares.
    """

    r_valence: float
    r_arousal: float
    mae_valence: float
    mae_arousal: float
    within_sd: float
    accuracy: float
    log_loss: float
    calibration_error: float
    log_loss_of_shares: float


def make_splits(themes: Sequence[str], *, kind: str, seed: int, folds: int = FOLDS) -> Splits:
    """Training and held-out picture numbers of each fold; `kind` is "random" or "themes"."""
    from sklearn.model_selection import GroupKFold, KFold

    rows = np.arange(len(themes))
    if kind == "random":
        return list(KFold(folds, shuffle=True, random_state=seed).split(rows))
    return list(GroupKFold(folds, shuffle=True, random_state=seed).split(rows, groups=list(themes)))


def held_out_opinions(
    tables: Sequence[Table], seen: Sequence[Table], va: Floats, splits: Splits, *, settings: FitSettings
) -> list[Opinion]:
    """For each table of `seen` the opinions on every picture by a reader fitted on the other folds of `tables`."""
    width = 2 + len(LABELS)
    opinions = [Opinion(np.zeros((len(va), width)), np.zeros((len(va), width + 2))) for _ in seen]
    for number, (train, test) in enumerate(splits):
        kernel = fit_kernel(tables, train, va, settings=settings)
        heads = fit_heads(tables, train, va, settings=settings)
        for opinion, table in zip(opinions, seen, strict=True):
            said = opinion_of(kernel, heads, table, test)
            opinion.kernel[test], opinion.head[test] = said.kernel, said.head
        log.info("fold %d of %d", number + 1, len(splits))
    return opinions


def blended(fitted_on: Opinion, said: Opinion, va: Floats, splits: Splits) -> Readings:
    """Blend the opinions `said`, each fold by a blend fitted on the other folds' opinions `fitted_on`."""
    readings = Readings(np.zeros((len(va), 2)), np.zeros((len(va), 2)), np.zeros((len(va), len(LABELS))))
    for train, test in splits:
        blend = fit_blend(_rows(fitted_on, train), va[train])
        found = apply_blend(blend, _rows(said, test))
        readings.va[test], readings.spread[test] = found.va, found.spread
        readings.probabilities[test] = found.probabilities
    return readings


def apply_blend(blend: Blend, opinion: Opinion) -> Readings:
    """Blend opinions on n pictures."""
    points, spreads = blend.points(opinion)
    return Readings(points, spreads, blend.probabilities(opinion, region_masses(points, spreads)))


def _rows(opinion: Opinion, rows: npt.NDArray[np.int64]) -> Opinion:
    return replace(opinion, kernel=opinion.kernel[rows], head=opinion.head[rows])


def pearson(said: Floats, rated: Floats) -> float:
    """Pearson's r of two (n,) arrays."""
    return float(np.corrcoef(said, rated)[0, 1])


def calibration_error(probabilities: Floats, labels: npt.NDArray[np.int64]) -> float:
    """Expected calibration error of the most probable label (Guo et al. 2017), 0 to 1, in bins of equal width."""
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    bins = np.minimum((sure * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = [abs(sure[bins == b].sum() - right[bins == b].sum()) for b in range(CALIBRATION_BINS)]
    return float(sum(gaps) / len(labels))


def score(readings: Readings, va: Floats) -> Scores:
    """Score held-out readings against ratings (n, 2) on 1 to 9."""
    labels = label_numbers(va)
    errors = np.abs(readings.va - va)
    shares = np.bincount(labels, minlength=len(LABELS)) / len(labels)
    likely = readings.probabilities[np.arange(len(labels)), labels]
    return Scores(
        r_valence=pearson(readings.va[:, 0], va[:, 0]),
        r_arousal=pearson(readings.va[:, 1], va[:, 1]),
        mae_valence=float(errors[:, 0].mean()),
        mae_arousal=float(errors[:, 1].mean()),
        within_sd=float((errors <= readings.spread).mean()),
        accuracy=float((readings.probabilities.argmax(axis=1) == labels).mean()),
        log_loss=float(-np.log(likely).mean()),
        calibration_error=calibration_error(readings.probabilities, labels),
        log_loss_of_shares=float(-np.log(shares[labels]).mean()),
    )


@dataclass(frozen=True)
class StyleMove:
    """How a style moves held-out readings of `pictures` pictures against those of the plain picture.

    `valence`, `arousal`: mean distance on 1 to 9; `r_valence`, `r_arousal`: against the ratings, in the style;
    `flips`: share of pictures whose most probable label changes; `sure_flips`: the same among those whose label had
    a probability of at least one half.
    """

    style: str
    pictures: int
    valence: float
    arousal: float
    r_valence: float
    r_arousal: float
    flips: float
    sure_flips: float


def style_move(style: str, worn: npt.NDArray[np.bool_], plain: Readings, styled: Readings, va: Floats) -> StyleMove:
    """Measure the pictures (n,) that wear the style."""
    before, after = plain.probabilities[worn], styled.probabilities[worn]
    flipped = before.argmax(axis=1) != after.argmax(axis=1)
    sure = before.max(axis=1) >= 0.5
    distance = np.abs(plain.va[worn] - styled.va[worn]).mean(axis=0)
    return StyleMove(
        style=style,
        pictures=int(worn.sum()),
        valence=float(distance[0]),
        arousal=float(distance[1]),
        r_valence=pearson(styled.va[worn, 0], va[worn, 0]),
        r_arousal=pearson(styled.va[worn, 1], va[worn, 1]),
        flips=float(flipped.mean()),
        sure_flips=float(flipped[sure].mean()) if sure.any() else 0.0,
    )
