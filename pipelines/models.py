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

from pipelines.catalogue import MUSICGEN_SMALL, ModelEntry, entry_for, paper_entry
from pipelines.errors import ModelMissingError, SettingsError, WeightsError
from pipelines.hub import is_hub_id, local_folder, problem_of, whole_folder
from pipelines.hub_files import safetensors_header

if TYPE_CHECKING:
    import torch

WEIGHTS_DIR = Path(__file__).resolve().parent.parent / "assets" / "weights"
CONFIG_KEY = "config"
T = TypeVar("T")


MODELS = ("auto", "embedded", "paper")
MODELS_VARIABLE = "EKPHONIA_MODELS"
NOT_TRAINED = "trained classifier: none on this machine yet"
BACKBONE = "backbone."

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

    "embedded" never looks further; "paper" insists, and so does a `paper` that stands in for the catalogue's own entry,
    such as a fine-tuned checkpoint's: who names a model does not want another. A model whose files are damaged is
    chosen all the same, so that loading it says what is wrong. The network is never touched.

    Raises:
        SettingsError: unknown role or models.
        ModelMissingError: the model that is insisted on is not on this machine.
    """
    check_models(models)
    if models == "embedded":
        return entry_for(role)
    wanted = paper or paper_entry(role)
    if _trained(wanted) and local_folder(wanted.hub_id or "") is not None:
        return wanted
    named = wanted.hub_id != paper_entry(role).hub_id
    if models == "paper" or named:
        raise ModelMissingError(_missing(wanted, named=named))
    return entry_for(role)


def _missing(entry: ModelEntry, *, named: bool) -> str:
    """That a model is not here and how it comes here; `named` says that it is not the catalogue's own."""
    if not _trained(entry):
        return f"The {entry.made_by} has not been trained on this machine; choose the models auto or embedded."
    hub_id = entry.hub_id or ""
    if named and not is_hub_id(hub_id):
        return f"The folder {hub_id} holds no whole model; name another, or one of the hub such as {MUSICGEN_SMALL}."
    size = f", {entry.size_mb:.0f} MB" if entry.size_mb else ""
    other = "name another model" if named else "choose the models auto or embedded"
    called = hub_id if named else f"{entry.name} ({hub_id}{size})"
    command = f"python -m pipelines fetch {hub_id if named else entry.role}"
    return f"{called} is not on this machine; fetch it with `{command}`, or {other}."


def is_here(entry: ModelEntry) -> bool:
    """Whether a model can be loaded without the network: all of its files, or the packages that hold it, are here."""
    if not _trained(entry):
        return False
    if entry.hub_id is None:
        return all(importlib.util.find_spec(package) is not None for package in entry.packages)
    return _carries_backbone(entry) or whole_folder(entry.hub_id) is not None


def note_on(entry: ModelEntry) -> str:
    """Why a model of which something lies here cannot play, in a few words; "" for one that can, or is not here."""
    if entry.hub_id is None or is_here(entry):
        return ""
    if not _trained(entry):
        return NOT_TRAINED
    problem = problem_of(entry.hub_id)
    return f"what is on this machine {problem}; fetch it again" if problem else ""


def may_be_fetched(entry: ModelEntry) -> bool:
    """Whether the hub has what a model lacks here."""
    return entry.hub_id is not None and _trained(entry) and not is_here(entry)


def _trained(entry: ModelEntry) -> bool:
    """Whether the entry's file in assets/weights is there, where it needs one."""
    return entry.weights is None or weights_path(entry.weights).is_file()


def _carries_backbone(entry: ModelEntry) -> bool:
    """Whether the entry's file in assets/weights holds what else would come from the hub."""
    header = safetensors_header(weights_path(entry.weights)) if entry.weights else None
    return any(name.startswith(BACKBONE) for name in header or {})


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
