import numpy as np
import pytest

from pipelines.errors import SettingsError
from pipelines.records import Note, Score, TempoMark
from training.metrics.distributions import between, compare, likeness, piece_features, relative_overlap, within


def piece(rng, *, low=55, high=80, step=0.5):
    notes = tuple(Note(i * step, int(rng.integers(low, high)), step, 80) for i in range(40))
    return Score(notes, (TempoMark(0.0, 120.0),))


def pieces(seed, count, **options):
    rng = np.random.default_rng(seed)
    return [piece(rng, **options) for _ in range(count)]


def test_features_of_a_plain_piece():
    notes = (Note(0.0, 60, 1.0, 80), Note(1.0, 64, 1.0, 80), Note(2.0, 72, 2.0, 80), Note(4.0, 67, 0.34, 80))
    classes, lengths, ioi, pitch_range, intervals = piece_features(Score(notes, (TempoMark(0.0, 60.0),)))
    assert classes[[0, 4, 7]] == pytest.approx([0.5, 0.25, 0.25])
    assert lengths[[2, 1, 11]] == pytest.approx([0.5, 0.25, 0.25])
    assert ioi == pytest.approx([4 / 3])
    assert pitch_range == [12]
    assert intervals == pytest.approx([(4 + 8 + 5) / 3])


def test_distances():
    rows = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 8.0]])
    assert within(rows) == pytest.approx([5, 8, 5])
    assert between(rows[:1], rows) == pytest.approx([0, 5, 8])


def test_overlap_of_two_normal_densities_is_the_known_one():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 20000), rng.normal(2, 1, 20000)
    same, _ = compare(a, rng.normal(0, 1, 20000))
    overlap, divergence = compare(a, b)
    assert same > 0.97
    assert overlap == pytest.approx(0.3173, abs=0.02)
    assert divergence == pytest.approx(2.0, abs=0.3)


def test_the_same_kind_of_piece_overlaps_and_another_kind_does_not():
    reference = pieces(0, 40)
    alike, other = likeness(pieces(1, 30), reference), likeness(pieces(2, 30, low=20, high=110, step=2.0), reference)
    assert alike.mean_overlap > 0.85
    assert other.overlap[3] < 0.1
    assert other.mean_overlap < alike.mean_overlap - 0.3
    assert other.divergence[3] > alike.divergence[3] + 1
    assert relative_overlap(pieces(1, 30), reference) == pytest.approx(1.0, abs=0.1)


def test_three_pieces_are_too_few():
    with pytest.raises(SettingsError, match="3 pieces"):
        likeness(pieces(0, 3), pieces(1, 9))
