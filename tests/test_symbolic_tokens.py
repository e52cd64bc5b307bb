"""The symbolic paper's grammar: words, voices, vocabulary, and the released sequences."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from pipelines.errors import DataMissingError, SettingsError
from pipelines.records import Note, Score, TempoMark
from pipelines.symbolic.midi import midi_bytes, score_from_symusic
from pipelines.symbolic.tokens import Vocabulary, build_vocabulary, decode, encode, encode_parts, split_hands
from pipelines.symbolic.tokens_grammar import name_of, normal_order, pitch_of, read_token, write_length, write_sounding
from pipelines.symbolic.tokens_read import place
from pipelines.symbolic.tokens_voices import Event, chords, events_of_parts, quantise
from training.data import data_folder

TEMPO = (TempoMark(0.0, 90.0),)
LINE = "<start> 90.0@tempo 4/4@time E5@1.0 0.4.7@2.0 r@1/3 D5@2/3 C5@2.0 7.11@2.0 r@4.0 2@0.25 r@3.75 <end>"
PIECE = LINE.split()


@pytest.fixture(scope="module")
def released() -> list[list[str]]:
    """The 2,884 sequences released with the paper, without their numbers."""
    try:
        text = (data_folder("eimg") / "paper_token_sequences.txt").read_text()
    except (DataMissingError, OSError) as error:
        pytest.skip(str(error))
    return [line.split()[1:] for line in text.splitlines()]


def events(*lines: tuple[float, float, int]) -> list[Note]:
    return [Note(start, pitch, length, 80) for start, length, pitch in lines]


def test_normal_orders_are_those_of_music21() -> None:
    chord = pytest.importorskip("music21.chord")
    sets = [[i for i in range(12) if number >> i & 1] for number in range(1, 4096, 23)]
    sets += [[0, 6], [0, 4, 8], [1, 4, 7, 10], [2, 5, 8, 11], [0, 1, 6, 7], [0, 2, 4, 6, 8, 10], list(range(12))]
    assert all(normal_order(classes) == tuple(chord.Chord(classes).normalOrder) for classes in sets)


def test_names_and_lengths_are_those_of_music21() -> None:
    pitch = pytest.importorskip("music21.pitch")
    assert [name_of(p) for p in range(12, 128)] == [pitch.Pitch(p).nameWithOctave for p in range(12, 128)]
    assert (name_of(58), name_of(68), name_of(68, flat_a=True)) == ("B-3", "G#4", "A-4")
    assert [pitch_of(name) for name in ("C4", "A-4", "G#4", "B-3", "E--5")] == [60, 68, 68, 58, 74]
    quarters = (Fraction(1), Fraction(1, 4), Fraction(1, 3), Fraction(13, 6))
    assert [write_length(q) for q in quarters] == ["1.0", "0.25", "1/3", "13/6"]


@pytest.mark.parametrize(
    "text", ["", "H4@1.0", "C4", "C4@", "C4@1/0", "12@1.0", "0..4@1.0", "C4@-1", "0@tempo", "<mid>"]
)
def test_what_is_no_token_says_so(text: str) -> None:
    with pytest.raises(SettingsError, match="no token"):
        read_token(text)


def test_notes_together_are_a_chord_and_octaves_keep_one_class() -> None:
    together = chords(events((0.0, 1.0, 64), (0.1, 1.0, 60), (0.0, 2.0, 67)))
    assert [sorted(event.pitches) for event in together] == [[60, 64], [67]]
    assert write_sounding((52, 64), Fraction(1, 4)) == "4@0.25"
    assert write_sounding((65, 59, 62, 67), Fraction(2)) == "11.2.5.7@2.0"


def test_starts_and_lengths_go_to_quarters_and_thirds() -> None:
    late = [
        Event(Fraction(0.02), Fraction(0.31)),
        Event(Fraction(0.34), Fraction(0.65)),
        Event(Fraction(1.01), Fraction(0.05)),
    ]
    found = [(event.start, event.length) for event in quantise(late)]
    assert found == [(0, Fraction(1, 3)), (Fraction(1, 3), Fraction(2, 3)), (1, Fraction(1, 4))]


def test_voices_are_whole_and_cut_at_the_bar() -> None:
    parts = [events((0.0, 1.0, 72), (2.0, 3.0, 74)), events((1.0, 1.0, 48))]
    found = [(event.start, event.length, event.pitches) for event in events_of_parts(parts, Fraction(4))]
    assert found == [
        (0, 1, (72,)),
        (0, 1, ()),
        (1, 1, ()),
        (1, 1, (48,)),
        (2, 2, (74,)),
        (2, 2, ()),
        (4, 1, (74,)),
        (5, 3, ()),
    ]


def test_a_score_is_written_as_the_paper_writes() -> None:
    notes = events((0.0, 1.0, 81), (0.0, 2.0, 41), (0.0, 2.0, 45), (0.0, 2.0, 48), (1.0, 3.0, 73), (40.0, 1.0, 72))
    tokens = encode(Score(tuple(sorted(notes)), TEMPO, 4, 5, "major"))
    assert tokens[:8] == ["<start>", "90.0@tempo", "4/4@time", "E5@1.0", "0.4.7@2.0", "G#4@3.0", "r@2.0", "r@4.0"]
    assert tokens[-1] == "<end>"
    assert tokens.count("r@4.0") == 7  # bars 2 to 8 of the right hand, the left having ended; bar 11 is left out


def test_minor_goes_to_a_minor_and_a_black_key_keeps_its_kind() -> None:
    e_minor = Score(tuple(events((0.0, 1.0, 76), (1.0, 1.0, 75))), TEMPO, 3, 4, "minor")
    assert encode(e_minor)[2:5] == ["3/4@time", "A5@1.0", "A-5@1.0"]
    home = Score(tuple(events((0.0, 1.0, 68))), TEMPO, 4, 9, "minor")
    assert encode(home)[3] == "G#4@1.0"


def test_hands_part_at_middle_c() -> None:
    right, left = split_hands(events((0.0, 1.0, 60), (0.0, 1.0, 59)))
    assert ([note.pitch for note in right], [note.pitch for note in left]) == ([60], [59])


def test_time_is_read_from_the_order() -> None:
    score = decode(PIECE)
    assert (score.tempo_bpm, score.beats_per_bar, score.key_name) == (90.0, 4, "C major")
    starts = {(note.start_beat, note.pitch): note.duration_beats for note in score.notes}
    assert starts[0.0, 76] == 1.0
    assert starts[4 / 3, 74] == pytest.approx(2 / 3)
    assert starts[2.0, 72] == 2.0
    assert {pitch % 12 for start, pitch in starts if start == 0.0 and pitch < 60} == {0, 4, 7}
    assert [pitch for start, pitch in starts if start == 4.0] == [38, 50]


def test_what_is_encoded_is_placed_where_it_was() -> None:
    rng = np.random.default_rng(0)
    right = [Note(k / 2, int(rng.integers(60, 84)), 0.5, 80) for k in range(64) if rng.random() < 0.7]
    left = [Note(float(k), 40 + int(rng.integers(0, 12)), 2.0, 80) for k in range(0, 32, 2)]
    score = Score(tuple(sorted(right + left)), TEMPO)
    heard = [(note.start_beat, note.pitch, note.duration_beats) for note in decode(encode(score)).notes]
    assert heard == [(note.start_beat, note.pitch, note.duration_beats) for note in score.notes]
    assert encode(decode(encode(score))) == encode(score)


def test_three_voices_are_told_from_two() -> None:
    tokens = [read_token(token) for token in ("C5@4.0", "C4@2.0", "C3@1.0", "D3@3.0", "D4@2.0")]
    assert [event.start for event in place(tokens, Fraction(4))] == [0, 0, 0, 1, 2]


def test_anything_is_read() -> None:
    rng = np.random.default_rng(1)
    words = [*PIECE, "<pad>", "3/8@time", "120.0@tempo", "C4@0.0", "B8@1/7", "9.0.4@16.0", "5/16@time"]
    words.remove("<end>")
    for _ in range(50):
        score = decode(["C5@1.0", *rng.choice(words, 60)])
        assert all(note.duration_beats > 0 and 0 <= note.pitch <= 127 for note in score.notes)
        assert list(score.notes) == sorted(score.notes)
        assert midi_bytes(score)
    assert decode([]).notes == ()
    assert decode(["<end>", *PIECE]).notes == ()


def test_a_vocabulary_numbers_and_names() -> None:
    vocabulary = build_vocabulary([PIECE, PIECE[:5]])
    assert vocabulary.tokens[:3] == ("<pad>", "<start>", "<end>")
    assert vocabulary.size == len(set(PIECE)) + 1
    ids = vocabulary.ids(PIECE)
    assert ids.dtype == np.int32
    assert vocabulary.names(ids) == PIECE
    assert Vocabulary(vocabulary.tokens) == Vocabulary(vocabulary.tokens[1:]) == vocabulary


def test_unknown_tokens_go_to_the_nearest_of_their_kind() -> None:
    words = ("C4@1.0", "C4@0.5", "C5@1.0", "D4@1.0", "0.4.7@1.0", "0.4.7.10@2.0", "r@1.0", "90.0@tempo", "120.0@tempo")
    vocabulary = Vocabulary(words)
    asked = ["C4@2/3", "C6@0.5", "D-4@1.0", "4.7.0@4.0", "4.7.10.0@0.25", "r@16.0", "104.0@tempo", "103.0@tempo"]
    given = ["C4@0.5", "C5@1.0", "C4@1.0", "0.4.7@1.0", "0.4.7.10@2.0", "r@1.0", "120.0@tempo", "90.0@tempo"]
    assert vocabulary.names(vocabulary.ids(asked)) == given
    with pytest.raises(SettingsError, match="no token like 3/4@time"):
        vocabulary.ids(["3/4@time"])
    with pytest.raises(SettingsError, match=r"0 to 9"):
        vocabulary.names([10])


def test_a_vocabulary_holds_nothing_but_tokens() -> None:
    with pytest.raises(SettingsError, match=r"'H4@1\.0' is no token"):
        Vocabulary(("C4@1.0", "H4@1.0"))


def test_the_released_sequences_play(released: list[list[str]]) -> None:
    import symusic

    assert len(released) == 2884
    assert build_vocabulary(released).size == 977 + 1
    different = Counter(map(tuple, released))
    assert len(different) == 70
    for sequence in different:
        score = decode(sequence)
        sounding = sum(token[0] != "r" for token in sequence[3:-1])
        assert len(score_from_symusic(symusic.Score.from_midi(midi_bytes(score))).notes) >= 0.8 * sounding
        assert score.tempo_bpm == float(sequence[1].partition("@")[0])
        assert score.bar_count <= 8 * 4


def test_a_clip_gives_the_released_sequence(released: list[list[str]]) -> None:
    """EIMG's clips as the paper wrote them: hands, chords, quantisation, rests, key and order, token by token."""
    import symusic

    sequences = {tuple(sequence) for sequence in released}
    for name, tonic, mode in (("2991.mid", 5, "major"), ("0270.mid", 4, "minor"), ("2444.mid", 5, "major")):
        file = symusic.Score(data_folder("eimg") / "midi" / name)
        per_beat = file.ticks_per_quarter
        parts = [[Note(n.start / per_beat, n.pitch, n.duration / per_beat, 80) for n in t.notes] for t in file.tracks]
        notes = tuple(sorted(note for part in parts for note in part))
        score = Score(notes, (TempoMark(0.0, file.tempos[0].qpm),), 4, tonic, mode)
        assert tuple(encode_parts(parts, score)) in sequences
