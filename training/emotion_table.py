"""Features of all OASIS pictures, plain and in other styles, looked at once and kept on disk.

In: the data set and a folder for the cache. Out: :class:`Table`, one row a picture and style.

Conventions
-----------
A set names which styles its pictures wear. "plain" is the pictures as they are. "trained-k" gives each picture one of
the styles of training, in turn, so that over the sets k each meets several. "check" gives every third picture one of
all eight styles, those never trained with among them, drawn from other seeds; it skips the other pictures, whose rows
are zeros.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from pipelines.emotion_features import Features, extract
from training.data.oasis import Oasis
from training.styles import STYLES, TRAINED, Rgb

log = logging.getLogger(__name__)
PLAIN = "plain"
TRAINED_SETS = ("trained-0",)
CHECK_SET = "check"
CHECK_EVERY = 3
SKIPPED = ""


@dataclass(frozen=True, eq=False)
class Table:
    """Features of n pictures: `parts` are (n, channels) float32, `classes` (n, 1000), `sequence` (n, 2, steps,
    channels) float16, `styles` the n names of the styles worn ("plain" for none, "" where skipped).
    """

    parts: tuple[npt.NDArray[np.float32], ...]
    classes: npt.NDArray[np.float32]
    sequence: npt.NDArray[np.float16]
    styles: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.styles)


def style_of(set_name: str, picture: int) -> str:
    """Which style the picture of this number wears in a set."""
    if set_name == PLAIN:
        return PLAIN
    if set_name == CHECK_SET:
        return tuple(STYLES)[picture // CHECK_EVERY % len(STYLES)] if picture % CHECK_EVERY == 0 else SKIPPED
    names, number = tuple(TRAINED), int(set_name.rsplit("-", 1)[1])
    return names[(picture + number * (len(names) // 2)) % len(names)]


def wear(rgb: Rgb, set_name: str, picture: int) -> Rgb:
    """Put the picture of this number into the style that it wears in a set."""
    style = style_of(set_name, picture)
    if style == PLAIN:
        return rgb
    rng = np.random.default_rng([picture, *set_name.encode()])
    return STYLES[style](rgb, rng)


def read_rgb(path: Path) -> Rgb:
    """Read a picture of the data set, (height, width, 3) uint8."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).copy()


def stack(seen: list[Features], styles: tuple[str, ...]) -> Table:
    """Make a table of features of single pictures."""
    parts = tuple(np.stack(column) for column in zip(*(features.parts for features in seen), strict=True))
    classes = np.stack([features.classes for features in seen])
    return Table(parts, classes, np.stack([f.sequence for f in seen]).astype(np.float16), styles)


def look(data: Oasis, set_name: str) -> Table:
    """Look at every picture in the style of the set."""
    seen: list[Features] = []
    for number, path in enumerate(data.paths):
        if style_of(set_name, number) == SKIPPED:
            seen.append(_nothing_of(seen[0]))
            continue
        seen.append(extract(wear(read_rgb(path), set_name, number)))
        if number % 100 == 99:
            log.info("%s: %d of %d pictures", set_name, number + 1, len(data))
    return stack(seen, tuple(style_of(set_name, number) for number in range(len(data))))


def _nothing_of(features: Features) -> Features:
    parts = tuple(np.zeros_like(part) for part in features.parts)
    return Features(parts, np.zeros_like(features.classes), np.zeros_like(features.sequence))


def load_table(data: Oasis, set_name: str, cache: Path) -> Table:
    """Read the set's features from the cache, or look at the pictures and write them there."""
    path = cache / f"features-{set_name}-{len(data)}.npz"
    if path.is_file():
        with np.load(path, allow_pickle=False) as file:
            parts = tuple(file[f"part{i}"] for i in range(sum(name.startswith("part") for name in file.files)))
            return Table(parts, file["classes"], file["sequence"], tuple(file["styles"].tolist()))
    table = look(data, set_name)
    cache.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {f"part{i}": part for i, part in enumerate(table.parts)}
    arrays |= {"classes": table.classes, "sequence": table.sequence, "styles": np.array(table.styles)}
    np.savez(path, **arrays)
    return table
