"""Notes in, chords out, and chords as a section of players would voice them.

A chord is estimated for each bar, or for each half where that explains the notes better: every triad and seventh is
held against the sounding time of the pitch classes, with the bass, the key and the chord before as priors (template
matching as in Fujishima 1999). Voicings follow one another by the smallest movement.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.records import Note, Score

Floats = npt.NDArray[np.float64]
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
# Intervals above the root, and how much less likely a kind is than a plain triad.
KINDS = {
    "major": ((0, 4, 7), 0.0),
    "minor": ((0, 3, 7), 0.0),
    "dominant seventh": ((0, 4, 7, 10), 0.05),
    "minor seventh": ((0, 3, 7, 10), 0.06),
    "major seventh": ((0, 4, 7, 11), 0.06),
    "diminished": ((0, 3, 6), 0.10),
    "half-diminished": ((0, 3, 6, 10), 0.12),
    "suspended": ((0, 5, 7), 0.18),
}
OUTSIDE, MISSING, ROOT_IN_BASS, TONE_IN_BASS, IN_KEY, SAME_AGAIN, SPLIT = 0.8, 0.3, 0.30, 0.10, 0.12, 0.05, 0.10
TIRED, MOST_TIRED = 0.16, 0.5  # for each bar after the second on one root
LONGEST_COUNTED = 4.0


@dataclass(frozen=True)
class Chord:
    """A chord from `start_beat` to `end_beat`: root (pitch class) and kind, one of :data:`KINDS`."""

    start_beat: float
    end_beat: float
    root: int
    kind: str

    @property
    def tones(self) -> tuple[int, ...]:
        """Pitch classes, the root first."""
        return tuple((self.root + step) % 12 for step in KINDS[self.kind][0])

    @property
    def fifth(self) -> int:
        """Pitch class of the fifth, diminished where the chord's is."""
        return self.tones[2]


@functools.cache
def _table() -> tuple[tuple[tuple[int, str], ...], Floats, Floats]:
    """All chords as (root, kind), their tones (chords, 12) of 0 and 1, their costs (chords,)."""
    names = tuple(itertools.product(range(12), KINDS))
    tones = np.zeros((len(names), 12))
    for row, (root, kind) in zip(tones, names, strict=True):
        row[[(root + step) % 12 for step in KINDS[kind][0]]] = 1.0
    return names, tones, np.array([KINDS[kind][1] for _, kind in names])


@functools.cache
def _in_key(tonic: int, mode: str) -> Floats:
    """Which chords lie within a key, (chords,); the minor's raised seventh belongs to its dominant."""
    scale = {(tonic + step) % 12 for step in SCALES[mode]}
    names, tones, _ = _table()
    fits = []
    for (root, _kind), row in zip(names, tones, strict=True):
        dominant = mode == "minor" and (root - tonic) % 12 in (7, 11)
        allowed = scale | {(tonic + 11) % 12} if dominant else scale
        fits.append(float(set(np.flatnonzero(row)) <= allowed))
    return np.array(fits)


def chords_of_bar(score: Score, bar: int, previous: Chord | None, *, held_bars: int = 0) -> tuple[Chord, ...]:
    """One chord for a bar (counted from 0), or two where it has four beats and changes in its middle.

    When the root before has been held for several bars, another chord that the notes allow is the likelier for it: a
    drone in the melody may stay, the harmony should move.
    """
    tired = min(MOST_TIRED, TIRED * max(0, held_bars - 1))
    beats = score.beats_per_bar
    begin = float(bar * beats)
    whole = _best(score, begin, begin + beats, previous, tired)
    if beats % 2:
        return (whole[0],)
    middle = begin + beats / 2
    first = _best(score, begin, middle, previous, tired)
    second = _best(score, middle, begin + beats, first[0], 0.0)
    halves = (first[1] * first[2] + second[1] * second[2]) / max(1e-9, first[2] + second[2])
    if halves > whole[1] + SPLIT and (first[0].root, first[0].kind) != (second[0].root, second[0].kind):
        return first[0], second[0]
    return (whole[0],)


def _best(score: Score, begin: float, end: float, previous: Chord | None, tired: float) -> tuple[Chord, float, float]:
    """The chord that fits a span best, how well (up to about 1.5), and how much sounds in it."""
    weights, bass = _heard(score, begin, end)
    total = float(weights.sum())
    if total <= 0:
        root, kind = (previous.root, previous.kind) if previous else (score.tonic, score.mode)
        return Chord(begin, end, root, kind), 0.0, 0.0
    names, tones, costs = _table()
    share = weights / total
    inside = tones @ share
    missing = (tones * (share < 0.04)).sum(axis=1) / tones.sum(axis=1)
    roots = np.array([root for root, _ in names])
    fit = inside - OUTSIDE * (1 - inside) - MISSING * missing - costs + IN_KEY * _in_key(score.tonic, score.mode)
    fit = fit + ROOT_IN_BASS * (roots == bass) + TONE_IN_BASS * tones[:, bass]
    if previous is not None:
        same = np.array([name == (previous.root, previous.kind) for name in names])
        fit = fit + SAME_AGAIN * same - tired * (roots == previous.root)
    best = int(fit.argmax())
    return Chord(begin, end, *names[best]), float(fit[best]), total


def _heard(score: Score, begin: float, end: float) -> tuple[Floats, int]:
    """Sounding beats of each pitch class in a span, (12,), and the pitch class of its lowest note."""
    weights, lowest = np.zeros(12), 128
    for note in score.notes_between(begin - LONGEST_COUNTED, end):
        overlap = min(note.end_beat, end) - max(note.start_beat, begin)
        if overlap <= 0:
            continue
        weights[note.pitch % 12] += overlap + (0.25 if note.start_beat >= begin else 0.0)
        if overlap > 0.2:
            lowest = min(lowest, note.pitch)
    return weights, (lowest if lowest < 128 else 0) % 12


def extended(chord: Chord, tonic: int, mode: str) -> tuple[int, ...]:
    """The chord's pitch classes with a seventh of the key where it has none, as jazz and its kin play them."""
    if len(chord.tones) > 3 or chord.kind == "suspended":
        return chord.tones
    scale = [(tonic + step) % 12 for step in SCALES[mode]]
    sevenths = [(chord.root + step) % 12 for step in (10, 11) if (chord.root + step) % 12 in scale]
    return (*chord.tones, *sevenths[:1])


def clear_of(tones: Sequence[int], melody: Iterable[Note]) -> tuple[int, ...]:
    """Chord tones that no note of the melody rubs against by a semitone, unless it sings the tone itself for longer.

    At least two tones are kept, those that rub for the shortest time, so that there is a chord at all.
    """
    sung = np.zeros(12)
    for note in melody:
        sung[note.pitch % 12] += note.duration_beats
    rub = [max(0.0, float(sung[(tone + 1) % 12] + sung[(tone - 1) % 12] - sung[tone])) for tone in tones]
    limit = sorted(rub)[1]
    return tuple(tone for tone, beats in zip(tones, rub, strict=True) if beats <= limit)


def voiced(tones: Sequence[int], low: int, high: int, previous: Sequence[int], *, size: int = 3) -> tuple[int, ...]:
    """Pitches of a chord in close position within low to high, as near as may be to those before, ascending.

    `tones` are pitch classes in order of importance; with `size` over their number some are doubled an octave up.
    """
    chosen = list(tones)[-size:] if len(tones) > size else list(tones)
    target = sum(previous) / len(previous) if previous else (low + high) / 2
    best: tuple[float, tuple[int, ...]] | None = None
    for start in range(low, high + 1):
        if start % 12 not in chosen:
            continue
        pitches = _stack(start, chosen, size)
        over = max(0, pitches[-1] - high)
        moved = _movement(pitches, previous) if previous else abs(sum(pitches) / len(pitches) - target)
        pull = 0.12 * abs(sum(pitches) / len(pitches) - (low + high) / 2)
        cost = moved + pull + 4.0 * over
        if best is None or cost < best[0]:
            best = (cost, pitches)
    return best[1] if best else (low,)


def _stack(start: int, classes: Sequence[int], size: int) -> tuple[int, ...]:
    """The next `size` pitches from `start` upwards that belong to the classes."""
    pitches = (pitch for pitch in itertools.count(start) if pitch % 12 in classes)
    return tuple(itertools.islice(pitches, size))


def _movement(pitches: Sequence[int], previous: Sequence[int]) -> float:
    """Mean distance of each pitch from the nearest one before it, in semitones."""
    return sum(min(abs(pitch - before) for before in previous) for pitch in pitches) / len(pitches)
