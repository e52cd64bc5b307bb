"""The music as it comes: notes on a piano roll, sound chunk by chunk, one player for both.

Value: `run` (a new one empties the player), `lane` and `text` for the caption, `made_by`, `asked_s`, `notes` (each
start and end in ms, pitch, velocity), `bars_ms`, `sections` (name, start and end in ms), `chunks` (`file`, `start_s`)
in order, and `sound`, the whole take, once it is there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from page.own import file_data, own_component
from pipelines.records import Audio, Score

LANE = "Piano"


@dataclass
class Music:
    """What the panel shows of one run; it grows."""

    run: str
    folder: Path
    asked_s: float
    roll: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    made_by: dict[str, str] = field(default_factory=dict)
    chunks: list[dict[str, Any]] = field(default_factory=list)
    sound: dict[str, Any] | None = None
    sounding_s: float = 0.0

    def show_score(self, score: Score, made_by: str) -> None:
        """Take in the notes so far."""
        from pipelines.symbolic.piano_roll import describe, to_data

        self.roll, self.text = compact(to_data(score)), describe(score)
        self.made_by["notes"] = made_by

    def add_chunk(self, chunk: Audio, made_by: str) -> None:
        """Take in the next chunk of sound, as a file of 16-bit samples at the chain's own loudness."""
        from pipelines.sound import write_wav

        path = self.folder / f"chunk-{len(self.chunks):04d}.wav"
        write_wav(chunk, path)
        self.chunks.append({"file": file_data(path), "start_s": round(chunk.start_s, 6)})
        self.sounding_s = chunk.start_s + chunk.duration_s
        self.made_by["sound"] = made_by

    def value(self) -> dict[str, Any]:
        """The panel's value; a copy, for Gradio sends what has changed since the last."""
        return {
            "run": self.run,
            "lane": LANE,
            "text": self.text,
            "made_by": dict(self.made_by),
            "asked_s": self.asked_s,
            **self.roll,
            "chunks": list(self.chunks),
            "sound": self.sound,
        }


def compact(roll: dict[str, Any]) -> dict[str, Any]:
    """The data of `piano_roll.to_data` with whole milliseconds and lists, a fifth of the size."""
    return {
        "notes": [[_ms(n["start_s"]), _ms(n["end_s"]), n["pitch"], n["velocity"]] for n in roll["notes"]],
        "bars_ms": [_ms(second) for second in roll["bars_s"]],
        "sections": [[s["name"], _ms(s["start_s"]), _ms(s["end_s"])] for s in roll["sections"]],
    }


def _ms(second: float) -> int:
    return round(second * 1000)


def music_panel() -> gr.HTML:
    """Build the panel."""
    return own_component("music")
