"""The model hub: which models lie on this machine, and how one that does not is fetched.

In: a model's id at the hub, such as "facebook/musicgen-small", or the path of a folder with the same files. Out: the
folder that `from_pretrained` loads. Looking (:func:`local_folder`, :func:`whole_folder`) never touches the network;
only :func:`fetch` does, and it gives up within :data:`WAIT_S` seconds on a hub that does not answer.

Conventions
-----------
Models lie in the cache of huggingface_hub, so `HF_HOME`, `HF_HUB_CACHE`, `HF_ENDPOINT` and `HF_TOKEN` are honoured.
Only safetensors and text files are fetched; where a model has no safetensors, its `pytorch_model.bin` is, which is
read with `weights_only=True` and so runs no code. Files come one by one over plain HTTP, never by Xet, whose transfers
cannot be stopped from Python; a file that was cut short begins anew, those before it are kept.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.catalogue import parts_needed
from pipelines.errors import HubError, SettingsError, StoppedError
from pipelines.hub_files import CONFIG, INDEX, SAFE, SAFE_SUFFIX, has_files, is_sound, kind_of, problem_in
from pipelines.hub_trouble import told_as_hub_errors

WAIT_S = 4.0
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
TEXT_SUFFIXES = (".json", ".txt", ".model")
SNAPSHOTS, CACHED = "snapshots", "models--"
STOPPED = "Fetching was stopped."

_plain_lock = threading.Lock()
_plain = {"users": 0, "before": False}


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
    if not _is_folder(model_id) and not is_hub_id(model_id):
        raise SettingsError(
            f"{model_id!r} is neither a folder with a model nor a hub's id; give one such as facebook/musicgen-small."
        )


def is_hub_id(model_id: str) -> bool:
    """Whether the hub could have a model of that id: "owner/name", as the hub's own client takes it."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(model_id)
    except HFValidationError:
        return False
    return HUB_ID.fullmatch(model_id) is not None


def _is_folder(model_id: str) -> bool:
    return bool(model_id) and os.path.isdir(model_id)  # noqa: PTH112 (Path.is_dir raises for a name that is too long)


def local_folder(model_id: str) -> Path | None:
    """The folder of a model whose configuration and weights lie on this machine, None where they do not.

    The files may be damaged, which whoever loads them says. Never touches the network. Raises SettingsError as
    :func:`check_model_id` does.
    """
    folder = _folder(model_id)
    return folder if folder is not None and has_files(folder) else None


def whole_folder(model_id: str) -> Path | None:
    """As :func:`local_folder`, but None also for a model that is damaged or lacks what its kind needs to be loaded."""
    folder = _folder(model_id)
    return folder if folder is not None and _whole(folder, model_id) else None


def problem_of(model_id: str) -> str:
    """What is wrong with a model that lies here, as the rest of a sentence; "" for one that is whole, or not here.

    Raises SettingsError as :func:`check_model_id` does.
    """
    folder = _folder(model_id)
    return "" if folder is None else _problem(folder, model_id)


def how_to_fetch_again(folder: Path) -> str:
    """The cure for a damaged model, as the rest of a sentence: the command where the hub has it, else plain advice."""
    repository = folder.parent.parent.name
    if folder.parent.name != SNAPSHOTS or not repository.startswith(CACHED):
        return f"fetch it anew into {folder}"
    return (
        f"fetch it again with `python -m pipelines fetch {repository.removeprefix(CACHED).replace('--', '/')} --again`"
    )


def _folder(model_id: str) -> Path | None:
    check_model_id(model_id)
    return Path(model_id) if _is_folder(model_id) else _cached(model_id)


def _cached(model_id: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(model_id, CONFIG)
    return Path(found).parent if isinstance(found, str) else None


def _whole(folder: Path, model_id: str = "") -> bool:
    return not _problem(folder, model_id)


def _problem(folder: Path, model_id: str) -> str:
    return problem_in(folder, parts_needed(model_id, kind_of(folder)))


def fetch(
    model_id: str,
    *,
    force: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Path:
    """Bring a model from the hub into the cache and return its folder.

    Files that are here and whole are not asked for again, unless `force` is True; damaged ones are. A fetch that was
    cut short goes on with the file that it was at, from that file's beginning.

    Raises HubError when the hub does not answer, does not have the model or the transfer fails, StoppedError once
    `cancelled` answers True, SettingsError for what is no id of the hub.
    """
    here = whole_folder(model_id)
    if here is not None and not force:
        return here
    if _is_folder(model_id):
        raise SettingsError(f"{model_id} is a folder; the hub has models such as facebook/musicgen-small.")
    with told_as_hub_errors(model_id), _plain_http():
        files = _files_of(model_id)
        meter = _Meter(progress, sum(size for _, size in files))
        for name, size in files:
            meter.begin(name, size)
            _fetch_file(model_id, name, size, meter, force=force, stop=cancelled)
            meter.end()
    progress(Progress(CONFIG, meter.total, meter.total))
    return _fetched(model_id)


def _fetched(model_id: str) -> Path:
    """The folder of a model that has come; raises HubError where the hub has none that can be used."""
    folder = _folder(model_id)
    problem = "has no configuration" if folder is None else _problem(folder, model_id)
    if folder is None or problem:
        raise HubError(f"At the hub, {model_id} {problem}; choose another model.")
    return folder


@contextmanager
def _plain_http() -> Iterator[None]:
    """Keep the client from Xet while any thread fetches."""
    from huggingface_hub import constants

    with _plain_lock:
        if _plain["users"] == 0:
            _plain["before"] = constants.HF_HUB_DISABLE_XET
            constants.HF_HUB_DISABLE_XET = True
        _plain["users"] += 1
    try:
        yield
    finally:
        with _plain_lock:
            _plain["users"] -= 1
            if _plain["users"] == 0:
                constants.HF_HUB_DISABLE_XET = bool(_plain["before"])


def _files_of(model_id: str) -> list[tuple[str, int]]:
    """Names and sizes in bytes of the files that are needed, the configuration last."""
    from huggingface_hub import HfApi

    found = HfApi().model_info(model_id, timeout=WAIT_S, files_metadata=True)
    sizes = {file.rfilename: file.size or 0 for file in found.siblings or []}
    return [(name, sizes[name]) for name in needed(list(sizes))]


def needed(names: Sequence[str]) -> list[str]:
    """The files to fetch among a repository's, the configuration last, since its presence says that all is there."""
    top = sorted(name for name in names if "/" not in name)
    weights = [name for name in top if name.startswith("model") and name.endswith(SAFE_SUFFIX)]
    weights = weights or [name for name in top if name.startswith("pytorch_model") and name.endswith(".bin")]
    foreign = () if not weights or weights[0].endswith(SAFE_SUFFIX) else (f"{SAFE}{INDEX}",)
    texts = [name for name in top if name.endswith(TEXT_SUFFIXES) and name != CONFIG and name not in foreign]
    return [*weights, *texts, *(name for name in top if name == CONFIG)]


@dataclass
class _Meter:
    """Turns the bytes of one file after the other into the progress of all, which never runs backwards."""

    tell: Callable[[Progress], None]
    total: int
    file: str = ""
    size: int = 0
    before: int = 0
    most: int = 0

    def begin(self, file: str, size: int) -> None:
        self.file, self.size = file, size
        self(0)

    def __call__(self, taken: int) -> None:
        self.most = max(self.most, self.before + min(taken, self.size))
        self.tell(Progress(self.file, self.most, self.total))

    def end(self) -> None:
        self.before += self.size


def _fetch_file(model_id: str, name: str, size: int, meter: _Meter, *, force: bool, stop: Callable[[], bool]) -> None:
    """Fetch one file; one that was here but is damaged is fetched after all."""
    path = _download(model_id, name, meter, force=force, stop=stop)
    if not force and not (is_sound(path) and size in (0, path.stat().st_size)):
        _download(model_id, name, meter, force=True, stop=stop)


def _download(
    model_id: str, name: str, progress: Callable[[int], None], *, force: bool, stop: Callable[[], bool]
) -> Path:
    from huggingface_hub import hf_hub_download

    if stop():
        raise StoppedError(STOPPED)
    bar = _reporter(progress, stop)
    return Path(hf_hub_download(model_id, name, etag_timeout=WAIT_S, tqdm_class=bar, force_download=force))


def _reporter(progress: Callable[[int], None], stop: Callable[[], bool]) -> Any:
    """A progress bar's class that tells us instead of the terminal, and stops the transfer when asked to.

    Where the client makes several bars of it, the first one counts.
    """
    from tqdm import tqdm

    made: list[object] = []

    class Reporter(tqdm):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            options.pop("name", None)
            super().__init__(*arguments, **(options | {"disable": True}))
            self.taken = int(options.get("initial") or 0)
            self.counts = not made
            made.append(self)

        def update(self, n: float | None = 1) -> bool | None:
            if stop():
                raise StoppedError(STOPPED)
            self.taken += int(n or 0)
            if self.counts:
                progress(self.taken)
            return None

    return Reporter
