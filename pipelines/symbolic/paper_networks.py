"""The symbolic paper's network and its causal variant: picture and tokens in, logits of each next token out.

In: a dict of `image` (pieces, features) float32, `tokens` (pieces, positions) int32 (0 for padding, which follows the
real tokens) and, for the causal one, `va` (pieces, 2) float32, valence and arousal on 1 to 9, or nan where unknown.
Out: logits (pieces, positions, vocabulary) float32; those at position i are of the token after it.

:class:`PrefixNetwork` is the paper's: each beginning of a piece is encoded anew, pooled to one vector, and one token is
predicted from it. :class:`CausalNetwork` reads a piece once and predicts after every token.

Where the paper (sections 3.2 to 3.5, figure 2) leaves a choice, it was made so:

* Positions: a learned embedding of the position is added. Attention and average pooling alone see a bag of tokens and
  could not tell which one came last.
* Pooling is over the real tokens only.
* Merging: the picture's vector and the music's, both of the model's width, stand side by side as two positions for the
  decoder blocks. Without decoder blocks they are joined to one vector, which a dense layer with ReLU reads; in the
  baseline they are added, as Mendis and Bandara do.
* Width, heads and dropout are not printed: 256 (Mendis and Bandara's), 4 and 0.1 by default.
* The LSTM baseline: since an LSTM's state after token i depends on nothing later, the states of all beginnings of a
  piece are those of one pass over it. It is the same function as encoding each beginning apart, an N-th of the work.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from pipelines.records import VA_MAX, VA_MIDDLE
from pipelines.symbolic.paper_layers import PACKAGE, CausalBlock, DecoderBlock, EncoderBlock, TokensInPlace

LSTM, TRANSFORMER = "lstm", "transformer"


@keras.saving.register_keras_serializable(PACKAGE)
class PrefixNetwork(keras.Model):
    """The paper's network. `encoder` is "transformer" or "lstm"; `vocabulary` the tokens by id, padding first."""

    def __init__(
        self,
        vocabulary: list[str],
        image_encoder: str,
        image_width: int,
        encoder: str = TRANSFORMER,
        encoder_blocks: int = 3,
        decoder_blocks: int = 3,
        longest: int = 256,
        width: int = 256,
        heads: int = 4,
        dropout: float = 0.1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.vocabulary, self.image_encoder, self.image_width = list(vocabulary), image_encoder, image_width
        self.encoder, self.encoder_blocks, self.decoder_blocks = encoder, encoder_blocks, decoder_blocks
        self.longest, self.width, self.heads, self.dropout = longest, width, heads, dropout
        self.look = keras.layers.Dense(width, activation="relu")
        self.embed = TokensInPlace(len(vocabulary), longest, width)
        block = (
            (lambda: keras.layers.LSTM(width, return_sequences=True))
            if encoder == LSTM
            else (lambda: EncoderBlock(width, heads, dropout))
        )
        self.readers = [block() for _ in range(encoder_blocks)]
        self.deciders = [DecoderBlock(width, heads, dropout) for _ in range(decoder_blocks)]
        self.dense = None if decoder_blocks else keras.layers.Dense(width, activation="relu")
        self.head = keras.layers.Dense(len(vocabulary), dtype="float32")
        self.drop = keras.layers.Dropout(dropout)

    def build(self, input_shape: Any = None) -> None:
        """Make all weights; their shapes follow from the configuration alone."""
        states, pair = (None, None, self.width), (None, DecoderBlock.PLACES, self.width)
        self.look.build((None, self.image_width))
        self.embed.build((None, None))
        for reader in self.readers:
            reader.build(states)
        for decider in self.deciders:
            decider.build(pair)
        if self.dense:
            self.dense.build((None, self.width * (1 if self.encoder == LSTM else 2)))
        self.head.build((None, self.width * (2 if self.decoder_blocks else 1)))
        self.built = True

    def call(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """Logits after every position of every piece."""
        tokens = inputs["tokens"]
        pieces, positions = ops.shape(tokens)
        if self.encoder == LSTM:
            music = ops.reshape(self._recur(tokens, training), (-1, self.width))
        else:
            reached = ops.tril(ops.ones((positions, positions), tokens.dtype))
            music = self._pool(ops.reshape(tokens[:, None] * reached[None], (-1, positions)), training)
        picture = ops.repeat(self.drop(self.look(inputs["image"]), training=training), positions, axis=0)
        return ops.reshape(self._decide(picture, music, training), (pieces, positions, len(self.vocabulary)))

    def next_logits(self, inputs: dict[str, Any]) -> Any:
        """Logits (pieces, vocabulary) of the token after the last real one of each piece: one beginning apiece."""
        tokens = inputs["tokens"]
        if self.encoder == LSTM:
            last = ops.count_nonzero(tokens, axis=1) - 1
            states = self._recur(tokens, False)
            music = ops.take_along_axis(states, last[:, None, None], axis=1)[:, 0]
        else:
            music = self._pool(tokens, False)
        return self._decide(self.look(inputs["image"]), music, False)

    def _recur(self, tokens: Any, training: bool) -> Any:
        """States of the LSTM after every position, (pieces, positions, width)."""
        x = self.drop(self.embed(tokens), training=training)
        for reader in self.readers:
            x = reader(x, training=training)
        return x

    def _pool(self, prefixes: Any, training: bool) -> Any:
        """Vectors of beginnings (n, positions), (n, width)."""
        real = prefixes > 0
        x = self.drop(self.embed(prefixes), training=training)
        for reader in self.readers:
            x = reader(x, real, training=training)
        share = ops.cast(real, x.dtype)
        share = share / ops.maximum(ops.sum(share, axis=1, keepdims=True), 1)
        return ops.sum(x * share[..., None], axis=1)

    def _decide(self, picture: Any, music: Any, training: bool) -> Any:
        """Logits (n, vocabulary) from the two vectors (n, width) each."""
        if self.dense:
            merged = picture + music if self.encoder == LSTM else ops.concatenate((picture, music), axis=-1)
            return self.head(self.drop(self.dense(merged), training=training))
        x = ops.stack((picture, music), axis=1)
        for decider in self.deciders:
            x = decider(x, training=training)
        return self.head(ops.reshape(x, (-1, DecoderBlock.PLACES * self.width)))

    def get_config(self) -> dict[str, Any]:
        """What `__init__` takes."""
        names = ["vocabulary", "image_encoder", "image_width", "encoder", "encoder_blocks", "decoder_blocks"]
        names += ["longest", "width", "heads", "dropout"]
        return {"name": self.name, **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable(PACKAGE)
class CausalNetwork(keras.Model):
    """Ours: causal self-attention over the tokens, cross-attention to the picture and to valence and arousal.

    The memory has `image_places` positions made from the picture's features and one from valence and arousal. In
    training the picture and the emotion of a piece are each forgotten with the probability `forget`, their places
    taken by learned vectors: the model also plays from one of the two, and guidance can lean on the difference.
    """

    def __init__(
        self,
        vocabulary: list[str],
        image_encoder: str,
        image_width: int,
        blocks: int = 3,
        longest: int = 256,
        width: int = 256,
        heads: int = 4,
        dropout: float = 0.1,
        image_places: int = 4,
        forget: float = 0.15,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.vocabulary, self.image_encoder, self.image_width = list(vocabulary), image_encoder, image_width
        self.block_count, self.longest, self.width, self.heads = blocks, longest, width, heads
        self.dropout, self.image_places, self.forget = dropout, image_places, forget
        self.look = keras.layers.Dense(image_places * width)
        self.feel = keras.Sequential([keras.layers.Dense(width, activation="gelu"), keras.layers.Dense(width)])
        self.embed = TokensInPlace(len(vocabulary), longest, width)
        self.blocks = [CausalBlock(width, heads, dropout) for _ in range(blocks)]
        self.norm = keras.layers.LayerNormalization(epsilon=1e-6)
        self.head = keras.layers.Dense(len(vocabulary), dtype="float32")
        self.drop = keras.layers.Dropout(dropout)
        self.seed = keras.random.SeedGenerator(0)

    def build(self, input_shape: Any = None) -> None:
        """Make all weights; their shapes follow from the configuration alone."""
        self.look.build((None, self.image_width))
        self.feel.build((None, 2))
        self.embed.build((None, None))
        for layer in (*self.blocks, self.norm, self.head):
            layer.build((None, None, self.width))
        self.unknown = self.add_weight(shape=(self.image_places + 1, self.width), name="unknown")
        self.built = True

    def remember(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """The memory (pieces, places, width). A picture or emotion that is nan is unknown."""
        image, va = inputs["image"], inputs["va"]
        known = ops.stack([~ops.any(ops.isnan(x), axis=1) for x in (image, va)], axis=1)
        if training:
            known = known & (keras.random.uniform(ops.shape(known), seed=self.seed) >= self.forget)
        image = self.drop(ops.where(known[:, :1], image, 0.0), training=training)
        va = (ops.where(known[:, 1:], va, VA_MIDDLE) - VA_MIDDLE) / (VA_MAX - VA_MIDDLE)
        picture = ops.reshape(self.look(image), (-1, self.image_places, self.width))
        places = ops.concatenate((picture, self.feel(va)[:, None]), axis=1)
        known = ops.repeat(known, np.array([self.image_places, 1]), axis=1)
        return ops.where(known[..., None], places, ops.cast(self.unknown, places.dtype))

    def call(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """Logits after every position of every piece, all in one pass."""
        memory = self.remember(inputs, training)
        x = self.drop(self.embed(inputs["tokens"]), training=training)
        for block in self.blocks:
            x = block(x, memory, training=training)
        return self.head(self.norm(x))

    def step(self, token: Any, position: Any, caches: Any, memory: Any) -> tuple[Any, Any]:
        """Logits (pieces, vocabulary) after one more token (pieces, 1) at a position, and the caches with it written.

        `caches` is (blocks, 2, pieces, longest, heads, width / heads), `memory` a list of each block's keys and values.
        """
        x = self.embed(token, position)
        written = []
        for i, block in enumerate(self.blocks):
            x, cache = block.step(x, caches[i], position, memory[i])
            written.append(cache)
        return self.head(self.norm(x))[:, 0], ops.stack(written)

    def get_config(self) -> dict[str, Any]:
        """What `__init__` takes."""
        names = ["vocabulary", "image_encoder", "image_width", "longest", "width", "heads", "dropout"]
        names += ["image_places", "forget"]
        return {"name": self.name, "blocks": self.block_count, **{name: getattr(self, name) for name in names}}
