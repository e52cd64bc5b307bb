import numpy as np
import pytest

from training.styles import STYLES, TRAINED, UNSEEN


@pytest.fixture(scope="module")
def rgb():
    y, x = np.mgrid[:60, :90]
    return np.stack([x * 255 // 89, y * 255 // 59, (x + y) % 256], axis=2).astype(np.uint8)


@pytest.mark.parametrize("name", sorted(STYLES))
def test_a_style_keeps_shape_and_type_and_its_seed(rgb, name):
    before = rgb.copy()
    first = STYLES[name](rgb, np.random.default_rng(3))
    assert first.shape == (60, 90, 3)
    assert first.dtype == np.uint8
    assert (first == STYLES[name](rgb, np.random.default_rng(3))).all()
    assert (rgb == before).all()
    assert np.abs(first.astype(int) - rgb).mean() > 2


def test_grey_has_equal_channels_and_keeps_luma(rgb):
    grey = STYLES["grey"](rgb, np.random.default_rng(0))
    assert (grey[..., 0] == grey[..., 2]).all()
    assert grey[0, 89].tolist() == [86, 86, 86]


def test_posterise_leaves_four_levels(rgb):
    assert set(np.unique(STYLES["posterise"](rgb, np.random.default_rng(0)))) == {0, 85, 170, 255}


def test_styles_of_training_and_check_do_not_overlap():
    assert not set(TRAINED) & set(UNSEEN)
    assert len(STYLES) == 8
