"""EIMG's music half: piano MIDI clips of about 15 s in, each with its valence and arousal, out.

Source: the data set of "Continuous Emotion-Based Image-to-Music Generation" (Wang et al., IEEE Transactions on
Multimedia 2024), which the symbolic paper uses too. Layout: `eimg/midi/*.mid` and `eimg/labels.csv` with the columns
file, valence_mean, arousal_mean, valence_1, arousal_1, … valence_6, arousal_6 (1 to 9); 3,000 clips.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
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

    `ratings` is (6, 2) float64, valence and arousal of each rater, on 1 to 9 but for a few of 0 or 10.
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
        """The notes of each track that has any, as the file has them: the right hand, then the left, in most clips.

        Of a file that :meth:`score` can read.
        """
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

        score = self.score()  # first, since it answers for a file that cannot be read
        return encode_parts(self.hands(), score)


def load_clips(folder: Path | None = None) -> tuple[Clip, ...]:
    """All clips of a folder, by default `eimg` in the data folder, in the order of labels.csv.

    Raises:
        DataMissingError: the folder, labels.csv or a MIDI file that it names is missing, or labels.csv is damaged.
    """
    folder = folder or data_folder("eimg")
    table = folder / "labels.csv"
    if not table.is_file():
        raise DataMissingError(f"The ratings are not at {table}; put EIMG's labels.csv there.")
    rows = _read_table(table)
    missing = [name for name, _ in rows if not (folder / "midi" / name).is_file()]
    if missing:
        raise DataMissingError(f"{len(missing)} clips, first {missing[0]}, are not in {folder / 'midi'}; restore them.")
    means = np.array([numbers[0] for _, numbers in rows])
    if not np.ptp(means, axis=0).all():
        raise DataMissingError(f"{table} rates all its {len(rows)} clips alike, so no scale can be made; restore it.")
    return tuple(
        Clip(folder / "midi" / name, float(v), float(a), numbers[1:])
        for (name, numbers), (v, a) in zip(rows, to_scale(means), strict=True)
    )


def _read_table(table: Path) -> list[tuple[str, npt.NDArray[np.float64]]]:
    """Each clip's file, and valence and arousal, (7, 2) float64: the means, then each rater's.

    Raises DataMissingError, naming the line where one is at fault.
    """
    rows = []
    with table.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        try:
            for row in reader:
                rows.append((row["file"] or "a file without a name", _numbers(row)))
        except (KeyError, TypeError, ValueError, csv.Error) as cause:
            raise DataMissingError(
                f"{table} is damaged at about line {reader.line_num} ({cause}); training/data/eimg.py says its layout."
            ) from cause
    if not rows:
        raise DataMissingError(f"{table} names no clips; restore EIMG's labels.csv.")
    return rows


def to_scale(means: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Bring columns of mean ratings to 1 to 9 by min-max over the set (the symbolic paper's normalisation)."""
    low, high = means.min(axis=0), means.max(axis=0)
    scaled: npt.NDArray[np.float64] = VA_MIN + (VA_MAX - VA_MIN) * (means - low) / (high - low)
    return scaled


def targets(clips: tuple[Clip, ...]) -> npt.NDArray[np.float64]:
    """Valence and arousal of clips, (clips, 2) float64 on 1 to 9."""
    return np.array([(clip.valence, clip.arousal) for clip in clips])


def _numbers(row: Mapping[str, str]) -> npt.NDArray[np.float64]:
    """Means and ratings of a line, (7, 2) float64; KeyError, TypeError or ValueError for what cannot be one.

    Only the means are held to 1 to 9: a few raters of the set wrote 0 or 10.
    """
    kinds = ("mean", *range(1, RATERS + 1))
    numbers = np.array([[float(row[f"{name}_{kind}"]) for name in ("valence", "arousal")] for kind in kinds])
    if not (np.isfinite(numbers).all() and ((numbers[0] >= VA_MIN) & (numbers[0] <= VA_MAX)).all()):
        raise ValueError(f"a rating of {row['file']} is no number, or its mean not within {VA_MIN:g} to {VA_MAX:g}")
    return numbers
