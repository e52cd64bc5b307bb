import pytest

from pipelines.records import Note, Score, TempoMark
from pipelines.waveform.arrange_harmony import Chord, chords_of_bar, clear_of, extended, voiced
from pipelines.waveform.arrange_melody import Melody, Splitter, Touch, octaves_for, played, touch_of
from pipelines.waveform.arrange_patterns import BassLine, Comping, strokes, timpani_bar
from pipelines.waveform.instruments import PLAYING

C_MAJOR = Chord(0.0, 4.0, 0, "major")


def score_of(*notes: Note, beats: int = 4, tonic: int = 0, mode: str = "major") -> Score:
    return Score(tuple(sorted(notes)), (TempoMark(0.0, 100.0),), beats, tonic, mode)


def chord_notes(pitches, start=0.0, length=4.0):
    return [Note(start, pitch, length, 70) for pitch in pitches]


@pytest.mark.parametrize(
    ("pitches", "root", "kind"),
    [
        ((48, 64, 67), 0, "major"),
        ((45, 60, 64), 9, "minor"),
        ((43, 59, 62, 65), 7, "dominant seventh"),
        ((50, 65, 69, 72), 2, "minor seventh"),
        ((41, 57, 60, 64), 5, "major seventh"),
        ((47, 62, 65), 11, "diminished"),
    ],
)
def test_plain_chords_are_known(pitches, root, kind):
    (chord,) = chords_of_bar(score_of(*chord_notes(pitches)), 0, None)
    assert (chord.root, chord.kind) == (root, kind)
    assert (chord.start_beat, chord.end_beat) == (0.0, 4.0)


def test_broken_chords_and_passing_notes_do_not_mislead():
    figure = [Note(i * 0.5, pitch, 0.5, 70) for i, pitch in enumerate((48, 55, 64, 55, 60, 62, 64, 67))]
    (chord,) = chords_of_bar(score_of(*figure), 0, None)
    assert (chord.root, chord.kind) == (0, "major")


def test_a_change_in_the_middle_of_a_bar_is_found():
    score = score_of(*chord_notes((41, 57, 60), 0.0, 2.0), *chord_notes((43, 59, 62), 2.0, 2.0))
    assert [(chord.root, chord.start_beat) for chord in chords_of_bar(score, 0, None)] == [(5, 0.0), (7, 2.0)]


def test_a_bar_of_three_has_one_chord_and_an_empty_one_keeps_the_last():
    score = score_of(*chord_notes((48, 64, 67), 0.0, 3.0), beats=3)
    assert len(chords_of_bar(score, 0, None)) == 1
    (kept,) = chords_of_bar(score, 4, Chord(9.0, 12.0, 5, "major"))
    assert (kept.root, kept.kind) == (5, "major")


def test_a_drone_is_given_moving_harmony_in_the_end():
    drone = [Note(float(beat), pitch, 1.0, 70) for beat in range(32) for pitch in (60, 64)]
    score = score_of(*drone)
    fresh = chords_of_bar(score, 4, C_MAJOR, held_bars=1)
    tired = chords_of_bar(score, 4, C_MAJOR, held_bars=5)
    assert fresh[0].root == 0
    assert tired[0].root != 0
    assert {0, 4} & set(tired[0].tones)


def test_sevenths_belong_to_the_key():
    assert extended(C_MAJOR, 0, "major") == (0, 4, 7, 11)
    assert extended(Chord(0, 4, 7, "major"), 0, "major") == (7, 11, 2, 5)


def test_chords_give_way_to_the_melody():
    fourth = [Note(0.0, 77, 2.0, 80)]
    assert clear_of((0, 4, 7), fourth) == (0, 7)
    crowded = [Note(0.0, 61, 1.0, 80), Note(1.0, 66, 0.5, 80), Note(2.0, 63, 0.25, 80)]
    assert clear_of((0, 4, 7), crowded) == (4, 7)


def test_voices_move_little_and_stay_in_their_register():
    last: tuple[int, ...] = ()
    for tones in ((0, 4, 7), (9, 0, 4), (5, 9, 0), (7, 11, 2), (0, 4, 7)):
        pitches = voiced(tones, 50, 69, last)
        assert {pitch % 12 for pitch in pitches} == set(tones)
        assert 50 <= pitches[0] <= pitches[-1] <= 69
        if last:
            assert max(abs(a - b) for a, b in zip(pitches, last, strict=True)) <= 5
        last = pitches


def test_the_melody_is_the_top_voice_but_not_its_accompaniment():
    tune = [Note(0.0, 76, 2.0, 80), Note(2.0, 74, 1.0, 80), Note(3.0, 72, 1.0, 80)]
    accompaniment = [Note(i * 0.5, (48, 60, 55, 60)[i % 4], 0.5, 60) for i in range(8)]
    split = Splitter().split(score_of(*tune, *accompaniment), 0)
    assert split.melody == tuple(tune)
    assert {note.pitch for note in split.bass} == {48}
    assert len(split.melody) + len(split.inner) + len(split.bass) == 11


def test_answers_between_the_notes_of_a_melody_are_not_sung():
    tune = [Note(0.0, 79, 0.5, 80), Note(1.0, 77, 0.5, 80), Note(2.0, 76, 0.5, 80), Note(3.0, 74, 0.5, 80)]
    answers = [Note(beat + 0.5, 60, 0.5, 60) for beat in range(4)]
    score = score_of(*tune, *answers, Note(4.0, 72, 1.0, 80))
    assert Splitter().split(score, 0).melody == tuple(tune)


def test_slow_instruments_leave_out_quick_notes_off_the_beat():
    quick = tuple(Note(i / 4, 72 + i % 3, 0.25, 80) for i in range(16))
    choir = played(Melody(quick, (), 0.5), PLAYING["choir"], Touch(), shift=0)
    violin = played(Melody(quick, (), 0.5), PLAYING["violin"], Touch(), shift=0)
    assert len(violin) == 16
    assert {0.0, 1.0, 2.0, 3.0} <= {note.start_beat for note in choir}
    assert len(choir) < 12


def test_an_octave_is_chosen_for_the_instrument():
    tune = [Note(float(i), 76 + i, 1.0, 80) for i in range(4)]
    assert octaves_for(tune, PLAYING["cello"], Touch()) == -24
    assert octaves_for(tune, PLAYING["flute"], Touch()) == 0
    assert touch_of("rising, staccato, in a high register") == Touch(7, 0.5, False, 0)


def test_a_held_chord_is_struck_again_where_the_harmony_changes():
    chords = (Chord(0.0, 2.0, 0, "major"), Chord(2.0, 4.0, 7, "major"))
    assert [(s.beat, s.length, s.chord.root) for s in strokes("x---------------", 0.0, chords)] == [
        (0.0, 2.0, 0),
        (2.0, 2.0, 7),
    ]
    assert [s.beat for s in strokes("0-------....2---", 0.0, (C_MAJOR,))] == [0.0, 3.0]


def test_power_chords_are_roots_and_fifths():
    writer = Comping(PLAYING["distorted guitar"], 45, 64, 3)
    notes = writer.write("p---------------", 0.0, (C_MAJOR,), {C_MAJOR: (0, 4, 7)}, 80)
    assert [note.pitch for note in notes] == [48, 55, 60]


def test_strums_are_spread_and_all_within_forty_milliseconds():
    writer = Comping(PLAYING["acoustic guitar"], 48, 67, 4)
    down = writer.write("D---------------", 0.0, (C_MAJOR,), {C_MAJOR: (0, 4, 7)}, 80, beat_s=0.5)
    up = writer.write("u---------------", 0.0, (C_MAJOR,), {C_MAJOR: (0, 4, 7)}, 80, beat_s=0.5)
    starts = [note.start_beat * 0.5 for note in down]
    assert starts == sorted(starts)
    assert 0.015 <= starts[-1] - starts[0] <= 0.04
    assert up[0].start_beat > up[-1].start_beat


def test_bass_walks_into_the_next_root():
    line = BassLine(PLAYING["double bass"])
    following = Chord(4.0, 8.0, 5, "major")
    notes = line.write("R---T---F---A---", 0.0, (C_MAJOR,), following, 80)
    assert [note.pitch % 12 for note in notes[:3]] == [0, 4, 7]
    (root,) = line.write("R---------------", 4.0, (following,), C_MAJOR, 80)
    assert abs(notes[3].pitch - root.pitch) <= 5
    assert all(28 <= note.pitch <= 55 for note in notes)


def test_timpani_roll_grows():
    notes = timpani_bar(0.0, 4, (C_MAJOR,), PLAYING["timpani"], 80, roll=True)
    roll = notes[1:]
    assert len(roll) == 6
    assert roll[-1].velocity > roll[0].velocity + 20
    assert {note.pitch % 12 for note in notes} == {0}
