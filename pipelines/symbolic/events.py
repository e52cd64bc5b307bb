"""Notes to the composer's compound tokens and back: one event a note, five fields an event.

The grammar is MidiTok's Octuple (Zeng et al. 2021, MusicBERT, section 3.1) without programs: pitch, position in the
bar, bar, velocity, duration. Two things differ so that music of any length can be composed: the bar is relative to the
previous note's (0 the same bar, 1 the next), and tempo, metre and mode stand once, in a header event, since none of
them changes within a piece. Pieces are brought to C major or A minor before encoding (:func:`to_home_key`).

Everything here is plain numpy; the tables are written into the checkpoint, so that weights and grammar stay together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pipelines.records import Note
from pipelines.symbolic.key import Key

GRID = 12  # positions a beat: sixteenths and triplets both lie on it
PITCH_LOW, PITCH_HIGH = 21, 108
BARS_AHEAD = 4  # bar 0 (same), 1, 2, 3 or more
MAX_BEATS_PER_BAR = 4
METRES = (4, 3)  # beats a bar
MODES = ("major", "minor")
FIELDS = ("bar", "position", "pitch", "duration", "velocity")
HEADER_FIELDS = ("metre", "mode", "tempo")
VELOCITIES = tuple(127 * k // 16 for k in range(1, 17))  # as MidiTok spaces 16 of them
TEMPI_BPM = tuple(round(40 * 2 ** (i / 10), 2) for i in range(25))  # 40 to 211, a tenth of an octave apart


def _durations() -> tuple[float, ...]:
    """Durations in beats: every grid step to 2 beats, every second to 4, halves to 8, wholes to 16."""
    fine = [k / GRID for k in range(1, 2 * GRID + 1)]
    middle = [2 + 2 * k / GRID for k in range(1, GRID + 1)]
    return tuple(fine + middle + [4 + k / 2 for k in range(1, 9)] + [8.0 + k for k in range(1, 9)])


DURATIONS = _durations()
SIZES = {
    "bar": BARS_AHEAD,
    "position": MAX_BEATS_PER_BAR * GRID,
    "pitch": PITCH_HIGH - PITCH_LOW + 1,
    "duration": len(DURATIONS),
    "velocity": len(VELOCITIES),
}
HEADER_SIZES = {"metre": len(METRES), "mode": len(MODES), "tempo": len(TEMPI_BPM)}


@dataclass(frozen=True)
class Header:
    """What holds for a whole piece: beats a bar (3 or 4), mode ("major" or "minor"), tempo in beats a minute."""

    beats_per_bar: int
    mode: str
    tempo_bpm: float

    def ids(self) -> tuple[int, int, int]:
        """Indices into METRES, MODES and TEMPI_BPM; the tempo goes to the nearest in ratio."""
        tempo = int(np.abs(np.log(np.array(TEMPI_BPM) / self.tempo_bpm)).argmin())
        return METRES.index(self.beats_per_bar), MODES.index(self.mode), tempo

    @classmethod
    def of(cls, ids: Sequence[int]) -> Header:
        """Build the header that three indices name."""
        return cls(METRES[ids[0]], MODES[ids[1]], TEMPI_BPM[ids[2]])


def home_shift(key: Key) -> int:
    """Semitones, -6 to 5, that bring a key to C major or A minor."""
    home = 0 if key.mode == "major" else 9
    return (home - key.tonic + 6) % 12 - 6


def transpose(notes: Sequence[Note], semitones: int) -> list[Note]:
    """Move notes by semitones; those that would leave the piano move by octaves to stay on it."""
    moved = []
    for note in notes:
        pitch = note.pitch + semitones
        while pitch < PITCH_LOW:
            pitch += 12
        while pitch > PITCH_HIGH:
            pitch -= 12
        moved.append(replace(note, pitch=pitch))
    return sorted(moved)


def encode(notes: Sequence[Note], beats_per_bar: int) -> npt.NDArray[np.int16]:
    """Events of notes that begin at bar 0: (n, 5) int16, columns as FIELDS, in order of time and pitch.

    Starts are rounded to the grid, durations, velocities to the nearest table entry; a pitch struck twice at one time
    is kept once, the longer. The first event's bar counts from bar 0.
    """
    kept: dict[tuple[int, int], Note] = {}
    for note in notes:
        place = (round(note.start_beat * GRID), min(PITCH_HIGH, max(PITCH_LOW, note.pitch)))
        if place not in kept or kept[place].duration_beats < note.duration_beats:
            kept[place] = note
    steps_per_bar = beats_per_bar * GRID
    events = np.zeros((len(kept), len(FIELDS)), np.int16)
    previous_bar = 0
    for row, (start, pitch) in zip(events, sorted(kept), strict=True):
        bar, position = divmod(start, steps_per_bar)
        note = kept[start, pitch]
        row[:] = (
            min(BARS_AHEAD - 1, bar - previous_bar),
            position,
            pitch - PITCH_LOW,
            int(np.abs(np.array(DURATIONS) - note.duration_beats).argmin()),
            int(np.abs(np.array(VELOCITIES) - note.velocity).argmin()),
        )
        previous_bar = bar
    return events


def decode(events: npt.NDArray[np.integer], beats_per_bar: int, *, first_bar: int = 0) -> list[Note]:
    """Notes of events (n, 5), the bar of the first counted from `first_bar`."""
    bars = first_bar + np.cumsum(events[:, 0])
    return [
        Note(
            (int(bar) * beats_per_bar * GRID + int(position)) / GRID,
            int(pitch) + PITCH_LOW,
            DURATIONS[int(duration)],
            VELOCITIES[int(velocity)],
        )
        for bar, (_, position, pitch, duration, velocity) in zip(bars, events, strict=True)
    ]


def onsets(events: npt.NDArray[np.integer], beats_per_bar: int) -> npt.NDArray[np.float32]:
    """Onset times in beats from bar 0 of events (n, 5): (n,) float32."""
    return (np.cumsum(events[:, 0]) * beats_per_bar + events[:, 1] / GRID).astype(np.float32)
