"""Played as people play: swing, small deviations of time and loudness, strings early because they speak late.

In: Notes on the grid. Out: Notes off it, by a seeded generator. Deviations are in seconds, so that they are the same at
every tempo (about 8 ms among good players: Rasch 1979, "Synchronization in performed ensemble music").
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipelines.records import Note, Score

LONGEST_DEVIATION = 2.0  # in standard deviations
EARLIEST_S = 0.16  # how much before its place in the score a note may start
CHORD_SPREAD_S = 0.004


@dataclass(frozen=True)
class Feel:
    """How a part is placed: deviation of its onsets, a constant lateness (early below 0), deviation of velocity."""

    timing_sd_s: float = 0.007
    late_s: float = 0.0
    velocity_sd: float = 3.5
    swing: float = 0.5
    swing_beats: float = 1.0


def swung(beat: float, swing: float, swing_beats: float = 1.0) -> float:
    """Where a beat on the straight grid falls when the middle of each `swing_beats` is moved to the share `swing`.

    Triplets are left alone: they swing already.
    """
    if swing == 0.5 or abs(beat * 4 - round(beat * 4)) > 1e-6:
        return beat
    whole, share = divmod(beat / swing_beats, 1.0)
    moved = share * swing / 0.5 if share < 0.5 else swing + (share - 0.5) * (1 - swing) / 0.5
    return (whole + moved) * swing_beats


def bpm_at(score: Score, beat: float) -> float:
    """The tempo at a beat."""
    return next((mark.bpm for mark in reversed(score.tempo_marks) if mark.beat <= beat + 1e-9), score.tempo_bpm)


def humanised(notes: Sequence[Note], feel: Feel, score: Score, rng: np.random.Generator) -> list[Note]:
    """The notes of a part as played; those that start together stay nearly together, none starts before beat 0."""
    result = []
    for start, together in itertools.groupby(sorted(notes), key=lambda note: note.start_beat):
        per_second = bpm_at(score, start) / 60
        common = float(np.clip(rng.normal(), -LONGEST_DEVIATION, LONGEST_DEVIATION)) * feel.timing_sd_s + feel.late_s
        for note in together:
            late_s = max(-EARLIEST_S, common + float(rng.uniform(-1, 1)) * CHORD_SPREAD_S)
            begin = max(0.0, swung(start, feel.swing, feel.swing_beats) + late_s * per_second)
            end = swung(note.end_beat, feel.swing, feel.swing_beats) + min(0.0, late_s) * per_second
            loud = note.velocity + round(float(np.clip(rng.normal(), -2, 2)) * feel.velocity_sd)
            length = max(0.05, end - begin)
            result.append(replace(note, start_beat=begin, duration_beats=length, velocity=min(126, max(8, loud))))
    return sorted(result)
