"""The chain for programs: the endpoint `/symbolic` of gradio_client, with the same steps as the page shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from page.job import Job
from page.performance import perform
from page.picture_panel import PictureFile
from page.settings_panel import settings_from
from pipelines.symbolic import SymbolicSettings

DESCRIPTION = (
    "Turn a picture into piano music that feels like it. Yields the progress as it goes; the last yield holds the "
    "take (emotion wanted and heard, every step, seed, versions) and the paths of its MIDI, WAV and piano roll."
)
START = SymbolicSettings()
FILES = ("symbolic.mid", "symbolic.wav", "piano_roll.png")


def add_api() -> None:
    """Put the endpoint into the page being built, on components that no visitor sees."""
    with gr.Column(visible=False):
        inputs = [
            PictureFile(type="filepath", label="Picture"),
            gr.Number(START.duration_s, label="Length in seconds, 10 to 180"),
            gr.Number(START.strength, label="Strength of the emotion, 0 to 5"),
            gr.Number(START.seed, label="Seed", precision=0),
        ]
        outputs = [gr.JSON(label="Take"), *(gr.File(label=name) for name in FILES)]
        button = gr.Button()
    button.click(
        symbolic,
        inputs,
        outputs,
        api_name="symbolic",
        api_description=DESCRIPTION,
        concurrency_id="performance",
        show_progress="hidden",
    )


def symbolic(
    picture: str | None,
    duration_s: float = START.duration_s,
    strength: float = START.strength,
    seed: float = START.seed,
) -> Iterator[tuple[dict[str, Any] | None, str | None, str | None, str | None]]:
    """Yield `{"status": …}` while it goes and at last the take with its files.

    Raises `gr.Error` with one sentence for a bad picture or setting.
    """
    job = Job.begin(Path(get_upload_folder()))
    try:
        for update in perform(picture, settings_from(duration_s, strength, seed), job):
            line = update.get("status", {})
            if line.get("kind") == "warning":
                raise gr.Error(line["text"], print_exception=False)
            if "files" in update:
                take = json.loads((job.folder / "take.json").read_text(encoding="utf-8"))
                midi, wav, roll = (str(job.folder / name) for name in FILES)
                yield take, midi, wav, roll
            elif line:
                yield {"status": line["text"]}, None, None, None
    finally:
        job.stop()
