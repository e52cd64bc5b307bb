"""Batches for MusicGen: tokens by the delay pattern, texts, and which pairs come when.

Conventions
-----------
Codes are (batch, codebooks, frames) int64, a frame 1/50 s. By the delay pattern (Copet et al. 2023, section 2.2)
codebook c comes c positions late: a sequence has frames + codebooks columns, the first all pad, column p of codebook c
showing frame p - 1 - c; the pad token fills the rest. Inputs are all columns but the last, targets all but the first,
with :data:`IGNORED` where no frame of the music stands. A stereo model has two codebooks to each delay.

What a step sees is a function of the seed and its number alone: order, place of the cut, dropped texts. So a run that
was killed goes on as if it had not been, and any number of processes and parts learn from the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pipelines.errors import SettingsError
from pipelines.waveform.musicgen_loading import SAMPLE_RATE_HZ, SAMPLES_PER_FRAME

IGNORED = -100
FRAMES_PER_S = SAMPLE_RATE_HZ // SAMPLES_PER_FRAME


def frames_in(seconds: float) -> int:
    """Frames of codes in a length; raises SettingsError for less than a frame or no end."""
    frames = round(seconds * FRAMES_PER_S) if math.isfinite(seconds) else 0
    if frames < 1:
        raise SettingsError(f"A clip cannot last {seconds:g} seconds; choose {1 / FRAMES_PER_S:g}, a frame, or more.")
    return frames


@dataclass(frozen=True, eq=False)
class Batch:
    """What a step learns from, `None` where another field stands for it.

    Music: `sound` (b, 1, samples) float32 or `codes` (b, codebooks, frames) int64; `frames` (b,) says how many are
    real. Text: `ids` (b, words) int64 or `states` (b, words, width) float32, what the text encoder made; `words`
    (b, words) bool, which are real. `lower` (b, positions, width) is what the frozen layers made. `told` (b,) bool is
    False where the text is dropped.
    """

    frames: Tensor
    words: Tensor
    told: Tensor
    sound: Tensor | None = None
    codes: Tensor | None = None
    ids: Tensor | None = None
    states: Tensor | None = None
    lower: Tensor | None = None

    def to(self, device: torch.device | str) -> Batch:
        """The same on a device."""
        there = {each.name: getattr(self, each.name) for each in fields(self)}
        moved = {name: value.to(device, non_blocking=True) for name, value in there.items() if value is not None}
        return replace(self, **moved)


@dataclass(frozen=True, eq=False)
class Draw:
    """A pair in a step: its number, whether its text is told, dice for the place of its cut (None: its beginning)."""

    pair: int
    told: bool = True
    dice: np.random.Generator | None = None


class Source(Protocol):
    """A data set of pairs that makes batches."""

    def __len__(self) -> int:
        """Number of pairs."""

    def batch(self, draws: Sequence[Draw]) -> Batch:
        """The pairs drawn, cut to the source's length."""


def delayed(codes: Tensor, pad: int, *, channels: int = 1) -> Tensor:
    """Codes (b, codebooks, frames) by the delay pattern: (b, codebooks, frames + codebooks / channels)."""
    books = codes.shape[1] // channels
    rows = [
        F.pad(codes[:, book], (1 + book // channels, books - 1 - book // channels), value=pad)
        for book in range(codes.shape[1])
    ]
    return torch.stack(rows, dim=1)


def targets(codes: Tensor, frames: Tensor, *, channels: int = 1) -> Tensor:
    """What is to be predicted, (b, codebooks, frames + codebooks / channels - 1).

    :data:`IGNORED` where the pattern pads and past the `frames` (b,) that are real.
    """
    return delayed(_until(codes, frames, IGNORED), IGNORED, channels=channels)[..., 1:]


def inputs(codes: Tensor, frames: Tensor, pad: int, *, channels: int = 1) -> Tensor:
    """What the decoder reads to predict :func:`targets`: the same shape, pad where those are ignored."""
    return delayed(_until(codes, frames, pad), pad, channels=channels)[..., :-1]


def _until(codes: Tensor, frames: Tensor, value: int) -> Tensor:
    """Codes with a value past the frames that are real."""
    real = torch.arange(codes.shape[2], device=codes.device) < frames[:, None, None]
    return codes.masked_fill(~real, value)


def epoch_order(count: int, seed: int, epoch: int) -> list[int]:
    """The pairs' order in an epoch."""
    return [int(number) for number in np.random.default_rng([seed, 1, epoch]).permutation(count)]


def step_draws(count: int, batch: int, *, seed: int, step: int, dropped: float) -> list[Draw]:
    """The pairs of a step: the next `batch` in the epochs' orders, laid end to end.

    Each text is dropped with probability `dropped` (classifier-free guidance, Ho and Salimans 2022).
    """
    places = [divmod(place, count) for place in range(step * batch, (step + 1) * batch)]
    orders = {epoch: epoch_order(count, seed, epoch) for epoch in {epoch for epoch, _ in places}}
    told = np.random.default_rng([seed, 2, step]).random(batch) >= dropped
    return [
        Draw(orders[epoch][within], bool(told[number]), np.random.default_rng([seed, 3, step, number]))
        for number, (epoch, within) in enumerate(places)
    ]


def in_parts(draws: Sequence[Draw], size: int) -> list[Sequence[Draw]]:
    """Consecutive parts of at most `size`."""
    return [draws[first : first + size] for first in range(0, len(draws), size)]
