"""Journeys: exact length, soft ends, ceilings kept, sound that grows on disk, files or nothing."""

import json
import wave
from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import SettingsError, StoppedError
from pipelines.journey import JourneySettings, Stretch, travel
from pipelines.journey_files import NOTES, RECORD, SOUND, Growing, write_journey
from pipelines.journey_sound import GrowingWav, SoftSound
from pipelines.records import Audio
from pipelines.sound import loudness_lufs
from pipelines.symbolic.midi import read_midi
from pipelines.symbolic.path_composer import PathSettings

RATE = 44100
SHORT = JourneySettings(
    start=(3.0, 9.0),
    goal=(6.5, 2.5),
    minutes=1.0,
    tempo_ceiling_bpm=80.0,
    loudness_ceiling_lufs=-26.0,
    music=PathSettings(seed=1, candidates=2),
)


def pcm(path: Path) -> np.ndarray:
    with wave.open(str(path)) as sound:
        assert (sound.getnchannels(), sound.getframerate(), sound.getsampwidth()) == (2, RATE, 2)
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2").reshape(-1, 2) / 32767


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Stretch], dict[str, Path], list[int]]:
    folder = tmp_path_factory.mktemp("journey")
    live = folder / "live.wav"
    stretches, sizes = [], []
    last: Growing | None = None
    for growing in write_journey(SHORT, folder / "take", live=live):
        sizes.append(live.stat().st_size)
        stretches.append(growing.stretch)
        last = growing
    assert last is not None
    return stretches[:-1], dict(last.files), sizes  # the last value tells of the files only


def test_the_sound_comes_piece_by_piece_and_lasts_exactly(
    journey: tuple[list[Stretch], dict[str, Path], list[int]],
) -> None:
    stretches, files, sizes = journey
    assert sum(len(s.sound.samples) for s in stretches) == 60 * RATE
    assert max(s.sound.duration_s for s in stretches) < 2.5
    assert [s.final for s in stretches] == [False] * (len(stretches) - 1) + [True]
    assert len(stretches[0].score.notes) < len(stretches[-1].score.notes) / 3  # it sounds before it is composed
    assert sizes == sorted(sizes)
    assert sizes[-1] == 44 + 60 * RATE * 4
    assert len(pcm(files[SOUND])) == 60 * RATE


def test_it_begins_and_ends_softly_without_a_hole(journey: tuple[list[Stretch], dict[str, Path], list[int]]) -> None:
    sound = pcm(journey[1][SOUND])
    level = np.sqrt((sound**2).mean(1).reshape(60, RATE).mean(1))
    middle = np.median(level[10:45])
    assert level[0] < middle / 3
    assert level[58] < middle / 5
    assert np.abs(sound[-RATE // 100 :]).max() < 1e-3
    half = np.sqrt((sound**2).mean(1).reshape(120, RATE // 2).mean(1))
    assert (half[4:110] > 1e-4).all()  # no silence of half a second


def test_ceilings_are_kept(journey: tuple[list[Stretch], dict[str, Path], list[int]]) -> None:
    stretches, files, _ = journey
    assert max(mark.bpm for mark in stretches[-1].score.tempo_marks) <= 80.0
    assert SHORT.path().at(0.0) == (3.0, 7.0)
    sound = pcm(files[SOUND]).astype(np.float32)
    short_term = [loudness_lufs(Audio(sound[i : i + 3 * RATE], RATE)) for i in range(0, 57 * RATE, RATE)]
    assert max(short_term) <= -26.0 + 0.5
    assert max(short_term) > -32.0


def test_it_says_what_was_wanted_and_heard(journey: tuple[list[Stretch], dict[str, Path], list[int]]) -> None:
    stretches, files, _ = journey
    record = json.loads(files[RECORD].read_text())
    assert record["note"] == "This is no medical device."
    assert [window["begin_s"] for window in record["windows"]] == [0.0, 15.0, 30.0, 45.0]
    wanted = [window["wanted"][1] for window in record["windows"]]
    assert wanted == sorted(wanted, reverse=True)
    assert record["windows"][0]["heard"][1] > record["windows"][-1]["heard"][1]
    assert len(read_midi(files[NOTES]).notes) == len(stretches[-1].score.notes)
    assert "picture" not in json.dumps(record)


def test_a_journey_left_early_leaves_no_files(tmp_path: Path) -> None:
    heard: list[Growing] = []
    with pytest.raises(StoppedError):
        heard.extend(
            write_journey(SHORT, tmp_path / "take", cancelled=lambda: any((tmp_path / "take").glob("*/*.wav")))
        )
    assert list((tmp_path / "take").iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (JourneySettings(minutes=0.5), "0.5 minutes; choose 1 to 15"),
        (JourneySettings(minutes=16.0), "16 minutes; choose 1 to 15"),
        (JourneySettings(minutes=float("nan")), "nan minutes; choose 1 to 15"),
        (JourneySettings(start=(0.0, 5.0)), "valence cannot be 0; choose 1 to 9"),
        (JourneySettings(arousal_ceiling=10.0), "10 on the scale; choose 1 to 9"),
        (JourneySettings(tempo_ceiling_bpm=40.0), "40 BPM; choose 60 to 211"),
        (JourneySettings(loudness_ceiling_lufs=0.0), "0 LUFS; choose -36 to -14"),
        (JourneySettings(fade_out_s=30.0), "30 seconds; choose 0 to 20"),
        (JourneySettings(hold_start=0.8), "together 0.9 at most"),
    ],
)
def test_settings_out_of_range_are_refused(settings: JourneySettings, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        next(travel(settings))


def test_soft_sound_keeps_a_sudden_noise_under_the_ceiling() -> None:
    rng = np.random.default_rng(0)
    soft = SoftSound(20.0, 1.0, 2.0, ceiling_lufs=-20.0)
    noise = rng.normal(0, 0.02, (20 * RATE, 2)).astype(np.float32)
    noise[8 * RATE :] *= 12
    chunks = np.split(noise, 25)
    out = np.concatenate([soft.shape(Audio(chunk, RATE)).samples for chunk in chunks])
    assert out.shape == noise.shape
    loud = [loudness_lufs(Audio(out[i : i + 3 * RATE], RATE)) for i in range(0, 17 * RATE, RATE // 2)]
    assert max(loud) <= -19.5
    assert np.abs(out[0]).max() == 0.0
    assert np.abs(out[-1]).max() < 1e-6
    quiet, usual = out[5 * RATE : 7 * RATE], noise[5 * RATE : 7 * RATE]
    assert float(np.median(np.abs(quiet) / np.abs(usual))) == pytest.approx(10 ** (-4 / 20), rel=1e-3)


def test_a_growing_wav_can_be_read_while_it_grows_and_is_true_at_last(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with GrowingWav(path, sample_rate_hz=RATE, frames=1000) as growing:
        growing.write(np.full((300, 2), 0.5, np.float32))
        assert path.stat().st_size == 44 + 300 * 4
        assert path.read_bytes()[44:46] == np.int16(16384).tobytes()
        growing.write(np.full((100, 2), -2.0, np.float32))
    sound = pcm(path)
    assert len(sound) == 400
    assert sound[0, 0] == pytest.approx(0.5, abs=1e-4)
    assert sound[-1, 0] == pytest.approx(-1.0, abs=1e-4)
