"""Tokens in, a Score out: where each event lies in time, and in which octave a chord.

The grammar has no bar lines and no onsets. What it has: the voices of a bar fill it without gap, and their tokens stand
in order of onset. So, the number of voices known, the next token always begins where the voice that ends first ends,
and all voices end together at the bar line. The number of voices in each bar is found by search: the parse of least
cost, two voices (the two hands) for choice, the number kept from bar to bar, every bar filled exactly. Where no number
fits (a model's output seldom adds up), the bar is read in two voices and what crosses the bar line is cut there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from pipelines.records import Note, Score, TempoMark
from pipelines.symbolic.key import relative_mode
from pipelines.symbolic.midi import BPM_RANGE, DEFAULT_TEMPO_BPM, quarters_per_bar
from pipelines.symbolic.tokens_grammar import END, Token, read_token
from pipelines.symbolic.tokens_voices import Event

HANDS = 2
VOICE_COSTS = {2: 0.0, 1: 0.5, 3: 0.5, 4: 1.0, 5: 1.5, 6: 2.0}  # of a bar with so many voices
CHANGE_COST, CUT_COST = 0.5, 6.0
CHORD_TOP = 59  # a chord lies as high as it can with its highest tone up to that, B3: under the right hand
VELOCITY = 80
SHORTEST_BEATS = 1 / 12  # what sounds with length 0 (an ornament) lasts as long as this and takes no time


def decode(tokens: Sequence[str]) -> Score:
    """Score of a sequence, in C major or A minor; any tokens in any order are read.

    Reading ends at the first `<end>`; other marks are passed over; the first tempo and the first time signature hold
    (120 beats a minute and 4/4 without). Notes have velocity 80. A sequence in which nothing sounds gives a Score
    without notes. Raises SettingsError for text that is no token.
    """
    words = tuple(tokens)
    read = [read_token(token) for token in words[: words.index(END) if END in words else None]]
    tempo = next((float(token.value) for token in read if token.kind == "tempo"), DEFAULT_TEMPO_BPM)
    bar = next((token.value for token in read if token.kind == "time"), Fraction(4))
    notes = _notes(place([token for token in read if token.kind in ("note", "chord", "rest")], bar))
    mode = relative_mode(notes) if notes else "major"
    low, high = BPM_RANGE
    marks = (TempoMark(0.0, min(high, max(low, tempo))),)
    return Score(notes, marks, _beats_per_bar(bar), 0 if mode == "major" else 9, mode)


def _beats_per_bar(bar: Fraction) -> int:
    return quarters_per_bar(bar.numerator, 4 * bar.denominator) if bar.denominator in (1, 2, 4) and bar <= 16 else 4


def _notes(events: Sequence[Event]) -> tuple[Note, ...]:
    struck = (
        Note(float(event.start), pitch, max(SHORTEST_BEATS, float(event.length)), VELOCITY)
        for event in events
        for pitch in event.pitches
    )
    longest: dict[tuple[float, int], Note] = {}
    for note in struck:
        known = longest.get((note.start_beat, note.pitch))
        if known is None or known.duration_beats < note.duration_beats:
            longest[note.start_beat, note.pitch] = note
    return tuple(sorted(longest.values()))


def voicing(token: Token) -> tuple[int, ...]:
    """MIDI pitches of a token: a chord in close position up to B3 at the highest, of one pitch class an octave."""
    if token.kind != "chord":
        return token.pitches
    root = token.pitches[0]
    steps = [(pitch_class - root) % 12 for pitch_class in token.pitches] if len(set(token.pitches)) > 1 else [0, 12]
    highest_first = CHORD_TOP - max(steps)
    first = highest_first - (highest_first - root) % 12
    return tuple(first + step for step in steps)


@dataclass(frozen=True)
class _Parse:
    """A parse up to a bar line: its cost, and how it came there."""

    cost: float
    before: tuple[int, int] | None = None  # the state, (tokens read, voices), at the bar line before


def place(tokens: Sequence[Token], bar: Fraction) -> list[Event]:
    """Give sounding tokens and rests their starts, bars of `bar` quarter notes after bars."""
    if not tokens:
        return []
    lengths, whole, step = _in_steps([token.value for token in tokens], bar)
    states: list[dict[int, _Parse]] = [{} for _ in range(len(tokens) + 1)]
    states[0][HANDS] = _Parse(0.0)
    for begin, known in enumerate(states[:-1]):
        for count, price in VOICE_COSTS.items() if known else ():
            until, fits = _fill(lengths, begin, count, whole)
            if not fits and count != HANDS:
                continue
            cost, before = min((known[voices].cost + CHANGE_COST * (count != voices), voices) for voices in known)
            cost += price + CUT_COST * (not fits)
            if count not in states[until] or cost < states[until][count].cost:
                states[until][count] = _Parse(cost, (begin, before))
    return _lay([voicing(token) for token in tokens], lengths, whole, step, _bars(states))


def _in_steps(lengths: Sequence[Fraction], bar: Fraction) -> tuple[list[int], int, int]:
    """Lengths and the bar as whole numbers of the largest step that measures them all; how many make a quarter."""
    step = math.lcm(bar.denominator, *(length.denominator for length in lengths))
    whole = [length.numerator * (step // length.denominator) for length in (*lengths, bar)]
    return whole[:-1], whole[-1], step


def _fill(lengths: Sequence[int], begin: int, count: int, bar: int) -> tuple[int, bool]:
    """Where a bar of `count` voices that begins at token `begin` ends, and whether every voice fills it exactly."""
    ends = [0] * count
    at = begin
    while at < len(lengths) and (earliest := min(ends)) < bar:
        ends[ends.index(earliest)] += lengths[at]
        at += 1
    return at, all(end == bar for end in ends)


def _bars(states: Sequence[dict[int, _Parse]]) -> list[tuple[int, int]]:
    """The cheapest parse as (first token, voices) a bar."""
    at = (len(states) - 1, min(states[-1], key=lambda voices: states[-1][voices].cost))
    bars = []
    while (before := states[at[0]][at[1]].before) is not None:
        bars.append((before[0], at[1]))
        at = before
    return bars[::-1]


def _lay(
    pitches: Sequence[tuple[int, ...]], lengths: Sequence[int], bar: int, step: int, bars: Sequence[tuple[int, int]]
) -> list[Event]:
    """Events of a parse, from whole numbers of steps; what crosses a bar line is cut there."""
    events = []
    limits = [*(begin for begin, _ in bars[1:]), len(lengths)]
    for number, ((begin, count), until) in enumerate(zip(bars, limits, strict=True)):
        ends, line = [number * bar] * count, (number + 1) * bar
        for at in range(begin, until):
            start = min(ends)
            ends[ends.index(start)] += lengths[at]
            length = max(0, min(lengths[at], line - start))
            events.append(Event(Fraction(start, step), Fraction(length, step), pitches[at]))
    return events
