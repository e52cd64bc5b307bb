"""Score to Standard MIDI File and back, through symusic.

A file's tracks are merged (drums left out), times become beats, and the key is estimated from the notes since the
files' own key signatures are seldom right.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.errors import MidiError
from pipelines.records import Note, Score, TempoMark
from pipelines.symbolic.key import estimate_key

TICKS_PER_BEAT = 480
DEFAULT_TEMPO_BPM = 120.0
BPM_RANGE = (4.0, 1000.0)


def read_midi(path: str | Path) -> Score:
    """Read a MIDI file; raises MidiError when it cannot be read or holds no notes."""
    import symusic

    try:
        file = symusic.Score(str(path))
    except Exception as cause:  # symusic raises plain RuntimeErrors of many texts
        raise MidiError(
            f"{Path(path).name} cannot be read as MIDI; export it again as a Standard MIDI File."
        ) from cause
    return score_from_symusic(file, name=Path(path).name)


def score_from_symusic(file: Any, *, name: str = "the MIDI") -> Score:
    """Turn a `symusic.Score` (ticks) into a Score; raises MidiError without notes."""
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
    signature = file.time_signatures[0] if len(file.time_signatures) else None
    beats = round(signature.numerator * 4 / signature.denominator) if signature else 4
    return Score(tuple(notes), _tempo_marks(file), max(1, beats), key.tonic, key.mode)


def _tempo_marks(file: Any) -> tuple[TempoMark, ...]:
    """Tempo changes with the last of those at one time, the first moved to beat 0."""
    low, high = BPM_RANGE
    marks = {t.time / file.ticks_per_quarter: min(high, max(low, float(t.qpm))) for t in file.tempos}
    beats = sorted(marks)
    first = marks[beats[0]] if beats else DEFAULT_TEMPO_BPM
    return (TempoMark(0.0, first), *(TempoMark(beat, marks[beat]) for beat in beats[1:]))


def midi_bytes(score: Score) -> bytes:
    """Encode a score as a Standard MIDI File of one piano track, 480 ticks a beat; the same score, the same bytes."""
    import symusic

    file: Any = symusic.Score(TICKS_PER_BEAT)  # symusic's stubs know the base class only
    file.tempos.extend(symusic.Tempo(round(m.beat * TICKS_PER_BEAT), qpm=m.bpm) for m in score.tempo_marks)
    file.time_signatures.append(symusic.TimeSignature(0, score.beats_per_bar, 4))
    for section in score.sections:
        tick = round(section.first_bar * score.beats_per_bar * TICKS_PER_BEAT)
        file.markers.append(symusic.TextMeta(tick, section.name))
    track: Any = symusic.Track("Piano", 0, False)
    track.notes.extend(_ticks(note) for note in score.notes)
    file.tracks.append(track)
    return bytes(file.dumps_midi())


def _ticks(note: Note) -> Any:
    import symusic

    start = round(note.start_beat * TICKS_PER_BEAT)
    end = max(start + 1, round(note.end_beat * TICKS_PER_BEAT))
    return symusic.Note(start, end - start, note.pitch, note.velocity)


def write_midi(score: Score, path: str | Path) -> None:
    """Write a score as a MIDI file."""
    Path(path).write_bytes(midi_bytes(score))
