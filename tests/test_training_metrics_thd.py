"""Total harmonic distortion of tones whose harmonics are known."""

import math

import numpy as np
import pytest

from training.metrics.thd import find_fundamental, frame_distortion, total_harmonic_distortion

RATE = 32_000


def tone(fundamental_hz: float, amplitudes: tuple[float, ...], seconds: float = 2.0) -> np.ndarray:
    time_s = np.arange(round(RATE * seconds)) / RATE
    parts = [a * np.sin(2 * np.pi * fundamental_hz * (k + 1) * time_s + k) for k, a in enumerate(amplitudes)]
    return np.sum(parts, axis=0).astype(np.float32) * 0.3


@pytest.mark.parametrize("fundamental_hz", [82.4, 220.0, 441.7, 1046.5])
@pytest.mark.parametrize("amplitudes", [(1.0, 0.1), (1.0, 0.5, 0.25, 0.125), (0.5, 0.6, 0.3)])
def test_a_tone_with_known_harmonics(fundamental_hz: float, amplitudes: tuple[float, ...]) -> None:
    expected = math.sqrt(sum(a * a for a in amplitudes[1:])) / amplitudes[0]
    found = total_harmonic_distortion(tone(fundamental_hz, amplitudes), RATE)
    assert found == pytest.approx(expected, rel=0.01)


def test_a_pure_tone_has_none() -> None:
    assert total_harmonic_distortion(tone(440.0, (1.0,)), RATE) < 1e-3


def test_clipping_adds_the_distortion_of_a_square_wave() -> None:
    clipped = np.sign(tone(200.0, (1.0,))).astype(np.float32)
    odd = math.sqrt(sum(1 / k**2 for k in (3, 5, 7, 9)))
    assert total_harmonic_distortion(clipped, RATE) == pytest.approx(odd, rel=0.02)


def test_silence_has_no_tone() -> None:
    assert math.isnan(total_harmonic_distortion(np.zeros(RATE, np.float32), RATE))
    assert math.isnan(total_harmonic_distortion(np.zeros(0, np.float32), RATE))
    assert math.isnan(frame_distortion(np.zeros(4097), RATE))


def test_a_change_of_tone_is_followed() -> None:
    two = np.concatenate([tone(220.0, (1.0, 0.5)), tone(330.0, (1.0, 0.5))])
    assert total_harmonic_distortion(two, RATE) == pytest.approx(0.5, rel=0.01)


def test_the_fundamental_is_found_and_not_its_octave() -> None:
    spectrum = np.zeros(4097)
    spectrum[[100, 200, 300, 400]] = 1.0
    assert find_fundamental(spectrum, 1.0) == pytest.approx(100, rel=0.01)
