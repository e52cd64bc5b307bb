"""Texts of a split played by exported models: which text, which files, what is not made again."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipelines.catalogue import ModelEntry
from pipelines.errors import DataMissingError, SettingsError
from pipelines.records import Audio
from training.metrics.audio_files import read_sound, sound_paths
from training.musicgen import generate
from training.musicgen.generate import condition_of, main, model_folder, name_of, spread
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
        assert [path.name for path in sound_paths(out / folder)] == ["0000.wav", "0001.wav"]
        sound = read_sound(out / folder / "0001.wav")
        assert (sound.samples.shape, sound.sample_rate_hz) == ((2 * RATE, 1), RATE)
    texts = [json.loads(line) for line in (out / "texts.jsonl").read_text().splitlines()]
    assert texts[1] == {"file_name": "0001.wav", **{c: f"{c} 1" for c in CONDITIONS}}
    (out / "emotive" / "0000.wav").unlink()
    assert main(command) == 0
    assert played[4:] == [("emotive", "emotive 0", 7)]  # only what was missing


def test_what_is_of_another_model_text_length_or_music_is_made_anew(
    dataset: Path, tmp_path: Path, played: list[tuple[str, str, int]]
) -> None:
    run, out = exported(tmp_path / "lyrical"), tmp_path / "out"

    def asked_for(*more: str) -> list[str]:
        played.clear()
        assert main([str(dataset), str(run), "--out", str(out), "--duration", "2", *more]) == 0
        return [text for _, text, _ in played]

    assert len(asked_for("--count", "1")) == 1
    assert asked_for() == ["lyrical 1", "lyrical 2"]
    (run / "model" / "config.json").write_text('{"learnt": "on"}')
    assert len(asked_for()) == 3
    texts = dataset / "texts.jsonl"
    texts.write_text(texts.read_text().replace("lyrical 1", "lyrical one"))
    assert asked_for() == ["lyrical one"]
    assert len(asked_for("--seed", "1")) == 3
    assert len(asked_for("--seed", "1", "--duration", "3")) == 3
    assert len(read_sound(out / "reference" / "0000.wav").samples) == 3 * RATE
    soundfile.write(dataset / "test" / "0000.wav", np.full(4 * RATE, 0.25), RATE)
    assert asked_for("--seed", "1", "--duration", "3") == []
    assert read_sound(out / "reference" / "0000.wav").samples[0] == pytest.approx(0.25, abs=1e-3)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--count", "0"], "count cannot be 0"),
        (["--duration", "nan"], "cannot make nan seconds"),
        (["--seed", "-1"], "seed cannot be -1"),
        (["{again}"], "Two folders would be called lyrical"),
    ],
)
def test_mistakes_are_said_before_anything_is_made(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    runs = [exported(tmp_path / place / "lyrical") for place in ("first", "again")]
    command = [str(dataset), str(runs[0]), *(text.format(again=runs[1]) for text in more)]
    assert main([*command, "--out", str(tmp_path / "out"), "--condition", "emotive"]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


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


@pytest.mark.parametrize(
    ("count", "numbers"), [(None, range(10)), (20, range(10)), (5, (0, 2, 4, 6, 8)), (3, (0, 3, 6))]
)
def test_a_count_takes_pairs_of_all_labels(count: int | None, numbers: tuple[int, ...]) -> None:
    assert spread(range(10), count) == list(numbers)
