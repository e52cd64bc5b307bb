"""The lane of words, its beginning: what the picture shows, and the music asked for; both may be corrected.

Value: `caption` and `prompt`, each with `text`, `made_by`, `note` and `seconds`; `parts`, what the prompt asks for, as
pairs of a name and a text, and `chosen`, what the band chose since the visitor's own prompt does not say it. Events:
`caption` and `prompt`, with the `text` that the visitor wrote; `restore`, with the `step` that the visitor takes back.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from page.own import own_component
from page.words import parts_said, prompt_parts
from pipelines.chain import GIVEN_BY_USER
from pipelines.records import Caption, MusicPrompt, Step


def words_value(caption: Step | None, prompt: Step | None) -> dict[str, Any]:
    """The panel's value for the chain's caption and prompt steps, as far as they have come."""
    value: dict[str, Any] = {"caption": _field(caption), "prompt": _field(prompt), "parts": [], "chosen": []}
    if prompt is not None:
        asked: MusicPrompt = prompt.value
        by_you = prompt.made_by == GIVEN_BY_USER
        value["parts"], value["chosen"] = parts_said(asked) if by_you else (prompt_parts(asked), [])
    return value


def _field(step: Step | None) -> dict[str, Any] | None:
    if step is None:
        return None
    text: Caption | MusicPrompt = step.value
    return {"text": text.text, "made_by": step.made_by, "note": step.note, "seconds": round(step.seconds, 2)}


def words_panel() -> gr.HTML:
    """Build the panel."""
    return own_component("words")
