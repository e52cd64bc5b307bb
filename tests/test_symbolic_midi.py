"""MIDI files: round trips, tempo marks, markers, and files that are none."""

import pytest
import symusic

from pipelines.errors import MidiError
from pipelines.records import Note, Score, Section, TempoMark
from pipelines.symbolic.midi import midi_bytes, read_midi, write_midi

SCORE = Score(
    (Note(0.0, 57, 1.0, 80), Note(0.0, 64, 2.0, 70), Note(1.5, 60, 0.25, 127), Note(4.0, 57, 4.0, 1)),
    (TempoMark(0.0, 90.0), TempoMark(4.0, 60.0)),
    beats_per_bar=3,
    tonic=9,
    mode="minor",
    sections=(Section("A", 0, 2), Section("B", 2, 1)),
)


def test_what_is_written_is_read_back(tmp_path) -> None:
    write_midi(SCORE, tmp_path / "a.mid")
    back = read_midi(tmp_path / "a.mid")
    assert back.notes == SCORE.notes
    assert back.beats_per_bar == 3
    assert [mark.beat for mark in back.tempo_marks] == [0.0, 4.0]
    assert [mark.bpm for mark in back.tempo_marks] == pytest.approx([90.0, 60.0], rel=1e-4)
    assert back.duration_s == pytest.approx(4 * 60 / 90 + 4.0, rel=1e-4)
    assert back.key_name == "A minor"


def test_sections_become_markers_and_bytes_repeat() -> None:
    data = midi_bytes(SCORE)
    assert data == midi_bytes(SCORE)
    file = symusic.Score.from_midi(data)
    assert [(m.time, m.text) for m in file.markers] == [(0, "A"), (2 * 3 * 480, "B")]


@pytest.mark.parametrize("data", [b"", b"MThd", b"hello", b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x01\xe0"])
def test_damaged_files_say_so(tmp_path, data: bytes) -> None:
    (tmp_path / "bad.mid").write_bytes(data)
    with pytest.raises(MidiError, match=r"bad\.mid"):
        read_midi(tmp_path / "bad.mid")


def test_a_file_without_notes_says_so(tmp_path) -> None:
    empty = Score((), (TempoMark(0.0, 120.0),))
    write_midi(empty, tmp_path / "empty.mid")
    with pytest.raises(MidiError, match="holds no notes"):
        read_midi(tmp_path / "empty.mid")


def test_a_missing_file_says_so(tmp_path) -> None:
    with pytest.raises(MidiError, match=r"nothing\.mid"):
        read_midi(tmp_path / "nothing.mid")


def test_drums_are_left_out() -> None:
    from pipelines.symbolic.midi import score_from_symusic

    file = symusic.Score.from_midi(midi_bytes(SCORE))
    drums = symusic.Track("Drums", 0, True)
    drums.notes.append(symusic.Note(0, 10, 36, 100))
    file.tracks.append(drums)
    assert len(score_from_symusic(file).notes) == len(SCORE.notes)
