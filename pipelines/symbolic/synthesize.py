"""Score to sound, at once or chunk by chunk while the composer is still composing.

In: a Score, or its notes as they come. Out: Audio, (frames, 2) float32. :class:`Synthesizer` is the live one: its
chunks follow one another without a seam, at a fixed gain at which a typical piece lies near -16 LUFS, under -1 dBFS.
:func:`synthesize` renders a whole Score and brings it to exactly that loudness.

Key and pedal messages take effect on a grid of 64 frames (1.5 ms at 44.1 kHz), at the nearest of its points.
"""

from __future__ import annotations

import functools
import heapq
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from types import TracebackType

import numpy as np

from pipelines.errors import SettingsError, SoundfontError
from pipelines.records import Audio, Note, Score
from pipelines.sound import (
    Samples,
    StreamLimiter,
    amplitude,
    fade_out,
    loudness_lufs,
    normalise_loudness,
    peak_dbfs,
    write_wav,
)
from pipelines.symbolic.engine import BLOCK_FRAMES, DRUM_CHANNEL, PLAIN_MIX, Engine, Mix, open_engine
from pipelines.symbolic.pedal import PEDALS, pedal_spans, span_beats
from pipelines.symbolic.soundfont import find_soundfont

__all__ = [
    "PIANO",
    "Synthesizer",
    "find_soundfont",
    "loudness_lufs",
    "normalise_loudness",
    "open_synthesizer",
    "peak_dbfs",
    "synthesize",
    "write_wav",
]

PIANO: Mapping[int, int] = {0: 0}  # channel to General MIDI program, both from 0
SAMPLE_RATE_HZ = 44100
PEDAL = "clear"
REFERENCE_CHORDS = ((36, 52, 60, 67), (41, 57, 65, 69), (43, 55, 62, 71), (48, 55, 64, 72))
REFERENCE_VELOCITY = 80
REFERENCE_LEVEL_DBFS = -17.8  # of the reference chords: EIMG's clips then have a median of -18 LUFS, POP909's of -15
TAIL_SILENCE_DBFS = -60.0  # below a piece's -16 LUFS nothing of this is heard
TAIL_LONGEST_S = 6.0
TAIL_STEP_S = 0.1
FINAL_FADE_S = 0.2
LEAD_IN_S = 0.02
LAST_PEDAL_S = 1.2  # how long the last chord rings on after its keys


class Kind(IntEnum):
    """Messages in the order in which they are taken at the same time."""

    PEDAL_UP = 0
    NOTE_OFF = 1
    NOTE_ON = 2
    PEDAL_DOWN = 3


@dataclass(frozen=True, order=True)
class _Event:
    block: int
    kind: Kind
    number: int
    channel: int
    pitch: int = field(default=0, compare=False)
    velocity: int = field(default=0, compare=False)


class Synthesizer:
    """One performance: notes are added in any order ahead of the time that is rendered; a context manager.

    Not shared between threads. `made_by` says which synthesizer and soundfont play.
    """

    def __init__(
        self, engine: Engine, *, sample_rate_hz: int, channels: Iterable[int], gain: float, pedal: str, limit: bool
    ) -> None:
        self.made_by = engine.made_by
        self.sample_rate_hz = sample_rate_hz
        self._channels = frozenset(channels)
        self._engine, self._gain, self._pedal = engine, np.float32(gain), pedal
        self._limiter = StreamLimiter(sample_rate_hz) if limit else None
        self._events: list[_Event] = []
        self._numbers = itertools.count()
        self._keys: Counter[tuple[int, int]] = Counter()
        self._pedalled: dict[int, float] = {}  # channel to the beat up to which the pedal is decided
        self._releases: dict[int, int] = {}  # channel to the block of its last pedal release, not yet put
        self._block = 0  # the next block to render
        self._given = 0  # frames given out
        self._last_block = 0  # of all key messages

    def __enter__(self) -> Synthesizer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Free the synthesizer."""
        self._engine.close()

    def add(self, notes: Iterable[Note], score: Score, *, channel: int = 0) -> None:
        """Add notes, timed by the score's tempo marks and pedalled by its bars; add whole bars when there is a pedal.

        A note that should already have sounded sounds at once, if it has not ended. Raises SettingsError for a channel
        that was given no program.
        """
        if channel not in self._channels:
            raise SettingsError(
                f"Channel {channel} has no program; name it in `programs` when opening the synthesizer."
            )
        notes = list(notes)
        for note in notes:
            start = max(self._block_at(score.seconds_at(note.start_beat)), self._block)
            end = self._block_at(score.seconds_at(note.end_beat))
            if end >= self._block:
                end = max(end, start + 1)
                self._put(start, Kind.NOTE_ON, channel, note.pitch, note.velocity)
                self._put(end, Kind.NOTE_OFF, channel, note.pitch)
                self._last_block = max(self._last_block, end)
        if self._pedal != "none" and channel != DRUM_CHANNEL and notes:
            self._add_pedal(notes, score, channel)

    def _add_pedal(self, notes: list[Note], score: Score, channel: int) -> None:
        """Put the spans of these notes, save the last release: it waits for the next bar, or for the end."""
        self._release_pedal(channel)
        begin = self._pedalled.get(channel, 0.0)
        for span in pedal_spans(notes, score, kind=self._pedal, from_beat=begin):
            self._release_pedal(channel)
            self._put(self._block_at(span.down_s), Kind.PEDAL_DOWN, channel)
            self._releases[channel] = self._block_at(span.up_s)
        length = span_beats(score, self._pedal)
        latest = max(note.start_beat for note in notes)
        end = max(begin, (math.floor(latest / length + 1e-6) + 1) * length)
        self._pedalled[channel] = end
        if self._releases.get(channel, math.inf) < self._block_at(score.seconds_at(end)):
            self._release_pedal(channel)

    def _release_pedal(self, channel: int, *, not_before: int = 0) -> None:
        if channel in self._releases:
            self._put(max(self._releases.pop(channel), not_before), Kind.PEDAL_UP, channel)

    def _put(self, block: int, kind: Kind, channel: int, pitch: int = 0, velocity: int = 0) -> None:
        event = _Event(max(block, self._block), kind, next(self._numbers), channel, pitch, velocity)
        heapq.heappush(self._events, event)

    def _block_at(self, second: float) -> int:
        return round(second * self.sample_rate_hz / BLOCK_FRAMES)

    @property
    def rendered_s(self) -> float:
        """Seconds of the performance rendered so far, those that the limiter still holds back included."""
        return self._block * BLOCK_FRAMES / self.sample_rate_hz

    def render_until(self, second: float) -> Audio:
        """Render the next chunk, up to `second` of the performance less the 30 ms that the limiter looks ahead.

        Add everything that starts before `second` first. The chunk may be empty; the first begins at 0.
        """
        sound = self._render(self._block_at(second)) * self._gain
        return self._give(sound if self._limiter is None else self._limiter.push(sound))

    def finish(self) -> Audio:
        """Render the rest: all notes, their release and the room's, until it has died away or 6 s have passed."""
        for channel in list(self._releases):
            self._release_pedal(channel, not_before=self._last_block + self._block_at(LAST_PEDAL_S))
        parts = [self._render(max(self._last_block, self._block)), self._tail()]
        sound = np.concatenate(parts) * self._gain
        if self._limiter is not None:
            sound = self._limiter.flush(sound)
        return self._give(fade_out(sound, round(FINAL_FADE_S * self.sample_rate_hz)))

    def finish_at(self, second: float, *, fade_s: float = FINAL_FADE_S) -> Audio:
        """Render the rest up to exactly `second` of the performance, rounded to 64 frames, and fade it to silence.

        The fade lies within what is still held back; it is cut where that is shorter.
        """
        sound = self._render(self._block_at(second)) * self._gain
        if self._limiter is not None:
            sound = self._limiter.flush(sound)
        return self._give(fade_out(sound, round(fade_s * self.sample_rate_hz)))

    def _tail(self) -> Samples:
        """Sound after the last key until two steps in a row are quiet; the steps are counted from that key."""
        step = self._block_at(TAIL_STEP_S)
        parts: list[Samples] = []
        quiet = 0
        while quiet < 2 and len(parts) < TAIL_LONGEST_S / TAIL_STEP_S:
            parts.append(self._render(self._block + step - (self._block - self._last_block) % step))
            peak = float(np.abs(parts[-1]).max(initial=0.0)) * float(self._gain)
            quiet = quiet + 1 if peak < amplitude(TAIL_SILENCE_DBFS) and not self._events else 0
        return np.concatenate(parts)

    def _render(self, until_block: int) -> Samples:
        """Play the messages before a block and render up to it: (frames, 2), without gain."""
        parts = [np.zeros((0, 2), np.float32)]
        while self._block < until_block:
            while self._events and self._events[0].block <= self._block:
                self._play(heapq.heappop(self._events))
            following = self._events[0].block if self._events else until_block
            blocks = min(following, until_block) - self._block
            parts.append(self._engine.render(blocks * BLOCK_FRAMES))
            self._block += blocks
        return np.concatenate(parts)

    def _play(self, event: _Event) -> None:
        key = (event.channel, event.pitch)
        if event.kind is Kind.NOTE_ON:
            self._keys[key] += 1
            self._engine.note_on(event.channel, event.pitch, event.velocity)
        elif event.kind is Kind.NOTE_OFF:
            self._keys[key] -= 1
            if self._keys[key] == 0:  # else the same key was struck again and still sounds
                self._engine.note_off(event.channel, event.pitch)
        else:
            self._engine.pedal(event.channel, event.kind is Kind.PEDAL_DOWN)

    def _give(self, samples: Samples) -> Audio:
        start_s = self._given / self.sample_rate_hz
        self._given += len(samples)
        return Audio(samples, self.sample_rate_hz, start_s)


def open_synthesizer(
    *,
    sample_rate_hz: int = SAMPLE_RATE_HZ,
    programs: Mapping[int, int] = PIANO,
    pedal: str = PEDAL,
    limit: bool = True,
    soundfont: Path | None = None,
    mix: Mix = PLAIN_MIX,
    gain: float | None = None,
) -> Synthesizer:
    """Open FluidSynth, or the stand-in where libfluidsynth cannot be loaded, for one performance.

    `programs` maps channels (0 to 15; 9 is the drums) to General MIDI programs. `pedal` is one of
    :data:`pipelines.symbolic.pedal.PEDALS`. With `limit` False chunks are not kept under -1 dBFS.
    `mix` is each channel's volume, pan and reverb; `gain` a factor instead of the one that reference chords ask for.
    Raises SettingsError, SoundfontError, or SoundError when there is no synthesizer at all.
    """
    if not 8000 <= sample_rate_hz <= 96000:
        raise SettingsError(f"The sample rate {sample_rate_hz} Hz is outside 8000 to 96000 Hz; use 44100.")
    if pedal not in PEDALS:
        raise SettingsError(f"The pedal {pedal!r} is unknown; choose one of {', '.join(PEDALS)}.")
    engine = open_engine(sample_rate_hz=sample_rate_hz, programs=dict(programs), soundfont=soundfont, mix=mix)
    try:
        if gain is None:
            changed_ns = engine.soundfont.stat().st_mtime_ns
            played = tuple(sorted(programs.items()))
            gain = _live_gain(type(engine), engine.soundfont, changed_ns, sample_rate_hz, played)
    except SoundfontError:
        engine.close()
        raise
    return Synthesizer(engine, sample_rate_hz=sample_rate_hz, channels=programs, gain=gain, pedal=pedal, limit=limit)


@functools.lru_cache(maxsize=32)
def _live_gain(
    kind: type[Engine], soundfont: Path, changed_ns: int, sample_rate_hz: int, programs: tuple[tuple[int, int], ...]
) -> float:
    """Gain at which four reference chords have the reference level, so that every soundfont plays equally loud.

    `changed_ns`, the file's time of change, only keeps the cache honest.
    """
    engine = kind(soundfont, sample_rate_hz=sample_rate_hz, programs=dict(programs))
    frames = sample_rate_hz // 2 // BLOCK_FRAMES * BLOCK_FRAMES
    parts: list[Samples] = []
    try:
        for chord in REFERENCE_CHORDS:
            for channel, _ in programs:
                for pitch in chord:
                    engine.note_on(channel, pitch, REFERENCE_VELOCITY)
            parts.append(engine.render(frames))
            for channel, _ in programs:
                for pitch in chord:
                    engine.note_off(channel, pitch)
    finally:
        engine.close()
    level = float(np.sqrt(np.mean(np.square(np.concatenate(parts), dtype=np.float64))))
    if level < amplitude(-120.0):
        raise SoundfontError(f"The soundfont {soundfont.name} makes no sound; choose a General MIDI soundfont.")
    return amplitude(REFERENCE_LEVEL_DBFS) / level


def render(score: Score, *, sample_rate_hz: int = SAMPLE_RATE_HZ, pedal: str = PEDAL) -> Audio:
    """Render a whole score at live gain, neither limited nor normalised; `start_s` is 0.

    Raises what :func:`open_synthesizer` raises.
    """
    with open_synthesizer(sample_rate_hz=sample_rate_hz, pedal=pedal, limit=False) as synthesizer:
        synthesizer.add(score.notes, score)
        return synthesizer.finish()


def synthesize(score: Score, *, sample_rate_hz: int = SAMPLE_RATE_HZ, pedal: str = PEDAL) -> Audio:
    """Play a whole score on the piano: -16 LUFS (ITU-R BS.1770), peak under -1 dBFS, tail kept, faded to silence.

    Silence before the first note is left out: `start_s` is where the sound begins in the score, in seconds. Raises
    what :func:`open_synthesizer` raises.
    """
    sound = render(score, sample_rate_hz=sample_rate_hz, pedal=pedal)
    first_s = score.seconds_at(score.notes[0].start_beat) if score.notes else 0.0
    skipped = round(max(0.0, first_s - LEAD_IN_S) * sample_rate_hz)
    trimmed = Audio(sound.samples[skipped:], sample_rate_hz, skipped / sample_rate_hz)
    return normalise_loudness(trimmed)
