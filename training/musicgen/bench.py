"""What a training step costs, Lyrical against Optimized: `python -m training.musicgen.bench`.

The model has the sizes of facebook/musicgen-small and random weights: cost does not depend on the values. Each way runs
in a process of its own, so that its peak memory is its own: the model loaded, `--steps` steps of forward, backward and
AdamW, of which the first does not count and the quickest is told. The ways, each adding one thing to the one before:

    lyrical            EnCodec and T5 in every step, the whole decoder learns
    stored             codes and text encodings read (both encoders left out of memory)
    stored, frozen     and the first layers frozen
    optimized          and what the frozen layers make read as well (they and the embeddings left out of memory)
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

import torch

from training.musicgen.batches import Batch, frames_in
from training.musicgen.model import TunedMusicGen, TunedParts
from training.musicgen.variants import OPTIMIZED_FROZEN_SHARE

WAYS = ("lyrical", "stored", "stored, frozen", "optimized")
WORDS, STATES = 64, 768
TIMEOUT_S = 3600


@dataclass(frozen=True)
class Cost:
    """Seconds a step by the clock and of this process's computing, and the peak of memory in GB, 10^9 bytes."""

    seconds: float
    processor_s: float
    memory_gb: float


def batch_for(way: str, model: TunedMusicGen, *, size: int, clip_s: float) -> Batch:
    """Random inputs of the shapes that a way reads."""
    frames = frames_in(clip_s)
    common = (
        torch.full((size,), frames),
        torch.ones(size, WORDS, dtype=torch.bool),
        torch.ones(size, dtype=torch.bool),
    )
    if way == "lyrical":
        ids = torch.randint(2, 32_000, (size, WORDS))
        return Batch(*common, sound=0.1 * torch.randn(size, 1, frames * 640), ids=ids)
    codes = torch.randint(model.pad, (size, model.codebooks, frames))
    width = model.model.decoder.config.hidden_size
    lower = torch.randn(size, frames + model.codebooks - 1, width) if way == "optimized" else None
    return Batch(*common, codes=codes, states=torch.randn(size, WORDS, STATES), lower=lower)


def tuned(way: str, whole: Any, *, share: float) -> TunedMusicGen:
    """The model as a way trains it, without what that never calls (as finetune.py leaves it out)."""
    model = TunedMusicGen(whole, TunedParts(frozen_share=0.0 if way in ("lyrical", "stored") else share))
    if way != "lyrical":
        model.leave_out_stored(lower=way == "optimized")
    return model


def measure(way: str, *, size: int, clip_s: float, steps: int, share: float) -> Cost:
    """Cost of a way's steps, in this process."""
    from training.bench_musicgen import small_model

    model = tuned(way, small_model(), share=share).train()
    batch = batch_for(way, model, size=size, clip_s=clip_s)
    optimiser = torch.optim.AdamW(list(model.learning().values()), lr=1e-5)
    clock, processor = [], []
    for _ in range(steps + 1):
        started, computed = time.perf_counter(), time.process_time()
        sums, counts = model(batch)
        (sums.sum() / counts.sum()).backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        clock.append(time.perf_counter() - started)
        processor.append(time.process_time() - computed)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9
    return Cost(min(clock[1:]), min(processor[1:]), peak)


def measured_apart(way: str, options: argparse.Namespace) -> Cost:
    """As :func:`measure`, in a new process."""
    command = [sys.executable, "-m", "training.musicgen.bench", "--way", way]
    for name in ("batch", "clip_s", "steps", "share", "threads"):
        command += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    return Cost(**json.loads(done.stdout.strip().splitlines()[-1]))


def table(found: dict[str, Cost]) -> str:
    """Markdown: a row a way, beside the first."""
    first = next(iter(found.values()))
    lines = [
        "| a step | s, clock | s, processor | times as fast, by processor | memory, GB | of the memory |",
        "|---|---|---|---|---|---|",
    ]
    for way, cost in found.items():
        lines.append(
            f"| {way} | {cost.seconds:.2f} | {cost.processor_s:.2f} | {first.processor_s / cost.processor_s:.2f} | "
            f"{cost.memory_gb:.2f} | {cost.memory_gb / first.memory_gb:.0%} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Print the table, or with --way one way's cost as JSON."""
    parser = argparse.ArgumentParser(prog="python -m training.musicgen.bench", description="Cost of a training step.")
    parser.add_argument("--way", choices=WAYS, help="measure this one, in this process")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--clip-s", type=float, default=5.0)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--share", type=float, default=OPTIMIZED_FROZEN_SHARE, help="of the layers that are frozen")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.way:
        cost = measure(options.way, size=options.batch, clip_s=options.clip_s, steps=options.steps, share=options.share)
        print(json.dumps(asdict(cost)))
        return
    found: dict[str, Cost] = {}
    for way in WAYS:
        found[way] = measured_apart(way, options)
        print(f"{way}: {found[way]}", file=sys.stderr, flush=True)
    print(table(found))


if __name__ == "__main__":
    main()
