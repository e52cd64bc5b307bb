"""A take as it was stored, read without trusting it: a ZIP, a take's folder, or its take.json alone.

In: any file that somebody says is a take. Out: its record, the content of take.json, and the SHA-256 of its files.
Files go by name only, so that no path in a ZIP leads anywhere; unknown ones are passed over; sizes are limited before
and while they are read.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pipelines.bundle import ALL_FILES, FILES, TAKE
from pipelines.errors import SettingsError
from pipelines.export_readme import README, REQUIREMENTS

SUMS = "SHA256SUMS"
EXPORTED = tuple(f"{chain}{suffix}" for chain in FILES for suffix in (".mp3", ".ogg", ".mp4"))
PICTURE_SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".png",
    ".webp",
    ".bmp",
    ".tif",
    ".tiff",
    ".gif",
    ".avif",
    ".heic",
    ".heif",
    ".ppm",
)
PICTURES = tuple(f"picture{suffix}" for suffix in PICTURE_SUFFIXES)
KNOWN = frozenset((TAKE, README, REQUIREMENTS, SUMS, *ALL_FILES, *EXPORTED, *PICTURES))
MOST_ENTRIES = 100
MOST_BYTES_A_FILE, MOST_BYTES, MOST_BYTES_OF_TEXT = 400_000_000, 1_000_000_000, 2_000_000
PIECE = 1 << 20
CURE = "choose a ZIP that Ekphonia made"


@dataclass(frozen=True)
class StoredTake:
    """A take as it was stored: the content of take.json, and the SHA-256 of each file that lies with it, by name.

    `changed` names the files that are not what SHA256SUMS says they were when they were packed.
    """

    name: str
    record: Mapping[str, Any]
    sha256: Mapping[str, str]
    changed: frozenset[str] = frozenset()


def open_take(source: str | Path) -> StoredTake:
    """Read a stored take: a ZIP, a folder with a take.json, or that file alone; nothing is written.

    Raises SettingsError when there is none, when it is not Ekphonia's or damaged, when a ZIP is encrypted, has paths
    that lead out of it, names twice, more than 100 entries, files over 400 MB or over 1 GB in all.
    """
    source = Path(source)
    if source.is_dir():
        return _open_folder(source, source.name)
    if source.name == TAKE or source.suffix.lower() == ".json":
        return _open_folder(source.parent, source.name, record=source)
    if not source.is_file():
        raise SettingsError(f"{source.name} is not there; give a take's ZIP, its folder or its take.json.")
    with _opened(source) as (archive, entries):
        sums = {name: sum_of(_read(archive, entry, source.name)) for name, entry in entries.items()}
        record, packed = (
            b"".join(_read(archive, entries[name], source.name, limit=MOST_BYTES_OF_TEXT)) if name in entries else b""
            for name in (TAKE, SUMS)
        )
    changed = {name for name, packed_sum in _parsed(packed).items() if sums.get(name, packed_sum) != packed_sum}
    return StoredTake(source.name, check_record(record, source.name), sums, frozenset(changed))


def _parsed(sums: bytes) -> dict[str, str]:
    """Name to hash of a SHA256SUMS."""
    rows = [line.split("  ", 1) for line in sums.decode(errors="replace").splitlines()]
    return {row[1]: row[0] for row in rows if len(row) == 2}


def unpack(source: str | Path, folder: str | Path) -> list[Path]:
    """Write the files of a take's ZIP that are known by name into a folder and return their paths; others are left.

    Raises as :func:`open_take`, before anything is written; when the ZIP proves damaged midway, nothing stays.
    """
    source, folder = Path(source), Path(folder)
    open_take(source)
    folder.mkdir(parents=True, exist_ok=True)
    with _opened(source) as (archive, entries), tempfile.TemporaryDirectory(dir=folder, prefix=".unpack-") as scratch:
        for name, entry in entries.items():
            with (Path(scratch) / name).open("wb") as out:
                out.writelines(_read(archive, entry, source.name))
        for name in entries:
            (Path(scratch) / name).replace(folder / name)
    return [folder / name for name in sorted(entries)]


def _open_folder(folder: Path, name: str, *, record: Path | None = None) -> StoredTake:
    content = read_record(record or folder / TAKE)
    files = [file for file in (*ALL_FILES, *EXPORTED) if (folder / file).is_file()]
    return StoredTake(name, content, {file: file_sum(folder / file) for file in files})


def read_record(path: Path) -> dict[str, Any]:
    """The content of a take.json; raises SettingsError when there is none or it is not Ekphonia's."""
    try:
        with path.open("rb") as file:
            return check_record(file.read(MOST_BYTES_OF_TEXT + 1), path.name)
    except OSError as cause:
        raise SettingsError(f"There is no {path.name} in {path.parent.name or 'the folder'}; give a take's.") from cause


def check_record(content: bytes, name: str) -> dict[str, Any]:
    """Parse take.json and check that it is one of ours: chains with settings and steps. Raises SettingsError."""
    if not content:
        raise SettingsError(f"{name} holds no {TAKE}; {CURE}.")
    if len(content) > MOST_BYTES_OF_TEXT:
        raise SettingsError(f"The {TAKE} has more than {MOST_BYTES_OF_TEXT // 1_000_000} MB; {CURE}.")
    try:
        record = json.loads(content)
    except (ValueError, RecursionError) as cause:
        raise SettingsError(f"The {TAKE} of {name} is damaged; {CURE}.") from cause
    if not _is_ours(record):
        raise SettingsError(f"The {TAKE} of {name} is no record of Ekphonia's; {CURE}.")
    return record


def _is_ours(record: Any) -> bool:
    chains = record.get("chains") if isinstance(record, dict) and "ekphonia" in record else None
    return (
        isinstance(chains, dict) and bool(chains) and all(name in FILES and _is_chain(chains[name]) for name in chains)
    )


def _is_chain(chain: Any) -> bool:
    if not isinstance(chain, dict) or not isinstance(chain.get("settings"), dict):
        return False
    steps = chain.get("steps")
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        return False
    return all(isinstance(step.get(key), str) for step in steps for key in ("name", "made_by"))


@contextmanager
def _opened(path: Path) -> Iterator[tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]]:
    """The ZIP and its known entries by file name, all checked."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive, _checked(archive.infolist(), path.name)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as cause:
        raise SettingsError(f"{path.name} is no whole ZIP file; {CURE}, and copy it again.") from cause


def _checked(entries: Sequence[zipfile.ZipInfo], name: str) -> dict[str, zipfile.ZipInfo]:
    if len(entries) > MOST_ENTRIES:
        raise SettingsError(f"{name} has {len(entries)} entries, more than {MOST_ENTRIES}; {CURE}.")
    known: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        _check_entry(entry, name)
        inner = _name_within(entry, entries)
        if inner in known:
            raise SettingsError(f"{name} holds {inner} twice; {CURE}.")
        if inner in KNOWN:
            known[inner] = entry
    total = sum(entry.file_size for entry in entries)
    if total > MOST_BYTES:
        raise SettingsError(f"{name} unpacks to {total / 1e6:.0f} MB, more than {MOST_BYTES // 1_000_000}; {CURE}.")
    return known


def _check_entry(entry: zipfile.ZipInfo, name: str) -> None:
    parts = entry.filename.replace("\\", "/").split("/")
    if entry.filename.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
        raise SettingsError(f"{name} has an entry that leads out of it ({entry.filename[:60]!r}); {CURE}.")
    if entry.flag_bits & 1:
        raise SettingsError(f"{name} is encrypted; {CURE}.")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise SettingsError(f"{name} is packed in a way that is not supported; {CURE}.")
    if entry.file_size > MOST_BYTES_A_FILE:
        size, limit = entry.file_size / 1e6, MOST_BYTES_A_FILE / 1e6
        raise SettingsError(f"{name} has an entry of {size:.0f} MB, more than the {limit:.0f} MB allowed; {CURE}.")


def _name_within(entry: zipfile.ZipInfo, entries: Sequence[zipfile.ZipInfo]) -> str:
    """An entry's name beside take.json, for who packs an unpacked take again packs the folder about it too."""
    homes = [other.filename[: -len(TAKE)] for other in entries if other.filename.split("/")[-1] == TAKE]
    home = min(homes, key=len, default="")
    return entry.filename.removeprefix(home) if home.count("/") <= 1 else entry.filename


def _read(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, *, limit: int = MOST_BYTES_A_FILE
) -> Iterator[bytes]:
    """An entry's bytes; SettingsError as soon as there are more than the limit, whatever its header says."""
    left = limit
    with archive.open(entry) as file:
        for piece in in_pieces(file):
            left -= len(piece)
            if left < 0:
                raise SettingsError(f"{entry.filename} in {name} has more than {limit / 1e6:.0f} MB; {CURE}.")
            yield piece


def in_pieces(file: IO[bytes]) -> Iterator[bytes]:
    """A file's bytes, a megabyte at a time."""
    while piece := file.read(PIECE):
        yield piece


def sum_of(pieces: Iterable[bytes]) -> str:
    """The SHA-256 of bytes that come in pieces, in hexadecimal."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def file_sum(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return sum_of(in_pieces(file))
