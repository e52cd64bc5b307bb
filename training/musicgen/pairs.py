"""The paired data set, read: a folder as `python -m training.data.painting_music` writes it.

In: DATASET/{train,validation,test}/metadata.jsonl, a line a pair: `file_name` (a WAV beside it, 32 kHz), `picture_file`
(relative to DATASET), `label` (one of the five), `valence` and `arousal` (1 to 9). DATASET/texts.jsonl, as texts.py
writes it: `split`, `file_name` and a text for each of :data:`CONDITIONS`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import DataMissingError, SettingsError
from pipelines.records import LABELS, Emotion

SPLITS = ("train", "validation", "test")
METADATA, TEXTS = "metadata.jsonl", "texts.jsonl"
CONDITIONS = ("emotive", "narrative", "lyrical", "optimized")


@dataclass(frozen=True)
class Pair:
    """A piece of music and the picture that it goes with; `file_name` names the music within its split."""

    split: str
    file_name: str
    sound: Path
    picture: Path
    label: str
    valence: float
    arousal: float

    @property
    def key(self) -> str:
        """What tells it from all others, such as "train/0001.wav"."""
        return f"{self.split}/{self.file_name}"

    @property
    def emotion(self) -> Emotion:
        """Its emotion, without doubt."""
        return Emotion(self.valence, self.arousal, 0.0, 0.0, tuple(float(name == self.label) for name in LABELS))


def load_pairs(folder: Path, split: str) -> list[Pair]:
    """The pairs of a split, in the file's order.

    Raises:
        SettingsError: no such split.
        DataMissingError: the folder has none, or a line of it is damaged.
    """
    if split not in SPLITS:
        raise SettingsError(f"The split {split!r} is unknown; choose one of {', '.join(SPLITS)}.")
    rows = _rows(folder / split / METADATA, "make it with `python -m training.data.painting_music`")
    return [_pair(folder, split, row) for row in rows]


def _pair(folder: Path, split: str, row: dict[str, Any]) -> Pair:
    try:
        emotion = (LABELS[LABELS.index(row["label"])], float(row["valence"]), float(row["arousal"]))
        return Pair(split, row["file_name"], folder / split / row["file_name"], folder / row["picture_file"], *emotion)
    except (KeyError, TypeError, ValueError) as cause:
        raise DataMissingError(
            f"A line of {split}/{METADATA} in {folder} lacks a file, a label of {', '.join(LABELS)}, or numbers for "
            f"valence and arousal; build the set anew."
        ) from cause


def _rows(path: Path, cure: str) -> list[dict[str, Any]]:
    if not path.is_file():
        raise DataMissingError(f"The file {path} is not there; {cure}.")
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except ValueError as cause:
        raise DataMissingError(f"The file {path} is damaged; {cure}.") from cause


def load_texts(folder: Path, condition: str) -> dict[str, str]:
    """The texts of a condition by :attr:`Pair.key`.

    Raises:
        SettingsError: no such condition.
        DataMissingError: they have not been written, or a line names no pair.
    """
    if condition not in CONDITIONS:
        raise SettingsError(f"The condition {condition!r} is unknown; choose one of {', '.join(CONDITIONS)}.")
    rows = _rows(folder / TEXTS, f"write it with `python -m training.musicgen.texts {folder}`")
    try:
        return {f"{row['split']}/{row['file_name']}": row[condition] for row in rows if condition in row}
    except (KeyError, TypeError) as cause:
        raise DataMissingError(f"A line of {folder / TEXTS} lacks a split or a file_name; write both.") from cause


def texts_of(pairs: list[Pair], texts: dict[str, str], folder: Path) -> list[str]:
    """The texts of pairs, in their order; raises DataMissingError where one is missing."""
    missing = [pair.key for pair in pairs if pair.key not in texts]
    if missing:
        cure = f"write the rest with `python -m training.musicgen.texts {folder}`"
        raise DataMissingError(f"{len(missing)} of {len(pairs)} pairs have no text, among them {missing[0]}; {cure}.")
    return [texts[pair.key] for pair in pairs]
