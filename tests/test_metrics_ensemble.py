import numpy as np
import pytest

from pipelines.records import Audio, Note
from pipelines.waveform.arrange_harmony import Chord
from training.metrics.ensemble import clash_share, prompt_for
from training.metrics.ensemble_sound import (
    descriptors,
    heard_tempo,
    level_figures,
    mel_decibels,
    spectral_distance,
    tempo_error,
)

RATE = 32000


def clicks(bpm: float, *, seconds: float = 12.0, hz: float = 440.0) -> Audio:
    time = np.arange(round(seconds * RATE)) / RATE
    since = time % (60 / bpm)
    sound = 0.5 * np.sin(2 * np.pi * hz * time) * np.exp(-since / 0.08)
    return Audio(np.stack((sound, sound), axis=1).astype(np.float32), RATE)


@pytest.mark.parametrize("bpm", [72.0, 100.0, 150.0])
def test_the_tempo_of_clicks_is_heard(bpm):
    assert tempo_error(heard_tempo(clicks(bpm)), bpm) < 0.02


def test_tempi_an_octave_apart_are_the_same_and_others_not():
    assert tempo_error(200.0, 100.0) == pytest.approx(0.0)
    assert tempo_error(112.0, 100.0) == pytest.approx(np.log(1.12))


def test_levels_and_silences():
    samples = clicks(120.0).samples.copy()
    samples[3 * RATE : 6 * RATE] = 0.0
    samples[-RATE:] = 0.0
    figures = level_figures(Audio(samples, RATE))
    assert figures["dead_air_s"] == pytest.approx(3.0, abs=0.3)
    assert figures["end_silence_s"] == pytest.approx(1.0, abs=0.3)
    assert figures["clipped"] == 0
    assert figures["peak"] == pytest.approx(20 * np.log10(0.5), abs=0.3)


def test_bright_and_dark_sound_lie_apart():
    dark, bright = clicks(100.0, hz=220.0), clicks(100.0, hz=2200.0)
    assert spectral_distance(mel_decibels(dark), mel_decibels(bright)) > 3.0
    assert spectral_distance(mel_decibels(dark), mel_decibels(dark)) == 0.0
    assert descriptors(bright)["centroid"] > descriptors(dark)["centroid"] + 1.0
    assert descriptors(dark)["onset_rate"] == pytest.approx(100 / 60, abs=0.3)


def test_clashes_are_semitones_outside_the_chord():
    major_seventh = (Chord(0.0, 4.0, 0, "major seventh"),)
    triad = (Chord(0.0, 4.0, 0, "major"),)
    notes = [Note(0.0, 71, 2.0, 80), Note(0.0, 72, 4.0, 80)]
    assert clash_share(notes, major_seventh) == 0.0
    assert clash_share(notes, triad) == pytest.approx(0.5)


def test_prompts_fit_the_feeling():
    from pipelines.records import Emotion

    sad = prompt_for("jazz", Emotion.at(2.0, 3.0), 0.25)
    assert (sad.mode, sad.tempo_bpm, sad.instruments[0]) == ("minor", 99, "saxophone")
