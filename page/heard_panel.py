"""What was heard in the music, beside what was asked for: two points on the plane and a plain sentence.

Value: `wanted` and `heard` (points as in feeling_panel), `distance`, `nearness`, `sentence`, `made_by`, `seconds`.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from page.feeling_panel import point
from page.own import own_component
from page.words import heard_sentence, nearness
from pipelines.records import Emotion, Step


def heard_value(wanted: Emotion, step: Step) -> dict[str, Any]:
    """The panel's value for the chain's heard step."""
    heard: Emotion = step.value
    distance = wanted.distance(heard)
    return {
        "wanted": point(wanted),
        "heard": point(heard),
        "distance": round(distance, 2),
        "nearness": nearness(distance),
        "sentence": heard_sentence(wanted, heard),
        "made_by": step.made_by,
        "seconds": round(step.seconds, 2),
    }


def heard_panel() -> gr.HTML:
    """Build the panel."""
    return own_component("heard")
