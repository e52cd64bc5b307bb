"""OASIS: photographs rated for valence and arousal.

In: the data folder. Out: the pictures' paths, themes and ratings on the project's plane.

Source: Kurdi, Lozano and Banaji, "Introducing the Open Affective Standardized Image Set (OASIS)", Behavior Research
Methods 49 (2017) 457-470. Each picture was rated by about 100 people on 1 to 7, valence and arousal by different
people. The pictures are under open licences of their own (the column `source`).

Layout::

    oasis/ratings.csv     file,theme,category,source,valence_mean,valence_sd,arousal_mean,arousal_sd,valence_n,arousal_n
    oasis/images/*.jpg    the pictures that `file` names

The folder beside the project holds 697 pictures of 226 themes (shrunk to 320 pixels; the nude and goriest left out).
The public original has 900: rename its columns to those above and put its pictures in `images`.

Conventions
-----------
Means are brought to 1 to 9 by min-max over the data set's own means (the symbolic paper's normalisation). A theme is
the picture's name without its trailing number ("Acorns 1" and "Acorns 2" are of the theme "Acorns").
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipelines.errors import DataMissingError
from pipelines.records import VA_MAX, VA_MIN
from training.data import data_folder

PICTURES, THEMES = 697, 226


@dataclass(frozen=True, eq=False)
class Oasis:
    """The set: `paths`, `themes` and `categories` (Animal, Object, Person, Scenery), one a picture.

    `va` is (pictures, 2) float64, valence and arousal on 1 to 9.
    """

    paths: tuple[Path, ...]
    themes: tuple[str, ...]
    categories: tuple[str, ...]
    va: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.paths)


def theme_of(name: str) -> str:
    """Name of a picture without its trailing number."""
    return re.sub(r"\s*\d+$", "", name)


def to_plane(means: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Bring each column of (pictures, 2) means to 1 to 9 by min-max."""
    low, high = means.min(axis=0), means.max(axis=0)
    return VA_MIN + (VA_MAX - VA_MIN) * (means - low) / (high - low)


def _means(row: Mapping[str, str]) -> tuple[float, float]:
    return float(row["valence_mean"]), float(row["arousal_mean"])


def load_oasis(folder: Path | None = None) -> Oasis:
    """Read the set from `folder` (default: `data_folder("oasis")`).

    Raises:
        DataMissingError: the table is missing or lacks a column, or a picture that it names is missing.
    """
    folder = folder or data_folder("oasis")
    table = folder / "ratings.csv"
    if not table.is_file():
        raise DataMissingError(f"OASIS has no table {table}; lay it out as training/data/oasis.py says.")
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    try:
        va = to_plane(np.array([_means(row) for row in rows]))
        paths = tuple(folder / "images" / row["file"] for row in rows)
        names = tuple(theme_of(row["theme"]) for row in rows)
        categories = tuple(row["category"] for row in rows)
    except (KeyError, ValueError) as error:
        raise DataMissingError(
            f"The table {table} is not laid out as expected ({error}); see training/data/oasis.py."
        ) from error
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise DataMissingError(
            f"OASIS lacks {len(missing)} pictures, such as {missing[0]}; put them in {folder / 'images'}."
        )
    return Oasis(paths, names, categories, va)
