"""Total harmonic distortion of music: sound in, the harmonics' strength against the fundamental's out.

THD is defined for one tone: the root of the power of its harmonics over that of its fundamental. Music has no one tone,
so here it is read a frame at a time: the fundamental that the frame's spectrum supports best is tracked, the powers of
its harmonics 2 to 10 (those below half the sample rate) are summed, and the median over the frames with a clear tone is
given. An organ's or a string's rich tone has a high figure without any distortion; the figure compares sets of like
music, it grades none.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt

from training.metrics.audio_files import Samples

Floats = npt.NDArray[np.float64]
FRAME_S, HOP_S = 0.256, 0.128
LOWEST_HZ, HIGHEST_HZ = 55.0, 1760.0  # A1 to A6
HARMONICS = 10
LOBE_BINS = 4  # half the main lobe of the window
CANDIDATES_AN_OCTAVE = 96
FADE = 0.84  # weight of each further harmonic in the search for the fundamental (Hermes 1988)
QUIET_DB = 40.0  # below the loudest frame: passed over
FUNDAMENTAL_SHARE = 1e-3  # of the frame's power, below which there is no clear tone


def total_harmonic_distortion(samples: Samples, sample_rate_hz: int) -> float:
    """Median THD over the frames with a clear tone, as a ratio of amplitudes, 0 or more; nan where no frame has one."""
    powers = _spectra(np.asarray(samples, np.float64), sample_rate_hz)
    levels = powers.sum(axis=1)
    loud = powers[levels > levels.max(initial=0.0) * 10 ** (-QUIET_DB / 10)]
    found = [frame_distortion(frame, sample_rate_hz) for frame in loud]
    clear = [value for value in found if math.isfinite(value)]
    return float(np.median(clear)) if clear else math.nan


def frame_distortion(power: Floats, sample_rate_hz: int) -> float:
    """THD of one frame's power spectrum (bins,); nan where its fundamental is not clear."""
    bin_hz = sample_rate_hz / 2 / (len(power) - 1)
    fundamental = _refine(power, find_fundamental(power, bin_hz) / bin_hz)
    count = min(HARMONICS, int((len(power) - 1 - LOBE_BINS) / fundamental))
    peaks = [_lobe(power, fundamental * number) for number in range(1, count + 1)]
    if not peaks or peaks[0] <= FUNDAMENTAL_SHARE * power.sum():
        return math.nan
    return math.sqrt(sum(peaks[1:]) / peaks[0])


def find_fundamental(power: Floats, bin_hz: float) -> float:
    """Frequency in Hz whose first harmonics the spectrum (bins,) supports best, by subharmonic summation."""
    candidates_hz = _candidates()
    amplitude = np.sqrt(power)
    bins = np.arange(len(power))
    support = np.zeros(len(candidates_hz))
    for number in range(1, HARMONICS + 1):
        support += FADE ** (number - 1) * np.interp(candidates_hz * number / bin_hz, bins, amplitude, right=0.0)
    return float(candidates_hz[int(support.argmax())])


@functools.cache
def _candidates() -> Floats:
    octaves = math.log2(HIGHEST_HZ / LOWEST_HZ)
    return np.geomspace(LOWEST_HZ, HIGHEST_HZ, round(octaves * CANDIDATES_AN_OCTAVE) + 1)


def _refine(power: Floats, at_bin: float) -> float:
    """The highest bin within a quarter tone or two bins of the found one, between bins by a parabola over decibels."""
    reach = max(2, round(at_bin * 0.03))
    low, high = max(1, round(at_bin) - reach), min(len(power) - 2, round(at_bin) + reach)
    top = low + int(power[low : high + 1].argmax())
    left, middle, right = np.log(power[top - 1 : top + 2] + 1e-30)
    curve = left - 2 * middle + right
    return top + (0.5 * (left - right) / curve if curve < 0 else 0.0)


def _lobe(power: Floats, at_bin: float) -> float:
    """Power within the window's main lobe about a bin."""
    low, high = math.ceil(at_bin - LOBE_BINS), math.floor(at_bin + LOBE_BINS)
    return float(power[max(0, low) : high + 1].sum())


def _spectra(samples: Floats, sample_rate_hz: int) -> Floats:
    """Power spectra (frames, bins) under a Blackman-Harris window, whose side lobes lie 92 dB down."""
    from scipy.signal.windows import blackmanharris

    size, hop = round(FRAME_S * sample_rate_hz), round(HOP_S * sample_rate_hz)
    padded = np.pad(samples, (0, max(0, size - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    powers: Floats = np.abs(np.fft.rfft(frames * blackmanharris(size, sym=False), axis=1)) ** 2
    return powers
