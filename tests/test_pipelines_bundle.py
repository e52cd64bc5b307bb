"""Takes: what is written is complete, and a failure leaves nothing behind."""

import json
from dataclasses import replace

import numpy as np
import pytest

from pipelines.bundle import Part, plain, write_take
from pipelines.errors import SettingsError
from pipelines.records import Audio, Caption, Emotion, Note, Picture, Score, Step, TempoMark

SCORE = Score((Note(0.0, 60, 4.0, 80),), (TempoMark(0.0, 120.0),))
STEPS = [
    Step("emotion", Emotion.at(7.0, 4.0), "reader", 0.1),
    Step("score", Score((), (TempoMark(0.0, 120.0),)), "composer", 0.2, final=False),
    Step("score", SCORE, "composer", 0.3),
    Step("audio", Audio(np.zeros((441, 2), np.float32), 44100), "synthesizer", 0.2),
    Step("heard", Emotion.at(6.0, 4.0), "listener", 0.0),
]


WORDS = [
    Step("emotion", Emotion.at(7.0, 4.0), "reader", 0.1),
    Step("caption", Caption("A boat."), "captioner", 0.1, note="BLIP failed. Instead, the captioner took over."),
    Step("audio", Audio(np.zeros((320, 2), np.float32), 32000), "ensemble", 0.2, licence="Apache-2.0"),
    Step("heard", Emotion.at(7.0, 7.0), "listener", 0.0),
]


def notes(steps: list[Step], **settings: int) -> dict[str, Part]:
    return {"symbolic": Part(tuple(steps), settings)}


def test_only_final_steps_are_written(tmp_path) -> None:
    picture = Picture(np.zeros((20, 20, 3), np.uint8), "a.png", "ff" * 32)
    take = write_take(notes(STEPS, seed=1), tmp_path / "take", picture=picture)
    assert sorted(take.files) == ["symbolic.mid", "symbolic.wav"]
    assert sorted(p.name for p in take.folder.iterdir()) == ["symbolic.mid", "symbolic.wav", "take.json"]
    record = json.loads(take.record.read_text())
    assert record["picture"] == {"name": "a.png", "sha256": "ff" * 32}
    assert list(record["chains"]) == ["symbolic"]
    assert record["chains"]["symbolic"]["distance"] == 1.0
    assert record["chains"]["symbolic"]["settings"] == {"seed": 1}
    assert record["chains"]["symbolic"]["steps"][1]["value"]["notes"] == 1
    assert record["versions"]["numpy"] == np.__version__


def test_a_failure_leaves_nothing_behind(tmp_path) -> None:
    broken = [*STEPS, Step("piano_roll", np.zeros((2,), np.uint8), "matplotlib", 0.0)]
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the picture writer raises
        write_take(notes(broken), tmp_path / "take")
    assert list((tmp_path / "take").iterdir()) == []


def test_plain_values_go_through_json() -> None:
    assert json.loads(json.dumps(plain(Emotion.at(7.0, 4.0))))["label"] == "Happy"
    assert plain(SCORE)["key"] == "C major"
    assert plain("text") == "text"
    assert plain(Caption("A boat.")) == {"text": "A boat."}


def test_an_older_take_is_replaced_and_its_other_files_are_removed(tmp_path) -> None:
    write_take(notes(STEPS), tmp_path)
    (tmp_path / "mine.txt").write_text("kept")
    longer = Step("score", replace(SCORE, notes=(Note(0.0, 60, 8.0, 80),)), "composer", 0.3)
    take = write_take(notes([longer]), tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine.txt", "symbolic.mid", "take.json"]
    assert take.files == {"symbolic.mid": tmp_path / "symbolic.mid"}
    steps = json.loads(take.record.read_text())["chains"]["symbolic"]["steps"]
    assert steps[0]["value"]["duration_s"] == 4.0


def test_a_value_that_cannot_be_written_leaves_the_older_take(tmp_path) -> None:
    write_take(notes(STEPS), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the picture writer raises
        write_take(notes([*STEPS, Step("piano_roll", np.zeros((2,), np.uint8), "matplotlib", 0.0)]), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", ["symbolic.wav", "take.json"])
def test_a_folder_in_a_files_place_is_told_before_anything_is_written(tmp_path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(SettingsError, match=rf"{name} is a folder where a file must be"):
        write_take(notes(STEPS), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_file_in_the_folders_place_is_told(tmp_path) -> None:
    (tmp_path / "take").write_text("")
    for folder in (tmp_path / "take", tmp_path / "take" / "below"):
        with pytest.raises(SettingsError, match="is no folder"):
            write_take(notes(STEPS), folder)


def test_the_processor_is_recorded_where_torch_is_at_work(tmp_path) -> None:
    import torch

    versions = json.loads(write_take(notes(STEPS), tmp_path).record.read_text())["versions"]
    assert versions["cpu_capability"] == torch.backends.cpu.get_cpu_capability()


def test_both_chains_make_one_take_with_makers_licences_and_notes(tmp_path) -> None:
    parts = {"waveform": Part(tuple(WORDS), {"seed": 2}), **notes(STEPS)}
    take = write_take(parts, tmp_path)
    assert sorted(take.files) == ["symbolic.mid", "symbolic.wav", "waveform.wav"]
    chains = json.loads(take.record.read_text())["chains"]
    assert list(chains) == ["symbolic", "waveform"]
    assert chains["waveform"]["distance"] == 3.0
    _, caption, audio, _ = chains["waveform"]["steps"]
    assert caption["note"].startswith("BLIP failed")
    assert (audio["licence"], audio["value"]["sample_rate_hz"]) == ("Apache-2.0", 32000)
    assert "note" not in audio


def test_the_other_chain_of_an_earlier_take_is_carried_over(tmp_path) -> None:
    parts = {"waveform": Part(tuple(WORDS), {"seed": 2}), **notes(STEPS)}
    earlier = write_take(parts, tmp_path / "earlier")
    words = {"waveform": Part(tuple(WORDS), {"seed": 3})}
    again = write_take(words, tmp_path / "later", carried=earlier.folder, carry=("symbolic",))
    assert sorted(again.files) == ["symbolic.mid", "symbolic.wav", "waveform.wav"]
    assert again.files["symbolic.mid"].read_bytes() == earlier.files["symbolic.mid"].read_bytes()
    chains = json.loads(again.record.read_text())["chains"]
    assert chains["symbolic"] == json.loads(earlier.record.read_text())["chains"]["symbolic"]
    assert chains["waveform"]["settings"] == {"seed": 3}
    assert sorted(write_take(words, tmp_path / "alone", carried=earlier.folder).files) == ["waveform.wav"]
    nothing = write_take(notes(STEPS), tmp_path / "new", carried=tmp_path / "nothing", carry=("waveform",))
    assert sorted(nothing.files) == ["symbolic.mid", "symbolic.wav"]
