"""What a user writes in place of a caption or a prompt: checked, and made into the value that the chain takes."""

from __future__ import annotations

from typing import Any

from pipelines.errors import SettingsError
from pipelines.records import Caption, Emotion, MusicPrompt
from pipelines.waveform.vocabulary import LONGEST_TEXT


def as_caption(given: Any) -> Any:
    """A text as a Caption; what is none, such as a Step or a Caption, as it is. Raises as :func:`user_caption`."""
    return user_caption(given) if isinstance(given, str) else given


def as_prompt(given: Any, emotion: Emotion) -> Any:
    """A text as a MusicPrompt, its unsaid parts near an emotion; what is none as it is. Raises as `user_prompt`."""
    return user_prompt(given, emotion) if isinstance(given, str) else given


def user_caption(text: str) -> Caption:
    """A caption of the user's own words, trimmed.

    Raises:
        SettingsError: the text is empty or has more than 500 characters.
    """
    from pipelines.waveform.prompt_parse import clean

    text = " ".join(clean(text).split())
    if not text:
        raise SettingsError("The caption is empty; say in a sentence what the picture shows.")
    if len(text) > LONGEST_TEXT:
        raise SettingsError(f"The caption has {len(text)} characters; shorten it to {LONGEST_TEXT}.")
    return Caption(text)


def user_prompt(text: str, emotion: Emotion | None) -> MusicPrompt:
    """A music prompt of the user's own words; what it does not say follows from the emotion.

    Raises:
        SettingsError: the text is empty or too long, or its tempo cannot be played.
    """
    from pipelines.waveform.prompt_parse import parse_prompt

    return parse_prompt(text, emotion=emotion)
