"""What was heard in the music of each lane, beside what was asked for: points on the plane and plain sentences.

Value: `wanted` (a point as in feeling_panel) and `lanes`, for each that has ended `lane` and `name`, `heard` (a point),
`distance`, `nearness`, `sentence`, `made_by`, `seconds`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from page.feeling_panel import point
from page.own import own_component
from page.words import heard_sentence, nearness
from pipelines.records import Emotion, Step

NAMES = {"symbolic": "the piano", "waveform": "the music from words"}


def heard_value(wanted: Emotion, steps: Mapping[str, Step]) -> dict[str, Any]:
    """The panel's value for the heard step of each chain that has ended."""
    return {"wanted": point(wanted), "lanes": [_lane(wanted, chain, steps[chain]) for chain in NAMES if chain in steps]}


def _lane(wanted: Emotion, chain: str, step: Step) -> dict[str, Any]:
    heard: Emotion = step.value
    distance = wanted.distance(heard)
    return {
        "lane": chain,
        "name": NAMES[chain],
        "heard": point(heard),
        "distance": round(distance, 2),
        "nearness": nearness(distance),
        "sentence": heard_sentence(wanted, heard, NAMES[chain]),
        "made_by": step.made_by,
        "seconds": round(step.seconds, 2),
    }


def heard_panel() -> gr.HTML:
    """Build the panel."""
    return own_component("heard")
