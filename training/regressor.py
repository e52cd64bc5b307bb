"""Fit `pipelines.regressor.Regressor`: features and targets in, weights and cross-validated predictions out.

The kernel half is support vector regression with a radial kernel, the trees are histogram gradient boosting. The
kernel's width and strictness are chosen by inner folds, anew in every outer fold, so that the outer folds' figures
are of data never seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.regressor import CLIP_SD, Regressor

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FitSettings:
    """How to fit: folds outer and inner, the kernel's choices (C, gamma times the number of features), the trees."""

    folds: int = 10
    inner_folds: int = 3
    kernel_grid: tuple[tuple[float, float], ...] = ((1.0, 0.4), (2.0, 0.4), (1.0, 0.8))
    epsilon: float = 0.3
    trees: int = 300
    leaves: int = 10
    learning_rate: float = 0.04
    samples_per_leaf: int = 20
    l2: float = 10.0
    features_per_split: float = 0.25
    seed: int = 0


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Held-out predictions (rows, K) of the whole, and of either half, beside the targets (rows, K)."""

    targets: Floats
    both: Floats
    kernel: Floats
    trees: Floats

    def r(self, part: str = "both") -> tuple[float, ...]:
        """Pearson's r of each output, for "both", "kernel" or "trees"."""
        guess = getattr(self, part)
        pairs = zip(guess.T, self.targets.T, strict=True)
        return tuple(float(np.corrcoef(g, t)[0, 1]) for g, t in pairs)


def cross_validate(
    X: Floats, Y: Floats, settings: FitSettings, *, groups: npt.NDArray[np.int64] | None = None
) -> CrossValidation:
    """Predict every row of X (rows, F) by a fit on the other folds; rows of one group stay in one fold."""
    kernel, trees = np.zeros_like(Y), np.zeros_like(Y)
    for train, test in outer_folds(len(X), settings, groups=groups):
        fitted = fit(X[train], Y[train], settings)
        kernel[test], trees[test] = fitted.predict_kernel(X[test]), fitted.predict_trees(X[test])
    return CrossValidation(Y, 0.5 * (kernel + trees), kernel, trees)


def outer_folds(
    rows: int, settings: FitSettings, *, groups: npt.NDArray[np.int64] | None = None
) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Train and test rows of each fold, shuffled by the seed."""
    from sklearn.model_selection import GroupKFold, KFold

    if groups is None:
        return list(KFold(settings.folds, shuffle=True, random_state=settings.seed).split(np.zeros(rows)))
    folds = GroupKFold(settings.folds, shuffle=True, random_state=settings.seed)
    return list(folds.split(np.zeros(rows), groups=groups))


def fit(X: Floats, Y: Floats, settings: FitSettings) -> Regressor:
    """Fit on X (rows, F), Y (rows, K); `residual_sd` is 0 until :func:`with_residuals` sets it."""
    mean, scale = X.mean(axis=0), np.maximum(X.std(axis=0), 1e-6)
    # The centres are stored as float16: fit on what will be read back.
    Z = np.clip((X - mean) / scale, -CLIP_SD, CLIP_SD).astype(np.float16).astype(np.float64)
    machines = [_fit_kernel(Z, y, settings) for y in Y.T]
    groves = [_fit_trees(X, y, settings) for y in Y.T]
    dual = np.zeros_like(Y)
    for k, machine in enumerate(machines):
        dual[machine.support_, k] = machine.dual_coef_[0]
    return Regressor(
        mean=mean,
        scale=scale,
        centres=Z.astype(np.float32),
        dual=dual,
        intercept=np.array([float(m.intercept_[0]) for m in machines]),
        gamma=np.array([float(m.gamma) for m in machines]),
        **_pack(groves),
        residual_sd=np.zeros(Y.shape[1]),
    )


def with_residuals(regressor: Regressor, validation: CrossValidation) -> Regressor:
    """Set the standard deviation of the cross-validated error."""
    return replace(regressor, residual_sd=(validation.both - validation.targets).std(axis=0))


def _fit_kernel(Z: Floats, y: Floats, settings: FitSettings) -> Any:
    from sklearn.model_selection import GridSearchCV, KFold
    from sklearn.svm import SVR

    grid = [{"C": [c], "gamma": [g / Z.shape[1]]} for c, g in settings.kernel_grid]
    inner = KFold(settings.inner_folds, shuffle=True, random_state=settings.seed)
    search = GridSearchCV(SVR(epsilon=settings.epsilon), grid, cv=inner, scoring="r2")
    return search.fit(Z, y).best_estimator_


def _fit_trees(X: Floats, y: Floats, settings: FitSettings) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        max_iter=settings.trees,
        learning_rate=settings.learning_rate,
        max_leaf_nodes=settings.leaves,
        min_samples_leaf=settings.samples_per_leaf,
        l2_regularization=settings.l2,
        max_features=settings.features_per_split,
        early_stopping=False,
        random_state=settings.seed,
    ).fit(X, y)


def _pack(groves: list[Any]) -> dict[str, Any]:
    """The trees' node tables as rectangular arrays (K, T, M); unused nodes are leaves of value 0."""
    tables = [[stage[0].nodes for stage in grove._predictors] for grove in groves]
    shape = (len(tables), len(tables[0]), max(len(table) for grove in tables for table in grove))
    feature = np.zeros(shape, np.int16)
    threshold, value = np.zeros(shape), np.zeros(shape)
    left = np.broadcast_to(np.arange(shape[2], dtype=np.int16), shape).copy()
    right = left.copy()
    for k, grove in enumerate(tables):
        for t, nodes in enumerate(grove):
            inner = np.flatnonzero(nodes["is_leaf"] == 0)
            feature[k, t, inner] = nodes["feature_idx"][inner]
            threshold[k, t, inner] = nodes["num_threshold"][inner]
            left[k, t, inner], right[k, t, inner] = nodes["left"][inner], nodes["right"][inner]
            value[k, t, : len(nodes)] = nodes["value"]
    baseline = np.array([float(np.ravel(grove._baseline_prediction)[0]) for grove in groves])
    packed = {"feature": feature, "threshold": threshold, "left": left, "right": right}
    return {**packed, "value": value, "baseline": baseline}
