"""What a browser sends as a correction: taken when it can be used, refused in a sentence when not."""

from pathlib import Path
from typing import Any

import pytest

from page.corrections import correction
from page.job import Job
from pipelines.errors import SettingsError
from pipelines.records import Caption, Emotion, Step


def test_a_point_a_caption_and_a_prompt_are_taken() -> None:
    assert correction({"step": "emotion", "valence": 2, "arousal": 7.5}, None) == ("emotion", Emotion.at(2, 7.5))
    assert correction({"step": "caption", "text": "  A boat\x00 at\nsea. "}, None) == (
        "caption",
        Caption("A boat at sea."),
    )
    sad = Step("emotion", Emotion.at(2, 3), "reader", 0.1)
    step, prompt = correction({"step": "prompt", "text": "A solo cello."}, sad)
    assert (step, prompt.text) == ("prompt", "A solo cello.")
    assert prompt.mode == "minor"  # what it does not say follows from the emotion found


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"step": "score", "text": "x"},
        {"step": "emotion", "valence": 2},
        {"step": "emotion", "valence": 2, "arousal": "9"},
        {"step": "emotion", "valence": 0.5, "arousal": 5},
        {"step": "emotion", "valence": float("nan"), "arousal": 5},
        {"step": "caption", "text": " \n "},
        {"step": "caption", "text": ["x"]},
        {"step": "caption", "text": "x" * 501},
        {"step": "prompt", "text": ""},
        {"step": "prompt", "text": "a piece at 900 BPM"},
    ],
)
def test_anything_else_is_refused_in_a_sentence(data: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=r"\w+.*\.$"):
        correction(data, None)


def finished_job(tmp_path: Path) -> Job:
    job = Job.begin(tmp_path)
    job.planned.update(("symbolic", "waveform"))
    job.found.update({name: Step(name, name, "x", 0.0) for name in ("emotion", "caption", "prompt")})
    job.heard.update({"symbolic": Step("heard", 1, "x", 0.0), "waveform": Step("heard", 2, "x", 0.0)})
    job.taken()
    return job


def test_a_corrected_job_keeps_what_comes_before_the_step(tmp_path: Path) -> None:
    job = finished_job(tmp_path)
    again = job.corrected("caption", "mine")
    assert dict(again.given) == {"emotion": job.found["emotion"], "caption": "mine"}
    assert again.chains == ("waveform",)
    assert list(again.heard) == ["symbolic"]
    assert (again.carried, again.folder == job.folder) == (job.folder, False)
    assert (job.superseded, again.superseded) == (True, False)


def test_a_corrected_emotion_feeds_both_chains(tmp_path: Path) -> None:
    felt = finished_job(tmp_path).corrected("emotion", "felt")
    assert dict(felt.given) == {"emotion": "felt"}
    assert felt.chains == ("symbolic", "waveform")
    assert felt.heard == {}


def test_a_correction_in_the_midst_makes_the_unfinished_lane_again(tmp_path: Path) -> None:
    job = Job.begin(tmp_path)
    job.planned.update(("symbolic", "waveform"))
    again = job.corrected("prompt", "mine")
    assert again.chains == ("symbolic", "waveform")
    assert again.carried is None


def test_after_a_stopped_correction_the_finished_take_is_still_carried(tmp_path: Path) -> None:
    job = finished_job(tmp_path)
    stopped = job.corrected("prompt", "mine")
    stopped.planned.add("waveform")
    again = stopped.corrected("prompt", "other")
    assert again.carried == job.folder
    assert again.chains == ("waveform",)


def test_only_a_few_earlier_folders_are_kept(tmp_path: Path) -> None:
    first = finished_job(tmp_path)
    job = first
    for number in range(6):
        job = job.corrected("prompt", f"number {number}")
        job.planned.add("waveform")  # none of them is finished
    kept = {path.name for path in tmp_path.iterdir()}
    assert first.folder.name in kept  # what is carried stays
    assert len(kept) == 4
