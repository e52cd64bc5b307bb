"""The model hub: which models lie on this machine, and how one that does not is fetched.

In: a model's id at the hub, such as "facebook/musicgen-small", or the path of a folder with the same files. Out: the
folder that `from_pretrained` loads. Looking (:func:`local_folder`) never touches the network; only :func:`fetch` does,
and it gives up within :data:`WAIT_S` seconds on a hub that does not answer.

Conventions
-----------
Models lie in the cache of huggingface_hub, so `HF_HOME`, `HF_HUB_CACHE`, `HF_ENDPOINT` and `HF_TOKEN` are honoured.
Only safetensors and text files are fetched; where a model has no safetensors, its `pytorch_model.bin` is, which is
read with `weights_only=True` and so runs no code. A model is here when its configuration and all of its weights are.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import HubError, SettingsError, StoppedError

WAIT_S = 4.0
CONFIG = "config.json"
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
TEXT_SUFFIXES = (".json", ".txt", ".model")
SAFE, BIN = "model.safetensors", "pytorch_model.bin"
INDEX = ".index.json"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """How far a fetch has come: the file under way, and bytes of all files."""

    file: str
    done_bytes: int
    total_bytes: int

    @property
    def part(self) -> float:
        """From 0 to 1."""
        return min(1.0, self.done_bytes / self.total_bytes) if self.total_bytes else 0.0


def check_model_id(model_id: str) -> None:
    """Raise SettingsError for what is neither a folder of this machine nor shaped like an id of the hub."""
    if not _is_folder(model_id) and not HUB_ID.fullmatch(model_id):
        raise SettingsError(
            f"{model_id!r} is neither a folder with a model nor a hub's id; give one such as facebook/musicgen-small."
        )


def _is_folder(model_id: str) -> bool:
    return bool(model_id) and Path(model_id).is_dir()


def local_folder(model_id: str) -> Path | None:
    """The folder of a model that lies whole on this machine, None where it does not. Never touches the network.

    Raises SettingsError as :func:`check_model_id` does.
    """
    check_model_id(model_id)
    folder = Path(model_id) if _is_folder(model_id) else _cached(model_id)
    return folder if folder is not None and _whole(folder) else None


def _cached(model_id: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(model_id, CONFIG)
    return Path(found).parent if isinstance(found, str) else None


def _whole(folder: Path) -> bool:
    """Whether configuration and weights are there: one file, or every shard that an index names."""
    if not (folder / CONFIG).is_file():
        return False
    if any((folder / name).is_file() for name in (SAFE, BIN)):
        return True
    indices = [folder / f"{name}{INDEX}" for name in (SAFE, BIN)]
    return any(index.is_file() and _has_shards(folder, index) for index in indices)


def _has_shards(folder: Path, index: Path) -> bool:
    try:
        shards = set(json.loads(index.read_text())["weight_map"].values())
    except (OSError, ValueError, KeyError, AttributeError):
        return False
    return bool(shards) and all((folder / shard).is_file() for shard in shards)


def fetch(
    model_id: str,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Path:
    """Bring a model from the hub into the cache and return its folder; a fetch that was cut short goes on there.

    Raises HubError when the hub does not answer, does not have the model or the transfer fails, StoppedError once
    `cancelled` answers True, SettingsError for what is no id.
    """
    here = local_folder(model_id)
    if here is not None:
        return here
    files = _files_of(model_id)
    total, done = sum(size for _, size in files), 0
    for name, size in files:
        progress(Progress(name, done, total))
        _fetch_file(model_id, name, _Meter(name, done, total, progress), stop=cancelled)
        done += size
    progress(Progress(CONFIG, total, total))
    folder = local_folder(model_id)
    if folder is None:
        raise HubError(f"{model_id} has no weights that can be loaded safely; choose another model.")
    return folder


def _files_of(model_id: str) -> list[tuple[str, int]]:
    """Names and sizes in bytes of the files that are needed, the configuration last."""
    from huggingface_hub import HfApi

    try:
        found = HfApi().model_info(model_id, timeout=WAIT_S, files_metadata=True)
    except Exception as cause:  # its client raises errors of several families
        raise _told(model_id, cause) from cause
    sizes = {file.rfilename: file.size or 0 for file in found.siblings or []}
    return [(name, sizes[name]) for name in needed(list(sizes))]


def needed(names: Sequence[str]) -> list[str]:
    """The files to fetch among a repository's, the configuration last, since its presence says that all is there."""
    top = sorted(name for name in names if "/" not in name)
    weights = [name for name in top if name.startswith("model") and name.endswith(".safetensors")]
    weights = weights or [name for name in top if name.startswith("pytorch_model") and name.endswith(".bin")]
    foreign = () if not weights or weights[0].endswith(".safetensors") else (f"{SAFE}{INDEX}",)
    texts = [name for name in top if name.endswith(TEXT_SUFFIXES) and name != CONFIG and name not in foreign]
    return [*weights, *texts, *(name for name in top if name == CONFIG)]


@dataclass(frozen=True)
class _Meter:
    """Turns the bytes of one file into the progress of all."""

    file: str
    before: int
    total: int
    tell: Callable[[Progress], None]

    def __call__(self, taken: int) -> None:
        self.tell(Progress(self.file, self.before + taken, self.total))


def _fetch_file(model_id: str, name: str, progress: Callable[[int], None], *, stop: Callable[[], bool]) -> None:
    from huggingface_hub import hf_hub_download

    try:
        hf_hub_download(model_id, name, etag_timeout=WAIT_S, tqdm_class=_reporter(progress, stop))
    except StoppedError:
        raise
    except Exception as cause:
        raise _told(model_id, cause) from cause


def _reporter(progress: Callable[[int], None], stop: Callable[[], bool]) -> Any:
    """A progress bar's class that tells us instead of the terminal, and stops the transfer when asked to."""
    from tqdm import tqdm

    class Reporter(tqdm):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            options.pop("name", None)
            super().__init__(*arguments, **(options | {"disable": True}))
            self.taken = int(options.get("initial") or 0)

        def update(self, n: float | None = 1) -> bool | None:
            if stop():
                raise StoppedError("Fetching was stopped.")
            self.taken += int(n or 0)
            progress(self.taken)
            return None

    return Reporter


def _told(model_id: str, cause: Exception) -> HubError:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    log.info("the hub failed for %s", model_id, exc_info=cause)
    if isinstance(cause, GatedRepoError):
        return HubError(f"{model_id} asks for an account; log in to the hub, accept its terms there and try again.")
    if isinstance(cause, RepositoryNotFoundError):
        return HubError(f"The model hub has no model {model_id}; check the name.")
    if isinstance(cause, OSError) and getattr(cause, "errno", None) == 28:
        return HubError(f"The disk is full, so that {model_id} cannot be kept; free some space and try again.")
    return HubError(f"The model hub does not answer for {model_id}; try again when the network is there.")
