"""What the chains share: corrected steps, stand-ins for models that fail."""

from dataclasses import dataclass

import pytest

from pipelines.chain import GIVEN_BY_USER, check_given, emotion_step, first_that_works, given_step, wanted
from pipelines.emotion import EmotionSource
from pipelines.errors import ModelFailedError, SettingsError
from pipelines.records import Caption, Emotion, Step


@dataclass
class Maker:
    made_by: str
    licence: str = "Apache-2.0"
    fails: bool = False

    def work(self) -> str:
        if self.fails:
            raise ModelFailedError(f"The {self.made_by} ran out of memory.")
        return self.made_by.upper()


def opener(name: str, *, fails: bool = False):
    return lambda: Maker(name, fails=fails)


def test_the_first_that_works_makes_the_step_and_says_who_failed() -> None:
    step = first_that_works("caption", [opener("big", fails=True), opener("small")], Maker.work)
    assert (step.value, step.made_by, step.licence) == ("SMALL", "small", "Apache-2.0")
    assert step.note == "The big ran out of memory. Instead, the small took over."
    assert first_that_works("caption", [opener("big"), opener("small")], Maker.work).note == ""


def test_when_all_fail_the_last_failure_is_told() -> None:
    with pytest.raises(ModelFailedError, match="small ran out"):
        first_that_works("caption", [opener("big", fails=True), opener("small", fails=True)], Maker.work)


def test_an_opener_that_fails_counts_as_well() -> None:
    def broken() -> Maker:
        raise ModelFailedError("The checkpoint is damaged.")

    assert first_that_works("caption", [broken, opener("small")], Maker.work).note.startswith(
        "The checkpoint is damaged."
    )


def test_a_step_that_was_made_before_keeps_its_maker() -> None:
    made = Step("caption", Caption("A boat."), "BLIP large", 1.0)
    assert given_step("caption", made) is made
    assert given_step("caption", Caption("A ship.")).made_by == GIVEN_BY_USER


def test_the_emotion_given_is_taken_before_the_picture_is_read() -> None:
    step = emotion_step(None, {"emotion": Emotion.at(2, 3)}, EmotionSource())
    assert step is not None
    assert step.value.valence == 2
    assert emotion_step(None, {}, EmotionSource()) is None


def test_what_cannot_be_given_is_said() -> None:
    with pytest.raises(SettingsError, match="'score' cannot be given; give emotion or caption or prompt"):
        check_given({"score": 1}, ("emotion", "caption", "prompt"), None)
    with pytest.raises(SettingsError, match="give a picture, an emotion or a prompt"):
        check_given({}, ("emotion", "caption", "prompt"), None)
    with pytest.raises(SettingsError, match="no emotion"):
        wanted(None)
