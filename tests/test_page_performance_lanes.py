"""The page's reader of the chains where both lanes run: one take of two, corrections, and a lane in trouble."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_page_performance import job, last_status

import pipelines.waveform
from page.job import Job
from page.performance import perform
from page.picture_panel import example_path
from page.settings_panel import settings_for, settings_from
from pipelines.errors import ModelFailedError
from pipelines.records import Caption, Emotion
from pipelines.waveform.prompt_parse import parse_prompt


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, list[dict[str, Any]]]:
    request = Job.begin(tmp_path_factory.mktemp("both"))
    return request, list(perform(str(example_path(2)), settings_from(10, 1.5, 3, models="embedded"), request))


def test_both_lanes_follow_one_emotion_to_one_take(both: tuple[Job, list[dict[str, Any]]]) -> None:
    request, updates = both
    assert sum("feeling" in update for update in updates) == 1
    assert last_status(updates)["kind"] == "done"
    chains = json.loads((request.folder / "take.json").read_text())["chains"]
    assert chains["symbolic"]["wanted"] == chains["waveform"]["wanted"]
    names = [entry["file"]["orig_name"] for entry in updates[-1]["files"]["files"]]
    assert names == ["symbolic.wav", "symbolic.mid", "waveform.wav", "piano_roll.png", "take.json"]
    heard = [update["heard"] for update in updates if update.get("heard")][-1]
    assert [lane["lane"] for lane in heard["lanes"]] == ["symbolic", "waveform"]
    words = [update["words"] for update in updates if update.get("words")]
    assert words[0]["prompt"] is None
    assert words[-1]["caption"]["text"]
    assert len(words[-1]["prompt"]["text"].splitlines()) == 2
    first = {name: next(i for i, u in enumerate(updates) if u.get(name)) for name in ("music", "words", "wave")}
    assert first["music"] < first["words"] <= first["wave"]  # the first sound waits for no words


def test_a_corrected_prompt_makes_only_the_music_from_words_again(both: tuple[Job, list[dict[str, Any]]]) -> None:
    request = both[0]
    prompt = parse_prompt("A joyful accordion waltz, 150 BPM, major.", emotion=Emotion.at(8, 7))
    again = request.corrected("prompt", prompt)
    updates = list(perform(str(example_path(2)), settings_from(10, 1.5, 3, models="embedded"), again))
    assert not any(update.get("music") for update in updates)
    words = [update["words"] for update in updates if update.get("words")][-1]
    earlier = json.loads((request.folder / "take.json").read_text())["chains"]
    later = json.loads((again.folder / "take.json").read_text())["chains"]
    assert later["symbolic"] == earlier["symbolic"]
    assert (words["prompt"]["text"], words["prompt"]["made_by"]) == (prompt.text, "you")
    steps = {step["name"]: step for step in later["waveform"]["steps"]}
    assert steps["caption"] == {step["name"]: step for step in earlier["waveform"]["steps"]}["caption"]
    assert (again.folder / "symbolic.mid").read_bytes() == (request.folder / "symbolic.mid").read_bytes()
    assert later["waveform"]["heard"]["arousal"] > earlier["waveform"]["heard"]["arousal"]
    heard = [update["heard"] for update in updates if update.get("heard")][-1]
    assert [lane["lane"] for lane in heard["lanes"]] == ["symbolic", "waveform"]  # the piano's is still shown
    described = [update["describe"] for update in updates if update.get("describe")][-1]
    assert [part["name"] for part in described["parts"]] == ["shows", "feels", "piano", "words", "heard"]


def test_a_corrected_emotion_makes_all_that_follows_again(both: tuple[Job, list[dict[str, Any]]]) -> None:
    request, _ = both
    again = request.corrected("emotion", Emotion.at(8.0, 8.0))
    updates = list(perform(str(example_path(2)), settings_from(10, 1.5, 3, models="embedded"), again))
    assert {name for update in updates for name in update} >= {"feeling", "music", "words", "wave", "heard", "files"}
    feeling = next(update["feeling"] for update in updates if update.get("feeling"))
    assert feeling["made_by"] == "you"
    assert feeling["sentence"].startswith("You chose joyful and lively")
    chains = json.loads((again.folder / "take.json").read_text())["chains"]
    assert [chain["wanted"]["valence"] for chain in chains.values()] == [8.0, 8.0]


def test_stopping_at_any_moment_leaves_no_half_take(tmp_path: Path) -> None:
    for panel in ("feeling", "words", "wave"):
        request = job(tmp_path)
        updates: list[dict[str, Any]] = []
        for update in perform(str(example_path(2)), settings_from(10, lanes="From words", models="embedded"), request):
            updates.append(update)
            if update.get(panel):
                request.stop()
        assert last_status(updates)["kind"] == "stopped", panel
        assert not (request.folder / "take.json").exists()


def test_a_correction_runs_its_chains_whatever_lane_is_chosen(both: tuple[Job, list[dict[str, Any]]]) -> None:
    request, _ = both
    again = request.corrected("caption", Caption("A boat at sea."))
    chosen = settings_for(again, 10, 1.5, 3, "Piano", "embedded")
    assert list(chosen) == ["waveform"]
    updates = list(perform(str(example_path(2)), chosen, again))
    assert last_status(updates)["kind"] == "done"
    assert not any("music" in update for update in updates)  # the piano's panel keeps what it shows
    assert list(settings_for(job(request.folder.parent), 10, 1.5, 3, "Piano", "embedded")) == ["symbolic"]


def test_a_failed_lane_carries_no_music_of_another_feeling(
    both: tuple[Job, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> Iterator[object]:
        raise ModelFailedError("The captioner is out of order.")
        yield

    request, _ = both
    again = request.corrected("emotion", Emotion.at(2.0, 2.0))
    monkeypatch.setattr(pipelines.waveform, "run", broken)
    updates = list(perform(str(example_path(2)), settings_from(10, models="embedded"), again))
    assert list(json.loads((again.folder / "take.json").read_text())["chains"]) == ["symbolic"]
    names = [entry["file"]["orig_name"] for entry in updates[-1]["files"]["files"]]
    assert "waveform.wav" not in names


def test_one_lane_in_trouble_does_not_stop_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> Iterator[object]:
        raise ModelFailedError("The captioner is out of order.")
        yield

    monkeypatch.setattr(pipelines.waveform, "run", broken)
    updates = list(perform(str(example_path(0)), settings_from(10), job(tmp_path)))
    assert updates[-1]["files"]["files"]
    assert last_status(updates)["kind"] == "warning"
    assert last_status(updates)["text"].startswith("Finished: 10 seconds of piano")
    assert last_status(updates)["text"].endswith("The captioner is out of order.")
    assert [update["wave"]["trouble"] for update in updates if update.get("wave")][
        -1
    ] == "The captioner is out of order."


def test_models_that_are_missing_are_told_in_the_lane_that_needs_them(tmp_path: Path) -> None:
    use = settings_from(10, models="paper")
    updates = list(perform(str(example_path(0)), use, job(tmp_path)))
    assert last_status(updates)["kind"] == "warning"
    assert "has not been trained on this machine" in last_status(updates)["text"]
    assert "fetch caption" in [update["wave"]["trouble"] for update in updates if update.get("wave")][-1]
