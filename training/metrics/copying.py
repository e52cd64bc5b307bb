"""Whether composed melodies were learnt by heart: runs of 12 notes that also stand in the training set.

Comes in: the training pieces, by set, and the pieces to check, as Scores. Goes out: how often a run of a piece is found
in another piece, and the same between pieces that have nothing to do with one another. A run is 12 successive notes of
the skyline, as 11 intervals in semitones, so that transposing hides nothing; optionally with the 11 ratios of its
inter-onset intervals, to the nearest power of √2. Runs of fewer than three kinds of interval are passed over: trills
and repeated notes are nobody's.

The skyline is the highest note of each onset that no higher note covers (Uitdenbogerd and Zobel 1998).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.hearing_features import gather_onsets, note_arrays, skyline
from pipelines.records import Score

Hashes = npt.NDArray[np.int64]
RUN_NOTES = 12
LARGEST_INTERVAL = 24
LEAST_INTERVAL_KINDS = 3


@dataclass(frozen=True, eq=False)
class RunIndex:
    """Runs of a set of pieces: each run once, sorted, (runs,) int64, and in how many pieces it stands."""

    runs: Hashes
    pieces_with: npt.NDArray[np.int64]
    pieces: int

    def counts(self, runs: Hashes) -> npt.NDArray[np.int64]:
        """In how many pieces each of some runs stands, (runs,)."""
        if not len(self.runs):
            return np.zeros(len(runs), np.int64)
        place = np.minimum(np.searchsorted(self.runs, runs), len(self.runs) - 1)
        return np.where(self.runs[place] == runs, self.pieces_with[place], 0)


@dataclass(frozen=True)
class Copying:
    """Rates over pieces, each 0 to 1.

    `pair_rate`: mean share of a piece's runs that stand in one other piece of the set, over all pairs. `any_rate`: mean
    share that stands somewhere in the set. `longest`: largest share of any piece.
    """

    pair_rate: float
    any_rate: float
    longest: float


def melody_runs(score: Score, *, rhythm: bool = False) -> Hashes:
    """The runs of a piece as numbers, in order, (runs,) int64; without those of fewer than 3 kinds of interval."""
    notes = note_arrays(score)
    time_s, pitch = skyline(notes, gather_onsets(notes))
    steps = np.clip(np.diff(pitch), -LARGEST_INTERVAL, LARGEST_INTERVAL).astype(np.int64)
    length = RUN_NOTES - 1
    if len(steps) < length:
        return np.zeros(0, np.int64)
    rows = np.lib.stride_tricks.sliding_window_view(steps, length)
    ordered = np.sort(rows, axis=1)
    telling = (np.diff(ordered, axis=1) != 0).sum(axis=1) + 1 >= LEAST_INTERVAL_KINDS
    hashes = _hash(rows + LARGEST_INTERVAL)
    if rhythm:
        hashes = hashes ^ _hash(_ratios(np.diff(time_s), length)) * np.int64(-7046029254386353131)
    return hashes[telling]


def _ratios(ioi: npt.NDArray[np.float64], length: int) -> npt.NDArray[np.int64]:
    windows = np.log2(np.maximum(np.lib.stride_tricks.sliding_window_view(ioi, length), 0.01))
    return np.clip(np.round(2 * (windows - np.median(windows, axis=1, keepdims=True))), -9, 9).astype(np.int64) + 10


def _hash(rows: npt.NDArray[np.int64]) -> Hashes:
    """One number a row of small non-negative integers, by powers of 49; distinct for 11 intervals of 49 kinds."""
    powers = np.int64(2 * LARGEST_INTERVAL + 1) ** np.arange(rows.shape[1], dtype=np.int64)
    hashes: Hashes = (rows * powers).sum(axis=1)
    return hashes


def index_runs(pieces: Iterable[Hashes]) -> RunIndex:
    """Index the runs of a set of pieces."""
    each = [np.unique(runs) for runs in pieces]
    together = np.concatenate(each) if each else np.zeros(0, np.int64)
    runs, counts = np.unique(together, return_counts=True)
    return RunIndex(runs, counts.astype(np.int64), len(each))


def copying(pieces: Sequence[Hashes], index: RunIndex, own: Sequence[Hashes] | None = None) -> Copying:
    """How much of pieces stands in an index.

    `own` are, for each piece, the runs of the indexed piece that it is taken from, which does not count.
    """
    pair, anywhere = [], []
    for number, runs in enumerate(pieces):
        if not len(runs):
            continue
        counts = index.counts(runs)
        if own is not None:
            counts = counts - np.isin(runs, own[number])
        others = index.pieces - (own is not None)
        pair.append(float(counts.mean()) / max(1, others))
        anywhere.append(float((counts > 0).mean()))
    if not pair:
        return Copying(0.0, 0.0, 0.0)
    return Copying(float(np.mean(pair)), float(np.mean(anywhere)), max(anywhere))
