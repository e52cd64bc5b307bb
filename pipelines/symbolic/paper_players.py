"""Fixed-shape graphs that give the logits of the next token: one for each kind of the paper's models.

A player is called with the tokens (rows,) of one position after another, from 0 on, and returns logits (rows,
vocabulary) float32; `keep` leaves out rows that have ended. The causal player keeps keys and values, so that a token
costs one position's work; the prefix player encodes the whole beginning again for each token, as the paper's model
must. Lengths go in steps of :data:`STRIDE`, so that little is computed for positions to come and few shapes are met.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

if TYPE_CHECKING:
    from pipelines.symbolic.paper_model import SampleSettings

STRIDE = 8
KEEP = "_ekphonia_graph"


def _graph(model: Any, function: Any, signature: list[Any]) -> Any:
    """The function compiled, once a model, whatever rows and lengths it meets."""
    if not hasattr(model, KEEP):
        object.__setattr__(model, KEEP, tf.function(function, input_signature=signature))
    return getattr(model, KEEP)


class PrefixPlayer:
    """Logits by encoding the whole beginning for every token."""

    def __init__(self, model: Any, images: npt.NDArray[np.float32], va: Any, settings: SampleSettings) -> None:
        self.images = tf.constant(images, tf.float32)
        self.tokens = np.zeros((len(images), -(-model.longest // STRIDE) * STRIDE), np.int32)
        self.longest = model.longest
        signature = [tf.TensorSpec((None, model.image_width)), tf.TensorSpec((None, None), tf.int32)]
        self.graph = _graph(
            model, lambda image, tokens: model.next_logits({"image": image, "tokens": tokens}), signature
        )

    def __call__(self, tokens: npt.NDArray[np.int64], position: int) -> npt.NDArray[np.float32]:
        """Logits after one more token a row."""
        self.tokens[:, position] = tokens
        until = min(self.longest, -(-(position + 1) // STRIDE) * STRIDE)
        logits: npt.NDArray[np.float32] = self.graph(self.images, tf.constant(self.tokens[:, :until])).numpy()
        return logits

    def keep(self, going: npt.NDArray[np.bool_]) -> None:
        """Play on with the rows for which `going` (rows,) is true."""
        self.images, self.tokens = tf.boolean_mask(self.images, going), self.tokens[going]


class CausalPlayer:
    """Logits by one position's work, keys and values kept; with guidance a second set of rows knows no condition."""

    def __init__(
        self, model: Any, images: npt.NDArray[np.float32], va: npt.NDArray[np.float32], settings: SampleSettings
    ) -> None:
        self.guidance = settings.guidance
        self.copies = 1 if settings.guidance == 1.0 else 2
        if self.copies == 2:
            images, va = (np.concatenate((x, np.full_like(x, np.nan))) for x in (images, va))
        memory = model.remember({"image": tf.constant(images), "va": tf.constant(va)})
        self.memory = [block.memorise(memory) for block in model.blocks]
        shape = (model.block_count, 2, len(images), STRIDE, model.heads, model.width // model.heads)
        self.caches = tf.zeros(shape, self.memory[0][0].dtype)
        held = tf.TensorSpec((None, *self.memory[0][0].shape[1:]), self.caches.dtype)
        caches = tf.TensorSpec((*shape[:2], None, None, *shape[4:]), self.caches.dtype)
        places = [tf.TensorSpec((None, 1), tf.int32), tf.TensorSpec((), tf.int32)]
        self.graph = _graph(model, model.step, [*places, caches, [(held, held)] * model.block_count])

    def __call__(self, tokens: npt.NDArray[np.int64], position: int) -> npt.NDArray[np.float32]:
        """Logits after one more token a row."""
        if position == self.caches.shape[3]:
            self.caches = tf.concat((self.caches, tf.zeros_like(self.caches[:, :, :, :STRIDE])), axis=3)
        row = tf.constant(np.tile(tokens, self.copies)[:, None].astype(np.int32))
        logits, self.caches = self.graph(row, tf.constant(position), self.caches, self.memory)
        found: npt.NDArray[np.float32] = logits.numpy()
        if self.copies == 1:
            return found
        known, unknown = np.split(found, 2)
        return unknown + np.float32(self.guidance) * (known - unknown)

    def keep(self, going: npt.NDArray[np.bool_]) -> None:
        """Play on with the rows for which `going` (rows,) is true."""
        rows = np.flatnonzero(np.tile(going, self.copies))
        self.caches = tf.gather(self.caches, rows, axis=2)
        self.memory = [tuple(tf.gather(part, rows) for part in block) for block in self.memory]
