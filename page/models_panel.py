"""Which models are here: for each role the paper's model and the embedded one, and fetching what is missing.

Value: `rows`, each with `role`, `title`, `name`, `licence`, `size`, `origin`, `here`, `stand_in`, `may_fetch`, `note`;
`fetch`, with `role`, `part` (0 to 1, None when nothing is under way) and `text` while one is under way or has failed.
Events: `fetch` with the `role`, `cancel`.

The value is made anew for each visitor who opens the page. One model is fetched at a time, whoever asked for it.
"""

from __future__ import annotations

import ipaddress
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
from pipelines.errors import EkphoniaError, SettingsError, StoppedError
from pipelines.hub import Progress, fetch
from pipelines.models import MODELS_VARIABLE, check_models, default_models, is_here, may_be_fetched, note_on

TITLES = {
    "emotion": "Emotion of the picture",
    "caption": "Caption",
    "prompt": "Music prompt",
    "audio": "Music from words",
}
# Not "paper": the symbolic paper's own model is not part of this version, so that it would refuse whatever is asked.
CHOICES = {"auto": "the papers' where they are here", "embedded": "embedded only"}
FETCH_VARIABLE, HOST_VARIABLE = "EKPHONIA_FETCH", "GRADIO_SERVER_NAME"
TELL_EVERY_S = 0.5
STOPPING_S = 1.0  # that a fetch just stopped may take to end
ANOTHER = "Another fetch is under way; try again when it is done."
NOT_ALLOWED = "Models are fetched here only by who runs this server, with `python -m pipelines fetch`."

log = logging.getLogger(__name__)
_one_at_a_time = threading.Lock()


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

    def start(self) -> bool:
        """Begin, unless another is under way; leaving the page, or cancelling, stops it."""
        if not _one_at_a_time.acquire(timeout=STOPPING_S):
            return False
        threading.Thread(target=self._run, name=f"fetch {self.entry.role}", daemon=True).start()
        return True

    def _run(self) -> None:
        try:
            fetch(self.entry.hub_id or "", progress=self.events.put, cancelled=self.left.is_set)
        except Exception as trouble:
            self.events.put(trouble)
        finally:
            _one_at_a_time.release()
            self.events.put(None)


def check_page_models() -> None:
    """Raise SettingsError for default models that the page cannot work with."""
    models = default_models()
    check_models(models)
    if models not in CHOICES:
        known = " or ".join(CHOICES)
        raise SettingsError(f"The page cannot insist on the papers' models ({MODELS_VARIABLE}={models}); set {known}.")


def may_fetch() -> bool:
    """Whether visitors may fetch models: those of this machine itself, or all where its owner says so.

    Not on a Space, whose models its owner preloads.
    """
    if "SPACE_ID" in os.environ:
        return False
    return os.environ.get(FETCH_VARIABLE) == "1" or is_loopback(os.environ.get(HOST_VARIABLE) or "127.0.0.1")


def is_loopback(host: str) -> bool:
    """Whether a server on that address is reached from its own machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def table_value(under_way: dict[str, Any] | None = None) -> dict[str, Any]:
    """The panel's value as things stand."""
    return {"rows": [_row(role) for role in TITLES], "fetch": under_way}


def _row(role: str) -> dict[str, Any]:
    paper = PAPER[role]
    return {
        "role": role,
        "title": TITLES[role],
        "name": paper.name,
        "licence": paper.licence,
        "size": f"{paper.size_mb / 1000:.1f} GB" if paper.size_mb >= 1000 else f"{paper.size_mb:.0f} MB",
        "origin": paper.hub_id,
        **_state(paper),
        "stand_in": _stand_in(EMBEDDED[role]),
    }


def _state(paper: ModelEntry) -> dict[str, Any]:
    """Whether a model is here and may be fetched, and what is wrong with it; the list must show whatever lies there."""
    try:
        return {
            "here": is_here(paper),
            "may_fetch": may_fetch() and may_be_fetched(paper),
            "note": note_on(paper),
        }
    except Exception:
        log.exception("looking for %s failed", paper.hub_id)
        return {"here": False, "may_fetch": may_fetch(), "note": "what is on this machine cannot be read"}


def _stand_in(entry: ModelEntry) -> str:
    """Who plays where the paper's model does not."""
    try:
        here = is_here(entry)
    except Exception:
        log.exception("looking for the embedded %s failed", entry.name)
        here = False
    if here:
        return entry.made_by
    return "written template" if entry.role == "prompt" else f"{entry.made_by} (not on this machine)"


def fetch_model(role: Any) -> Iterator[dict[str, Any]]:
    """Fetch a role's model and yield the panel's value as it goes; trouble is told in it."""
    if not isinstance(role, str) or role not in TITLES:
        yield table_value()
        return
    if not may_fetch():
        yield table_value(_failed(role, NOT_ALLOWED))
        return
    fetching = Fetching(PAPER[role])
    if not fetching.start():
        yield table_value(_failed(role, ANOTHER))
        return
    try:
        yield table_value({"role": role, "part": 0.0, "text": "Asking the model hub…"})
        yield from _watched(fetching, role)
    finally:
        fetching.left.set()


def _watched(fetching: Fetching, role: str) -> Iterator[dict[str, Any]]:
    while (event := _latest(fetching.events)) is not None:
        if isinstance(event, Progress):
            text = f"{event.done_bytes / 1e6:.0f} of {event.total_bytes / 1e6:.0f} MB"
            yield table_value({"role": role, "part": round(event.part, 3), "text": text})
        else:
            yield table_value(_failed(role, _told(event)))
            return
    yield table_value()


def _failed(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "part": None, "text": text}


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
        return "Stopped; whole files are kept, the one under way begins anew."
    if isinstance(trouble, EkphoniaError):
        return str(trouble)
    log.error("fetching failed", exc_info=trouble)
    return "Fetching failed; try again later."


def models_panel() -> ModelsPanel:
    """Build the panel."""
    models = default_models()
    choice = gr.Radio(
        [(text, models) for models, text in CHOICES.items()],
        value=models if models in CHOICES else "auto",
        label="Models to use",
        elem_id="ek-models-choice",
    )
    return ModelsPanel(choice, own_component("models", table_value()))
