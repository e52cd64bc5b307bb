import numpy as np
import pytest

from pipelines.errors import SoundError
from pipelines.hearing_audio import hear_audio, hear_audio_point
from pipelines.hearing_audio_features import (
    BANDS,
    SAMPLE_RATE_HZ,
    audio_features,
    chroma_filters,
    feature_names,
    mel_filters,
    mono,
    spectrogram,
    window_features,
)
from pipelines.records import Audio


def tones(events, seconds, *, rate_hz=SAMPLE_RATE_HZ, decay=4.0):
    """Plucked tones with four partials: (start s, MIDI pitch, level)."""
    samples = np.zeros(int(seconds * rate_hz))
    for start, pitch, level in events:
        t = np.arange(len(samples) - int(start * rate_hz)) / rate_hz
        hz = 440 * 2 ** ((pitch - 69) / 12)
        tone = sum(np.sin(2 * np.pi * hz * k * t) / k**1.5 for k in range(1, 5))
        samples[int(start * rate_hz) :] += level * np.exp(-decay * t) * tone
    return (0.2 * samples / np.abs(samples).max()).astype(np.float32)


def pattern(third, *, step, seconds=12.0, root=60):
    pitches = [(0, third, 7, 12)[i % 4] for i in range(int(seconds / step))]
    return [(i * step, root + pitch, 1.0) for i, pitch in enumerate(pitches)]


def sound(samples, rate_hz=SAMPLE_RATE_HZ):
    return Audio(samples[:, None], rate_hz)


def named(samples):
    return dict(zip(feature_names(), window_features(samples), strict=True))


def test_a_sine_falls_into_its_mel_band_and_its_pitch():
    sine = np.sin(2 * np.pi * 440 * np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ).astype(np.float32)
    bands = spectrogram(sine, 2048, 512).mean(axis=0) @ mel_filters()
    mel = [2595 * np.log10(1 + hz / 700) for hz in (40, 440, 8000)]
    expected = (mel[1] - mel[0]) / (mel[2] - mel[0]) * (BANDS + 1) - 1
    assert abs(int(bands.argmax()) - expected) <= 1
    pitches = spectrogram(sine, 8192, 2048).mean(axis=0) @ chroma_filters()
    assert int(pitches.argmax()) + 33 == 69
    assert (mel_filters().sum(axis=0) > 0).all()


def test_onsets_are_counted_and_their_period_found():
    values = named(tones(pattern(4, step=0.5), 12.0, decay=8.0))
    assert values["onset_rate_1"] == pytest.approx(2.0, abs=0.3)
    assert values["gap_median"] == pytest.approx(-1.0, abs=0.1)


def test_mode_is_heard_in_the_chroma():
    major, minor = (named(tones(pattern(third, step=0.25), 12.0)) for third in (4, 3))
    assert major["key_mode"] > 0 > minor["key_mode"]
    assert major["chord_major"] > major["chord_minor"]
    assert minor["chord_minor"] > minor["chord_major"]


def test_level_and_rate_and_channels_change_little():
    samples = tones(pattern(4, step=0.25), 12.0)
    plain = hear_audio_point(sound(samples))
    assert hear_audio_point(sound(0.05 * samples)) == pytest.approx(plain, abs=0.05)
    stereo = Audio(np.stack([samples, samples], axis=1), SAMPLE_RATE_HZ)
    assert hear_audio_point(stereo) == pytest.approx(plain, abs=1e-3)
    twice = tones(pattern(4, step=0.25), 12.0, rate_hz=2 * SAMPLE_RATE_HZ)
    assert hear_audio_point(sound(twice, 2 * SAMPLE_RATE_HZ)) == pytest.approx(plain, abs=0.3)
    silence = np.zeros(SAMPLE_RATE_HZ, np.float32)
    assert hear_audio_point(sound(np.concatenate([silence, samples, silence]))) == pytest.approx(plain, abs=0.2)


def test_fast_major_is_livelier_and_happier_than_slow_low_minor():
    lively = hear_audio(sound(tones(pattern(4, step=0.12, root=64), 12.0, decay=8.0)))
    sad = hear_audio(sound(tones(pattern(3, step=0.9, root=52), 12.0, decay=2.0)))
    assert lively.arousal > sad.arousal + 1.5
    assert lively.valence > sad.valence + 1.0
    assert 0.5 < lively.arousal_sd < lively.valence_sd < 1.3


def test_thirty_seconds_are_heard_in_two_windows():
    samples = mono(sound(tones(pattern(4, step=0.25, seconds=30.0), 30.0)))
    rows = audio_features(samples)
    assert rows.shape == (2, len(feature_names()))
    assert np.isfinite(rows).all()
    assert np.isfinite(window_features(np.full(SAMPLE_RATE_HZ, 0.1, np.float32))).all()


def test_silence_and_blips_are_refused():
    for samples in (np.zeros(SAMPLE_RATE_HZ * 3, np.float32), np.ones(100, np.float32), np.zeros(0, np.float32)):
        with pytest.raises(SoundError, match="at least 1 s"):
            hear_audio(sound(samples))
