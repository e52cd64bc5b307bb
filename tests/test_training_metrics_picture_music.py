"""Agreement of pictures and music: known points, draws one a theme, a run that goes on where it stopped."""

import argparse
from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import DataMissingError, SettingsError
from pipelines.records import Emotion
from training.data.oasis import Oasis
from training.emotion_readings import read_readings, write_readings
from training.metrics import picture_music
from training.metrics.picture_music import Heard, agreement, draw_pictures, run, table

THEMES = ("Dog", "Dog", "Lake", "Fire", "Garden", "Garden")


@pytest.fixture
def data() -> Oasis:
    va = np.array([[2.0, 3.0], [3.0, 2.0], [8.0, 3.0], [3.0, 8.0], [7.0, 4.0], [6.5, 4.0]])
    paths = tuple(Path(f"{theme} {i}.jpg") for i, theme in enumerate(THEMES))
    return Oasis(paths, THEMES, ("Scenery",) * len(paths), va)


@pytest.fixture
def readings_file(data: Oasis, tmp_path: Path) -> Path:
    path = tmp_path / "deep" / "held_out.csv"
    write_readings(path, [each.name for each in data.paths], data.va - 0.5, np.full((len(data), 2), 1.25))
    return path


def test_readings_are_read_as_they_were_written(data: Oasis, readings_file: Path) -> None:
    readings = read_readings(readings_file)
    assert len(readings) == 6
    found = readings["Fire 3.jpg"]
    assert (found.valence, found.arousal, found.valence_sd, found.arousal_sd) == (2.5, 7.5, 1.25, 1.25)


def test_missing_or_foreign_readings_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataMissingError, match="There are no readings"):
        read_readings(tmp_path / "none.csv")
    (tmp_path / "other.csv").write_text("file,colour\na.jpg,red\n")
    with pytest.raises(DataMissingError, match="no table of readings"):
        read_readings(tmp_path / "other.csv")
    (tmp_path / "short.csv").write_text("file,valence,arousal,valence_sd,arousal_sd\na.jpg,5\n")
    with pytest.raises(DataMissingError, match="no table of readings"):
        read_readings(tmp_path / "short.csv")


def test_pictures_are_drawn_one_a_theme(data: Oasis, readings_file: Path) -> None:
    readings = read_readings(readings_file)
    numbers = draw_pictures(data, readings, count=4, seed=0)
    assert sorted(data.themes[n] for n in numbers) == ["Dog", "Fire", "Garden", "Lake"]
    assert draw_pictures(data, readings, count=4, seed=0) == numbers
    with pytest.raises(SettingsError, match="choose 3 to 4"):
        draw_pictures(data, readings, count=5, seed=0)


def test_agreement_of_points_with_themselves_and_moved() -> None:
    rated = np.random.default_rng(0).uniform(1, 9, (30, 2))
    valence, arousal, distance, chance = agreement(rated, rated)
    assert valence.value == pytest.approx(1)
    assert arousal.low == pytest.approx(1)
    assert (distance.value, distance.high) == (0, 0)
    assert 3 < chance < 5
    *_, moved, _ = agreement(rated + np.array([3.0, 4.0]), rated)
    assert (moved.value, moved.low, moved.high) == pytest.approx((5, 5, 5))
    assert agreement(10 - rated, rated)[0].value == pytest.approx(-1)


def test_the_table_has_the_reader_and_every_ear(data: Oasis, readings_file: Path) -> None:
    readings = read_readings(readings_file)
    heard = [Heard(path.name, "ear", *point) for path, point in zip(data.paths, data.va, strict=True)]
    lines = table(data, readings, heard).splitlines()
    assert lines[2].startswith("| reader alone | 6 | 1.00 (1.00 to 1.00) | 1.00 (1.00 to 1.00) | 0.71 (0.71 to 0.71) |")
    assert lines[3].startswith("| ear | 6 | 1.00 (1.00 to 1.00) | 1.00 (1.00 to 1.00) | 0.00 (0.00 to 0.00) |")


def test_a_run_goes_on_where_it_was_stopped(
    data: Oasis, readings_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def hear(chain: str, path: Path, emotion: Emotion, settings: object) -> list[Heard]:
        asked.append((chain, path.name))
        if len(asked) == 3:
            raise KeyboardInterrupt
        return [Heard(path.name, ear, emotion.valence, emotion.arousal) for ear in picture_music.EARS[chain]]

    monkeypatch.setattr(picture_music, "hear", hear)
    options = argparse.Namespace(
        readings=readings_file, count=4, pipelines=["symbolic", "waveform"], duration=20.0, seed=0, out=tmp_path / "out"
    )
    with pytest.raises(KeyboardInterrupt):
        run(options, data)
    (log,) = (tmp_path / "out").iterdir()
    with log.open("a") as file:
        file.write("Garden 4.jpg,ear,5")
    text = run(options, data)
    assert len(asked) == 3 + 2 + 4  # two were kept, the third is asked again
    assert text.count("| 4 | 1.00") == 4  # the reader, two ears of the piano's, one of the band's
    write_readings(readings_file, [each.name for each in data.paths], data.va, np.full((len(data), 2), 1.25))
    options.seed = -1
    with pytest.raises(SettingsError, match="seed cannot be -1"):
        run(options, data)
    options.seed = 0
    run(options, data)
    assert len(asked) == 3 + 2 + 4 + 8  # by other readings nothing has been heard yet
