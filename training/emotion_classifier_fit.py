"""Settings, loss, standardisation, reading and calibration of the waveform paper's classifier.

In: a `pipelines.emotion_resnet.ResNetClassifier` and pictures. :mod:`training.emotion_classifier_run` trains with it.

Conventions
-----------
The loss is cross entropy of the labels, weighted by their rarity, and, for rated pictures, squared error and likelihood
of valence and arousal, as in :mod:`training.emotion_fit`. The backbone's batch normalisation is never renewed: the
batches are too small for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pipelines.emotion_head import VA_SCALE, HeadOutput
from pipelines.emotion_resnet import ResNetClassifier
from pipelines.errors import SettingsError
from pipelines.records import LABELS
from training.emotion_backbones import EFFICIENTNET, LITE_VARIANT
from training.emotion_pictures import Batch, PictureSet
from training.emotion_report import fit_temperature

STAGES = ("frozen", "tuned")


@dataclass(frozen=True)
class ClassifierSettings:
    """How the classifier is trained.

    `looks` is how often each picture is looked at, varied, before the head learns from what the frozen backbone saw.
    `head_rate` and `backbone_rate` are AdamW's; in stage "tuned" the head's is `tuned_head_rate`. A label of share s
    weighs s to the power of -`rarity`, brought to a mean of 1; `mixup` is the parameter of the Beta distribution by
    which pictures are mixed in pairs, 0 for none.
    """

    backbone: str = EFFICIENTNET
    variant: int = LITE_VARIANT
    looks: int = 4
    frozen_epochs: int = 30
    tuned_epochs: int = 8
    patience: int = 5
    batch_size: int = 32
    head_rate: float = 5e-4
    tuned_head_rate: float = 1e-4
    backbone_rate: float = 3e-5
    weight_decay: float = 0.05
    rarity: float = 0.5
    mixup: float = 0.4
    va_share: float = 0.5
    spread_share: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("looks", "frozen_epochs", "patience", "batch_size"):
            if getattr(self, name) < 1:
                raise SettingsError(f"The {name.replace('_', ' ')} cannot be {getattr(self, name)}; choose 1 or more.")
        for name in ("head_rate", "tuned_head_rate", "backbone_rate", "weight_decay"):
            if not 0 <= getattr(self, name) < math.inf:
                raise SettingsError(
                    f"The {name.replace('_', ' ')} cannot be {getattr(self, name):g}; choose 0 or more."
                )
        if self.tuned_epochs < 0 or self.seed < 0:
            raise SettingsError("Tuned epochs and seed cannot be below 0; choose 0 or more.")

    def epochs(self, stage: str) -> int:
        """How many epochs a stage has at most."""
        return self.frozen_epochs if stage == STAGES[0] else self.tuned_epochs


def label_shares(pictures: PictureSet) -> npt.NDArray[np.float64]:
    """Share of each label, (5,)."""
    return np.bincount(pictures.labels, minlength=len(LABELS)) / len(pictures)


def label_weights(pictures: PictureSet, *, rarity: float) -> Tensor:
    """Weight of each label in the loss, (5,) float32, a picture's mean weight 1; 0 for a label that is not there."""
    shares = label_shares(pictures)
    raw = np.where(shares > 0, np.maximum(shares, 1e-9) ** -rarity, 0.0)
    return torch.from_numpy(raw / (raw * shares).sum()).float()


def loss_of(said: HeadOutput, batch: Batch, weights: Tensor, settings: ClassifierSettings) -> Tensor:
    """The loss of a batch, as the module says."""
    entropy = -(batch.shares * weights * torch.log_softmax(said.label_logits, dim=1)).sum(dim=1).mean()
    rated = batch.rated[:, None] / batch.rated.sum().clamp(min=1) / 2  # a mean over rated pictures and both axes
    squared = (said.va - batch.va) ** 2
    spread = 0.5 * (said.log_variance + squared.detach() * torch.exp(-said.log_variance))
    points = settings.va_share * (rated * squared).sum() / VA_SCALE**2
    total: Tensor = entropy + points + settings.spread_share * (rated * spread).sum()
    return total


def standardise(classifier: ResNetClassifier, features: Tensor) -> None:
    """Set the head's mean and scale to those of features (n, steps, channels)."""
    flat = features.flatten(0, 1).double()
    classifier.head.mean.copy_(flat.mean(0))
    classifier.head.scale.copy_(flat.std(0) + 1e-6)


def predict(
    classifier: ResNetClassifier, pictures: PictureSet, settings: ClassifierSettings, *, device: torch.device
) -> npt.NDArray[np.float64]:
    """Label logits (n, 5), those of picture and mirror image averaged as the page's reader does."""
    classifier.eval()
    logits = []
    with torch.inference_mode():
        for batch in pictures.batches(settings.batch_size, side_px=classifier.config.side_px, rng=None):
            pixels = batch.seen.to(device)
            sides = [classifier(side).label_logits.log_softmax(dim=1) for side in (pixels, pixels.flip(3))]
            logits.append(torch.stack(sides).mean(0).cpu())
    return torch.cat(logits).double().numpy()


def calibrate(classifier: ResNetClassifier, logits: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> float:
    """Fit a temperature to held-out logits and divide the classifier's by it, in the head's last layer."""
    temperature = fit_temperature(logits, labels)
    connect = classifier.head.connect
    with torch.no_grad():
        connect.weight[: len(LABELS)] /= temperature
        connect.bias[: len(LABELS)] /= temperature
    return temperature
