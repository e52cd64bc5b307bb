"""The music as it comes: notes on a piano roll, sound chunk by chunk, one player for both.

Value: `run` (a new one empties the player), `lane` and `text` for the caption, `made_by`, `asked_s`, `notes` (each
start and end in ms, pitch, velocity), `bars_ms`, `sections` (name, start and end in ms), `chunks` (address, start in
seconds) in order, and `sound`, the whole take, once it is there.

The four lists are texts: the items of a JSON list without its brackets. Of a text that grows Gradio sends only what is
new, and keeps it whole; a list it walks through item by item with every message, on both sides, which for a piece of
three minutes takes longer than composing it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from page.job import CHUNK
from page.own import file_address, own_component
from pipelines.records import Audio, Score

LANE = "Piano"


@dataclass
class Music:
    """What the panel shows of one run; it grows."""

    run: str
    folder: Path
    asked_s: float
    score: Score | None = None
    made_by: dict[str, str] = field(default_factory=dict)
    chunks: list[tuple[str, float]] = field(default_factory=list)
    unsent: list[Audio] = field(default_factory=list)
    sound: dict[str, Any] | None = None

    def show_score(self, score: Score, made_by: str) -> None:
        """Take in the notes so far."""
        self.score = score
        self.made_by["notes"] = made_by

    def add_chunk(self, chunk: Audio, made_by: str) -> None:
        """Take in the next chunk of sound."""
        self.unsent.append(chunk)
        self.made_by["sound"] = made_by

    def value(self) -> dict[str, Any]:
        """The panel's value; sound that has come since the last one goes into one file."""
        from pipelines.symbolic.piano_roll import describe, to_data

        self._write_unsent()
        return {
            "run": self.run,
            "lane": LANE,
            "text": describe(self.score) if self.score else "",
            "made_by": dict(self.made_by),
            "asked_s": self.asked_s,
            **(compact(to_data(self.score)) if self.score else {}),
            "chunks": _items(self.chunks),
            "sound": self.sound,
        }

    def _write_unsent(self) -> None:
        """As 16-bit samples at the chain's own loudness."""
        import numpy as np

        from pipelines.sound import write_wav

        if not self.unsent:
            return
        path = self.folder / CHUNK.format(f"{len(self.chunks):04d}")
        samples = np.concatenate([chunk.samples for chunk in self.unsent])
        write_wav(Audio(samples, self.unsent[0].sample_rate_hz), path)
        self.chunks.append((file_address(path), round(self.unsent[0].start_s, 6)))
        self.unsent = []


def compact(roll: dict[str, Any]) -> dict[str, str]:
    """The data of `piano_roll.to_data` with whole milliseconds, as texts."""
    return {
        "notes": _items([_ms(n["start_s"]), _ms(n["end_s"]), n["pitch"], n["velocity"]] for n in roll["notes"]),
        "bars_ms": _items(_ms(second) for second in roll["bars_s"]),
        "sections": _items([s["name"], _ms(s["start_s"]), _ms(s["end_s"])] for s in roll["sections"]),
    }


def _items(items: Iterable[Any]) -> str:
    return json.dumps(list(items), separators=(",", ":"))[1:-1]


def _ms(second: float) -> int:
    return round(second * 1000)


def music_panel() -> gr.HTML:
    """Build the panel."""
    return own_component("music")
