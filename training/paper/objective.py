"""The objective of section 3.3.4: λ1 · L_VA + λ2 · L_CC, and the cross-entropy by itself, as Keras takes them.

Both read targets (pieces, positions) int32, 0 for padding, and logits (pieces, positions, vocabulary) float32. L_CC is
a mean over the real tokens, in nats, as Keras's losses are, where the paper prints a sum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from training.paper.presets import LAMBDA_CC

VaLoss = Callable[[Any, Any], Any]


@dataclass(frozen=True, eq=False)
class VaTerm:
    """A valence and arousal loss and its kind, one of :data:`~training.paper.presets.VA_LOSSES`."""

    kind: str
    loss: VaLoss


def token_losses(targets: Any, logits: Any) -> tuple[Any, Any]:
    """Nats of every target, 0 at padding, and where the real targets are: (pieces, positions) float32 both."""
    real = ops.cast(targets > 0, "float32")
    losses = ops.sparse_categorical_crossentropy(targets, ops.cast(logits, "float32"), from_logits=True)
    return losses * real, real


def cross_entropy(targets: Any, logits: Any) -> Any:
    """L_CC a token in nats: the mean over the real tokens of a batch, a scalar float32."""
    losses, real = token_losses(targets, logits)
    return ops.sum(losses) / ops.maximum(ops.sum(real), 1)


class Objective(keras.losses.Loss):
    """L_total of a batch, a scalar. `va_loss` takes (logits, targets); without it only the cross-entropy counts."""

    def __init__(self, va_loss: VaLoss | None = None, lambda_va: float = 0.0) -> None:
        super().__init__(name="total")
        self.va_loss, self.lambda_va = va_loss, lambda_va

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The objective of targets and logits."""
        total = LAMBDA_CC * cross_entropy(y_true, y_pred)
        if self.va_loss is not None:
            total = total + self.lambda_va * ops.cast(self.va_loss(y_pred, y_true), "float32")
        return total


class CrossEntropy(keras.metrics.Metric):
    """Mean negative log-likelihood over all tokens of an epoch, in nats; `nats` and `tokens` are its two sums."""

    def __init__(self, name: str = "cross_entropy") -> None:
        super().__init__(name=name)
        self.nats = self.add_variable((), "zeros", name="nats")
        self.tokens = self.add_variable((), "zeros", name="tokens")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count the tokens of a batch."""
        losses, real = token_losses(y_true, y_pred)
        self.nats.assign_add(ops.sum(losses))
        self.tokens.assign_add(ops.sum(real))

    def result(self) -> Any:
        """Nats a token so far."""
        return self.nats / ops.maximum(self.tokens, 1)
