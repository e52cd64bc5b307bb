"""The chains for programs: the endpoints `/symbolic` and `/waveform` of gradio_client, with the page's own steps."""

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
from pipelines.bundle import FILES
from pipelines.symbolic import SymbolicSettings

SYMBOLIC = (
    "Turn a picture into piano music that feels like it. Yields the progress as it goes; the last yield holds the "
    "take (emotion wanted and heard, every step, seed, versions) and the paths of its MIDI, WAV and piano roll."
)
WAVEFORM = (
    "Turn a picture into a caption, a music prompt and music for it. A caption or a prompt of your own stands for what "
    "would be found. Yields the progress as it goes; the last yield holds the take and the path of its WAV."
)
START = SymbolicSettings()
PATIENCE: dict[str, Any] = {"concurrency_id": "performance", "show_progress": "hidden"}


def add_api() -> None:
    """Put the endpoints into the page being built, on components that no visitor sees."""
    with gr.Column(visible=False):
        inputs = [
            PictureFile(type="filepath", label="Picture"),
            gr.Number(START.duration_s, label="Length in seconds, 10 to 180"),
            gr.Number(START.strength, label="Strength of the emotion, 0 to 5"),
            gr.Number(START.seed, label="Seed", precision=0),
        ]
        words = [gr.Textbox("", label="Caption of your own, or nothing"), gr.Textbox("", label="Prompt of your own")]
        take = gr.JSON(label="Take")
        piano = [gr.File(label=name) for name in FILES["symbolic"].values()]
        sound = [gr.File(label=name) for name in FILES["waveform"].values()]
        button = gr.Button()
    button.click(symbolic, inputs, [take, *piano], api_name="symbolic", api_description=SYMBOLIC, **PATIENCE)
    button.click(waveform, [*inputs, *words], [take, *sound], api_name="waveform", api_description=WAVEFORM, **PATIENCE)


def symbolic(
    picture: str | None,
    duration_s: float = START.duration_s,
    strength: float = START.strength,
    seed: float = START.seed,
) -> Iterator[tuple[Any, ...]]:
    """Yield `{"status": …}` while it goes and at last the take with its files.

    Raises `gr.Error` with one sentence for a bad picture or setting.
    """
    yield from _run("symbolic", picture, (duration_s, strength, seed, "Piano"), {})


def waveform(
    picture: str | None,
    duration_s: float = START.duration_s,
    strength: float = START.strength,
    seed: float = START.seed,
    caption: str = "",
    prompt: str = "",
) -> Iterator[tuple[Any, ...]]:
    """The same for the chain of words; `caption` and `prompt` stand for those steps unless they are empty."""
    given = {name: text for name, text in (("caption", caption), ("prompt", prompt)) if text and text.strip()}
    yield from _run("waveform", picture, (duration_s, strength, seed, "From words"), given)


def _run(chain: str, picture: str | None, values: tuple[Any, ...], given: dict[str, str]) -> Iterator[tuple[Any, ...]]:
    job = Job.begin(Path(get_upload_folder()), given=given, chains=(chain,))
    nothing = [None] * len(FILES[chain])
    try:
        for update in perform(picture, settings_from(*values), job):
            line = update.get("status") or {}
            if line.get("kind") == "warning":
                raise gr.Error(line["text"], print_exception=False)
            if update.get("files"):
                take = json.loads((job.folder / "take.json").read_text(encoding="utf-8"))
                yield take, *(str(job.folder / name) for name in FILES[chain].values())
            elif line:
                yield {"status": line["text"]}, *nothing
    finally:
        job.stop()
