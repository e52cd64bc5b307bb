"""Notes off the bar lines in, notes on them out: where the beat and the downbeat lie in a piece.

POP909's files keep a steady tempo but start anywhere between two beats, and EIMG's clips are cut out of longer
pieces. Both are brought onto a grid whose beat 0 is a downbeat before a model learns metre from them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from pipelines.records import Note

SIXTEENTHS_PER_BEAT = 4
# How strongly each beat of a bar attracts long and low notes, relative to the bar's mean.
DOWNBEAT_WEIGHTS = {4: (1.0, 0.1, 0.5, 0.1), 3: (1.0, 0.15, 0.15)}
BASS_CEILING = 55  # G3: at or below it a note counts as bass, whose changes mark the downbeats


def grid_fit(starts: npt.NDArray[np.float64], *, tolerance_beats: float = 0.03) -> float:
    """Share of onsets, (n,) in beats, that lie on a sixteenth or on a triplet eighth within a tolerance, 0 to 1."""
    off = np.minimum(*(np.abs(starts * k - np.round(starts * k)) / k for k in (4, 3)))
    return float(np.mean(off <= tolerance_beats)) if len(starts) else 0.0


def sixteenth_phase(starts: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Offset of the sixteenth grid in beats, -1/8 to 1/8, and how concentrated the onsets are on it, 0 to 1."""
    mean = np.exp(2j * np.pi * SIXTEENTHS_PER_BEAT * starts).mean()
    return float(np.angle(mean) / (2 * np.pi * SIXTEENTHS_PER_BEAT)), float(abs(mean))


def downbeat_offset(
    notes: list[Note], beats_per_bar: int, *, step_beats: float = 0.25, bonus_at_0: float = 1.0
) -> float:
    """Beats from 0 to the first downbeat: the shift under which long and low notes fall on the strong beats.

    `step_beats` is the grid of shifts tried; `bonus_at_0` multiplies the fit of no shift (for files whose own bar lines
    are worth some trust).
    """
    steps_per_bar = round(beats_per_bar / step_beats)
    weights = np.array([min(n.duration_beats, 2.0) * (3.0 if n.pitch <= BASS_CEILING else 1.0) for n in notes])
    slots = np.round(np.array([n.start_beat for n in notes]) / step_beats).astype(int) % steps_per_bar
    histogram = np.bincount(slots, weights=weights, minlength=steps_per_bar)
    template = np.zeros(steps_per_bar)
    template[:: round(1 / step_beats)] = DOWNBEAT_WEIGHTS[beats_per_bar]
    fits = np.array([float(np.roll(template, shift) @ histogram) for shift in range(steps_per_bar)])
    fits[0] *= bonus_at_0
    return float(fits.argmax()) * step_beats


def shift_to_downbeat(notes: list[Note], offset_beats: float, beats_per_bar: int) -> list[Note]:
    """Move the notes so that `offset_beats` becomes a bar line and the first note lies in bar 0."""
    first = min(note.start_beat for note in notes) - offset_beats
    lead = offset_beats + np.floor(first / beats_per_bar + 1e-6) * beats_per_bar
    return [replace(note, start_beat=max(0.0, note.start_beat - lead)) for note in notes]
