"""A run of the classifier's training: two stages, early stopping, a checkpoint after each epoch.

In: a backbone and pictures in three splits. Out: a `pipelines.emotion_resnet.ResNetClassifier`, its best on validation.

Conventions
-----------
Stage "frozen" trains the head alone, on features that the backbone gave once; stage "tuned" head and backbone, at a
smaller rate, from the best of the first. A stage ends after its epochs, or when the loss on validation has not fallen
for `patience` of them. Every epoch draws from its own seed, so that a run that was stopped goes on with the numbers
that it would have had.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipelines.emotion_resnet import ResNetClassifier, classifier_on
from pipelines.errors import SettingsError
from training.emotion_backbones import classifier_config, open_backbone
from training.emotion_classifier_fit import STAGES, ClassifierSettings, label_weights, loss_of, standardise
from training.emotion_pictures import Batch, Looks, PictureSet, look
from training.run_folder import (
    MODEL,
    append_line,
    load_checkpoint,
    optimiser_tensors,
    restore_optimiser,
    save_checkpoint,
)

LAST, BEST, LOG = "last.safetensors", "best.safetensors", "log.jsonl"
PROGRESS = ("stage", "epoch", "stale", "tuned", "epochs_done", "done", "best_loss")
MOST_GRADIENT = 1.0


class ClassifierRun:
    """A training run in a folder: classifier, optimiser and how far it has come, saved and resumed together.

    `tuned` says whether the best classifier's backbone was tuned, `done` whether both stages have ended.
    """

    def __init__(
        self, folder: Path, settings: ClassifierSettings, sets: Mapping[str, PictureSet], classifier: ResNetClassifier
    ) -> None:
        self.folder, self.settings, self.sets = folder, settings, sets
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.classifier = classifier.to(self.device)
        self.untuned = {name: tensor.cpu().clone() for name, tensor in classifier.backbone.state_dict().items()}
        self.stage, self.epoch, self.stale, self.best_loss = STAGES[0], 0, 0, float("inf")
        self.tuned, self.epochs_done, self.done = False, 0, False
        self.weights = label_weights(sets["train"], rarity=settings.rarity).to(self.device)
        self.optimiser = self._new_optimiser()

    @cached_property
    def looks(self) -> dict[str, Looks]:
        """What the untouched backbone sees of the pictures to train and to validate on."""
        own, classifier = self.settings, self.classifier
        classifier.backbone.eval()  # and it alone: a run that is gone on with looks while the head is learning

        def sequence(pixels: Tensor) -> Tensor:
            return classifier.sequence(pixels.to(self.device))

        rng = np.random.default_rng([own.seed, len(STAGES)])
        shared: dict[str, Any] = {"size": own.batch_size, "side_px": classifier.config.side_px, "rng": rng}
        return {
            "train": look(self.sets["train"], sequence, looks=own.looks, **shared),
            "validation": look(self.sets["validation"], sequence, looks=1, **shared),
        }

    def _new_optimiser(self) -> torch.optim.Optimizer:
        """The optimiser of a stage; in the first the backbone takes no gradient."""
        tuned, own = self.stage == STAGES[1], self.settings
        self.classifier.backbone.requires_grad_(tuned)
        groups: list[dict[str, Any]] = [
            {"params": list(self.classifier.head.parameters()), "lr": own.tuned_head_rate if tuned else own.head_rate}
        ]
        if tuned:
            groups.append({"params": list(self.classifier.backbone.parameters()), "lr": own.backbone_rate})
        return torch.optim.AdamW(groups, weight_decay=own.weight_decay)

    def fit(self, stop: Callable[[], bool]) -> None:
        """Train on until both stages have ended, or `stop()` is true; what an unfinished epoch learned is let go."""
        while not self.done and not stop():
            if self.epoch >= self.settings.epochs(self.stage) or self.stale >= self.settings.patience:
                self._next_stage()
                continue
            trained = self._learn_epoch(stop)
            if trained is not None:
                self._end_epoch(trained)

    def _batches(self, split: str, rng: np.random.Generator | None) -> Iterator[Batch]:
        """All pictures of a split: what the frozen backbone saw of them, or their pixels when it is tuned."""
        size = self.settings.batch_size
        if self.stage == STAGES[0]:
            yield from self.looks[split].batches(size, rng=rng)
        else:
            yield from self.sets[split].batches(size, side_px=self.classifier.config.side_px, rng=rng)

    def _loss(self, batch: Batch) -> Tensor:
        own = batch.to(self.device)
        read = self.classifier.head if self.stage == STAGES[0] else self.classifier
        return loss_of(read(own.seen), own, self.weights, self.settings)

    def _learn_epoch(self, stop: Callable[[], bool]) -> float | None:
        """One epoch; the mean loss, or None where it was stopped half way."""
        from tqdm import tqdm

        own = self.settings
        rng = np.random.default_rng([own.seed, STAGES.index(self.stage), self.epoch])
        torch.manual_seed(int(rng.integers(2**31)))
        total, losses = -(-len(self.sets["train"]) // own.batch_size), []
        batches = tqdm(self._batches("train", rng), total=total, desc=f"{self.stage} {self.epoch + 1}", leave=False)
        self.classifier.train()
        self.classifier.backbone.eval()  # batches are too small to renew its batch normalisation
        for batch in batches:
            if stop():
                return None
            losses.append(self._step(batch.mixed(own.mixup, rng)))
        return float(np.mean(losses))

    def _step(self, batch: Batch) -> float:
        loss = self._loss(batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.classifier.parameters(), MOST_GRADIENT)
        self.optimiser.step()
        return float(loss.detach())

    def _end_epoch(self, trained: float) -> None:
        """Look at validation, keep the best, write the checkpoint and a line of the log."""
        validation = self.validation_loss()
        self.epoch, self.epochs_done, self.stale = self.epoch + 1, self.epochs_done + 1, self.stale + 1
        if validation < self.best_loss:
            self.best_loss, self.stale, self.tuned = validation, 0, self.stage == STAGES[1]
            save_checkpoint(self.folder / BEST, self._model(), {"tuned": self.tuned})
        self.save()
        row = {"stage": self.stage, "epoch": self.epoch, "training": trained, "validation": validation}
        append_line(self.folder / LOG, row)

    def _next_stage(self) -> None:
        if self.stage == STAGES[1] or not self.settings.tuned_epochs:
            self.done = True
        else:
            self.take_best()
            self.stage, self.epoch, self.stale = STAGES[1], 0, 0
            self.optimiser = self._new_optimiser()
        self.save()

    def validation_loss(self) -> float:
        """Mean loss over the validation pictures, as they are."""
        self.classifier.eval()
        total = 0.0
        with torch.inference_mode():
            for batch in self._batches("validation", None):
                total += float(self._loss(batch)) * len(batch.va)
        return total / len(self.sets["validation"])

    def _model(self) -> dict[str, Tensor]:
        """The classifier's tensors; without the backbone while that is as it came."""
        modules = {"head.": self.classifier.head}
        tuned = {"backbone.": self.classifier.backbone} if self.stage == STAGES[1] else {}
        return {
            f"{MODEL}{part}{name}": tensor
            for part, module in {**modules, **tuned}.items()
            for name, tensor in module.state_dict().items()
        }

    def _trained_on(self) -> dict[str, str]:
        """What else a run must keep to: which pictures are in which split, and where the backbone is from."""
        known = {split: [(item.origin, item.label) for item in own.items] for split, own in self.sets.items()}
        digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
        return {"pictures": digest[:16], "weights": self.classifier.config.backbone_id}

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        state = {name: getattr(self, name) for name in PROGRESS}
        state |= {"settings": asdict(self.settings), "trained_on": self._trained_on()}
        save_checkpoint(self.folder / LAST, {**self._model(), **optimiser_tensors(self.optimiser)}, state)

    def resume(self) -> None:
        """Go on from the folder's checkpoint. Raises SettingsError where it is of other settings or pictures."""
        tensors, state = load_checkpoint(self.folder / LAST)
        asked = asdict(self.settings)
        changed = [name for name in asked if state["settings"].get(name) != asked[name]]
        if changed:
            there = ", ".join(f"{name} {state['settings'].get(name)}" for name in changed)
            raise SettingsError(f"The run in {self.folder} has {there}; use another folder with --run.")
        own = self._trained_on()
        other = [name for name, value in state.get("trained_on", own).items() if own[name] != value]
        if other:
            raise SettingsError(f"The run in {self.folder} is of other {other[0]}; use another folder with --run.")
        for name in PROGRESS:
            setattr(self, name, state[name])
        self._load(tensors)
        self.optimiser = self._new_optimiser()
        restore_optimiser(self.optimiser, tensors)

    def take_best(self) -> None:
        """Make the classifier that which did best on validation."""
        tensors, state = load_checkpoint(self.folder / BEST)
        self.tuned = state["tuned"]
        if not self.tuned:  # the best was found before the backbone moved
            self.classifier.backbone.load_state_dict(self.untuned)
        self._load(tensors)
        self.classifier.eval()

    def _load(self, tensors: Mapping[str, Tensor]) -> None:
        for part, module in (("head.", self.classifier.head), ("backbone.", self.classifier.backbone)):
            prefix = f"{MODEL}{part}"
            own = {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
            if own:
                module.load_state_dict(own)


def open_run(
    folder: Path, settings: ClassifierSettings, sets: Mapping[str, PictureSet], *, weights: str | None = None
) -> ClassifierRun:
    """A new run, or the folder's where it left off; `weights` are the ResNet's, see :mod:`training.emotion_backbones`.

    Raises what `open_backbone` raises, and SettingsError where the folder's run has other settings or pictures.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.seed)
    backbone = open_backbone(settings.backbone, weights=weights, variant=settings.variant)
    config = classifier_config(settings.backbone, weights=weights, variant=settings.variant)
    run = ClassifierRun(folder, settings, sets, classifier_on(backbone, config))
    if (folder / LAST).is_file():
        run.resume()
    else:
        standardise(run.classifier, run.looks["train"].features[0].float())
    return run
