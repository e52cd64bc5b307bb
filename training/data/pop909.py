"""POP909: full pop songs arranged for piano in, paths and excerpts of a given length out.

Source: POP909 (Wang et al., ISMIR 2020), MIT licence. Layout: `pop909/midi/*.mid`, 909 songs of three tracks (MELODY,
BRIDGE, PIANO), which are merged. Their bars do not lie on the files' beats: excerpts are put on the likeliest downbeat.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipelines.errors import DataMissingError
from pipelines.records import Score
from training.data import data_folder

EXPECTED_SONGS = 909


def song_paths(folder: Path | None = None) -> tuple[Path, ...]:
    """MIDI files of a folder, by default `pop909` in the data folder. Raises DataMissingError without any."""
    folder = folder or data_folder("pop909")
    paths = tuple(sorted((folder / "midi").glob("*.mid")))
    if not paths:
        raise DataMissingError(f"No MIDI files are in {folder / 'midi'}; put POP909's {EXPECTED_SONGS} songs there.")
    return paths


def random_excerpt(score: Score, *, duration_s: float, rng: np.random.Generator) -> Score | None:
    """Whole bars of about `duration_s` from anywhere in a song, from beat 0; None if the song is shorter."""
    from training.metrics.structure import excerpt, on_bars

    song = on_bars(score)
    bars = max(2, round(duration_s * song.tempo_bpm / 60.0 / song.beats_per_bar))
    if song.bar_count <= bars:
        return None
    return excerpt(song, first_bar=int(rng.integers(0, song.bar_count - bars)), bars=bars)
