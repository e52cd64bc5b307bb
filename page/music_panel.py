"""The lane of notes: a piano roll that grows, the sound as it comes, one player for both.

Value: what `Sound.value` gives, with `lane` and `text` for the caption, `made_by` of `notes` and `sound`, `trouble`
when the lane failed, and as texts (see :func:`page.sound.items`) `notes` (each start and end in ms, pitch, velocity),
`bars_ms`, `sections` (name, start and end in ms).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from page.own import own_component
from page.sound import Sound, items
from pipelines.records import Score

LANE = "Piano"


@dataclass
class Music:
    """What the panel shows of one run; it grows."""

    sound: Sound
    score: Score | None = None
    composed_by: str = ""
    trouble: str = ""

    def show_score(self, score: Score, made_by: str) -> None:
        """Take in the notes so far."""
        self.score = score
        self.composed_by = made_by

    def value(self) -> dict[str, Any]:
        """The panel's value."""
        from pipelines.symbolic.piano_roll import describe, to_data

        return {
            **self.sound.value(),
            "lane": LANE,
            "text": describe(self.score) if self.score else "",
            "made_by": {"notes": self.composed_by, "sound": self.sound.made_by},
            "trouble": self.trouble,
            **(compact(to_data(self.score)) if self.score else {}),
        }


def compact(roll: dict[str, Any]) -> dict[str, str]:
    """The data of `piano_roll.to_data` with whole milliseconds, as texts."""
    return {
        "notes": items([_ms(n["start_s"]), _ms(n["end_s"]), n["pitch"], n["velocity"]] for n in roll["notes"]),
        "bars_ms": items(_ms(second) for second in roll["bars_s"]),
        "sections": items([s["name"], _ms(s["start_s"]), _ms(s["end_s"])] for s in roll["sections"]),
    }


def _ms(second: float) -> int:
    return round(second * 1000)


def music_panel() -> gr.HTML:
    """Build the panel."""
    return own_component("music")
