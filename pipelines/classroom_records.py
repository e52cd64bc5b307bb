"""What a class passes on: pieces by number, the marks of its listeners, and the checks at the door.

Valence and arousal lie on 1 to 9 as everywhere. A listener sees a piece's number alone; its picture and the feeling
wanted stay with the teacher until the class is over.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.errors import SettingsError
from pipelines.records import VA_MAX, VA_MIN, Emotion

LONGEST_NAME = 40
MOST_LISTENERS = 300
LONGEST_LISTENING_S = 86_400.0
# A table program takes a cell that begins so for a formula.
FORMULA_SIGNS = ("=", "+", "-", "@", "'")


@dataclass(frozen=True)
class Point:
    """A point of the plane, valence and arousal, 1 to 9 each."""

    valence: float
    arousal: float

    @classmethod
    def of(cls, emotion: Emotion) -> Point:
        """Where an emotion lies, to four decimals."""
        return cls(round(emotion.valence, 4), round(emotion.arousal, 4))

    def distance(self, other: Point) -> float:
        """Euclidean distance on the plane, 0 to 8√2."""
        return math.hypot(self.valence - other.valence, self.arousal - other.arousal)


@dataclass(frozen=True)
class Piece:
    """A piece of music by its number from 1, with what listeners do not see: its picture, and where it was to lie.

    `pipeline` is "symbolic" or "waveform"; `heard` is what the model of hearing finds in the music; `duration_s` the
    length of the sound. The file names follow from the number.
    """

    number: int
    picture: str
    pipeline: str
    wanted: Point
    heard: Point
    duration_s: float

    @property
    def sound(self) -> str:
        """The file name of the sound, such as "piece-03.wav"."""
        return f"piece-{self.number:02d}.wav"

    @property
    def image(self) -> str:
        """The file name of the picture made small, such as "piece-03.jpg"."""
        return f"piece-{self.number:02d}.jpg"


@dataclass(frozen=True)
class Classroom:
    """A class: its name, the seed of its order, and its pieces in that order."""

    name: str
    seed: int
    pieces: tuple[Piece, ...]

    def piece(self, number: int) -> Piece:
        """The piece of that number; SettingsError where there is none."""
        if not 1 <= number <= len(self.pieces):
            raise SettingsError(f"There is no piece {number}; this class has the pieces 1 to {len(self.pieces)}.")
        return self.pieces[number - 1]


@dataclass(frozen=True)
class Mark:
    """Where one listener put one piece on the plane, and the seconds from its being shown to the mark."""

    listener: str
    piece: int
    at: Point
    seconds: float


def check_name(name: Any) -> str:
    """A listener's name or number without spaces around it; SettingsError for one that is empty, long or odd."""
    text = " ".join(name.split()) if isinstance(name, str) else ""
    if not text:
        raise SettingsError("There is no name yet; give a name or a number of 1 to 40 characters.")
    if len(text) > LONGEST_NAME:
        raise SettingsError(f"The name has {len(text)} characters, more than {LONGEST_NAME}; give a shorter one.")
    if text.startswith(FORMULA_SIGNS) or not text.isprintable():
        raise SettingsError(f"The name {text!r} begins with a sign or holds one that cannot be shown; use letters.")
    return text


def check_mark(said: Mapping[str, Any], pieces: int) -> Mark:
    """A mark from what a browser or a table says: `listener`, `piece`, `valence`, `arousal`, `seconds`.

    Raises SettingsError for a value that is missing, not finite or out of range; `pieces` is how many there are.
    """
    name = check_name(said.get("listener"))
    number = check_number("piece", said.get("piece"), 1, pieces)
    if number != int(number):
        raise SettingsError(f"The piece cannot be {number:g}; give a whole number from 1 to {pieces}.")
    valence, arousal = (check_number(axis, said.get(axis), VA_MIN, VA_MAX) for axis in ("valence", "arousal"))
    seconds = check_number("time", said.get("seconds"), 0.0, LONGEST_LISTENING_S)
    return Mark(name, int(number), Point(round(valence, 2), round(arousal, 2)), round(seconds, 1))


def check_number(what: str, value: Any, low: float, high: float) -> float:
    """A finite number within its limits, ends included; SettingsError for anything else."""
    within = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
    if not within:  # neither is a value that is not a number (NaN)
        shown = re.sub(r"\s+", " ", str(value))[:40]
        raise SettingsError(f"The {what} cannot be {shown}; give a number from {low:g} to {high:g}.")
    return float(value)
