"""Held-out readings of pictures as a CSV file, which music is measured by: `training.metrics.picture_music`.

Columns: file, valence, arousal, valence_sd, arousal_sd, on 1 to 9.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipelines.errors import DataMissingError
from pipelines.records import Emotion

Floats = npt.NDArray[np.float64]
COLUMNS = ("file", "valence", "arousal", "valence_sd", "arousal_sd")


def write_readings(path: Path, names: Sequence[str], va: Floats, spread: Floats) -> None:
    """Write readings (n, 2) and their standard deviations (n, 2) by the pictures' file names, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for name, point, sd in zip(names, va, spread, strict=True):
            writer.writerow([name, *(f"{value:.4f}" for value in (*point, *sd))])
    part.replace(path)


def read_readings(path: Path) -> dict[str, Emotion]:
    """Readings by picture, as :func:`write_readings` wrote them.

    Raises:
        DataMissingError: the file is not there or is laid out otherwise.
    """
    cure = "make it with: python -m training.emotion --dry-run --readings"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return {row["file"]: _emotion(row) for row in csv.DictReader(file)}
    except FileNotFoundError as cause:
        raise DataMissingError(f"There are no readings at {path}; {cure} {path}.") from cause
    except (KeyError, TypeError, ValueError) as cause:
        raise DataMissingError(f"{path} is no table of readings ({cause}); {cure} {path}.") from cause


def _emotion(row: dict[str, str]) -> Emotion:
    valence, arousal, valence_sd, arousal_sd = (float(row[name]) for name in COLUMNS[1:])
    return Emotion.at(valence, arousal, valence_sd=valence_sd, arousal_sd=arousal_sd)
