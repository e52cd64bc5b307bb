"""A stored take made again: the same bytes, or plain words on why not."""

import copy
import json
import math
import subprocess
import sys
import zipfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from pipelines.bundle import Part, write_take
from pipelines.chains import run_chain
from pipelines.command_export import replay_parser
from pipelines.errors import SettingsError, StoppedError
from pipelines.export_stored import StoredTake, open_take
from pipelines.export_zip import export_zip
from pipelines.picture import read_picture
from pipelines.records import Caption, Emotion, MusicPrompt, Step
from pipelines.replay import ROUNDED, UNEXPLAINED, replay
from pipelines.replay_given import again
from pipelines.symbolic import SymbolicSettings
from pipelines.waveform import WaveformSettings

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "assets" / "examples" / "sad.jpg"
# Not a number of four digits: the composer follows every one.
WANTED = Emotion.at(2.7182818284590451, 3.1415926535897931, valence_sd=1.1, arousal_sd=0.9)
PROMPT = MusicPrompt(
    "A slow cello song.", "mournful", "classical", 56.0, "minor", "slow, falling", ("cello", "strings")
)


def made(settings: Any, name: str, given: dict[str, Any]) -> Part:
    steps = run_chain(
        name, None, settings, {"emotion": Step("emotion", WANTED, "reader", 0.1, licence="free"), **given}
    )
    return Part(tuple(step for step in steps if step.final), asdict(settings))


@pytest.fixture(scope="module")
def take(tmp_path_factory) -> Path:
    """A take of both lanes, its record as full as `pipelines.bundle` is to write it."""
    parts = {
        "symbolic": made(SymbolicSettings(duration_s=10.0, seed=7), "symbolic", {}),
        "waveform": made(
            WaveformSettings(duration_s=10.0, seed=7, models="embedded"),
            "waveform",
            {"caption": Caption("A boat."), "prompt": Step("prompt", PROMPT, "written template", 0.0)},
        ),
    }
    take = write_take(parts, tmp_path_factory.mktemp("take"), picture=read_picture(EXAMPLE))
    record = json.loads(take.record.read_text())
    for chain in record["chains"].values():
        chain["wanted_exact"] = asdict(WANTED)
    take.record.write_text(json.dumps(record))
    return take.folder


@pytest.fixture(scope="module")
def zipped(take, tmp_path_factory) -> Path:
    return export_zip(take, tmp_path_factory.mktemp("zip") / "take.zip")


def changed(stored: StoredTake, change: Any) -> StoredTake:
    record = copy.deepcopy(dict(stored.record))
    change(record)
    return replace(stored, record=record)


def test_both_lanes_are_made_again_byte_for_byte(take, zipped, tmp_path) -> None:
    told: list[tuple[str, str]] = []
    result = replay(open_take(zipped), tmp_path / "new", told=lambda chain, step: told.append((chain, step.name)))
    assert [(c.file, c.same) for c in result.comparisons] == [
        ("symbolic.mid", True),
        ("symbolic.wav", True),
        ("piano_roll.png", True),
        ("waveform.wav", True),
    ]
    assert result.same
    assert (result.reasons, result.hindrances) == ((), ())
    assert (tmp_path / "new" / "symbolic.mid").read_bytes() == (take / "symbolic.mid").read_bytes()
    assert ("waveform", "heard") in told
    then, now = (json.loads((folder / "take.json").read_text()) for folder in (take, tmp_path / "new"))
    assert now["picture"] == then["picture"]
    for chain in ("symbolic", "waveform"):
        assert now["chains"][chain]["settings"] == then["chains"][chain]["settings"]
        one, two = ([{**s, "seconds": 0} for s in each["chains"][chain]["steps"]] for each in (then, now))
        assert one == two  # values, makers, licences


def test_from_the_record_alone_there_is_nothing_to_compare_with(take, tmp_path) -> None:
    (tmp_path / "take.json").write_bytes((take / "take.json").read_bytes())
    result = replay(open_take(tmp_path / "take.json"), tmp_path / "new", chains=["symbolic"])
    assert (tmp_path / "new" / "symbolic.mid").read_bytes() == (take / "symbolic.mid").read_bytes()
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == [
        "piano_roll.png",
        "symbolic.mid",
        "symbolic.wav",
        "take.json",
    ]
    assert [c.same for c in result.comparisons] == [None, None, None]
    assert result.same
    assert "nothing to compare with" in str(result.comparisons[0])


def test_the_reasons_for_a_difference_are_named(zipped, tmp_path) -> None:
    stored = open_take(zipped)

    def elsewhere(record: dict[str, Any]) -> None:
        record["ekphonia"] = "0.1.0"
        record["versions"] |= {"cpu_capability": "VSX", "torch": "1.0"}
        del record["chains"]["symbolic"]["wanted_exact"]
        record["chains"]["symbolic"]["steps"][3]["made_by"] = "another synthesizer"

    other = replace(changed(stored, elsewhere), sha256={**stored.sha256, "symbolic.wav": "00" * 32})
    result = replay(other, tmp_path, chains=["symbolic"])
    assert not result.same
    assert "symbolic.wav: not the same." in map(str, result.comparisons)
    text = " ".join(result.reasons)
    assert "symbolic.wav was made by another synthesizer, here by" in text
    assert "made by Ekphonia 0.1.0, this is" in text
    assert "processor's instructions, which round sums in another order (VSX then" in text
    assert "torch, which the composer computes with (1.0 then" in text
    assert result.reasons[-1] == ROUNDED


def test_a_file_that_was_changed_is_blamed_and_else_it_is_said_that_nothing_explains_it(zipped, tmp_path) -> None:
    stored = changed(open_take(zipped), lambda record: record["versions"].update(pillow="1.0"))  # it makes no sound
    other = replace(stored, sha256={**stored.sha256, "symbolic.mid": "00" * 32}, changed=frozenset({"symbolic.mid"}))
    result = replay(other, tmp_path / "one", chains=["symbolic"])
    assert result.reasons == ("symbolic.mid was changed after the take was packed.",)
    result = replay(replace(other, changed=frozenset()), tmp_path / "two", chains=["symbolic"])
    assert result.reasons == (UNEXPLAINED,)


def test_the_emotion_is_taken_unrounded_where_the_record_has_it(take) -> None:
    chain = json.loads((take / "take.json").read_text())["chains"]["symbolic"]
    plan = again("symbolic", chain)
    assert plan.exact
    assert plan.given["emotion"].value == WANTED
    assert (plan.given["emotion"].made_by, plan.given["emotion"].licence) == ("reader", "free")
    del chain["wanted_exact"]
    plan = again("symbolic", chain)
    assert not plan.exact
    assert plan.given["emotion"].value.valence == 2.7183


def test_the_words_are_given_with_who_wrote_them(take) -> None:
    chain = json.loads((take / "take.json").read_text())["chains"]["waveform"]
    plan = again("waveform", chain)
    assert plan.given["prompt"].value == PROMPT
    assert plan.given["prompt"].made_by == "written template"
    assert plan.given["caption"].value == Caption("A boat.")
    assert plan.given["caption"].made_by == "you"
    assert plan.settings.models == "embedded"


def test_the_model_that_made_the_sound_is_asked_for_again(take) -> None:
    chain = json.loads((take / "take.json").read_text())["chains"]["waveform"]
    chain["settings"]["models"] = "auto"
    assert again("waveform", chain).settings.models == "embedded"  # though MusicGen might have come here since
    next(step for step in chain["steps"] if step["name"] == "audio")["made_by"] = "MusicGen-small"
    plan = again("waveform", chain)
    assert (plan.settings.models, plan.asked.models) == ("auto", "auto")


def test_notes_that_were_given_cannot_be_made_again(take, tmp_path) -> None:
    stored = changed(open_take(take), lambda r: r["chains"]["symbolic"]["steps"][1].update(made_by="you"))
    with pytest.raises(SettingsError, match=r"Nothing of .* can be made again\. The notes were made by you"):
        replay(stored, tmp_path / "new", chains=["symbolic"])
    assert not (tmp_path / "new").exists()
    result = replay(stored, tmp_path / "new")
    assert [c.file for c in result.comparisons] == ["waveform.wav"]
    assert result.hindrances[0].startswith("The notes were made by you")


def test_stopping_leaves_nothing_behind(take, tmp_path) -> None:
    with pytest.raises(StoppedError):
        replay(open_take(take), tmp_path / "new", cancelled=lambda: True)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("chain", "where", "value", "message"),
    [
        ("symbolic", ("settings", "seed"), True, "setting seed cannot be 'True'"),
        ("symbolic", ("settings", "seed"), -1, "seed cannot be -1"),
        ("symbolic", ("settings", "duration_s"), "10", "setting duration_s cannot be '10'"),
        ("symbolic", ("settings", "duration_s"), 1e9, "cannot last 1e"),
        ("symbolic", ("settings", "strength"), math.nan, "setting strength cannot be 'nan'"),
        ("symbolic", ("settings", "surprise"), 1, "setting 'surprise', which is unknown"),
        ("symbolic", ("wanted_exact", "valence"), math.nan, "not on the plane"),
        ("symbolic", ("wanted_exact", "arousal"), 9.5, "not on the plane"),
        ("symbolic", ("wanted_exact", "valence_sd"), -1.0, "not on the plane"),
        ("symbolic", ("wanted_exact", "probabilities"), [1, 1, 1, 1, 1], "not on the plane"),
        ("symbolic", ("wanted_exact",), "happy", "not on the plane"),
        ("waveform", ("settings", "musicgen_backend"), "other", "backend 'other' is unknown"),
        ("waveform", ("steps", 2, "value", "tempo_bpm"), 1e9, "no tempo that can be played"),
        ("waveform", ("steps", 2, "value", "instruments"), ["kazoo"], "instruments that are unknown"),
        ("waveform", ("steps", 2, "value", "mode"), "dorian", "no mode"),
        ("waveform", ("steps", 2, "value", "genre"), None, "no fitting genre"),
        ("waveform", ("steps", 2, "value"), None, "no tempo"),
        ("waveform", ("steps", 2, "name"), "other", "no prompt"),
        ("waveform", ("steps", 1, "value", "text"), "x" * 3000, "no fitting text"),
    ],
)
def test_a_foreign_record_is_refused_in_a_sentence(take, tmp_path, chain, where, value, message) -> None:
    def change(record: dict[str, Any]) -> None:
        part: Any = record["chains"][chain]
        for key in where[:-1]:
            part = part[key]
        part[where[-1]] = value

    with pytest.raises(SettingsError, match=message):
        replay(changed(open_take(take), change), tmp_path / "new", chains=[chain])
    assert not (tmp_path / "new").exists()


def test_a_lane_that_the_take_has_not_is_told(take, tmp_path) -> None:
    stored = changed(open_take(take), lambda record: record["chains"].pop("waveform"))
    with pytest.raises(SettingsError, match="has no waveform music; choose symbolic"):
        replay(stored, tmp_path, chains=["waveform"])


def test_the_command_tells_each_file_and_exits_1_for_a_difference(zipped, tmp_path, capsys) -> None:
    parser, work = replay_parser()
    words = ["--pipeline", "symbolic", "--out"]
    assert work(parser.parse_args([str(zipped), *words, str(tmp_path / "same")])) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["symbolic.mid: the same, byte for byte.", "symbolic.wav: the same, byte for byte."]
    assert lines[-1] == str(tmp_path / "same")
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(zipped) as source, zipfile.ZipFile(other, "w") as target:
        for name in source.namelist():
            target.writestr(name, b"MThd" if name == "symbolic.mid" else source.read(name))
    assert work(parser.parse_args([str(other), *words, str(tmp_path / "other")])) == 1
    out = capsys.readouterr().out
    assert "symbolic.mid: not the same." in out
    assert "symbolic.mid was changed after the take was packed." in out


def test_the_take_itself_is_never_written_over(take) -> None:
    parser, work = replay_parser()
    before = (take / "take.json").read_bytes()
    with pytest.raises(SettingsError, match="holds the take itself"):
        work(parser.parse_args([str(take), "--out", str(take)]))
    assert (take / "take.json").read_bytes() == before


def test_importing_loads_no_model_library() -> None:
    code = (
        "import sys, pipelines.command_export, pipelines.replay; print({'torch', 'scipy', 'symusic'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == "set()"
