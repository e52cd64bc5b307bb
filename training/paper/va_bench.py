"""What the parts of the losses' bench share: sizes, the held-out pieces, the predictors, the losses by name.

Half of the pieces that the predictors were not fitted on are for choosing (validation), half for reporting (test): that
half which holds the pairs' own test pieces (:func:`training.paper.va_predictor.split`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pipelines.symbolic.tokens import Vocabulary, build_vocabulary
from training.paper.objective import VaLoss
from training.paper.va_fit import Floats, Ids, pad
from training.paper.va_loss import as_printed, differentiable
from training.paper.va_models import MidiPredictor, TokenPredictor
from training.paper.va_predictor import load_midi_predictor, load_sequences, load_token_predictor, split


@dataclass(frozen=True)
class BenchSettings:
    """Sizes: positions are tokens, `free_*` of the free logits, the rest of the small model."""

    vocabulary: int = 977  # the paper's, padding not counted; EIMG whole has five times as many, most of them rare
    positions: int = 160
    pairs: int = 16
    repeats: int = 5
    free_pieces: int = 16
    free_steps: int = 40
    free_rate: float = 0.25
    free_lambdas: tuple[float, ...] = (10.0,)
    small_pieces: int = 1200
    small_positions: int = 96
    small_lambdas: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0)
    epochs_before: int = 10
    epochs_with: int = 3


@dataclass(frozen=True, eq=False)
class Bench:
    """What all parts share: vocabulary, predictors, ids (pieces, positions), ratings (pieces, 2), rows of each part."""

    vocabulary: Vocabulary
    midi: MidiPredictor
    token: TokenPredictor
    ids: Ids
    wanted: Floats
    fitted: Any
    validation: Any
    test: Any

    @property
    def printed(self) -> VaLoss:
        """The paper's loss."""
        return as_printed(self.vocabulary, self.midi)


def load_bench(folder: Path, settings: BenchSettings) -> Bench:
    """Read predictors and pieces. Raises DataMissingError, ModelMissingError, WeightsError."""
    sequences, wanted = load_sequences(folder)
    fitted, held = split(len(sequences))
    counted = build_vocabulary(sequences[row] for row in fitted)
    vocabulary = Vocabulary(counted.tokens[: settings.vocabulary + 1])  # other tokens go to the nearest
    ids = pad([vocabulary.ids(tokens) for tokens in sequences], settings.positions)
    half = len(held) // 2
    midi, token = load_midi_predictor(folder), load_token_predictor(folder).for_tokens(vocabulary.tokens)
    return Bench(vocabulary, midi, token, ids, wanted, fitted, held[half:], held[:half])


def like_a_model(ids: Ids, size: int, *, sure: float = 6.0, seed: int = 0) -> Any:
    """Logits that are fairly sure of these tokens: noise of sd 1, `sure` more for the token that stands there."""
    noise = np.random.default_rng(seed).normal(size=(*ids.shape, size)).astype(np.float32)
    return tf.constant(noise + sure * np.eye(size, dtype=np.float32)[ids])


def named_losses(bench: Bench) -> list[tuple[str, VaLoss]]:
    """The three losses by the names of the tables."""
    return [
        ("(a) as printed", bench.printed),
        ("(b) softmax", differentiable(bench.token)),
        ("(b) Gumbel, straight-through", differentiable(bench.token, gumbel=True)),
    ]
