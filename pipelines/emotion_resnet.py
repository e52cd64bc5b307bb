"""The waveform paper's classifier: a ResNet-50's feature map, read by the head of `emotion_head.py`.

Where no ResNet-50 was at hand in training, EfficientNet-lite (`emotion_lite.py`) may stand in for it, and says so.

In: a picture. Out: an Emotion. A checkpoint, trained by the project's training or by anybody, is a safetensors file
with the head under "head." and, where the backbone was tuned too, the backbone under "backbone."; a head alone sits on
the backbone that the model hub offers, if that lies on this machine. The file's configuration names both.

Conventions
-----------
The whole picture is squeezed to a square of `side_px`, so that nothing of a painting is cut off, and normalised by
ImageNet's mean and deviation; picture and mirror image are averaged.

Source: "Bridging Paintings and Music", section III.A. The paper does not say how pictures are prepared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import nn

from pipelines.catalogue import entry_for, paper_entry
from pipelines.emotion import CLASSIFIER, under
from pipelines.emotion_head import EmotionHead, HeadConfig, HeadOutput, head_from
from pipelines.emotion_lite import IMAGENET_MEAN, IMAGENET_SD, lite_from
from pipelines.emotion_lite import KIND as LITE
from pipelines.errors import ModelFailedError, ModelMissingError, SettingsError, WeightsError
from pipelines.hub import local_folder
from pipelines.models import BACKBONE, compute_on_one_thread, load_once, load_weights, save_weights, weights_path
from pipelines.records import Emotion, Picture, clip_va

KIND = "resnet classifier"
SUFFIX = ".safetensors"
SIDES_PX = (32, 1024)
LITE_CALLED = "EfficientNet-lite classifier under the paper's head"


@dataclass(frozen=True)
class ClassifierConfig:
    """What a checkpoint says of itself: the backbone's id at the hub and its shape, the picture's side in pixels."""

    backbone_id: str = paper_entry("emotion").hub_id or ""
    side_px: int = 224

    def __post_init__(self) -> None:
        if not isinstance(self.backbone_id, str):
            raise SettingsError(f"The backbone cannot be {self.backbone_id!r}; give its id at the hub.")
        low, high = SIDES_PX
        if not isinstance(self.side_px, int) or not low <= self.side_px <= high:
            raise SettingsError(f"Pictures cannot be {self.side_px!r} pixels a side; choose {low} to {high}.")


class ResNetClassifier(nn.Module):
    """ResNet → feature map as a sequence → two GRU layers → multi-head attention → dropout → fully connected."""

    def __init__(self, backbone: nn.Module, head: EmotionHead, config: ClassifierConfig | None = None) -> None:
        super().__init__()
        self.backbone, self.head, self.config = backbone, head, config or ClassifierConfig()

    def sequence(self, pixels: torch.Tensor) -> torch.Tensor:
        """Feature map of normalised pixels (n, 3, side, side), line by line: (n, steps, channels) float32."""
        features: torch.Tensor = self.backbone(pixels).last_hidden_state  # (n, channels, h, w)
        return features.flatten(2).transpose(1, 2).float()

    def forward(self, pixels: torch.Tensor) -> HeadOutput:
        """Read normalised pixels (n, 3, side, side) float32."""
        output: HeadOutput = self.head(self.sequence(pixels))
        return output


def classifier_on(backbone: Any, config: ClassifierConfig | None = None) -> ResNetClassifier:
    """A classifier with a new head on a `transformers.ResNetModel`, ready for training."""
    return ResNetClassifier(backbone, EmotionHead(HeadConfig(channels=backbone.config.hidden_sizes[-1])), config)


def prepare(rgb: npt.NDArray[np.uint8], *, side_px: int) -> torch.Tensor:
    """The picture and its mirror image, (2, 3, side, side) float32, normalised."""
    squeezed = Image.fromarray(rgb).resize((side_px, side_px), Image.Resampling.BICUBIC)
    pixels = torch.from_numpy(np.array(squeezed, dtype=np.float32)) / 255.0
    upright = ((pixels - torch.tensor(IMAGENET_MEAN)) / torch.tensor(IMAGENET_SD)).permute(2, 0, 1)
    return torch.stack([upright, upright.flip(2)])


@dataclass(frozen=True, eq=False)
class ResNetReader:
    """A loaded classifier that reads pictures."""

    classifier: ResNetClassifier
    made_by: str
    licence: str

    def read(self, picture: Picture) -> Emotion:
        """What the picture feels like.

        Raises:
            ModelFailedError: the network gave what are no numbers, or had too little memory.
        """
        compute_on_one_thread()
        try:
            with torch.inference_mode():
                said = self.classifier(prepare(picture.rgb, side_px=self.classifier.config.side_px))
            va = said.va.mean(0).double().numpy()
            spread = torch.exp(0.5 * said.log_variance.mean(0)).double().numpy()
            odds = torch.log_softmax(said.label_logits, dim=1).mean(0).softmax(0).double().numpy()
        except (RuntimeError, MemoryError) as cause:
            raise ModelFailedError(f"The {self.made_by} could not read the picture.") from cause
        if not (np.isfinite(va).all() and np.isfinite(spread).all() and np.isfinite(odds).all()):
            raise ModelFailedError(f"The {self.made_by} gave no numbers; train it again.")
        point = (clip_va(va[0]), clip_va(va[1]), float(spread[0]), float(spread[1]))
        return Emotion(*point, tuple(float(p) for p in odds / odds.sum()))


def save_classifier(path: Path, classifier: ResNetClassifier, *, with_backbone: bool) -> None:
    """Write a checkpoint; without the backbone where that is as the hub has it. The backbone is kept in 16 bits."""
    tensors = {f"head.{name}": tensor for name, tensor in classifier.head.state_dict().items()}
    backbone: Any = classifier.backbone
    if with_backbone:
        state = backbone.state_dict().items()
        tensors |= {f"{BACKBONE}{n}": t.half() if t.is_floating_point() else t for n, t in state}
    config = {"kind": KIND, "head": classifier.head.get_config(), "backbone": backbone.config.to_dict()}
    save_weights(path, tensors, config | {"classifier": asdict(classifier.config)})


def checkpoint_path(name: str | None) -> Path:
    """A checkpoint by its path, or by its name in assets/weights, both with or without ".safetensors".

    None is for the project's own name.

    Raises:
        ModelMissingError: there is no such file.
    """
    file = f"{(name or CLASSIFIER).removesuffix(SUFFIX)}{SUFFIX}"
    places = [*([Path(name), Path(file)] if name else []), weights_path(file)]
    found = next((path for path in places if path.is_file()), None)
    if found is None:
        where = f"no file {file}{', neither here nor' if name else ''} in assets/weights"
        raise ModelMissingError(
            f"The paper's emotion classifier {name or CLASSIFIER} has not been trained on this machine ({where}); "
            "name another checkpoint, or choose the models auto or embedded."
        )
    return found


def open_resnet(name: str | None = None) -> ResNetReader:
    """The reader of a checkpoint, loaded once a process.

    Raises:
        ModelMissingError: there is no such checkpoint.
        ModelFailedError: it is damaged, of another kind, or its backbone is not on this machine.
    """
    path = checkpoint_path(name)
    key = f"emotion:{path.resolve()}:{path.stat().st_mtime_ns}"
    return load_once(key, lambda: _reader(path))


def _reader(path: Path) -> ResNetReader:
    classifier = _load(path)
    lite = classifier.config.backbone_id.startswith(LITE)
    entry = entry_for("emotion") if lite else paper_entry("emotion")
    kind = LITE_CALLED if lite else entry.made_by
    return ResNetReader(classifier, kind if path.stem == CLASSIFIER else f"{kind} {path.stem}", entry.licence)


def _load(path: Path) -> ResNetClassifier:
    try:
        tensors, stored = load_weights(path)
        if stored.get("kind") != KIND:
            raise WeightsError(f"{path.name} holds no emotion classifier; choose another checkpoint.")
        head = head_from(stored["head"], under(tensors, "head."))
        config = ClassifierConfig(**stored["classifier"])
        backbone = _backbone(stored["backbone"], under(tensors, BACKBONE), config.backbone_id)
    except (WeightsError, SettingsError, KeyError, TypeError, ValueError, RuntimeError, OSError) as cause:
        cure = f"The checkpoint {path.name} cannot be loaded; train it again or name another."
        said = str(cause) if isinstance(cause, WeightsError) else cure
        raise ModelFailedError(said) from cause
    return ResNetClassifier(backbone, head, config).eval().requires_grad_(False)


def _backbone(shape: Mapping[str, Any], tensors: Mapping[str, torch.Tensor], backbone_id: str) -> nn.Module:
    """The backbone from the checkpoint's own tensors, else from the hub's folder or the package on this machine."""
    if shape.get("model_type") == LITE:
        return lite_from(shape, tensors)
    from transformers import ResNetConfig, ResNetModel

    if tensors:
        backbone: nn.Module = ResNetModel(ResNetConfig.from_dict(dict(shape)))
        backbone.load_state_dict({n: t.float() if t.is_floating_point() else t for n, t in tensors.items()})
        return backbone
    folder = local_folder(backbone_id)
    if folder is None:
        command = f"python -m pipelines fetch {backbone_id}"
        raise WeightsError(f"The backbone {backbone_id} is not on this machine; fetch it with `{command}`.")
    loaded: nn.Module = ResNetModel.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
    )
    return loaded
