"""Loaders of the public data sets, a module each, and where the data lies."""

from __future__ import annotations

import os
from pathlib import Path

from pipelines.errors import DataMissingError

DATA_VARIABLE = "EKPHONIA_DATA"


def data_folder(name: str = "") -> Path:
    """Folder of the data sets, or of the data set `name` in it.

    It is the environment variable EKPHONIA_DATA's, else `../shared/data` beside the project.

    Raises:
        DataMissingError: the folder is not there.
    """
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get(DATA_VARIABLE) or beside) / name
    if not folder.is_dir():
        cure = f"set {DATA_VARIABLE} to the folder that holds the data sets"
        raise DataMissingError(f"The data {name or 'folder'} is not at {folder}; {cure}.")
    return folder
