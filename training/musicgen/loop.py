"""The training loop: a model, two sources of batches and settings in; a run's folder out.

Out: `settings.json`, `log.jsonl` (a line a step, and one an epoch), `checkpoint.safetensors` to go on from, and
`best.safetensors`, the weights that learned at their lowest validation loss.

Conventions
-----------
Losses are nats a token, the mean over valid codes of all codebooks, over the whole step whatever its parts. Everything
random in a step follows from the seed and the step's number, so that a run that was killed and started again has the
loss curve of one that was not.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipelines.errors import DataMissingError, SettingsError
from training.musicgen.batches import Draw, Source, in_parts, step_draws
from training.musicgen.model import TunedMusicGen
from training.musicgen.variants import FinetuneSettings
from training.run_folder import (
    MODEL,
    append_line,
    load_checkpoint,
    optimiser_tensors,
    read_lines,
    restore_optimiser,
    save_checkpoint,
    write_lines,
)

CHECKPOINT, BEST, LOG, SETTINGS = "checkpoint.safetensors", "best.safetensors", "log.jsonl", "settings.json"
FREE = ("epochs", "patience", "minutes", "part", "save_every_steps")  # may differ when a run goes on
NEVER = bool  # bool() is False


@dataclass
class Progress:
    """How far a run has come: the lowest validation loss, epochs since then, the state of fp16's gradient scaler."""

    step: int = 0
    spent_s: float = 0.0
    best: float = float("inf")
    waited: int = 0
    scaler: dict[str, Any] = field(default_factory=dict)


class Finetuning:
    """A run in a folder. `training` and `validation` make batches; accelerate says where and how to compute.

    Raises SettingsError for settings that cannot be, here or at all, or others than those that the folder's run began
    with; DataMissingError for a source without pairs; WeightsError for a damaged checkpoint.
    """

    def __init__(
        self, folder: Path, model: TunedMusicGen, settings: FinetuneSettings, training: Source, validation: Source
    ) -> None:
        settings.check()
        if not (len(training) and len(validation)):
            raise DataMissingError(
                f"{len(training)} pairs to learn from and {len(validation)} to validate with are too few; give both."
            )
        self.folder, self.settings, self.training, self.validation = folder, settings, training, validation
        self.accelerator = _accelerator(settings.mixed_precision)
        optimiser = torch.optim.AdamW(
            list(model.learning().values()), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        if settings.batch < self.accelerator.num_processes:
            raise SettingsError(
                f"A batch of {settings.batch} cannot be shared by {self.accelerator.num_processes} processes; choose "
                f"--batch {self.accelerator.num_processes} or more."
            )
        self.progress = Progress()
        self._check_settings()
        self.model, self.optimiser = self.accelerator.prepare(model, optimiser)
        self.tuned: TunedMusicGen = self.accelerator.unwrap_model(self.model)
        if (folder / CHECKPOINT).is_file():
            self._resume()
        elif self.accelerator.is_main_process:  # a log without a checkpoint is of a run that will come again
            (folder / LOG).unlink(missing_ok=True)

    @property
    def total_steps(self) -> int:
        """Steps of all epochs."""
        return -(-self.settings.epochs * len(self.training) // self.settings.batch)

    def _check_settings(self) -> None:
        """Write the settings, or see that those that are there are the same."""
        path, own = self.folder / SETTINGS, json.loads(json.dumps(asdict(self.settings)))
        if path.is_file() and (self.folder / CHECKPOINT).is_file():
            there = json.loads(path.read_text(encoding="utf-8"))
            other = [name for name, value in own.items() if name not in FREE and there.get(name) != value]
            if other:
                raise SettingsError(
                    f"The run in {self.folder} has {other[0]} {there.get(other[0])}, not {own[other[0]]}; name another "
                    f"folder with --out."
                )
        if self.accelerator.is_main_process:
            self.folder.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.write_text(json.dumps(own, indent=1), encoding="utf-8")
            part.replace(path)

    def _resume(self) -> None:
        tensors, state = load_checkpoint(self.folder / CHECKPOINT)
        self.progress = Progress(**state)
        load_learned(self.tuned, tensors)
        restore_optimiser(self.optimiser.optimizer, tensors)
        if self.accelerator.scaler is not None and self.progress.scaler:
            self.accelerator.scaler.load_state_dict(self.progress.scaler)
        if self.accelerator.is_main_process:  # steps after the checkpoint will come again
            rows = [row for row in read_lines(self.folder / LOG) if row["step"] <= self.progress.step]
            write_lines(self.folder / LOG, rows)

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        if self.accelerator.is_main_process:
            if self.accelerator.scaler is not None:
                self.progress.scaler = dict(self.accelerator.scaler.state_dict())
            tensors = learned(self.tuned) | optimiser_tensors(self.optimiser.optimizer)
            save_checkpoint(self.folder / CHECKPOINT, tensors, asdict(self.progress))

    def rate(self, step: int) -> float:
        """Learning rate of a step: linear warm-up, then half a cosine to 0 at the last (section IV-C)."""
        warmup = self.settings.warmup_steps
        if step < warmup:
            return self.settings.learning_rate * step / max(1, warmup)
        done = (step - warmup) / max(1, self.total_steps - warmup)
        return self.settings.learning_rate * max(0.0, 0.5 * (1 + math.cos(math.pi * done)))

    def _own(self, draws: list[Draw]) -> list[Draw]:
        """The share of this process."""
        return draws[self.accelerator.process_index :: self.accelerator.num_processes]

    def learn(self) -> float:
        """One step; its loss."""
        settings, step = self.settings, self.progress.step
        draws = step_draws(
            len(self.training), settings.batch, seed=settings.seed, step=step, dropped=settings.dropped_text
        )
        batches = [
            self.training.batch(part).to(self.accelerator.device) for part in in_parts(self._own(draws), settings.part)
        ]
        tokens = self._over_all(sum(batch.frames.sum() for batch in batches)) * self.tuned.codebooks
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate(step)
        total = torch.zeros((), device=self.accelerator.device)
        self._seed(step)
        for number, batch in enumerate(batches):
            last = number == len(batches) - 1
            with nullcontext() if last else self.accelerator.no_sync(self.model):
                sums, _ = self.model(batch)
                self.accelerator.backward(sums.sum() * self.accelerator.num_processes / tokens)
            total += sums.detach().sum()
        self.accelerator.clip_grad_norm_(self.tuned.learning().values(), settings.largest_gradient)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return float(self._over_all(total) / tokens)

    def _seed(self, step: int) -> None:
        """Dropout's dice, those of the step and the process."""
        torch.manual_seed(hash((self.settings.seed, step, self.accelerator.process_index)) % 2**63)

    def _over_all(self, value: Any) -> Tensor:
        return self.accelerator.reduce(torch.as_tensor(value, device=self.accelerator.device), reduction="sum")

    @torch.no_grad()
    def validate(self, *, told: bool = True) -> float:
        """Loss over the validation pairs from their beginning, with their texts or without."""
        self.model.eval()
        draws = self._own([Draw(number, told) for number in range(len(self.validation))])
        sums, counts = torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
        for part in in_parts(draws, self.settings.part):
            with self.accelerator.autocast():  # the model itself: processes may have unlike numbers of parts
                found, count = self.tuned(self.validation.batch(part).to(self.accelerator.device))
            sums += found.sum().cpu()
            counts += count.sum().cpu()
        self.model.train()
        return float(self._over_all(sums.float()) / self._over_all(counts.float()))

    def check(self, epoch: int) -> None:
        """Validate after an epoch, note it, and keep the weights if they are the best."""
        value, untold = self.validate(), self.validate(told=False)
        better = value < self.progress.best
        self.progress.waited = 0 if better else self.progress.waited + 1
        self.progress.best = value if better else self.progress.best  # min() would keep what is no number for ever
        if not self.accelerator.is_main_process:
            return
        row = {"step": self.progress.step, "epoch": epoch, "validation": value, "untold": untold}
        append_line(self.folder / LOG, row | {"minutes": self.progress.spent_s / 60})
        print(" ".join(f"{k} {v:.4f}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()), file=sys.stderr)
        if better:
            save_checkpoint(self.folder / BEST, learned(self.tuned), {"step": self.progress.step, "validation": value})

    def ended(self) -> bool:
        """Whether the epochs, the patience or the minutes are at an end."""
        limit_s = 60 * self.settings.minutes
        return (
            self.progress.step >= self.total_steps
            or self.progress.waited >= self.settings.patience
            or bool(limit_s and self.progress.spent_s >= limit_s)
        )

    def fit(self, *, stop: Callable[[], bool] = NEVER) -> None:
        """Train until the run has ended or `stop`, asked after each step, answers True; then write the checkpoint."""
        from tqdm import tqdm

        bar = tqdm(total=self.total_steps, initial=self.progress.step, disable=not self.accelerator.is_main_process)
        if self.progress.best == math.inf and self.progress.step == 0:
            self.check(0)
        while not self._anyone(self.ended() or stop()):
            started = time.monotonic()
            loss, epoch = self.learn(), self._epoch()
            self.progress.step += 1
            self.progress.spent_s += self._mean(time.monotonic() - started)
            if self.accelerator.is_main_process:
                append_line(self.folder / LOG, {"step": self.progress.step, "loss": loss})
            bar.update()
            if self._epoch() > epoch:
                self.check(self._epoch())
            if self._epoch() > epoch or self.progress.step % self.settings.save_every_steps == 0:
                self.save()
        bar.close()
        self.save()

    def _epoch(self) -> int:
        """Whole epochs so far."""
        return self.progress.step * self.settings.batch // len(self.training)

    def _mean(self, seconds: float) -> float:
        """The mean over the processes, so that all have spent the same."""
        count = self.accelerator.num_processes
        return seconds if count == 1 else float(self._over_all(seconds) / count)

    def _anyone(self, asked: bool) -> bool:
        """Whether any process is to stop, each by its own signals: all must stop at the same step."""
        return asked if self.accelerator.num_processes == 1 else bool(self._over_all(int(asked)) > 0)


def _accelerator(mixed_precision: str) -> Any:
    """Accelerate's view of this machine; raises SettingsError where it does not compute in a precision."""
    from accelerate import Accelerator

    refusal = f"The precision {mixed_precision} cannot be had on this machine; choose another --mixed-precision."
    try:
        accelerator = Accelerator(mixed_precision=mixed_precision)
    except ValueError as cause:
        raise SettingsError(refusal) from cause
    if mixed_precision != "no" and not accelerator.native_amp:  # a CPU would take fp16 for 32 bits in silence
        raise SettingsError(refusal)
    return accelerator


def learned(model: TunedMusicGen) -> dict[str, Tensor]:
    """The weights that learn, by "m.<name>"."""
    return {MODEL + name: weight for name, weight in model.learning().items()}


@torch.no_grad()
def load_learned(model: TunedMusicGen, tensors: dict[str, Tensor]) -> None:
    """Give a model the weights of :func:`learned`; raises SettingsError where they are those of other parts."""
    weights, found = model.learning(), {k[len(MODEL) :]: v for k, v in tensors.items() if k.startswith(MODEL)}
    if set(weights) != set(found) or any(found[name].shape != weight.shape for name, weight in weights.items()):
        raise SettingsError("The checkpoint is of other parts of a model; begin anew in another folder with --out.")
    for name, weight in weights.items():
        weight.copy_(found[name])
