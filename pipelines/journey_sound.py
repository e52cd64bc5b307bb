"""A journey's sound: soft at both ends, under a ceiling on loudness, and kept on disk while it grows.

In: chunks of Audio one after another, (frames, 2) float32. Out: the same, quieter where need be. Loudness is that of
the last three seconds and of the last one (BS.1770), in LUFS.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from pipelines.errors import SoundError
from pipelines.records import Audio
from pipelines.sound import Samples, loudness_lufs

TYPICAL_LUFS = -16.0  # of the synthesizer's live sound
HEARD_S, NEWEST_S = 3.0, 1.0
RECOVERY_DB_A_S = 0.5
MARGIN_DB = 0.5  # under the ceiling, for what a window across two chunks gathers
STEEPEST_DB = 1.0  # that a chunk may begin above the gain it ends with
WAV_HEADER = 44


@dataclass
class SoftSound:
    """Shapes chunks of a performance of `duration_s` seconds; holds three seconds of sound and no more."""

    duration_s: float
    fade_in_s: float
    fade_out_s: float
    ceiling_lufs: float
    _frames: int = 0
    _gain_db: float | None = None
    _recent: Samples = field(default_factory=lambda: np.zeros((0, 2), np.float32))

    def shape(self, chunk: Audio) -> Audio:
        """The next chunk, faded and kept under the ceiling."""
        rate, count = chunk.sample_rate_hz, len(chunk.samples)
        if not count:
            return chunk
        self._recent = np.concatenate((self._recent, chunk.samples))[-round(HEARD_S * rate) :]
        usual_db = min(0.0, self.ceiling_lufs - TYPICAL_LUFS)
        # A second alone as well: where soft turns loud, three seconds know of it too late.
        heard = [loudness_lufs(Audio(self._recent[-round(length * rate) :], rate)) for length in (HEARD_S, NEWEST_S)]
        allowed_db = min(usual_db, self.ceiling_lufs - MARGIN_DB - max(heard))
        before = allowed_db if self._gain_db is None else self._gain_db
        after = min(allowed_db, before + RECOVERY_DB_A_S * count / rate)
        self._gain_db = after
        gain = 10 ** (np.linspace(min(before, after + STEEPEST_DB), after, count) / 20)
        seconds = (self._frames + np.arange(count)) / rate
        self._frames += count
        samples = chunk.samples * (gain * self._envelope(seconds))[:, None]
        return replace(chunk, samples=samples.astype(np.float32))

    def _envelope(self, seconds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Half cosines at both ends, 1 in between, 0 behind the end."""
        rise = np.clip(seconds / max(1e-9, self.fade_in_s), 0, 1)
        fall = np.clip((self.duration_s - seconds) / max(1e-9, self.fade_out_s), 0, 1)
        envelope: npt.NDArray[np.float64] = 0.25 * (1 - np.cos(np.pi * rise)) * (1 - np.cos(np.pi * fall))
        return envelope


class GrowingWav:
    """A 16-bit WAV file that is written chunk by chunk; a context manager.

    Its header promises `frames` from the beginning, so that a browser may already read parts of it; :meth:`close`
    says how many there are. Frame n begins at byte 44 + n · 2 · channels.
    """

    def __init__(self, path: Path, *, sample_rate_hz: int, frames: int, channels: int = 2) -> None:
        self.path, self.frames, self._channels, self._rate = path, 0, channels, sample_rate_hz
        try:
            self._file = path.open("w+b")
        except OSError as cause:
            raise SoundError(f"{path.name} cannot be written; choose another folder.") from cause
        self._file.write(self._header(frames))

    def __enter__(self) -> GrowingWav:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def write(self, samples: Samples) -> None:
        """Put samples (frames, channels) behind the others; those beyond ±1 are clipped."""
        pcm = np.clip(np.rint(samples * 32767.0), -32768, 32767).astype("<i2")
        self._file.write(pcm.tobytes())
        self._file.flush()
        self.frames += len(pcm)

    def close(self) -> None:
        """Write the true length into the header; may be called twice."""
        if not self._file.closed:
            self._file.seek(0)
            self._file.write(self._header(self.frames))
            self._file.close()

    def _header(self, frames: int) -> bytes:
        width = 2 * self._channels
        data = frames * width
        return struct.pack(
            "<4sI4s4sIHHIIHH4sI",
            *(b"RIFF", 36 + data, b"WAVE", b"fmt ", 16, 1, self._channels, self._rate, self._rate * width, width, 16),
            *(b"data", data),
        )
