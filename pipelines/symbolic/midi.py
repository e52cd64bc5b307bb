"""Score to Standard MIDI File and back, through symusic.

A file's tracks are merged (drums left out), times become beats, and the key is estimated from the notes since the
files' own key signatures are seldom right.

A bar is counted in whole quarter notes (:func:`quarters_per_bar`), by the file's first time signature; later ones are
passed over, since a Score has one metre.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from pipelines.errors import MidiError
from pipelines.records import Note, Score, TempoMark
from pipelines.symbolic.key import estimate_key

TICKS_PER_BEAT = 480
DEFAULT_TEMPO_BPM = 120.0
DEFAULT_QUARTERS_PER_BAR = 4
BPM_RANGE = (4.0, 1000.0)
SHORTEST_NOTE_VALUE = 64  # the least that a time signature may count in
MOST_QUARTERS_PER_BAR = 64
CURE = "export it again as a Standard MIDI File"


def read_midi(path: str | Path) -> Score:
    """Read a MIDI file; raises MidiError when it is not there, cannot be read, makes no sense or holds no notes."""
    import symusic

    path = Path(path)
    if not path.is_file():
        raise MidiError(f"{path.name} is not there; check the path of the MIDI file.")
    try:
        file = symusic.Score(path)
    except Exception as cause:  # symusic raises plain RuntimeErrors of many texts
        raise MidiError(f"{path.name} cannot be read as MIDI; {CURE}.") from cause
    return score_from_symusic(file, name=path.name)


def score_from_symusic(file: Any, *, name: str = "the MIDI") -> Score:
    """Turn a `symusic.Score` (ticks) into a Score; raises MidiError without notes or in impossible time."""
    try:
        return _score(file, name)
    except (ArithmeticError, ValueError) as cause:  # such as no ticks a beat, or a tempo of no length
        raise MidiError(f"{name} has impossible times; {CURE}.") from cause


def _score(file: Any, name: str) -> Score:
    per_beat = file.ticks_per_quarter
    notes = sorted(
        Note(n.start / per_beat, n.pitch, n.duration / per_beat, max(1, n.velocity))
        for track in file.tracks
        if not track.is_drum
        for n in track.notes
        if n.duration > 0
    )
    if not notes:
        raise MidiError(f"{name} holds no notes; use a MIDI file with at least one pitched note.")
    key = estimate_key(notes)
    first = min(file.time_signatures, key=lambda signature: signature.time, default=None)
    beats = quarters_per_bar(first.numerator, first.denominator, name=name) if first else DEFAULT_QUARTERS_PER_BAR
    return Score(tuple(notes), _tempo_marks(file), beats, key.tonic, key.mode)


def quarters_per_bar(numerator: int, denominator: int, *, name: str = "the MIDI") -> int:
    """Quarter notes a bar, a whole number, for a time signature; raises MidiError for one that no music has.

    2/2 gives 4, 6/8 gives 3, 12/8 gives 6. A bar that is not whole in quarter notes is taken twice, so that every bar
    line of ours is one of the file's: 3/8 gives 3, 5/8 gives 5, 7/8 gives 7 (3/16, taken four times, 3). Only 9/8 is
    counted in threes, since bars of nine are no bars to think in; every third bar line then falls on one of the file's.
    """
    value = int(denominator)
    known = 1 <= value <= SHORTEST_NOTE_VALUE and value.bit_count() == 1
    if not known or not 0 < numerator * 4 / value <= MOST_QUARTERS_PER_BAR:
        raise MidiError(f"{name} has the time signature {numerator}/{denominator}, which no music has; {CURE}.")
    quarters = Fraction(numerator * 4, value)
    return 3 if quarters == Fraction(9, 2) else quarters.numerator


def _tempo_marks(file: Any) -> tuple[TempoMark, ...]:
    """Tempo changes with the last of those at one time; up to the first, MIDI's own 120 beats a minute."""
    low, high = BPM_RANGE
    marks = {0.0: DEFAULT_TEMPO_BPM}
    for tempo in file.tempos:
        bpm = float(tempo.qpm)
        if math.isnan(bpm):
            raise ValueError("a tempo that is not a number")
        marks[max(0.0, tempo.time / file.ticks_per_quarter)] = min(high, max(low, bpm))
    return tuple(TempoMark(beat, marks[beat]) for beat in sorted(marks))


def midi_bytes(score: Score) -> bytes:
    """Encode a score as a Standard MIDI File of one piano track, 480 ticks a beat; the same score, the same bytes.

    A note that would sound on when its pitch is struck again ends there; of two struck at once the longer is written.
    MIDI cannot say otherwise: a player would take the first of the two ends for both.
    """
    import symusic

    file: Any = symusic.Score(TICKS_PER_BEAT)  # symusic's stubs know the base class only
    file.tempos.extend(symusic.Tempo(round(m.beat * TICKS_PER_BEAT), qpm=m.bpm) for m in score.tempo_marks)
    file.time_signatures.append(symusic.TimeSignature(0, score.beats_per_bar, 4))
    file.key_signatures.append(symusic.KeySignature(0, fifths(score.tonic, score.mode), int(score.mode == "minor")))
    for section in score.sections:
        tick = round(section.first_bar * score.beats_per_bar * TICKS_PER_BEAT)
        file.markers.append(symusic.TextMeta(tick, section.name))
    track: Any = symusic.Track("Piano", 0, False)
    track.notes.extend(symusic.Note(*values) for values in _struck(score.notes))
    file.tracks.append(track)
    return bytes(file.dumps_midi())


def fifths(tonic: int, mode: str) -> int:
    """Sharps (above 0) or flats (below) of a key signature, -6 to 6, as :attr:`Score.key_name` spells the key."""
    sharps = (tonic + (3 if mode == "minor" else 0)) * 7 % 12
    most = 5 if mode == "minor" else 6  # E flat minor has six flats, F sharp major six sharps
    return sharps if sharps <= most else sharps - 12


def _struck(notes: Sequence[Note]) -> Iterator[tuple[int, int, int, int]]:
    """Start and duration in ticks, pitch and velocity of each note, by start, none into the next of its pitch."""
    longest: dict[tuple[int, int], tuple[int, int]] = {}
    for note in notes:
        start = round(note.start_beat * TICKS_PER_BEAT)
        end = max(start + 1, round(note.end_beat * TICKS_PER_BEAT))
        longest[start, note.pitch] = max((end, note.velocity), longest.get((start, note.pitch), (0, 0)))
    again: dict[int, int] = {}
    cut = []
    for (start, pitch), (end, velocity) in sorted(longest.items(), reverse=True):
        cut.append((start, min(end, again.get(pitch, end)) - start, pitch, velocity))
        again[pitch] = start
    return reversed(cut)


def write_midi(score: Score, path: str | Path) -> None:
    """Write a score as a MIDI file."""
    Path(path).write_bytes(midi_bytes(score))
