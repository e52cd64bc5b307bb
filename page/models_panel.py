"""Which models are here: for each role the paper's model and the embedded one, and fetching what is missing.

Value: `rows`, each with `role`, `title`, `name`, `licence`, `size`, `origin`, `here`, `stand_in`, `may_fetch`; `fetch`,
with `role`, `part` (0 to 1) and `text` while one is under way or has failed. Events: `fetch` with the `role`, `cancel`.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from page.own import own_component
from pipelines.catalogue import EMBEDDED, PAPER, ModelEntry
from pipelines.errors import EkphoniaError, StoppedError
from pipelines.hub import Progress, fetch
from pipelines.models import MODELS, default_models, is_here

TITLES = {
    "emotion": "Emotion of the picture",
    "caption": "Caption",
    "prompt": "Music prompt",
    "audio": "Music from words",
}
CHOICES = {"auto": "the papers' where they are here", "embedded": "embedded only", "paper": "the papers' only"}
TELL_EVERY_S = 0.5

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelsPanel:
    """The panel's components."""

    choice: gr.Radio
    table: gr.HTML


@dataclass
class Fetching:
    """A fetch in a thread of its own, watched from a visitor's request."""

    entry: ModelEntry
    events: queue.Queue[Progress | Exception | None] = field(default_factory=queue.Queue)
    left: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Begin; leaving the page, or cancelling, stops it."""
        threading.Thread(target=self._run, name=f"fetch {self.entry.role}", daemon=True).start()

    def _run(self) -> None:
        try:
            fetch(self.entry.hub_id or "", progress=self.events.put, cancelled=self.left.is_set)
        except Exception as trouble:
            self.events.put(trouble)
        self.events.put(None)


def may_fetch() -> bool:
    """Whether visitors may fetch models: not on a Space, whose models its owner preloads."""
    return "SPACE_ID" not in os.environ


def table_value(under_way: dict[str, Any] | None = None) -> dict[str, Any]:
    """The panel's value as things stand."""
    return {"rows": [_row(role) for role in TITLES], "fetch": under_way}


def _row(role: str) -> dict[str, Any]:
    paper, stand_in = PAPER[role], EMBEDDED[role]
    here = is_here(paper)
    return {
        "role": role,
        "title": TITLES[role],
        "name": paper.name,
        "licence": paper.licence,
        "size": f"{paper.size_mb / 1000:.1f} GB" if paper.size_mb >= 1000 else f"{paper.size_mb:.0f} MB",
        "origin": paper.hub_id,
        "here": here,
        "stand_in": stand_in.made_by,
        "may_fetch": may_fetch() and not here,
    }


def fetch_model(role: Any) -> Iterator[dict[str, Any]]:
    """Fetch a role's model and yield the panel's value as it goes; trouble is told in it."""
    if not isinstance(role, str) or role not in TITLES or not may_fetch():
        yield table_value()
        return
    fetching = Fetching(PAPER[role])
    fetching.start()
    yield table_value({"role": role, "part": 0.0, "text": "Asking the model hub…"})
    try:
        yield from _watched(fetching, role)
    finally:
        fetching.left.set()


def _watched(fetching: Fetching, role: str) -> Iterator[dict[str, Any]]:
    while (event := _latest(fetching.events)) is not None:
        if isinstance(event, Progress):
            text = f"{event.done_bytes / 1e6:.0f} of {event.total_bytes / 1e6:.0f} MB"
            yield table_value({"role": role, "part": round(event.part, 3), "text": text})
        else:
            yield table_value({"role": role, "part": None, "text": _told(event)})
            return
    yield table_value()


def _latest(events: queue.Queue[Progress | Exception | None]) -> Progress | Exception | None:
    """The newest event of about the last half second, or the first that is no progress."""
    deadline = time.monotonic() + TELL_EVERY_S
    event = events.get()
    while isinstance(event, Progress) and (left_s := deadline - time.monotonic()) > 0:
        try:
            event = events.get(timeout=left_s)
        except queue.Empty:
            break
    return event


def _told(trouble: Exception) -> str:
    if isinstance(trouble, StoppedError):
        return "Stopped; what has come is kept."
    if isinstance(trouble, EkphoniaError):
        return str(trouble)
    log.error("fetching failed", exc_info=trouble)
    return "Fetching failed; try again later."


def models_panel() -> ModelsPanel:
    """Build the panel."""
    choice = gr.Radio(
        [(CHOICES[models], models) for models in MODELS],
        value=default_models(),
        label="Models to use",
        elem_id="ek-models-choice",
    )
    return ModelsPanel(choice, own_component("models", table_value()))
