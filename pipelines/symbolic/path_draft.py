"""A piece along a path in the making, and an idea that returns in another mood.

Events are as in :mod:`pipelines.symbolic.events`, in the home keys C major and A minor, which share the white keys: an
idea goes from one to the other by two steps of the scale, its shape kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pipelines.records import Section
from pipelines.symbolic.draft import Draft
from pipelines.symbolic.events import FIELDS, PITCH_LOW, SIZES
from pipelines.symbolic.sampling import BAR, PITCH, POSITION, VELOCITY, Ints

LOUDNESS_A_POINT = 0.6  # levels of velocity, 8 apart, by which a point of arousal changes a returning idea
WHITE = (0, 2, 4, 5, 7, 9, 11)
STEPS_TO = {"major": 2, "minor": -2}  # from A to C, from C to A


@dataclass(frozen=True, eq=False)
class PathDraft(Draft):
    """A draft that is told what the next phrase takes over and how many bars of the past the network may see."""

    taken: Ints = field(default_factory=lambda: np.zeros((0, len(FIELDS)), np.int64))
    context_bars: int = 16

    def returning(self, section: Section) -> Ints:
        """Events that the next phrase takes over."""
        return self.taken

    def context(self, *, bars_to_draw: int) -> Ints:
        """As :meth:`Draft.context`, but of the last `context_bars` bars only."""
        context = super().context(bars_to_draw=bars_to_draw)
        numbers = np.cumsum(context[:, BAR])
        context = context[numbers > numbers[-1] - self.context_bars].copy()
        context[0, BAR] = 0
        return context


def varied(events: Ints, mode: str, new_mode: str, *, arousal_change: float) -> Ints:
    """Events (n, 5) moved to the other mode's tonic if it is another, and louder or softer with arousal."""
    events = events.copy()
    louder = round(LOUDNESS_A_POINT * arousal_change)
    events[:, VELOCITY] = np.clip(events[:, VELOCITY] + louder, 1, SIZES["velocity"] - 1)
    if mode != new_mode and len(events):
        moved = [moved_pitch(int(pitch) + PITCH_LOW, STEPS_TO[new_mode]) - PITCH_LOW for pitch in events[:, PITCH]]
        events[:, PITCH] = np.clip(moved, 0, SIZES["pitch"] - 1)
        return _without_doubles(events)
    return events


def moved_pitch(pitch: int, steps: int) -> int:
    """A MIDI pitch moved by steps of the white keys; a black key goes where the white one below it goes."""
    octave, pitch_class = divmod(pitch, 12)
    degree = max(i for i, white in enumerate(WHITE) if white <= pitch_class)
    octaves, place = divmod(degree + steps, len(WHITE))
    return 12 * (octave + octaves) + WHITE[place]


def _without_doubles(events: Ints) -> Ints:
    """Keep the first of notes that have come to stand on one key at one time."""
    places = np.stack((np.cumsum(events[:, BAR]), events[:, POSITION], events[:, PITCH]), axis=1)
    _, first = np.unique(places, axis=0, return_index=True)
    return events[np.sort(first)]
