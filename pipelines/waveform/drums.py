"""Drum patterns of the genres, fills and cymbals: a bar's place in the form in, Notes for the drum channel out.

Rows are sixteenths as in `arrange_styles.py`; `X` accented, `x` plain, `o` soft, `g` a ghost, `?` a soft stroke half
of the time, a dot none. Keys are those of General MIDI's percussion map.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.records import Note
from pipelines.waveform.arrange_styles import bar_of

KEYS = {
    "kick": 36, "rim": 37, "snare": 38, "clap": 39, "hat": 42, "pedal": 44, "open": 46, "crash": 49, "ride": 51,
    "bell": 53, "tambourine": 54, "shaker": 70, "claves": 75, "low tom": 43, "mid tom": 47, "high tom": 50,
}  # fmt: skip
STROKES = {"X": 1.0, "x": 0.84, "o": 0.62, "g": 0.40, "?": 0.42}
STROKE_BEATS = 0.2
Rows = dict[str, str]

BEATS: dict[str, tuple[Rows, Rows]] = {
    "light": (
        {"shaker": "o.g.o.g.o.g.o.g."},
        {
            "shaker": "x.g.o.g.x.g.o.g.", "kick": "o.......o.....?.", "rim": "....o.......o...",
            "tambourine": "....o.......o.?.",
        },
    ),
    "bossa": (
        {"shaker": "ogogogogogogogog", "kick": "o.....o.o.....o."},
        {
            "hat": "o.x.o.x.o.x.o.x.", "kick": "x.....o.x.....o.", "rim": "x..x..x...x..x.. | ..x...x..x..x..x",
            "shaker": "ogogogogogogogog",
        },
    ),
    "swing": (
        {"ride": "x...x.o.x...x.o.", "pedal": "....x.......x...", "kick": "o.......o......."},
        {
            "ride": "x...X.o.x...X.o.", "pedal": "....x.......x...", "kick": "o...o...o...o.?.",
            "snare": "......?.......?. | ..?.......g...?.",
        },
    ),
    "lofi": (
        {"kick": "x.........x.....", "snare": "....o.......o...", "hat": "o...o...o...o..."},
        {"kick": "x......x..x..... | x.........x..x..", "snare": "....x.......x..?", "hat": "o.g.o.g.o.g.o.gg"},
    ),
    "pop": (
        {"kick": "x.......x.......", "rim": "....x.......x...", "hat": "x.o.x.o.x.o.x.o."},
        {
            "kick": "X.....x.x......? | X.....x.x.x.....", "snare": "....X.......X...", "hat": "x.o.x.o.x.o.x.o.",
            "tambourine": "..o...o...o...o.",
        },
    ),
    "funk": (
        {"kick": "X.....x...x.....", "snare": "....X..g....X...", "hat": "x.o.x.o.x.o.x.o."},
        {
            "kick": "X..x......x..x.. | X.....x...x..x..", "snare": "....X..g.g..X..g", "hat": "xoxoxoxoxoxoxo..",
            "open": "..............x.",
        },
    ),
    "rock": (
        {"kick": "X.......X.......", "snare": "....X.......X...", "hat": "X.x.X.x.X.x.X.x."},
        {
            "kick": "X.....x.X.x..... | X...x...X.x...x.", "snare": "....X.......X..?", "open": "X...X...X...X...",
            "ride": "..o...o...o...o.",
        },
    ),
    "metal": (
        {"kick": "X.xxX.xxX.xxX.xx", "snare": "....X.......X...", "hat": "X...X...X...X..."},
        {"kick": "xxxxxxxxxxxxxxxx", "snare": "....X.......X... | ..X...X...X...X.", "bell": "X...X...X...X..."},
    ),
    "electronic": (
        {"kick": "X...X...X...X...", "hat": "..x...x...x...x."},
        {"kick": "X...X...X...X...", "clap": "....X.......X...", "open": "..x...x...x...x.", "hat": "oogoogogoogoogog"},
    ),
    "epic": (
        {"kick": "x..............."},
        {"kick": "X.....o.x.......", "low tom": "X..o..x.X..o..xx", "mid tom": "....o.......o..."},
    ),
}  # fmt: skip
IN_THREE: dict[str, tuple[Rows, Rows]] = {
    "light": (
        {"shaker": "o.g.o.g.o.g."},
        {"shaker": "x.g.o.g.o.g.", "kick": "o...........", "rim": "....o...o...", "tambourine": "....o...o..."},
    ),
    "swing": (
        {"ride": "x...x.o.x...", "pedal": "....o...o..."},
        {"ride": "X...x.o.x.o.", "pedal": "....x...o...", "kick": "o.........?.", "snare": "......?...g."},
    ),
    "hard": (
        {"kick": "X...........", "snare": "....X...X...", "hat": "X.x.X.x.X.x."},
        {"kick": "X.....x.....", "snare": "....X...X..?", "open": "X...X...X..."},
    ),
    "epic": ({"kick": "x..........."}, {"kick": "X.....o.....", "low tom": "X..o..x.X.xx"}),
}
SOFT, LOUD = ("light", "bossa", "swing", "lofi"), ("rock", "metal", "funk", "pop", "electronic")
FILLS = {
    "swing": {"snare": "x.?xx.x."},
    "light": {"tambourine": "o.o.x.x."},
    "bossa": {"rim": "x..x.xx."},
    "lofi": {"snare": "..o..oxo"},
    "epic": {"low tom": "ooxxxxXX", "mid tom": "....xxXX"},
    "electronic": {"snare": "ooxxxxXX"},
}
HARD_FILL: Rows = {
    "snare": "xxxx....",
    "high tom": "....x...",
    "mid tom": ".....xx.",
    "low tom": ".......X",
    "kick": "x...x...",
}


@dataclass(frozen=True)
class DrumBar:
    """A bar's place: its number in the section, whether it opens or closes one, full or thin, velocity 1 to 127."""

    index: int
    beats_per_bar: int
    opens: bool
    closes: bool
    full: bool
    velocity: float


def rows_of(beat: str, place: DrumBar) -> Rows:
    """The rows of a beat for a bar, without fill."""
    if place.beats_per_bar == 4:
        pair = BEATS[beat]
    else:
        feel = beat if beat in IN_THREE else "hard" if beat in LOUD else "light"
        pair = IN_THREE[feel]
    return {name: bar_of(row, place.index) for name, row in pair[place.full].items()}


def drum_bar(beat: str, place: DrumBar, begin_beat: float, rng: np.random.Generator) -> list[Note]:
    """Strokes of a bar that begins at a beat of the piece: the pattern, a fill where a section closes, its cymbal."""
    rows = rows_of(beat, place)
    notes = []
    if place.closes:
        fill = FILLS.get(beat, HARD_FILL)
        steps = 8 if place.full or beat in SOFT else 4
        rows = {name: row[:-steps] for name, row in rows.items()}
        offset = place.beats_per_bar * 4 - steps
        for name, row in fill.items():
            notes += _strokes(name, row[-steps:], begin_beat + offset / 4, place.velocity, rng)
    for name, row in rows.items():
        notes += _strokes(name, row, begin_beat, place.velocity, rng)
    if place.opens and (beat not in SOFT or place.full):
        notes.append(_stroke("ride" if beat in SOFT else "crash", begin_beat, 0.9 * place.velocity, 2.0))
    return notes


def last_stroke(beat: str, begin_beat: float, velocity: float) -> list[Note]:
    """The stroke with the final chord."""
    names = ("kick", "ride") if beat in SOFT else ("kick", "crash")
    return [_stroke(name, begin_beat, 0.8 * velocity, 3.0) for name in names]


def _strokes(name: str, row: str, begin_beat: float, velocity: float, rng: np.random.Generator) -> list[Note]:
    notes = []
    for step, sign in enumerate(row):
        if sign == "." or (sign == "?" and rng.random() < 0.5):
            continue
        notes.append(_stroke(name, begin_beat + step / 4, velocity * STROKES[sign]))
    return notes


def _stroke(name: str, beat: float, velocity: float, length: float = STROKE_BEATS) -> Note:
    return Note(beat, KEYS[name], length, min(127, max(8, round(velocity))))
