"""Slideshow: several pictures in order to one piece of music and a video, in a tab of its own.

:func:`slideshow_panel` builds the components where it is called and connects their events; :func:`perform_slideshow`
is what runs, and can be read without a page.
"""

from __future__ import annotations

import queue
import re
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
from page.texts import REFERENCE, TEXTS, say, text
from page.words import key_name, seconds
from pipelines.command_line import PICTURE_SUFFIXES
from pipelines.settings import LONGEST_S, SHORTEST_S
from pipelines.slideshow import FEWEST_PICTURES, MOST_PICTURES, Slideshow, SlideshowSettings, make_slideshow
from pipelines.symbolic.path_composer import PathSettings

EACH, WHOLE = "seconds a picture", "the whole length"
INVITATION = say("slides.invitation", fewest=FEWEST_PICTURES, most=MOST_PICTURES)
NOTES = {
    "slideshow.mp4": ("slides.video", "slides.mp4"),
    "slideshow.wav": ("slides.music", "file.wav_stereo"),
    "slideshow.mid": ("file.notes", "file.midi"),
    "slideshow.json": ("files.story", "slides.json"),
}
PROGRESS = ("slides.looking", "slides.feeling", "slides.composing", "slides.filming")
TELL_EVERY_S = 0.3


def slideshow_panel() -> None:
    """Build the panel within the tab that is open and connect it."""
    with gr.Column(elem_id="ek-show-panel", elem_classes=["ek-panel"]):
        _build(gr.State(None, time_to_live=KEEP_VISITOR_S, delete_callback=discard))


def _build(job: gr.State) -> None:
    gr.Markdown(text("slides.hint"), elem_id="ek-show-hint")
    pictures = gr.File(
        file_count="multiple",
        file_types=list(PICTURE_SUFFIXES),
        allow_reordering=True,
        label=text("slides.pictures"),
        elem_id="ek-show-pictures",
    )
    values = _settings()
    with gr.Row():
        make = gr.Button(text("slides.make"), variant="primary", elem_id="ek-show-make")
        stop = gr.Button(text("settings.stop"), interactive=False, elem_id="ek-show-stop", min_width=70)
    line = own_part("status", "ek-show-status", status(INVITATION, "idle"))
    slides = own_part("slides", "ek-show-slides")
    video = gr.Video(label=text("slides.video"), visible=False, interactive=False, elem_id="ek-show-video")
    files = downloads_part("ek-show-files")
    parts = {"status": line, "slides": slides, "video": video, "files": files}
    _connect(job, [pictures, *values], make, stop, parts)


def _settings() -> list[gr.components.Component]:
    usual = SlideshowSettings()
    modes = [(str(text("slides.mode_each")), EACH), (str(text("slides.mode_whole")), WHOLE)]
    with gr.Row():
        mode = gr.Radio(modes, value=EACH, label=text("slides.set"), elem_id="ek-show-mode", min_width=200)
        each = gr.Slider(
            4, 60, usual.seconds_a_picture, step=0.5, label=text("slides.each"), elem_id="ek-show-each", buttons=[]
        )
        whole = gr.Slider(
            SHORTEST_S,
            LONGEST_S,
            60,
            step=1,
            label=text("slides.length"),
            visible=False,
            elem_id="ek-show-length",
            buttons=[],
        )
        fade = gr.Slider(
            0, 2, usual.frames.fade_s, step=0.1, label=text("slides.fade"), elem_id="ek-show-fade", buttons=[]
        )
        seed = gr.Number(
            usual.music.seed,
            label=text("settings.seed"),
            precision=0,
            minimum=0,
            maximum=LARGEST_SEED,
            elem_id="ek-show-seed",
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
        return (
            new_job(earlier),
            status(say("status.starting")),
            gr.Button(interactive=False),
            gr.Button(interactive=True),
        )

    def play(job: Job, paths: list[str] | None, *values: Any) -> Iterator[dict[Any, Any]]:
        for update in perform_slideshow(paths or [], settings_from(*values), job):
            shown = {parts[name]: value for name, value in update.items()}
            yield shown if under_way(update) else {**shown, make: gr.Button(interactive=True), stop: _resting()}

    def halt(job: Job | None) -> tuple[Any, ...]:
        if job is not None:
            job.stop()
        return status(say("status.stopped"), "stopped"), gr.Button(interactive=True), _resting()

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
            yield {"status": status(_told(event[0]), progress=event[1])}
    except GeneratorExit:  # the visitor has gone, or asked for it to stop
        job.stop()
        raise
    if isinstance(event, Exception):
        raise event
    yield _done(event, time.monotonic() - began)


def _told(english: str) -> str:
    """What the chain says of its progress as a message, or as it is where it says something new."""
    for key in PROGRESS:
        pattern = re.escape(TEXTS[REFERENCE][key]).replace(r"\{number\}", r"(\d+)").replace(r"\{of\}", r"(\d+)")
        if found := re.fullmatch(pattern, english):
            number, of = [int(digits) for digits in found.groups()] or (0, 0)
            return say(key, number=number, of=of)
    return english


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
    whole = {"n": len(made.slides), "length": seconds(made.duration_s), "key": key_name(made.score)}
    return {
        "slides": {"slides": [_row(slide) for slide in made.slides]},
        "video": gr.update(value=str(made.files["slideshow.mp4"]), visible=True),
        "files": downloads(made.files, NOTES),
        "status": status(say("slides.finished", **whole, seconds=round(spent_s)), "done", 1.0),
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
