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
from page.texts import say, text, words_of
from pipelines.catalogue import COMPOSERS, EMBEDDED, PAPER, ModelEntry
from pipelines.errors import EkphoniaError, SettingsError, StoppedError
from pipelines.hub import Progress, fetch
from pipelines.models import MODELS_VARIABLE, check_models, default_models, is_here, may_be_fetched, note_on
from pipelines.symbolic import SymbolicSettings

TITLES = {
    "emotion": "models.emotion",
    "caption": "models.caption",
    "prompt": "models.prompt",
    "audio": "lane.words",
}  # keys of texts
# Not "paper": it insists on a trained ResNet-50 and so would refuse whatever is asked where none has been trained.
CHOICES = {"auto": "models.auto", "embedded": "models.embedded"}  # keys of texts
COMPOSER_TEXTS = {"composer": "models.own", "paper": "models.network", "causal": "models.causal"}  # keys of texts
FETCH_VARIABLE, HOST_VARIABLE = "EKPHONIA_FETCH", "GRADIO_SERVER_NAME"
TELL_EVERY_S = 0.5
STOPPING_S = 1.0  # that a fetch just stopped may take to end
ANOTHER = say("models.another")
NOT_ALLOWED = say("models.not_allowed", command="python -m pipelines fetch")

log = logging.getLogger(__name__)
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class ModelsPanel:
    """The panel's components."""

    choice: gr.Radio
    composer: gr.Radio
    table: gr.HTML

    @property
    def values(self) -> list[gr.components.Component]:
        """The components that hold settings, in the order of the last ones of `settings_panel.settings_from`."""
        return [self.choice, self.composer]


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
        "title": say(TITLES[role]),
        "name": paper.name,
        "licence": paper.licence,
        "size": _size(paper.size_mb),
        "origin": paper.hub_id,
        **_state(paper),
        "stand_in": _stand_in(EMBEDDED[role]),
    }


def _size(size_mb: float) -> str:
    if size_mb >= 1000:
        return say("size.gb", size=size_mb / 1000)
    return say("size.whole_mb", size=round(size_mb))


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
        return {"here": False, "may_fetch": may_fetch(), "note": say("models.unreadable")}


def _stand_in(entry: ModelEntry) -> str:
    """Who plays where the paper's model does not."""
    try:
        here = is_here(entry)
    except Exception:
        log.exception("looking for the embedded %s failed", entry.name)
        here = False
    if here:
        return entry.made_by
    return say("models.template") if entry.role == "prompt" else say("models.not_here", name=entry.made_by)


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
        yield table_value({"role": role, "part": 0.0, "text": say("models.asking")})
        yield from _watched(fetching, role)
    finally:
        fetching.left.set()


def _watched(fetching: Fetching, role: str) -> Iterator[dict[str, Any]]:
    while (event := _latest(fetching.events)) is not None:
        if isinstance(event, Progress):
            text = say("models.fetched", done=round(event.done_bytes / 1e6), total=round(event.total_bytes / 1e6))
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
        return say("models.stopped")
    if isinstance(trouble, EkphoniaError):
        return words_of(trouble)
    log.error("fetching failed", exc_info=trouble)
    return say("models.failed")


def models_panel() -> ModelsPanel:
    """Build the panel."""
    models = default_models()
    choice = gr.Radio(
        [(str(text(key)), models) for models, key in CHOICES.items()],
        value=models if models in CHOICES else "auto",
        label=text("models.to_use"),
        elem_id="ek-models-choice",
    )
    composer = gr.Radio(
        [(str(text(COMPOSER_TEXTS[name])), name) for name in COMPOSERS],
        value=SymbolicSettings.composer,
        label=text("models.composer"),
        info=text("models.composer_hint"),
        elem_id="ek-composer-choice",
    )
    return ModelsPanel(choice, composer, own_component("models", table_value()))
