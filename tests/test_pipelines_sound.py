import numpy as np
import pytest

from pipelines.records import Audio
from pipelines.sound import StreamLimiter, fade_out, limit_peaks, loudness_lufs, normalise_loudness, peak_dbfs

RATE = 44100


def tone(*, amplitude: float = 0.1, hertz: float = 997.0, seconds: float = 2.0) -> Audio:
    wave = amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)
    return Audio(np.stack((wave, wave), axis=1).astype(np.float32), RATE)


def bursts(seed: int = 3) -> np.ndarray:
    random = np.random.default_rng(seed)
    level = np.repeat(random.uniform(0.0, 3.0, 200), 441)[:, None]
    return (random.standard_normal((88200, 2)) * level * 0.4).astype(np.float32)


def test_loudness_of_the_standards_tone():
    assert loudness_lufs(tone(amplitude=1.0)) == pytest.approx(0.0, abs=0.1)  # -3.01 in each of two channels
    assert loudness_lufs(tone(amplitude=0.1)) == pytest.approx(-20.0, abs=0.1)


@pytest.mark.parametrize("amplitude", [0.002, 0.1, 5.0])
def test_normalised_tone(amplitude):
    result = normalise_loudness(tone(amplitude=amplitude))
    assert loudness_lufs(result) == pytest.approx(-16.0, abs=0.1)
    assert peak_dbfs(result) == pytest.approx(-16.0, abs=0.1)


def test_normalising_spiky_sound_limits_it_and_still_reaches_the_loudness():
    quiet = tone(amplitude=0.05, seconds=4.0).samples.copy()
    quiet[::22050] = 0.9
    result = normalise_loudness(Audio(quiet, RATE))
    assert peak_dbfs(result) < -1.0
    assert loudness_lufs(result) == pytest.approx(-16.0, abs=0.3)


def test_silence_and_short_sound_are_left_alone():
    silence = Audio(np.zeros((RATE, 2), np.float32), RATE)
    assert not normalise_loudness(silence).samples.any()
    short = tone(seconds=0.2)
    assert np.array_equal(normalise_loudness(short).samples, short.samples)
    assert len(normalise_loudness(Audio(np.zeros((0, 2), np.float32), RATE)).samples) == 0


def test_limiter_keeps_every_sample_under_the_ceiling_and_quiet_sound_as_it_is():
    loud = bursts()
    assert np.abs(loud).max() > 3
    assert np.abs(limit_peaks(loud, RATE)).max() < 10 ** (-1 / 20)
    quiet = tone().samples
    assert limit_peaks(quiet, RATE) is quiet
    assert np.abs(limit_peaks(loud, RATE, ceiling_dbfs=-6.0)).max() < 10 ** (-6 / 20)


def test_limiter_turns_down_only_around_the_peak():
    samples = np.full((RATE, 2), 0.5, np.float32)
    samples[20000] = 2.0
    limited = limit_peaks(samples, RATE)
    assert np.allclose(limited[:18600], 0.5)
    assert np.allclose(limited[21400:], 0.5)
    assert np.abs(np.diff(limited[:20000, 0])).max() < 0.002


@pytest.mark.parametrize("sizes", [[88200], [1, 50, 3000, 10, 40000, 45139], [0, 500, 0, 87700]])
def test_stream_limiter_equals_the_limiter(sizes):
    samples = bursts()
    limiter, parts, position = StreamLimiter(RATE), [], 0
    for size in sizes:
        parts.append(limiter.push(samples[position : position + size]))
        position += size
    parts.append(limiter.flush(samples[position:]))
    assert np.abs(np.concatenate(parts) - limit_peaks(samples, RATE)).max() < 1e-6


def test_fade_ends_in_silence_and_leaves_the_rest():
    samples = np.ones((1000, 2), np.float32)
    faded = fade_out(samples, 100)
    assert np.array_equal(faded[:900], samples[:900])
    assert abs(faded[-1]).max() < 1e-6
    assert faded[950, 0] == pytest.approx(0.5, abs=0.02)
    assert samples.min() == 1.0
