"""Slideshow: several pictures in order to one piece of music and a video, in a tab of its own.

:func:`slideshow_panel` builds the components where it is called and connects their events; :func:`perform_slideshow`
is what runs, and can be read without a page.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from page.job import Job, discard
from page.path_parts import (
    AT_ONCE,
    KEEP_VISITOR_S,
    PRIVATE,
    Update,
    downloads,
    downloads_part,
    new_job,
    own_part,
    safely,
    under_way,
    whole_number,
)
from page.settings_panel import LARGEST_SEED
from page.status_panel import status
from page.words import seconds
from pipelines.command_line import PICTURE_SUFFIXES
from pipelines.settings import LONGEST_S, SHORTEST_S
from pipelines.slideshow import FEWEST_PICTURES, MOST_PICTURES, Slideshow, SlideshowSettings, make_slideshow
from pipelines.symbolic.path_composer import PathSettings

EACH, WHOLE = "seconds a picture", "the whole length"
INVITATION = f"Choose {FEWEST_PICTURES} to {MOST_PICTURES} pictures; they are shown in this order."
HINT = "Your pictures become one piece of music that changes its mood with them, and each change falls on a bar line."
NOTES = {
    "slideshow.mp4": ("Slideshow", "MP4 video with its music"),
    "slideshow.wav": ("Music alone", "WAV, 44.1 kHz stereo"),
    "slideshow.mid": ("Notes", "MIDI, for any music program"),
    "slideshow.json": ("How it was made", "JSON with every picture's emotion and time"),
}
TELL_EVERY_S = 0.3


def slideshow_panel() -> None:
    """Build the panel within the tab that is open and connect it."""
    with gr.Column(elem_id="ek-show-panel", elem_classes=["ek-panel"]):
        _build(gr.State(None, time_to_live=KEEP_VISITOR_S, delete_callback=discard))


def _build(job: gr.State) -> None:
    gr.Markdown(HINT, elem_id="ek-show-hint")
    pictures = gr.File(
        file_count="multiple",
        file_types=list(PICTURE_SUFFIXES),
        allow_reordering=True,
        label="Pictures, in order",
        elem_id="ek-show-pictures",
    )
    values = _settings()
    with gr.Row():
        make = gr.Button("Make the slideshow", variant="primary", elem_id="ek-show-make")
        stop = gr.Button("Stop", interactive=False, elem_id="ek-show-stop", min_width=70)
    line = own_part("status", "ek-show-status", status(INVITATION, "idle"))
    slides = own_part("slides", "ek-show-slides")
    video = gr.Video(label="Slideshow", visible=False, interactive=False, elem_id="ek-show-video")
    files = downloads_part("ek-show-files")
    parts = {"status": line, "slides": slides, "video": video, "files": files}
    _connect(job, [pictures, *values], make, stop, parts)


def _settings() -> list[gr.components.Component]:
    usual = SlideshowSettings()
    with gr.Row():
        mode = gr.Radio([EACH, WHOLE], value=EACH, label="Set", elem_id="ek-show-mode", min_width=200)
        each = gr.Slider(
            4, 60, usual.seconds_a_picture, step=0.5, label="Seconds a picture", elem_id="ek-show-each", buttons=[]
        )
        whole = gr.Slider(
            SHORTEST_S,
            LONGEST_S,
            60,
            step=1,
            label="Whole length in seconds",
            visible=False,
            elem_id="ek-show-length",
            buttons=[],
        )
        fade = gr.Slider(
            0, 2, usual.frames.fade_s, step=0.1, label="Cross-fade in seconds", elem_id="ek-show-fade", buttons=[]
        )
        seed = gr.Number(
            usual.music.seed, label="Seed", precision=0, minimum=0, maximum=LARGEST_SEED, elem_id="ek-show-seed"
        )
    mode.change(
        lambda chosen: (gr.Slider(visible=chosen == EACH), gr.Slider(visible=chosen == WHOLE)),
        mode,
        [each, whole],
        **AT_ONCE,
    )
    return [mode, each, whole, fade, seed]


def _connect(job: gr.State, inputs: list[Any], make: gr.Button, stop: gr.Button, parts: dict[str, Any]) -> None:
    def begin(earlier: Job | None) -> tuple[Any, ...]:
        return new_job(earlier), status("Starting…"), gr.Button(interactive=False), gr.Button(interactive=True)

    def play(job: Job, paths: list[str] | None, *values: Any) -> Iterator[dict[Any, Any]]:
        for update in perform_slideshow(paths or [], settings_from(*values), job):
            shown = {parts[name]: value for name, value in update.items()}
            yield shown if under_way(update) else {**shown, make: gr.Button(interactive=True), stop: _resting()}

    def halt(job: Job | None) -> tuple[Any, ...]:
        if job is not None:
            job.stop()
        return status("Stopped.", "stopped"), gr.Button(interactive=True), _resting()

    begun = make.click(begin, [job], [job, parts["status"], make, stop], **AT_ONCE)
    shown = begun.then(
        play,
        [job, *inputs],
        [*parts.values(), make, stop],
        trigger_mode="multiple",
        concurrency_limit=1,
        concurrency_id="slideshow",
        **PRIVATE,
    )
    stop.click(halt, [job], [parts["status"], make, stop], cancels=[shown], queue=False, **PRIVATE)


def _resting() -> gr.Button:
    return gr.Button(interactive=False)


def settings_from(
    mode: str | None = EACH,
    each: float | None = None,
    whole: float | None = None,
    fade: float | None = None,
    seed: float | None = None,
) -> SlideshowSettings:
    """Settings from the panel's fields; an emptied field has its default. The chain checks their ranges."""
    from pipelines.slideshow_video import FrameSettings

    usual = SlideshowSettings()
    return SlideshowSettings(
        duration_s=float(whole) if mode == WHOLE and whole is not None else None,
        seconds_a_picture=usual.seconds_a_picture if each is None else float(each),
        frames=FrameSettings() if fade is None else FrameSettings(fade_s=float(fade)),
        music=PathSettings(seed=whole_number(seed)),
    )


def perform_slideshow(paths: Sequence[str], settings: SlideshowSettings, job: Job) -> Iterator[Update]:
    """Make a slideshow and yield what changes: `status`, then `slides`, `video` and `files`; never raises."""
    yield from safely(_perform(paths, settings, job), job)


def _perform(paths: Sequence[str], settings: SlideshowSettings, job: Job) -> Iterator[Update]:
    began = time.monotonic()
    events: queue.Queue[tuple[str, float] | Slideshow | Exception] = queue.Queue()

    def work() -> None:
        try:
            events.put(
                make_slideshow(
                    paths,
                    job.folder,
                    settings,
                    progress=lambda text, part: events.put((text, part)),
                    cancelled=job.stopped,
                )
            )
        except Exception as trouble:
            events.put(trouble)

    threading.Thread(target=work, name="slideshow", daemon=True).start()
    yield {"slides": {}, "video": gr.update(value=None, visible=False), "files": {}}
    try:
        while isinstance(event := _latest(events), tuple):
            yield {"status": status(event[0], progress=event[1])}
    except GeneratorExit:  # the visitor has gone, or asked for it to stop
        job.stop()
        raise
    if isinstance(event, Exception):
        raise event
    yield _done(event, time.monotonic() - began)


def _latest(events: queue.Queue[Any]) -> Any:
    """The newest event of about the last third of a second, or the first that ends it."""
    deadline = time.monotonic() + TELL_EVERY_S
    event = events.get()
    while isinstance(event, tuple) and (left_s := deadline - time.monotonic()) > 0:
        try:
            event = events.get(timeout=left_s)
        except queue.Empty:
            break
    return event


def _done(made: Slideshow, spent_s: float) -> Update:
    text = f"Finished: {len(made.slides)} pictures, {seconds(made.duration_s)} in {made.score.key_name}"
    return {
        "slides": {"slides": [_row(slide) for slide in made.slides]},
        "video": gr.update(value=str(made.files["slideshow.mp4"]), visible=True),
        "files": downloads(made.files, NOTES),
        "status": status(f"{text}, made in {spent_s:.0f} s.", "done", 1.0),
    }


def _row(slide: Any) -> dict[str, Any]:
    emotion = slide.emotion.value
    return {
        "begin_s": round(slide.begin_s, 2),
        "name": Path(slide.name).name,
        "label": emotion.label,
        "valence": round(emotion.valence, 1),
        "arousal": round(emotion.arousal, 1),
    }
