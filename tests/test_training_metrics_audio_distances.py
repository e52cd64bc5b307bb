"""FAD, KL divergence and inception score: closed forms and both ends of each scale."""

import math

import numpy as np
import pytest

from pipelines.errors import SettingsError
from training.metrics.audio_distances import frechet_distance, inception_score, kl_divergence, kl_of_means, softmax


def gaussian(mean: np.ndarray, covariance: np.ndarray, rows: int = 400) -> np.ndarray:
    """Rows whose sample mean and covariance are exactly those given."""
    noise = np.random.default_rng(0).normal(size=(rows, len(mean)))
    noise -= noise.mean(axis=0)
    white = noise @ np.linalg.inv(np.linalg.cholesky(np.cov(noise.T))).T
    return mean + white @ np.linalg.cholesky(covariance).T


def test_a_set_has_no_distance_from_itself() -> None:
    rows = np.random.default_rng(1).normal(size=(50, 20))
    assert frechet_distance(rows, rows) == pytest.approx(0.0, abs=1e-9)


def test_gaussians_have_the_closed_form_distance() -> None:
    """With diagonal covariances: the squared means apart plus the squared standard deviations apart."""
    one = gaussian(np.array([0.0, 1.0, 2.0]), np.diag([1.0, 4.0, 9.0]))
    other = gaussian(np.array([1.0, 1.0, 0.0]), np.diag([4.0, 1.0, 16.0]))
    assert frechet_distance(one, other) == pytest.approx(1 + 4 + 1 + 1 + 1, rel=1e-9)


def test_correlated_gaussians_agree_with_the_root_of_the_product() -> None:
    from scipy.linalg import sqrtm

    s, t = np.array([[2.0, 0.6], [0.6, 1.0]]), np.array([[1.0, -0.3], [-0.3, 3.0]])
    expected = np.trace(s + t - 2 * np.real(sqrtm(s @ t)))
    found = frechet_distance(gaussian(np.zeros(2), s), gaussian(np.zeros(2), t))
    assert found == pytest.approx(expected, rel=1e-9)


def test_fewer_rows_than_dimensions_give_a_finite_distance() -> None:
    rng = np.random.default_rng(2)
    few, more = rng.normal(size=(5, 64)), rng.normal(size=(9, 64))
    assert 0 < frechet_distance(few, more) < 1000
    assert frechet_distance(few, more) == pytest.approx(frechet_distance(more, few), rel=1e-9)


@pytest.mark.parametrize("rows", [np.zeros((1, 3)), np.zeros((0, 3)), np.zeros(4)])
def test_too_few_rows_are_refused(rows: np.ndarray) -> None:
    with pytest.raises(SettingsError, match="at least 2"):
        frechet_distance(rows, np.zeros((3, 3)))


def test_embeddings_of_two_networks_do_not_compare() -> None:
    with pytest.raises(SettingsError, match="3 and 4 dimensions"):
        frechet_distance(np.zeros((3, 3)), np.zeros((3, 4)))


def test_equals_have_no_divergence_and_known_pairs_their_own() -> None:
    p = np.array([[0.5, 0.5], [0.9, 0.1]])
    q = np.array([[0.25, 0.75], [0.9, 0.1]])
    assert kl_divergence(p, p) == pytest.approx(0.0, abs=1e-12)
    assert kl_divergence(p, q) == pytest.approx((0.5 * math.log(2) + 0.5 * math.log(2 / 3)) / 2, rel=1e-9)
    assert kl_of_means(p, p[::-1]) == pytest.approx(0.0, abs=1e-12)
    with pytest.raises(SettingsError, match="make no pairs"):
        kl_divergence(p, q[:1])


def test_the_inception_score_reaches_both_ends() -> None:
    assert inception_score(np.full((10, 4), 0.25)) == pytest.approx(1.0)
    assert inception_score(np.tile([0.7, 0.1, 0.1, 0.1], (10, 1))) == pytest.approx(1.0)
    assert inception_score(np.eye(7)) == pytest.approx(7.0, rel=1e-9)
    between = inception_score(np.random.default_rng(3).dirichlet(np.full(7, 0.3), 100))
    assert 1 < between < 7


def test_softmax_sums_to_one_however_large_the_logits() -> None:
    shares = softmax([[1000.0, 1000.0], [0.0, math.log(3)]])
    assert shares == pytest.approx(np.array([[0.5, 0.5], [0.25, 0.75]]))
