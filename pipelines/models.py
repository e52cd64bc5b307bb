"""Which model plays a role, and loading it, once.

In: a role's name or a weights file's name. Out: an entry of the catalogue (`catalogue.py`), a path under
assets/weights, tensors and their configuration.

Conventions
-----------
Nothing is loaded when this module is imported. Weights are safetensors with a JSON configuration under the key
"config" of the file's metadata. A model is loaded once per process by :func:`load_once`, however many threads ask.
"""

from __future__ import annotations

import importlib.util
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pipelines.catalogue import ModelEntry, entry_for, paper_entry
from pipelines.errors import ModelMissingError, SettingsError, WeightsError
from pipelines.hub import local_folder

if TYPE_CHECKING:
    import torch

WEIGHTS_DIR = Path(__file__).resolve().parent.parent / "assets" / "weights"
CONFIG_KEY = "config"
T = TypeVar("T")


MODELS = ("auto", "embedded", "paper")
MODELS_VARIABLE = "EKPHONIA_MODELS"

_loaded: dict[str, Any] = {}
_locks: dict[str, threading.Lock] = {}
_guard = threading.Lock()


def default_models() -> str:
    """What the environment variable EKPHONIA_MODELS says, else "auto"."""
    return os.environ.get(MODELS_VARIABLE) or "auto"


def check_models(models: str) -> None:
    """Raise SettingsError for what is none of :data:`MODELS`."""
    if models not in MODELS:
        raise SettingsError(f"The models {models!r} are unknown; choose one of {', '.join(MODELS)}.")


def choose(role: str, models: str, *, paper: ModelEntry | None = None) -> ModelEntry:
    """The model that plays a role: by `models` "auto" the paper's where it lies on this machine, else the embedded.

    "embedded" never looks further; "paper" insists. `paper` stands in for the catalogue's own entry, such as for a
    fine-tuned checkpoint. The network is never touched.

    Raises:
        SettingsError: unknown role or models.
        ModelMissingError: `models` is "paper" and the paper's model is not on this machine.
    """
    check_models(models)
    if models == "embedded":
        return entry_for(role)
    wanted = paper or paper_entry(role)
    if local_folder(wanted.hub_id or "") is not None:
        return wanted
    if models == "paper":
        raise ModelMissingError(
            f"{wanted.name} ({wanted.hub_id}, {wanted.size_mb:.0f} MB) is not on this machine; fetch it with "
            f"`python -m pipelines fetch {role}`, or choose the models auto or embedded."
        )
    return entry_for(role)


def is_here(entry: ModelEntry) -> bool:
    """Whether a model can be loaded without the network: its files, or the packages that hold it, are here."""
    if entry.hub_id is not None:
        return local_folder(entry.hub_id) is not None
    weights = entry.weights is None or weights_path(entry.weights).is_file()
    return weights and all(importlib.util.find_spec(package) is not None for package in entry.packages)


def load_once(key: str, loader: Callable[[], T]) -> T:
    """Return what `loader` made for `key`, calling it at most once per process.

    Threads that ask for the same key wait for the first of them; different keys load side by side. A loader that
    raises is called again by the next to ask.
    """
    with _guard:
        lock = _locks.setdefault(key, threading.Lock())
    with lock:
        if key not in _loaded:
            _loaded[key] = loader()
        loaded: T = _loaded[key]
        return loaded


def forget(key: str) -> None:
    """Drop what was loaded for `key`, so that the next :func:`load_once` loads it again."""
    with _guard:
        _loaded.pop(key, None)


def compute_on_one_thread() -> None:
    """Let torch compute on one thread, for the thread that calls and for those that start later.

    The embedded models are so small that sharing their work out gains nothing, and where other programs or visitors
    keep the cores busy, threads that wait for each other take ten times as long. torch keeps the number for each
    thread, hence a call before each piece of work rather than once.
    """
    import torch

    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)


def weights_path(name: str) -> Path:
    """Path of a file in assets/weights, there or not: training writes to it, :func:`load_weights` reads it."""
    return WEIGHTS_DIR / name


def load_weights(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Read a safetensors file: its tensors by name, on the CPU, and its configuration ({} when it carries none).

    Raises:
        WeightsError: the file is missing, damaged, or a git-lfs pointer instead of the file.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        cure = f"restore it with `git checkout -- {_in_repository(path)}` or train it anew as its model card says"
        raise WeightsError(f"The weights {path.name} are not in {path.parent}; {cure}.")
    try:
        with safe_open(path, framework="pt") as file:
            config = json.loads((file.metadata() or {}).get(CONFIG_KEY, "{}"))
            return {name: file.get_tensor(name) for name in file.keys()}, config  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError, ValueError) as error:
        size, cure = path.stat().st_size, f"restore the file with `git checkout -- {_in_repository(path)}`"
        raise WeightsError(f"The weights {path.name} ({size} bytes) are damaged; {cure}.") from error


def _in_repository(path: Path) -> Path:
    """The path as git knows it, from the repository's root; a path outside as it is."""
    root, path = WEIGHTS_DIR.parent.parent, path.resolve()
    return path.relative_to(root) if path.is_relative_to(root) else path


def save_weights(path: Path, tensors: dict[str, torch.Tensor], config: dict[str, Any]) -> None:
    """Write tensors and a JSON configuration as safetensors, whole or not at all.

    Raises:
        OSError: the folder cannot be written.
    """
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(path.suffix + ".part")
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, part, metadata={CONFIG_KEY: json.dumps(config, sort_keys=True)})
    part.chmod(0o644)  # safetensors writes for the owner alone, but an app may run as another user
    part.replace(path)
