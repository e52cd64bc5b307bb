"""Sound made fit to play: loudness, peaks, fades, WAV files. Both pipelines end here.

In and out: :class:`pipelines.records.Audio`, samples (frames, channels) float32. Loudness is integrated loudness in
LUFS by ITU-R BS.1770-4; peaks are sample peaks in dBFS, 0 being full scale.
"""

from __future__ import annotations

import math
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipelines.records import Audio

LOUDNESS_LUFS = -16.0
PEAK_DBFS = -1.0
LOOK_AHEAD_S = 0.015
SHORTEST_FOR_LOUDNESS_S = 0.4  # one gating block of BS.1770
LOUDEST_GAIN_DB = 40.0  # what is quieter still is noise, not music

Samples = npt.NDArray[np.float32]


def amplitude(decibels: float) -> float:
    """Factor of amplitude for a level in decibels."""
    return float(10.0 ** (decibels / 20.0))


def peak_dbfs(audio: Audio) -> float:
    """Highest sample, in dBFS; -inf for silence."""
    peak = float(np.abs(audio.samples).max(initial=0.0))
    return 20.0 * math.log10(peak) if peak > 0 else -math.inf


def loudness_lufs(audio: Audio) -> float:
    """Integrated loudness by ITU-R BS.1770-4; -inf for silence and for less than 0.4 s."""
    if audio.duration_s < SHORTEST_FOR_LOUDNESS_S or not audio.samples.any():
        return -math.inf
    import pyloudnorm

    return float(pyloudnorm.Meter(audio.sample_rate_hz).integrated_loudness(audio.samples.astype(np.float64)))


def normalise_loudness(audio: Audio, *, target_lufs: float = LOUDNESS_LUFS, ceiling_dbfs: float = PEAK_DBFS) -> Audio:
    """Bring sound to `target_lufs` with every sample under `ceiling_dbfs`, by one gain and a look-ahead limiter.

    Since limiting takes loudness away, gain and limiter are tried up to three times. Silence stays silence; sound too
    short to have a loudness is only kept under the ceiling.
    """
    measured = loudness_lufs(audio)
    if not math.isfinite(measured):
        return replace(audio, samples=limit_peaks(audio.samples, audio.sample_rate_hz, ceiling_dbfs=ceiling_dbfs))
    gain_db, result = 0.0, audio
    for _ in range(3):
        gain_db = min(LOUDEST_GAIN_DB, gain_db + target_lufs - measured)
        louder = audio.samples * np.float32(amplitude(gain_db))
        result = replace(audio, samples=limit_peaks(louder, audio.sample_rate_hz, ceiling_dbfs=ceiling_dbfs))
        if result.samples is louder:  # nothing was limited: the gain alone is exact
            break
        measured = loudness_lufs(result)
        if abs(target_lufs - measured) < 0.05:
            break
    return result


def limit_peaks(samples: Samples, sample_rate_hz: int, *, ceiling_dbfs: float = PEAK_DBFS) -> Samples:
    """Turn the sound down around each peak so that all samples of (frames, channels) lie under the ceiling.

    The gain asked for at each frame is held for ±15 ms (a running minimum), then smoothed over the same window by two
    running means, so it never exceeds what the loudest frame within reach needs and changes without a corner.
    """
    ceiling = amplitude(ceiling_dbfs - 0.02)  # room for rounding to 16 bits
    peaks = np.abs(samples).max(axis=1, initial=0.0)
    if not len(peaks) or peaks.max() <= ceiling:
        return samples
    from scipy.ndimage import minimum_filter1d, uniform_filter1d

    reach = max(2, round(LOOK_AHEAD_S * sample_rate_hz) // 2 * 2)
    gain = np.minimum(1.0, ceiling / np.maximum(peaks.astype(np.float64), 1e-9))
    gain = minimum_filter1d(gain, 2 * reach + 1, mode="nearest")
    for _ in range(2):
        gain = uniform_filter1d(gain, reach + 1, mode="nearest")
    return (samples * gain[:, None]).astype(np.float32)


class StreamLimiter:
    """:func:`limit_peaks` over sound that comes in chunks; what comes out, put together, is the same.

    It holds the newest 30 ms back until it knows what follows; :meth:`flush` gives them out.
    """

    def __init__(self, sample_rate_hz: int, *, ceiling_dbfs: float = PEAK_DBFS) -> None:
        self._rate, self._ceiling = sample_rate_hz, ceiling_dbfs
        self._context = 2 * max(2, round(LOOK_AHEAD_S * sample_rate_hz) // 2 * 2)
        self._held: Samples | None = None
        self._done = 0  # frames of `_held` that were given out already

    def push(self, samples: Samples) -> Samples:
        """Take the next (frames, channels) and give out what is certain."""
        return self._advance(samples, keep=self._context)

    def flush(self, samples: Samples) -> Samples:
        """Take the last samples and give out everything."""
        return self._advance(samples, keep=0)

    def _advance(self, samples: Samples, *, keep: int) -> Samples:
        known = samples if self._held is None else np.concatenate((self._held, samples))
        limited = limit_peaks(known, self._rate, ceiling_dbfs=self._ceiling)
        until = max(self._done, len(known) - keep)
        out = limited[self._done : until]
        forget = max(0, until - self._context)
        self._held, self._done = known[forget:], until - forget
        return out


def fade_out(samples: Samples, frames: int) -> Samples:
    """Fade the last frames to exact silence along a half cosine."""
    frames = min(frames, len(samples))
    result = samples.copy()
    if frames:
        result[-frames:] *= (0.5 + 0.5 * np.cos(np.linspace(0.0, np.pi, frames)))[:, None].astype(np.float32)
    return result


def write_wav(audio: Audio, path: str | Path) -> None:
    """Write sound as 16-bit PCM WAV, rounded to the nearest step; samples beyond ±1 are clipped."""
    pcm = np.clip(np.rint(audio.samples * 32767.0), -32768, 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(audio.samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(audio.sample_rate_hz)
        file.writeframes(pcm.tobytes())
