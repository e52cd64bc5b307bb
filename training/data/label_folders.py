"""Anybody's pictures or music in folders named after the five labels, and what every labelled set hands on.

In: a folder such as::

    FOLDER/Happy/*.jpg     FOLDER/Angry/*.jpg     FOLDER/Sad/*.jpg     FOLDER/Fun/*.jpg     FOLDER/Neutral/*.jpg

(or `*.mid`), folders within allowed. Out: :class:`Labelled`, in the order of the paths. The names of the five folders
may be written in any case; other folders are passed over.

Conventions
-----------
Valence and arousal lie on 1 to 9. Where a set has labels only, an item gets its label's :data:`TYPICAL` point, and
`rated` is False. Of items with the same bytes only the first is taken, in every set: copies could get into two splits.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import DataMissingError
from pipelines.records import LABELS

log = logging.getLogger(__name__)
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
MIDI_SUFFIXES = (".mid", ".midi")
# A point well inside each label's region of the plane.
TYPICAL = {"Happy": (7.5, 6.0), "Angry": (2.5, 7.0), "Sad": (3.0, 3.0), "Fun": (6.5, 7.5), "Neutral": (5.0, 4.5)}


@dataclass(frozen=True)
class Labelled:
    """A picture or a piece of music with its label, and its valence and arousal on 1 to 9.

    Items of one `group` (a theme, a song) must not be parted into two splits. `origin` names the set and the file;
    `rated` says whether valence and arousal are people's ratings.
    """

    path: Path
    label: str
    valence: float
    arousal: float
    group: str
    origin: str
    rated: bool = True


def unrated(path: Path, label: str, *, origin: str, group: str | None = None) -> Labelled:
    """An item of which only the label is known; alone in its group, unless that is given."""
    return Labelled(path, label, *TYPICAL[label], group or origin, origin, rated=False)


def without_copies(items: Iterable[Labelled]) -> tuple[Labelled, ...]:
    """The items without those whose bytes are an earlier one's; the log names these."""
    found: dict[str, Labelled] = {}
    for item in items:
        first = found.setdefault(hashlib.sha256(item.path.read_bytes()).hexdigest(), item)
        if first is not item:
            log.warning("%s is a copy of %s and is left out.", item.origin, first.origin)
    return tuple(found.values())


def load_label_folders(folder: Path, *, suffixes: Sequence[str]) -> tuple[Labelled, ...]:
    """Every file with one of the suffixes in the five labels' folders.

    Raises:
        DataMissingError: the folder is not there, or none of the five holds such a file.
    """
    if not folder.is_dir():
        raise DataMissingError(f"The folder {folder} is not there; give one with folders {', '.join(LABELS)}.")
    names = {label.lower(): label for label in LABELS}
    found = []
    for path in sorted(folder.glob("*/**/*")):
        label = names.get(path.relative_to(folder).parts[0].lower())
        if label is None or path.suffix.lower() not in suffixes or not path.is_file():
            continue
        found.append(unrated(path, label, origin=f"{folder.name}/{path.relative_to(folder).as_posix()}"))
    if not found:
        kinds = ", ".join(suffixes)
        raise DataMissingError(
            f"The folder {folder} holds no files of {kinds} in folders named {', '.join(LABELS)}; sort them so."
        )
    return without_copies(found)
