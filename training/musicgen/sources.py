"""Where batches come from: sound and texts as they are, encoded in every step, or codes and texts encoded beforehand.

:class:`RawSource` serves Emotive, Narrative and Lyrical as the paper trains them; :class:`StoredSource` serves
Optimized, and any other variant whose encoders' work is to be done once (precompute.py writes what it reads).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipelines.errors import DataMissingError
from pipelines.waveform.musicgen_loading import LONGEST_TOKENS, SAMPLE_RATE_HZ, SAMPLES_PER_FRAME
from training.musicgen.batches import Batch, Draw, frames_in
from training.musicgen.pairs import Pair
from training.musicgen.precompute import Shards, Stored
from training.musicgen.sound import length_of, read_sound


def told(draws: Sequence[Draw]) -> Tensor:
    """Which texts are told, (b,) bool."""
    return torch.tensor([draw.told for draw in draws])


def start_of(draw: Draw, spare: int) -> int:
    """Where a cut begins, 0 to `spare` frames."""
    return 0 if draw.dice is None or spare <= 0 else int(draw.dice.integers(spare + 1))


@dataclass(frozen=True, eq=False)
class RawSource:
    """Pairs with their texts; `tokenizer` is the model's. A cut begins at a whole frame of the music."""

    pairs: Sequence[Pair]
    texts: Sequence[str]
    tokenizer: Any
    clip_s: float

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.pairs)

    def batch(self, draws: Sequence[Draw]) -> Batch:
        """The pairs drawn; raises SoundError for sound that cannot be read or has another rate."""
        longest = frames_in(self.clip_s)
        sounds = [self._cut(draw, longest) for draw in draws]
        frames = torch.tensor([-(-len(sound) // SAMPLES_PER_FRAME) for sound in sounds])
        length = longest * SAMPLES_PER_FRAME
        sound = np.stack([np.pad(each, (0, length - len(each))) for each in sounds])
        encoded = self.tokenizer(
            [self.texts[draw.pair] for draw in draws],
            return_tensors="pt",
            padding=True,
            truncation=True,
            max_length=LONGEST_TOKENS,
        )
        words = encoded.attention_mask.bool()
        return Batch(frames, words, told(draws), sound=torch.from_numpy(sound)[:, None], ids=encoded.input_ids)

    def _cut(self, draw: Draw, longest: int) -> np.ndarray:
        path = self.pairs[draw.pair].sound
        start = start_of(draw, length_of(path) // SAMPLES_PER_FRAME - longest)
        return read_sound(path, SAMPLE_RATE_HZ, start=start * SAMPLES_PER_FRAME, frames=longest * SAMPLES_PER_FRAME)


class StoredSource:
    """What precompute.py stored of a split, by memory-mapped shards.

    With stored lower states (`use_lower`) a clip always begins at the music's beginning, since those states hold its
    place. Raises DataMissingError where a part has not been stored, SettingsError where it is of another length.
    """

    def __init__(self, stored: Stored, split: str, condition: str, *, clip_s: float, use_lower: bool = False) -> None:
        self._frames, self._use_lower = frames_in(clip_s), use_lower
        self._codes: Shards = stored.codes(split)
        self._texts: Shards = stored.texts(split, condition)
        self._lower: Shards | None = stored.lower(split, condition) if use_lower else None
        if len(self._codes) != len(self._texts):
            raise DataMissingError(
                f"{len(self._codes)} pieces of music and {len(self._texts)} texts are stored for {split}; run "
                f"`python -m training.musicgen.precompute` again."
            )

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self._codes)

    def batch(self, draws: Sequence[Draw]) -> Batch:
        """The pairs drawn."""
        codes, frames = [], []
        for draw in draws:
            row = self._codes.row(draw.pair)
            real = int(row["frames"])
            start = 0 if self._use_lower else start_of(draw, real - self._frames)
            codes.append(_to_length(row["codes"][:, start : start + self._frames].long(), self._frames))
            frames.append(min(self._frames, real - start))
        texts = [self._texts.row(draw.pair) for draw in draws]
        return Batch(
            torch.tensor(frames),
            torch.stack([row["words"].bool() for row in texts]),
            told(draws),
            codes=torch.stack(codes),
            states=torch.stack([row["states"].float() for row in texts]),
            lower=self._lower_states(draws),
        )

    def _lower_states(self, draws: Sequence[Draw]) -> Tensor | None:
        if self._lower is None:
            return None
        rows = [self._lower.row(draw.pair, only="told" if draw.told else "untold") for draw in draws]
        return torch.stack([next(iter(row.values())).float() for row in rows])


def _to_length(codes: Tensor, frames: int) -> Tensor:
    return torch.nn.functional.pad(codes, (0, frames - codes.shape[1]))
