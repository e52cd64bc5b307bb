"""Sound to a file that any player takes: MP3 or OGG, by ffmpeg, with tags.

In: a take's WAV (16-bit PCM) or an Audio. Out: MP3 (LAME, 192 kb/s) or OGG (Vorbis, quality 6, near 192 kb/s) at the
sound's own sample rate, mono or stereo. The same sound and tags give the same bytes with the same ffmpeg.
"""

from __future__ import annotations

import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.chain import Cancelled, never
from pipelines.errors import SettingsError
from pipelines.export_ffmpeg import EXACT, Progress, Tags, check_target, encode, find_ffmpeg, untold
from pipelines.records import Audio

ENCODERS = {
    ".mp3": ("-c:a", "libmp3lame", "-b:a", "192k", "-id3v2_version", "3", "-f", "mp3"),
    ".ogg": ("-c:a", "libvorbis", "-q:a", "6", "-f", "ogg"),
}
PIECE_FRAMES = 1 << 16
PATIENCE_S = 30.0  # and as long again as the sound lasts


@dataclass(frozen=True)
class Pcm:
    """Sound of 16 bits, little-endian, channels in turn: how much there is, and its bytes piece by piece."""

    sample_rate_hz: int
    channels: int
    frames: int
    pieces: Iterator[bytes]

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate_hz

    @property
    def count(self) -> int:
        """Number of pieces."""
        return -(-self.frames // PIECE_FRAMES)


def export_audio(
    source: Audio | str | Path,
    target: str | Path,
    *,
    tags: Tags,
    progress: Progress = untold,
    cancelled: Cancelled = never,
) -> Path:
    """Write sound as MP3 or OGG, by the target's suffix, and return the target.

    `source` is an Audio or the path of a 16-bit WAV. `progress` is told 0 to 1. Raises SettingsError for a source that
    is no such WAV or holds no sound and for a target that cannot be written, SoundError when ffmpeg is missing or
    fails, StoppedError once `cancelled` answers True; nothing is left behind then.
    """
    target = Path(target)
    find_ffmpeg()
    check_target(target, tuple(ENCODERS))
    with open_pcm(source) as pcm:
        arguments = [
            *("-f", "s16le", "-ar", str(pcm.sample_rate_hz), "-ac", str(pcm.channels), "-i", "pipe:0"),
            *EXACT,
            *tags.arguments(),
            *ENCODERS[target.suffix.lower()],
        ]
        timeout_s = PATIENCE_S + pcm.duration_s
        return encode(
            arguments, pcm.pieces, target, total=pcm.count, timeout_s=timeout_s, progress=progress, cancelled=cancelled
        )


@contextmanager
def open_pcm(source: Audio | str | Path) -> Iterator[Pcm]:
    """Open sound for reading piece by piece. Raises SettingsError for what is no 16-bit WAV of one or two channels."""
    if isinstance(source, Audio):
        _check_shape("The sound", source.samples.shape[1], len(source.samples))
        yield Pcm(source.sample_rate_hz, source.samples.shape[1], len(source.samples), _pieces(source))
        return
    path = Path(source)
    try:
        file = wave.open(str(path), "rb")  # noqa: SIM115 - closed below; only its opening is to be caught here
    except (wave.Error, EOFError) as cause:
        raise SettingsError(f"{path.name} is no WAV file of 16 bits; give the WAV of a take.") from cause
    except OSError as cause:
        raise SettingsError(f"{path.name} cannot be opened; check that the WAV file is there.") from cause
    with file:
        if file.getsampwidth() != 2:
            raise SettingsError(f"{path.name} has {8 * file.getsampwidth()} bits, not 16; give the WAV of a take.")
        _check_shape(path.name, file.getnchannels(), file.getnframes())
        yield Pcm(file.getframerate(), file.getnchannels(), file.getnframes(), _read(file))


def read_wav(source: Audio | str | Path) -> Audio:
    """An Audio as it is, or the content of a 16-bit WAV. Raises as :func:`open_pcm`."""
    if isinstance(source, Audio):
        return source
    with open_pcm(source) as pcm:
        samples = np.frombuffer(b"".join(pcm.pieces), "<i2").reshape(-1, pcm.channels)
        return Audio(samples.astype(np.float32) / 32767.0, pcm.sample_rate_hz)


def _check_shape(name: str, channels: int, frames: int) -> None:
    if channels not in (1, 2):
        raise SettingsError(f"{name} has {channels} channels; give sound of one or two.")
    if frames == 0:
        raise SettingsError(f"{name} holds no sound (0 samples); give the WAV of a finished take.")


def _read(file: wave.Wave_read) -> Iterator[bytes]:
    while piece := file.readframes(PIECE_FRAMES):
        yield piece


def _pieces(audio: Audio) -> Iterator[bytes]:
    """As `pipelines.sound.write_wav` would write it."""
    for first in range(0, len(audio.samples), PIECE_FRAMES):
        part = audio.samples[first : first + PIECE_FRAMES]
        yield np.clip(np.rint(part * 32767.0), -32768, 32767).astype("<i2").tobytes()
