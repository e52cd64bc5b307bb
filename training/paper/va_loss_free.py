"""Free logits: a piece's own tokens, not a model's, are moved by each loss towards the emotion of another piece.

Every run begins with the same logits and takes the same steps; the cross-entropy with the first piece is kept, so that
what changes is what the emotion asks for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from training.paper.objective import Objective, VaLoss, cross_entropy
from training.paper.va_bench import Bench, BenchSettings, like_a_model, named_losses
from training.paper.va_fit import Floats, Ids
from training.paper.va_loss_small import distance, heard, no_loss


def free_logits(bench: Bench, settings: BenchSettings) -> list[tuple[str, ...]]:
    """Rows of cross-entropy kept and distance of heard from wanted, at the start and after each loss."""
    rows = bench.test[: settings.free_pieces]
    own, asked = _cut_alike(bench.ids[rows], bench.ids[np.roll(rows, 1)])
    wanted = bench.wanted[np.roll(rows, 1)]
    begin = like_a_model(own, bench.vocabulary.size)
    found = [("start", "", *_free_row(begin, own, wanted, bench))]
    runs: list[tuple[str, float, VaLoss]] = [("cross-entropy alone", 0.0, no_loss)]
    runs += [(name, weight, loss) for weight in settings.free_lambdas for name, loss in named_losses(bench)]
    for name, weight, loss in tqdm(runs, desc="free logits", file=sys.stderr):
        logits = tf.Variable(begin)
        optimizer = keras.optimizers.Adam(settings.free_rate)
        optimizer.build([logits])
        learn = _free_step(loss, weight, logits, optimizer, own, asked)
        tf.random.set_seed(0)
        for _ in range(settings.free_steps):
            learn()
        found.append((name, f"{weight:g}", *_free_row(logits, own, wanted, bench)))
    return found


def _cut_alike(own: Ids, asked: Ids) -> tuple[Ids, Ids]:
    both = (own != 0) & (asked != 0)
    return np.where(both, own, 0), np.where(both, asked, 0)


def _free_step(loss: VaLoss, weight: float, logits: Any, optimizer: Any, own: Ids, asked: Ids) -> Callable[[], None]:
    objective = Objective(lambda got, _: loss(got, tf.constant(asked)), weight)

    @tf.function
    def learn() -> None:
        with tf.GradientTape() as tape:
            total = objective(tf.constant(own), logits)
        optimizer.apply([tape.gradient(total, logits)], [logits])

    return learn


def _free_row(logits: Any, own: Ids, wanted: Floats, bench: Bench) -> tuple[str, ...]:
    ids = np.where(own != 0, logits.numpy().argmax(axis=2), 0)
    changed = (ids != own)[own != 0].mean()
    kept = float(cross_entropy(tf.constant(own), logits))
    return f"{kept:.3f}", f"{changed:.1%}", f"{distance(heard(ids, bench.vocabulary), wanted):.3f}"
