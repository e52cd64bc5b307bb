"""The lane of words, its end: the sound made for the prompt, as a waveform that grows, and its player.

Value: what `Sound.value` gives, with `lane` and `text` for the caption, `made_by`, `licence`, `note` on a stand-in that
took over, and `trouble` when the lane failed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from page.own import own_component
from page.sound import Sound
from page.texts import say
from page.words import licence_sentence, prompt_caption
from pipelines.records import MusicPrompt

LANE = "lane.sound"  # key of its text


@dataclass
class Wave:
    """What the panel shows of one run; it grows."""

    sound: Sound
    prompt: MusicPrompt | None = None
    note: str = ""
    trouble: str = ""

    def value(self) -> dict[str, Any]:
        """The panel's value."""
        return {
            **self.sound.value(),
            "lane": say(LANE),
            "text": prompt_caption(self.prompt) if self.prompt else "",
            "made_by": self.sound.made_by,
            "licence": licence_sentence(self.sound.licence),
            "note": self.note,
            "trouble": self.trouble,
        }


def wave_panel() -> gr.HTML:
    """Build the panel."""
    return own_component("wave")
