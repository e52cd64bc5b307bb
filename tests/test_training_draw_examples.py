import hashlib
from pathlib import Path

import numpy as np
import pytest

from pipelines.picture import read_picture
from training.draw_examples import OUT, SCENES, draw_example
from training.paint_kit import glow, gradient, lay, noise, polygon, rgb, step

README = (OUT / "README.md").read_text(encoding="utf-8")


def brightness_and_saturation(name: str) -> tuple[float, float]:
    pixels = read_picture(OUT / f"{name}.jpg").rgb.astype(float) / 255
    return float(pixels.mean()), float((pixels.max(axis=-1) - pixels.min(axis=-1)).mean())


@pytest.mark.parametrize("name", SCENES)
def test_example_is_a_small_picture_with_an_alt_text(name):
    path = OUT / f"{name}.jpg"
    picture = read_picture(path)
    assert (picture.width, picture.height) == (960, 720)
    assert path.stat().st_size < 200_000
    assert f"| `{name}.jpg` |" in README


def test_examples_differ_in_light_and_colour_as_their_labels_do():
    light = {name: brightness_and_saturation(name) for name in SCENES}
    assert light["angry"][0] < light["sad"][0] < light["neutral"][0] < light["happy"][0]
    assert light["sad"][1] < light["neutral"][1] < light["fun"][1]


def test_drawing_again_gives_the_same_picture():
    first, second = (np.asarray(draw_example("sad")) for _ in range(2))
    assert hashlib.sha256(first.tobytes()).digest() == hashlib.sha256(second.tobytes()).digest()
    kept = read_picture(OUT / "sad.jpg").rgb.astype(float)
    assert np.abs(first - kept).mean() < 6  # what JPEG takes, and no more
    assert np.abs(np.asarray(draw_example("sad", seed=8)) - kept).mean() > 6


def test_kit():
    assert rgb("#ff8000") == (1.0, 128 / 255, 0.0)
    field = noise(np.random.default_rng(1), scale=100)
    assert field.shape == (720, 960)
    assert (field.min(), field.max()) == (0, 1)
    assert np.array_equal(field, noise(np.random.default_rng(1), scale=100))
    assert step(0, 1, np.float32(0.5)) == pytest.approx(0.5)
    assert step(1, 0, np.float32(0.1)) > 0.9
    assert gradient([(0, "#000000"), (1, "#ffffff")], np.float32(0.25)).tolist() == pytest.approx([0.25] * 3)
    assert glow(480, 360, 50)[360, 480] == pytest.approx(1.0)
    square = polygon([(100, 100), (200, 100), (200, 200), (100, 200)], soft=0.5)
    assert square.sum() == pytest.approx(10_000, rel=0.03)
    red = lay(np.zeros((720, 960, 3), np.float32), rgb("#ff0000"), square)
    assert red[150, 150].tolist() == pytest.approx([1, 0, 0])
    assert not red[300, 300].any()


def test_examples_folder_holds_nothing_else():
    assert {path.name for path in Path(OUT).iterdir()} == {f"{name}.jpg" for name in SCENES} | {"README.md"}
