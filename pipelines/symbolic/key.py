"""Notes in, key out: the tonic and mode whose profile fits the sounding pitch classes best.

Krumhansl and Schmuckler's method: the correlation of the duration-weighted pitch-class histogram with the 24 rotated
key profiles. The profiles are those of Bellman ("About the Determination of Key of a Musical Excerpt", CMMR 2005, after
Budge's counts of chords): of four published sets they tell the valence that listeners rated in EIMG best.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.records import Note

MAJOR_PROFILE = (16.80, 0.86, 12.95, 1.41, 13.49, 11.93, 1.25, 20.28, 1.80, 8.04, 0.62, 10.57)
MINOR_PROFILE = (18.16, 0.69, 12.99, 13.34, 1.07, 11.15, 1.38, 21.07, 7.49, 1.53, 0.92, 10.21)
MAJOR_SCALE = frozenset((0, 2, 4, 5, 7, 9, 11))
# Natural, harmonic and melodic minor share one tonic, so all three kinds of sixth and seventh belong to the key.
MINOR_SCALE = frozenset((0, 2, 3, 5, 7, 8, 9, 10, 11))


@dataclass(frozen=True)
class Key:
    """Tonic as a pitch class 0 to 11, mode "major" or "minor", and the correlation -1 to 1 with the key's profile."""

    tonic: int
    mode: str
    clarity: float

    def contains(self, pitch: int) -> bool:
        """Whether a MIDI pitch belongs to the key's scale."""
        scale = MAJOR_SCALE if self.mode == "major" else MINOR_SCALE
        return (pitch - self.tonic) % 12 in scale


def pitch_class_weights(notes: Iterable[Note]) -> npt.NDArray[np.float64]:
    """Sounding time of each pitch class in beats, (12,); one note counts for two beats at most, as pedals are long."""
    weights = np.zeros(12)
    for note in notes:
        weights[note.pitch % 12] += min(note.duration_beats, 2.0)
    return weights


def estimate_key(notes: Iterable[Note]) -> Key:
    """Find the key of some notes; C major with clarity 0 when there are none."""
    return key_of_weights(pitch_class_weights(notes))


def key_of_weights(weights: npt.NDArray[np.float64]) -> Key:
    """Find the key of pitch-class weights (12,)."""
    if not weights.any():
        return Key(0, "major", 0.0)
    best = Key(0, "major", -2.0)
    for mode, profile in (("major", MAJOR_PROFILE), ("minor", MINOR_PROFILE)):
        for tonic in range(12):
            fit = _correlation(weights, np.roll(profile, tonic))
            if fit > best.clarity:
                best = Key(tonic, mode, fit)
    return best


def relative_mode(notes: Iterable[Note], major_tonic: int = 0) -> str:
    """Which of two relative keys some notes are in: "major" on `major_tonic`, or "minor" a minor third below it."""
    weights = pitch_class_weights(notes)
    major = _correlation(weights, np.roll(MAJOR_PROFILE, major_tonic))
    minor = _correlation(weights, np.roll(MINOR_PROFILE, major_tonic - 3))
    return "major" if major >= minor else "minor"


def _correlation(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> float:
    x, y = x - x.mean(), y - y.mean()
    norm = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / norm if norm > 0 else 0.0
