"""What was heard in the music of each lane, beside what was asked for: points on the plane and plain sentences.

Value: `wanted` (a point as in feeling_panel) and `lanes`, for each that has ended `lane` and `name`, `heard` (a point),
`distance`, `nearness`, `sentence`, `made_by`, `seconds`, and `asked`, the point that the visitor's own prompt asks for
where that is another one than `wanted`, else None.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from page.corrections import asked_for
from page.feeling_panel import point
from page.own import own_component
from page.texts import say
from page.words import heard_sentence, nearness
from pipelines.records import Emotion, Step

NAMES = {"symbolic": "lane.the_piano", "waveform": "lane.the_words"}  # keys of texts
SAME_WITHIN = 0.05  # on the plane: less is not seen


def heard_value(wanted: Emotion, steps: Mapping[str, Step], found: Mapping[str, Step] | None = None) -> dict[str, Any]:
    """The panel's value for the heard step of each chain that has ended; `found` holds the steps before, by name.

    Where the visitor's own prompt asks for another emotion than `wanted`, its music is compared with that.
    """
    asked = asked_for(wanted, found or {})
    lanes = [_lane(wanted, asked[chain], chain, steps[chain]) for chain in NAMES if chain in steps]
    return {"wanted": point(wanted), "lanes": lanes}


def _lane(wanted: Emotion, asked: Emotion, chain: str, step: Step) -> dict[str, Any]:
    heard: Emotion = step.value
    distance = asked.distance(heard)
    by_prompt = asked.distance(wanted) > SAME_WITHIN
    return {
        "lane": chain,
        "name": say(NAMES[chain]),
        "heard": point(heard),
        "distance": round(distance, 2),
        "nearness": nearness(distance),
        "asked": point(asked) if by_prompt else None,
        "sentence": heard_sentence(asked, heard, say(NAMES[chain]), by_prompt=by_prompt),
        "made_by": step.made_by,
        "seconds": round(step.seconds, 2),
    }


def heard_panel() -> gr.HTML:
    """Build the panel."""
    return own_component("heard")
