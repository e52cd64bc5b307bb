"""A run's state on disk: the model, its optimiser's moments, and where in which epoch it stands.

Layout of a run's folder::

    state.json                    settings, epoch, step, history, and the names of the two files that belong to it
    checkpoint-EPOCH-STEP.keras   the model with its configuration
    checkpoint-EPOCH-STEP.npz     the optimiser's variables and the random states of the dropout
    best.keras                    the model of the lowest validation loss, averaged weights where there are any

`state.json` is replaced last and in one move, so that a run that is killed at any time is whole.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from pipelines.errors import SettingsError, WeightsError

STATE, BEST = "state.json", "best.keras"
SEED = "seed."


@dataclass(frozen=True)
class Epoch:
    """One line of the history: losses in nats a token, the time spent in it in seconds and the tokens learnt from."""

    epoch: int
    train: float
    validation: float
    seconds: float
    tokens: int


@dataclass
class Progress:
    """Where a run stands: the next epoch and step, sums of the epoch under way, and the epochs before."""

    epoch: int = 0
    step: int = 0
    nats: float = 0.0
    tokens: float = 0.0
    seconds: float = 0.0
    history: list[Epoch] = field(default_factory=list)

    @property
    def best(self) -> float:
        """Lowest validation loss so far, infinity before the first epoch."""
        return min((epoch.validation for epoch in self.history), default=float("inf"))

    def epochs_since_best(self) -> int:
        """Epochs since the lowest validation loss."""
        losses = [epoch.validation for epoch in self.history]
        return len(losses) - 1 - int(np.argmin(losses)) if losses else 0


def save_checkpoint(folder: Path, model: Any, optimizer: Any, progress: Progress, settings: dict[str, Any]) -> None:
    """Write the run's state, whole or not at all, and drop the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"checkpoint-{progress.epoch}-{progress.step}"
    save_model(model, folder / f"{name}.keras")
    moments: dict[str, Any] = {}
    optimizer.save_own_variables(moments)
    moments |= {f"{SEED}{i}": variable.numpy() for i, variable in enumerate(seed_states(model))}
    part = folder / f"{name}.part.npz"
    np.savez(part, **moments)
    part.replace(folder / f"{name}.npz")
    state = {**asdict(progress), "checkpoint": name, "settings": settings}
    partial = folder / (STATE + ".part")
    partial.write_text(json.dumps(state, indent=1))
    partial.replace(folder / STATE)
    for old in folder.glob("checkpoint-*"):
        if old.stem != name:
            old.unlink()


def save_model(model: Any, path: Path) -> None:
    """Write a model as `.keras`, whole or not at all, without what it was compiled with: a third of the size."""
    plain = type(model).from_config(model.get_config())
    plain.build()
    plain.set_weights(model.get_weights())
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.keras")
    plain.save(part)
    part.replace(path)


def read_state(folder: Path) -> dict[str, Any] | None:
    """The run's state, None where none was begun. Raises WeightsError where the file is damaged."""
    path = folder / STATE
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = json.loads(path.read_text())
    except ValueError as cause:
        raise WeightsError(f"The run's {path} is damaged; remove its folder to begin anew.") from cause
    return state


def progress_of(state: dict[str, Any]) -> Progress:
    """Where a run stands by its state."""
    history = [Epoch(**row) for row in state["history"]]
    return Progress(**{name: state[name] for name in ("epoch", "step", "nats", "tokens", "seconds")}, history=history)


def check_settings(folder: Path, state: dict[str, Any], settings: dict[str, Any]) -> None:
    """Raise SettingsError where a run was begun otherwise; more epochs and other patience are welcome.

    `settings` are what the run keeps: of its settings, its row and its material.
    """
    free = {"epochs", "table_1_epochs", "patience", "checkpoint_minutes"}
    stored = state["settings"]
    differing = [name for name in settings if name not in free and stored.get(name) != settings[name]]
    if differing:
        there = ", ".join(f"{name} {stored.get(name, 'unknown')}" for name in differing)
        wanted = ", ".join(f"{name} {settings[name]}" for name in differing)
        raise SettingsError(f"The run in {folder} has {there}, not {wanted}; name another folder or remove this one.")


def load_checkpoint(folder: Path, state: dict[str, Any], optimizer: Any) -> Any:
    """The model of a run, its optimiser's variables set beside it."""
    from pipelines.symbolic.paper_model import load

    model = load(folder / f"{state['checkpoint']}.keras")
    optimizer.build(model.trainable_variables)
    path = folder / f"{state['checkpoint']}.npz"
    try:
        with np.load(path, allow_pickle=False) as moments:
            optimizer.load_own_variables({name: moments[name] for name in moments.files if not name.startswith(SEED)})
            for i, variable in enumerate(seed_states(model)):
                variable.assign(moments[f"{SEED}{i}"])
    except (OSError, ValueError, KeyError, BadZipFile) as cause:
        raise WeightsError(f"The run's {path} is damaged; remove its folder to begin anew.") from cause
    return model


def seed_states(model: Any) -> list[Any]:
    """The states of a model's random generators, which a `.keras` file leaves out."""
    return [variable for variable in model.variables if variable.name == "seed_generator_state"]
