"""How alike two sets of pieces are, by five features' distributions of distances (Yang and Lerch 2020).

Comes in: two sets of Scores. Goes out: for each feature the overlapping area (0 to 1) and the Kullback-Leibler
divergence of two densities: of the distances within the reference set and of the distances between the sets ("On the
evaluation of generative models in music", Neural Computing and Applications 32, section 3.3). Distances are Euclidean,
densities Gaussian kernel estimates with Scott's bandwidth.

Features (their section 3.2): pitch-class histogram (12 shares), note-length histogram (12 kinds of note, shares),
mean inter-onset interval (s), pitch range (semitones), mean interval between successive notes (semitones).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.errors import SettingsError
from pipelines.hearing_features import note_arrays
from pipelines.records import Score

Floats = npt.NDArray[np.float64]
FEATURES = ("pitch classes", "note lengths", "inter-onset interval", "pitch range", "intervals")
# Whole, half, quarter, eighth, sixteenth; the first four dotted; half, quarter and eighth of a triplet; in beats.
NOTE_LENGTHS = np.array([4, 2, 1, 0.5, 0.25, 3, 1.5, 0.75, 0.375, 4 / 3, 2 / 3, 1 / 3])
DENSITY_POINTS = 1000
LEAST_PIECES = 4


@dataclass(frozen=True)
class Likeness:
    """Overlapping area (0 to 1) and KL divergence (0 or more) for each of :data:`FEATURES`."""

    overlap: tuple[float, ...]
    divergence: tuple[float, ...]

    @property
    def mean_overlap(self) -> float:
        """Mean overlapping area of the features."""
        return float(np.mean(self.overlap))


def piece_features(score: Score) -> tuple[Floats, ...]:
    """The five features of a piece, each a vector, in the order of :data:`FEATURES`. Raises MidiError without notes."""
    notes = note_arrays(score)
    pitch = notes.pitch.astype(int)
    lengths = np.array([note.duration_beats for note in score.notes])
    kind = np.abs(np.log(lengths[:, None] / NOTE_LENGTHS[None])).argmin(axis=1)
    onsets = np.unique(np.round(notes.start_s, 3))
    return (
        np.bincount(pitch % 12, minlength=12) / len(pitch),
        np.bincount(kind, minlength=len(NOTE_LENGTHS)) / len(pitch),
        np.array([np.diff(onsets).mean() if len(onsets) > 1 else 0.0]),
        np.array([float(pitch.max() - pitch.min())]),
        np.array([np.abs(np.diff(pitch)).mean() if len(pitch) > 1 else 0.0]),
    )


def likeness(pieces: Sequence[Score], reference: Sequence[Score]) -> Likeness:
    """How alike pieces are to a reference set.

    Raises:
        MidiError: a score has no notes.
        SettingsError: a set has fewer than 4 pieces.
    """
    smallest = min(len(pieces), len(reference))
    if smallest < LEAST_PIECES:
        raise SettingsError(f"A set of {smallest} pieces has no distribution; give at least {LEAST_PIECES}.")
    ours, theirs = [piece_features(p) for p in pieces], [piece_features(p) for p in reference]
    pairs = []
    for column in range(len(FEATURES)):
        a, b = np.stack([row[column] for row in ours]), np.stack([row[column] for row in theirs])
        pairs.append(compare(within(b), between(a, b)))
    return Likeness(tuple(overlap for overlap, _ in pairs), tuple(divergence for _, divergence in pairs))


def relative_overlap(pieces: Sequence[Score], reference: Sequence[Score], *, seed: int = 0) -> float:
    """Mean overlap of pieces with the reference, over that of the reference's one half with its other.

    Both are taken against the same half, drawn by the seed; 1 is as alike as real music is to itself.
    """
    order = np.random.default_rng(seed).permutation(len(reference))
    half = len(reference) // 2
    first, second = [reference[i] for i in order[:half]], [reference[i] for i in order[half:]]
    return likeness(pieces, first).mean_overlap / likeness(second, first).mean_overlap


def within(rows: Floats) -> Floats:
    """Distances of each row (n, d) to each other one: (n (n - 1) / 2,)."""
    upper: Floats = between(rows, rows).reshape(len(rows), -1)[np.triu_indices(len(rows), 1)]
    return upper


def between(a: Floats, b: Floats) -> Floats:
    """Distances of each row of a (n, d) to each of b (m, d): (n m,)."""
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2.0 * a @ b.T
    distances: Floats = np.sqrt(np.maximum(squared, 0.0)).ravel()
    return distances


def compare(intra: Floats, inter: Floats) -> tuple[float, float]:
    """Overlapping area and KL divergence (nats) of the densities of two samples of distances."""
    p_points, q_points = np.asarray(intra, np.float64), np.asarray(inter, np.float64)
    low, high = min(p_points.min(), q_points.min()), max(p_points.max(), q_points.max())
    margin = 0.1 * (high - low) + 1e-6
    grid = np.linspace(low - margin, high + margin, DENSITY_POINTS)
    p, q = _density(p_points, grid), _density(q_points, grid)
    step = grid[1] - grid[0]
    divergence = float((p * np.log((p + 1e-12) / (q + 1e-12))).sum() * step)
    return float(np.minimum(p, q).sum() * step), max(0.0, divergence)


def _density(points: Floats, grid: Floats) -> Floats:
    """Gaussian kernel density by Scott's rule on a grid, from the points' histogram on it (fast for many points)."""
    step = grid[1] - grid[0]
    width = max(float(points.std(ddof=1)) * len(points) ** -0.2, 2 * step) if len(points) > 1 else 2 * step
    counts = np.histogram(points, np.append(grid - step / 2, grid[-1] + step / 2))[0]
    kernel = np.exp(-0.5 * (np.arange(-len(grid) + 1, len(grid)) * step / width) ** 2)
    smooth = np.convolve(counts, kernel)[len(grid) - 1 : 2 * len(grid) - 1]
    density: Floats = smooth / (smooth.sum() * step)
    return density
