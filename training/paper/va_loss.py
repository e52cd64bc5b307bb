"""The valence and arousal loss of section 3.3.4, as it is printed and as one that can teach.

Both are callables (logits (pieces, positions, V) float32, targets (pieces, positions) int32, 0 where there is no token)
→ a scalar float32, usable in a compiled graph: the mean absolute error over (pieces, 2) between the valence and
arousal (1 to 9) of the true and of the predicted tokens. Position i of the logits predicts position i of the targets.

The paper takes an argmax of the probabilities, turns it into a MIDI file and asks a predictor about that
(:func:`as_printed`). An argmax is constant but where it jumps, so that its gradient is zero: whatever its weight, such
a loss adds a number to the curve and nothing to the training. :func:`differentiable` asks a predictor that reads
mixtures of tokens, in the graph and for the whole batch at once.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pipelines.errors import MidiError, SettingsError
from pipelines.records import VA_MIDDLE, Score
from pipelines.symbolic.midi import read_midi, write_midi
from pipelines.symbolic.tokens import Vocabulary, decode
from training.paper.objective import VaLoss
from training.paper.va_models import MidiPredictor, TokenPredictor
from training.paper.va_predictor import midi_features

RoundTrip = Callable[[Sequence[str], Path], Score]


def as_printed(vocabulary: Vocabulary, predictor: MidiPredictor) -> VaLoss:
    """The loss as the paper prints it: argmax, tokens, a MIDI file written and read again, the predictor of files.

    A piece whose tokens hold no note has no file; it is taken as the middle of the plane. The gradient with respect to
    the logits is None: the paper says nothing of how an argmax should pass one.
    """

    def heard(ids: Any) -> npt.NDArray[np.float32]:
        return predict_files([vocabulary.names(row[row != 0]) for row in ids.numpy()], predictor)

    def loss(logits: Any, targets: Any) -> Any:
        targets = tf.cast(targets, tf.int32)
        chosen = tf.where(targets != 0, tf.argmax(logits, axis=-1, output_type=tf.int32), 0)
        true, guessed = (tf.py_function(heard, [ids], tf.float32) for ids in (targets, chosen))
        return tf.reduce_mean(tf.abs(tf.ensure_shape(true, (None, 2)) - tf.ensure_shape(guessed, (None, 2))))

    return loss


def write_and_read(tokens: Sequence[str], folder: Path) -> Score:
    """Decode tokens, write them as a MIDI file and read that file. Raises MidiError when no note is among them."""
    path = folder / "piece.mid"
    write_midi(decode(tokens), path)
    return read_midi(path)


def predict_files(
    pieces: Sequence[Sequence[str]], predictor: MidiPredictor, *, round_trip: RoundTrip = write_and_read
) -> npt.NDArray[np.float32]:
    """Valence and arousal of token sequences by way of MIDI files: (pieces, 2) float32, the middle without notes."""
    found = np.full((len(pieces), 2), VA_MIDDLE, np.float32)
    rows, where = [], []
    with tempfile.TemporaryDirectory() as folder:
        for i, tokens in enumerate(pieces):
            try:
                rows.append(midi_features(round_trip(tokens, Path(folder))))
            except MidiError:
                continue
            where.append(i)
    if rows:
        found[where] = predictor(tf.constant(np.stack(rows))).numpy()
    return found


def differentiable(predictor: TokenPredictor, *, temperature: float = 1.0, gumbel: bool = False) -> VaLoss:
    """The loss that teaches: the predictor reads the softmax of the logits / `temperature`.

    With `gumbel`, it reads tokens drawn from the logits instead, one a position, and the gradient is that of the
    softened draw (straight-through Gumbel-softmax; Jang, Gu, Poole 2017, equation 2), noisier but of music as it will
    be played. On EIMG (`python -m training.paper.va_loss_bench`) the softmax lowers this loss most, but by mixtures
    that no argmax and no draw keeps; drawn tokens at λ1 = 1 move what is heard.

    The vocabulary is `predictor.tokens`. The predictor's own weights are left alone.

    Raises SettingsError for a temperature that is not above 0.
    """
    if not temperature > 0:
        raise SettingsError(f"The temperature cannot be {temperature:g}; choose a number above 0.")
    table = tf.stop_gradient(predictor.table())

    def loss(logits: Any, targets: Any) -> Any:
        targets = tf.cast(targets, tf.int32)
        real = targets != 0
        where, weights = tf.where(real), tf.cast(real, tf.float32)
        rows = _rows(tf.cast(tf.gather_nd(logits, where), tf.float32), table, temperature=temperature, gumbel=gumbel)
        shape = tf.concat([tf.shape(targets, tf.int64), [table.shape[1]]], axis=0)
        guessed = predictor.read(tf.scatter_nd(where, rows, shape), weights)
        true = predictor.read(tf.gather(table, targets) * weights[..., None], weights)
        return tf.reduce_mean(tf.abs(tf.stop_gradient(true) - guessed))

    return loss


def _rows(logits: Any, table: Any, *, temperature: float, gumbel: bool) -> Any:
    """What the predictor reads at tokens, (tokens, width), from their logits (tokens, V)."""
    if not gumbel:
        return tf.matmul(tf.nn.softmax(logits / temperature), table)
    uniform = tf.random.uniform(tf.shape(logits), minval=1e-7, maxval=1.0 - 1e-7)
    drawn = logits - tf.math.log(-tf.math.log(uniform))
    rows = tf.matmul(tf.nn.softmax(drawn / temperature), table)
    plain = tf.gather(table, tf.argmax(drawn, axis=-1, output_type=tf.int32))
    return rows + tf.stop_gradient(plain - rows)
