"""How a visitor's requests begin, go on from a correction, stop, and give way to an earlier take.

In: the visitor's latest request, None before the first, and what a click or an edit brings. Out: for most the new
request, the line of what goes on, and the buttons that start and stop; trouble is one sentence in that line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from page.corrections import correction, taken_back
from page.job import Job
from page.picture_panel import example_path
from page.settings_panel import settings_shown
from page.status_panel import INVITATION, status
from page.takes_panel import desk_values
from page.texts import say, text, words_of
from pipelines.errors import EkphoniaError, SettingsError


def rest() -> tuple[gr.Button, gr.Button]:
    """The buttons that start and stop while nothing runs."""
    return gr.Button(text("settings.hear"), interactive=True), gr.Button(interactive=False)


def hear_again(earlier: Job | None) -> tuple[Any, ...]:
    """The same picture anew, with what the visitor said instead of the models."""
    return _opened(Job.begin(Path(get_upload_folder())) if earlier is None else earlier.again())


def begin(earlier: Job | None) -> tuple[Any, ...]:
    """Stop the visitor's earlier request and open a new one."""
    return _opened(_next(earlier))


def _next(earlier: Job | None) -> Job:
    return Job.begin(Path(get_upload_folder())) if earlier is None else earlier.another()


def _opened(job: Job) -> tuple[Any, ...]:
    return (
        job,
        status(say("status.starting")),
        gr.Button(text("settings.hear"), interactive=False),
        gr.Button(interactive=True),
    )


def correct(earlier: Job | None, event: gr.EventData) -> tuple[Any, ...]:
    """Open a request that goes on from what the visitor says instead of what was found."""
    try:
        if earlier is None:
            raise SettingsError(say("trouble.put_away"))
        step, value = correction(event._data, earlier.found.get("emotion"))
    except EkphoniaError as error:
        return earlier, status(words_of(error), "warning"), *rest()
    return _opened(earlier.corrected(step, value))


def take_back(earlier: Job | None, event: gr.EventData) -> tuple[Any, ...]:
    """Open a request in which a model says again what the visitor had said instead."""
    try:
        if earlier is None:
            raise SettingsError(say("trouble.put_away"))
        step = taken_back(event._data, earlier.own)
    except EkphoniaError as error:
        return earlier, status(words_of(error), "warning"), *rest()
    return _opened(earlier.taken_back(step))


def put_back(earlier: Job | None, event: gr.EventData) -> dict[str, Any]:
    """An earlier take as it was: its picture, its settings, what its lanes showed, its corrections in force."""
    buttons = dict(zip(("hear", "stop"), rest(), strict=True))
    try:
        if earlier is None:
            raise SettingsError(say("trouble.put_away"))
        take = earlier.shelf.take(event._data.get("number"))
    except EkphoniaError as error:
        return {"status": status(words_of(error), "warning"), **buttons}
    job = earlier.back_to(take)
    shown = {**dict(desk_values(take, job.shelf, job.number)), "picture": take.picture}
    line = status(say("takes.back", number=take.number), "done", 1.0)
    return {"job": job, "status": line, **shown, **settings_shown(take.settings, take.chains), **buttons}


def pick(earlier: Job | None, event: gr.EventData) -> tuple[Any, ...]:
    """Stop the visitor's earlier request and open a new one, with an example as the picture."""
    return *begin(earlier), str(example_path(event._data.get("number")))


def taken_down(earlier: Job | None) -> tuple[Any, ...]:
    """A picture taken away only stops what it began."""
    if earlier is not None:
        earlier.supersede()
    return earlier, status(say(INVITATION), "idle"), *rest()


def stop(job: Job | None) -> tuple[Any, ...]:
    """Ask the request that runs to stop."""
    if job is not None:
        job.stop()
    return status(say("status.stopped"), "stopped"), *rest()
