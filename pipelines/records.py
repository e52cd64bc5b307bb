"""What passes between the steps: frozen dataclasses, and the one emotional scale that they share.

Conventions
-----------
Valence and arousal lie on 1 to 9, 5 the middle (the symbolic paper's normalisation to (1, 9)). Musical time is
counted in beats, a beat being a quarter note; seconds follow from a Score's tempo marks. Sound is float32 in -1 to 1.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.errors import SettingsError

VA_MIN, VA_MIDDLE, VA_MAX = 1.0, 5.0, 9.0
LABELS = ("Happy", "Angry", "Sad", "Fun", "Neutral")
# The keys by their tonic's pitch class, each by the name with the fewer accidentals (E flat minor rather than D sharp).
KEY_NAMES = {
    "major": ("C", "D flat", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B"),
    "minor": ("C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "G sharp", "A", "B flat", "B"),
}


def clip_va(value: float) -> float:
    """Bring a valence or an arousal into 1 to 9."""
    return min(VA_MAX, max(VA_MIN, float(value)))


def circumplex_label(valence: float, arousal: float) -> str:
    """Name the region of Russell's circumplex in which a point of the plane (1 to 9 each) lies.

    Neutral within distance 1 of the middle, or below it in arousal with valence 4 to 6; else Angry or Sad on the left
    (by arousal), Fun or Happy on the right (Fun where arousal exceeds valence).
    """
    v, a = valence - VA_MIDDLE, arousal - VA_MIDDLE
    if v * v + a * a < 1 or (a < 0 and -1 <= v <= 1):
        return "Neutral"
    if v < 0:
        return "Angry" if a >= 0 else "Sad"
    return "Fun" if a > v else "Happy"


@dataclass(frozen=True, eq=False)
class Picture:
    """A checked picture: `rgb` is (height, width, 3) uint8, upright, on white; `sha256` is that of the file's bytes."""

    rgb: npt.NDArray[np.uint8]
    name: str
    sha256: str

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.rgb.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.rgb.shape[0])


@dataclass(frozen=True)
class Emotion:
    """A point on the plane of valence and arousal (1 to 9) with standard deviations on the same scale.

    `probabilities` are those of :data:`LABELS` in that order and sum to 1.
    """

    valence: float
    arousal: float
    valence_sd: float
    arousal_sd: float
    probabilities: tuple[float, ...]

    @property
    def label(self) -> str:
        """The most probable of the five labels."""
        return LABELS[int(np.argmax(self.probabilities))]

    @classmethod
    def at(cls, valence: float, arousal: float, *, valence_sd: float = 0.0, arousal_sd: float = 0.0) -> Emotion:
        """Emotion at a point, its label probabilities those of a Gaussian about the point over the five regions.

        With both standard deviations 0 the region of the point has probability 1. Valence and arousal off the plane are
        brought to its edge; SettingsError for a value that is not finite.
        """
        for name, value in zip(
            ("valence", "arousal", "spread of valence", "spread of arousal"),
            (valence, arousal, valence_sd, arousal_sd),
            strict=True,
        ):
            if not math.isfinite(value):
                raise SettingsError(f"The {name} cannot be {value:g}; give a finite number.")
        valence, arousal = clip_va(valence), clip_va(arousal)
        probabilities = region_probabilities(valence, arousal, valence_sd, arousal_sd)
        return cls(valence, arousal, valence_sd, arousal_sd, probabilities)

    def distance(self, other: Emotion) -> float:
        """Euclidean distance on the plane, 0 to 8√2."""
        return math.hypot(self.valence - other.valence, self.arousal - other.arousal)


def region_probabilities(
    valence: float, arousal: float, valence_sd: float, arousal_sd: float, *, points_per_axis: int = 41
) -> tuple[float, ...]:
    """Mass of a Gaussian over the five regions of the plane, in the order of :data:`LABELS`, by a grid over ±3 sd."""
    if valence_sd <= 0 and arousal_sd <= 0:
        label = circumplex_label(valence, arousal)
        return tuple(float(name == label) for name in LABELS)
    z = np.linspace(-3.0, 3.0, points_per_axis)
    weight = np.exp(-0.5 * z**2)
    mass = dict.fromkeys(LABELS, 0.0)
    for i, zv in enumerate(z):
        for j, za in enumerate(z):
            mass[circumplex_label(valence + zv * valence_sd, arousal + za * arousal_sd)] += weight[i] * weight[j]
    total = sum(mass.values())
    return tuple(float(mass[name] / total) for name in LABELS)


@dataclass(frozen=True)
class Caption:
    """One sentence on what the picture shows."""

    text: str


@dataclass(frozen=True)
class MusicPrompt:
    """The text for a text-to-music model, two lines, and the parts that it is made of.

    `tempo_bpm` in beats a minute; `mode` "major" or "minor"; `instruments` by their names in
    :data:`pipelines.waveform.vocabulary.INSTRUMENTS`, the one that leads first; `melody` such as "slow, falling".
    """

    text: str
    mood: str
    genre: str
    tempo_bpm: float
    mode: str
    melody: str
    instruments: tuple[str, ...]


@dataclass(frozen=True, order=True)
class Note:
    """A note: start and duration in beats, MIDI pitch 0 to 127, velocity 1 to 127."""

    start_beat: float
    pitch: int
    duration_beats: float
    velocity: int

    @property
    def end_beat(self) -> float:
        """Where the note ends, in beats."""
        return self.start_beat + self.duration_beats


@dataclass(frozen=True)
class TempoMark:
    """From `beat` on, `bpm` beats a minute."""

    beat: float
    bpm: float


@dataclass(frozen=True)
class Section:
    """A phrase of the form: its name (A, A', B, …), its first bar (from 0) and how many bars it lasts."""

    name: str
    first_bar: int
    bars: int


@dataclass(frozen=True)
class Score:
    """Notes in order of start and pitch, with what is needed to play and to describe them.

    `tempo_marks` begins with a mark at beat 0. `tonic` is a pitch class 0 to 11, `mode` "major" or "minor".
    """

    notes: tuple[Note, ...]
    tempo_marks: tuple[TempoMark, ...]
    beats_per_bar: int = 4
    tonic: int = 0
    mode: str = "major"
    sections: tuple[Section, ...] = field(default=())

    @property
    def tempo_bpm(self) -> float:
        """The tempo that the piece begins with, in beats a minute."""
        return self.tempo_marks[0].bpm

    @property
    def key_name(self) -> str:
        """Such as "A minor"."""
        return f"{KEY_NAMES[self.mode][self.tonic]} {self.mode}"

    @property
    def end_beat(self) -> float:
        """Where the last note ends, in beats; 0 without notes."""
        return max((note.end_beat for note in self.notes), default=0.0)

    @property
    def bar_count(self) -> int:
        """Number of bars up to the end of the last note."""
        return math.ceil(self.end_beat / self.beats_per_bar - 1e-9)

    @property
    def bars_begun(self) -> int:
        """Number of bars up to the last in which a note starts: those that a growing score has so far."""
        return int(self.notes[-1].start_beat // self.beats_per_bar) + 1 if self.notes else 0

    @property
    def duration_s(self) -> float:
        """Seconds from the beginning to the end of the last note."""
        return self.seconds_at(self.end_beat)

    def seconds_at(self, beat: float) -> float:
        """Seconds from the beginning to a beat, by the tempo marks."""
        seconds = 0.0
        for mark, following in zip(self.tempo_marks, (*self.tempo_marks[1:], None), strict=True):
            until = beat if following is None else min(beat, following.beat)
            seconds += (until - mark.beat) * 60.0 / mark.bpm
            if following is None or beat <= following.beat:
                break
        return seconds

    def notes_between(self, first_beat: float, last_beat: float) -> Sequence[Note]:
        """Notes that start at `first_beat` or later and before `last_beat`."""
        first, last = (
            bisect.bisect_left(self.notes, beat, key=lambda note: note.start_beat) for beat in (first_beat, last_beat)
        )
        return self.notes[first:last]


@dataclass(frozen=True, eq=False)
class Audio:
    """Sound: `samples` is (frames, channels) float32 in -1 to 1; `start_s` is where it lies in the take, in seconds."""

    samples: npt.NDArray[np.float32]
    sample_rate_hz: int
    start_s: float = 0.0

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate_hz


@dataclass(frozen=True, eq=False)
class Step:
    """What a chain yields: the value of a step, who made it, and the seconds spent on it so far.

    A step that grows is yielded several times with `final` False: a Score holds the notes so far, an Audio only the
    next chunk. The last one, with `final` True, holds the whole. `note` tells a person why a stand-in took over, in one
    sentence; `licence` is that of the model's weights, "" where none made the value.
    """

    name: str
    value: Any
    made_by: str
    seconds: float
    final: bool = True
    note: str = ""
    licence: str = ""
