"""The classroom: pictures in, numbered pieces out, blind listeners mark what they feel, then the reveal and the report.

Value of the room (`gr.HTML`): `view` ("empty", "making", "teacher", "listen" or "reveal"), `text` and `kind` of the
line that is read out, `code`, `spelled`, `link`, for its maker also `key`, `part` (0 to 1) while making; `pieces`, each
`number`, `sound` and `seconds`; `progress`, each listener's `name` and `count`; `revealed`; `reveal`, see
:func:`page.classroom_views.reveal_value`; `files` of the report; `reply`, what became of the event numbered `ask`.
Events, all with `ask` and `code`: `arrive`; `admit` with `listener`; `mark` with `listener`, `proof`, `piece`,
`valence`, `arousal`, `seconds`; and with the maker's `key`: `look`, `reveal`, `report`, `forget`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from page.classroom_making import Making
from page.classroom_rooms import Room, find_room, teachers_room
from page.classroom_views import EMPTY, listener_value, report_files, teacher_value
from page.own import marked, own_component, read_ui
from page.settings_panel import lane_choices
from page.texts import say, text, words_of
from pipelines.classroom import ClassSettings
from pipelines.errors import EkphoniaError, SettingsError
from pipelines.settings import SHORTEST_S

KINDS = {"Piano": ("symbolic",), "From words": ("waveform",), "Both": ("symbolic", "waveform")}
LONGEST_PIECE_S, LARGEST_SEED = 60, 999_999
UNFORESEEN = say("class.unforeseen")
PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
Value = dict[str, Any]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ClassroomPanel:
    """The panel's components."""

    pictures: gr.File
    kind: gr.Radio
    duration: gr.Slider
    seed: gr.Number
    make: gr.Button
    stop: gr.Button
    room: gr.HTML


def classroom_panel() -> ClassroomPanel:
    """Build the panel and connect it; needs a `gr.Blocks` around it, and nothing else of the page."""
    room = own_component("classroom", EMPTY, css_template=read_ui("classroom.css"))
    with gr.Column(elem_id="ek-class-setup", elem_classes=["ek-panel"]) as setup:
        panel = _setup(room)
    _connect(panel, setup)
    return panel


def _setup(room: gr.HTML) -> ClassroomPanel:
    defaults = ClassSettings()
    title = marked("h2", "class.heading", "ek-heading") + marked("span", "class.hint", "ek-hint")
    gr.HTML(title, elem_classes=["ek-own", "ek-headrow"], apply_default_css=False, js_on_load=None)
    pictures = gr.File(
        file_count="multiple",
        file_types=["image"],
        type="filepath",
        label=text("class.pictures"),
        height=190,
        elem_id="ek-class-pictures",
    )
    with gr.Row(equal_height=False):
        kind = gr.Radio(lane_choices(KINDS), value="Piano", label=text("class.music"), elem_id="ek-class-kind")
        duration = gr.Slider(
            SHORTEST_S,
            LONGEST_PIECE_S,
            defaults.duration_s,
            step=1,
            label=text("class.length"),
            elem_id="ek-class-duration",
            buttons=[],
        )
        seed = gr.Number(
            defaults.seed,
            label=text("settings.seed"),
            precision=0,
            minimum=0,
            maximum=LARGEST_SEED,
            elem_id="ek-class-seed",
        )
    with gr.Row():
        make = gr.Button(text("class.make"), variant="primary", elem_id="ek-class-make")
        stop = gr.Button(text("settings.stop"), interactive=False, elem_id="ek-class-stop")
    return ClassroomPanel(pictures, kind, duration, seed, make, stop, room)


def _connect(panel: ClassroomPanel, setup: gr.Column) -> None:
    room, outputs = panel.room, [panel.room, setup, panel.make, panel.stop]
    inputs = [panel.pictures, panel.kind, panel.duration, panel.seed]
    going = panel.make.click(_make, inputs, outputs, concurrency_id="performance", **PRIVATE)
    panel.stop.click(_stopped, None, outputs, cancels=[going], queue=False, **PRIVATE)
    at_once: dict[str, Any] = {"queue": False, "trigger_mode": "multiple", **PRIVATE}
    for name in ACTS:
        getattr(room, name)(_answering(name), None, [room, setup], **at_once)
    blocks = gr.context.Context.root_block
    if blocks is not None:
        blocks.load(_arrived, None, [room, setup], **at_once)


def _answering(name: str) -> Callable[[gr.EventData], tuple[Value, Any]]:
    def answer(event: gr.EventData) -> tuple[Value, Any]:
        value = act(name, event._data)
        return value, _setup_shown(value)

    return answer


def _setup_shown(value: Value) -> Any:
    """What makes a class is out of the way for listeners and while a class goes on."""
    view = value.get("view")
    return gr.skip() if view is None else gr.Column(visible=view in ("empty", "making"))


def _arrived(request: gr.Request) -> tuple[Value, Any]:
    """What somebody sees who opens the page, by the `class` and `key` of its address."""
    asked = dict(request.query_params)
    if not asked.get("class"):
        return EMPTY, gr.skip()
    value = act("look" if asked.get("key") else "arrive", {"code": asked["class"], "key": asked.get("key")})
    if "view" not in value:
        value = {**EMPTY, **value}
    return value, _setup_shown(value)


def act(name: str, said: Any) -> Value:
    """Do what an event of the browser asks, and give the room's new value; a bad one changes nothing but `reply`."""
    said = said if isinstance(said, Mapping) else {}
    ask = said.get("ask") if isinstance(said.get("ask"), int) else 0
    try:
        return {**ACTS[name](said), "reply": {"ask": ask, "fine": True, "text": ""}}
    except EkphoniaError as error:
        words = words_of(error)
    except Exception as error:
        log.error("unforeseen, in a class", exc_info=error)
        words = UNFORESEEN
    return {"text": words, "kind": "warning", "reply": {"ask": ask, "fine": False, "text": words}}


def _seen_by(said: Mapping[str, Any], room: Room, text: str = "") -> Value:
    """The room as its maker or a listener sees it."""
    if said.get("key"):
        return teacher_value(teachers_room(said.get("code"), said["key"]), text)
    return listener_value(room, text)


def _arrive(said: Mapping[str, Any]) -> Value:
    return listener_value(find_room(said.get("code")))


def _admit(said: Mapping[str, Any]) -> Value:
    room = find_room(said.get("code"))
    if room.revealed:
        return _seen_by(said, room, say("class.over_pieces"))
    name = room.admit(said.get("listener"))
    return {**_seen_by(said, room), "admitted": name}


def _mark(said: Mapping[str, Any]) -> Value:
    room = find_room(said.get("code"))
    room.take(said)
    return _seen_by(said, room)


def _look(said: Mapping[str, Any]) -> Value:
    return teacher_value(teachers_room(said.get("code"), said.get("key")))


def _reveal(said: Mapping[str, Any]) -> Value:
    room = teachers_room(said.get("code"), said.get("key"))
    room.reveal()
    return teacher_value(room, say("class.over_pictures"))


def _report(said: Mapping[str, Any]) -> Value:
    room = teachers_room(said.get("code"), said.get("key"))
    files = report_files(room)
    return {**teacher_value(room, files["headline"]), "files": files}


def _forget(said: Mapping[str, Any]) -> Value:
    teachers_room(said.get("code"), said.get("key")).discard()
    return {**EMPTY, "text": say("class.deleted"), "kind": "done"}


ACTS: dict[str, Callable[[Mapping[str, Any]], Value]] = {
    "arrive": _arrive,
    "admit": _admit,
    "mark": _mark,
    "look": _look,
    "reveal": _reveal,
    "report": _report,
    "forget": _forget,
}


def settings_of(kind: Any, duration_s: float | None, seed: float | None) -> ClassSettings:
    """The class's settings from the panel; SettingsError for what is not on it."""
    start = ClassSettings()
    if kind not in KINDS:
        raise SettingsError(say("class.bad_music", music=str(kind), known=", ".join(KINDS)))
    length = start.duration_s if duration_s is None else float(duration_s)
    if not SHORTEST_S <= length <= LONGEST_PIECE_S:
        raise SettingsError(say("class.bad_length", length=length, shortest=SHORTEST_S, longest=LONGEST_PIECE_S))
    return ClassSettings(KINDS[kind], length, start.seed if seed is None else int(seed))


def _make(paths: list[str] | None, kind: str, duration: float | None, seed: float | None) -> Iterator[tuple[Any, ...]]:
    """Make a class, telling how far it has come; whoever leaves or stops leaves nothing behind."""
    rest = gr.Button(interactive=True), gr.Button(interactive=False)
    busy = gr.Button(interactive=False), gr.Button(interactive=True)
    try:
        if not paths:
            raise SettingsError(say("class.no_pictures"))
        making = Making([Path(path) for path in paths], settings_of(kind, duration, seed))
        for done, count in making.progress():
            words = say("class.making", done=done, n=count)
            yield {**EMPTY, "view": "making", "text": words, "kind": "busy", "part": done / count}, gr.skip(), *busy
        value = teacher_value(making.room, say("class.ready", n=len(making.room.classroom.pieces)))
    except EkphoniaError as error:
        value = {**EMPTY, "text": words_of(error), "kind": "warning"}
    except Exception as error:
        log.error("unforeseen, in making a class", exc_info=error)
        value = {**EMPTY, "text": UNFORESEEN, "kind": "warning"}
    yield value, _setup_shown(value), *rest


def _stopped() -> tuple[Any, ...]:
    value = {**EMPTY, "text": say("status.stopped"), "kind": "done"}
    return value, gr.skip(), gr.Button(interactive=True), gr.Button(interactive=False)
