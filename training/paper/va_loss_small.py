"""A small model to try the losses on: valence, arousal and the tokens so far in, logits of the next token out.

Four causal convolutions see the last 31 tokens; the wanted emotion (1 to 9) is added to every embedding, in the place
of the paper's picture. Runs that are compared begin with the same weights and see the same batches in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pipelines.errors import MidiError
from pipelines.hearing import hear_points
from pipelines.records import VA_MIDDLE
from pipelines.symbolic.tokens import Vocabulary, decode
from training.paper.objective import Objective, VaLoss, cross_entropy
from training.paper.va_fit import Floats, Ids

DILATIONS = (1, 2, 4, 8)
REACH = 31  # 1 + 2 · (1 + 2 + 4 + 8)


@dataclass(frozen=True)
class SmallSettings:
    """How the small model is built and trained; positions are tokens."""

    width: int = 96
    batch_pieces: int = 32
    learning_rate: float = 1e-3
    seed: int = 0


@dataclass(frozen=True)
class Outcome:
    """What a run came to on pieces held out: nats a token, distances of heard from wanted on the plane, VA loss."""

    cross_entropy: float
    va_loss: float
    distance_argmax: float
    distance_sampled: float
    r_sampled: tuple[float, float]


class SmallModel(keras.Model):
    """({"ids": (pieces, positions), "wanted": (pieces, 2)}) → logits (pieces, positions, V) of the following token."""

    def __init__(self, size: int, *, width: int = SmallSettings.width) -> None:
        super().__init__()
        self.embedding = keras.layers.Embedding(size, width)
        self.feeling = keras.layers.Dense(width)
        self.layers_of_time = [
            keras.layers.Conv1D(width, 3, dilation_rate=apart, padding="causal", activation="relu")
            for apart in DILATIONS
        ]
        self.last = keras.layers.Dense(size)

    def call(self, inputs: dict[str, Any]) -> Any:
        """Logits of the token after each."""
        feeling = self.feeling((inputs["wanted"] - VA_MIDDLE) / 2.0)[:, None]
        real = tf.cast(inputs["ids"] != 0, tf.float32)[..., None]  # a piece's beginning is like nothing before it
        rows = self.embedding(inputs["ids"])
        for layer in self.layers_of_time:
            rows = rows + layer((rows + feeling) * real)
        return self.last(rows + feeling)


def new_model(size: int, settings: SmallSettings) -> SmallModel:
    """A model with the seed's weights."""
    keras.utils.set_random_seed(settings.seed)
    model = SmallModel(size, width=settings.width)
    model({"ids": tf.zeros((1, 4), tf.int32), "wanted": tf.zeros((1, 2))})
    return model


def copy_of(model: SmallModel, size: int, settings: SmallSettings) -> SmallModel:
    """The same weights in a model of its own."""
    other = new_model(size, settings)
    other.set_weights(model.get_weights())
    return other


def train(
    model: SmallModel, ids: Ids, wanted: Floats, settings: SmallSettings, *, epochs: int, objective: Objective
) -> None:
    """Adam on the objective, batches in an order that the seed alone decides."""
    tf.random.set_seed(settings.seed)
    rng, optimizer = np.random.default_rng(settings.seed), keras.optimizers.Adam(settings.learning_rate)
    optimizer.build(model.trainable_variables)

    @tf.function(reduce_retracing=True)
    def learn(rows: Any, feeling: Any) -> None:
        with tf.GradientTape() as tape:
            logits = model({"ids": rows[:, :-1], "wanted": feeling})
            loss = objective(rows[:, 1:], logits)
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)

    for _ in range(epochs):
        order = rng.permutation(len(ids))
        for start in range(0, len(ids) - settings.batch_pieces + 1, settings.batch_pieces):
            rows = order[start : start + settings.batch_pieces]
            learn(tf.constant(ids[rows]), tf.constant(wanted[rows]))


def outcome(
    model: SmallModel, vocabulary: Vocabulary, ids: Ids, wanted: Floats, va: VaLoss, *, seed: int = 0
) -> Outcome:
    """Measure a model on pieces held out; the judge of what is heard is :mod:`pipelines.hearing`."""
    following = tf.constant(ids[:, 1:])
    logits = model({"ids": tf.constant(ids[:, :-1]), "wanted": tf.constant(wanted)})
    chosen = np.where(ids[:, 1:] != 0, logits.numpy().argmax(axis=2), 0)
    sampled = heard(sample(model, vocabulary, wanted, positions=ids.shape[1], seed=seed), vocabulary)
    r = [float(np.corrcoef(sampled[:, k], wanted[:, k])[0, 1]) for k in (0, 1)]
    return Outcome(
        float(cross_entropy(following, logits)),
        float(va(logits, following)),
        distance(heard(chosen, vocabulary), wanted),
        distance(sampled, wanted),
        (r[0], r[1]),
    )


def sample(model: SmallModel, vocabulary: Vocabulary, wanted: Floats, *, positions: int, seed: int) -> Ids:
    """Tokens drawn one after another for each wanted point: (pieces, positions) int32, 0 after a piece's end."""
    start, end = vocabulary.ids(["<start>", "<end>"])
    rng = np.random.default_rng(seed)
    ids = np.zeros((len(wanted), positions + REACH), np.int32)
    ids[:, REACH] = start
    running = np.ones(len(wanted), bool)
    step = tf.function(lambda rows: model({"ids": rows, "wanted": tf.constant(wanted)})[:, -1])
    for at in range(REACH + 1, positions + REACH):
        logits = step(tf.constant(ids[:, at - REACH : at])).numpy()
        logits[:, 0] = -1e9
        drawn = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
        ids[:, at] = np.where(running, drawn, 0)
        running &= drawn != end
    return ids[:, REACH:]


def heard(ids: Ids, vocabulary: Vocabulary) -> npt.NDArray[np.float64]:
    """Valence and arousal heard in pieces by the independent judge: (pieces, 2); the middle without notes."""
    points = np.full((len(ids), 2), VA_MIDDLE)
    for i, row in enumerate(ids):
        try:
            points[i] = hear_points([decode(vocabulary.names(row[row != 0]))])[0]
        except MidiError:
            continue
    return points


def no_loss(logits: Any, targets: Any) -> Any:
    """The loss of emotion that is none: always 0."""
    return tf.constant(0.0)


def distance(points: npt.NDArray[np.floating[Any]], wanted: npt.NDArray[np.floating[Any]]) -> float:
    """Mean Euclidean distance on the plane, 0 to 8√2."""
    return float(np.hypot(*(points - wanted).T).mean())
