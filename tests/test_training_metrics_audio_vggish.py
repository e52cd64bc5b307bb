"""VGGish in torch against the same layers in TensorFlow, from a checkpoint with the public one's names."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import ModelMissingError, SoundError
from training.metrics.audio_vggish import VARIABLE, load_vggish, patches

RATE = 16_000
SHAPES = {
    "conv1": (3, 3, 1, 64),
    "conv2": (3, 3, 64, 128),
    "conv3/conv3_1": (3, 3, 128, 256),
    "conv3/conv3_2": (3, 3, 256, 256),
    "conv4/conv4_1": (3, 3, 256, 512),
    "conv4/conv4_2": (3, 3, 512, 512),
    "fc1/fc1_1": (6 * 4 * 512, 64),  # the public one's is 4096 wide
    "fc1/fc1_2": (64, 64),
    "fc2": (64, 128),
}


def variables() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    found = {}
    for name, shape in SHAPES.items():
        scale = np.sqrt(2 / np.prod(shape[:-1]))
        found[f"vggish/{name}/weights"] = (rng.normal(size=shape) * scale).astype(np.float32)
        found[f"vggish/{name}/biases"] = rng.normal(size=shape[-1]).astype(np.float32) * 0.1
    return found


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tf = pytest.importorskip("tensorflow", reason="writes and reads a checkpoint")
    path = tmp_path_factory.mktemp("vggish") / "vggish_model.ckpt"
    values = variables()
    tf.raw_ops.SaveV2(
        prefix=str(path), tensor_names=list(values), shape_and_slices=[""] * len(values), tensors=list(values.values())
    )
    return path


def test_the_network_is_that_of_tensorflow(checkpoint: Path) -> None:
    import tensorflow as tf

    sound = np.random.default_rng(1).normal(size=2 * RATE).astype(np.float32) * 0.1
    embeddings, classes = load_vggish(str(checkpoint)).embed(sound)
    assert classes is None
    weights = variables()
    x = tf.constant(patches(sound))[..., None]
    for group in (("conv1",), ("conv2",), ("conv3/conv3_1", "conv3/conv3_2"), ("conv4/conv4_1", "conv4/conv4_2")):
        for name in group:
            x = tf.nn.relu(
                tf.nn.conv2d(x, weights[f"vggish/{name}/weights"], 1, "SAME") + weights[f"vggish/{name}/biases"]
            )
        x = tf.nn.max_pool2d(x, 2, 2, "SAME")
    x = tf.reshape(x, (len(embeddings), -1))
    for name in ("fc1/fc1_1", "fc1/fc1_2"):
        x = tf.nn.relu(x @ weights[f"vggish/{name}/weights"] + weights[f"vggish/{name}/biases"])
    x = x @ weights["vggish/fc2/weights"] + weights["vggish/fc2/biases"]
    assert embeddings.shape == (2, 128)
    assert embeddings.min() < 0  # the embedding is what goes into the last activation, not what comes out
    np.testing.assert_allclose(embeddings, x.numpy(), rtol=1e-3, atol=1e-4)


def test_patches_last_nearly_a_second() -> None:
    assert patches(np.zeros(2 * RATE, np.float32)).shape == (2, 96, 64)
    assert patches(np.zeros(RATE, np.float32))[0, 0, 0] == pytest.approx(np.log(0.01))
    with pytest.raises(SoundError, match=r"0\.50 s"):
        patches(np.zeros(RATE // 2, np.float32))


def test_bands_are_triangles_over_mel() -> None:
    """Against the definition: magnitudes of 25 ms under a periodic Hann window, 64 bands from 125 to 7,500 Hz."""
    sound = np.random.default_rng(2).normal(size=RATE).astype(np.float32) * 0.1
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    magnitudes = np.abs(np.fft.rfft(np.stack([sound[i * 160 : i * 160 + 400] for i in range(96)]) * window, 512))
    at, low, high = (1127 * np.log(1 + np.array(hz) / 700) for hz in (np.arange(257) * RATE / 512, 125, 7500))
    edges = np.linspace(low, high, 66)
    bands = np.interp(at, edges[:3], [0, 1, 0]), np.interp(at, edges[-3:], [0, 1, 0])
    found = patches(sound)[0]
    for column, band in ((0, bands[0]), (63, bands[1])):
        np.testing.assert_allclose(found[:, column], np.log(magnitudes @ band + 0.01), rtol=1e-4, atol=1e-4)


def test_missing_and_foreign_checkpoints_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoint: Path
) -> None:
    import tensorflow as tf

    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(ModelMissingError, match=VARIABLE):
        load_vggish()
    with pytest.raises(ModelMissingError, match="no checkpoint"):
        load_vggish(str(tmp_path / "nothing.ckpt"))
    other = str(tmp_path / "other.ckpt")
    tf.raw_ops.SaveV2(prefix=other, tensor_names=["w"], shape_and_slices=[""], tensors=[tf.zeros(1)])
    with pytest.raises(ModelMissingError, match="holds no vggish/conv1/weights"):
        load_vggish(other)
