"""EMID's pictures: photographs tagged with one of Mikels' eight emotions in, paths and points of the plane out.

Source: Zou et al., "EMID: An Emotional Aligned Dataset in Audio-Visual Modality" (McGE 2023), the picture half of the
symbolic paper's pairs; its pictures come from You et al., "Building a Large Scale Dataset for Image Emotion
Recognition" (AAAI 2016). For research, not for commerce (CC BY-NC-SA 4.0).

Layout, as its authors publish it::

    emid/EMID_data.csv   Audio_Filename,genre,feeling,emotion,Image1_filename,Image1_tag,Image1_text,… Image3_text,…
    emid/images/         the pictures, by the names of the columns Image1_filename to Image3_filename

The table has 10,738 rows, a music clip each with three pictures; the symbolic paper took 4,029 pictures. The music is
not needed. EMID is not among the data beside the project: the layout is that of its card, and was not seen here.

Conventions
-----------
A picture that several rows name counts once, with its first tag, in the order of its first row. Only an emotion is
known of it, so that all pictures of an emotion lie at one point: :func:`training.data.mikels.mikels_va`, min-max to 1
to 9.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipelines.errors import DataMissingError, SettingsError
from training.data import data_folder
from training.data.mikels import mikels_va

TABLE = "EMID_data.csv"
SLOTS = (1, 2, 3)


@dataclass(frozen=True, eq=False)
class Emid:
    """The pictures: `paths` and `emotions` one a picture; `va` (pictures, 2) float64, valence and arousal on 1 to 9."""

    paths: tuple[Path, ...]
    emotions: tuple[str, ...]
    va: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.paths)


def load_emid(folder: Path | None = None) -> Emid:
    """Read the pictures' table from `folder` (default: `data_folder("emid")`).

    Raises:
        DataMissingError: the table is missing or laid out otherwise, or a picture that it names is missing.
    """
    folder = folder or data_folder("emid")
    table = folder / TABLE
    if not table.is_file():
        raise DataMissingError(f"EMID has no table {table}; lay it out as training/data/emid.py says.")
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            tags = _tags(csv.DictReader(file))
        va = mikels_va(tags.values())
    except (KeyError, ValueError, csv.Error, SettingsError) as error:
        raise DataMissingError(
            f"The table {table} is not laid out as expected ({error}); see training/data/emid.py."
        ) from error
    paths = tuple(folder / "images" / name for name in tags)
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise DataMissingError(
            f"EMID lacks {len(missing)} pictures, such as {missing[0]}; put them in {folder / 'images'}."
        )
    return Emid(paths, tuple(tags.values()), va)


def _tags(rows: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The first tag of each picture by its name, in lower case."""
    tags: dict[str, str] = {}
    for row in rows:
        for slot in SLOTS:
            if name := (row[f"Image{slot}_filename"] or "").strip():
                tags.setdefault(name, (row[f"Image{slot}_tag"] or "").strip().lower())
    if not tags:
        raise ValueError("it names no picture")
    return tags
