"""Picture → Emotion: what a picture feels like, by the embedded reader or by the waveform paper's classifier.

In: :class:`pipelines.records.Picture`. Out: :class:`pipelines.records.Emotion`: valence and arousal on 1 to 9, each
with a standard deviation, and the probabilities of the five labels.

:func:`open_readers` says which of the two reads. The paper's classifier is in `emotion_resnet.py`, the embedded reader
here: two opinions on the same EfficientNet-lite features, by the waveform paper's head on a feature map as a sequence
(`emotion_head.py`; several heads, averaged) and by a kernel regression on pooled features (`emotion_kernel.py`). A
small fitted blend joins them and calibrates the spread and the label probabilities. All of it is fitted on OASIS by
`python -m training.emotion`; the model card is assets/weights/emotion.md.

Conventions
-----------
A mirrored picture reads the same. The standard deviation is that of the error against the mean of about 100 people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from pipelines.catalogue import entry_for
from pipelines.emotion_features import VIEWS, Features, extract
from pipelines.emotion_kernel import KernelRegressor, kernel_from
from pipelines.errors import WeightsError
from pipelines.models import check_models, compute_on_one_thread, load_once, load_weights, weights_path
from pipelines.records import LABELS, Emotion, Picture, clip_va, region_probabilities

if TYPE_CHECKING:
    import torch

    from pipelines.emotion_head import EmotionHead

Floats = npt.NDArray[np.float64]
ROLE = "emotion"
MADE_BY, LICENCE = entry_for(ROLE).made_by, entry_for(ROLE).licence
CLASSIFIER = "emotion_resnet50"  # the paper's classifier in assets/weights, once it has been trained
LEAST_MASS = 1e-3


@dataclass(frozen=True)
class EmotionSource:
    """Which model reads: `models` as :func:`pipelines.models.choose` takes it; a classifier's checkpoint by its name.

    A checkpoint that is named is used unless `models` is "embedded".
    """

    models: str = "auto"
    checkpoint: str | None = None


class Reader(Protocol):
    """Reads pictures, and says who it is."""

    @property
    def made_by(self) -> str:
        """What the page shows beside the value."""

    @property
    def licence(self) -> str:
        """The licence of the weights."""

    def read(self, picture: Picture) -> Emotion:
        """What the picture feels like."""


@dataclass(frozen=True)
class EmbeddedReader:
    """The project's own reader, as :func:`read_emotion`."""

    made_by: str = MADE_BY
    licence: str = LICENCE

    def read(self, picture: Picture) -> Emotion:
        """What the picture feels like."""
        return read_emotion(picture)


def open_readers(source: EmotionSource) -> list[Callable[[], Reader]]:
    """Openers of the readers in the order in which they are tried.

    Raises:
        SettingsError: unknown models.
        ModelMissingError: the classifier is insisted on, or named, and is not on this machine.
    """
    check_models(source.models)
    embedded: list[Callable[[], Reader]] = [EmbeddedReader]
    if source.models == "embedded" or (source.models == "auto" and not source.checkpoint and not _classifier_here()):
        return embedded
    from pipelines.emotion_resnet import checkpoint_path, open_resnet

    checkpoint_path(source.checkpoint)
    return [lambda: open_resnet(source.checkpoint), *(embedded if source.models == "auto" else [])]


def _classifier_here() -> bool:
    """Whether the paper's classifier has been trained here; asked without loading torch."""
    return weights_path(f"{CLASSIFIER}.safetensors").is_file()


@dataclass(frozen=True, eq=False)
class Opinion:
    """What the two readers say of n pictures, before the blend.

    `kernel` (n, 7): valence, arousal, five label scores; `head` (n, 9): valence, arousal, their log variances, five
    log probabilities. All float64.
    """

    kernel: Floats
    head: Floats


@dataclass(frozen=True, eq=False)
class Blend:
    """The fitted join of the two readers.

    `va` (2, 3): for valence and for arousal the offset, the kernel's and the head's weight. `spread` (2, 2): offset
    and slope of the log variance on the head's. `labels` (3,): weights of the logarithm of the Gaussian's mass over
    the regions, of the head's log probabilities, of the kernel's scores; `label_bias` (5,). All float64.
    """

    va: Floats
    spread: Floats
    labels: Floats
    label_bias: Floats

    def points(self, opinion: Opinion) -> tuple[Floats, Floats]:
        """Valence and arousal (n, 2) in 1 to 9, and their standard deviations (n, 2)."""
        both = np.stack([np.ones_like(opinion.head[:, :2]), opinion.kernel[:, :2], opinion.head[:, :2]], axis=2)
        va = np.clip((both * self.va).sum(axis=2), 1.0, 9.0)
        log_variance = self.spread[:, 0] + self.spread[:, 1] * opinion.head[:, 2:4]
        return va, np.exp(0.5 * log_variance)

    def probabilities(self, opinion: Opinion, mass: Floats) -> Floats:
        """Label probabilities (n, 5), given the Gaussian's mass over the regions (n, 5)."""
        terms = label_terms(opinion, mass)
        scores = (terms * self.labels[:, None]).sum(axis=1) + self.label_bias
        scores -= scores.max(axis=1, keepdims=True)
        odds = np.exp(scores)
        return np.asarray(odds / odds.sum(axis=1, keepdims=True), np.float64)


def label_terms(opinion: Opinion, mass: Floats) -> Floats:
    """The three opinions on the labels that the blend weighs, (n, 3, 5)."""
    return np.stack([np.log(mass + LEAST_MASS), opinion.head[:, 4:], opinion.kernel[:, 2:]], axis=1)


@dataclass(frozen=True, eq=False)
class EmotionReader:
    """The loaded reader: a kernel regression, one head or several, and the blend."""

    kernel: KernelRegressor
    heads: tuple[EmotionHead, ...]
    blend: Blend

    def opinion(self, features: Features) -> Opinion:
        """What both readers say of one picture."""
        said = self.kernel.predict([part[None] for part in features.parts], features.classes[None])
        return Opinion(said, heads_say(self.heads, features.sequence[None]))

    def read(self, features: Features) -> Emotion:
        """Blend both readers' opinions on one picture."""
        opinion = self.opinion(features)
        (point,), (spread,) = self.blend.points(opinion)
        mass = np.array([region_probabilities(point[0], point[1], spread[0], spread[1])])
        (odds,) = self.blend.probabilities(opinion, mass)
        probabilities = tuple(float(p) for p in odds / odds.sum())
        return Emotion(clip_va(point[0]), clip_va(point[1]), float(spread[0]), float(spread[1]), probabilities)


def heads_say(heads: tuple[EmotionHead, ...], sequences: npt.NDArray[np.floating]) -> Floats:
    """Mean over the heads, and over picture and mirror image, of sequences (n, 2, steps, channels): (n, 9)."""
    import torch

    count = len(sequences)
    flat = torch.from_numpy(np.ascontiguousarray(sequences, np.float32)).flatten(0, 1)
    with torch.inference_mode():
        outputs = [head(flat) for head in heads]
        log_p = torch.stack([torch.log_softmax(output.label_logits, dim=1) for output in outputs])
        points = torch.stack([torch.cat([output.va, output.log_variance], dim=1) for output in outputs])
    said = torch.cat([points, log_p], dim=2).mean(dim=0)
    return said.reshape(count, 2, 4 + len(LABELS)).mean(dim=1).double().numpy()


def read_emotion(picture: Picture, *, weights: Path | None = None) -> Emotion:
    """Read what the picture feels like. The model is loaded at the first call, once per process; threads may call.

    Args:
        picture: a checked picture.
        weights: another weights file than the project's own.

    Raises:
        WeightsError: the weights are missing, damaged or of another version.
        ModelMissingError: the packages with the backbones are not installed.
    """
    compute_on_one_thread()
    return load_reader(weights=weights).read(extract(picture.rgb))


def load_reader(*, weights: Path | None = None) -> EmotionReader:
    """The reader kept in a weights file (default: the project's own), loaded once per process.

    Raises:
        WeightsError: the weights are missing, damaged or of another version.
    """
    path = weights or weights_path(entry_for(ROLE).weights or "")
    return load_once(f"{ROLE}:{path}", lambda: reader_from(*load_weights(path)))


def reader_from(tensors: Mapping[str, torch.Tensor], config: Mapping[str, Any]) -> EmotionReader:
    """Make a reader from a weights file's tensors and configuration.

    Raises:
        WeightsError: they are of another version.
    """
    from pipelines.emotion_head import head_from

    if config.get("views") != view_config():
        raise WeightsError("The emotion weights were fitted on other views; run `python -m training.emotion`.")
    heads = tuple(head_from(config["head"], under(tensors, f"head{i}.")) for i in range(config["heads"]))
    kernel = {name: tensor.numpy() for name, tensor in under(tensors, "kernel.").items()}
    blend = {name: tensor.double().numpy() for name, tensor in under(tensors, "blend.").items()}
    if set(blend) != {field.name for field in fields(Blend)}:
        raise WeightsError("The emotion weights lack their blend; run `python -m training.emotion`.")
    return EmotionReader(kernel_from(kernel), heads, Blend(**blend))


def view_config() -> list[list[int]]:
    """The views as they are written in a weights file's configuration."""
    return [[view.variant, view.side_px] for view in VIEWS]


def under(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """The tensors whose names begin with a prefix, by the rest of their names."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
