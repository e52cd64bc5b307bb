"""What the two chains share: clocks, steps that the user has corrected, and stand-ins for models that fail."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pipelines.errors import ModelFailedError, SettingsError
from pipelines.records import Audio, Emotion, Picture, Step

if TYPE_CHECKING:
    from pipelines.emotion import EmotionSource

GIVEN_BY_USER = "you"
Cancelled = Callable[[], bool]  # asked in the midst of long work whether it is to stop

log = logging.getLogger(__name__)


def never() -> bool:
    """What to ask where nobody stops the work."""
    return False


class Maker(Protocol):
    """Whatever makes a value: it says what it is called and under what licence its weights are."""

    @property
    def made_by(self) -> str:
        """What the page shows beside the value."""

    @property
    def licence(self) -> str:
        """The licence of the weights, "" where there are none."""


M = TypeVar("M", bound=Maker)


@dataclass
class Clock:
    """Seconds spent within one step, the time that readers of the generator take left out."""

    spent_s: float = 0.0
    _since: float = field(default_factory=time.monotonic)

    def start(self) -> None:
        """Go on counting."""
        self._since = time.monotonic()

    def stop(self) -> float:
        """Stop counting and return the seconds so far."""
        self.spent_s += time.monotonic() - self._since
        return self.spent_s


def check_given(given: Mapping[str, Any], known: Sequence[str], picture: Picture | None) -> None:
    """Raise SettingsError for a step that cannot be given, or when there is neither a picture nor a step."""
    unknown = set(given) - set(known)
    if unknown:
        raise SettingsError(f"The step {min(unknown)!r} cannot be given; give {' or '.join(known)}.")
    if picture is None and not given:
        beginnings = ", an ".join(["a picture", *known[:1]])
        raise SettingsError(f"There is nothing to begin with; give {beginnings} or a {known[-1]}.")


def given_step(name: str, value: Any) -> Step:
    """What was given as a step: a Step keeps who made it, any other value was made by the user."""
    return value if isinstance(value, Step) else Step(name, value, GIVEN_BY_USER, 0.0)


def emotion_step(picture: Picture | None, given: Mapping[str, Any], source: EmotionSource) -> Step | None:
    """The emotion as given, else as read in the picture; None where there is neither."""
    if "emotion" in given:
        return given_step("emotion", given["emotion"])
    if picture is None:
        return None
    from pipelines.emotion import open_readers

    return first_that_works("emotion", open_readers(source), lambda reader: reader.read(picture))


def first_that_works(name: str, openers: Iterable[Callable[[], M]], work: Callable[[M], Any]) -> Step:
    """Make a step with the first model that does not fail; the step's note says which failed.

    `openers` open the models in the order of preference. Raises ModelFailedError when the last of them fails.
    """
    clock, note = Clock(), ""
    left = list(openers)
    while True:
        opener = left.pop(0)
        try:
            maker = opener()
            value = work(maker)
        except ModelFailedError as failure:
            if not left:
                raise
            log.warning("%s: %s", name, failure, exc_info=failure.__cause__)
            note = note or str(failure)
        else:
            note = took_over(note, maker.made_by) if note else ""
            return Step(name, value, maker.made_by, clock.stop(), note=note, licence=maker.licence)


def took_over(failure: str, made_by: str) -> str:
    """One model's failure and who took over, for people."""
    return f"{failure} Instead, the {made_by} took over."


def whole_audio(chunks: Sequence[Audio]) -> Audio:
    """All chunks of sound in one, at -16 LUFS."""
    import numpy as np

    from pipelines.sound import normalise_loudness

    samples = np.concatenate([chunk.samples for chunk in chunks])
    return normalise_loudness(Audio(samples, chunks[0].sample_rate_hz))


def wanted(step: Step | None) -> Emotion:
    """The emotion that is to be made into music; raises SettingsError where there is none."""
    if step is None:
        raise SettingsError("There is no emotion to make music for; give a picture or an emotion.")
    emotion: Emotion = step.value
    return emotion
