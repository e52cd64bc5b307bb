"""What a picture shows, as far as one can be sure of it.

In: class scores of EfficientNet-lite networks, (views, 1000). Out: the :class:`Thing` objects that may be claimed.

A concept (`caption_concepts.py`) has a score from 0 to 1 and two thresholds of its own: from `sure` on it is claimed,
from `perhaps` on it is put as a guess, below that nothing is said of it. The patterns and the thresholds are fitted on
OASIS by `python -m training.caption`, which reports on pictures that were not fitted how often a claim is right; the
model card is assets/weights/caption.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipelines.chain import Cancelled, never
from pipelines.emotion_features import View, extract
from pipelines.errors import WeightsError
from pipelines.models import load_once, load_weights, weights_path
from pipelines.waveform.caption_concepts import CONCEPTS, NAMES, PATTERNS, Concept
from pipelines.waveform.hub_model import CAPTIONING, stop_if

if TYPE_CHECKING:
    import torch

Floats = npt.NDArray[np.float64]
WEIGHTS = "caption.safetensors"
VIEWS = (View(0, 224), View(1, 240), View(2, 260))
MOST_CLAIMS = 3
CURE = "run `python -m training.caption`"


@dataclass(frozen=True)
class Thing:
    """A concept that may be named, and whether as certain or as a guess."""

    concept: Concept
    sure: bool


@dataclass(frozen=True, eq=False)
class Knowledge:
    """What was fitted, all float64.

    `weight` (patterns, 1000) and `bias` (patterns,) of the logistic regressions on mean class scores; `sure` and
    `perhaps` (concepts,), thresholds on the scores; `nothing` (1001,), weights on mean class scores and a bias, whose
    sum is positive where a picture shows nothing that could be named: noise, a texture, a page of text.
    """

    weight: Floats
    bias: Floats
    sure: Floats
    perhaps: Floats
    nothing: Floats

    def seen(self, logits: Floats) -> list[Thing]:
        """What may be said at class scores (views, 1000)."""
        shows_nothing = self.nothing[:-1] @ logits.mean(axis=0) + self.nothing[-1] > 0
        return [] if shows_nothing else self.things(self.scores(logits))

    def scores(self, logits: Floats) -> Floats:
        """Score of each concept, (concepts,) in 0 to 1, from class scores (views, 1000)."""
        patterns = 1 / (1 + np.exp(-(self.weight @ logits.mean(axis=0) + self.bias)))
        told = dict(zip(PATTERNS, patterns, strict=True))
        probabilities = class_probabilities(logits)
        return np.array(
            [told[concept.name] if concept.is_pattern else probabilities[concept.classes].sum() for concept in CONCEPTS]
        )

    def things(self, scores: Floats) -> list[Thing]:
        """What may be said at these scores, the surest of each kind first: at most three claims, or one guess more."""
        sure = [Thing(CONCEPTS[i], True) for i in np.argsort(-scores, kind="stable") if scores[i] >= self.sure[i]]
        sure = _without_needless(sure)[:MOST_CLAIMS]
        taken = {thing.concept.kind for thing in sure if _is_last_word(thing.concept)}
        guesses = [
            Thing(CONCEPTS[i], False)
            for i in np.argsort(-(scores / self.perhaps), kind="stable")
            if self.perhaps[i] <= scores[i] < self.sure[i] and CONCEPTS[i].kind not in taken
        ]
        needless = {name for thing in sure for name in thing.concept.over}
        named = {thing.concept.name for thing in sure}
        guesses = [guess for guess in _without_needless(guesses) if guess.concept.name not in needless | named]
        return [*sure, *(guesses[:1] if len(sure) < 2 else [])]


def _is_last_word(concept: Concept) -> bool:
    """Whether a guess of the same kind would not say more."""
    return concept.name not in {name for other in CONCEPTS for name in other.over}


def _without_needless(things: list[Thing]) -> list[Thing]:
    """Leave out what another of them says more exactly."""
    needless = {name for thing in things for name in thing.concept.over}
    return [thing for thing in things if thing.concept.name not in needless]


def class_probabilities(logits: Floats) -> Floats:
    """Probabilities of the classes, (1000,), the mean over the views of scores (views, 1000)."""
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    mean: Floats = (odds / odds.sum(axis=1, keepdims=True)).mean(axis=0)
    return mean


def class_scores(rgb: npt.NDArray[np.uint8], *, cancelled: Cancelled = never) -> Floats:
    """Class scores of an RGB picture, (height, width, 3), from each of :data:`VIEWS`: (views, 1000).

    Raises:
        ModelMissingError: the packages that hold the networks are not installed.
        StoppedError: `cancelled` answered True; it is asked before each view.
    """
    scores = []
    for view in VIEWS:
        stop_if(cancelled, CAPTIONING)
        scores.append(extract(rgb, views=(view,)).parts[-1])
    return np.array(scores, np.float64)


def load_knowledge(*, weights: Path | None = None) -> Knowledge:
    """The patterns and thresholds kept in a weights file (default: the project's own), loaded once per process.

    Raises:
        WeightsError: the weights are missing, damaged or of another version.
    """
    path = weights or weights_path(WEIGHTS)
    return load_once(f"caption:{path}", lambda: knowledge_from(*load_weights(path)))


def knowledge_from(tensors: Mapping[str, torch.Tensor], config: Mapping[str, Any]) -> Knowledge:
    """Make it from a weights file's tensors and configuration.

    Raises:
        WeightsError: they are of another version.
    """
    if config.get("concepts") != list(NAMES) or config.get("views") != view_config():
        raise WeightsError(f"The caption weights were fitted for other concepts or views; {CURE}.")
    shapes = {
        "weight": (len(PATTERNS), 1000),
        "bias": (len(PATTERNS),),
        "sure": (len(NAMES),),
        "perhaps": (len(NAMES),),
        "nothing": (1001,),
    }
    if {name: tuple(tensor.shape) for name, tensor in tensors.items()} != shapes:
        raise WeightsError(f"The caption weights have other shapes than expected; {CURE}.")
    return Knowledge(**{name: tensor.double().numpy() for name, tensor in tensors.items()})


def view_config() -> list[list[int]]:
    """The views as they are written in a weights file's configuration."""
    return [[view.variant, view.side_px] for view in VIEWS]
