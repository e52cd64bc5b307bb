"""What a visitor puts in place of what a step found: checked, since a browser can send anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.errors import SettingsError
from pipelines.records import VA_MAX, VA_MIN, Emotion, Step
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
        raise SettingsError("That cannot be corrected; reload the page and try again.")
    if step == "caption":
        return step, user_caption(text)
    return step, user_prompt(text, emotion.value if emotion is not None else None)


def _number(data: Mapping[str, Any], name: str) -> float:
    value = data.get(name)
    if not isinstance(value, int | float) or not VA_MIN <= value <= VA_MAX:
        raise SettingsError(f"The {name} cannot be {value!r}; choose {VA_MIN:g} to {VA_MAX:g}.")
    return float(value)
