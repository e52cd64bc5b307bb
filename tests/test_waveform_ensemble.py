import numpy as np
import pytest

from pipelines.errors import SettingsError, StoppedError
from pipelines.records import Audio, Emotion, MusicPrompt
from pipelines.sound import loudness_lufs, peak_dbfs
from pipelines.symbolic.levels import program_loudness
from pipelines.waveform.arrange import Arranger
from pipelines.waveform.ensemble import (
    MADE_BY,
    SAMPLE_RATE_HZ,
    EnsembleSettings,
    compose_arrangement,
    counted_tempo,
    perform,
    play,
)
from pipelines.waveform.vocabulary import GENRES

FUN = Emotion.at(7.0, 6.5)
CALM = Emotion.at(6.8, 2.4)
SHORT = EnsembleSettings(duration_s=10.0, seed=1, strength=1.5)


def prompt(genre: str, *, tempo: float = 120.0, mode: str = "major") -> MusicPrompt:
    return MusicPrompt("", "", genre, tempo, mode, "", GENRES[genre].instruments)


def together(chunks: list[Audio]) -> Audio:
    return Audio(np.concatenate([chunk.samples for chunk in chunks]), SAMPLE_RATE_HZ)


@pytest.fixture(scope="module")
def chunks() -> list[Audio]:
    return list(play(prompt("pop"), FUN, SHORT))


def test_chunks_are_consecutive_short_and_exactly_as_long_as_asked(chunks):
    position = 0
    for chunk in chunks:
        assert chunk.samples.dtype == np.float32
        assert chunk.samples.shape[1] == 2
        assert chunk.sample_rate_hz == 32000
        assert 0 < chunk.duration_s <= 1.1 or chunk is chunks[-1]
        assert chunk.start_s == pytest.approx(position / 32000)
        position += len(chunk.samples)
    assert position == 320_000
    assert len(chunks) >= 9
    assert chunks[-1].duration_s < 2.5


def test_the_sound_is_level_unclipped_and_fades(chunks):
    audio = together(chunks)
    assert -21 < loudness_lufs(audio) < -12
    assert peak_dbfs(audio) < -1.0
    assert np.abs(audio.samples[-1]).max() < 1e-6
    blocks = np.abs(audio.samples[:-48000]).max(axis=1)[: 320_000 - 48_000].reshape(-1, 1600).max(axis=1)
    assert blocks.min() > 1e-3


def test_the_same_seed_gives_the_same_bytes(chunks):
    again = together(list(play(prompt("pop"), FUN, SHORT)))
    assert again.samples.tobytes() == together(chunks).samples.tobytes()


def test_playing_at_once_sounds_as_playing_in_chunks(chunks):
    _, arrangement = compose_arrangement(prompt("pop"), FUN, SHORT)
    whole = perform(arrangement, prompt("pop"), FUN, SHORT)
    assert whole.samples.shape == (320_000, 2)
    difference = whole.samples - together(chunks).samples
    assert np.sqrt(np.mean(difference**2)) < 0.02 * np.sqrt(np.mean(whole.samples**2))


def test_the_stage_is_wide(chunks):
    samples = together(chunks).samples
    side, middle = samples[:, 0] - samples[:, 1], samples.sum(axis=1)
    assert 0.02 < np.sqrt(np.mean(side**2)) / np.sqrt(np.mean(middle**2)) < 0.8


def test_the_lead_is_heard_over_the_pad():
    _, arrangement = compose_arrangement(prompt("ambient", tempo=80.0), CALM, SHORT)
    cast = Arranger(prompt("ambient"), CALM).cast
    lead, pad = (perform(arrangement, prompt("ambient"), CALM, SHORT, only={index}) for index in (cast.lead, cast.pad))
    assert loudness_lufs(lead) > loudness_lufs(pad) + 2


@pytest.mark.parametrize(("tempo", "mode"), [(84.0, "minor"), (126.0, "major"), (168.0, "minor")])
def test_tempo_and_mode_of_the_prompt_are_written(tempo, mode):
    settings = EnsembleSettings(duration_s=20.0)
    score, arrangement = compose_arrangement(prompt("jazz", tempo=tempo, mode=mode), FUN, settings)
    assert score.tempo_bpm == pytest.approx(tempo, rel=0.026)
    assert score.mode == mode
    assert score.duration_s == pytest.approx(20.0, abs=1e-6)
    assert arrangement.tempo_marks == score.tempo_marks


def test_genres_with_one_metre_have_it():
    for genre, beats in (("lullaby", 3), ("rock", 4)):
        score, _ = compose_arrangement(prompt(genre, tempo=100.0), FUN, SHORT)
        assert score.beats_per_bar == beats


def test_tempi_out_of_reach_are_counted_in_octaves():
    assert counted_tempo(100.0, 30.0) == 100.0
    assert counted_tempo(30.0, 30.0) == 60.0
    assert counted_tempo(60.0, 10.0) == 120.0
    assert counted_tempo(240.0, 30.0) == 120.0


def test_two_genres_sound_different():
    one, other = (
        together(list(play(prompt(genre, tempo=104.0), FUN, SHORT))).samples for genre in ("metal", "classical")
    )
    spectra = [np.abs(np.fft.rfft(samples.mean(axis=1)))[: 10 * 8000] for samples in (one, other)]
    high = [float(np.square(s[20_000:]).sum() / np.square(s).sum()) for s in spectra]
    assert high[0] > 2 * high[1]


def test_cancelled_between_chunks():
    heard: list[Audio] = []
    sounding = play(prompt("pop"), FUN, SHORT, cancelled=lambda: len(heard) > 0)
    heard.append(next(sounding))
    with pytest.raises(StoppedError):
        next(sounding)
    assert 0 < heard[0].duration_s <= 1.1


def test_settings_are_checked_at_the_door():
    with pytest.raises(SettingsError, match="seconds"):
        next(play(prompt("pop"), FUN, EnsembleSettings(duration_s=5.0)))
    with pytest.raises(SettingsError, match="seed"):
        next(play(prompt("pop"), FUN, EnsembleSettings(seed=-1)))


def test_loudness_is_measured_once_for_each_program():
    soft, loud = program_loudness(24, (62,)), program_loudness(30, (62,))
    assert soft == program_loudness(24, (62,))
    assert loud > soft + 6
    assert -60 < program_loudness(0, (36, 38, 42), drums=True) < -5


def test_it_says_who_made_it():
    assert MADE_BY == "embedded ensemble"
