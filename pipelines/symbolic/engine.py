"""The two synthesizers behind one small face: FluidSynth, and the stand-in tinysoundfont.

In: note, pedal and program messages. Out: stereo sound, (frames, 2) float32, unlimited (it may exceed 1). An engine
holds the state of one performance and belongs to one thread at a time; open one for each visitor. Both take a message
up at the next multiple of :data:`BLOCK_FRAMES`, so they are asked for whole blocks only: then a piece sounds the same
however it is cut into chunks.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from pipelines.errors import SoundError, SoundfontError
from pipelines.symbolic.soundfont import find_soundfont

BLOCK_FRAMES = 64
DRUM_CHANNEL = 9
DRUM_BANK = 128
STANDARD_KIT = 0  # of the drums; soundfonts that lack another one have this
VOLUME_CONTROL, PAN_CONTROL, PEDAL_CONTROL, REVERB_CONTROL = 7, 10, 64, 91
STAND_IN_LIMIT_BYTES = 50_000_000  # the stand-in unpacks a soundfont whole: FluidR3 would take 400 MB and a second
INSTALL = "install the Debian package fluidsynth (apt install fluidsynth) or the pip package tinysoundfont"


@dataclass(frozen=True)
class ChannelMix:
    """A channel's place in the mix, each 0 to 127: volume, pan (0 left, 64 the middle), share sent into the reverb.

    A General MIDI synthesizer lowers a channel by 40 log10(127 / volume) dB.
    """

    volume: int = 100
    pan: int = 64
    reverb: int = 40

    def controls(self) -> tuple[tuple[int, int], ...]:
        """Controller numbers with their values."""
        return (VOLUME_CONTROL, self.volume), (PAN_CONTROL, self.pan), (REVERB_CONTROL, self.reverb)


Mix = Mapping[int, ChannelMix]  # by channel; a channel that is left out has the defaults
PLAIN_MIX: Mix = {}


class Engine(Protocol):
    """What the synthesizer needs of FluidSynth or of the stand-in."""

    made_by: str
    soundfont: Path

    def __init__(
        self, soundfont: Path, *, sample_rate_hz: int, programs: Mapping[int, int], mix: Mix = PLAIN_MIX
    ) -> None:
        """Load a soundfont and set the program (0 to 127) of each channel (0 to 15), and its place in the mix.

        A drum kit that the soundfont lacks is played by the standard kit.
        """

    def note_on(self, channel: int, pitch: int, velocity: int) -> None:
        """Strike a key."""

    def note_off(self, channel: int, pitch: int) -> None:
        """Release a key."""

    def pedal(self, channel: int, down: bool) -> None:
        """Press or release the sustain pedal."""

    def render(self, frames: int) -> npt.NDArray[np.float32]:
        """Go on by `frames`, a multiple of the block: (frames, 2) float32."""

    def close(self) -> None:
        """Free the synthesizer."""


@functools.cache
def _fluidsynth() -> tuple[Any, Any]:
    """Import pyfluidsynth, with the two functions of the library that it does not wrap; raises ImportError."""
    from ctypes import c_int, c_void_p

    import fluidsynth

    out = [("out", c_void_p, 1), ("offset", c_int, 1), ("step", c_int, 1)]  # once for the left, once for the right
    write = fluidsynth.cfunc("fluid_synth_write_float", c_int, ("synth", c_void_p, 1), ("frames", c_int, 1), *out, *out)
    log = fluidsynth.cfunc(
        "fluid_set_log_function", c_void_p, ("level", c_int, 1), ("fun", c_void_p, 1), ("data", c_void_p, 1)
    )
    for level in (1, 2):  # errors and warnings: ours say it, standard error stays the caller's
        log(level, None, None)
    return fluidsynth, write


class FluidEngine:
    """FluidSynth through pyfluidsynth, in floating point; raises ImportError when libfluidsynth cannot be loaded."""

    def __init__(
        self, soundfont: Path, *, sample_rate_hz: int, programs: Mapping[int, int], mix: Mix = PLAIN_MIX
    ) -> None:
        library, self._write = _fluidsynth()
        options: dict[str, Any] = {
            "synth.dynamic-sample-loading": 1,  # only the samples of the chosen programs: 25 ms, not 400
            "synth.chorus.active": 0,
            "synth.reverb.room-size": 0.6,
            "synth.reverb.damp": 0.3,
            "synth.reverb.width": 0.8,
            "synth.reverb.level": 0.5,
        }
        self._synth = library.Synth(gain=1.0, samplerate=float(sample_rate_hz), channels=16, **options)
        self.soundfont = soundfont
        self.made_by = f"FluidSynth with {soundfont.stem}"
        try:
            self._select(soundfont, programs, mix)
        except SoundfontError:
            self.close()
            raise

    def _select(self, soundfont: Path, programs: Mapping[int, int], mix: Mix) -> None:
        font = self._synth.sfload(str(soundfont))
        if font < 0:
            raise SoundfontError(f"FluidSynth cannot read the soundfont {soundfont.name}; put a whole copy there.")
        for channel, program in programs.items():
            drums = channel == DRUM_CHANNEL
            bank = DRUM_BANK if drums else 0
            choices = (program, STANDARD_KIT) if drums else (program,)
            if all(self._synth.program_select(channel, font, bank, choice) != 0 for choice in choices):
                raise _no_program(soundfont, bank, program)
            for control, value in mix.get(channel, ChannelMix()).controls():
                self._synth.cc(channel, control, value)

    def note_on(self, channel: int, pitch: int, velocity: int) -> None:
        """Strike a key."""
        self._synth.noteon(channel, pitch, velocity)

    def note_off(self, channel: int, pitch: int) -> None:
        """Release a key."""
        self._synth.noteoff(channel, pitch)

    def pedal(self, channel: int, down: bool) -> None:
        """Press or release the sustain pedal."""
        self._synth.cc(channel, PEDAL_CONTROL, 127 if down else 0)

    def render(self, frames: int) -> npt.NDArray[np.float32]:
        """Go on by `frames`: (frames, 2) float32."""
        sound = np.zeros((frames, 2), np.float32)
        self._write(self._synth.synth, frames, sound.ctypes.data, 0, 2, sound.ctypes.data, 1, 2)
        return sound

    def close(self) -> None:
        """Free the synthesizer; twice does no harm."""
        if self._synth is not None:
            self._synth.delete()
            self._synth = None


class TinyEngine:
    """The stand-in from the wheel tinysoundfont: no reverb, but real samples; raises ImportError without the wheel."""

    def __init__(
        self, soundfont: Path, *, sample_rate_hz: int, programs: Mapping[int, int], mix: Mix = PLAIN_MIX
    ) -> None:
        import tinysoundfont

        self._synth = tinysoundfont.Synth(gain=0.0, samplerate=sample_rate_hz)
        self.soundfont = soundfont
        self.made_by = f"stand-in synthesizer tinysoundfont with {soundfont.stem}"
        try:
            font = self._synth.sfload(str(soundfont))
        except RuntimeError as cause:
            raise SoundfontError(
                f"tinysoundfont cannot read the soundfont {soundfont.name}; put a whole copy there."
            ) from cause
        for channel, program in programs.items():
            self._select(font, channel, program)
            if channel in mix:
                for control, value in self._by_its_law(mix[channel]).controls():
                    self._synth.control_change(channel, control, value)

    @staticmethod
    def _by_its_law(place: ChannelMix) -> ChannelMix:
        """The volume that sounds like General MIDI's: tinysoundfont cubes it for the amplitude, not squares it."""
        return replace(place, volume=round(127 * (place.volume / 127) ** (2 / 3)))

    def _select(self, font: int, channel: int, program: int) -> None:
        drums = channel == DRUM_CHANNEL
        choices = (program, STANDARD_KIT) if drums else (program,)
        for choice in choices:
            try:
                self._synth.program_select(channel, font, 0, choice, drums)
            except RuntimeError as error:
                cause = error
            else:
                return
        raise _no_program(self.soundfont, DRUM_BANK if drums else 0, program) from cause

    def note_on(self, channel: int, pitch: int, velocity: int) -> None:
        """Strike a key."""
        self._synth.noteon(channel, pitch, velocity)

    def note_off(self, channel: int, pitch: int) -> None:
        """Release a key."""
        self._synth.noteoff(channel, pitch)

    def pedal(self, channel: int, down: bool) -> None:
        """Press or release the sustain pedal."""
        self._synth.control_change(channel, PEDAL_CONTROL, 127 if down else 0)

    def render(self, frames: int) -> npt.NDArray[np.float32]:
        """Go on by `frames`: (frames, 2) float32."""
        return np.frombuffer(self._synth.generate_simple(frames), np.float32).reshape(frames, 2)

    def close(self) -> None:
        """Nothing to free by hand."""


def _no_program(soundfont: Path, bank: int, program: int) -> SoundfontError:
    return SoundfontError(
        f"The soundfont {soundfont.name} has no program {program} in bank {bank}; choose a General MIDI soundfont."
    )


def open_engine(
    *, sample_rate_hz: int, programs: Mapping[int, int], soundfont: Path | None = None, mix: Mix = PLAIN_MIX
) -> Engine:
    """Open FluidSynth, or the stand-in where libfluidsynth cannot be loaded.

    Raises SoundError when neither can be had, SoundfontError for a missing or damaged soundfont.
    """
    try:
        _fluidsynth()
    except (ImportError, OSError):
        chosen = soundfont or find_soundfont(limit_bytes=STAND_IN_LIMIT_BYTES)
        try:
            return TinyEngine(chosen, sample_rate_hz=sample_rate_hz, programs=programs, mix=mix)
        except ImportError as cause:
            raise SoundError(f"No synthesizer could be loaded; {INSTALL}.") from cause
    return FluidEngine(soundfont or find_soundfont(), sample_rate_hz=sample_rate_hz, programs=programs, mix=mix)
