"""Pitch entropy, polyphony rate, groove consistency and the Music Quality Loss made of their means.

MIDI files in, numbers out, equal to muspy's (Dong et al., ISMIR 2020) with threshold 2 and measure resolution 4. As
muspy counts them, time goes in the file's own ticks: the measures of the groove consistency are 4 ticks long, so that
it is near 1 for any file of a fine resolution. That is how the symbolic paper's figures were made.

Metrics: :func:`pitch_entropy`, :func:`polyphony_rate`, :func:`groove_consistency`, :func:`music_quality_loss`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.errors import MidiError
from pipelines.records import Score

THRESHOLD = 2
MEASURE_RESOLUTION = 4
TICKS_PER_BEAT = 480
DRUM_CHANNEL = 9


@dataclass(frozen=True)
class SymbolicMeans:
    """Means over a set of files: polyphony rate 0 to 1, pitch entropy in bits, groove consistency 0 to 1."""

    polyphony_rate: float
    pitch_entropy: float
    groove_consistency: float


# Over all 3,000 clips, by muspy 0.5.0 and by this module alike.
EIMG_MEANS = SymbolicMeans(0.5303, 3.9863, 0.9922)


@dataclass(frozen=True, eq=False)
class TickNotes:
    """Notes in ticks, (notes,) int64 each; `length` is where the last event of a track lies (muspy's end time)."""

    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    pitch: npt.NDArray[np.int64]
    length: int


def read_ticks(path: Path) -> TickNotes:
    """Notes of a MIDI file in its own ticks, drums left out. Raises MidiError if it cannot be read or has no notes.

    As in muspy, a note off ends the oldest note of its pitch and channel, and a note never ended lasts to the end of
    its track: 47 of EIMG's clips have such notes, which other readers drop.
    """
    import mido

    try:
        tracks = mido.MidiFile(path).tracks
    except (OSError, EOFError, ValueError, KeyError, IndexError) as cause:
        raise MidiError(f"{path.name} cannot be read as MIDI; export it again as a Standard MIDI File.") from cause
    found = [_track_notes(track) for track in tracks]
    rows = [row for notes, _ in found for row in notes]
    if not rows:
        raise MidiError(f"{path.name} holds 0 notes and at least 1 is needed; leave it out.")
    start, end, pitch = np.array(rows, dtype=np.int64).T
    return TickNotes(start, end, pitch, max(int(end.max()), max(last for _, last in found)))


def _track_notes(track: Iterable[Any]) -> tuple[list[tuple[int, int, int]], int]:
    """Start, end and pitch of a track's notes, and the time of its last controller message."""
    time = last_control = 0
    notes: list[tuple[int, int, int]] = []
    sounding: dict[tuple[int, int], list[int]] = {}
    for message in track:
        time += message.time
        if message.type == "control_change":
            last_control = time
        elif message.type in ("note_on", "note_off") and message.channel != DRUM_CHANNEL:
            starts = sounding.setdefault((message.channel, message.note), [])
            if message.type == "note_on" and message.velocity > 0:
                starts.append(time)
            elif starts:
                notes.append((starts.pop(0), time, message.note))
    notes += [(start, time, pitch) for (_, pitch), starts in sounding.items() for start in starts]
    return notes, last_control


def score_ticks(score: Score, *, ticks_per_beat: int = TICKS_PER_BEAT) -> TickNotes:
    """Notes of a score in ticks, as `pipelines.symbolic.midi` writes them. Raises MidiError without notes."""
    if not score.notes:
        raise MidiError("The score holds 0 notes and at least 1 is needed; leave it out.")
    rows = np.array([(n.start_beat, n.end_beat, n.pitch) for n in score.notes])
    start, end = (np.round(rows[:, column] * ticks_per_beat).astype(np.int64) for column in (0, 1))
    end = np.maximum(end, start + 1)
    return TickNotes(start, end, rows[:, 2].astype(np.int64), int(end.max()))


def pitch_entropy(notes: TickNotes) -> float:
    """Shannon entropy of the pitch histogram, in bits, 0 to 7."""
    counts = np.bincount(notes.pitch)
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


def polyphony_rate(notes: TickNotes, *, threshold: int = THRESHOLD) -> float:
    """Share of ticks at which more than `threshold` pitches sound, 0 to 1; nan for length 0."""
    if notes.length < 1:
        return math.nan
    sounding = np.zeros(notes.length + 1, np.int64)
    for pitch in np.unique(notes.pitch):
        voice = np.zeros(notes.length + 1, np.int64)
        np.add.at(voice, notes.start[notes.pitch == pitch], 1)
        np.add.at(voice, notes.end[notes.pitch == pitch], -1)
        sounding += np.cumsum(voice) > 0
    return float(np.count_nonzero(sounding[: notes.length] > threshold) / notes.length)


def groove_consistency(notes: TickNotes, *, measure_resolution: int = MEASURE_RESOLUTION) -> float:
    """1 less the mean Hamming distance of neighbouring measures' onsets, 0 to 1; nan with fewer than two measures."""
    measures = notes.length // measure_resolution + 1
    if measures < 2:
        return math.nan
    onsets = np.zeros(measures * measure_resolution, bool)
    onsets[notes.start] = True
    patterns = onsets.reshape(measures, measure_resolution)
    return float(1.0 - (patterns[:-1] != patterns[1:]).mean())


def symbolic_means(pieces: Sequence[TickNotes]) -> SymbolicMeans:
    """Means of the three over pieces; a piece too short for one of them does not count in it."""
    columns = (
        [polyphony_rate(piece) for piece in pieces],
        [pitch_entropy(piece) for piece in pieces],
        [groove_consistency(piece) for piece in pieces],
    )
    return SymbolicMeans(*(float(np.nanmean(column)) for column in columns))


def music_quality_loss(means: SymbolicMeans, *, reference: SymbolicMeans = EIMG_MEANS) -> float:
    """Sum of the three means' relative distances from a reference, 0 or more.

    The symbolic paper's Music_Quality_Loss, which it calls an average; its figures are sums.
    """
    pairs = (
        (means.polyphony_rate, reference.polyphony_rate),
        (means.pitch_entropy, reference.pitch_entropy),
        (means.groove_consistency, reference.groove_consistency),
    )
    return sum(abs(found - wanted) / wanted for found, wanted in pairs)
