"""Where a pianist's right foot goes: the sustain pedal for a Score that has none.

In: the notes of whole bars. Out: spans in seconds, one for each bar or half bar at most. The pedal is lifted with the
first notes of the next span, which damps the old harmony, and pressed again shortly after they have begun.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.records import Note, Score

PEDALS = ("none", "clear", "half bar", "bar")
PRESS_AFTER_S = 0.07
LOW_PITCH = 60  # whole tones are muddy below middle C, semitones anywhere
SHORTEST_SPAN_S = 0.4


@dataclass(frozen=True)
class PedalSpan:
    """The pedal is down from `down_s` to `up_s` (seconds of the performance)."""

    down_s: float
    up_s: float


def span_beats(score: Score, kind: str) -> float:
    """Length of a span in beats: a bar, or half of one where the bar has an even number of beats and time enough."""
    half = score.beats_per_bar / 2
    if kind == "bar" or score.beats_per_bar % 2 or half * 60.0 / score.tempo_bpm < SHORTEST_SPAN_S:
        return float(score.beats_per_bar)
    return half


def pedal_spans(notes: Sequence[Note], score: Score, *, kind: str, from_beat: float = 0.0) -> list[PedalSpan]:
    """Spans from `from_beat` on in which notes begin; `kind` is one of :data:`PEDALS`.

    "clear" leaves the pedal up in half bars whose notes would blur under it: a semitone anywhere, or a whole tone
    below middle C.
    """
    if kind == "none" or not notes:
        return []
    length = span_beats(score, kind)
    spans: dict[int, list[Note]] = {}
    for note in notes:
        if note.start_beat >= from_beat - 1e-6:
            spans.setdefault(math.floor(note.start_beat / length + 1e-6), []).append(note)
    kept = [index for index, members in sorted(spans.items()) if kind != "clear" or not blurs(members)]
    return [_span(score, index * length, (index + 1) * length) for index in kept]


def blurs(notes: Sequence[Note]) -> bool:
    """Whether notes held together make a semitone, or a whole tone below middle C."""
    pitches = sorted({note.pitch for note in notes})
    steps = [(low, high - low) for low, high in itertools.pairwise(pitches)]
    return any(step == 1 or (step == 2 and low < LOW_PITCH) for low, step in steps)


def _span(score: Score, begin_beat: float, end_beat: float) -> PedalSpan:
    begin, end = score.seconds_at(begin_beat), score.seconds_at(end_beat)
    return PedalSpan(begin + min(PRESS_AFTER_S, (end - begin) / 4), end)
