"""Texts of a split played by exported models: which text, which files, what is not made again."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipelines.catalogue import ModelEntry
from pipelines.errors import DataMissingError, SettingsError
from pipelines.records import Audio
from training.metrics.audio_files import read_sound
from training.musicgen import generate
from training.musicgen.generate import condition_of, main, model_folder, name_of
from training.musicgen.pairs import CONDITIONS

RATE = 32_000


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    (folder / "test").mkdir(parents=True)
    rows, texts = [], []
    for number in range(3):
        name = f"{number:04d}.wav"
        soundfile.write(folder / "test" / name, 0.1 * np.sin(np.arange(4 * RATE) * 0.05), RATE)
        rows.append({"file_name": name, "picture_file": "p.jpg", "label": "Sad", "valence": 3.0, "arousal": 3.0})
        texts.append({"split": "test", "file_name": name, **{c: f"{c} {number}" for c in CONDITIONS}})
    (folder / "test" / "metadata.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    (folder / "texts.jsonl").write_text("\n".join(json.dumps(row) for row in texts))
    return folder


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, int]]:
    """What was asked of which model, in place of the model; that real ones are played stands in test_…_loop.py."""
    asked: list[tuple[str, str, int]] = []

    def play(entry: ModelEntry, text: str, *, duration_s: float, seed: int) -> Audio:
        asked.append((entry.name, text, seed))
        return Audio(np.full((round(duration_s * RATE), 1), 0.1, np.float32), RATE)

    monkeypatch.setattr(generate, "play", play)
    return asked


def exported(run: Path) -> Path:
    (run / "model").mkdir(parents=True)
    (run / "model" / "config.json").write_text("{}")
    return run


def test_each_model_plays_the_texts_of_its_own_condition(
    dataset: Path, tmp_path: Path, played: list[tuple[str, str, int]]
) -> None:
    runs = [exported(tmp_path / name) for name in ("lyrical", "emotive")]
    out = tmp_path / "out"
    command = [str(dataset), *map(str, runs), "--out", str(out), "--duration", "2", "--count", "2", "--seed", "7"]
    assert main(command) == 0
    assert played == [
        ("lyrical", "lyrical 0", 7),
        ("lyrical", "lyrical 1", 8),
        ("emotive", "emotive 0", 7),
        ("emotive", "emotive 1", 8),
    ]
    for folder in ("reference", "lyrical", "emotive"):
        assert [path.name for path in sorted((out / folder).iterdir())] == ["0000.wav", "0001.wav"]
        sound = read_sound(out / folder / "0001.wav")
        assert (sound.samples.shape, sound.sample_rate_hz) == ((2 * RATE, 1), RATE)
    texts = [json.loads(line) for line in (out / "texts.jsonl").read_text().splitlines()]
    assert texts[1] == {"file_name": "0001.wav", **{c: f"{c} 1" for c in CONDITIONS}}
    (out / "emotive" / "0000.wav").unlink()
    assert main(command) == 0
    assert played[4:] == [("emotive", "emotive 0", 7)]  # only what was missing


def test_a_model_is_found_in_its_run_or_by_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = exported(tmp_path / "narrative")
    assert model_folder(run) == model_folder(run / "model") == run / "model"
    assert name_of(run / "model") == "narrative"
    assert condition_of(run / "model", None) == "narrative"
    assert condition_of(run / "model", "optimized") == "optimized"
    with pytest.raises(SettingsError, match="tells no condition"):
        condition_of(tmp_path / "mine", None)
    with pytest.raises(DataMissingError, match="No exported model"):
        model_folder(tmp_path)
    assert main([str(tmp_path / "none"), str(run), "--out", str(tmp_path / "out")]) == 2
    assert "python -m training.data.painting_music" in capsys.readouterr().err
