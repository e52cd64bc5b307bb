import numpy as np
import pytest

from pipelines.hearing_features import NoteArrays
from pipelines.records import Note, Score, TempoMark
from training.metrics.referee import (
    RefereeSettings,
    autocorrelation,
    cross_validated,
    fit,
    judge,
    piano_rolls,
    roll_features,
    triple_correlation,
)


def arrays(rows):
    start, end, pitch, velocity = np.array(rows, dtype=np.float64).T
    return NoteArrays(start, end, pitch, velocity)


def test_rolls_hold_onsets_and_sounding_keys():
    onset, sounding = piano_rolls(arrays([(0.0, 0.5, 60, 80), (0.5, 2.0, 64, 40)]))
    assert onset.shape == sounding.shape == (20, 88)
    assert onset[0, 39] == 1.0
    assert onset[5, 43] == 0.5
    assert onset.sum() == 1.5
    assert sounding[:, 39].tolist() == [1.0] * 5 + [0.0] * 15
    assert sounding[:, 43].sum() == 15


def test_autocorrelation_counts_the_intervals_of_a_third_and_of_a_later_fifth():
    roll = np.zeros((20, 88))
    roll[0, 39] = roll[0, 43] = roll[3, 46] = 1.0
    found = autocorrelation(roll) * 20
    assert found[0] == pytest.approx(3)
    assert found[4] == pytest.approx(1)
    assert found[1:4] == pytest.approx(0, abs=1e-9)
    near = found[25 : 25 + 8 * 29].reshape(8, 29)
    assert near[2, 14 + 7] == pytest.approx(1)
    assert near[2, 14 + 3] == pytest.approx(1)
    assert near.sum() == pytest.approx(2)


def test_features_of_key_and_time_survive_transposition():
    rows = [(0.5 * i, 0.5 * i + 0.4, 60 + (0, 4, 7, 12)[i % 4], 80) for i in range(24)]
    plain, moved = (roll_features(arrays([(a, b, p + up, v) for a, b, p, v in rows])) for up in (0, 5))
    blind = np.r_[0:610, 654 : len(plain)]
    assert plain[blind] == pytest.approx(moved[blind], abs=1e-6)
    assert np.abs(plain - moved).max() > 0.1


def test_triple_correlation_tells_major_from_minor_where_plain_correlation_cannot():
    major, minor = np.zeros((1, 12)), np.zeros((1, 12))
    major[0, [0, 4, 7]] = 1.0
    minor[0, [0, 3, 7]] = 1.0
    assert np.abs(np.fft.fft(major)) == pytest.approx(np.abs(np.fft.fft(minor)))
    assert np.abs(triple_correlation(major) - triple_correlation(minor)).max() == 1.0


def test_it_learns_what_is_there_and_rounds_no_more_than_its_steps():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 4))
    Y = np.stack([5 + X[:, 0], 5 + X[:, 1] * X[:, 2]], axis=1)
    guess = cross_validated(X, Y, RefereeSettings(folds=5, epsilon=0.1))
    assert np.corrcoef(guess[:, 0], Y[:, 0])[0, 1] > 0.9
    assert fit(X, Y, RefereeSettings(epsilon=0.1)).centres.dtype == np.int8


def test_the_fitted_referee_ranks_plain_opposites():
    def piece(third, step, velocity, root):
        notes = tuple(Note(i * step, root + (0, third, 7)[i % 3], step, velocity) for i in range(int(14 / step)))
        return Score(notes, (TempoMark(0.0, 60.0),))

    lively, sad = judge([piece(4, 0.125, 100, 65), piece(3, 0.75, 45, 50)])
    assert lively[1] > sad[1] + 2
    assert lively[0] > sad[0] + 0.5
    assert judge([]).shape == (0, 2)
