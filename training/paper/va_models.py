"""The two predictors of valence and arousal, in Keras: from the features of a MIDI file, and from (soft) tokens.

Both end in the paper's three fully connected layers (section 3.3.4): batch normalisation and ReLU after the first two,
the last linear. Valence and arousal lie on 1 to 9.

The token predictor is made for a loss: it takes a mixture of tokens at each position (probabilities over a vocabulary),
looks up the mixture's embedding, reads three neighbours at a time and pools over the piece, whatever its length, so
that its result is differentiable in the probabilities. A token's embedding is computed from what the token says
(:mod:`training.paper.va_tokens`), not learnt token by token: a vocabulary of another order, or of tokens unseen, works
with the same weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipelines.records import VA_MIDDLE
from training.paper.va_tokens import KINDS, SOUNDING, attribute_names, token_attributes

PACKAGE = "ekphonia"
CLIP_SD = 3.5  # a feature stranger than this is taken as this strange


def three_layers(hidden: tuple[int, int], *, dropout: float) -> keras.Sequential:
    """The paper's head: (pieces, features) → (pieces, 2); `dropout` acts on what comes in, in training only."""
    layers: list[Any] = [keras.layers.Dropout(dropout)]
    for width in hidden:
        layers += [keras.layers.Dense(width), keras.layers.BatchNormalization(momentum=0.95), keras.layers.ReLU()]
    return keras.Sequential([*layers, keras.layers.Dense(2, bias_initializer=keras.initializers.Constant(VA_MIDDLE))])


@keras.saving.register_keras_serializable(package=PACKAGE)
class MidiPredictor(keras.Model):
    """Features of MIDI files, (pieces, features) float32 as they are measured, to valence and arousal (pieces, 2)."""

    def __init__(
        self, features: int, *, hidden: Sequence[int] = (128, 64), dropout: float = 0.3, **settings: Any
    ) -> None:
        super().__init__(**settings)
        self.features, self.hidden, self.dropout = int(features), (int(hidden[0]), int(hidden[1])), float(dropout)
        self.standard = keras.layers.Normalization(axis=-1)
        self.head = three_layers(self.hidden, dropout=self.dropout)
        self.build((None, self.features))

    def build(self, input_shape: Any) -> None:
        """Make the weights for (pieces, features)."""
        if not self.head.built:  # made at once, then asked for again when a saved model is loaded
            self.standard.build(input_shape)
            self.head.build(input_shape)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Predict (pieces, 2)."""
        return self.head(tf.clip_by_value(self.standard(inputs), -CLIP_SD, CLIP_SD), training=training)

    def get_config(self) -> dict[str, Any]:
        """The arguments of :meth:`__init__`."""
        return {"features": self.features, "hidden": list(self.hidden), "dropout": self.dropout, "name": self.name}


@keras.saving.register_keras_serializable(package=PACKAGE)
class TokenPredictor(keras.Model):
    """Soft or plain tokens of a vocabulary to valence and arousal.

    Called with {"ids": (pieces, positions, k) int32, "weights": the same float32}: at each position k tokens and how
    much of each; all weights 0 where there is no token. For probabilities over the whole vocabulary see :meth:`soft`.
    `tokens` are the vocabulary's strings by id.
    """

    def __init__(
        self,
        tokens: Sequence[str],
        *,
        embedding: int = 24,
        context: int = 48,
        hidden: Sequence[int] = (128, 64),
        dropout: float = 0.3,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.tokens = tuple(tokens)
        self.embedding, self.context, self.dropout = int(embedding), int(context), float(dropout)
        self.hidden = (int(hidden[0]), int(hidden[1]))
        self.attributes = token_attributes(self.tokens)
        self.embed = keras.layers.Dense(self.embedding, activation="relu")
        self.neighbours = keras.layers.Conv1D(self.context, 3, padding="same", activation="relu")
        self.attend = keras.layers.Dense(2)
        self.head = three_layers(self.hidden, dropout=self.dropout)
        self.build()

    def build(self, input_shape: Any = None) -> None:
        """Make the weights; their shapes follow from the arguments alone."""
        if not self.head.built:
            said = len(attribute_names())
            width = said + self.embedding
            self.embed.build((None, said))
            self.neighbours.build((None, None, width))
            self.attend.build((None, None, self.context))
            self.head.build((None, len(KINDS) + 2 * width + 2 + 4 * self.context))

    def table(self) -> Any:
        """Embeddings of the vocabulary, (V, width) float32: what the tokens say, then what was learnt of it."""
        return tf.concat([self.attributes, self.embed(self.attributes)], axis=1)

    def call(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """Predict (pieces, 2) from a few weighted tokens at each position."""
        rows = tf.gather(self.table(), inputs["ids"])
        weights = tf.cast(inputs["weights"], tf.float32)
        return self.read(tf.einsum("pnkd,pnk->pnd", rows, weights), tf.reduce_sum(weights, axis=2), training=training)

    def plain(self, ids: Any) -> Any:
        """Predict (pieces, 2) from token ids (pieces, positions) int32, 0 being padding."""
        real = tf.cast(ids != 0, tf.float32)
        return self.read(tf.gather(self.table(), ids) * real[..., None], real)

    def soft(self, probabilities: Any, real: Any) -> Any:
        """Predict (pieces, 2) from probabilities (pieces, positions, V); `real` (pieces, positions) is 1 at tokens."""
        real = tf.cast(real, tf.float32)
        return self.read(tf.matmul(probabilities, self.table()) * real[..., None], real)

    def read(self, rows: Any, real: Any, *, training: bool = False) -> Any:
        """Predict (pieces, 2) from embeddings (pieces, positions, width), 0 where `real` (pieces, positions) is 0."""
        context = self.neighbours(rows) * real[..., None]
        pooled = tf.concat([self._means(rows, real), self._pool(context, real)], axis=1)
        return self.head(pooled, training=training)

    def _means(self, rows: Any, real: Any) -> Any:
        """Shares of the kinds, means a token and a struck token, and how much there is of notes and of time."""
        total = tf.reduce_sum(rows, axis=1)
        count = tf.reduce_sum(real, axis=1, keepdims=True) + 1e-3
        kinds = total[:, : len(KINDS)]
        struck = tf.reduce_sum(kinds[:, :SOUNDING], axis=1, keepdims=True) + 0.5
        quarters = total[:, attribute_names().index("quarters")][:, None]
        amounts = tf.math.log(tf.concat([struck, tf.nn.relu(quarters) + 1.0], axis=1)) - 4.0
        return tf.concat([kinds / count, total / count, total / struck, amounts], axis=1)

    def _pool(self, context: Any, real: Any) -> Any:
        """Mean, spread and two attentive means of what was read of neighbours: (pieces, 4 · context)."""
        count = tf.reduce_sum(real, axis=1)[:, None] + 1e-3
        mean = tf.reduce_sum(context, axis=1) / count
        square = tf.reduce_sum(tf.square(context), axis=1) / count
        spread = tf.sqrt(tf.nn.relu(square - tf.square(mean)) + 1e-4)
        scores = self.attend(context) - 1e4 * (1.0 - real[..., None])
        attended = tf.einsum("pnh,pnc->phc", tf.nn.softmax(scores, axis=1), context)
        return tf.concat([mean, spread, tf.reshape(attended, (-1, 2 * self.context))], axis=1)

    def for_tokens(self, tokens: Sequence[str]) -> TokenPredictor:
        """The same predictor over another vocabulary. Raises SettingsError for a string that is no token."""
        other = TokenPredictor(**{**self.get_config(), "tokens": list(tokens)})
        other.set_weights(self.get_weights())
        return other

    def get_config(self) -> dict[str, Any]:
        """The arguments of :meth:`__init__`."""
        return {
            "tokens": list(self.tokens),
            "embedding": self.embedding,
            "context": self.context,
            "hidden": list(self.hidden),
            "dropout": self.dropout,
            "name": self.name,
        }


def correlations(guess: Any, wanted: Any) -> tuple[float, float]:
    """Pearson's r of valence and of arousal between (pieces, 2) arrays."""
    pairs = zip(np.asarray(guess).T, np.asarray(wanted).T, strict=True)
    valence, arousal = (float(np.corrcoef(g, w)[0, 1]) for g, w in pairs)
    return valence, arousal
