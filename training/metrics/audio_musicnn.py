"""Sound in, an embedding and 50 tags out, by musicnn (Pons and Serra 2019, ISC licence), trained on MagnaTagATune.

The package `musicnn` carries the weights as a TensorFlow 1 checkpoint whose graph today's TensorFlow no longer reads;
here its variables are read and the network is written anew in torch. Input: mono at 16,000 Hz, windows of 187 frames
(3 s) of 96 mel bands. Output a window: the penultimate layer, (200,) float32, and the tags' logits, (50,).
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipelines.errors import ModelMissingError, SoundError

if TYPE_CHECKING:
    import torch

Floats = npt.NDArray[np.float32]
NAME = "musicnn"
LICENCE = "ISC"
MODEL = "MTT_musicnn"
SAMPLE_RATE_HZ = 16_000
FRAME, HOP, BANDS = 512, 256, 96
WINDOW = 187  # frames: 3 s, what the network was trained on
EMBEDDING, TAGS = 200, 50
EPSILON = 1e-3  # of TensorFlow's batch normalisation
AT_ONCE = 32  # windows
CURE = "install it with: pip install --no-deps musicnn"


def log_mel(samples: Floats) -> Floats:
    """Log mel spectrum of mono sound at 16,000 Hz, (frames, 96) float32: log10(1 + 10,000 · power), Slaney's bands.

    The package does this in half precision, which overflows where music is loud; single precision is meant.
    """
    from transformers.audio_utils import spectrogram, window_function

    power = spectrogram(
        samples, window_function(FRAME, "hann"), FRAME, HOP, power=2.0, pad_mode="constant", mel_filters=_mel_filters()
    )
    return np.log10(1.0 + 10_000.0 * power.T).astype(np.float32)


@functools.cache
def _mel_filters() -> Any:
    from transformers.audio_utils import mel_filter_bank

    return mel_filter_bank(
        FRAME // 2 + 1, BANDS, 0.0, SAMPLE_RATE_HZ / 2, SAMPLE_RATE_HZ, norm="slaney", mel_scale="slaney"
    )


def windows(samples: Floats) -> Floats:
    """Windows of the log mel spectrum without overlap, (n, 187, 96) float32; what is left at the end is dropped.

    Raises:
        SoundError: the sound is shorter than one window, 3 s.
    """
    frames = log_mel(samples)
    count = len(frames) // WINDOW
    if not count:
        raise SoundError(f"There are {len(samples) / SAMPLE_RATE_HZ:.1f} s of sound and 3 s are needed to tag it.")
    return frames[: count * WINDOW].reshape(count, WINDOW, BANDS)


class Musicnn:
    """The network with its weights; `embed` gives embeddings and logits of a piece's windows."""

    name, licence, sample_rate_hz = NAME, LICENCE, SAMPLE_RATE_HZ

    def __init__(self, variables: Mapping[str, Floats]) -> None:
        import torch

        self.weights = {name: torch.from_numpy(np.array(value, np.float32)) for name, value in variables.items()}

    def embed(self, samples: Floats) -> tuple[Floats, Floats]:
        """Embeddings (windows, 200) and logits of the tags (windows, 50) of mono sound at 16,000 Hz.

        Raises SoundError for under 3 s of sound.
        """
        import torch

        parts = torch.from_numpy(windows(samples)).split(AT_ONCE)
        with torch.inference_mode():
            pairs = [self._forward(part) for part in parts]
        return tuple(torch.cat(column).numpy() for column in zip(*pairs, strict=True))  # type: ignore[return-value]

    def _forward(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Windows (n, 187, 96) to embeddings and logits."""
        import torch

        front = self._front(self._norm(frames[:, None], 0))  # (n, 187, 561)
        layers, last = [front], front
        for number in (5, 6, 7):
            found = self._along_time(last, number)
            last = found if number == 5 else found + last
            layers.append(last)
        features = torch.cat(layers, 2)  # (n, 187, 753)
        pooled = torch.stack([features.amax(1), features.mean(1)], 2).flatten(1)  # highest and mean of each by turns
        dense = torch.relu(self._dense(self._norm(pooled, 9), "dense"))
        embedding = self._norm(dense, 10)
        return embedding, self._dense(embedding, "dense_1")

    def _front(self, normal: torch.Tensor) -> torch.Tensor:
        """Two filters of timbre over most bands and three of rhythm over most of the time, each at its loudest band."""
        import torch
        from torch.nn import functional as F

        timbre = F.pad(normal, (0, 0, 3, 3))
        found = [self._pooled(timbre, number) for number in (0, 1)]
        for number, length in ((2, 128), (3, 64), (4, 32)):
            found.append(self._pooled(F.pad(normal, (0, 0, (length - 1) // 2, length // 2)), number))
        return torch.cat(found, 2)

    def _pooled(self, image: torch.Tensor, number: int) -> torch.Tensor:
        """A convolution (n, 1, time, bands), its loudest band: (n, time, filters)."""
        return self._norm(self._convolution(image, number), number + 1).amax(3).transpose(1, 2)

    def _along_time(self, features: torch.Tensor, number: int) -> torch.Tensor:
        """A convolution over 7 frames and all features: (n, time, features) to (n, time, 64)."""
        from torch.nn import functional as F

        image = F.pad(features, (0, 0, 3, 3))[:, None]
        return self._norm(self._convolution(image, number), number + 1).squeeze(3).transpose(1, 2)

    def _convolution(self, image: torch.Tensor, number: int) -> torch.Tensor:
        import torch
        from torch.nn import functional as F

        name = f"conv2d_{number}" if number else "conv2d"
        kernel = self.weights[f"{name}/kernel"].permute(3, 2, 0, 1)
        return torch.relu(F.conv2d(image, kernel, self.weights[f"{name}/bias"]))

    def _norm(self, values: torch.Tensor, number: int) -> torch.Tensor:
        from torch.nn import functional as F

        name = f"batch_normalization_{number}" if number else "batch_normalization"
        mean, variance, gamma, beta = (
            self.weights[f"{name}/{part}"] for part in ("moving_mean", "moving_variance", "gamma", "beta")
        )
        return F.batch_norm(values, mean, variance, gamma, beta, eps=EPSILON)

    def _dense(self, values: torch.Tensor, name: str) -> torch.Tensor:
        return values @ self.weights[f"{name}/kernel"] + self.weights[f"{name}/bias"]


@functools.cache
def load_musicnn() -> Musicnn:
    """The network with the package's weights. Raises ModelMissingError where the package or TensorFlow is not."""
    return Musicnn(read_checkpoint(package_folder() / MODEL))


def package_folder() -> Path:
    """Where the package lies; it is found, not imported, since it wants TensorFlow of 2019."""
    found = importlib.util.find_spec("musicnn")
    if found is None or found.origin is None:
        raise ModelMissingError(f"The package musicnn is not installed; {CURE}.")
    return Path(found.origin).parent


def tag_names() -> tuple[str, ...]:
    """The 50 tags, in the order of the logits."""
    import runpy

    return tuple(runpy.run_path(str(package_folder() / "configuration.py"))["MTT_LABELS"])


def read_checkpoint(folder: Path) -> dict[str, Floats]:
    """The network's variables by name, without what the optimiser left.

    Raises:
        ModelMissingError: TensorFlow is not installed, or the folder holds no checkpoint.
    """
    try:
        import tensorflow as tf
    except ImportError as cause:
        raise ModelMissingError("TensorFlow is not installed; install it with: pip install tensorflow-cpu.") from cause
    try:
        reader = tf.compat.v1.train.NewCheckpointReader(f"{folder}/")
    except (ValueError, tf.errors.OpError) as cause:
        raise ModelMissingError(f"There is no checkpoint of musicnn in {folder}; {CURE}.") from cause
    names = [name for name in reader.get_variable_to_shape_map() if "/" in name and "Adam" not in name]
    return {name: np.asarray(reader.get_tensor(name), np.float32) for name in names}
