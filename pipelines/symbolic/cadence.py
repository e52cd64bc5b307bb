"""How a piece closes: the dominant before the last bar, a tonic chord in it, and a broadening of the tempo.

In the home keys (C major, A minor) of :mod:`pipelines.symbolic.events`.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.records import VA_MAX, VA_MIN, Note, TempoMark

DOMINANT = {"major": (7, 11, 2), "minor": (4, 8, 11)}
TONIC_TRIAD = {"major": (0, 4, 7), "minor": (9, 0, 4)}
BASS_RANGE = (33, 52)
CHORD_RANGE = (52, 67)


def nearest_pitch(pitch_class: int, target: int, low: int, high: int) -> int:
    """The pitch of a class within low to high that lies nearest to a target pitch."""
    choices = [pitch for pitch in range(low, high + 1) if pitch % 12 == pitch_class]
    return min(choices, key=lambda pitch: (abs(pitch - target), pitch))


def final_chord(last_notes: Sequence[Note], start_beat: float, duration_beats: float, mode: str) -> list[Note]:
    """A tonic chord that the last notes lead into: bass tonic, a third and fifth, the tonic on top by the shortest way.

    `last_notes` must not be empty; the chord's loudness is theirs.
    """
    root, third, fifth = TONIC_TRIAD[mode]
    top, bottom = max(note.pitch for note in last_notes), min(note.pitch for note in last_notes)
    melody = last_notes[-1].pitch if last_notes[-1].pitch > 60 else top
    velocity = round(sum(note.velocity for note in last_notes) / len(last_notes))
    high = nearest_pitch(root, melody, max(60, melody - 7), max(72, melody + 7))
    bass = nearest_pitch(root, bottom, *BASS_RANGE)
    inner = [nearest_pitch(pitch_class, high - 8, *CHORD_RANGE) for pitch_class in (third, fifth)]
    pitches = sorted({bass, high, *inner})
    return [Note(start_beat, pitch, duration_beats, velocity) for pitch in pitches]


def broaden(bars: int, beats_per_bar: int, duration_s: float, arousal: float) -> tuple[TempoMark, ...]:
    """Tempo marks of a piece of `bars` that lasts `duration_s` seconds and slows down over its last two bars.

    Calm pieces slow down more than excited ones (arousal 1 to 9).
    """
    last_beat = bars * beats_per_bar
    slowing = _slowing(bars, beats_per_bar, arousal)
    ends = [beat for beat, _ in slowing[1:]] + [last_beat]
    weighted = sum((end - beat) / ratio for (beat, ratio), end in zip(slowing, ends, strict=True))
    bpm = weighted * 60 / duration_s
    return tuple(TempoMark(beat, bpm * ratio) for beat, ratio in slowing)


def broaden_at(
    tempo_bpm: float, bars: int, beats_per_bar: int, duration_s: float, arousal: float
) -> tuple[TempoMark, ...]:
    """As :func:`broaden`, but the tempo is given: the last bar, the final chord's, takes the seconds that are left."""
    marks = [TempoMark(beat, tempo_bpm * ratio) for beat, ratio in _slowing(bars, beats_per_bar, arousal)]
    last = float((bars - 1) * beats_per_bar)
    marks = [mark for mark in marks if mark.beat < last]
    ends = [*(mark.beat for mark in marks[1:]), last]
    spent_s = sum((end - mark.beat) * 60 / mark.bpm for mark, end in zip(marks, ends, strict=True))
    return (*marks, TempoMark(last, beats_per_bar * 60 / (duration_s - spent_s)))


def _slowing(bars: int, beats_per_bar: int, arousal: float) -> list[tuple[float, float]]:
    """Beats from which on the tempo is a share of the first, over the last two bars."""
    calm = (VA_MAX - arousal) / (VA_MAX - VA_MIN)
    slowing = [(0.0, 1.0)]
    if bars > 2:
        before = (bars - 2) * beats_per_bar
        slowing += [
            (before + beats_per_bar / 2, 1 - 0.06 * calm - 0.02),
            (before + beats_per_bar * 3 / 4, 1 - 0.12 * calm - 0.04),
            (before + beats_per_bar, 1 - 0.20 * calm - 0.06),
        ]
    return slowing
