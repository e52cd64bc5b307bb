"""A look at a data set of pairs: a PNG with some pictures of each label, and the waveform of their music below.

In: a folder that :mod:`training.data.painting_music` wrote. Out: rows of labels, columns of pairs from all splits.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.errors import DataMissingError
from pipelines.picture import read_picture
from pipelines.records import LABELS
from training.data.painting_music_card import METADATA
from training.data.splits import SPLITS

COLUMNS = 6
PICTURE_PX = (480, 360)
COLOURS = {"Happy": "#d99a00", "Angry": "#c0392b", "Sad": "#2c6fbb", "Fun": "#8e44ad", "Neutral": "#707070"}


def read_pairs(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The lines of metadata by split, each with its folder's name under `split`.

    Raises DataMissingError where a split has no metadata.jsonl.
    """
    rows = {}
    for split in SPLITS:
        path = folder / split / METADATA
        if not path.is_file():
            raise DataMissingError(f"There is no {path}; make it with python -m training.data.painting_music.")
        rows[split] = [{**json.loads(line), "split": split} for line in path.read_text("utf-8").splitlines()]
    return rows


def write_contact_sheet(folder: Path, path: Path, *, columns: int = COLUMNS) -> None:
    """Draw the sheet of a data set. Raises DataMissingError for one without pairs or metadata."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = read_pairs(folder)
    shown = {label: chosen for label in LABELS if (chosen := choose(rows, label, columns))}
    if not shown:
        raise DataMissingError(f"There are no pairs in {folder}; nothing could be drawn.")
    figure = Figure(figsize=(2.4 * columns, 2.7 * len(shown)), layout="constrained")
    FigureCanvasAgg(figure)
    outer = figure.add_gridspec(len(shown), columns)
    for row, (label, pairs) in enumerate(shown.items()):
        for column, pair in enumerate(pairs):
            inner = outer[row, column].subgridspec(2, 1, height_ratios=(3, 1), hspace=0.0)
            _draw(figure.add_subplot(inner[0]), figure.add_subplot(inner[1]), folder, pair, COLOURS[label])
    part = path.with_name(f"{path.name}.part")
    figure.savefig(part, format="png", dpi=90)
    part.replace(path)


def choose(rows: dict[str, list[dict[str, Any]]], label: str, columns: int) -> Sequence[dict[str, Any]]:
    """Pairs of a label, spread over the splits: two of three from training where the others have enough."""
    own = {split: [row for row in rows[split] if row["label"] == label] for split in SPLITS}
    few = max(1, columns // 6)
    rest = [*own["validation"][:few], *own["test"][:few]]
    return [*own["train"][: columns - len(rest)], *rest]


def _draw(above: Any, below: Any, folder: Path, pair: dict[str, Any], colour: str) -> None:
    from PIL import Image

    image = Image.fromarray(read_picture(folder / pair["picture_file"]).rgb)
    image.thumbnail(PICTURE_PX)
    above.imshow(np.asarray(image))
    above.set_title(f"{pair['label']} ({pair['split']})", fontsize=8, color=colour)
    low, high = envelope(folder / pair["split"] / pair["file_name"])
    below.fill_between(np.arange(len(low)), low, high, color=colour, linewidth=0)
    below.set_ylim(-1, 1)
    below.set_xlabel(pair["music"], fontsize=6)
    for axes in (above, below):
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_frame_on(False)


def envelope(path: Path, *, points: int = 400) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Lowest and highest sample in each of `points` stretches of a WAV file, (points,) each in -1 to 1."""
    import soundfile

    samples, _ = soundfile.read(path, dtype="float32", always_2d=True)
    stretches = np.array_split(samples[:, 0], points)
    return np.array([s.min(initial=0) for s in stretches]), np.array([s.max(initial=0) for s in stretches])
