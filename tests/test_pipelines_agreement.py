"""The statistics of agreement against published numbers and cases whose answer is known."""

import math

import numpy as np
import pytest
from scipy.stats import pearsonr

from pipelines.agreement import (
    against_the_others,
    bootstrapped,
    correlation_with,
    distance_by_chance,
    distance_to_others,
    icc_2_1,
    krippendorff_alpha,
    mean_distance,
    pearson,
    quadrant,
    right_quadrants,
    spread_over_listeners,
)

NAN = math.nan
# Krippendorff 2011, the example with missing data: four observers, twelve units.
KRIPPENDORFF = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
)
# Shrout and Fleiss 1979, table 2: six targets, four judges.
SHROUT_FLEISS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float).T


def test_alpha_is_that_of_krippendorffs_own_example() -> None:
    assert krippendorff_alpha(KRIPPENDORFF) == pytest.approx(0.849, abs=0.0005)


def test_alpha_by_pairs_and_by_sums_of_squares_agree() -> None:
    ratings = np.random.default_rng(3).uniform(1, 9, (5, 8))
    pairs = [(u, i, j) for u in range(8) for i in range(5) for j in range(5) if i != j]
    observed = np.mean([(ratings[i, u] - ratings[j, u]) ** 2 for u, i, j in pairs])
    flat = ratings.ravel()
    expected = ((flat[:, None] - flat[None]) ** 2).sum() / (40 * 39)
    assert krippendorff_alpha(ratings) == pytest.approx(1 - observed / expected, abs=1e-12)


def test_alpha_at_its_ends_and_where_there_is_none() -> None:
    assert krippendorff_alpha(np.array([[1.0, 5.0, 9.0]] * 3)) == pytest.approx(1.0)
    assert krippendorff_alpha(np.array([[1.0, 9.0], [9.0, 1.0]])) == pytest.approx(-0.5)
    assert math.isnan(krippendorff_alpha(np.array([[1.0, 5.0, 9.0]])))
    assert math.isnan(krippendorff_alpha(np.full((3, 3), 5.0)))


def test_icc_is_that_of_shrout_and_fleiss() -> None:
    assert icc_2_1(SHROUT_FLEISS) == pytest.approx(0.29, abs=0.005)


def test_icc_leaves_out_who_did_not_rate_all() -> None:
    with_gap = np.vstack([SHROUT_FLEISS, [1, NAN, 3, 4, 5, 6]])
    assert icc_2_1(with_gap) == icc_2_1(SHROUT_FLEISS)
    assert math.isnan(icc_2_1(SHROUT_FLEISS[:1]))


def test_correlation_is_scipys_and_none_for_two_points_or_no_spread() -> None:
    x, y = np.random.default_rng(1).normal(size=(2, 9))
    assert pearson(x, y) == pytest.approx(pearsonr(x, y).statistic, abs=1e-12)
    assert pearson(np.append(x, NAN), np.append(y, 3.0)) == pytest.approx(pearson(x, y))
    assert math.isnan(pearson(x[:2], y[:2]))
    assert math.isnan(pearson(x, np.full(9, 4.0)))


def test_distances_and_their_chance_are_exact() -> None:
    wanted = np.array([[2.0, 2.0], [5.0, 6.0]])
    marks = np.array([[[2.0, 2.0], [5.0, 6.0]], [[5.0, 6.0], [NAN, NAN]]])
    assert mean_distance(marks, wanted) == pytest.approx(5 / 3)  # two exact, one a 3-4-5 triangle away
    assert distance_by_chance(marks, wanted) == pytest.approx(2.5)


def test_spread_is_that_of_a_sample() -> None:
    marks = np.array([[[2.0, 1.0], [4.0, 4.0]], [[4.0, 1.0], [NAN, NAN]]])
    spread = spread_over_listeners(marks)
    assert spread[0] == pytest.approx([math.sqrt(2), 0.0])
    assert np.isnan(spread[1]).all()


def test_a_listener_is_compared_with_the_others_only() -> None:
    ratings = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [9.0, 5.0, 1.0]])
    first, _, last = against_the_others(ratings)
    assert first == pytest.approx(pearsonr([1, 2, 3], [5.5, 4.5, 3.5]).statistic)
    assert last == pytest.approx(-1.0)
    assert np.isnan(against_the_others(ratings[:1])).all()
    marks = np.array([[[1.0, 1.0]], [[4.0, 5.0]]])
    assert distance_to_others(marks) == pytest.approx([5.0, 5.0])


def test_quadrants_and_the_point_on_an_axis() -> None:
    points = np.array([[2.0, 2.0], [8.0, 2.0], [2.0, 8.0], [8.0, 8.0], [5.0, 8.0], [NAN, 2.0]])
    assert quadrant(points).tolist() == [0, 1, 2, 3, -1, -1]


def test_the_binomial_test_is_exact() -> None:
    wanted = np.array([[2.0, 2.0], [8.0, 2.0], [2.0, 8.0], [8.0, 8.0]])
    found = right_quadrants(wanted, wanted)
    assert (found.hits, found.count, found.chance) == (4, 4, 0.25)
    assert found.p_value == pytest.approx(0.25**4)
    assert found.low == pytest.approx(0.025 ** (1 / 4))  # Clopper-Pearson for all of four
    assert found.high == 1.0


def test_who_always_answers_the_same_gets_no_credit_for_it() -> None:
    wanted = np.array([[8.0, 8.0]] * 9 + [[2.0, 2.0]])
    found = right_quadrants(np.full((10, 2), 8.0), wanted)
    assert (found.hits, found.count) == (9, 10)
    assert found.chance == pytest.approx(0.9)
    assert found.p_value == pytest.approx(0.9**10 + 10 * 0.9**9 * 0.1)


def test_intervals_are_seeded_hold_the_value_and_are_missing_for_three_pieces() -> None:
    random = np.random.default_rng(5)
    wanted = random.uniform(1, 9, (14, 2))
    marks = np.clip(wanted + random.normal(0, 1.0, (10, 14, 2)), 1, 9)
    one, again = (bootstrapped(marks, correlation_with(wanted, 0), seed=2, draws=400) for _ in range(2))
    assert one == again
    assert 0.85 < one.low < one.value < one.high < 1.0
    few = bootstrapped(marks[:, :3], correlation_with(wanted[:3], 0), draws=400)
    assert math.isfinite(few.value)
    assert math.isnan(few.low)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """The mean distance of random marks to the middle is known from many marks; 95 % intervals hold it mostly."""
    random = np.random.default_rng(7)
    middle, held = np.array([5.0, 5.0]), 0
    truth = float(np.hypot(*random.normal(0, 1, (2, 400_000))).mean())
    for _ in range(60):
        marks = 5.0 + random.normal(0, 1, (8, 10, 2))
        found = bootstrapped(marks, lambda drawn, _: mean_distance(drawn, middle), draws=200)
        held += found.low <= truth <= found.high
    assert held >= 54  # a little wide, since listeners and pieces are drawn as if each had ways of its own
