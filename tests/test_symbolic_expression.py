"""Shaping: accents and arch within bounds, starts untouched, silence filled."""

import numpy as np

from pipelines.records import Note
from pipelines.symbolic.expression import LONGEST_SILENCE_S, fill_silence, separate, shape


def test_shape_moves_loudness_only() -> None:
    notes = [Note(beat, pitch, 1.0, 80) for beat in range(8) for pitch in (48, 60, 72)]
    shaped = shape(notes, 0.0, 8.0, 4)
    assert [(n.start_beat, n.pitch, n.duration_beats) for n in shaped] == [
        (n.start_beat, n.pitch, n.duration_beats) for n in notes
    ]
    loudness = np.array([n.velocity for n in shaped]).reshape(8, 3)
    assert (loudness[:, 2] - loudness[:, 0] == 6).all()  # the top voice sings
    assert (loudness[:, 0] - loudness[:, 1] == 5).all()  # inner voices stay back
    assert loudness[4, 0] > loudness[0, 0]  # an arch
    assert loudness[4, 0] > loudness[3, 0] > loudness[7, 0]  # with accented downbeats


def test_loudness_stays_in_range() -> None:
    extremes = shape([Note(0.0, 60, 1.0, 1), Note(4.0, 60, 1.0, 127)], 0.0, 8.0, 4)
    assert [n.velocity for n in extremes] == [12, 120]


def test_silence_is_filled_up_to_the_end() -> None:
    notes = [Note(0.0, 60, 0.5, 64), Note(0.0, 48, 0.25, 64), Note(8.0, 62, 0.5, 64)]
    held = fill_silence(notes, 120.0, end_beat=16.0)
    assert [n.end_beat for n in held] == [8.0, 8.0, 16.0]


def test_short_rests_are_left_alone() -> None:
    notes = [Note(float(beat), 60, 0.5, 64) for beat in range(4)]
    assert LONGEST_SILENCE_S > 0.5 * 60 / 60
    assert fill_silence(notes, 60.0, end_beat=4.0) == notes


def test_a_pedal_note_keeps_others_short() -> None:
    notes = [Note(0.0, 36, 8.0, 64), Note(0.0, 60, 0.5, 64), Note(7.0, 62, 1.0, 64)]
    assert fill_silence(notes, 60.0, end_beat=8.0) == notes


def test_no_key_sounds_twice_and_held_semitones_are_released() -> None:
    notes = [
        Note(0.0, 60, 4.0, 64),
        Note(0.0, 64, 4.0, 64),
        Note(0.0, 72, 4.0, 64),
        Note(1.0, 65, 1.0, 64),
        Note(2.0, 60, 1.0, 64),
        Note(2.0, 61, 1.0, 64),
    ]
    held = {(n.start_beat, n.pitch): n.duration_beats for n in separate(notes)}
    assert held == {(0.0, 60): 2.0, (0.0, 64): 1.0, (0.0, 72): 4.0, (1.0, 65): 1.0, (2.0, 60): 1.0, (2.0, 61): 1.0}
