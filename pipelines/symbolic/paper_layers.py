"""Blocks that the symbolic paper's networks are stacked from, and those of the causal variant. Keras layers.

Conventions
-----------
Tokens are (batch, positions) int32 with 0 for padding, which only follows real tokens. States are (batch, positions,
width). Masks are boolean, true where something is. Every layer's `get_config` mirrors its `__init__`.

Source: sections 3.3.2 and 3.3.3 of "Emotion-Guided Image to Music Generation" for :class:`EncoderBlock` and
:class:`DecoderBlock`; Vaswani et al. 2017 (with the norm before each part, Xiong et al. 2020) for :class:`CausalBlock`.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

PACKAGE = "ekphonia"
FEED_FORWARD_FACTOR = 4


@keras.saving.register_keras_serializable(PACKAGE)
class TokensInPlace(keras.layers.Layer):
    """Embedding of a token plus that of its position: (batch, positions) to (batch, positions, width)."""

    def __init__(self, size: int, longest: int, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size, self.longest, self.width = size, longest, width
        self.token = keras.layers.Embedding(
            size, width, embeddings_initializer=keras.initializers.RandomNormal(0, 0.05)
        )
        self.place = keras.layers.Embedding(longest, width)

    def build(self, input_shape: Any) -> None:
        """Make the weights."""
        self.token.build(input_shape)
        self.place.build(input_shape)

    def call(self, tokens: Any, first: Any = 0) -> Any:
        """Embed tokens whose first stands at position `first`."""
        return self.token(tokens) + self.place(first + ops.arange(ops.shape(tokens)[1]))

    def get_config(self) -> dict[str, Any]:
        """What `__init__` takes."""
        return {**super().get_config(), "size": self.size, "longest": self.longest, "width": self.width}


@keras.saving.register_keras_serializable(PACKAGE)
class EncoderBlock(keras.layers.Layer):
    """Multi-head self-attention and a feed-forward part, each added to its input and layer-normalised.

    The paper names attention and normalisation; the feed-forward part and the sums are those of the transformer that it
    cites, without which three blocks could hardly be trained.
    """

    def __init__(self, width: int, heads: int, dropout: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width, self.heads, self.dropout = width, heads, dropout
        self.attention = keras.layers.MultiHeadAttention(heads, width // heads)
        self.wide = keras.layers.Dense(FEED_FORWARD_FACTOR * width, activation="relu")
        self.narrow = keras.layers.Dense(width)
        self.norms = [keras.layers.LayerNormalization(epsilon=1e-6) for _ in range(2)]
        self.drop = keras.layers.Dropout(dropout)

    def build(self, input_shape: Any) -> None:
        """Make the weights."""
        self.attention.build(input_shape, input_shape)
        self.wide.build(input_shape)
        self.narrow.build((*input_shape[:-1], FEED_FORWARD_FACTOR * self.width))
        for norm in self.norms:
            norm.build(input_shape)

    def call(self, x: Any, real: Any, training: bool = False) -> Any:
        """Let the states (batch, positions, width) look at those where `real` (batch, positions) is true."""
        seen = self.attention(x, x, attention_mask=real[:, None, :])
        x = self.norms[0](x + self.drop(seen, training=training))
        return self.norms[1](x + self.drop(self.narrow(self.wide(x)), training=training))

    def get_config(self) -> dict[str, Any]:
        """What `__init__` takes."""
        return {**super().get_config(), "width": self.width, "heads": self.heads, "dropout": self.dropout}


@keras.saving.register_keras_serializable(PACKAGE)
class DecoderBlock(keras.layers.Layer):
    """Multi-head attention, flattening, layer normalisation and a dense layer with ReLU, in that order (3.3.3).

    In and out: (batch, 2, width), the picture's and the music's vector. Only with more than one position does
    attention attend and flattening flatten, hence two; the dense layer gives two again for the next block.
    """

    PLACES = 2

    def __init__(self, width: int, heads: int, dropout: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width, self.heads, self.dropout = width, heads, dropout
        self.attention = keras.layers.MultiHeadAttention(heads, width // heads)
        self.norm = keras.layers.LayerNormalization(epsilon=1e-6)
        self.dense = keras.layers.Dense(self.PLACES * width, activation="relu")
        self.drop = keras.layers.Dropout(dropout)

    def build(self, input_shape: Any) -> None:
        """Make the weights."""
        self.attention.build(input_shape, input_shape)
        flat = (input_shape[0], self.PLACES * self.width)
        self.norm.build(flat)
        self.dense.build(flat)

    def call(self, x: Any, training: bool = False) -> Any:
        """Refine the two vectors."""
        flat = ops.reshape(self.attention(x, x), (-1, self.PLACES * self.width))
        refined = self.drop(self.dense(self.norm(flat)), training=training)
        return ops.reshape(refined, (-1, self.PLACES, self.width))

    def get_config(self) -> dict[str, Any]:
        """What `__init__` takes."""
        return {**super().get_config(), "width": self.width, "heads": self.heads, "dropout": self.dropout}


@keras.saving.register_keras_serializable(PACKAGE)
class CausalBlock(keras.layers.Layer):
    """Causal self-attention, attention to a memory, and a feed-forward part, each added to what it read."""

    def __init__(self, width: int, heads: int, dropout: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width, self.heads, self.dropout = width, heads, dropout
        dense = keras.layers.Dense
        self.own, self.own_out = dense(3 * width, use_bias=False), dense(width)
        self.ask, self.answer, self.answer_out = dense(width, use_bias=False), dense(2 * width), dense(width)
        self.wide, self.narrow = dense(FEED_FORWARD_FACTOR * width, activation="gelu"), dense(width)
        self.norms = [keras.layers.LayerNormalization(epsilon=1e-6) for _ in range(3)]
        self.drop = keras.layers.Dropout(dropout)

    def build(self, input_shape: Any) -> None:
        """Make the weights."""
        state = (None, None, self.width)
        for layer in (self.own, self.own_out, self.ask, self.answer, self.answer_out, self.wide, *self.norms):
            layer.build(state)
        self.narrow.build((None, None, FEED_FORWARD_FACTOR * self.width))

    def _split(self, x: Any, parts: int) -> list[Any]:
        """(batch, positions, parts · width) to `parts` of (batch, positions, heads, width / heads)."""
        shape = ops.shape(x)
        cut = ops.reshape(x, (shape[0], shape[1], parts, self.heads, self.width // self.heads))
        return [cut[:, :, i] for i in range(parts)]

    def _join(self, x: Any) -> Any:
        return ops.reshape(x, (*ops.shape(x)[:2], self.width))

    def memorise(self, memory: Any) -> tuple[Any, Any]:
        """Keys and values of a memory (batch, places, width)."""
        keys, values = self._split(self.answer(memory), 2)
        return keys, values

    def _rest(self, x: Any, seen: Any, memory: tuple[Any, Any], training: bool) -> Any:
        """What follows self-attention."""
        x = x + self.drop(self.own_out(self._join(seen)), training=training)
        (asked,) = self._split(self.ask(self.norms[1](x)), 1)
        found = ops.dot_product_attention(asked, *memory)
        x = x + self.drop(self.answer_out(self._join(found)), training=training)
        return x + self.drop(self.narrow(self.wide(self.norms[2](x))), training=training)

    def call(self, x: Any, memory: Any, training: bool = False) -> Any:
        """All positions at once: states (batch, positions, width) and a memory (batch, places, width)."""
        query, key, value = self._split(self.own(self.norms[0](x)), 3)
        seen = ops.dot_product_attention(query, key, value, is_causal=True)
        return self._rest(x, seen, self.memorise(memory), training)

    def step(self, x: Any, cache: Any, position: Any, memory: tuple[Any, Any]) -> tuple[Any, Any]:
        """One position (batch, 1, width), given the keys and values before it.

        `cache` is (2, batch, longest, heads, width / heads), keys and values. Returns the state and
        the cache with this position's keys and values written.
        """
        query, key, value = self._split(self.own(self.norms[0](x)), 3)
        cache = ops.slice_update(cache, (0, 0, position, 0, 0), ops.stack((key, value)))
        until = ops.arange(ops.shape(cache)[2]) <= position
        seen = ops.dot_product_attention(query, cache[0], cache[1], mask=until[None, None, None])
        return self._rest(x, seen, memory, False), cache

    def get_config(self) -> dict[str, Any]:
        """What `__init__` takes."""
        return {**super().get_config(), "width": self.width, "heads": self.heads, "dropout": self.dropout}
