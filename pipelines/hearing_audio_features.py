"""What a listener could go by in sound: Audio in, a vector of named numbers out, whatever its level.

Comes in: mono float32 samples at 22,050 Hz (:func:`mono`). Goes out: one float64 vector a window of about 15 s. Sound
is measured relative to its own mean, so that louder is not another emotion. The parts: mel bands (timbre and
register), their rise (onsets, tempo), frame energy (dynamics), chroma (key, mode, chords).
"""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt

from pipelines.errors import SoundError
from pipelines.hearing_harmony import CHORD_KINDS, TEMPLATES, key_correlations
from pipelines.records import Audio

Floats = npt.NDArray[np.float64]
Samples = npt.NDArray[np.float32]
SAMPLE_RATE_HZ = 22050
WINDOW_S = 15.0
FRAME, HOP = 2048, 512
CHROMA_FRAME, CHROMA_HOP = 8192, 2048
BANDS = 48
LOWEST_HZ, HIGHEST_HZ = 40.0, 8000.0
CHROMA_PITCHES = range(33, 97)  # A1 to C7
FLOOR_DB = 60.0  # what lies so far below the loudest counts as silence
LEAST_S = 1.0
HOP_S = HOP / SAMPLE_RATE_HZ


def mono(audio: Audio) -> Samples:
    """The mean of the channels at 22,050 Hz, (samples,) float32, silence at both ends cut off.

    Raises:
        SoundError: there is under 1 s of sound.
    """
    from scipy.signal import resample_poly

    mixed = audio.samples.mean(axis=1)
    divisor = math.gcd(SAMPLE_RATE_HZ, audio.sample_rate_hz)
    if audio.sample_rate_hz != SAMPLE_RATE_HZ:
        mixed = resample_poly(mixed, SAMPLE_RATE_HZ // divisor, audio.sample_rate_hz // divisor)
    loud = np.flatnonzero(np.abs(mixed) > 10 ** (-FLOOR_DB / 20) * max(1e-9, float(np.abs(mixed).max(initial=0.0))))
    seconds = (loud[-1] + 1 - loud[0]) / SAMPLE_RATE_HZ if len(loud) and np.isfinite(mixed).all() else 0.0
    if seconds < LEAST_S:
        raise SoundError(f"There is {seconds:.1f} s of sound and at least {LEAST_S:g} s is needed to hear an emotion.")
    return np.asarray(mixed[loud[0] : loud[-1] + 1], np.float32)


def audio_features(samples: Samples) -> Floats:
    """Features of sound as :func:`mono` gives it, (windows, features) float64, windows of about 15 s."""
    count = max(1, round(len(samples) / (WINDOW_S * SAMPLE_RATE_HZ)))
    size = len(samples) // count
    parts = [samples[i * size : (i + 1) * size] for i in range(count)]
    return np.stack([window_features(part) for part in parts if np.abs(part).max() > 0])


@functools.cache
def feature_names() -> tuple[str, ...]:
    """Names of the features, in the order of the vector."""
    return tuple(_feature_dict(np.sin(np.arange(2 * SAMPLE_RATE_HZ) * 0.1).astype(np.float32)))


def window_features(samples: Samples) -> Floats:
    """Features of one window, (features,) float64, all finite."""
    return np.fromiter(_feature_dict(samples).values(), dtype=np.float64)


def _feature_dict(samples: Samples) -> dict[str, float]:
    power = spectrogram(samples, FRAME, HOP)
    decibels = _decibels(power @ mel_filters())
    fine = spectrogram(samples, CHROMA_FRAME, CHROMA_HOP)
    return {
        **_timbre(decibels),
        **_dynamics(power.sum(axis=1)),
        **_onsets(decibels),
        **_tonality(np.sqrt(fine @ chroma_filters())),
    }


def spectrogram(samples: Samples, frame: int, hop: int) -> npt.NDArray[np.float32]:
    """Power of Hann-windowed frames, (frames, frame / 2 + 1) float32; padded at the end to at least two frames."""
    from scipy.fft import rfft

    missing = max(0, frame + hop - len(samples))
    padded = np.pad(samples, (0, missing)) if missing else samples
    rows = np.lib.stride_tricks.sliding_window_view(padded, frame)[::hop]
    spectrum = rfft(rows * np.hanning(frame).astype(np.float32), axis=1)
    return np.asarray(spectrum.real**2 + spectrum.imag**2, np.float32)


@functools.cache
def mel_filters() -> npt.NDArray[np.float32]:
    """Triangles spaced evenly on the mel scale 2595 log10(1 + f / 700), unit area, (FRAME / 2 + 1, BANDS)."""
    low, high = (2595 * math.log10(1 + f / 700) for f in (LOWEST_HZ, HIGHEST_HZ))
    edges = 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)
    hz = np.fft.rfftfreq(FRAME, 1 / SAMPLE_RATE_HZ)[:, None]
    rise, fall = (hz - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - hz) / np.diff(edges)[1:]
    filters = np.maximum(0.0, np.minimum(rise, fall)) * 2 / (edges[2:] - edges[:-2])
    # Low bands are narrower than a bin; each takes its nearest bin at least.
    for band in np.flatnonzero(filters.sum(axis=0) == 0):
        filters[np.abs(hz[:, 0] - edges[band + 1]).argmin(), band] = 2 / (edges[band + 2] - edges[band])
    return filters.astype(np.float32)


@functools.cache
def chroma_filters() -> npt.NDArray[np.float32]:
    """Gaussians of a third of a semitone about each pitch of A1 to C7, (CHROMA_FRAME / 2 + 1, 64)."""
    hz = np.fft.rfftfreq(CHROMA_FRAME, 1 / SAMPLE_RATE_HZ)
    with np.errstate(divide="ignore"):
        semitone = 69 + 12 * np.log2(hz / 440.0)
    filters = np.exp(-0.5 * ((semitone[:, None] - np.array(CHROMA_PITCHES)) / 0.33) ** 2)
    return filters.astype(np.float32)


def _decibels(energy: npt.NDArray[np.float32]) -> Floats:
    """Decibels below the loudest, from 0 to FLOOR_DB above the floor."""
    wide = energy.astype(np.float64)
    return np.maximum(10 * np.log10(np.maximum(wide / wide.max(), 1e-12)) + FLOOR_DB, 0.0)


def _timbre(decibels: Floats) -> dict[str, float]:
    """Mean and spread of each band about the mean of all, the shape of the mean spectrum, its course in time."""
    level = decibels.mean()
    mean, spread = decibels.mean(axis=0) - level, decibels.std(axis=0)
    high = np.percentile(decibels, 90, axis=0) - level
    weight = 10 ** (decibels / 10)
    centre = (weight * np.arange(BANDS)).sum(axis=1) / weight.sum(axis=1)
    halves = np.array_split(centre, 2)
    return {
        **{f"band_{i}": float(value) for i, value in enumerate(mean)},
        **{f"band_sd_{i}": float(value) for i, value in enumerate(spread)},
        **{f"band_high_{i}": float(value) for i, value in enumerate(high)},
        **_spread("brightness", centre),
        "brightness_trend": float(halves[1].mean() - halves[0].mean()),
        "flatness": float((decibels.mean(axis=1) - np.log10(weight.mean(axis=1)) * 10).mean()),
    }


def _dynamics(energy: npt.NDArray[np.float32]) -> dict[str, float]:
    decibels = _decibels(energy)
    change = np.diff(decibels)
    halves = np.array_split(decibels, 2)
    return {
        **_spread("energy", decibels - decibels.mean()),
        "energy_rise": float(np.maximum(change, 0.0).mean()),
        "energy_fall": float(np.maximum(-change, 0.0).mean()),
        "energy_trend": float(halves[1].mean() - halves[0].mean()),
        "quiet_share": float((decibels < FLOOR_DB - 30).mean()),
    }


def _onsets(decibels: Floats) -> dict[str, float]:
    """Rise of the bands from frame to frame: how strong, how often, how regular."""
    rise = np.maximum(np.diff(decibels, axis=0), 0.0)
    flux = rise.mean(axis=1)
    calm = np.convolve(flux, np.ones(17) / 17, "same")
    peak = (flux[1:-1] >= flux[:-2]) & (flux[1:-1] > flux[2:])
    frames = np.flatnonzero(peak) + 1
    seconds = len(flux) * HOP_S
    rates = {
        f"onset_rate_{level}": float((flux[frames] > calm[frames] + level).sum()) / seconds for level in (0.3, 1, 2)
    }
    gaps = np.log2(np.diff(frames[flux[frames] > calm[frames] + 0.6]) * HOP_S)
    low, middle, high = (part.mean() for part in np.array_split(rise, 3, axis=1))
    return {
        **_spread("flux", flux),
        **rates,
        **_spread("gap", gaps if len(gaps) else np.array([1.0])),
        "flux_low": float(low),
        "flux_middle": float(middle),
        "flux_high": float(high),
        **_regularity(flux),
    }


def _regularity(flux: Floats) -> dict[str, float]:
    """Autocorrelation of the flux at lags of 0.1 to 2 s, eight an octave or so, and its strongest."""
    centred = flux - flux.mean()
    size = 1 << math.ceil(math.log2(2 * len(flux)))
    lagged = np.fft.irfft(np.abs(np.fft.rfft(centred, size)) ** 2)
    lagged = lagged / max(1e-9, float(lagged[0]))
    lags = np.round(0.1 * 2 ** (np.arange(27) / 6) / HOP_S).astype(int)
    values = lagged[lags]
    best = int(values[6:].argmax()) + 6
    return {
        **{f"regular_{i}": float(value) for i, value in enumerate(values)},
        "pulse": float(values[best]),
        "pulse_log_s": best / 6,
    }


def _tonality(pitches: npt.NDArray[np.float64]) -> dict[str, float]:
    """Key, mode and chords from the strength of each pitch in frames, (frames, 64)."""
    sharp = np.maximum(pitches - 0.5 * (np.roll(pitches, 1, axis=1) + np.roll(pitches, -1, axis=1)), 0.0)
    overtone_free = np.maximum(sharp[:, :52] - 0.3 * np.pad(sharp, ((0, 0), (12, 0)))[:, :52], 0.0)
    # CHROMA_PITCHES begin with an A: pitch class 9.
    chroma = np.stack([overtone_free[:, (pc - 9) % 12 :: 12].sum(axis=1) for pc in range(12)], axis=1)
    chroma = chroma / max(1e-9, float(chroma.sum(axis=1).mean()))
    smooth = chroma[:-1] + chroma[1:]
    return {**_key(chroma), **_chords(smooth), **_register(overtone_free)}


def _key(chroma: Floats) -> dict[str, float]:
    whole = chroma.sum(axis=0) / max(1e-9, float(chroma.sum()))
    keys = key_correlations(whole)
    block = 43  # about 4 s
    starts = range(0, max(1, len(chroma) - block // 2), block // 2)
    local = key_correlations(np.stack([chroma[s : s + block].sum(axis=0) for s in starts]))
    best = int(keys.argmax())
    centred = np.roll(whole, -(best % 12))
    fourier = np.abs(np.fft.fft(whole))[1:7]
    return {
        "key_major": float(keys[:12].max()),
        "key_minor": float(keys[12:].max()),
        "key_mode": float(keys[:12].max() - keys[12:].max()),
        "local_mode": float((local[:, :12].max(axis=1) - local[:, 12:].max(axis=1)).mean()),
        "local_clarity": float(local.max(axis=1).mean()),
        "key_steady": float((local.argmax(axis=1) == best).mean()),
        "class_entropy": float(-(whole * np.log2(np.maximum(whole, 1e-9))).sum()),
        "third_mode": float(centred[4] - centred[3]),
        "sixth_mode": float(centred[9] - centred[8]),
        **{f"fourier_{i + 1}": float(value) for i, value in enumerate(fourier)},
        **{f"triple_{i}_{j}": value for (i, j), value in _triples(whole[None])},
    }


def _triples(rows: Floats) -> list[tuple[tuple[int, int], float]]:
    """Cube roots of Σ p(c) p(c+i) p(c+j): unlike plain correlations they tell a major triad from a minor one."""
    turned = [np.roll(rows, -lag, axis=1) for lag in range(12)]
    pairs = [(i, j) for i in range(1, 6) for j in range(i + 1, 12)]
    return [((i, j), float(np.cbrt((rows * turned[i] * turned[j]).sum(axis=1).mean()))) for i, j in pairs]


def _chords(chroma: Floats) -> dict[str, float]:
    norm = np.linalg.norm(chroma, axis=1)
    unit = chroma[norm > 0] / norm[norm > 0, None]
    if not len(unit):
        unit = np.full((1, 12), 12**-0.5)
    by_kind = (unit @ TEMPLATES.T).reshape(len(unit), len(CHORD_KINDS), 12).max(axis=2)
    change = np.linalg.norm(np.diff(unit, axis=0), axis=1)
    centre = by_kind.mean(axis=1)
    local = _triples(unit)
    return {
        **{f"chord_{name}": float((by_kind[:, k] - centre).mean()) for k, name in enumerate(CHORD_KINDS)},
        "chord_fit": float(by_kind.max(axis=1).mean()),
        "chord_change": float(change.mean()) if len(change) else 0.0,
        "chord_change_sd": float(change.std()) if len(change) else 0.0,
        **{f"local_triple_{i}_{j}": value for (i, j), value in local},
    }


def _register(pitches: Floats) -> dict[str, float]:
    mean = pitches.mean(axis=0) / max(1e-9, float(pitches.mean()))
    return {f"register_{i}": math.sqrt(float(part.sum())) for i, part in enumerate(np.array_split(mean, 13))}


def _spread(name: str, values: Floats) -> dict[str, float]:
    low, median, high = np.percentile(values, (10, 50, 90))
    return {
        f"{name}_mean": float(values.mean()),
        f"{name}_sd": float(values.std()),
        f"{name}_low": float(low),
        f"{name}_median": float(median),
        f"{name}_high": float(high),
    }
