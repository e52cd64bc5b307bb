"""What the panels of slideshow and journey share: a status line each, their requests, buttons at rest.

An update is a dictionary from a part's name to its new value, as in :mod:`page.performance`; parts left out stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from page.files_panel import size
from page.job import Job
from page.own import Own, file_data, read_ui
from page.performance import STOPPED, told
from page.status_panel import status
from page.texts import say
from pipelines.errors import StoppedError

Update = dict[str, Any]
PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
AT_ONCE: dict[str, Any] = {"queue": False, "trigger_mode": "multiple", **PRIVATE}
KEEP_VISITOR_S = 3600


def own_part(name: str, elem_id: str, value: dict[str, Any] | None = None) -> gr.HTML:
    """Component `name` of assets/ui under an element id of its own, where the page has it more than once."""
    return Own(
        value,
        html_template=read_ui(f"{name}.html"),
        js_on_load=read_ui(f"{name}.js"),
        elem_id=elem_id,
        elem_classes=["ek-own"],
        apply_default_css=False,
    )


def downloads_part(elem_id: str) -> gr.HTML:
    """A list of files to keep; its value is that of :func:`downloads`."""
    return own_part("downloads", elem_id)


def downloads(files: Mapping[str, Path], notes: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """The files by name as rows, in the order of `notes`: the keys of each title and of a word on its kind."""
    return {
        "files": [
            {
                "file": file_data(files[name]),
                "title": say(title),
                "note": say(note),
                "size": size(files[name].stat().st_size),
            }
            for name, (title, note) in notes.items()
            if name in files
        ]
    }


def new_job(earlier: Job | None) -> Job:
    """Stop and delete the visitor's earlier request and open a new one."""
    if earlier is not None:
        earlier.discard()
    return Job.begin(Path(get_upload_folder()))


def safely(updates: Iterator[Update], job: Job) -> Iterator[Update]:
    """The same updates; trouble becomes a sentence in `status`."""
    try:
        yield from updates
    except StoppedError:
        yield {"status": status(STOPPED, "stopped")}
    except Exception as error:
        yield {"status": status(told(error, job), "warning")}


def whole_number(value: float | None) -> int:
    """A seed from a field that may be empty."""
    return 0 if value is None else max(0, int(value))


def under_way(update: Update) -> bool:
    """Whether the work goes on after this update."""
    return update.get("status", {"kind": "busy"})["kind"] == "busy"
