"""MIDI files: round trips, tempo marks, markers, and files that are none."""

import pytest
import symusic

from pipelines.errors import MidiError
from pipelines.records import Note, Score, Section, TempoMark
from pipelines.symbolic.midi import fifths, midi_bytes, quarters_per_bar, read_midi, score_from_symusic, write_midi

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
    file = symusic.Score.from_midi(midi_bytes(SCORE))
    drums = symusic.Track("Drums", 0, True)
    drums.notes.append(symusic.Note(0, 10, 36, 100))
    file.tracks.append(drums)
    assert len(score_from_symusic(file).notes) == len(SCORE.notes)


def changed(**parts: object) -> symusic.core.ScoreTick:
    """A file of one note whose tempos or time signatures are these."""
    file = symusic.Score(480)
    track = symusic.Track("Piano", 0, False)
    track.notes.append(symusic.Note(0, 480, 60, 80))
    file.tracks.append(track)
    for name, values in parts.items():
        getattr(file, name).extend(values)
    return file


@pytest.mark.parametrize(
    ("signature", "quarters"),
    [
        ((4, 4), 4),
        ((3, 4), 3),
        ((6, 4), 6),
        ((2, 2), 4),
        ((3, 8), 3),
        ((5, 8), 5),
        ((6, 8), 3),
        ((7, 8), 7),
        ((9, 8), 3),
        ((12, 8), 6),
        ((3, 16), 3),
    ],
)
def test_a_bar_is_whole_in_quarter_notes(signature: tuple[int, int], quarters: int) -> None:
    assert quarters_per_bar(*signature) == quarters
    assert score_from_symusic(changed(time_signatures=[symusic.TimeSignature(0, *signature)])).beats_per_bar == quarters


@pytest.mark.parametrize("signature", [(4, 0), (0, 4), (4, 3), (4, 128), (255, 1), (4, -4)])
def test_a_metre_that_no_music_has_says_so(signature: tuple[int, int]) -> None:
    with pytest.raises(MidiError, match=rf"odd\.mid has the time signature {signature[0]}/{signature[1]}"):
        quarters_per_bar(*signature, name="odd.mid")


def test_a_file_with_an_impossible_denominator_or_no_ticks_says_so(tmp_path) -> None:
    data = midi_bytes(SCORE)
    at = data.index(b"\xff\x58\x04")
    (tmp_path / "odd.mid").write_bytes(data[: at + 4] + b"\xf0" + data[at + 5 :])
    with pytest.raises(MidiError, match=r"odd\.mid"):
        read_midi(tmp_path / "odd.mid")
    (tmp_path / "still.mid").write_bytes(data[:12] + b"\x00\x00" + data[14:])
    with pytest.raises(MidiError, match=r"still\.mid"):
        read_midi(tmp_path / "still.mid")


def test_the_first_signature_holds() -> None:
    signatures = [symusic.TimeSignature(960, 4, 4), symusic.TimeSignature(0, 3, 4)]
    assert score_from_symusic(changed(time_signatures=signatures)).beats_per_bar == 3


def test_before_a_late_tempo_mark_it_is_120() -> None:
    score = score_from_symusic(changed(tempos=[symusic.Tempo(960, qpm=60.0)]))
    assert score.tempo_marks == (TempoMark(0.0, 120.0), TempoMark(2.0, 60.0))


@pytest.mark.parametrize(
    ("tonic", "mode", "sharps"),
    [(0, "major", 0), (6, "major", 6), (1, "major", -5), (9, "minor", 0), (1, "minor", 4), (3, "minor", -6)],
)
def test_key_signatures_follow_the_key(tonic: int, mode: str, sharps: int) -> None:
    assert fifths(tonic, mode) == sharps
    file = symusic.Score.from_midi(midi_bytes(Score(SCORE.notes, SCORE.tempo_marks, 4, tonic, mode)))
    assert [(k.time, k.key, k.tonality) for k in file.key_signatures] == [(0, sharps, int(mode == "minor"))]


def test_a_note_ends_where_its_pitch_is_struck_again(tmp_path) -> None:
    notes = (Note(0.0, 60, 4.0, 80), Note(0.0, 60, 1.0, 90), Note(1.0, 64, 1.0, 70), Note(2.0, 60, 1.0, 60))
    write_midi(Score(notes, (TempoMark(0.0, 120.0),)), tmp_path / "a.mid")
    back = read_midi(tmp_path / "a.mid").notes
    assert back == (Note(0.0, 60, 2.0, 80), Note(1.0, 64, 1.0, 70), Note(2.0, 60, 1.0, 60))


def test_corpus_bars_are_of_three_or_four() -> None:
    from training.data.composer_corpus import _metre

    signatures = [(3, 4), (6, 8), (9, 8), (6, 4), (3, 8), (12, 8), (4, 4), (2, 4), (2, 2), (5, 8), (7, 8)]
    found = [_metre(Score((), (TempoMark(0.0, 120.0),), quarters_per_bar(*s))) for s in signatures]
    assert found == [3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4]
