"""The loop of a fit: epochs of batches by Keras, checkpoints, resuming, stopping early or when asked to.

In: a model's row, :class:`~training.paper.dataset.Material`, settings, a folder. Out: the folder with the run's state
and the best model (`checkpoint.py`). A run that was stopped, or killed, goes on where its last checkpoint stands, with
the same batches in the same order, to the same losses (but for what a valence and arousal loss draws by lot).
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tqdm import tqdm

from pipelines.symbolic.paper_model import ModelSpec, build
from training.paper.checkpoint import (
    BEST,
    Epoch,
    Progress,
    check_settings,
    load_checkpoint,
    progress_of,
    read_state,
    save_checkpoint,
    save_model,
)
from training.paper.dataset import Material, batches, steps_per_epoch
from training.paper.objective import CrossEntropy, Objective, VaTerm
from training.paper.presets import BETA_1, BETA_2, VA_LOSSES, FitSettings


@dataclass(frozen=True)
class Fitted:
    """What a fit leaves: its progress, where its best model lies, and whether it was stopped before its end."""

    progress: Progress
    best: Path
    stopped: bool


def make_optimizer(settings: FitSettings, *, steps: int) -> Any:
    """Adam with the paper's β, weight decay, averaging and a falling rate where the settings ask for them."""
    rate: Any = settings.learning_rate
    if settings.decay:
        low = rate / max(1, settings.warmup_steps)
        rate = keras.optimizers.schedules.CosineDecay(
            low,
            max(1, steps - settings.warmup_steps),
            alpha=0.05,
            warmup_target=rate,
            warmup_steps=settings.warmup_steps,
        )
    return keras.optimizers.AdamW(
        rate,
        weight_decay=settings.weight_decay,
        beta_1=BETA_1,
        beta_2=BETA_2,
        clipnorm=1.0 if settings.decay else None,
        use_ema=settings.average_decay > 0,
        ema_momentum=settings.average_decay or 0.99,
    )


def strategy() -> Any:
    """All GPUs mirrored where there is more than one, else the default device."""
    return (
        tf.distribute.MirroredStrategy()
        if len(tf.config.list_physical_devices("GPU")) > 1
        else tf.distribute.get_strategy()
    )


class _Keeper(keras.callbacks.Callback):
    """Counts steps, shows them, and keeps checkpoints within an epoch; asked to stop, it keeps one and stops."""

    def __init__(self, run: _Run, metric: CrossEntropy, bar: Any) -> None:
        super().__init__()
        self.run, self.metric, self.bar = run, metric, bar
        self.began = self.kept = time.monotonic()
        self.base = (run.progress.nats, run.progress.tokens, run.progress.seconds)
        self.own: list[Any] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        progress = self.run.progress
        progress.step += 1
        self.bar.update()
        minutes = (time.monotonic() - self.kept) / 60
        if self.run.asked_to_stop or minutes > self.run.settings.checkpoint_minutes:
            self.note()
            self.run.keep()
            self.kept = time.monotonic()
        if self.run.asked_to_stop:
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.own = self.model.get_weights()  # a fit of Keras ends by putting averaged weights in their place

    def note(self) -> None:
        """Bring the sums of the epoch under way up to date."""
        progress = self.run.progress
        progress.nats = self.base[0] + float(self.metric.nats)
        progress.tokens = self.base[1] + float(self.metric.tokens)
        progress.seconds = self.base[2] + time.monotonic() - self.began


class _Run:
    """A model in training and its folder."""

    def __init__(
        self,
        folder: Path,
        spec: ModelSpec,
        material: Material,
        encoder: str,
        settings: FitSettings,
        va_loss: VaTerm | None,
    ) -> None:
        self.folder, self.spec, self.settings = folder, spec, settings
        self.material, self.encoder = material, encoder
        self.asked_to_stop = False
        self.va_loss = va_loss
        kind = va_loss.kind if va_loss else VA_LOSSES[0]
        self.config = settings.kept_for(spec, kind) | material.kept_for(encoder)
        self.epochs = settings.epochs_for(spec)
        self.optimizer = make_optimizer(settings, steps=self.epochs * steps_per_epoch(material, settings))
        state = read_state(folder)
        if state is None:
            keras.utils.set_random_seed(settings.seed)
            width = material.features[encoder].shape[1]
            self.model = build(spec, material.vocabulary, image_encoder=encoder, image_width=width, size=settings.size)
            self.optimizer.build(self.model.trainable_variables)
            self.progress = Progress()
        else:
            check_settings(folder, state, self.config)
            self.model, self.progress = load_checkpoint(folder, state, self.optimizer), progress_of(state)

    def keep(self) -> None:
        save_checkpoint(self.folder, self.model, self.optimizer, self.progress, self.config)

    def compile(self) -> CrossEntropy:
        metric = CrossEntropy()
        optimizer = self.optimizer
        if self.settings.precision == "mixed_float16":
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        va_loss = self.va_loss.loss if self.va_loss else None
        objective = Objective(va_loss, self.settings.lambda_va)
        self.model.compile(optimizer, loss=objective, metrics=[metric], jit_compile=False)
        return metric

    def finished(self) -> bool:
        patience = self.settings.patience
        late = bool(patience) and self.progress.epochs_since_best() >= patience
        return self.asked_to_stop or late or self.progress.epoch >= self.epochs

    def learn_epoch(self, metric: CrossEntropy) -> None:
        """Finish the epoch under way and note its losses, unless asked to stop."""
        progress = self.progress
        rows = batches(self.material, "train", self.encoder, self.settings, epoch=progress.epoch, skip=progress.step)
        total = steps_per_epoch(self.material, self.settings)
        with tqdm(
            total=total, initial=progress.step, desc=f"{self.spec.name} {progress.epoch + 1}", disable=None
        ) as bar:
            keeper = _Keeper(self, metric, bar)
            if progress.step < total:
                self.model.fit(rows, epochs=1, shuffle=False, callbacks=[keeper], verbose=0)
                self.model.set_weights(keeper.own)
            keeper.note()
        if not self.asked_to_stop:
            self._end_epoch()

    def _end_epoch(self) -> None:
        """Validate, on averaged weights where there are any, keep the best model and the run's state."""
        progress = self.progress
        own = self.model.get_weights()
        averaged = self.settings.average_decay > 0
        if averaged:
            self.optimizer.finalize_variable_values(self.model.trainable_variables)
        loss = validation_loss(self.model, self.material, self.encoder, self.settings)
        if loss < progress.best:
            save_model(self.model, self.folder / BEST)
        self.model.set_weights(own)
        row = Epoch(
            progress.epoch + 1, progress.nats / max(1.0, progress.tokens), loss, progress.seconds, int(progress.tokens)
        )
        progress.history.append(row)
        progress.epoch, progress.step = progress.epoch + 1, 0
        progress.nats = progress.tokens = progress.seconds = 0.0
        self.keep()
        print(
            f"{self.spec.name} epoch {row.epoch}/{self.epochs}: train {row.train:.4f}, validation {row.validation:.4f} "
            f"nats a token, {row.tokens / max(1e-9, row.seconds):,.0f} tokens a second",
            file=sys.stderr,
            flush=True,
        )


def validation_loss(
    model: Any, material: Material, encoder: str, settings: FitSettings, *, part: str = "validation"
) -> float:
    """Mean cross-entropy of a part in nats a token."""
    metric = CrossEntropy()
    for inputs, targets in batches(material, part, encoder, settings):
        metric.update_state(targets, model(inputs, training=False))
    return float(metric.result())


def fit(
    folder: Path,
    spec: ModelSpec,
    material: Material,
    settings: FitSettings,
    *,
    image_encoder: str,
    va_loss: VaTerm | None = None,
) -> Fitted:
    """Train a row until its epochs are over, it stops improving, or SIGTERM or Ctrl-C asks to stop.

    Raises:
        SettingsError: the folder's run has other settings or learns from another material.
        DataMissingError: the material lacks the encoder's features, or pieces that fit.
        WeightsError: the folder's checkpoint is damaged.
    """
    material.image(image_encoder, material.rows("train")[:1])
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy(settings.precision)
    try:
        with strategy().scope():
            run = _Run(folder, spec, material, image_encoder, settings, va_loss)
            metric = run.compile()
        with stopping(run):
            while not run.finished():
                run.learn_epoch(metric)
    finally:
        keras.mixed_precision.set_dtype_policy(before)
    return Fitted(run.progress, folder / BEST, run.asked_to_stop)


@contextmanager
def stopping(run: _Run) -> Iterator[None]:
    """SIGTERM and Ctrl-C ask the run to stop after the batch under way, in the main thread."""

    def ask(number: int, frame: Any) -> None:
        run.asked_to_stop = True

    try:
        former = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    except ValueError:  # not the main thread
        former = {}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
