"""Distances between sets of sounds by what a network makes of them: FAD, KL divergence, inception score.

Embeddings are (n, d), a row a window; class probabilities are (n, classes), a row a piece, each summing to 1. All
figures depend on the network, so they compare only with figures by the same one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipelines.errors import SettingsError

Floats = npt.NDArray[np.float64]
LEAST_ROWS = 2
TINY = 1e-12


def frechet_distance(reference: npt.ArrayLike, generated: npt.ArrayLike) -> float:
    """Fréchet distance of the Gaussians fitted to two sets of embeddings, 0 or more (FAD; Kilgour et al. 2019, eq. 1).

    |m - m'|² + tr(S + S' - 2 (S S')^½). The trace of the root is the sum of the singular values of the product of the
    two centred sets' data, which needs no root of a matrix and holds for fewer rows than dimensions. Sets of fewer rows
    than dimensions give too high a figure; compare equal sizes.

    Raises:
        SettingsError: a set has fewer than 2 rows, or the sets' dimensions differ.
    """
    x, y = _rows(reference), _rows(generated)
    if x.shape[1] != y.shape[1]:
        raise SettingsError(f"Embeddings of {x.shape[1]} and {y.shape[1]} dimensions do not compare; use one network.")
    apart = np.square(x.mean(axis=0) - y.mean(axis=0)).sum()
    x, y = (rows - rows.mean(axis=0) for rows in (x, y))
    x, y = (rows / np.sqrt(len(rows) - 1) for rows in (x, y))
    root = np.linalg.svd(x @ y.T, compute_uv=False).sum()
    return max(0.0, float(apart + np.square(x).sum() + np.square(y).sum() - 2.0 * root))


def _rows(values: npt.ArrayLike) -> Floats:
    rows = np.asarray(values, np.float64)
    if rows.ndim != 2 or len(rows) < LEAST_ROWS:
        raise SettingsError(f"A set of {len(rows)} windows has no spread; give at least {LEAST_ROWS}.")
    return rows


def kl_divergence(reference: npt.ArrayLike, generated: npt.ArrayLike) -> float:
    """Mean Kullback-Leibler divergence, in nats, of the reference's class probabilities from the generated's by pairs.

    Raises:
        SettingsError: the sets have not as many rows and classes.
    """
    p, q = np.asarray(reference, np.float64), np.asarray(generated, np.float64)
    if p.shape != q.shape:
        raise SettingsError(f"Sets of the shapes {p.shape} and {q.shape} make no pairs; give as many pieces of each.")
    return float((p * (np.log(p + TINY) - np.log(q + TINY))).sum(axis=1).mean())


def kl_of_means(reference: npt.ArrayLike, generated: npt.ArrayLike) -> float:
    """The same of the sets' mean probabilities, where the pieces make no pairs."""
    p, q = (np.asarray(rows, np.float64).mean(axis=0, keepdims=True) for rows in (reference, generated))
    return kl_divergence(p, q)


def inception_score(probabilities: npt.ArrayLike) -> float:
    """Exponential of the mean divergence of a piece's class probabilities from the set's mean (Salimans et al. 2016).

    1 where all pieces are alike or unsure, the number of classes where each is sure and all classes come as often.
    """
    rows = np.asarray(probabilities, np.float64)
    return float(np.exp(kl_divergence(rows, np.broadcast_to(rows.mean(axis=0), rows.shape))))


def softmax(logits: npt.ArrayLike) -> Floats:
    """Logits (n, classes) to probabilities that sum to 1 a row."""
    values = np.asarray(logits, np.float64)
    raised = np.exp(values - values.max(axis=1, keepdims=True))
    shares: Floats = raised / raised.sum(axis=1, keepdims=True)
    return shares
