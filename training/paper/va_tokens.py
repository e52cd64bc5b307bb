"""What a token of the paper's grammar says, in numbers: token strings in, a table of attributes out.

The tokens are those of :mod:`pipelines.symbolic.tokens`: `E5@1.0` (a note, by name), `0.4.7@1.0` (a chord, by pitch
classes in normal order), `4@0.25` (a chord of one pitch class), `r@1/6` (a rest), `114.0@tempo`, `4/4@time` and the
marks in angle brackets; durations in quarter notes. All is in C major or A minor, so that a pitch class is a degree.

Every attribute is a number whose mean over uncertain tokens makes sense (shares, logarithms of time, membership), since
the differentiable predictor sees mixtures of tokens. A token unknown at training has its attributes all the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pipelines.symbolic.tokens_grammar import Token, read_token

Floats = npt.NDArray[np.float32]
KINDS = ("note", "chord", "class", "rest", "tempo", "time", "mark")
SOUNDING = KINDS.index("rest")  # kinds before it are struck, those up to and with it take time
DURATION_EDGES = (0.2, 0.3, 0.4, 0.6, 0.9, 1.2, 2.2)  # quarter notes: between the usual lengths
PITCH_EDGES = (36, 48, 55, 62, 69, 76, 84)
SHORTEST_QUARTERS, LONGEST_QUARTERS = 1 / 32, 32.0
SLOWEST_BPM, FASTEST_BPM = 20.0, 400.0
TRIADS = {"minor": {3, 7}, "major": {4, 7}, "diminished": {3, 6}, "augmented": {4, 8}}  # semitones above the root


def token_kind(token: Token) -> str:
    """One of :data:`KINDS`."""
    return "class" if token.kind == "chord" and len(set(token.pitches)) == 1 else token.kind


def attribute_names() -> tuple[str, ...]:
    """Names of the attributes, in the order of :func:`token_attributes`' columns; the kinds come first."""
    duration = [f"{kind}_log_quarters" for kind in ("struck", "rest")] + ["quarters"]
    bins = [f"{kind}_length_{i}" for kind in ("struck", "rest") for i in range(len(DURATION_EDGES) + 1)]
    pitch = ["pitch", *(f"pitch_bin_{i}" for i in range(len(PITCH_EDGES) + 1)), *(f"note_{i}" for i in range(12))]
    chord = [*(f"chord_{i}" for i in range(12)), "chord_size", *(f"interval_{i}" for i in range(1, 7))]
    return (*KINDS, *duration, *bins, *pitch, *chord, *TRIADS, "log_bpm", "beats_per_bar")


def token_attributes(tokens: Sequence[str]) -> Floats:
    """Attributes of tokens, (tokens, attributes) float32, about -2 to 4 each.

    Raises SettingsError for a string that is no token of the grammar.
    """
    names = attribute_names()
    columns = {name: i for i, name in enumerate(names)}
    table = np.zeros((len(tokens), len(names)), np.float32)
    for row, token in zip(table, tokens, strict=True):
        for name, value in _values(token).items():
            row[columns[name]] = value
    return table


def _values(text: str) -> dict[str, float]:
    token = read_token(text)
    kind, value = token_kind(token), float(token.value)
    if kind == "tempo":
        return {kind: 1.0, "log_bpm": math.log2(min(FASTEST_BPM, max(SLOWEST_BPM, value)) / 100.0)}
    if kind == "time":
        return {kind: 1.0, "beats_per_bar": value / 4.0}
    if kind == "mark":
        return {kind: 1.0}
    quarters = min(LONGEST_QUARTERS, max(SHORTEST_QUARTERS, value))
    if kind == "rest":
        return {kind: 1.0, **_length(quarters, "rest")}
    sound = _pitch(token.pitches[0]) if kind == "note" else _chord(sorted(set(token.pitches)))
    return {kind: 1.0, **_length(quarters, "struck"), **sound}


def _length(quarters: float, prefix: str) -> dict[str, float]:
    index = int(np.searchsorted(DURATION_EDGES, quarters))
    return {f"{prefix}_log_quarters": math.log2(quarters), f"{prefix}_length_{index}": 1.0, "quarters": quarters}


def _pitch(pitch: int) -> dict[str, float]:
    index = int(np.searchsorted(PITCH_EDGES, pitch, side="right"))
    return {"pitch": (pitch - 62) / 12.0, f"pitch_bin_{index}": 1.0, f"note_{pitch % 12}": 1.0}


def _chord(classes: Sequence[int]) -> dict[str, float]:
    values = {f"chord_{pitch_class}": 1.0 for pitch_class in classes} | {"chord_size": len(classes) / 3.0}
    for i, low in enumerate(classes):
        for high in classes[i + 1 :]:
            distance = (high - low) % 12
            name = f"interval_{min(distance, 12 - distance)}"
            values[name] = values.get(name, 0.0) + 1.0
    for root in classes:
        above = {(other - root) % 12 for other in classes}
        values.update({name: 1.0 for name, tones in TRIADS.items() if tones <= above})
    return values
