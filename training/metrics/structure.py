"""Whether a piece is made like music: metre, key, phrases that return, an ending, no dead air.

Comes in: a Score whose beat 0 is a bar line (:func:`on_bars` brings real recordings there). Goes out: one number a
question. Bars are compared by the Dice coefficient of their sets of (sixteenth in the bar, pitch class), a
self-similarity matrix as in Foote (1999), "Visualizing music and audio using self-similarity"; that a phrase returns
is read from its diagonals, as in Müller and Jiang's scape plots, on which Wu and Yang's structureness indicator for
composed music rests ("The Jazz Transformer on the front line", ISMIR 2020, section 4.3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pipelines.errors import MidiError
from pipelines.records import Note, Score
from pipelines.symbolic.key import estimate_key

Floats = npt.NDArray[np.float64]
SIXTEENTHS = 4
TRIAD = {"major": frozenset((0, 4, 7)), "minor": frozenset((0, 3, 7))}
KEY_WINDOW_BARS = 4
PHRASE_BARS = 2


@dataclass(frozen=True)
class Structure:
    """Figures of a piece; shares and similarities lie in 0 to 1.

    `bar_similarity`: mean similarity of all pairs of bars. `bar_return`: mean over bars of the similarity to the most
    similar earlier bar. `phrase_return`: the same of phrases of 2 bars, not overlapping. `on_grid`: onsets on a
    sixteenth or triplet eighth. `metre_steadiness`: mean correlation of a bar's rhythm with that of the other bars.
    `in_key`: notes in the piece's key. `key_hold`: windows of 4 bars whose notes are at least 85 % in it.
    `resolves`: the last bass is the tonic, under no note foreign to its triad. `longest_silence_s`: seconds.
    """

    bar_similarity: float
    bar_return: float
    phrase_return: float
    on_grid: float
    metre_steadiness: float
    in_key: float
    key_hold: float
    resolves: float
    longest_silence_s: float


def structure(score: Score) -> Structure:
    """All figures of a score. Raises MidiError without notes; figures that need more bars than there are, are nan."""
    if not score.notes:
        raise MidiError("The score holds 0 notes and at least 1 is needed to measure its structure; leave it out.")
    similar = self_similarity(score)
    return Structure(
        bar_similarity=_mean(similar[np.triu_indices(len(similar), 1)]),
        bar_return=returns(similar, bars=1),
        phrase_return=returns(similar, bars=PHRASE_BARS),
        on_grid=on_grid(score),
        metre_steadiness=metre_steadiness(score),
        in_key=in_key(score),
        key_hold=key_hold(score),
        resolves=float(resolves(score)),
        longest_silence_s=longest_silence_s(score),
    )


def bar_rolls(score: Score) -> npt.NDArray[np.bool_]:
    """Onsets of each bar: (bars, sixteenths a bar, 12 pitch classes) bool."""
    steps = score.beats_per_bar * SIXTEENTHS
    slots = np.array([math.floor(note.start_beat * SIXTEENTHS + 0.5) for note in score.notes])
    rolls = np.zeros((int(slots.max()) // steps + 1, steps, 12), bool)
    rolls[slots // steps, slots % steps, [note.pitch % 12 for note in score.notes]] = True
    return rolls


def self_similarity(score: Score) -> Floats:
    """Dice coefficient of each pair of bars, (bars, bars); two empty bars count 0."""
    rows = bar_rolls(score).reshape(-1, score.beats_per_bar * SIXTEENTHS * 12).astype(np.float64)
    size = rows.sum(axis=1)
    similar: Floats = 2.0 * (rows @ rows.T) / np.maximum(size[:, None] + size[None], 1.0)
    return similar


def returns(similar: Floats, *, bars: int) -> float:
    """Mean over phrases of `bars` bars of the similarity to the most similar earlier one that it does not overlap."""
    count = len(similar) - bars + 1
    if count <= bars:
        return math.nan
    phrases = np.mean([similar[i : i + count, i : i + count] for i in range(bars)], axis=0)
    best = [float(phrases[later, : later - bars + 1].max()) for later in range(bars, count)]
    return float(np.mean(best))


def on_grid(score: Score, *, tolerance_beats: float = 0.03) -> float:
    """Share of onsets within a tolerance of a sixteenth or a triplet eighth."""
    starts = np.array([note.start_beat for note in score.notes])
    off = np.minimum(*(np.abs(starts * k - np.round(starts * k)) / k for k in (4, 3)))
    return float(np.mean(off <= tolerance_beats))


def metre_steadiness(score: Score) -> float:
    """Mean correlation of each bar's onsets (a sixteenth each) with the mean of the others; nan under 3 bars."""
    rhythm: Floats = np.asarray(bar_rolls(score).any(axis=2), dtype=np.float64)
    if len(rhythm) < 3:
        return math.nan
    others = (rhythm.sum(axis=0) - rhythm) / (len(rhythm) - 1)
    a, b = (rows - rows.mean(axis=1, keepdims=True) for rows in (rhythm, others))
    norm = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(((a * b).sum(axis=1) / np.maximum(norm, 1e-9)).mean())


def in_key(score: Score) -> float:
    """Share of notes that belong to the key estimated from the whole piece."""
    key = estimate_key(score.notes)
    return float(np.mean([key.contains(note.pitch) for note in score.notes]))


def key_hold(score: Score, *, least_share: float = 0.85) -> float:
    """Share of windows of 4 bars, a bar apart, of whose notes at least `least_share` belong to the piece's key."""
    key = estimate_key(score.notes)
    inside = np.array([key.contains(note.pitch) for note in score.notes])
    bar = np.array([int(note.start_beat // score.beats_per_bar) for note in score.notes])
    lasts = range(min(KEY_WINDOW_BARS - 1, int(bar.max())), int(bar.max()) + 1)
    windows = [inside[(bar > last - KEY_WINDOW_BARS) & (bar <= last)] for last in lasts]
    return float(np.mean([window.mean() >= least_share for window in windows if len(window)]))


def resolves(score: Score) -> bool:
    """Whether the chord at the last onset has the tonic in the bass and no note foreign to the tonic triad."""
    key = estimate_key(score.notes)
    last = max(note.start_beat for note in score.notes)
    pitches = [note.pitch for note in score.notes if note.start_beat <= last + 1e-6 and note.end_beat > last + 0.02]
    classes = {(pitch - key.tonic) % 12 for pitch in pitches}
    return (min(pitches, default=-1) - key.tonic) % 12 == 0 and classes <= TRIAD[key.mode]


def longest_silence_s(score: Score) -> float:
    """Longest time without a sounding note, from beat 0 to the last note's end, in seconds."""
    reach, longest = 0.0, 0.0
    for note in score.notes:
        if note.start_beat > reach:
            longest = max(longest, score.seconds_at(note.start_beat) - score.seconds_at(reach))
        reach = max(reach, note.end_beat)
    return longest


def on_bars(score: Score) -> Score:
    """A recording moved so that beat 0 is its most likely downbeat; its notes then lie on the grid if it is steady."""
    from training.data.metre import downbeat_offset, shift_to_downbeat, sixteenth_phase

    metre = score.beats_per_bar if score.beats_per_bar in (3, 4) else 4
    phase, _ = sixteenth_phase(np.array([note.start_beat for note in score.notes]))
    notes = [replace(note, start_beat=note.start_beat - phase) for note in score.notes]
    moved = shift_to_downbeat(notes, downbeat_offset(notes, metre), metre)
    shift = moved[0].start_beat - score.notes[0].start_beat
    marks = [replace(mark, beat=mark.beat + shift) for mark in score.tempo_marks]
    begun = [mark for mark in marks if mark.beat <= 0] or marks[:1]
    kept = (replace(begun[-1], beat=0.0), *(mark for mark in marks if mark.beat > 0 and mark is not begun[-1]))
    return Score(tuple(sorted(moved)), kept, metre, score.tonic, score.mode)


def excerpt(score: Score, *, first_bar: int, bars: int) -> Score | None:
    """`bars` bars of a score from `first_bar`, moved to beat 0, at the tempo there; None if no note begins in them."""
    start = first_bar * score.beats_per_bar
    end = start + bars * score.beats_per_bar
    notes = [_cut(note, start, end) for note in score.notes if start <= note.start_beat < end]
    if not notes:
        return None
    before = [mark for mark in score.tempo_marks if mark.beat <= start] or [score.tempo_marks[0]]
    within = [replace(mark, beat=mark.beat - start) for mark in score.tempo_marks if start < mark.beat < end]
    marks = (replace(before[-1], beat=0.0), *within)
    return Score(tuple(notes), marks, score.beats_per_bar, score.tonic, score.mode)


def _cut(note: Note, start: float, end: float) -> Note:
    return Note(note.start_beat - start, note.pitch, min(note.end_beat, end) - note.start_beat, note.velocity)


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else math.nan
