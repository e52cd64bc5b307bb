"""EIMG's music half: piano MIDI clips of about 15 s in, each with its valence and arousal, out.

Source: the data set of "Continuous Emotion-Based Image-to-Music Generation" (Wang et al., IEEE Transactions on
Multimedia 2024), which the symbolic paper uses too. Layout: `eimg/midi/*.mid` and `eimg/labels.csv` with the columns
file, valence_mean, arousal_mean, valence_1, arousal_1, … valence_6, arousal_6 (1 to 9); 3,000 clips.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.errors import DataMissingError
from pipelines.records import VA_MAX, VA_MIN, Note, Score
from training.data import data_folder

RATERS = 6
EXPECTED_CLIPS = 3000


@dataclass(frozen=True, eq=False)
class Clip:
    """A clip: its MIDI file, valence and arousal on 1 to 9 (min-max over the set's means), and the single ratings.

    `ratings` is (6, 2) float64, valence and arousal of each rater on the raters' own 1 to 9.
    """

    path: Path
    valence: float
    arousal: float
    ratings: npt.NDArray[np.float64]

    def score(self) -> Score:
        """Read the clip's MIDI file. Raises MidiError if it cannot be read."""
        from pipelines.symbolic.midi import read_midi

        return read_midi(self.path)

    def hands(self) -> tuple[tuple[Note, ...], ...]:
        """The notes of each track that has any, as the file has them: the right hand, then the left, in most clips."""
        import symusic

        file: Any = symusic.Score(self.path)  # its stubs know the base class only
        beat = file.ticks_per_quarter
        tracks = (
            tuple(Note(n.start / beat, n.pitch, n.duration / beat, max(1, n.velocity)) for n in track.notes)
            for track in file.tracks
        )
        return tuple(track for track in tracks if track)

    def tokens(self) -> list[str]:
        """The clip in the symbolic paper's grammar, by its own hands. Raises MidiError if it cannot be read."""
        from pipelines.symbolic.tokens import encode_parts

        return encode_parts(self.hands(), self.score())


def load_clips(folder: Path | None = None) -> tuple[Clip, ...]:
    """All clips of a folder, by default `eimg` in the data folder, in the order of labels.csv.

    Raises:
        DataMissingError: the folder, labels.csv or a MIDI file that it names is missing.
    """
    folder = folder or data_folder("eimg")
    table = folder / "labels.csv"
    if not table.is_file():
        raise DataMissingError(f"The ratings are not at {table}; put EIMG's labels.csv there.")
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    missing = [row["file"] for row in rows if not (folder / "midi" / row["file"]).is_file()]
    if missing:
        raise DataMissingError(f"{len(missing)} clips, first {missing[0]}, are not in {folder / 'midi'}; restore them.")
    means = np.array([(float(row["valence_mean"]), float(row["arousal_mean"])) for row in rows])
    scaled = to_scale(means)
    paths = [folder / "midi" / row["file"] for row in rows]
    return tuple(
        Clip(path, float(v), float(a), _ratings(row)) for path, (v, a), row in zip(paths, scaled, rows, strict=True)
    )


def to_scale(means: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Bring columns of mean ratings to 1 to 9 by min-max over the set (the symbolic paper's normalisation)."""
    low, high = means.min(axis=0), means.max(axis=0)
    scaled: npt.NDArray[np.float64] = VA_MIN + (VA_MAX - VA_MIN) * (means - low) / (high - low)
    return scaled


def targets(clips: tuple[Clip, ...]) -> npt.NDArray[np.float64]:
    """Valence and arousal of clips, (clips, 2) float64 on 1 to 9."""
    return np.array([(clip.valence, clip.arousal) for clip in clips])


def _ratings(row: dict[str, str]) -> npt.NDArray[np.float64]:
    pairs = [(row[f"valence_{i}"], row[f"arousal_{i}"]) for i in range(1, RATERS + 1)]
    return np.array(pairs, dtype=np.float64)
