"""Plain notes in, played notes out: accents, a singing top voice, an arch over each phrase, no silence in between.

The network's velocities come from files many of which never change loudness; these few rules are those of the
performance literature (Friberg, Bresin and Sundberg 2006, "Overview of the KTH rule system": phrase arch, high-loud,
metrical accents), with small amounts. Starts are left alone: the metre stays steady.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

from pipelines.records import Note

DOWNBEAT_ACCENT, BEAT_ACCENT, MELODY_ACCENT, INNER_SOFTENING = 4, 2, 6, 5
ARCH_DEPTH = 7
LONGEST_SILENCE_S = 0.75


def shape(notes: Sequence[Note], first_beat: float, last_beat: float, beats_per_bar: int) -> list[Note]:
    """Shape the loudness of one phrase (its notes sorted) that lies between two beats; velocities stay in 12 to 120."""
    tops: dict[float, int] = {}
    bottoms: dict[float, int] = {}
    for note in notes:
        tops[note.start_beat] = max(tops.get(note.start_beat, 0), note.pitch)
        bottoms[note.start_beat] = min(bottoms.get(note.start_beat, 127), note.pitch)
    shaped = []
    for note in notes:
        change = _accent(note.start_beat % beats_per_bar) + _arch(
            (note.start_beat - first_beat) / (last_beat - first_beat)
        )
        if note.pitch == tops[note.start_beat]:
            change += MELODY_ACCENT if note.pitch >= 60 else 0
        elif note.pitch != bottoms[note.start_beat]:
            change -= INNER_SOFTENING
        shaped.append(replace(note, velocity=min(120, max(12, round(note.velocity + change)))))
    return shaped


def _accent(beat_in_bar: float) -> int:
    if beat_in_bar < 1e-6:
        return DOWNBEAT_ACCENT
    return BEAT_ACCENT if abs(beat_in_bar - round(beat_in_bar)) < 1e-6 else 0


def _arch(place: float) -> float:
    """Loudness along a phrase, place 0 to 1: softest at both ends, fullest a little past the middle."""
    return ARCH_DEPTH * (math.sin(math.pi * min(1.0, max(0.0, place)) ** 1.2) - 0.6)


def fill_silence(notes: Sequence[Note], tempo_bpm: float, *, end_beat: float) -> list[Note]:
    """Hold notes on where nothing would sound for longer than three quarters of a second, up to `end_beat`.

    The notes of the onset before the silence are held until the next onset.
    """
    limit = LONGEST_SILENCE_S * tempo_bpm / 60
    starts = sorted({note.start_beat for note in notes})
    following = dict(zip(starts, [*starts[1:], end_beat], strict=True))
    sounding_until, held = 0.0, []
    by_start: dict[float, list[Note]] = {}
    for note in notes:
        by_start.setdefault(note.start_beat, []).append(note)
    for start in starts:
        group = by_start[start]
        sounding_until = max(sounding_until, *(note.end_beat for note in group))
        if following[start] - sounding_until > limit:
            group = [replace(note, duration_beats=following[start] - start) for note in group]
            sounding_until = following[start]
        held += group
    return sorted(held)


def separate(notes: Sequence[Note]) -> list[Note]:
    """Release a held note where its own key is struck again, or the key a semitone beside it: no key can sound twice.

    Notes that start together are left alone, as a clash within a chord is meant.
    """
    separated: list[Note] = []
    struck: dict[int, float] = {}  # when each pitch starts next, seen from the end
    for start, group in itertools.groupby(sorted(notes, reverse=True), key=lambda note: note.start_beat):
        together = list(group)
        for note in together:
            stop = min(struck.get(pitch, math.inf) for pitch in (note.pitch - 1, note.pitch, note.pitch + 1))
            separated.append(replace(note, duration_beats=min(note.duration_beats, stop - start)))
        struck |= {note.pitch: start for note in together}
    return sorted(separated)
