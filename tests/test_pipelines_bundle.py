"""Takes: what is written is complete, and a failure leaves nothing behind."""

import json

import numpy as np
import pytest

from pipelines.bundle import plain, write_take
from pipelines.records import Audio, Emotion, Note, Picture, Score, Step, TempoMark

SCORE = Score((Note(0.0, 60, 4.0, 80),), (TempoMark(0.0, 120.0),))
STEPS = [
    Step("emotion", Emotion.at(7.0, 4.0), "reader", 0.1),
    Step("score", Score((), (TempoMark(0.0, 120.0),)), "composer", 0.2, final=False),
    Step("score", SCORE, "composer", 0.3),
    Step("audio", Audio(np.zeros((441, 2), np.float32), 44100), "synthesizer", 0.2),
    Step("heard", Emotion.at(6.0, 4.0), "listener", 0.0),
]


def test_only_final_steps_are_written(tmp_path) -> None:
    picture = Picture(np.zeros((20, 20, 3), np.uint8), "a.png", "ff" * 32)
    take = write_take(STEPS, tmp_path / "take", picture=picture, settings={"seed": 1})
    assert take.piano_roll is None
    assert take.midi is not None
    assert take.wav is not None
    assert sorted(p.name for p in take.folder.iterdir()) == ["symbolic.mid", "symbolic.wav", "take.json"]
    record = json.loads(take.record.read_text())
    assert record["picture"] == {"name": "a.png", "sha256": "ff" * 32}
    assert record["distance"] == 1.0
    assert record["steps"][1]["value"]["notes"] == 1
    assert record["versions"]["numpy"] == np.__version__


def test_a_failure_leaves_nothing_behind(tmp_path) -> None:
    broken = [*STEPS, Step("piano_roll", np.zeros((2,), np.uint8), "matplotlib", 0.0)]
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the picture writer raises
        write_take(broken, tmp_path / "take")
    assert list((tmp_path / "take").iterdir()) == []


def test_plain_values_go_through_json() -> None:
    assert json.loads(json.dumps(plain(Emotion.at(7.0, 4.0))))["label"] == "Happy"
    assert plain(SCORE)["key"] == "C major"
    assert plain("text") == "text"
