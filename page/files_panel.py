"""Take it with you: the finished take's files to download.

Value: `files`, each with `file` (Gradio's file data), `title`, `note` and `size`; `making`, with `kind`, `part` (0 to
1, None when it failed) and `text`, while more is made of it. Event: `make`, with the `kind`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from page.own import file_data, own_component
from page.texts import say
from pipelines.bundle import Take

NOTES = {
    "symbolic.wav": ("lane.piano", "file.wav_stereo"),
    "symbolic.mp3": ("lane.piano", "file.mp3"),
    "symbolic.ogg": ("lane.piano", "file.ogg"),
    "symbolic.mp4": ("files.film_piano", "files.film_notes"),
    "symbolic.mid": ("files.notes_piano", "file.midi"),
    "waveform.wav": ("lane.words", "file.wav_32"),
    "waveform.mp3": ("lane.words", "file.mp3"),
    "waveform.ogg": ("lane.words", "file.ogg"),
    "waveform.mp4": ("files.film_words", "files.film_sound"),
    "piano_roll.png": ("files.roll", "files.roll_png"),
    "take.json": ("files.story", "files.story_json"),
    "take.zip": ("files.everything", "files.everything_zip"),
}  # the keys of each file's title and of a word on its kind


def files_value(take: Take | None, making: dict[str, Any] | None = None) -> dict[str, Any]:
    """The panel's value for a take on disk, and what is being made of it."""
    paths = {} if take is None else {**take.files, take.record.name: take.record}
    return {"files": [_entry(paths[name]) for name in NOTES if name in paths], "making": making}


def _entry(path: Path) -> dict[str, Any]:
    title, note = NOTES[path.name]
    return {"file": file_data(path), "title": say(title), "note": say(note), "size": size(path.stat().st_size)}


def size(count: int) -> str:
    """Bytes for a person, such as "5.3 MB"."""
    if count >= 1e6:
        return say("size.mb", size=count / 1e6)
    return say("size.kb", size=max(1, round(count / 1e3)))


def files_panel() -> gr.HTML:
    """Build the panel."""
    return own_component("files")
