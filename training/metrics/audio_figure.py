"""Folders of sound in, a picture of mel spectrograms out: wanted above, generated below (the waveform paper, IV-D)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pipelines.errors import SoundError
from training.metrics.audio_files import read_sound, sound_paths
from training.metrics.ensemble_sound import FLOOR_DB, mel_decibels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AT_MOST = 4  # pieces side by side
HOP_S = 512 / 22050


def draw(reference: Path, generated: Sequence[Path], out: Path) -> None:
    """Draw the first pieces of each folder, namesakes one below the other, in dB on one scale.

    Raises DataMissingError for a folder without sound, SoundError for a file that cannot be read or is silent.
    """
    from matplotlib.figure import Figure

    folders = [reference, *generated]
    names = _names(folders)
    figure = Figure(figsize=(3.4 * len(names), 1.9 * len(folders) + 0.4), layout="constrained")
    grid = figure.subplots(len(folders), len(names), squeeze=False, sharey=True)
    for row, folder in zip(grid, folders, strict=True):
        paths = _chosen(folder, names)
        for axes, path in zip(row, paths, strict=False):
            _paint(axes, _spectrum(path))
            axes.set_title(f"{folder.name}/{path.name}", fontsize=8)
        for axes in row[len(paths) :]:
            axes.set_axis_off()
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f"{out.name}.part")
    figure.savefig(part, format=out.suffix[1:].lower(), dpi=110)
    part.replace(out)


def _spectrum(path: Path) -> npt.NDArray[np.float64]:
    try:
        return mel_decibels(read_sound(path))
    except SoundError as trouble:
        raise SoundError(f"{path.name} cannot be drawn; leave the figure out or the file ({trouble})") from trouble


def _names(folders: Sequence[Path]) -> list[str]:
    """Names that all folders share, else those of the first folder."""
    by_folder = [[path.name for path in sound_paths(folder)] for folder in folders]
    shared = [name for name in by_folder[0] if all(name in names for names in by_folder)]
    return (shared or by_folder[0])[:AT_MOST]


def _chosen(folder: Path, names: Sequence[str]) -> list[Path]:
    paths = sound_paths(folder)
    return [path for path in paths if path.name in names] or list(paths[: len(names)])


def _paint(axes: Axes, decibels: npt.NDArray[np.float64]) -> None:
    extent = (0.0, len(decibels) * HOP_S, 0.0, float(decibels.shape[1]))
    axes.imshow(decibels.T, origin="lower", aspect="auto", extent=extent, vmin=0.0, vmax=FLOOR_DB, cmap="magma")
    axes.set_xlabel("s", fontsize=7)
    axes.set_ylabel("mel band", fontsize=7)
    axes.tick_params(labelsize=7)
