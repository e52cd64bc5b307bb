"""What a visitor puts in place of what a step found, checked, since a browser can send anything; what it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from page.texts import say
from pipelines.chain import GIVEN_BY_USER
from pipelines.errors import SettingsError
from pipelines.records import VA_MAX, VA_MIN, Emotion, MusicPrompt, Step
from pipelines.waveform.corrections import user_caption, user_prompt


def correction(data: Mapping[str, Any], emotion: Step | None) -> tuple[str, Any]:
    """The step that is corrected, "emotion", "caption" or "prompt", and its new value.

    `data` is an event's: `step` with either `text` or `valence` and `arousal`. A prompt's unsaid parts follow from the
    emotion found before. Raises SettingsError with one sentence for what cannot be used.
    """
    step = data.get("step")
    if step == "emotion":
        return step, Emotion.at(_number(data, "valence"), _number(data, "arousal"))
    text = data.get("text")
    if step not in ("caption", "prompt") or not isinstance(text, str):
        raise SettingsError(say("trouble.not_correctable"))
    if step == "caption":
        return step, user_caption(text)
    return step, user_prompt(text, emotion.value if emotion is not None else None)


def _number(data: Mapping[str, Any], name: str) -> float:
    value = data.get(name)
    if not isinstance(value, int | float) or not VA_MIN <= value <= VA_MAX:
        raise SettingsError(say(f"trouble.bad_{name}", value=repr(value), low=VA_MIN, high=VA_MAX))
    return float(value)


def taken_back(data: Mapping[str, Any], own: Mapping[str, Any]) -> str:
    """The step whose correction the visitor takes back; raises SettingsError where none is in force."""
    step = data.get("step")
    if not isinstance(step, str) or step not in own:
        raise SettingsError(say("trouble.not_correctable"))
    return step


def asked_for(wanted: Emotion, found: Mapping[str, Step]) -> dict[str, Emotion]:
    """For each chain the emotion that its music is to have: `wanted`, and for words what the visitor's prompt asks for.

    `found` holds the steps found so far by name; a prompt that agrees with `wanted` asks for that, to the digit.
    """
    from pipelines.waveform.prompt_parse import emotion_in

    prompt = found.get("prompt")
    if prompt is None or prompt.made_by != GIVEN_BY_USER:
        return {"symbolic": wanted, "waveform": wanted}
    value: MusicPrompt = prompt.value
    return {"symbolic": wanted, "waveform": emotion_in(value, near=wanted)}
