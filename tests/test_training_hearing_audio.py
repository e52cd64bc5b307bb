import numpy as np
import pytest

from training.hearing import main
from training.hearing_audio import INSTRUMENTS, by_instrument, draw_programs, load_or_play, train_audio
from training.regressor import CrossValidation, FitSettings


def test_three_clips_of_four_are_played_on_the_piano():
    programs = draw_programs(3000)
    assert (programs == 0).mean() == pytest.approx(0.75, abs=0.02)
    assert set(programs[programs != 0].tolist()) == set(INSTRUMENTS)
    assert np.array_equal(programs, draw_programs(3000))


def test_cached_features_are_cross_validated_without_playing(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 6))
    Y = np.stack([5 + X[:, 0], 5 + X[:, 1]], axis=1)
    np.savez(tmp_path / "f.npz", features=X, targets=Y)
    assert np.array_equal(load_or_play(tmp_path / "f.npz")[0], X)
    settings = FitSettings(folds=3, trees=20, kernel_grid=((1.0, 0.5),))
    found = train_audio(settings, dry_run=True, cache=tmp_path / "f.npz")
    assert min(found.r()) > 0.8


def test_r_is_told_by_instrument():
    Y = np.random.default_rng(1).normal(size=(200, 2))
    piano = draw_programs(200) == 0
    guess = np.where(piano[:, None], Y, -Y)
    lines = by_instrument(CrossValidation(Y, guess, guess, guess)).splitlines()
    assert lines[0] == f"on the piano   r 1.000 (valence) 1.000 (arousal), {piano.sum()} clips"
    assert lines[1] == f"other sounds   r -1.000 (valence) -1.000 (arousal), {(~piano).sum()} clips"


def test_missing_data_ends_with_2_and_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("EKPHONIA_DATA", str(tmp_path))
    assert main(["--dry-run"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
