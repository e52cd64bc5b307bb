"""The waveform paper's head: a feature map, read as a sequence, to five label scores and a point with its spread.

In: (n, steps, channels) float32, the positions of a convolutional network's feature map in reading order. Out:
:class:`HeadOutput`. It is parametrised by the number of channels, so that any backbone can go under it.

Conventions
-----------
Valence and arousal inside the head are centred and scaled to (value - 5) / 2; what goes out is on 1 to 9, unclipped.

Source: "Bridging Paintings and Music", section III.A: a pre-trained network's features, two GRU layers, multi-head
attention, dropout and a fully connected layer. The paper gives no sizes; those of :class:`HeadConfig` were chosen on a
few theme folds of OASIS. The second output, valence and arousal with a variance, is the project's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from pipelines.errors import WeightsError
from pipelines.records import LABELS, VA_MIDDLE

VA_SCALE = 2.0
MOST_LOG_VARIANCE = 3.0


@dataclass(frozen=True)
class HeadConfig:
    """Sizes of the head: `channels` of the feature map, `width` inside, attention `heads`, dropout shares."""

    channels: int
    width: int = 96
    heads: int = 4
    gru_layers: int = 2
    input_dropout: float = 0.3
    dropout: float = 0.5


@dataclass(frozen=True, eq=False)
class HeadOutput:
    """What the head says of n pictures.

    `label_logits` (n, 5) in the order of :data:`pipelines.records.LABELS`; `va` (n, 2), valence and arousal about
    1 to 9; `log_variance` (n, 2), natural logarithm of their variances on that scale.
    """

    label_logits: torch.Tensor
    va: torch.Tensor
    log_variance: torch.Tensor


class EmotionHead(nn.Module):
    """Feature map as a sequence → two GRU layers → multi-head attention → dropout → fully connected.

    `mean` and `scale` (channels,) standardise the features; training sets them.
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, config: HeadConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.register_buffer("mean", torch.zeros(config.channels))
        self.register_buffer("scale", torch.ones(config.channels))
        self.reduce = nn.Sequential(nn.Dropout(config.input_dropout), nn.Linear(config.channels, width), nn.GELU())
        self.gru = nn.GRU(width, width // 2, config.gru_layers, batch_first=True, bidirectional=True, dropout=0.2)
        self.attention = nn.MultiheadAttention(width, config.heads, dropout=0.1, batch_first=True)
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(config.dropout)
        self.connect = nn.Linear(2 * width, len(LABELS) + 4)

    def forward(self, sequence: torch.Tensor) -> HeadOutput:
        """Read (n, steps, channels) float32."""
        x = self.reduce((sequence - self.mean) / self.scale)  # (n, steps, width)
        x, _ = self.gru(x)
        attended, _ = self.attention(x, x, x, need_weights=False)
        x = self.norm(x + attended)
        pooled = torch.cat([x.mean(dim=1), x.amax(dim=1)], dim=1)  # (n, 2 · width)
        labels, va, log_variance = self.connect(self.dropout(pooled)).split([len(LABELS), 2, 2], dim=1)
        bounded = MOST_LOG_VARIANCE * torch.tanh(log_variance / MOST_LOG_VARIANCE)
        return HeadOutput(labels, VA_MIDDLE + VA_SCALE * va, bounded)

    def get_config(self) -> dict[str, Any]:
        """The configuration as JSON values; `EmotionHead(HeadConfig(**config))` makes the same head."""
        return asdict(self.config)


def head_from(config: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> EmotionHead:
    """Make a head, ready to read, from its configuration and its state.

    Raises:
        WeightsError: configuration and tensors do not fit each other or this version.
    """
    try:
        head = EmotionHead(HeadConfig(**config))
        head.load_state_dict(dict(tensors))
    except (TypeError, RuntimeError) as error:
        raise WeightsError(
            "The emotion head's weights are of another version; run `python -m training.emotion`."
        ) from error
    return head.eval().requires_grad_(False)
