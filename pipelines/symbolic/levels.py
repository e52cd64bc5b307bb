"""How loud a soundfont's instruments are: a program in, its loudness out, measured once a process.

Soundfonts do not agree on it: in FluidR3 a distorted guitar is 13 dB louder than an acoustic one. An ensemble needs to
know, so that its melody is heard over its accompaniment whatever plays.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from pipelines.records import Audio
from pipelines.sound import loudness_lufs
from pipelines.symbolic.engine import BLOCK_FRAMES, DRUM_CHANNEL, ChannelMix, Engine, open_engine

VELOCITY = 80
LENGTH_S = 1.2
QUIETEST_LUFS = -60.0  # of an instrument that does not sound at the pitches asked for
RATE_HZ = 16000


def program_loudness(program: int, pitches: tuple[int, ...], *, drums: bool = False, strokes: int = 3) -> float:
    """Loudness in LUFS of pitches struck together at velocity 80 some times in 1.2 s, at full volume, gain 1.

    Raises what :func:`pipelines.symbolic.engine.open_engine` raises.
    """
    channel = DRUM_CHANNEL if drums else 0
    full = {channel: ChannelMix(volume=127, reverb=0)}
    engine = open_engine(sample_rate_hz=RATE_HZ, programs={channel: program}, mix=full)
    try:
        changed_ns = engine.soundfont.stat().st_mtime_ns
        return _measured(_Probe(engine, channel), type(engine), engine.soundfont, changed_ns, program, pitches, strokes)
    finally:
        engine.close()


class _Probe:
    """An engine that is no part of a cache's key: all probes are equal."""

    def __init__(self, engine: Engine, channel: int) -> None:
        self.engine, self.channel = engine, channel

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Probe) and self.channel == other.channel

    def __hash__(self) -> int:
        return hash(self.channel)


@functools.lru_cache(maxsize=512)
def _measured(
    probe: _Probe,
    kind: type[Engine],
    soundfont: Path,
    changed_ns: int,
    program: int,
    pitches: tuple[int, ...],
    strokes: int,
) -> float:
    frames = round(LENGTH_S / strokes * RATE_HZ) // BLOCK_FRAMES * BLOCK_FRAMES
    parts = []
    for _ in range(strokes):
        for pitch in pitches:
            probe.engine.note_on(probe.channel, pitch, VELOCITY)
        parts.append(probe.engine.render(frames))
        for pitch in pitches:
            probe.engine.note_off(probe.channel, pitch)
    return max(QUIETEST_LUFS, loudness_lufs(Audio(np.concatenate(parts), RATE_HZ)))
