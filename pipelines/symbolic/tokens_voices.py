"""Notes in, voices out: each bar as one line or several of notes, chords and rests without gap or overlap.

The steps are those of music21's reading of a MIDI file, from which the symbolic paper made its sequences, a part (a
hand) at a time: notes that start and end together become chords; onsets and lengths go to the nearest quarter or third
of a beat; what crosses a bar line is cut there; what overlaps within a bar goes to a further voice; rests fill each
voice.

Conventions
-----------
Times are exact fractions in quarter notes from the beginning of the piece. A voice lasts for a bar.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from pipelines.records import Note

DIVISORS = (4, 3)  # onsets and lengths lie on quarters and thirds of a beat
TOGETHER_BEATS = 1 / 4  # notes that start and end nearer than this are one chord
BARS = 8


@dataclass(frozen=True)
class Event:
    """What one token sounds: a start and a length in quarter notes, and MIDI pitches, none for a rest."""

    start: Fraction
    length: Fraction
    pitches: tuple[int, ...] = ()

    @property
    def end(self) -> Fraction:
        """Where it ends."""
        return self.start + self.length


def events_of_parts(parts: Sequence[Sequence[Note]], bar: Fraction) -> list[Event]:
    """Events of some parts in order of start, then part, then voice; no event but in the first :data:`BARS` bars.

    `bar` is a bar's length in quarter notes. Each part lasts until the end of its last bar with notes.
    """
    lines = [event for part in parts if part for event in part_events(part, bar)]
    return sorted(lines, key=lambda event: event.start)


def part_events(notes: Sequence[Note], bar: Fraction) -> list[Event]:
    """Events of one part, bar by bar and voice by voice, rests included."""
    pieces = [piece for event in quantise(chords(notes)) for piece in _cut(event, bar)]
    if not pieces:
        return []
    by_bar: list[list[Event]] = [[] for _ in range(min(BARS, max(int(event.start // bar) for event in pieces) + 1))]
    for piece in pieces:
        if piece.start // bar < len(by_bar):
            by_bar[int(piece.start // bar)].append(piece)
    filled: list[Event] = []
    for number, inside in enumerate(by_bar):
        for voice in _voices(inside) or [[]]:
            filled += _with_rests(voice, number * bar, (number + 1) * bar)
    return filled


def chords(notes: Iterable[Note]) -> list[Event]:
    """Gather notes that start and end together; as in music21 a chord starts with its first and lasts as its last."""
    left = sorted(notes, key=lambda note: note.start_beat)
    gathered = []
    while left:
        first, rest = left[0], []
        together = [first]
        for position, note in enumerate(left[1:], 1):
            if note.start_beat - first.start_beat >= TOGETHER_BEATS:
                rest += left[position:]
                break
            if abs(note.end_beat - first.end_beat) <= TOGETHER_BEATS:
                together.append(note)
            else:
                rest.append(note)
        length = together[-1].duration_beats
        gathered.append(Event(Fraction(first.start_beat), Fraction(length), tuple(note.pitch for note in together)))
        left = rest
    return gathered


def quantise(events: Sequence[Event]) -> list[Event]:
    """Bring starts and lengths, nothing shorter than a quarter of a beat, to quarters or thirds of a beat.

    Of the two a length takes that which fills the gap to the next start, else the nearer (music21's rule).
    """
    starts = [_nearest(float(event.start)) for event in events]
    placed = []
    for number, (event, start) in enumerate(zip(events, starts, strict=True)):
        following = next((other for other in starts[number + 1 :] if other > start), None)
        gap = None if following is None else following - start
        placed.append(Event(start, _nearest(float(event.length), least=True, gap=gap), event.pitches))
    return sorted(placed, key=lambda event: event.start)


def _nearest(value: float, *, least: bool = False, gap: Fraction | None = None) -> Fraction:
    """Nearest multiple of a quarter or a third; with `least` at least one of them."""
    found = []
    for divisor in DIVISORS:
        steps = max(int(least), math.ceil(value * divisor - 0.5))
        match = Fraction(steps, divisor)
        # music21 takes the remainder in floating point, where 1 is no multiple of 1/3; followed, as the paper has it
        whole = gap is None or float(gap) % (1 / divisor) == 0
        remaining = Fraction(0) if whole or gap is None else max(gap - match, Fraction(0))
        found.append((remaining, round(abs(value - float(match)), 7), Fraction(1, divisor), match))
    return min(found)[3]


def _cut(event: Event, bar: Fraction) -> Iterator[Event]:
    """Parts of an event between bar lines."""
    start = event.start
    while start < event.end:
        end = min(event.end, (start // bar + 1) * bar)
        yield replace(event, start=start, length=end - start)
        start = end


def _voices(events: Iterable[Event]) -> list[list[Event]]:
    """Give each event to the first voice that is free."""
    voices: list[list[Event]] = []
    for event in sorted(events, key=lambda event: event.start):
        free = next((voice for voice in voices if voice[-1].end <= event.start), None)
        if free is None:
            voices.append([event])
        else:
            free.append(event)
    return voices


def _with_rests(voice: Sequence[Event], start: Fraction, end: Fraction) -> Iterator[Event]:
    """The voice with its gaps between two bar lines filled."""
    now = start
    for event in voice:
        if event.start > now:
            yield Event(now, event.start - now)
        yield event
        now = event.end
    if now < end:
        yield Event(now, end - now)
