import numpy as np
import pytest

from pipelines.records import Note, Score, TempoMark
from training.metrics.copying import copying, index_runs, melody_runs

TUNE = (0, 2, 4, 0, 7, 5, 4, 2, 4, 5, 2, 0, -1, 2, 7, 9)


def tune(pitches, *, root=60, steps=(1.0,), bass=False):
    start, notes = 0.0, []
    for i, pitch in enumerate(pitches):
        step = steps[i % len(steps)]
        notes.append(Note(start, root + pitch, step, 80))
        if bass:
            notes.append(Note(start, 36 + i % 5, step, 80))
        start += step
    return Score(tuple(sorted(notes)), (TempoMark(0.0, 120.0),))


def test_a_tune_of_16_notes_has_5_runs_found_again_in_another_key_over_another_bass():
    plain, moved = melody_runs(tune(TUNE)), melody_runs(tune(TUNE, root=67, bass=True))
    assert len(plain) == 5
    assert np.array_equal(plain, moved)


def test_one_changed_note_breaks_the_runs_that_hold_it():
    changed = list(TUNE)
    changed[13] += 1
    assert np.isin(melody_runs(tune(changed)), melody_runs(tune(TUNE))).tolist() == [True, True, False, False, False]


def test_rhythm_counts_only_when_asked():
    even, dotted = tune(TUNE), tune(TUNE, steps=(1.5, 0.5))
    assert np.array_equal(melody_runs(even), melody_runs(dotted))
    assert not np.isin(melody_runs(even, rhythm=True), melody_runs(dotted, rhythm=True)).any()
    faster = tune(TUNE, steps=(0.5,))
    assert np.array_equal(melody_runs(even, rhythm=True), melody_runs(faster, rhythm=True))


def test_trills_and_short_pieces_have_no_runs():
    assert len(melody_runs(tune([0, 2] * 20))) == 0
    assert len(melody_runs(tune(TUNE[:11]))) == 0


def test_rates_are_shares_of_runs():
    known, other = melody_runs(tune(TUNE)), melody_runs(tune(TUNE[::-1]))
    index = index_runs([known, other, other[:2]])
    assert index.counts(known).tolist() == [1] * 5
    half = np.concatenate([known[:2], known[:2] + 1])
    found = copying([half, other], index)
    assert found.any_rate == pytest.approx((0.5 + 1.0) / 2)
    assert found.pair_rate == pytest.approx((2 / 4 / 3 + (1 + 2 / 5) / 3) / 2)
    assert found.longest == 1.0


def test_a_piece_does_not_copy_itself():
    known = melody_runs(tune(TUNE))
    index = index_runs([known, known + 1])
    assert copying([known], index, own=[known]).any_rate == 0.0
    assert copying([known[:0]], index).any_rate == 0.0
