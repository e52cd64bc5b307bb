"""The paper's prefix training against causal training, measured in one run: `python -m training.paper.bench`.

Both networks have the same width, heads, feed-forward size and number of blocks that read the tokens, see the same
pieces in the same order with the same optimiser, and train for the same time on the clock (compiling is not counted:
it is done on batches of two lengths before the clock starts).
Printed as Markdown: parameters, tokens learnt from a second (each is one prediction trained), and the loss on the test
pieces.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.errors import EkphoniaError
from pipelines.symbolic.paper_model import MODELS, ModelSpec, build
from training.paper.dataset import Material, batches, load_material
from training.paper.fit import MATERIAL, choose_encoder
from training.paper.presets import PRESETS, FitSettings, preset

PAIR = ("Trans_enc3_dec3", "Causal_enc3")
SECONDS = 120.0


@dataclass(frozen=True)
class Speed:
    """What a model reached in its time."""

    model: str
    parameters: int
    seconds: float
    tokens: int
    test_loss: float

    @property
    def tokens_per_s(self) -> float:
        """Tokens learnt from a second."""
        return self.tokens / self.seconds


def race(spec: ModelSpec, material: Material, encoder: str, settings: FitSettings, *, seconds: float) -> Speed:
    """Train a row for so many seconds and evaluate it on the test part; the rate stays, since no end is known."""
    import keras

    from training.paper.learning import make_optimizer, validation_loss
    from training.paper.objective import Objective

    keras.utils.set_random_seed(settings.seed)
    width = material.features[encoder].shape[1]
    model = build(spec, material.vocabulary, image_encoder=encoder, image_width=width, size=settings.size)
    model.compile(make_optimizer(replace(settings, decay=False), steps=0), loss=Objective(), jit_compile=False)
    for inputs, targets in _of_two_lengths(batches(material, "train", encoder, settings, epoch=0)):
        model.train_on_batch(inputs, targets)  # compiles, for one length and then for any
    spent, tokens = _train_for(model, material, encoder, settings, seconds=seconds)
    loss = validation_loss(model, material, encoder, settings, part="test")
    return Speed(spec.name, model.count_params(), spent, tokens, loss)


def _of_two_lengths(dataset: Any) -> list[Any]:
    """The first batch, and the first of another length where there is one."""
    found: dict[int, Any] = {}
    for inputs, targets in dataset:
        found.setdefault(targets.shape[1], (inputs, targets))
        if len(found) == 2:
            break
    return list(found.values())


def _train_for(
    model: Any, material: Material, encoder: str, settings: FitSettings, *, seconds: float
) -> tuple[float, int]:
    """Train until the time is over; returns the seconds and the tokens learnt from."""
    tokens, epoch, began = 0, 0, time.perf_counter()
    while True:
        for inputs, targets in batches(material, "train", encoder, settings, epoch=epoch):
            model.train_on_batch(inputs, targets)
            tokens += int((targets.numpy() > 0).sum())
            spent = time.perf_counter() - began
            if spent >= seconds:
                return spent, tokens
        epoch += 1


def report(speeds: Sequence[Speed]) -> str:
    """A Markdown table, and how many times as fast the last is as the first."""
    lines = [
        "| model | parameters | seconds | tokens | tokens/s | test loss, nats a token |",
        "|---|---|---|---|---|---|",
    ]
    for s in speeds:
        figures = f"{s.parameters:,} | {s.seconds:.0f} | {s.tokens:,} | {s.tokens_per_s:,.0f} | {s.test_loss:.3f}"
        lines.append(f"| {s.model} | {figures} |")
    times = speeds[-1].tokens_per_s / speeds[0].tokens_per_s
    return "\n".join([*lines, "", f"{speeds[-1].model} learns from {times:.0f} times the tokens a second."])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when it went well, 2 when it could not."""
    parser = argparse.ArgumentParser(
        prog="python -m training.paper.bench", description="Prefix against causal training."
    )
    parser.add_argument("--material", type=Path, default=MATERIAL, help="(default: %(default)s)")
    parser.add_argument(
        "--preset", choices=tuple(PRESETS), default="laptop", help="whose size and rate (default: %(default)s)"
    )
    parser.add_argument(
        "--longest", type=int, help="tokens of a piece at most, longer ones cut (default: the preset's)"
    )
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of training each (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        material, settings = load_material(options.material), preset(options.preset)
        if options.longest:
            size = replace(settings.size, longest=options.longest)
            settings = replace(settings, size=size, whole_pieces_only=False, pieces=0)
        encoder = choose_encoder(MODELS[PAIR[0]], material)
        speeds = [race(MODELS[name], material, encoder, settings, seconds=options.seconds) for name in PAIR]
    except EkphoniaError as error:
        print(error, file=sys.stderr)
        return 2
    print(report(speeds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
