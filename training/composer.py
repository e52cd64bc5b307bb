"""Fit the composer: `python -m training.composer`.

In: EIMG (emotion, as rated) and POP909 (form and harmony, emotion as `hearing` hears it), brought together by
`training.data.composer_corpus`. Out: `assets/weights/composer.safetensors` and a card beside it. A run is a folder with
the corpus, a log (CSV) and a checkpoint; started again with the same folder it goes on where it stopped. Its length is
set in minutes, since that is what a laptop has.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, safe_open, save_file
from torch import Tensor

from pipelines.errors import SettingsError
from pipelines.models import save_weights
from pipelines.symbolic.composer_model import PREFIX, ComposerConfig, ComposerModel
from pipelines.symbolic.events import FIELDS, GRID, METRES, SIZES, TEMPI_BPM
from training.data.composer_corpus import SOURCES, Piece, build, load, save

PAD = -1
CHECKPOINT, LOG, CORPUS = "checkpoint.safetensors", "log.csv", "corpus.npz"


@dataclass(frozen=True)
class FitSettings:
    """How to train: batches in events, lengths in events, the budget in minutes."""

    minutes: float = 80.0
    batch_events: int = 4096
    longest: int = 254
    learning_rate: float = 1.2e-3
    warmup_steps: int = 200
    weight_decay: float = 0.05
    forget_emotion: float = 0.15  # share of pieces trained without it, for classifier-free guidance
    pop909_share: float = 0.35
    average_decay: float = 0.998  # of the exponential moving average that is shipped
    seed: int = 0
    check_every_steps: int = 250
    model: ComposerConfig = field(default_factory=ComposerConfig)


@dataclass(frozen=True, eq=False)
class Batch:
    """Padded pieces: events (b, n, 5), time (b, n), header (b, 3), emotion (b, 2), source (b,), real (b, n)."""

    events: Tensor
    time: Tensor
    header: Tensor
    emotion: Tensor
    source: Tensor
    real: Tensor


def crop(piece: Piece, longest: int, rng: np.random.Generator) -> npt.NDArray[np.int16]:
    """Events from a random bar on (the first counted from its own bar), at most `longest`; often the piece's start."""
    bars = np.cumsum(piece.events[:, 0])
    starts = np.flatnonzero(np.diff(bars, prepend=-1) > 0)
    spare = len(piece.events) - min(longest, max(1, int(0.6 * len(piece.events))))
    starts = starts[starts <= spare]
    start = int(rng.choice(starts)) if len(starts) and rng.random() < 0.7 else 0
    events = piece.events[start : start + longest].copy()
    events[0, 0] = 0 if start else events[0, 0]
    return events


def vary(events: npt.NDArray[np.int16], header: tuple[int, int, int], rng: np.random.Generator) -> tuple[int, int, int]:
    """Shift velocity (in place) and tempo by a table step now and then; neither moves the emotion by much."""
    if rng.random() < 0.3:
        shift = rng.integers(-1, 2)
        events[:, 4] = np.clip(events[:, 4] + shift, 0, SIZES["velocity"] - 1)
    metre, mode, tempo = header
    if rng.random() < 0.3:
        tempo = int(np.clip(tempo + rng.integers(-1, 2), 0, len(TEMPI_BPM) - 1))
    return metre, mode, tempo


def collate(rows: list[tuple[npt.NDArray[np.int16], tuple[int, int, int], Piece]]) -> Batch:
    """Pad rows of (events, header, piece) to the longest."""
    length = max(len(events) for events, _, _ in rows)
    events = np.zeros((len(rows), length, len(FIELDS)), np.int64)
    real = np.zeros((len(rows), length), bool)
    for i, (row, _, _) in enumerate(rows):
        events[i, : len(row)], real[i, : len(row)] = row, True
    per_bar = np.array([METRES[header[0]] for _, header, _ in rows])
    when = np.cumsum(events[:, :, 0], 1) * per_bar[:, None] + events[:, :, 1] / GRID
    return Batch(
        torch.from_numpy(events),
        torch.from_numpy(when.astype(np.float32)),
        torch.tensor([header for _, header, _ in rows]),
        torch.tensor([piece.emotion for _, _, piece in rows]),
        torch.tensor([SOURCES.index(piece.source) for _, _, piece in rows]),
        torch.from_numpy(real),
    )


def batches(pieces: list[Piece], settings: FitSettings, rng: np.random.Generator) -> Iterator[Batch]:
    """Endless training batches of about equal numbers of events, pieces of like length together."""
    eimg = [p for p in pieces if p.source != "pop909"]
    pop = [p for p in pieces if p.source == "pop909"]
    while True:
        take_pop = rng.random(512) < settings.pop909_share if pop else np.zeros(512, bool)
        drawn = [pop[rng.integers(len(pop))] if other else eimg[rng.integers(len(eimg))] for other in take_pop]
        rows = []
        for piece in drawn:
            events = crop(piece, settings.longest, rng)
            rows.append((events, vary(events, piece.header, rng), piece))
        rows.sort(key=lambda row: len(row[0]))
        packed: list[list[tuple[npt.NDArray[np.int16], tuple[int, int, int], Piece]]] = [[]]
        for row in rows:
            if (len(packed[-1]) + 1) * (len(row[0]) + PREFIX) > settings.batch_events:
                packed.append([])
            packed[-1].append(row)
        for i in rng.permutation(len(packed)):
            yield collate(packed[i])


def loss_of(model: ComposerModel, batch: Batch, known: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Mean negative log-likelihood a note in nats, all five fields, plus a tenth of the header's a piece."""
    header_logits, event_logits = model(
        model.condition(batch.emotion, batch.source, known), batch.header, batch.events, batch.time
    )
    parts = {}
    total = torch.zeros(())
    for i, (name, logits) in enumerate(zip(FIELDS, event_logits, strict=True)):
        part = F.cross_entropy(logits[batch.real].float(), batch.events[..., i][batch.real])
        parts[name], total = float(part.detach()), total + part
    parts["note"] = float(total.detach())
    header = torch.stack([F.cross_entropy(x.float(), batch.header[:, i]) for i, x in enumerate(header_logits)]).sum()
    parts["header"] = float(header.detach())
    return total + 0.1 * header, parts


@torch.no_grad()
def evaluate(model: ComposerModel, pieces: list[Piece], settings: FitSettings, *, most: int = 300) -> dict[str, float]:
    """Mean parts of the loss over held-out pieces, cut from their start, emotion known."""
    model.eval()
    rows = sorted(((p.events[: settings.longest], p.header, p) for p in pieces[:most]), key=lambda row: len(row[0]))
    sums: dict[str, float] = {}
    weight = 0
    for i in range(0, len(rows), 16):
        batch = collate(rows[i : i + 16])
        count = int(batch.real.sum())
        _, parts = loss_of(model, batch, torch.ones(len(batch.header), dtype=torch.bool))
        sums = {name: sums.get(name, 0.0) + value * count for name, value in parts.items()}
        weight += count
    model.train()
    return {name: value / weight for name, value in sums.items()}


class Run:
    """A training run in a folder: model, its moving average, optimiser and the clock, saved and resumed together."""

    def __init__(self, folder: Path, settings: FitSettings) -> None:
        self.folder, self.settings = folder, settings
        torch.manual_seed(settings.seed)
        self.model = ComposerModel(settings.model)
        self.average = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=settings.learning_rate, betas=(0.9, 0.98), weight_decay=settings.weight_decay
        )
        self.step, self.spent_s = 0, 0.0
        if (folder / CHECKPOINT).exists():
            self._resume(folder / CHECKPOINT)

    def _resume(self, path: Path) -> None:
        tensors = load_file(path)
        with safe_open(path, "pt") as file:
            state = json.loads(file.metadata()["state"])
        self._check_shape(state["config"])
        self.step, self.spent_s = state["step"], state["spent_s"]
        torch.manual_seed(self.settings.seed + self.step)  # else the same draws would come again
        self.model.load_state_dict({k[2:]: v for k, v in tensors.items() if k.startswith("m.")})
        self.average = {k[2:]: v for k, v in tensors.items() if k.startswith("a.")}
        for i, parameter in enumerate(self.model.parameters()):
            self.optimiser.state[parameter] = {
                "step": torch.tensor(float(self.step)),
                "exp_avg": tensors[f"o.{i}.1"],
                "exp_avg_sq": tensors[f"o.{i}.2"],
            }

    def _check_shape(self, stored: dict[str, float]) -> None:
        asked = self.settings.model.to_dict()
        names = [name for name in asked if stored.get(name) != asked[name]]
        if names:
            there = ", ".join(f"{name} {stored.get(name)}" for name in names)
            wanted = ", ".join(f"{name} {asked[name]}" for name in names)
            raise SettingsError(
                f"The run in {self.folder} is of a model with {there}, not {wanted}; use another folder with --run."
            )

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        tensors = {f"m.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"a.{k}": v for k, v in self.average.items()}
        for i, parameter in enumerate(self.model.parameters()):
            moments = self.optimiser.state[parameter]
            tensors[f"o.{i}.1"], tensors[f"o.{i}.2"] = moments["exp_avg"], moments["exp_avg_sq"]
        state = json.dumps({"step": self.step, "spent_s": self.spent_s, "config": self.settings.model.to_dict()})
        partial = self.folder / (CHECKPOINT + ".part")
        save_file({k: v.contiguous() for k, v in tensors.items()}, partial, metadata={"state": state})
        partial.replace(self.folder / CHECKPOINT)

    def rate(self) -> float:
        """Learning rate now: linear warm-up, then a cosine down to a twentieth over the budget of minutes."""
        done = min(1.0, self.spent_s / max(1e-9, self.settings.minutes * 60))
        cosine = 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * done))
        return self.settings.learning_rate * cosine * min(1.0, (self.step + 1) / self.settings.warmup_steps)

    def learn(self, batch: Batch) -> dict[str, float]:
        """One step of the optimiser and of the moving average."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        known = torch.rand(len(batch.header)) >= self.settings.forget_emotion
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss, parts = loss_of(self.model, batch, known)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        decay = min(self.settings.average_decay, self.step / (self.step + 10))
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                self.average[name].lerp_(value, 1 - decay)
        return parts

    def averaged(self) -> ComposerModel:
        """A copy of the model with the averaged weights."""
        model = ComposerModel(self.settings.model)
        model.load_state_dict(self.average)
        return model.eval()

    def log(self, **row: float | str) -> None:
        """Append a row to the log and show it."""
        path = self.folder / LOG
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(row))
            if new:
                writer.writeheader()
            writer.writerow(row)
        print(" ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in row.items()), flush=True)


def fit(folder: Path, settings: FitSettings) -> Run:
    """Train until the budget is spent, with a checkpoint and a check on held-out pieces every so many steps.

    With a budget of no minutes, or one that is spent, the run is only loaded. Raises SettingsError when the folder's
    run is of another shape of model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / CORPUS).exists():
        partial = folder / (CORPUS + ".part.npz")  # numpy adds .npz where it is not the end
        save(build(), partial)
        partial.replace(folder / CORPUS)
    pieces = load(folder / CORPUS)
    training = [p for p in pieces if not p.held_out]
    held = {
        kind: [p for p in pieces if p.held_out and (p.source == "pop909") == (kind == "pop909")]
        for kind in ("eimg", "pop909")
    }
    run = Run(folder, settings)
    before = run.step
    source = batches(training, settings, np.random.default_rng(settings.seed + run.step))
    run.model.train()
    recent: list[float] = []
    while run.spent_s < settings.minutes * 60:
        started = time.monotonic()
        recent.append(run.learn(next(source))["note"])
        run.spent_s += time.monotonic() - started
        if run.step % settings.check_every_steps == 0:
            model = run.averaged()
            scores = {
                f"{kind}_{part}": value
                for kind, rows in held.items()
                if rows
                for part, value in evaluate(model, rows, settings, most=200).items()
            }
            run.log(step=str(run.step), minutes=run.spent_s / 60, training=float(np.mean(recent)), **scores)
            recent = []
            run.save()
    if run.step > before:
        run.save()
    return run


def export(run: Run, path: Path) -> None:
    """Write the averaged weights in half precision with the config: what the app loads."""
    tensors = {name: value.half() for name, value in run.average.items()}
    save_weights(path, tensors, {"config": run.settings.model.to_dict(), "steps": run.step})


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--run", type=Path, default=Path("runs/composer"), help="folder of the run, resumed if it is there"
    )
    parser.add_argument("--minutes", type=float, default=FitSettings.minutes)
    parser.add_argument("--out", type=Path, default=Path("assets/weights/composer.safetensors"))
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    run = fit(arguments.run, FitSettings(minutes=arguments.minutes))
    export(run, arguments.out)


if __name__ == "__main__":
    main()
