"""What a long run keeps in its folder, and how it is asked to stop: checkpoints without pickle, logs, signals.

:func:`folder_in_place_of` writes what a run makes in the end, a folder whole or not at all.

A checkpoint is one safetensors file, written whole or not at all: the model's tensors under "m.", the optimiser's
moments under "o.", others by their names, and a JSON state (step, settings, …) in its metadata.
"""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipelines.errors import SettingsError, WeightsError

MODEL, OPTIMISER, STATE = "m.", "o.", "state"


def use_threads(count: int) -> None:
    """Compute on so many threads of the CPU, 0 for as many as torch finds right. Raises SettingsError below 0."""
    if count < 0:
        raise SettingsError(f"{count} threads cannot be; choose 1 or more, or 0 for as many as torch finds right.")
    if count:
        torch.set_num_threads(count)


@dataclass
class StopSignal:
    """Turns true when the process is asked to end."""

    asked: bool = False

    def __call__(self) -> bool:
        """Whether it was asked."""
        return self.asked

    def ask(self, *_: object) -> None:
        """Ask; also what a signal calls."""
        self.asked = True


@contextmanager
def stop_signal() -> Iterator[StopSignal]:
    """While inside, SIGTERM and Ctrl-C only turn the signal true, so that a step and its checkpoint end well.

    A second Ctrl-C does what it always does. Outside the main thread, where no handler may be set, nothing is caught.
    """
    stop = StopSignal()
    before: dict[signal.Signals, Any] = {}

    def heard(number: int, frame: object) -> None:
        stop.ask()
        signal.signal(number, before[signal.Signals(number)])

    try:
        for each in (signal.SIGTERM, signal.SIGINT):
            before[each] = signal.signal(each, heard)
    except ValueError:  # not the main thread
        pass
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def folder_in_place_of(out: Path, mark: str) -> Iterator[Path]:
    """A new folder to write in, which takes the place of `out` at the end, and of which an error leaves nothing.

    Raises SettingsError at once where `out` holds other things than a folder of its kind, known by the file `mark`:
    they would be lost.
    """
    if out.exists() and not (out / mark).is_file() and not (out.is_dir() and not any(out.iterdir())):
        raise SettingsError(f"{out} is there and would be replaced, but holds no {mark}; name a new folder with --out.")
    part = out.parent / f"{out.name}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        shutil.rmtree(out, ignore_errors=True)
        part.replace(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def save_checkpoint(path: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Write tensors and a JSON state, whole or not at all."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(path.suffix + ".part")
    kept = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    save_file(kept, part, metadata={STATE: json.dumps(state, sort_keys=True)})
    part.replace(path)


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors, on the CPU, and the state of a checkpoint.

    Raises:
        WeightsError: the file is missing or damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            state = json.loads((file.metadata() or {})[STATE])
            return {name: file.get_tensor(name) for name in file.keys()}, state  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError, ValueError, KeyError) as cause:
        raise WeightsError(f"The checkpoint {path} is missing or damaged; remove it to begin anew.") from cause


def optimiser_tensors(optimiser: Any) -> dict[str, Tensor]:
    """An optimiser's moments by "o.<number of the parameter>.<name>"."""
    states = optimiser.state_dict()["state"]
    return {
        f"{OPTIMISER}{number}.{name}": torch.as_tensor(value)
        for number, moments in states.items()
        for name, value in moments.items()
    }


def restore_optimiser(optimiser: Any, tensors: Mapping[str, Tensor]) -> None:
    """Give an optimiser the moments of :func:`optimiser_tensors`; its learning rates stay."""
    states: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith(OPTIMISER):
            number, name = key[len(OPTIMISER) :].split(".")
            states.setdefault(int(number), {})[name] = value
    optimiser.load_state_dict({"state": states, "param_groups": optimiser.state_dict()["param_groups"]})


def append_line(path: Path, row: Mapping[str, Any]) -> None:
    """Add a row to a log of JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as JSON lines in the place of what is there, whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    part.replace(path)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a log of JSON lines, [] where there is none; from a line that was cut off on they are left out."""
    if not path.is_file():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows
