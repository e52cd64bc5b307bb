"""A piano score taken apart: which of a bar's notes are the melody, and how another instrument plays that melody.

In: the Score, bar by bar, with the bar that follows. Out: Notes. The melody is a skyline with continuity: the top
note at each onset, unless it lies well below a melody note that still sounds or is only the accompaniment's answer
between two melody notes.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pipelines.records import Note, Score
from pipelines.waveform.instruments import Playing

LOWEST_MELODY = 55
UNDER_A_HELD_NOTE, FAR_BELOW, BETWEEN_BEATS = 2, 8, 1.0
LONGEST_BREATH_BEATS = 1.5
INNER_TOP, INNER_LOWEST = 71, 45
ARTICULATION = {"staccato": 0.5, "detached": 0.75, "marcato": 0.85, "singing": 1.0, "legato": 1.0}
REGISTER_SEMITONES = {"low register": -7, "middle register": 0, "high register": 7}


@dataclass(frozen=True)
class Split:
    """A bar of the piano score in three: melody, the lowest notes, and what lies between."""

    melody: tuple[Note, ...]
    inner: tuple[Note, ...]
    bass: tuple[Note, ...]


@dataclass
class Splitter:
    """Takes a score apart bar after bar; remembers the last note of the melody."""

    last: Note | None = field(default=None)

    def split(self, score: Score, bar: int) -> Split:
        """The parts of a bar (from 0); the next bar must be there already, if there is one."""
        begin, end = float(bar * score.beats_per_bar), float((bar + 1) * score.beats_per_bar)
        notes = list(score.notes_between(begin, end))
        groups = _by_onset([*notes, *score.notes_between(end, end + BETWEEN_BEATS)])
        melody: list[Note] = []
        for i, group in enumerate(groups):
            if group[-1].start_beat >= end:
                break
            if self._sings(group[-1], groups[i + 1 :]):
                melody.append(group[-1])
                self.last = group[-1]
        rest = [note for note in notes if note not in melody]
        bass = [group[0] for group in _by_onset(rest) if group[0].pitch < LOWEST_MELODY]
        return Split(tuple(melody), tuple(note for note in rest if note not in bass), tuple(bass))

    def _sings(self, top: Note, following: Sequence[Sequence[Note]]) -> bool:
        """Whether the top note of an onset belongs to the melody."""
        last = self.last
        if last is None:
            return top.pitch >= LOWEST_MELODY - 5
        if top.pitch < LOWEST_MELODY and top.pitch < last.pitch - 4:
            return False
        if last.end_beat > top.start_beat + 0.2 and top.pitch < last.pitch - UNDER_A_HELD_NOTE:
            return False
        if top.pitch >= last.pitch - FAR_BELOW:
            return True
        soon = [group[-1] for group in following if group[-1].start_beat - top.start_beat <= BETWEEN_BEATS]
        return not any(note.pitch >= last.pitch - 5 for note in soon)


def _by_onset(notes: Sequence[Note]) -> list[list[Note]]:
    """Notes that start together, lowest first, in order of time."""
    return [list(group) for _, group in itertools.groupby(sorted(notes), key=lambda note: note.start_beat)]


@dataclass(frozen=True)
class Touch:
    """How the prompt's words and the genre want a melody played: register in semitones, length of notes, loudness."""

    register: int = 0
    length: float = 1.0
    legato: bool = False
    accent: int = 0


def touch_of(melody: str) -> Touch:
    """Read the prompt's words on its melody, such as "rising, staccato, in a high register"."""
    words = melody.lower()
    register = next((shift for word, shift in REGISTER_SEMITONES.items() if word in words), 0)
    length = next((share for word, share in ARTICULATION.items() if word in words), 1.0)
    return Touch(register, length, "legato" in words or "singing" in words, 6 if "marcato" in words else 0)


def octaves_for(melody: Sequence[Note], playing: Playing, touch: Touch) -> int:
    """Semitones, whole octaves, that bring a melody into the register in which an instrument leads."""
    if not melody:
        return 0
    middle = sorted(note.pitch for note in melody)[len(melody) // 2]
    return 12 * round((playing.lead + touch.register - middle) / 12)


@dataclass(frozen=True)
class Melody:
    """The melody of a bar, that of the bar after it, and how long a beat lasts in seconds."""

    notes: tuple[Note, ...]
    following: tuple[Note, ...]
    beat_s: float


def played(melody: Melody, playing: Playing, touch: Touch, *, shift: int) -> list[Note]:
    """A bar's melody as an instrument plays it, moved by `shift` semitones.

    Notes too quick for the instrument are left out off the beat, gaps are sung over, and each pitch is in its range.
    """
    kept: list[Note] = []
    for note in melody.notes:
        close = bool(kept) and (note.start_beat - kept[-1].start_beat) * melody.beat_s < playing.shortest_s
        if not close or note.start_beat % 1.0 < 1e-6:
            kept.append(note)
    result = []
    for note, after in zip(kept, [*kept[1:], next(iter(melody.following), None)], strict=False):
        gap = after.start_beat - note.start_beat if after else note.duration_beats
        length = max(0.1, min(gap, _length(note, gap, playing, touch)))
        pitch = playing.folded(note.pitch + shift)
        result.append(replace(note, pitch=pitch, duration_beats=length))
    return result


def _length(note: Note, gap: float, playing: Playing, touch: Touch) -> float:
    """How long a note is held before the next one starts `gap` beats later."""
    if touch.length < 1.0:
        return touch.length * min(gap, max(note.duration_beats, 0.5))
    if gap <= LONGEST_BREATH_BEATS or playing.rings or touch.legato:
        return min(gap, max(note.duration_beats, 0.96 * min(gap, 4.0)))
    return max(note.duration_beats, 0.75 * min(gap, 4.0))


def under_melody(inner: Sequence[Note], playing: Playing) -> list[Note]:
    """The composer's inner voices on an instrument, by octaves brought under the melody and out of the mud."""
    moved = {}
    for note in inner:
        pitch = note.pitch
        while pitch > INNER_TOP:
            pitch -= 12
        while pitch < INNER_LOWEST:
            pitch += 12
        moved[note.start_beat, pitch] = replace(note, pitch=playing.folded(pitch))
    return list(moved.values())


def overlap(note: Note, begin: float, end: float) -> float:
    """Beats for which a note sounds between two beats; negative where it does not."""
    return min(note.end_beat, end) - max(note.start_beat, begin)


def rubs(note: Note, sung: Sequence[Note], least_beats: float) -> bool:
    """Whether a note sounds for a while with one of the melody whose pitch class is a semitone away."""
    return any(
        (note.pitch - other.pitch) % 12 in (1, 11) and overlap(note, other.start_beat, other.end_beat) >= least_beats
        for other in sung
    )


def together(doubled: Sequence[Note], lead: Sequence[Note]) -> list[Note]:
    """The notes of who doubles the lead, each ended where the lead goes on to its next."""
    starts = sorted(note.start_beat for note in lead)
    following = (next((start for start in starts if start > note.start_beat + 1e-6), note.end_beat) for note in doubled)
    return [until(note, beat) for note, beat in zip(doubled, following, strict=True)]


def until(note: Note, beat: float) -> Note:
    """The note, ended by a beat; a fifth of a beat is left of it at least."""
    return replace(note, duration_beats=max(0.2, min(note.duration_beats, beat - note.start_beat)))
