"""The command line as a person types it, in a process of its own where the exit code matters."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from hub_models import use_cache
from hub_server import serve_hub, use_hub

from pipelines.__main__ import main
from pipelines.catalogue import paper_entry
from pipelines.command_song import _folder_names
from pipelines.symbolic.midi import read_midi

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "assets" / "examples"


def command(*words: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "pipelines", *map(str, words)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def test_a_picture_becomes_a_folder_of_files(tmp_path) -> None:
    out = tmp_path / "take"
    done = command(
        EXAMPLES / "fun.jpg",
        "--pipeline",
        "symbolic",
        "--duration",
        10,
        "--seed",
        7,
        "--models",
        "embedded",
        "--out",
        out,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in out.iterdir()) == ["piano_roll.png", "symbolic.mid", "symbolic.wav", "take.json"]
    assert read_midi(out / "symbolic.mid").duration_s == pytest.approx(10.0, abs=0.05)
    with wave.open(str(out / "symbolic.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (44100, 2, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768
    assert len(samples) / 2 / 44100 > 10.0
    assert np.sqrt((samples**2).mean()) > 0.02
    take = json.loads((out / "take.json").read_text())
    chain = take["chains"]["symbolic"]
    assert [step["name"] for step in chain["steps"]] == ["emotion", "score", "piano_roll", "audio", "heard"]
    assert all(step["made_by"] and step["seconds"] >= 0 for step in chain["steps"])
    asked = {"duration_s": 10.0, "seed": 7, "strength": 1.5, "models": "embedded"}
    assert chain["settings"] == asked | {"emotion_checkpoint": None, "piano_roll_every_s": None}
    assert take["picture"]["name"] == "fun.jpg"
    assert 1 <= chain["wanted"]["valence"] <= 9
    assert 0 <= chain["distance"] < 5


def test_both_pipelines_follow_the_emotion_and_the_prompt_that_were_given(tmp_path, capsys) -> None:
    prompt = "A mournful cello over soft strings, slow, 56 BPM, in A minor."
    words = [str(EXAMPLES / "happy.jpg"), "--pipeline", "both", "--duration", "10", "--models", "embedded"]
    assert main([*words, "--emotion", "2.5", "3", "--prompt", prompt, "--out", str(tmp_path)]) == 0
    files = ["piano_roll.png", "symbolic.mid", "symbolic.wav", "take.json", "waveform.wav"]
    assert sorted(path.name for path in tmp_path.iterdir()) == files
    with wave.open(str(tmp_path / "waveform.wav")) as file:
        assert (file.getframerate(), file.getnchannels()) == (32000, 2)
        assert file.getnframes() >= 10 * 32000
    chains = json.loads((tmp_path / "take.json").read_text())["chains"]
    for chain in chains.values():
        assert (chain["wanted"]["valence"], chain["wanted"]["arousal"]) == (2.5, 3.0)
        assert chain["steps"][0]["made_by"] == "you"
    said = {step["name"]: step for step in chains["waveform"]["steps"]}
    assert said["prompt"]["value"]["text"] == prompt
    assert said["prompt"]["value"]["mode"] == "minor"
    assert said["prompt"]["value"]["tempo_bpm"] == 56
    assert "cello" in said["prompt"]["value"]["instruments"]
    assert "caption" not in said  # nothing that only leads to the prompt is made
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3  # one for each chain, and the folder
    assert "56 BPM" in lines[1]


def test_an_emotion_off_the_scale_and_an_empty_prompt_are_refused(tmp_path, capsys) -> None:
    words = [str(EXAMPLES / "happy.jpg"), "--pipeline", "waveform", "--out", str(tmp_path / "out")]
    assert main([*words, "--prompt", "  "]) == 2
    assert "prompt is empty" in capsys.readouterr().err
    assert main([*words, "--emotion", "nan", "3"]) == 2
    assert not (tmp_path / "out").exists()


def test_the_models_are_listed_and_a_missing_one_is_told(tmp_path, monkeypatch, capsys) -> None:
    use_cache(monkeypatch, tmp_path)
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 11
    musicgen = next(line for line in lines if "facebook/musicgen-small" in line)
    assert "not here" in musicgen
    assert "CC-BY-NC-4.0" in musicgen
    words = ["--pipeline", "waveform", "--models", "paper", "--out", str(tmp_path / "out")]
    assert main([str(EXAMPLES / "happy.jpg"), *words]) == 1
    assert "python -m pipelines fetch caption" in capsys.readouterr().err


def test_fetching_brings_a_model_here_by_its_role(tmp_path, monkeypatch, capsys) -> None:
    use_cache(monkeypatch, tmp_path)
    files = {"config.json": b"{}", "model.safetensors": b"x" * 1000}
    with serve_hub({paper_entry("emotion").hub_id: files}) as (url, _):
        use_hub(monkeypatch, url)
        assert main(["fetch", "emotion"]) == 0
        assert (Path(capsys.readouterr().out.strip()) / "model.safetensors").read_bytes() == b"x" * 1000
        assert main(["fetch", "somebody/nothing"]) == 1
    assert "has no model" in capsys.readouterr().err


def test_the_same_seed_gives_the_same_midi_file(tmp_path) -> None:
    words = ["compose", "--valence", "6", "--arousal", "4", "--duration", "10", "--seed", "5", "--out"]
    assert main([*words, str(tmp_path / "a.mid")]) == 0
    assert main([*words, str(tmp_path / "b.mid")]) == 0
    assert (tmp_path / "a.mid").read_bytes() == (tmp_path / "b.mid").read_bytes()


@pytest.mark.parametrize("words", [["{bad}"], ["{bad}", "--out", "{out}"], ["emotion", "{bad}"]])
def test_a_bad_picture_gives_exit_code_2_and_one_line(tmp_path, words: list[str]) -> None:
    bad = tmp_path / "bad.png"
    bad.write_text("this is text")
    done = command(*(word.format(bad=bad, out=tmp_path / "out") for word in words))
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stderr.count("bad.png") == 1
    assert not (tmp_path / "out").exists()


def test_a_missing_picture_gives_exit_code_2(tmp_path) -> None:
    done = command(tmp_path / "nothing.jpg")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_seed_below_0_gives_exit_code_2_and_the_cure(tmp_path, capsys) -> None:
    assert main([str(EXAMPLES / "sad.jpg"), "--seed", "-1", "--out", str(tmp_path / "out")]) == 2
    assert "choose a whole number from 0 on" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_compose_writes_midi_files_only(tmp_path, capsys) -> None:
    assert main(["compose", "--valence", "5", "--arousal", "5", "--out", str(tmp_path / "sad.wav")]) == 2
    assert "end it in .mid" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_duration_out_of_range_gives_exit_code_2_and_the_limits(tmp_path) -> None:
    done = command(EXAMPLES / "sad.jpg", "--duration", 500, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "10 to 180 seconds" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_of_pictures_gives_a_folder_each_and_goes_on_after_a_bad_one(tmp_path, capsys) -> None:
    for name in ("sad.jpg", "happy.jpg"):
        shutil.copy(EXAMPLES / name, tmp_path / name)
    (tmp_path / "bad.jpg").write_text("no picture")
    code = main([str(tmp_path), "--duration", "10", "--out", str(tmp_path / "out")])
    assert code == 2
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["happy", "sad"]
    assert capsys.readouterr().err.count("bad.jpg") == 1


def test_emotions_of_a_folder_as_csv(capsys) -> None:
    assert main(["emotion", str(EXAMPLES)]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 6
    assert list(rows[0]) == ["file", "Happy", "Angry", "Sad", "Fun", "Neutral", "valence", "arousal"]
    for row in rows:
        assert sum(float(row[label]) for label in ("Happy", "Angry", "Sad", "Fun", "Neutral")) == pytest.approx(
            1, abs=1e-3
        )
    by_file = {row["file"]: row for row in rows}
    assert float(by_file["happy.jpg"]["valence"]) > float(by_file["angry.jpg"]["valence"])


def test_midi_files_are_heard_as_csv(tmp_path, capsys) -> None:
    for valence, arousal, name in (("2", "2", "calm"), ("8", "8", "lively")):
        words = ["compose", "--valence", valence, "--arousal", arousal, "--duration", "12"]
        assert main([*words, "--out", str(tmp_path / f"{name}.mid")]) == 0
    (tmp_path / "broken.mid").write_bytes(b"MThd")
    capsys.readouterr()
    assert main(["hear", str(tmp_path)]) == 2  # for the broken one
    rows = {row["file"]: row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    assert sorted(rows) == ["calm.mid", "lively.mid"]
    assert float(rows["lively.mid"]["arousal"]) > float(rows["calm.mid"]["arousal"]) + 2


def test_pictures_of_one_stem_get_folders_of_their_own() -> None:
    names = ["a.jpg", "A.png", "b.jpg", "a.jpg.png", "c.d.png"]
    folders = _folder_names([Path(name) for name in names])
    assert list(folders.values()) == ["a.jpg", "A.png", "b", "a.jpg.png", "c.d"]


def test_folders_named_like_pictures_and_dangling_links_are_passed_over(tmp_path, capsys) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nothing")
    assert main(["emotion", str(tmp_path)]) == 2
    assert "holds no pictures" in capsys.readouterr().err


def test_a_path_that_is_no_text_is_printed(tmp_path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.jpg"
    shutil.copy(EXAMPLES / "sad.jpg", path)
    for encoding, shown in (("utf-8", b"caf\xe9.jpg"), ("ascii", b"caf\\udce9.jpg")):
        line = [sys.executable, "-m", "pipelines", "emotion", path]
        environment = {**os.environ, "PYTHONIOENCODING": encoding}
        done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[1].startswith(shown + b",")


def test_a_missing_midi_file_is_said_to_be_missing(tmp_path, capsys) -> None:
    assert main(["hear", str(tmp_path / "nothing.mid")]) == 2
    assert capsys.readouterr().err == "ekphonia: nothing.mid is not there; check the path of the MIDI file.\n"


@pytest.mark.parametrize("place", ["taken", "taken/below"])
def test_an_output_that_cannot_be_is_told_before_the_work(tmp_path, capsys, monkeypatch, place: str) -> None:
    monkeypatch.setattr("pipelines.models.load_once", lambda *_: pytest.fail("a model was loaded"))
    (tmp_path / "taken").write_text("")
    assert main([str(EXAMPLES / "sad.jpg"), "--out", str(tmp_path / place)]) == 2
    assert "is no folder, so that nothing can be written into it" in capsys.readouterr().err
    words = ["compose", "--valence", "5", "--arousal", "5", "--out"]
    assert main([*words, str(tmp_path / "taken" / "a.mid")]) == 2
    assert main([*words, str(tmp_path)]) == 2
    assert "give the MIDI file's name too" in capsys.readouterr().err
