"""The words of the symbolic paper's grammar: what one token says, spelled and read.

A sequence is `<start> 114.0@tempo 4/4@time … <end>` with, between them, in order of onset:

- `E5@1.0`: a note, by name (flats by a minus sign, `B-3`), and its length in quarter notes;
- `0.4.7@1.0`: a chord, by its pitch classes in normal order (their octaves are not kept); `4@0.25`: a chord of one
  pitch class, that is a doubling in octaves;
- `r@13/6`: a rest. Lengths are decimals where they can be (`0.25`), else fractions (`1/3`).

All is in C major or A minor. These are the names, normal orders and lengths of music21 (Cuthbert and Ariza, ISMIR
2010), with which the paper's sequences were made; the tests hold this module to it, running needs it not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from pipelines.errors import SettingsError

PAD, START, END = "<pad>", "<start>", "<end>"
MARKS = (PAD, START, END)
LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
SIGNS = {"": 0, "#": 1, "##": 2, "-": -1, "--": -2}
# Black keys as music21 names them; A flat or G sharp is settled by the key that the piece came from.
CLASS_NAMES = ("C", "C#", "D", "E-", "E", "F", "F#", "G", "G#", "A", "B-", "B")
NAME_PATTERN = re.compile(r"([A-G])(#{0,2}|-{0,2})(\d{1,2})")
LENGTH_PATTERN = re.compile(r"\d{1,3}(\.\d{1,6}|/[1-9]\d{0,3})?")
HIGHEST_PITCH = 127


@dataclass(frozen=True)
class Token:
    """What a token says.

    `kind` is "mark", "tempo", "time", "note", "chord" or "rest". `pitches` is the MIDI pitch of a note, or the pitch
    classes of a chord in normal order. `value` is the length in quarter notes, the tempo in beats a minute, or the
    quarter notes of a bar.
    """

    kind: str
    pitches: tuple[int, ...] = ()
    value: Fraction = Fraction(0)


@lru_cache(maxsize=8192)  # a vocabulary's tokens come again and again
def read_token(text: str) -> Token:
    """Read a token. Raises SettingsError for text that is none of the grammar."""
    head, at, tail = text.partition("@")
    try:
        if not at:
            return Token("mark") if text in MARKS else _refuse(text)
        if tail == "tempo":
            return Token("tempo", value=_positive(Fraction(head)))
        if tail == "time":
            return Token("time", value=_positive(4 * Fraction(head)))
        kind, pitches = _sounding(head)
        return Token(kind, pitches, read_length(tail))
    except (ValueError, KeyError, ZeroDivisionError) as cause:
        raise _refusal(text) from cause


def _refusal(text: str) -> SettingsError:
    return SettingsError(
        f"{text!r} is no token of the paper's grammar; write tokens as pipelines/symbolic/tokens.py does."
    )


def _refuse(text: str) -> Token:
    raise _refusal(text)


def _positive(value: Fraction) -> Fraction:
    if value <= 0:
        raise ValueError(f"{value} is not above 0")
    return value


def _sounding(head: str) -> tuple[str, tuple[int, ...]]:
    if head == "r":
        return "rest", ()
    if head[:1].isdigit():
        classes = tuple(int(part) for part in head.split("."))
        if max(classes) > 11:
            raise ValueError(f"{head} holds a pitch class above 11")
        return "chord", classes
    return "note", (pitch_of(head),)


def pitch_of(name: str) -> int:
    """MIDI pitch 0 to 127 of a note's name, `C4` being 60. Raises ValueError for what is no name."""
    match = NAME_PATTERN.fullmatch(name)
    if not match:
        raise ValueError(f"{name} is no note's name")
    pitch = LETTERS[match[1]] + SIGNS[match[2]] + 12 * (int(match[3]) + 1)
    if not 0 <= pitch <= HIGHEST_PITCH:
        raise ValueError(f"{name} is no MIDI pitch")
    return pitch


def name_of(pitch: int, *, flat_a: bool = False) -> str:
    """Name of a MIDI pitch 12 to 127, `B-3` for 58; `flat_a` names pitch class 8 A flat rather than G sharp."""
    name = "A-" if flat_a and pitch % 12 == 8 else CLASS_NAMES[pitch % 12]
    return f"{name}{pitch // 12 - 1}"


def normal_order(pitches: Iterable[int]) -> tuple[int, ...]:
    """Pitch classes in normal order: of all rotations the most tightly packed, from its lowest tone.

    As in Forte (The Structure of Atonal Music, 1973): least span, then the smallest intervals from the first tone up;
    of equal ones that which starts on the lowest pitch class. Equal to music21's on all 4,095 sets.
    """
    classes = sorted({pitch % 12 for pitch in pitches})
    rotations = [classes[i:] + classes[:i] for i in range(len(classes))]
    return min((tuple(rotation) for rotation in rotations), key=_packing, default=())


def _packing(classes: tuple[int, ...]) -> tuple[int, ...]:
    steps = [(pitch_class - classes[0]) % 12 for pitch_class in classes]
    return (steps[-1], *steps)


def write_length(quarters: Fraction) -> str:
    """Length in quarter notes as the grammar writes it: `0.25`, `1.0`, `1/3`, `13/6`."""
    if quarters.denominator in (1, 2, 4):
        return str(float(quarters))
    return f"{quarters.numerator}/{quarters.denominator}"


def read_length(text: str) -> Fraction:
    """Length in quarter notes. Raises ValueError for what is none."""
    if not LENGTH_PATTERN.fullmatch(text):
        raise ValueError(f"{text} is no length")
    return Fraction(text)


def write_sounding(pitches: Iterable[int], quarters: Fraction, *, flat_a: bool = False) -> str:
    """Token of what sounds: a rest without pitches, a note with one, else a chord."""
    pitches = tuple(pitches)
    if not pitches:
        head = "r"
    elif len(pitches) == 1:
        head = name_of(pitches[0], flat_a=flat_a)
    else:
        head = ".".join(map(str, normal_order(pitches)))
    return f"{head}@{write_length(quarters)}"
