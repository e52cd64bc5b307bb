"""Sound in, embeddings of 128 numbers out, by VGGish (Hershey et al. 2017), which the FAD was defined with.

Its checkpoint (`vggish_model.ckpt`, Apache-2.0, of the TensorFlow models' AudioSet folder) comes in no package and on
no hub that is read here; whoever has it names it by EKPHONIA_VGGISH. The network is written anew in torch. Input: mono
at 16,000 Hz, patches of 0.96 s; output: the embedding as `vggish_slim.py` defines it, before any activation, PCA and
quantisation.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipelines.errors import ModelMissingError, SoundError

if TYPE_CHECKING:
    import torch

Floats = npt.NDArray[np.float32]
NAME = "VGGish"
LICENCE = "Apache-2.0"
VARIABLE = "EKPHONIA_VGGISH"
SAMPLE_RATE_HZ = 16_000
FRAME, HOP, FFT = 400, 160, 512  # 25 ms every 10 ms
BANDS, LOWEST_HZ, HIGHEST_HZ = 64, 125.0, 7500.0
OFFSET = 0.01  # added before the logarithm
PATCH = 96  # frames: 0.96 s
CONVOLUTIONS = (("conv1",), ("conv2",), ("conv3/conv3_1", "conv3/conv3_2"), ("conv4/conv4_1", "conv4/conv4_2"))
DENSE = ("fc1/fc1_1", "fc1/fc1_2", "fc2")
AT_ONCE = 32


def patches(samples: Floats) -> Floats:
    """Patches of the log mel spectrum, (n, 96, 64) float32, side by side. Raises SoundError for under 0.975 s."""
    from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

    edges = (LOWEST_HZ, HIGHEST_HZ)
    filters = mel_filter_bank(  # VGGish's bands are triangles over mel, not over Hz
        FFT // 2 + 1, BANDS, *edges, SAMPLE_RATE_HZ, mel_scale="htk", triangularize_in_mel_space=True
    )
    window = window_function(FRAME, "hann")
    if len(samples) >= FRAME:
        mel = spectrogram(samples, window, FRAME, HOP, fft_length=FFT, power=1.0, center=False, mel_filters=filters).T
        count = len(mel) // PATCH
    if len(samples) < FRAME or not count:
        raise SoundError(f"There are {len(samples) / SAMPLE_RATE_HZ:.2f} s of sound and VGGish needs 0.975 s.")
    return np.log(mel[: count * PATCH] + OFFSET).astype(np.float32).reshape(count, PATCH, BANDS)


class Vggish:
    """The network with its weights."""

    name, licence, sample_rate_hz = NAME, LICENCE, SAMPLE_RATE_HZ

    def __init__(self, variables: dict[str, Floats]) -> None:
        import torch

        self.weights = {name: torch.from_numpy(value) for name, value in variables.items()}

    def embed(self, samples: Floats) -> tuple[Floats, None]:
        """Embeddings (patches, 128) float32; VGGish has no classes, hence None. Raises SoundError for under 0.975 s."""
        import torch

        with torch.inference_mode():
            parts = [self._forward(part) for part in torch.from_numpy(patches(samples)).split(AT_ONCE)]
        return torch.cat(parts).numpy(), None

    def _forward(self, frames: torch.Tensor) -> torch.Tensor:
        import torch
        from torch.nn import functional as F

        values = frames[:, None]
        for group in CONVOLUTIONS:
            for name in group:
                kernel = self.weights[f"vggish/{name}/weights"].permute(3, 2, 0, 1)
                values = torch.relu(F.conv2d(values, kernel, self.weights[f"vggish/{name}/biases"], padding=1))
            values = F.max_pool2d(values, 2)
        values = values.permute(0, 2, 3, 1).flatten(1)  # TensorFlow's order: time, band, channel
        for name in DENSE:
            values = values @ self.weights[f"vggish/{name}/weights"] + self.weights[f"vggish/{name}/biases"]
            values = values if name == DENSE[-1] else torch.relu(values)
        return values


def load_vggish(checkpoint: str | None = None) -> Vggish:
    """VGGish from its checkpoint, by default the one that EKPHONIA_VGGISH names.

    Raises:
        ModelMissingError: no checkpoint is named, or what is named is none of VGGish.
    """
    path = checkpoint or os.environ.get(VARIABLE)
    if not path:
        raise ModelMissingError(f"VGGish's weights are not here; set {VARIABLE} to vggish_model.ckpt, or use musicnn.")
    return Vggish(_read(Path(path)))


def _read(path: Path) -> dict[str, Floats]:
    try:
        import tensorflow as tf

        reader: Any = tf.compat.v1.train.NewCheckpointReader(str(path))
    except ImportError as cause:
        raise ModelMissingError("TensorFlow is not installed; install it with: pip install tensorflow-cpu.") from cause
    except (ValueError, tf.errors.OpError) as cause:
        raise ModelMissingError(f"{path} is no checkpoint that TensorFlow reads; give vggish_model.ckpt.") from cause
    layers = [f"vggish/{name}" for group in CONVOLUTIONS for name in group] + [f"vggish/{name}" for name in DENSE]
    names = [f"{layer}/{part}" for layer in layers for part in ("weights", "biases")]
    absent = [name for name in names if not reader.has_tensor(name)]
    if absent:
        raise ModelMissingError(f"{path} holds no {absent[0]}; give vggish_model.ckpt of the AudioSet models.")
    return {name: np.asarray(reader.get_tensor(name), np.float32) for name in names}
