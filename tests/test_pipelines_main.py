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
import torch
from hub_models import use_cache
from hub_server import serve_hub, use_hub
from safetensors.torch import save

from pipelines.__main__ import main
from pipelines.catalogue import paper_entry
from pipelines.command_song import _folder_names, _pipeline, song_parser
from pipelines.errors import ModelFailedError, SettingsError
from pipelines.settings import DURATION_S, LARGEST_SEED, SEED, STRENGTH, check_seed
from pipelines.symbolic import SymbolicSettings
from pipelines.symbolic.composer import ComposerSettings
from pipelines.symbolic.midi import read_midi
from pipelines.waveform import WaveformSettings
from pipelines.waveform.ensemble import EnsembleSettings

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
    assert chain["settings"] == asked | {"emotion_checkpoint": None, "composer": "composer", "piano_roll_every_s": None}
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
    for point in (("nan", "3"), ("50", "-3"), ("5", "9.1"), ("0.9", "5"), ("inf", "5")):
        assert main([*words, "--emotion", *point]) == 2
        assert "choose 1 to 9" in capsys.readouterr().err
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
    weights = save({"w": torch.zeros(250)})
    files = {"config.json": b"{}", "model.safetensors": weights}
    with serve_hub({paper_entry("emotion").hub_id: files}) as (url, _):
        use_hub(monkeypatch, url)
        assert main(["fetch", "emotion"]) == 0
        fetched = Path(capsys.readouterr().out.strip()) / "model.safetensors"
        assert fetched.read_bytes() == weights
        fetched.write_bytes(save({"w": torch.ones(250)}))
        assert main(["fetch", "emotion"]) == 0
        assert fetched.read_bytes() != weights
        assert main(["fetch", "emotion", "--again"]) == 0
        assert fetched.read_bytes() == weights
        assert main(["fetch", "somebody/nothing"]) == 1
    assert "has no model" in capsys.readouterr().err


def test_what_cannot_be_fetched_is_said_with_the_roles_that_can(tmp_path, monkeypatch, capsys) -> None:
    use_cache(monkeypatch, tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["fetch", "composer"]) == 2
    assert "composer is embedded and needs no fetching" in (said := capsys.readouterr().err)
    assert "can be fetched are emotion, caption, prompt, audio." in said
    assert main(["fetch", "."]) == 2
    assert ". is a folder" in capsys.readouterr().err


def test_the_list_says_that_the_classifier_has_not_been_trained(tmp_path, monkeypatch, capsys) -> None:
    use_cache(monkeypatch, tmp_path / "cache")
    monkeypatch.setattr("pipelines.models.WEIGHTS_DIR", tmp_path)
    assert main(["models"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if "microsoft/resnet-50" in line)
    assert "not here" in line
    assert line.endswith("(trained classifier: none on this machine yet)")


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


@pytest.mark.parametrize("seed", [-1, 1_000_000, 10**30])
def test_a_seed_out_of_range_gives_exit_code_2_and_the_cure(tmp_path, capsys, seed: int) -> None:
    assert main([str(EXAMPLES / "sad.jpg"), "--seed", str(seed), "--out", str(tmp_path / "out")]) == 2
    assert "choose a whole number from 0 on, at most 999999" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_defaults_and_the_largest_seed_are_one_for_all() -> None:
    for settings in (SymbolicSettings(), WaveformSettings(), ComposerSettings(), EnsembleSettings()):
        assert (settings.duration_s, settings.seed, settings.strength) == (DURATION_S, SEED, STRENGTH) == (30.0, 0, 1.5)
    check_seed(LARGEST_SEED)
    with pytest.raises(SettingsError, match=f"at most {LARGEST_SEED}"):
        check_seed(LARGEST_SEED + 1)


@pytest.mark.parametrize(
    ("words", "pipeline"),
    [
        ([], "symbolic"),
        (["--caption", "A sea."], "waveform"),
        (["--prompt", "A piano."], "waveform"),
        (["--musicgen", "a/b"], "waveform"),
        (["--musicgen-backend", "audiocraft"], "waveform"),
        (["--emotion-checkpoint", "mine"], "symbolic"),
        (["--pipeline", "both", "--prompt", "A piano."], "both"),
        (["--pipeline", "waveform"], "waveform"),
    ],
)
def test_an_option_of_one_pipeline_chooses_it(words: list[str], pipeline: str) -> None:
    parser, _ = song_parser()
    assert _pipeline(parser.parse_args(["x.jpg", *words])) == pipeline


@pytest.mark.parametrize(
    "words",
    [["--caption", "A sea."], ["--prompt", "A piano."], ["--musicgen", "a/b"], ["--musicgen-backend", "audiocraft"]],
)
def test_an_option_of_the_other_pipeline_is_refused(tmp_path, capsys, words: list[str]) -> None:
    out = ["--pipeline", "symbolic", "--out", str(tmp_path / "out")]
    assert main([str(EXAMPLES / "sad.jpg"), *words, *out]) == 2
    assert f"{words[0]} is for the waveform pipeline; choose --pipeline waveform or both" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--prompt", " "], "prompt is empty"),
        (["--caption", ""], "caption is empty"),
        (["--caption", "x" * 9999], "9999 characters"),
        (["--prompt", "x " * 9999], "characters"),
    ],
)
def test_words_that_cannot_be_used_are_told_before_the_work(tmp_path, capsys, monkeypatch, words, said: str) -> None:
    monkeypatch.setattr("pipelines.command_song.run_chain", lambda *_: pytest.fail("the work began"))
    assert main([str(EXAMPLES / "sad.jpg"), "--pipeline", "both", *words, "--out", str(tmp_path / "out")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("fails", ["symbolic", "waveform"])
def test_the_pipeline_that_worked_is_written_and_the_other_is_told(tmp_path, capsys, monkeypatch, fails: str) -> None:
    from pipelines import command_song

    real = command_song.run_chain

    def run(name: str, *rest):
        if name == fails:
            raise ModelFailedError(f"The {name} model broke.")
        return real(name, *rest)

    monkeypatch.setattr(command_song, "run_chain", run)
    words = [str(EXAMPLES / "sad.jpg"), "--pipeline", "both", "--duration", "10", "--models", "embedded"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 1
    works = {"symbolic": "waveform", "waveform": "symbolic"}[fails]
    assert list(json.loads((tmp_path / "out" / "take.json").read_text())["chains"]) == [works]
    assert (tmp_path / "out" / f"{works}.wav").stat().st_size > 100_000
    assert not (tmp_path / "out" / f"{fails}.wav").exists()
    told = capsys.readouterr()
    assert f"ekphonia: The {fails} model broke.\n" in told.err
    assert len(told.out.splitlines()) == 2


def test_where_no_pipeline_worked_nothing_is_written(tmp_path, capsys, monkeypatch) -> None:
    def run(name: str, *_):
        raise ModelFailedError(f"The {name} model broke.")

    monkeypatch.setattr("pipelines.command_song.run_chain", run)
    assert main([str(EXAMPLES / "sad.jpg"), "--pipeline", "both", "--out", str(tmp_path / "out")]) == 1
    assert "The symbolic model broke." in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_named_musicgen_that_is_not_here_gives_exit_code_1_and_the_command(tmp_path, capsys, monkeypatch) -> None:
    use_cache(monkeypatch, tmp_path / "cache")
    words = [str(EXAMPLES / "sad.jpg"), "--musicgen", "facebook/musicgen-medium", "--out", str(tmp_path / "out")]
    assert main(words) == 1
    said = capsys.readouterr().err
    assert "`python -m pipelines fetch facebook/musicgen-medium`" in said
    assert " MB" not in said


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
