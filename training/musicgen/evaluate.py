"""What a fine-tuned MusicGen makes of held-out pairs: `python -m training.musicgen.evaluate RUN … --stored STORED`.

In: runs (loop.py) and what precompute.py stored of the data set. Out: a Markdown table, a row a run: nats a token with
the own text, with another pair's of another label, without text, and of the untrained base; then the mean gain of the
own text over none with a 95 % bootstrap interval over pairs. Every window of every pair counts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from pipelines.command_line import BAD_INPUT, complain
from pipelines.errors import EkphoniaError
from training.musicgen.batches import Batch
from training.musicgen.export import best_of, read_settings
from training.musicgen.model import TunedMusicGen, load_base
from training.musicgen.pairs import SPLITS
from training.musicgen.precompute import Stored
from training.musicgen.sources import frames_in
from training.musicgen.variants import VARIANTS

Losses = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PairLosses:
    """Nats a token of each pair, (pairs,): with its text, with another's, without, and by the base without."""

    told: Losses
    other: Losses
    untold: Losses
    base: Losses


def windows(codes: torch.Tensor, real: int, length: int) -> Iterator[torch.Tensor]:
    """Consecutive whole windows of codes (codebooks, frames), (1, codebooks, length) each; a short piece is one."""
    for start in range(0, max(1, real - length + 1), length):
        yield codes[None, :, start : min(real, start + length)].long()


@torch.no_grad()
def losses_of(model: TunedMusicGen, stored: Stored, split: str, condition: str, *, clip_s: float) -> list[Losses]:
    """Losses with the own text, with the text half the set away, and without: (pairs,) each."""
    model.eval()
    codes, texts = stored.codes(split), stored.texts(split, condition)
    found: list[list[float]] = [[], [], []]
    for number in range(len(codes)):
        row = codes.row(number)
        pieces = list(windows(row["codes"], int(row["frames"]), frames_in(clip_s)))
        for place, (text, told) in enumerate(
            ((number, True), ((number + len(codes) // 2) % len(codes), True), (0, False))
        ):
            heard = texts.row(text)
            sums = [_sums(model, piece, heard, told) for piece in pieces]
            found[place].append(sum(s for s, _ in sums) / sum(c for _, c in sums))
    return [np.array(each) for each in found]


def _sums(model: TunedMusicGen, codes: torch.Tensor, text: dict[str, torch.Tensor], told: bool) -> tuple[float, int]:
    batch = Batch(
        torch.tensor([codes.shape[2]]),
        text["words"][None].bool(),
        torch.tensor([told]),
        codes=codes,
        states=text["states"][None].float(),
    )
    sums, counts = model(batch)
    return float(sums.sum()), int(counts.sum())


def evaluate(run: Path, stored: Stored, split: str) -> PairLosses:
    """Losses of a run's best weights; raises what opening the run and what is stored raises."""
    settings = read_settings(run)
    condition = VARIANTS[settings.variant].condition
    told, other, untold = losses_of(best_of(run, settings), stored, split, condition, clip_s=settings.clip_s)
    base = TunedMusicGen(load_base(settings.base).model)
    return PairLosses(told, other, untold, losses_of(base, stored, split, condition, clip_s=settings.clip_s)[2])


def interval(values: Losses, *, draws: int = 2000, seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval of the mean over pairs."""
    rng = np.random.default_rng(seed)
    means = values[rng.integers(len(values), size=(draws, len(values)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def table(found: dict[str, PairLosses]) -> str:
    """Markdown: a row a run."""
    lines = [
        "| run | own text | another's text | no text | base, no text | gain of the own text (95 %) |",
        "|---|---|---|---|---|---|",
    ]
    for name, losses in found.items():
        gain = losses.untold - losses.told
        low, high = interval(gain)
        means = " | ".join(f"{each.mean():.4f}" for each in (losses.told, losses.other, losses.untold, losses.base))
        lines.append(f"| {name} | {means} | {gain.mean():.4f} ({low:.4f} to {high:.4f}) |")
    first = next(iter(found.values()), None)
    for name, losses in list(found.items())[1:]:
        less = first.told - losses.told if first is not None else losses.told
        low, high = interval(less)
        lines.append(f"\n{name} below {next(iter(found))} by {less.mean():.4f} nats ({low:.4f} to {high:.4f}).")
    return "\n".join(lines)


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.musicgen.evaluate", description="Held-out losses.")
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--stored", type=Path, required=True)
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    try:
        stored = Stored.open(options.stored)
        print(table({run.name: evaluate(run, stored, options.split) for run in options.runs}))
    except EkphoniaError as error:
        return complain(error, BAD_INPUT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
