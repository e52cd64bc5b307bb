"""What can be measured of a piece of music's sound alone: timbre, rhythm, tempo, level, silence.

In: Audio. Out: named numbers. Spectra are those of the audio listener (`pipelines.hearing_audio_features`), mono at
22,050 Hz in frames of 2048 every 512.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipelines.hearing_audio_features import HOP_S, SAMPLE_RATE_HZ, mel_filters, mono, spectrogram
from pipelines.records import Audio
from pipelines.sound import loudness_lufs, peak_dbfs

Floats = npt.NDArray[np.float64]
CEPSTRA = 13
FLOOR_DB = 70.0
SILENCE_DB = 45.0  # below the loudest 50 ms: silence
TEMPI_BPM = np.geomspace(45.0, 210.0, 400)


def mel_decibels(audio: Audio) -> Floats:
    """Mel spectrum (frames, 48) in dB over a floor 70 dB below the loudest."""
    power = spectrogram(mono(audio), 2048, 512).astype(np.float64) @ mel_filters()
    decibels: Floats = np.maximum(10 * np.log10(np.maximum(power / power.max(), 1e-12)) + FLOOR_DB, 0.0)
    return decibels


def descriptors(audio: Audio) -> dict[str, float]:
    """Timbre (MFCC, centroid, flatness) and rhythm (onsets, their regularity) of a piece, each a mean or a spread."""
    from scipy.fft import dct

    decibels = mel_decibels(audio)
    cepstra = dct(decibels, axis=1, norm="ortho")[:, :CEPSTRA]
    power = spectrogram(mono(audio), 2048, 512).astype(np.float64) + 1e-12
    hz = np.fft.rfftfreq(2048, 1 / SAMPLE_RATE_HZ)
    centroid = (power @ hz) / power.sum(axis=1)
    flatness = np.log(power).mean(axis=1) - np.log(power.mean(axis=1))
    rise = onset_strength(decibels)
    return {
        **{f"mfcc_{i}": float(value) for i, value in enumerate(cepstra.mean(axis=0))},
        **{f"mfcc_sd_{i}": float(value) for i, value in enumerate(cepstra.std(axis=0))},
        "centroid": float(np.log(centroid).mean()),
        "centroid_sd": float(np.log(centroid).std()),
        "flatness": float(flatness.mean()),
        "onset_rate": onset_rate(rise),
        "onset_sd": float(rise.std() / max(1e-9, rise.mean())),
        "pulse": float(autocorrelation(rise)[10:].max()),
        **{f"rise_{i}": float(part.mean()) for i, part in enumerate(np.array_split(_rises(decibels), 4, axis=1))},
    }


def _rises(decibels: Floats) -> Floats:
    rises: Floats = np.maximum(np.diff(decibels, axis=0), 0.0)
    return rises


def onset_strength(decibels: Floats) -> Floats:
    """Mean rise of the bands from frame to frame, (frames - 1,) in dB."""
    strength: Floats = _rises(decibels).mean(axis=1)
    return strength


def onset_rate(strength: Floats) -> float:
    """Onsets a second: peaks of the strength over its running mean."""
    calm = np.convolve(strength, np.ones(17) / 17, "same")
    inner = strength[1:-1]
    peaks = (inner >= strength[:-2]) & (inner > strength[2:]) & (inner > calm[1:-1] + 0.7)
    return float(peaks.sum() / (len(strength) * HOP_S))


def autocorrelation(strength: Floats) -> Floats:
    """Autocorrelation of the strength about its mean, by lag in frames, 1 at lag 0."""
    centred = strength - strength.mean()
    size = 1 << (2 * len(centred)).bit_length()
    lagged = np.fft.irfft(np.abs(np.fft.rfft(centred, size)) ** 2)[: len(centred)]
    result: Floats = lagged / max(1e-9, float(lagged[0]))
    return result


def heard_tempo(audio: Audio) -> float:
    """Tempo in beats a minute: the beat whose first four multiples the onsets' autocorrelation supports best.

    A weight of a log-normal about 110 beats a minute chooses among octaves (Parncutt 1994).
    """
    lagged = autocorrelation(onset_strength(mel_decibels(audio)))
    frames = np.arange(len(lagged))
    support = np.zeros(len(TEMPI_BPM))
    for multiple in (1, 2, 3, 4):
        lags = multiple * 60 / TEMPI_BPM / HOP_S
        support += np.interp(lags, frames, lagged) / 4
    weight = np.exp(-0.5 * (np.log2(TEMPI_BPM / 110) / 0.9) ** 2)
    return float(TEMPI_BPM[int(((support + 0.1) * weight).argmax())])


def tempo_error(heard_bpm: float, asked_bpm: float) -> float:
    """Share by which a tempo is off, tempi an octave (or a triplet's relation in threes) apart taken as the same."""
    ratios = np.array([0.25, 1 / 3, 0.5, 2 / 3, 1.0, 1.5, 2.0, 3.0, 4.0])
    return float(np.abs(np.log(heard_bpm / (asked_bpm * ratios))).min())


def level_figures(audio: Audio) -> dict[str, float]:
    """Loudness, peak, samples at full scale, the longest silence before the end, and the level of the last 50 ms."""
    samples = audio.samples.astype(np.float64).mean(axis=1)
    block = audio.sample_rate_hz // 20
    energy = np.square(samples[: len(samples) // block * block]).reshape(-1, block).mean(axis=1)
    decibels = 10 * np.log10(np.maximum(energy / max(1e-12, energy.max()), 1e-12))
    quiet = decibels < -SILENCE_DB
    last = int(np.flatnonzero(~quiet)[-1]) if (~quiet).any() else 0
    return {
        "loudness": loudness_lufs(audio),
        "peak": peak_dbfs(audio),
        "clipped": float((np.abs(audio.samples) >= 1.0).sum()),
        "dead_air_s": _longest(quiet[:last]) * 0.05,
        "end_silence_s": (len(quiet) - 1 - last) * 0.05,
        "last_db": float(decibels[-1]),
    }


def _longest(flags: npt.NDArray[np.bool_]) -> int:
    """Length of the longest run of True."""
    longest = current = 0
    for flag in flags:
        current = current + 1 if flag else 0
        longest = max(longest, current)
    return longest


def spectral_distance(one: Floats, other: Floats) -> float:
    """Root mean square difference in dB of two mean mel spectra, each about its own mean."""
    a, b = one.mean(axis=0), other.mean(axis=0)
    return float(np.sqrt(np.mean(np.square((a - a.mean()) - (b - b.mean())))))
