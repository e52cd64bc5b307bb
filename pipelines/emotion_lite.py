"""The embedded reader's EfficientNet-lite under the waveform paper's head, where no ResNet-50 is at hand.

In: pixels as `pipelines.emotion_resnet.prepare` makes them, (n, 3, side, side) float32 normalised by ImageNet's mean
and deviation. Out: an object whose `last_hidden_state` is the feature map (n, channels, h, w), as transformers' ResNet
gives it; `config.hidden_sizes[-1]` is its channels, `config.to_dict()` its shape as JSON values.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from pipelines.emotion_features import load_backbone

KIND = "efficientnet-lite"
IMAGENET_MEAN, IMAGENET_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
JOINED_STAGES = 2


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """What a backbone gives: (n, channels, h, w) float32."""

    last_hidden_state: torch.Tensor


@dataclass(frozen=True)
class LiteConfig:
    """Which EfficientNet-lite, and the channels of its joined stages."""

    variant: int
    hidden_sizes: tuple[int, ...]
    model_type: str = KIND

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "hidden_sizes": list(self.hidden_sizes)}


class EfficientNetLite(nn.Module):
    """The embedded reader's network, its last two stages, which share a grid, joined into one map.

    The batch normalisations are folded into the convolutions, so that nothing of it depends on the batch.
    """

    mean: torch.Tensor
    sd: torch.Tensor

    def __init__(self, variant: int = 0) -> None:
        super().__init__()
        loaded = copy.deepcopy(load_backbone(variant))
        self.stem, self.blocks, self.activation = loaded._conv_stem, loaded._blocks, loaded._swish
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("sd", torch.tensor(IMAGENET_SD).view(3, 1, 1), persistent=False)
        with torch.no_grad():
            channels = self(torch.zeros(1, 3, 64, 64)).last_hidden_state.shape[1]
        self.config = LiteConfig(variant, (channels,))

    def forward(self, pixels: torch.Tensor) -> FeatureMap:
        """Bring ImageNet's normalisation to the network's own, (value - 127) / 128, and look."""
        own = ((pixels * self.sd + self.mean) * 255.0 - 127.0) / 128.0
        x = self.activation(self.stem(own.contiguous(memory_format=torch.channels_last)))
        stages: list[torch.Tensor] = []
        for block in self.blocks:
            x = block(x)
            if stages and stages[-1].shape[1] == x.shape[1]:
                stages.pop()
            stages.append(x)
        return FeatureMap(torch.cat(stages[-JOINED_STAGES:], dim=1).contiguous())


def lite_from(shape: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> EfficientNetLite:
    """The network of a checkpoint: as the package holds it, or with the checkpoint's own tensors where it was tuned."""
    network = EfficientNetLite(int(shape["variant"]))
    if tensors:
        network.load_state_dict({n: t.float() if t.is_floating_point() else t for n, t in tensors.items()})
    return network.eval()
