"""The networks that can go under the waveform paper's head: ResNet-50, or the embedded EfficientNet-lite.

In: the name of one, and where its weights come from. Out: a module that takes pixels as
`pipelines.emotion_resnet.prepare` makes them, (n, 3, side, side) float32 normalised by ImageNet's mean and deviation,
and gives an object whose `last_hidden_state` is the feature map (n, channels, h, w); `config.hidden_sizes[-1]` is its
channels, `config.to_dict()` its shape as JSON values.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from pipelines.catalogue import paper_entry
from pipelines.emotion_lite import EfficientNetLite
from pipelines.emotion_resnet import ClassifierConfig
from pipelines.errors import ModelMissingError, SettingsError
from pipelines.hub import local_folder

RESNET, EFFICIENTNET = "resnet50", "efficientnet"
BACKBONES = (RESNET, EFFICIENTNET)
LITE_VARIANT, LITE_SIDES_PX = 0, {0: 224, 1: 240, 2: 260}


def open_backbone(name: str, *, weights: str | None = None, variant: int = LITE_VARIANT) -> Any:
    """A backbone of one's own, ready to be tuned.

    `weights`, for ResNet-50 only, is a hub's id or a folder (default: the paper's, microsoft/resnet-50), or "random"
    for a full-size network of random weights, which only tries the loop.

    Raises:
        SettingsError: there is no such backbone, or it takes no weights.
        ModelMissingError: its weights are not on this machine, or not as safetensors.
    """
    if name == EFFICIENTNET:
        if weights is not None:
            raise SettingsError(f"The backbone {EFFICIENTNET} takes no other weights; choose {RESNET} for {weights!r}.")
        return EfficientNetLite(variant).requires_grad_(True)
    if name != RESNET:
        raise SettingsError(f"The backbone cannot be {name!r}; choose one of {', '.join(BACKBONES)}.")
    from transformers import ResNetConfig, ResNetModel

    if weights == "random":
        return ResNetModel(ResNetConfig())
    hub_id = weights or paper_entry("emotion").hub_id or ""
    folder = local_folder(hub_id)
    if folder is None:
        cure = f"fetch it with `python -m pipelines fetch {hub_id}`, or choose --backbone {EFFICIENTNET}"
        raise ModelMissingError(f"The backbone {hub_id} is not on this machine; {cure}.")
    try:
        return ResNetModel.from_pretrained(folder, local_files_only=True, use_safetensors=True, dtype=torch.float32)
    except (OSError, ValueError) as cause:
        raise ModelMissingError(f"{hub_id} holds no ResNet as safetensors; name another.") from cause


def classifier_config(name: str, *, weights: str | None = None, variant: int = LITE_VARIANT) -> ClassifierConfig:
    """What a checkpoint on this backbone says of it: where its weights come from, the side of its pictures."""
    if name == EFFICIENTNET:
        return ClassifierConfig(f"efficientnet-lite{variant}", LITE_SIDES_PX[variant])
    return ClassifierConfig() if weights is None else ClassifierConfig(_told(weights))


def _told(weights: str) -> str:
    """A folder by its name only: no path of this machine goes into a checkpoint."""
    return Path(weights).name if Path(weights).is_dir() else weights
