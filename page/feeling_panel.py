"""What the picture feels like: the label and its rivals as bars, the point on the plane with its uncertainty.

Value: `label`, `bars` (`name` and `part`, 0 to 1), `point` (`valence`, `arousal` and their `_sd`), `sentence`,
`made_by`, `note`, `seconds`. Events: `emotion`, with the `valence` and `arousal` that the visitor chose; `restore`, to
take that back.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from page.own import own_component
from page.words import chosen_sentence, picture_sentence
from pipelines.chain import GIVEN_BY_USER
from pipelines.records import LABELS, Emotion, Step


def point(emotion: Emotion) -> dict[str, float]:
    """A point of the plane for the browser."""
    return {
        "valence": round(emotion.valence, 3),
        "arousal": round(emotion.arousal, 3),
        "valence_sd": round(emotion.valence_sd, 3),
        "arousal_sd": round(emotion.arousal_sd, 3),
    }


def feeling_value(step: Step) -> dict[str, Any]:
    """The panel's value for the chain's emotion step."""
    emotion: Emotion = step.value
    return {
        "label": emotion.label,
        "bars": [
            {"name": name, "part": round(part, 4)} for name, part in zip(LABELS, emotion.probabilities, strict=True)
        ],
        "point": point(emotion),
        "sentence": picture_sentence(emotion) if step.made_by != GIVEN_BY_USER else chosen_sentence(emotion),
        "made_by": step.made_by,
        "note": step.note,
        "seconds": round(step.seconds, 2),
    }


def feeling_panel() -> gr.HTML:
    """Build the panel."""
    return own_component("feeling")
