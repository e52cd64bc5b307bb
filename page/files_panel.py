"""Take it with you: the finished take's files to download.

Value: `files`, each with `file` (Gradio's file data), `title`, `note` and `size`; `making`, with `kind`, `part` (0 to
1, None when it failed) and `text`, while more is made of it. Event: `make`, with the `kind`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from page.own import file_data, own_component
from pipelines.bundle import Take

NOTES = {
    "symbolic.wav": ("Piano", "WAV, 44.1 kHz stereo"),
    "symbolic.mp3": ("Piano", "MP3"),
    "symbolic.ogg": ("Piano", "OGG"),
    "symbolic.mp4": ("Film with the piano", "MP4, the picture and the notes"),
    "symbolic.mid": ("Notes of the piano", "MIDI, for any music program"),
    "waveform.wav": ("Music from words", "WAV, 32 kHz"),
    "waveform.mp3": ("Music from words", "MP3"),
    "waveform.ogg": ("Music from words", "OGG"),
    "waveform.mp4": ("Film with the music from words", "MP4, the picture and the sound"),
    "piano_roll.png": ("Piano roll", "PNG picture of the notes"),
    "take.json": ("How it was made", "JSON with every step, seed and licence"),
    "take.zip": ("Everything", "ZIP with what made it, to be replayed"),
}


def files_value(take: Take | None, making: dict[str, Any] | None = None) -> dict[str, Any]:
    """The panel's value for a take on disk, and what is being made of it."""
    paths = {} if take is None else {**take.files, take.record.name: take.record}
    return {"files": [_entry(paths[name]) for name in NOTES if name in paths], "making": making}


def _entry(path: Path) -> dict[str, Any]:
    title, note = NOTES[path.name]
    return {"file": file_data(path), "title": title, "note": note, "size": size(path.stat().st_size)}


def size(count: int) -> str:
    """Bytes for a person, such as "5.3 MB"."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{max(1, round(count / 1e3))} kB"


def files_panel() -> gr.HTML:
    """Build the panel."""
    return own_component("files")
