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


def test_a_corrected_job_keeps_what_comes_before_the_step(tmp_path: Path) -> None:
    job = Job.begin(tmp_path)
    steps = {name: Step(name, name, "x", 0.0) for name in ("emotion", "caption", "prompt")}
    job.found.update(steps)
    job.heard.update({"symbolic": Step("heard", 1, "x", 0.0), "waveform": Step("heard", 2, "x", 0.0)})
    again = job.corrected("caption", "mine")
    assert dict(again.given) == {"emotion": steps["emotion"], "caption": "mine"}
    assert again.chains == ("waveform",)
    assert list(again.heard) == ["symbolic"]
    assert (again.carried, again.folder == job.folder) == (job.folder, False)
    felt = job.corrected("emotion", "felt")
    assert dict(felt.given) == {"emotion": "felt"}
    assert felt.chains == ("symbolic", "waveform")
    assert felt.heard == {}
