"""The chain with the shipped models: steps in order, live sound that is the final sound, corrections, refusals."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.chain import GIVEN_BY_USER
from pipelines.errors import ModelMissingError, SettingsError, StoppedError
from pipelines.picture import read_picture
from pipelines.records import Audio, Emotion, Step
from pipelines.sound import loudness_lufs, peak_dbfs
from pipelines.symbolic import SymbolicSettings, run

SAD = Path(__file__).resolve().parent.parent / "assets" / "examples" / "sad.jpg"
SHORT = SymbolicSettings(duration_s=12.0, seed=3)


@pytest.fixture(scope="module")
def steps() -> list[Step]:
    return list(run(read_picture(SAD), SHORT))


def finals(steps: list[Step]) -> dict[str, Step]:
    return {step.name: step for step in steps if step.final}


def test_every_step_comes_once_whole_in_the_documented_order(steps: list[Step]) -> None:
    first_seen = list(dict.fromkeys(step.name for step in steps))
    assert first_seen[0] == "emotion"
    assert first_seen.index("score") < first_seen.index("audio")
    assert first_seen[-1] == "heard"
    assert sorted(step.name for step in steps if step.final) == ["audio", "emotion", "heard", "piano_roll", "score"]
    assert all(step.made_by and step.seconds >= 0 for step in steps)


def test_sound_starts_before_the_piece_is_composed(steps: list[Step]) -> None:
    order = [(step.name, step.final) for step in steps]
    assert order.index(("audio", False)) < order.index(("score", True))


def test_live_chunks_follow_each_other_and_make_the_final_sound(steps: list[Step]) -> None:
    chunks = [step.value for step in steps if step.name == "audio" and not step.final]
    whole: Audio = finals(steps)["audio"].value
    at = 0
    for chunk in chunks:
        assert round(chunk.start_s * chunk.sample_rate_hz) == at
        at += len(chunk.samples)
    assert at == len(whole.samples)
    joined = np.concatenate([chunk.samples for chunk in chunks])
    assert np.corrcoef(joined[:, 0], whole.samples[:, 0])[0, 1] > 0.99  # but for the limiter the same sound, louder


def test_the_final_sound_has_the_level_and_the_length(steps: list[Step]) -> None:
    sound: Audio = finals(steps)["audio"].value
    assert sound.samples.shape[1] == 2
    assert sound.sample_rate_hz == 44100
    assert 12.0 < sound.duration_s < 18.5
    assert loudness_lufs(sound) == pytest.approx(-16.0, abs=1.0)
    assert peak_dbfs(sound) <= -0.99


def test_the_piano_roll_is_a_picture(steps: list[Step]) -> None:
    image = finals(steps)["piano_roll"].value
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.std() > 5


def test_the_piano_roll_grows_where_that_is_asked_for(steps: list[Step]) -> None:
    assert [step.final for step in steps if step.name == "piano_roll"] == [True]
    growing = SymbolicSettings(duration_s=10.0, piano_roll_every_s=0.0)
    images = [s.value for s in run(None, growing, {"emotion": Emotion.at(5, 5)}) if s.name == "piano_roll"]
    assert len(images) > 4
    assert (images[0] != images[-1]).any()


def test_a_given_emotion_is_followed_and_the_picture_not_read() -> None:
    asked = Emotion.at(8.0, 8.0)
    done = finals(list(run(None, SHORT, {"emotion": asked})))
    assert done["emotion"].made_by == GIVEN_BY_USER
    assert done["emotion"].value == asked
    assert done["heard"].value.arousal > 6.0


def test_a_given_score_is_only_played(steps: list[Step]) -> None:
    score = finals(steps)["score"].value
    done = finals(list(run(None, SHORT, {"score": score})))
    assert done["score"].value == score
    assert done["score"].made_by == GIVEN_BY_USER
    assert done["audio"].value.duration_s == pytest.approx(finals(steps)["audio"].value.duration_s, abs=0.5)


def test_stopping_ends_the_chain() -> None:
    seen: list[Step] = []
    chain = run(None, SHORT, {"emotion": Emotion.at(5.0, 5.0)}, cancelled=lambda: len(seen) > 3)

    def read_on() -> None:
        for step in chain:
            seen.append(step)

    with pytest.raises(StoppedError):
        read_on()
    assert 4 <= len(seen) < 8


def test_nothing_to_begin_with_is_said() -> None:
    with pytest.raises(SettingsError, match="give a picture"):
        next(run(None))


def test_unknown_and_missing_models_are_said() -> None:
    with pytest.raises(SettingsError, match="auto, embedded, paper"):
        next(run(None, SymbolicSettings(models="best"), {"emotion": Emotion.at(5, 5)}))
    paper = SymbolicSettings(models="paper")
    with pytest.raises(ModelMissingError, match="emotion classifier"):
        next(run(read_picture(SAD), paper))
    pytest.importorskip("tensorflow", reason="the paper's network runs on it")
    with pytest.raises(SettingsError, match="plays from a picture"):
        list(run(None, paper, {"emotion": Emotion.at(5, 5)}))
