"""What lies in a model's folder: whether configuration, weights and tokenizer are there, and whole.

In: a folder laid out as `from_pretrained` reads it. Out: yes or no, or a few words on what is wrong.

Conventions
-----------
No tensor is read. A safetensors file begins with the length of its header (8 bytes, little-endian), then the header in
JSON, which says where each tensor lies; the file is whole where its length is what the header says
(https://github.com/huggingface/safetensors#format). Of other files only that they hold something is known.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CONFIG = "config.json"
SAFE, BIN = "model.safetensors", "pytorch_model.bin"
INDEX = ".index.json"
SAFE_SUFFIX = ".safetensors"
METADATA = "__metadata__"
LONGEST_HEADER = 100_000_000  # bytes; the format's own limit


def has_files(folder: Path) -> bool:
    """Whether configuration and weights are there to be loaded, whole or not."""
    return (folder / CONFIG).is_file() and bool(weight_files(folder))


def weight_files(folder: Path) -> list[Path]:
    """The files of a model's weights: one, or every shard that an index names; none where one of those is missing."""
    for name in (SAFE, BIN):
        if (folder / name).is_file():
            return [folder / name]
    for name in (SAFE, BIN):
        shards = [folder / shard for shard in _shards(folder / f"{name}{INDEX}")]
        if shards and all(shard.is_file() for shard in shards):
            return shards
    return []


def _shards(index: Path) -> list[str]:
    """The files that an index names; none for an index that is missing or damaged."""
    weight_map = (_read_object(index) or {}).get("weight_map")
    names = list(weight_map.values()) if isinstance(weight_map, dict) else []
    return sorted(set(names)) if all(isinstance(name, str) and name for name in names) else []


def problem_in(folder: Path, parts: Sequence[Sequence[str]] = ()) -> str:
    """What keeps a model from being loaded, as the rest of a sentence ("has no configuration"); "" when it is whole.

    Of each of the `parts`, such as a tokenizer, one of the files must be there.
    """
    if _read_object(folder / CONFIG) is None:
        return f"has a damaged {CONFIG}" if (folder / CONFIG).is_file() else "has no configuration"
    weights = weight_files(folder)
    if not weights:
        return "has no weights that can be loaded safely"
    for path in weights:
        if not is_sound(path):
            return f"has a damaged {path.name}"
    for part in parts:
        if not any((folder / name).is_file() and is_sound(folder / name) for name in part):
            return f"lacks {' or '.join(part)}"
    return ""


def kind_of(folder: Path) -> str:
    """The kind of model that a configuration names, such as "musicgen"; "" where it names none."""
    kind = (_read_object(folder / CONFIG) or {}).get("model_type")
    return kind if isinstance(kind, str) else ""


def is_sound(path: Path) -> bool:
    """Whether a file is as long as it says itself (safetensors), or at least holds something (any other)."""
    try:
        return safetensors_header(path) is not None if path.suffix == SAFE_SUFFIX else path.stat().st_size > 0
    except OSError:
        return False


def safetensors_header(path: Path) -> dict[str, Any] | None:
    """The header of a safetensors file, by tensor what it says of it; None for a file that is damaged or cut short.

    Raises OSError for a file that cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(LONGEST_HEADER, size - 8):
            return None
        text = file.read(length)
    try:
        header = json.loads(text)
        ends = [int(said["data_offsets"][1]) for name, said in header.items() if name != METADATA]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None
    return header if 8 + length + max(ends, default=0) == size else None


def _read_object(path: Path) -> dict[str, Any] | None:
    """A JSON file's object; None for a file that is missing, damaged or holds something else."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None
