"""The symbolic paper's own network as the composer: picture and emotion in, a piece of ten to twenty seconds out.

The paper's network (`paper`) knows only the picture, so several pieces are drawn and the one is played in which the
listener hears most nearly what is wanted; the causal variant (`causal`) knows valence and arousal too, and does with
either. Neither knows of a length: a piece ends where the network ends it, mostly after ten to twenty seconds. Music
is in C major or A minor, as the paper's grammar has it. TensorFlow is imported only when a piece is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipelines.catalogue import composer_entry
from pipelines.errors import ModelFailedError, ModelMissingError, SettingsError, StoppedError
from pipelines.models import load_once, weights_path
from pipelines.records import Emotion, Picture, Score
from pipelines.settings import SEED, check_seed
from pipelines.symbolic.paper_images import image_features
from pipelines.symbolic.paper_model import SampleSettings, is_causal, load, sample_rows
from pipelines.symbolic.tokens import END, START, decode

CURE = "install it with: pip install tensorflow-cpu"
LEAST_NOTES = 8
NO_PICTURE = "The symbolic paper's network plays from a picture; give one, or choose another composer."


@dataclass(frozen=True)
class PaperSettings:
    """Which network (`paper` or `causal`), the seed, how many pieces are drawn to choose from, and how."""

    composer: str = "causal"
    seed: int = SEED
    candidates: int = 6
    sampling: SampleSettings = field(default_factory=lambda: SampleSettings(heat=1.0, nucleus=0.95, guidance=1.5))

    def check(self) -> None:
        """Raise SettingsError for a network or a seed that is none, or fewer than one piece."""
        composer_entry(self.composer)
        check_seed(self.seed)
        if self.candidates < 1:
            raise SettingsError(f"{self.candidates} pieces cannot be drawn; choose at least 1.")


def load_network(composer: str) -> Any:
    """The Keras model of a composer's name, loaded once a process.

    Raises:
        ModelMissingError: TensorFlow is not installed.
        WeightsError: the weights are missing or damaged.
    """
    path = weights_path(composer_entry(composer).weights or "")
    try:
        return load_once(f"composer {path}", lambda: load(path))
    except ImportError as cause:
        raise ModelMissingError(f"TensorFlow is not installed, which the paper's network needs; {CURE}.") from cause


def compose(
    picture: Picture | None,
    emotion: Emotion,
    settings: PaperSettings | None = None,
    *,
    cancelled: Callable[[], bool] = lambda: False,
) -> Score:
    """One piece for a picture that is to feel like an emotion, the best of several by the listener.

    Raises:
        SettingsError: a setting is out of range, or there is no picture and the network needs one.
        ModelMissingError, WeightsError: as :func:`load_network`.
        ModelFailedError: no piece had music enough.
        StoppedError: `cancelled` answered True.
    """
    settings = settings or PaperSettings()
    settings.check()
    network = load_network(settings.composer)
    if picture is None and not is_causal(network):
        raise SettingsError(NO_PICTURE)
    scores = [score for score in _draw(network, picture, emotion, settings, cancelled) if _is_music(score)]
    if not scores:
        raise ModelFailedError("The symbolic paper's network played hardly a note for this picture; try another seed.")
    return scores[_nearest(scores, emotion)]


def _draw(
    network: Any,
    picture: Picture | None,
    emotion: Emotion,
    settings: PaperSettings,
    cancelled: Callable[[], bool],
) -> list[Score]:
    """All candidates at once, token by token."""
    count = settings.candidates
    features = None if picture is None else image_features(network.image_encoder, [picture.rgb])
    images = None if features is None else np.repeat(features, count, axis=0)
    points = np.tile(np.array([[emotion.valence, emotion.arousal]], np.float32), (count, 1))
    seeds = [settings.seed * count + number for number in range(count)]
    rows: list[list[str]] = [[START] for _ in range(count)]
    drawn = sample_rows(network, images, seeds, va=points if is_causal(network) else None, settings=settings.sampling)
    for tokens in drawn:
        if cancelled():
            raise StoppedError("Composing was stopped.")
        for row, token in zip(rows, tokens, strict=True):
            if row[-1] != END:
                row.append(token)
    return [decode(row) for row in rows]


def _is_music(score: Score) -> bool:
    return len(score.notes) >= LEAST_NOTES


def _nearest(scores: list[Score], emotion: Emotion) -> int:
    """The number of the score that is heard nearest to the emotion."""
    from pipelines.hearing import hear_points

    wanted = (emotion.valence, emotion.arousal)
    return int(np.argmin([math.dist(point, wanted) for point in hear_points(scores)]))
