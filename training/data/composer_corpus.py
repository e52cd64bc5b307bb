"""EIMG and POP909 in, the composer's training pieces out: events in C major or A minor, with header and emotion.

Each piece becomes a :class:`Piece`; :func:`build` keeps all of them in one compressed file, since reading 3,900 MIDI
files anew takes a minute. Every tenth piece (by a seeded draw) is held out for testing and never trained on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipelines.records import Note, Score
from pipelines.symbolic.events import TEMPI_BPM, Header, encode, home_shift, transpose
from pipelines.symbolic.key import estimate_key
from pipelines.symbolic.midi import read_midi
from training.data import data_folder
from training.data.eimg import load_clips
from training.data.metre import downbeat_offset, grid_fit, shift_to_downbeat, sixteenth_phase

# Where a piece comes from; a model told the source can be asked for clips of steady metre.
SOURCES = ("eimg_steady", "eimg_free", "pop909")
STEADY_GRID_FIT = 0.85
POP909_STEADY = 0.9  # concentration of onsets on sixteenths below which a song's tempo drifts
POP909_SEGMENT_BARS = 16
HELD_OUT_SHARE = 0.1
DECLARED_BAR_TRUST = 1.15


@dataclass(frozen=True, eq=False)
class Piece:
    """Events (n, 5) int16 with header ids (3,), emotion (valence, arousal on 1 to 9), source and split."""

    name: str
    source: str
    events: npt.NDArray[np.int16]
    header: tuple[int, int, int]
    emotion: tuple[float, float]
    held_out: bool


def dominant_tempo(score: Score) -> float:
    """The tempo that holds for most of the piece's seconds, in beats a minute."""
    marks = score.tempo_marks
    ends = [mark.beat for mark in marks[1:]] + [max(score.end_beat, marks[-1].beat)]
    spans: dict[float, float] = {}
    for mark, end in zip(marks, ends, strict=True):
        spans[mark.bpm] = spans.get(mark.bpm, 0.0) + max(0.0, end - mark.beat) * 60 / mark.bpm
    return max(spans, key=lambda bpm: spans[bpm])


def fold_tempo(notes: list[Note], tempo_bpm: float) -> tuple[list[Note], float]:
    """Double or halve the beat until the tempo lies within the table, so that no piece is refused for its notation."""
    factor = 1.0
    while tempo_bpm * factor < TEMPI_BPM[0] * 1.1:
        factor *= 2
    while tempo_bpm * factor > TEMPI_BPM[-1]:
        factor /= 2
    scaled = [replace(n, start_beat=n.start_beat * factor, duration_beats=n.duration_beats * factor) for n in notes]
    return scaled, tempo_bpm * factor


def _metre(score: Score) -> int:
    """3 where the declared bar falls into threes (3/4, 6/8, 9/8, 3/8, 6/4, and 12/8 as twice three), else 4."""
    return 3 if score.beats_per_bar in (3, 6, 9) else 4


def _piece(name: str, source: str, notes: list[Note], header: Header, emotion: tuple[float, float]) -> Piece:
    events = encode(notes, header.beats_per_bar)
    return Piece(name, source, events, header.ids(), emotion, held_out=False)


def eimg_piece(name: str, score: Score, emotion: tuple[float, float]) -> Piece:
    """One EIMG clip: its dominant tempo, its key brought home, its bars found with some trust in those declared."""
    metre = _metre(score)
    notes, tempo = fold_tempo(list(score.notes), dominant_tempo(score))
    key = estimate_key(notes)
    steady = grid_fit(np.array([n.start_beat for n in notes])) >= STEADY_GRID_FIT
    offset = downbeat_offset(notes, metre, step_beats=0.5, bonus_at_0=DECLARED_BAR_TRUST) if steady else 0.0
    notes = shift_to_downbeat(transpose(notes, home_shift(key)), offset, metre)
    source = SOURCES[0] if steady else SOURCES[1]
    return _piece(name, source, notes, Header(metre, key.mode, tempo), emotion)


def pop909_pieces(name: str, score: Score) -> Iterator[tuple[Piece, Score]]:
    """One POP909 song, in segments of 16 bars each put on its own grid, with the segment as played (for labelling).

    Segments whose onsets do not gather on sixteenths (tempo drift, triplet feel) are passed over.
    """
    tempo = score.tempo_bpm
    key = estimate_key(score.notes)
    notes = transpose(score.notes, home_shift(key))
    song_phase, _ = sixteenth_phase(np.array([n.start_beat for n in notes]))
    offset = song_phase + downbeat_offset([replace(n, start_beat=n.start_beat - song_phase) for n in notes], 4)
    span = POP909_SEGMENT_BARS * 4
    for start in np.arange(offset, score.end_beat - span / 2, span):
        segment = [n for n in notes if start - 0.1 <= n.start_beat < start + span - 0.1]
        if len(segment) < 32:
            continue
        phase, fit = sixteenth_phase(np.array([n.start_beat - start for n in segment]))
        if fit < POP909_STEADY:
            continue
        at_zero = [replace(n, start_beat=max(0.0, n.start_beat - start - phase)) for n in segment]
        played = Score(tuple(sorted(at_zero)), (replace(score.tempo_marks[0], beat=0.0),), 4)
        folded_notes, folded = fold_tempo(at_zero, tempo)
        yield _piece(f"{name}@{start:.0f}", SOURCES[2], folded_notes, Header(4, key.mode, folded), (5.0, 5.0)), played


def mark_held_out(pieces: Iterable[Piece], *, seed: int = 0) -> list[Piece]:
    """Hold out a tenth of the files (all segments of a song together), drawn by seed."""
    pieces = list(pieces)
    files = sorted({piece.name.split("@")[0] for piece in pieces})
    drawn = np.random.default_rng(seed).permutation(len(files))[: round(HELD_OUT_SHARE * len(files))]
    held = {files[i] for i in drawn}
    return [replace(piece, held_out=piece.name.split("@")[0] in held) for piece in pieces]


def save(pieces: list[Piece], path: Path) -> None:
    """Write pieces to one .npz without pickle."""
    np.savez_compressed(
        path,
        events=np.concatenate([p.events for p in pieces]),
        lengths=np.array([len(p.events) for p in pieces]),
        header=np.array([p.header for p in pieces]),
        emotion=np.array([p.emotion for p in pieces], np.float32),
        source=np.array([SOURCES.index(p.source) for p in pieces]),
        held_out=np.array([p.held_out for p in pieces]),
        name=np.array([p.name for p in pieces]),
    )


def load(path: Path) -> list[Piece]:
    """Read what :func:`save` wrote."""
    with np.load(path, allow_pickle=False) as file:
        data = {key: file[key] for key in file.files}
    pieces = []
    for i, events in enumerate(np.split(data["events"], np.cumsum(data["lengths"])[:-1])):
        header = tuple(int(x) for x in data["header"][i])
        emotion = (float(data["emotion"][i][0]), float(data["emotion"][i][1]))
        source = SOURCES[int(data["source"][i])]
        pieces.append(Piece(str(data["name"][i]), source, events, header, emotion, bool(data["held_out"][i])))  # type: ignore[arg-type]
    return pieces


def build(eimg: Path | None = None, pop909: Path | None = None) -> list[Piece]:
    """Make all pieces from the two data sets' folders (by default those in the data folder).

    EIMG carries its listeners' ratings; a POP909 segment the emotion that `pipelines.hearing` hears in it.
    Raises DataMissingError when a set is not there.
    """
    from pipelines.hearing import hear_points

    pieces = [
        eimg_piece(f"eimg/{clip.path.stem}", clip.score(), (clip.valence, clip.arousal)) for clip in load_clips(eimg)
    ]
    folder = pop909 or data_folder("pop909")
    segments = [
        found
        for path in sorted((folder / "midi").glob("*.mid"))
        for found in pop909_pieces(f"pop909/{path.stem}", read_midi(path))
    ]
    heard = hear_points([played for _, played in segments])
    labelled = [
        replace(piece, emotion=(float(valence), float(arousal)))
        for (piece, _), (valence, arousal) in zip(segments, heard, strict=True)
    ]
    return mark_held_out([*pieces, *labelled])
