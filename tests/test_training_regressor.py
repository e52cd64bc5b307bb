import numpy as np
import pytest

from pipelines.regressor import load_regressor, save_regressor
from training.regressor import FitSettings, _fit_kernel, _fit_trees, cross_validate, fit, outer_folds, with_residuals

SETTINGS = FitSettings(folds=4, trees=20, leaves=6, kernel_grid=((1.0, 0.5), (3.0, 0.5)))


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(200, 5))
    Y = np.stack([X[:, 0] + 0.5 * X[:, 1] ** 2, np.tanh(2 * X[:, 2])], axis=1)
    return X, Y + 0.1 * rng.normal(size=Y.shape)


def test_the_numpy_trees_and_kernel_equal_those_that_were_fitted(data):
    X, Y = data
    fitted = fit(X, Y, SETTINGS)
    trees = np.stack([_fit_trees(X, y, SETTINGS).predict(X) for y in Y.T], axis=1)
    assert fitted.predict_trees(X) == pytest.approx(trees, abs=1e-9)
    Z = fitted.centres.astype(np.float64)
    kernel = np.stack([_fit_kernel(Z, y, SETTINGS).predict(Z) for y in Y.T], axis=1)
    assert fitted.predict_kernel(X) == pytest.approx(kernel, abs=0.01)
    assert fitted.predict(X) == pytest.approx(0.5 * (fitted.predict_kernel(X) + fitted.predict_trees(X)))


def test_weights_come_back_as_they_were_saved(data, tmp_path):
    X, Y = data
    fitted = fit(X, Y, SETTINGS)
    names = tuple("abcde")
    save_regressor(fitted, tmp_path / "w.safetensors", {"features": list(names)})
    again = load_regressor(tmp_path / "w.safetensors", names)
    assert np.array_equal(again.predict(X), fitted.predict(X))


def test_cross_validation_finds_what_can_be_learnt_and_nothing_in_noise(data):
    X, Y = data
    found = cross_validate(X, Y, SETTINGS)
    assert min(found.r()) > 0.8
    noise = np.random.default_rng(4).normal(size=Y.shape)
    assert max(np.abs(cross_validate(X, noise, SETTINGS).r())) < 0.3
    residual_sd = with_residuals(fit(X, Y, SETTINGS), found).residual_sd
    assert residual_sd == pytest.approx((found.both - Y).std(axis=0))


def test_far_from_the_data_the_guess_stays_bounded(data):
    X, Y = data
    far = fit(X, Y, SETTINGS).predict(np.full((1, 5), 1e6))
    assert (np.abs(far - Y.mean(axis=0)) < Y.max(axis=0) - Y.min(axis=0)).all()


def test_groups_stay_in_one_fold():
    groups = np.repeat(np.arange(40), 3)
    for train, test in outer_folds(120, SETTINGS, groups=groups):
        assert not set(groups[train]) & set(groups[test])
