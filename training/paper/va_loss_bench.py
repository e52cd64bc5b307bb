"""The two valence and arousal losses side by side: `python -m training.paper.va_loss_bench`, Markdown out.

In one run, on EIMG's held-out pieces and with the predictors of `python -m training.paper.va_predictor`:

1. the gradient of either loss with respect to the logits;
2. milliseconds a pair of true and predicted piece, the paper's loss both through music21 (the library whose chord names
   the paper's tokens are) and through this project's own, faster files;
3. free logits that begin as one piece and are asked for the emotion of another, cross-entropy with the first kept;
4. a small model trained on with cross-entropy alone, to which the paper's loss is equal to the last bit whatever its λ1
   (a test holds it to that), and with ours, over several λ1.

The judge of what is heard is :mod:`pipelines.hearing`, which neither loss knows. Pieces held out are EIMG's that the
predictors were not fitted on; half of them choose λ1 (validation), the other half are reported (test).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from pipelines.errors import EkphoniaError
from training.paper.objective import Objective, VaLoss
from training.paper.va_bench import Bench, BenchSettings, like_a_model, load_bench, named_losses
from training.paper.va_fit import Floats, Ids
from training.paper.va_loss import differentiable
from training.paper.va_loss_free import free_logits
from training.paper.va_loss_small import Outcome, SmallModel, SmallSettings, copy_of, new_model, no_loss, outcome, train
from training.paper.va_loss_speed import speed
from training.paper.va_predictor import FOLDER

PARTS = ("gradient", "speed", "free", "small")
HEADINGS = {
    "gradient": ("loss", "value", "norm of the gradient"),
    "speed": ("way", "ms a pair", "times faster than music21's files", "than our files"),
    "free": ("loss", "λ1", "cross-entropy", "tokens changed", "distance of heard from wanted"),
    "small": ("pieces", "loss", "λ1", "cross-entropy", "L_VA", "heard: argmax", "heard: sampled", "r sampled"),
}


def gradients(bench: Bench, settings: BenchSettings) -> list[tuple[str, ...]]:
    """A row for each loss: its value and the norm of its gradient with respect to the logits, or "none"."""
    rows = bench.validation[: settings.pairs]
    other = np.roll(rows, 1)
    logits, targets = like_a_model(bench.ids[other], bench.vocabulary.size), tf.constant(bench.ids[rows])
    found: list[tuple[str, ...]] = []
    for name, loss in named_losses(bench):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = loss(logits, targets)
        gradient = tape.gradient(value, logits)
        norm = "none" if gradient is None else f"{float(tf.norm(gradient)):.2e}"
        found.append((name, f"{float(value):.3f}", norm))
    return found


def small_models(bench: Bench, settings: BenchSettings) -> list[tuple[str, ...]]:
    """Rows for the small model trained on from one start: every λ1 on validation, the start, none and best on test."""
    small, size = SmallSettings(), bench.vocabulary.size
    ids, wanted = _some(bench, bench.fitted[: settings.small_pieces], settings)
    start = new_model(size, small)
    judge, drawn = differentiable(bench.token), differentiable(bench.token, gumbel=True)
    train(start, ids, wanted, small, epochs=settings.epochs_before, objective=Objective())
    runs: list[tuple[str, float, VaLoss]] = [("cross-entropy alone", 0.0, no_loss)]
    runs += [("(b) softmax", weight, judge) for weight in settings.small_lambdas]
    runs += [("(b) Gumbel, straight-through", weight, drawn) for weight in settings.small_lambdas[-2:]]
    models: list[tuple[str, float, SmallModel]] = [("start", 0.0, start)]
    for name, weight, va in tqdm(runs, desc="small models", file=sys.stderr):
        model = copy_of(start, size, small)
        train(model, ids, wanted, small, epochs=settings.epochs_with, objective=Objective(va, weight))
        models.append((name, weight, model))
    return [
        _small_row(part, name, weight, outcome(model, bench.vocabulary, *_some(bench, rows, settings), judge))
        for part, rows in (("validation", bench.validation), ("test", bench.test))
        for name, weight, model in models
    ]


def _some(bench: Bench, rows: Any, settings: BenchSettings) -> tuple[Ids, Floats]:
    """Beginnings of pieces, and their ratings."""
    return bench.ids[rows, : settings.small_positions], bench.wanted[rows]


def _small_row(part: str, name: str, weight: float, found: Outcome) -> tuple[str, ...]:
    r = f"{found.r_sampled[0]:.2f}, {found.r_sampled[1]:.2f}"
    figures = (found.cross_entropy, found.va_loss, found.distance_argmax, found.distance_sampled)
    return part, name, f"{weight:g}", *(f"{figure:.3f}" for figure in figures), r


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def report(folder: Path, settings: BenchSettings, parts: Sequence[str]) -> Iterator[str]:
    """The tables of the parts asked for, each as it is done."""
    bench = load_bench(folder, settings)
    works = {"gradient": gradients, "speed": speed, "free": free_logits, "small": small_models}
    for part in parts:
        yield markdown(HEADINGS[part], works[part](bench, settings))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0 on success, 2 with a line on standard error otherwise."""
    parser = argparse.ArgumentParser(prog="python -m training.paper.va_loss_bench", description=__doc__)
    parser.add_argument("--predictors", type=Path, default=FOLDER, help="their folder (default %(default)s)")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    options = parser.parse_args(arguments)
    try:
        for table in report(options.predictors, BenchSettings(), options.parts):
            print(table, end="\n\n", flush=True)
    except EkphoniaError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
