"""Fit the two predictors of valence and arousal: features or tokens with ratings in, Keras models out.

Ratings are (pieces, 2) float32, valence and arousal on 1 to 9. The token predictor is trained on tokens that are in
part replaced by others, so that it stays sane on mixtures, as a model's probabilities are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from training.paper.va_models import MidiPredictor, TokenPredictor

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int32]


@dataclass(frozen=True)
class FitSettings:
    """How to train: `plain_share` of the pieces as they are, of the others up to `softest` of each token replaced."""

    epochs: int = 25
    batch_pieces: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    longest: int = 256
    plain_share: float = 0.4
    softest: float = 0.8
    seed: int = 0


def pad(pieces: Sequence[Ids], longest: int) -> Ids:
    """Token ids of pieces as rows, (pieces, positions) int32, cut at `longest`, 0 after a piece's end."""
    rows = np.zeros((len(pieces), min(longest, max(map(len, pieces)))), np.int32)
    for row, piece in zip(rows, pieces, strict=True):
        row[: len(piece)] = piece[: len(row)]
    return rows


def soften(ids: Ids, frequent: Ids, settings: FitSettings, rng: np.random.Generator) -> tuple[Ids, Floats]:
    """Mix each token with one from elsewhere in its piece and one drawn from `frequent`: ids and weights (p, n, 3).

    The weights sum to 1 at a token and are 0 at padding. How much is mixed differs by piece and by position.
    """
    pieces, positions = ids.shape
    real = ids != 0
    elsewhere = (rng.random((pieces, positions)) * real.sum(axis=1)[:, None]).astype(int)
    others = [np.take_along_axis(ids, elsewhere, axis=1), rng.choice(frequent, (pieces, positions))]
    soft = np.where(rng.random((pieces, 1)) < settings.plain_share, 0.0, settings.softest * rng.random((pieces, 1)))
    strange, own = soft * rng.random((pieces, positions)), rng.random((pieces, 1))
    weights = np.stack([1 - strange, strange * own, strange * (1 - own)], axis=2) * real[..., None]
    return np.stack([ids, *others], axis=2).astype(np.int32), weights.astype(np.float32)


def fit_token_predictor(tokens: Sequence[str], ids: Ids, wanted: Floats, settings: FitSettings) -> TokenPredictor:
    """Train on token ids (pieces, positions) of the vocabulary `tokens`."""
    keras.utils.set_random_seed(settings.seed)
    model = TokenPredictor(tokens)
    shapes = {"ids": tf.TensorSpec((None, None, 3), tf.int32), "weights": tf.TensorSpec((None, None, 3), tf.float32)}
    _train(model, shapes, _token_batches(ids, wanted, settings), len(ids), settings)
    return model


def _token_batches(ids: Ids, wanted: Floats, settings: FitSettings) -> Iterator[tuple[dict[str, Any], Any]]:
    rng, frequent = np.random.default_rng(settings.seed), ids[ids != 0]
    for rows in _rows(len(ids), settings, rng):
        longest = int((ids[rows] != 0).sum(axis=1).max())
        mixed, weights = soften(ids[rows, :longest], frequent, settings, rng)
        yield {"ids": tf.constant(mixed), "weights": tf.constant(weights)}, tf.constant(wanted[rows])


def fit_midi_predictor(features: Floats, wanted: Floats, settings: FitSettings) -> MidiPredictor:
    """Train on features of MIDI files (pieces, features), as they are measured."""
    keras.utils.set_random_seed(settings.seed)
    model = MidiPredictor(features.shape[1])
    model.standard.adapt(features)
    rng = np.random.default_rng(settings.seed)
    batches = ((tf.constant(features[r]), tf.constant(wanted[r])) for r in _rows(len(features), settings, rng))
    _train(model, tf.TensorSpec((None, features.shape[1]), tf.float32), batches, len(features), settings)
    return model


def _rows(pieces: int, settings: FitSettings, rng: np.random.Generator) -> Iterator[npt.NDArray[np.int64]]:
    """Rows of each batch, every epoch in another order; a rest too small for batch statistics is left out."""
    size = min(settings.batch_pieces, pieces)
    for _ in range(settings.epochs):
        order = rng.permutation(pieces)
        for start in range(0, pieces - size + 1, size):
            yield order[start : start + size]


def _train(model: keras.Model, shapes: Any, batches: Iterator[Any], pieces: int, settings: FitSettings) -> None:
    """Mean squared error, AdamW, the learning rate along a cosine to 0."""
    steps = settings.epochs * (pieces // min(settings.batch_pieces, pieces))
    rate = keras.optimizers.schedules.CosineDecay(settings.learning_rate, max(1, steps))
    optimizer = keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay)
    optimizer.build(model.trainable_variables)

    @tf.function(input_signature=[shapes, tf.TensorSpec((None, 2), tf.float32)])
    def learn(inputs: Any, wanted: Any) -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(inputs, training=True) - wanted))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)

    for inputs, wanted in batches:
        learn(inputs, wanted)
