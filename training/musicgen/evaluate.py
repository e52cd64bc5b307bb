"""What a fine-tuned MusicGen makes of held-out pairs: `python -m training.musicgen.evaluate RUN … --stored STORED`.

In: runs (loop.py) and what precompute.py stored of the data set. Out: a Markdown table, a row a run: nats a token with
the own text, with that of the pair half the set away (of another label in a set that stands label by label, as
training.data.painting_music writes it), without text, and of the base without text; then the mean gains of the own text
over that other text and over none, in nats a clip of the run's length, with 95 % bootstrap intervals over pairs. All
whole windows of a pair's clip count.

Why a clip: pictures and music are paired at random within a label, so that no text can say more of the music than the
label does. By the data processing inequality (Cover and Thomas 2006, theorem 2.8.1) the gain of a perfect model is at
most the label's entropy, ln 5 = 1.61 nats a clip; spread over the 1,000 tokens of 5 s it is 0.0016 a token.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from pipelines.command_line import BAD_INPUT, complain
from pipelines.errors import DataMissingError, EkphoniaError, SettingsError
from training.metrics.audio_files import titles_of
from training.musicgen.batches import Batch, frames_in
from training.musicgen.export import best_of, read_settings
from training.musicgen.model import TunedMusicGen, load_base
from training.musicgen.pairs import SPLITS
from training.musicgen.precompute import Stored
from training.musicgen.variants import VARIANTS
from training.run_folder import use_threads

Losses = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PairLosses:
    """Nats a token of each pair, (pairs,): with its text, with another's, without, and by the base without.

    `tokens` is how many a clip of the run's length has, over all codebooks.
    """

    told: Losses
    other: Losses
    untold: Losses
    base: Losses
    tokens: int


def windows(codes: torch.Tensor, real: int, length: int) -> Iterator[torch.Tensor]:
    """Consecutive whole windows of codes (codebooks, frames), (1, codebooks, length) each; a short piece is one."""
    for start in range(0, max(1, real - length + 1), length):
        yield codes[None, :, start : min(real, start + length)].long()


@torch.no_grad()
def losses_of(
    model: TunedMusicGen, stored: Stored, split: str, condition: str, *, clip_s: float, shift: int | None
) -> Losses:
    """Losses with the texts of the pairs `shift` further on, 0 for the own, None for no text: (pairs,)."""
    model.eval()
    codes, texts = stored.codes(split), stored.texts(split, condition)
    found = []
    for number in range(len(codes)):
        row, text = codes.row(number), texts.row((number + (shift or 0)) % len(codes))
        pieces = windows(row["codes"], int(row["frames"]), frames_in(clip_s))
        sums = [_sums(model, piece, text, shift is not None) for piece in pieces]
        found.append(sum(s for s, _ in sums) / sum(c for _, c in sums))
    return np.array(found)


def _sums(model: TunedMusicGen, codes: torch.Tensor, text: dict[str, torch.Tensor], told: bool) -> tuple[float, int]:
    batch = Batch(
        torch.tensor([codes.shape[2]]),
        text["words"][None].bool(),
        torch.tensor([told]),
        codes=codes,
        states=text["states"][None].float(),
    )
    sums, counts = model(batch.to(next(model.parameters()).device))
    return float(sums.sum()), int(counts.sum())


def evaluate(run: Path, stored: Stored, split: str, *, device: str = "cpu") -> PairLosses:
    """Losses of a run's best weights and of its base.

    Raises:
        DataMissingError: nothing is stored of the split.
        SettingsError: what is stored was encoded by another base, or is shorter than the run's clips.
        What :func:`read_settings` and :func:`best_of` raise.
    """
    settings = read_settings(run)
    if not stored.pairs.get(split):
        raise DataMissingError(f"No pair of the split {split} is stored in {stored.folder}; precompute it.")
    condition = VARIANTS[settings.variant].condition
    measured = partial(losses_of, stored=stored, split=split, condition=condition, clip_s=settings.clip_s)
    model = best_of(run, settings).to(device)
    if stored.digest != model.encoders_digest() or stored.settings.clip_s < settings.clip_s:
        raise SettingsError(
            f"What is stored is of {stored.settings.base} and {stored.settings.clip_s:g} s, the run of {settings.base} "
            f"and {settings.clip_s:g} s; name what the run's base encoded in clips as long."
        )
    told, other, untold = (measured(model, shift=each) for each in (0, stored.pairs[split] // 2, None))
    base = TunedMusicGen(load_base(settings.base).model).to(device)
    tokens = frames_in(settings.clip_s) * model.codebooks
    return PairLosses(told, other, untold, measured(base, shift=None), tokens)


def interval(values: Losses, *, draws: int = 2000, seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval of the mean over pairs."""
    rng = np.random.default_rng(seed)
    means = values[rng.integers(len(values), size=(draws, len(values)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def table(found: dict[str, PairLosses]) -> str:
    """Markdown: a row a run, then how far each is below the first; at least one run."""
    lines = [
        "| run | own text | another's text | no text | base, no text | gain over another's a clip | over none a clip |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, losses in found.items():
        means = " | ".join(f"{each.mean():.4f}" for each in (losses.told, losses.other, losses.untold, losses.base))
        gains = " | ".join(_gain(losses.tokens * (each - losses.told)) for each in (losses.other, losses.untold))
        lines.append(f"| {name} | {means} | {gains} |")
    (first_name, first), *others = found.items()
    for name, losses in others:
        less = first.told - losses.told
        low, high = interval(less)
        lines.append(f"\n{name} below {first_name} by {less.mean():.4f} nats a token ({low:.4f} to {high:.4f}).")
    return "\n".join(lines)


def _gain(values: Losses) -> str:
    low, high = interval(values)
    return f"{values.mean():.2f} ({low:.2f} to {high:.2f})"


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.musicgen.evaluate", description="Held-out losses.")
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--stored", type=Path, required=True)
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU")
    options = parser.parse_args()
    try:
        use_threads(options.threads)
        stored = Stored.open(options.stored)
        titled = zip(titles_of(options.runs), options.runs, strict=True)
        print(table({title: evaluate(run, stored, options.split, device=options.device) for title, run in titled}))
    except EkphoniaError as error:
        return complain(error, BAD_INPUT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
