"""Logits in, events out: drawing the next note of several candidates at once under the rules of metre and key.

All candidates of a phrase are drawn together, a row each. The rules only forbid or discourage; within them the network
decides. Everything random comes from one numpy generator, so that a seed gives the same notes again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pipelines.symbolic.cadence import DOMINANT
from pipelines.symbolic.events import FIELDS, GRID, MAX_BEATS_PER_BAR, PITCH_HIGH, PITCH_LOW, SIZES
from pipelines.symbolic.key import MAJOR_SCALE

BAR, POSITION, PITCH, DURATION, VELOCITY = range(len(FIELDS))
FORBIDDEN = -1e9
LONGEST_GAP_S = 2.0
MOST_NOTES_AT_ONCE = 7
MOST_NOTES_A_BAR = 64
# Home keys share the white keys; A minor's raised sixth and seventh are welcome too.
OUT_OF_KEY_PENALTY = 0.5
CADENCE_BONUS = 2.5
LEAD_BEATS = 2  # how long the dominant leads to the final chord

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Temperature:
    """How boldly to draw: `heat` divides the logits, `nucleus` is the probability mass that is kept (0 to 1)."""

    heat: float = 1.0
    nucleus: float = 0.97


def draw(logits: Floats, temperature: Temperature, rng: np.random.Generator) -> Ints:
    """Draw one value a row from logits (rows, size) among the likeliest values that hold the nucleus's mass."""
    scaled = logits / temperature.heat
    order = np.argsort(-scaled, axis=1)
    ranked = np.take_along_axis(scaled, order, axis=1)
    weights = np.exp(ranked - ranked[:, :1])
    weights /= weights.sum(1, keepdims=True)
    before = np.cumsum(weights, axis=1) - weights
    weights[before >= temperature.nucleus] = 0.0
    reached = np.cumsum(weights, axis=1)
    target = rng.random(len(logits))[:, None] * reached[:, -1:]
    return np.take_along_axis(order, (reached <= target).sum(1)[:, None].clip(max=order.shape[1] - 1), axis=1)[:, 0]


@dataclass(eq=False)
class Rows:
    """Where each candidate stands: bar and position of its last note, and what holds for its piece.

    `bar` counts from the beginning of the piece. A piece that has no note yet stands at bar 0, position -1.
    """

    beats_per_bar: Ints
    tempo_bpm: npt.NDArray[np.float64]
    minor: npt.NDArray[np.bool_]
    bar: Ints
    position: Ints
    last_bar: Ints  # the bar after the phrase; a row that reaches it is done
    dominant_bar: Ints  # the bar whose last two beats lead home
    opening: bool = True  # the next event is the phrase's first
    pitch: Ints = field(init=False)
    at_once: Ints = field(init=False)
    in_bar: Ints = field(init=False)
    led: npt.NDArray[np.bool_] = field(init=False)  # the dominant's bass has sounded
    done: npt.NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.bar)
        self.pitch, self.at_once, self.in_bar = np.full(count, -1), np.zeros(count, np.int64), np.zeros(count, np.int64)
        self.done, self.led = np.zeros(count, bool), np.zeros(count, bool)

    @property
    def steps_per_bar(self) -> Ints:
        """Grid positions a bar."""
        return self.beats_per_bar * GRID

    def position_choices(self) -> npt.NDArray[np.bool_]:
        """Allowed positions after staying in the bar and after going on to the next: (2, rows, positions)."""
        places = np.arange(MAX_BEATS_PER_BAR * GRID)[None]
        inside = (places < self.steps_per_bar[:, None]) & ((places % 3 == 0) | (places % 4 == 0))
        longest = np.maximum(GRID, LONGEST_GAP_S * self.tempo_bpm / 60 * GRID)[:, None]
        here = self.position[:, None]
        crowded = (self.at_once >= MOST_NOTES_AT_ONCE) | (self.pitch >= SIZES["pitch"] - 1)
        stay = inside & (places >= here + crowded[:, None]) & (places - here <= longest)
        go_on = inside & (places + self.steps_per_bar[:, None] - here <= longest)
        return np.stack((stay, go_on))

    def restrict(self, name: int, logits: Floats, chosen: Ints, choices: npt.NDArray[np.bool_]) -> None:
        """Apply the rules for a field to its logits (rows, size), in place, given the fields chosen before it."""
        if name == BAR:
            self._restrict_bar(logits, choices)
        elif name == POSITION:
            allowed = np.where(chosen[:, BAR, None] == 0, choices[0], choices[1])
            allowed[self.position < 0] &= np.arange(allowed.shape[1]) == 0  # a piece begins on its first beat
            inside = np.arange(allowed.shape[1])[None] < self.steps_per_bar[:, None]
            logits[~np.where(allowed.any(1, keepdims=True), allowed, inside)] = FORBIDDEN
        elif name == PITCH:
            self._restrict_pitch(logits, chosen)

    def _restrict_bar(self, logits: Floats, choices: npt.NDArray[np.bool_]) -> None:
        """Stay or go on by one bar; a phrase opens in its own first bar, and no bar grows without end."""
        logits[:, 2:] = FORBIDDEN
        for ahead in (0, 1):
            logits[~choices[ahead].any(1), ahead] = FORBIDDEN
        must = np.where(self.position < 0, 0, 1) if self.opening else np.full(len(self.bar), -1)
        must[(self.bar == self.dominant_bar) & ~self.led & (must < 0)] = 0  # not before the dominant has sounded
        must[self.in_bar >= MOST_NOTES_A_BAR] = 1
        logits[must == 0, 1:] = FORBIDDEN
        logits[must == 0, 0] = 0.0
        logits[must == 1, 0] = FORBIDDEN
        logits[must == 1, 1] = 0.0

    def _restrict_pitch(self, logits: Floats, chosen: Ints) -> None:
        pitches = np.arange(SIZES["pitch"])[None]
        same_time = (chosen[:, BAR] == 0) & (chosen[:, POSITION] == self.position)
        logits[(pitches <= self.pitch[:, None]) & same_time[:, None]] = FORBIDDEN
        logits -= OUT_OF_KEY_PENALTY * _OUT_OF_KEY[self.minor.astype(int)]
        minor = self.minor.astype(int)
        leading = self._leading(chosen)
        logits += CADENCE_BONUS * leading[:, None] * _DOMINANT[minor]
        logits[(leading & ~self.led)[:, None] & (_DOMINANT_ROOT[minor] == 0)] = FORBIDDEN

    def _leading(self, chosen: Ints) -> npt.NDArray[np.bool_]:
        """Rows whose next note belongs to the dominant before the final chord."""
        here = self.bar + chosen[:, BAR] == self.dominant_bar
        leading: npt.NDArray[np.bool_] = here & (chosen[:, POSITION] >= self.steps_per_bar - LEAD_BEATS * GRID)
        return leading

    def advance(self, chosen: Ints) -> None:
        """Take note of the events chosen (rows, 5); rows that leave their phrase are done."""
        same_time = (chosen[:, BAR] == 0) & (chosen[:, POSITION] == self.position)
        self.at_once = np.where(same_time, self.at_once + 1, 1)
        self.led |= self._leading(chosen)
        self.in_bar = np.where(chosen[:, BAR] == 0, self.in_bar + 1, 1)
        self.bar = self.bar + chosen[:, BAR]
        self.position, self.pitch = chosen[:, POSITION], chosen[:, PITCH]
        self.done |= self.bar >= self.last_bar
        self.opening = False


def lead_position(beats_per_bar: int) -> int:
    """Grid position in the bar before the last from which the dominant leads to the final chord."""
    return (beats_per_bar - LEAD_BEATS) * GRID


def _pitch_table(classes: frozenset[int] | tuple[int, ...]) -> Floats:
    return np.array([pitch % 12 in classes for pitch in range(PITCH_LOW, PITCH_HIGH + 1)], np.float32)


_OUT_OF_KEY = np.stack((1 - _pitch_table(MAJOR_SCALE), 1 - _pitch_table(MAJOR_SCALE | {6, 8})))
_DOMINANT_ROOT = np.stack([_pitch_table((DOMINANT[mode][0],)) for mode in ("major", "minor")])
_DOMINANT = np.stack((_pitch_table(DOMINANT["major"]), _pitch_table(DOMINANT["minor"])))
