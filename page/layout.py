"""Hangs the panels in the order of the story and connects them: picture, feeling, two lanes, what was heard, files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from page.api import add_api
from page.api_parts import KEEP_FILES_S
from page.classroom_panel import classroom_panel
from page.describe_panel import describe_panel
from page.feeling_panel import feeling_panel
from page.files_panel import files_panel
from page.heard_panel import heard_panel
from page.job import Job, discard
from page.journey_panel import journey_panel
from page.models_panel import ModelsPanel, fetch_model, models_panel, table_value
from page.music_panel import music_panel
from page.own import heading, own_component
from page.performance import Update, perform
from page.picture_panel import PicturePanel, picture_panel
from page.requests import begin, correct, hear_again, pick, put_back, rest, stop, take_back, taken_down
from page.settings_panel import SettingsPanel, settings_for, settings_panel
from page.slideshow_panel import slideshow_panel
from page.status_panel import status_panel
from page.takeaway import take_away
from page.takes_panel import takes_panel
from page.texts import plain, text
from page.wave_panel import wave_panel
from page.words_panel import words_panel

AT_ONCE = 2  # performances at a time, on two cores
FETCHES_WATCHED = 8  # one fetches, the others are told so
LONGEST_QUEUE = 24
CLEAN_EVERY_S, KEEP_VISITOR_S = 1800, 3600
PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


@dataclass(frozen=True)
class Page:
    """The panels that a performance fills, and the visitor's request."""

    picture: PicturePanel
    settings: SettingsPanel
    models: ModelsPanel
    panels: dict[str, gr.HTML]
    job: gr.State

    @property
    def parts(self) -> dict[str, gr.components.Component]:
        """What a performance may change, by name."""
        return {"picture": self.picture.picture, **self.panels}

    @property
    def buttons(self) -> list[gr.components.Component]:
        """The buttons that change while a performance runs."""
        return [self.settings.hear, self.settings.stop]

    @property
    def corrections(self) -> list[Any]:
        """The events with which a visitor puts something of their own in place of what was found."""
        return [self.panels["feeling"].emotion, self.panels["words"].caption, self.panels["words"].prompt]

    @property
    def taken_back(self) -> list[Any]:
        """The events with which a visitor takes something of their own back."""
        return [self.panels["feeling"].restore, self.panels["words"].restore]


def build() -> gr.Blocks:
    """The page, ready to be launched."""
    with gr.Blocks(
        title=plain("page.title"), delete_cache=(CLEAN_EVERY_S, KEEP_FILES_S), analytics_enabled=False
    ) as demo:
        own_component("header")
        with gr.Tabs(elem_id="ek-tabs", overflow_behavior="wrap") as tabs:
            with gr.Tab(text("tab.picture"), id="picture"):
                page = _hang()
            with gr.Tab(text("tab.slideshow"), id="slideshow"):
                slideshow_panel()
            with gr.Tab(text("tab.journey"), id="journey"):
                journey_panel()
            with gr.Tab(text("tab.classroom"), id="class"):
                classroom_panel()
        demo.load(_chosen_tab, None, tabs, **PRIVATE)
        _connect(page)
        demo.load(table_value, None, page.models.table, **PRIVATE)  # what was fetched since the page was built
        add_api()
    demo.queue(max_size=LONGEST_QUEUE, default_concurrency_limit=AT_ONCE)
    return demo


def _chosen_tab(request: gr.Request) -> Any:
    """The classroom for whoever comes by a class's link, else the first."""
    return gr.Tabs(selected="class") if "class" in request.query_params else gr.Tabs()


def _hang() -> Page:
    job = gr.State(None, time_to_live=KEEP_VISITOR_S, delete_callback=discard)
    with gr.Row(elem_id="ek-opening", equal_height=True):
        with gr.Column(scale=6, min_width=320, elem_classes=["ek-panel"]):
            heading(1, "picture.heading")
            picture = picture_panel()
        with gr.Column(scale=5, min_width=320, elem_classes=["ek-panel"]):
            heading(2, "feeling.heading")
            feeling = feeling_panel()
    with gr.Column(elem_id="ek-desk", elem_classes=["ek-panel"]):
        settings = settings_panel()
        line = status_panel()
    panels = {"status": line, "feeling": feeling, **_hang_lanes(), **_hang_closing()}
    with gr.Accordion(text("models.heading"), open=False, elem_id="ek-models-panel", elem_classes=["ek-panel"]):
        models = models_panel()
    return Page(picture, settings, models, panels, job)


def _hang_lanes() -> dict[str, gr.HTML]:
    with gr.Row(elem_id="ek-lanes"):
        with gr.Column(scale=1, min_width=320, elem_classes=["ek-panel"]):
            heading(3, "music.heading", "music.hint")
            music = music_panel()
        with gr.Column(scale=1, min_width=320, elem_classes=["ek-panel"]):
            heading(4, "words.heading", "words.hint")
            words = words_panel()
            wave = wave_panel()
    return {"music": music, "words": words, "wave": wave}


def _hang_closing() -> dict[str, gr.HTML]:
    with gr.Row(elem_id="ek-closing", equal_height=True):
        with gr.Column(scale=6, min_width=320, elem_classes=["ek-panel"]):
            heading(5, "heard.heading")
            heard = heard_panel()
        with gr.Column(scale=5, min_width=320, elem_classes=["ek-panel"]):
            heading(6, "files.heading")
            files = files_panel()
    with gr.Column(elem_classes=["ek-panel"], elem_id="ek-takes-panel"):
        heading(7, "takes.heading", "takes.hint")
        takes = takes_panel()
    with gr.Column(elem_classes=["ek-panel"]):
        heading(8, "describe.heading")
        described = describe_panel()
    return {"heard": heard, "files": files, "takes": takes, "describe": described}


def _connect(page: Page) -> None:
    picture, settings = page.picture, page.settings
    outputs = [page.job, page.panels["status"], *page.buttons]
    at_once: dict[str, Any] = {"queue": False, "trigger_mode": "multiple", **PRIVATE}
    begun = settings.hear.click(hear_again, [page.job], outputs, **at_once)
    # Not the event `input`: it comes for a picture taken away as well, and still with that picture.
    put_in = picture.picture.upload(begin, [page.job], outputs, **at_once)
    picture.picture.clear(taken_down, [page.job], outputs, **at_once)
    picked = picture.examples.pick(pick, [page.job], [*outputs, picture.picture], **at_once)
    corrected = [event(correct, [page.job], outputs, **at_once) for event in page.corrections]
    corrected += [event(take_back, [page.job], outputs, **at_once) for event in page.taken_back]
    performances = [_play_after(event, page) for event in (begun, put_in, picked, *corrected)]
    settings.stop.click(
        stop,
        [page.job],
        outputs[1:],
        cancels=performances,
        queue=False,
        js="(...values) => { window.ekphonia.hush(); return values; }",
        **PRIVATE,
    )
    back = page.parts | {"job": page.job, "duration": settings.duration, "strength": settings.strength}
    back |= {"seed": settings.seed, "lanes": settings.lanes, "hear": settings.hear, "stop": settings.stop}
    back |= {"models": page.models.choice, "composer": page.models.composer}

    def show(job: Job | None, event: gr.EventData) -> dict[Any, Any]:
        return {back[name]: value for name, value in put_back(job, event).items()}

    page.panels["takes"].desk(show, [page.job], list(back.values()), cancels=performances, **at_once)
    _connect_models(page.models)
    page.panels["files"].make(
        _take_away, [page.job, picture.picture], [page.panels["files"]], concurrency_limit=AT_ONCE, **PRIVATE
    )


def _take_away(job: Job | None, path: str | None, event: gr.EventData) -> Iterator[dict[str, Any]]:
    yield from take_away(job, path, event._data.get("kind"))


def _connect_models(models: ModelsPanel) -> None:
    fetching = models.table.fetch(_fetch, None, [models.table], concurrency_limit=FETCHES_WATCHED, **PRIVATE)
    models.table.cancel(table_value, None, [models.table], cancels=[fetching], queue=False, **PRIVATE)


def _fetch(event: gr.EventData) -> Iterator[dict[str, Any]]:
    yield from fetch_model(event._data.get("role"))


def _play_after(event: Any, page: Page) -> Any:
    def play(job: Job | None, path: str | None, *values: Any) -> Iterator[dict[Any, Any]]:
        if job is None or job.superseded or job.planned:  # nothing was opened
            yield _at_rest(page)
            return
        for update in perform(path, settings_for(job, *values), job):
            if job.superseded:
                return
            yield _told(update, page)

    return event.then(
        play,
        [page.job, page.picture.picture, *page.settings.values, *page.models.values],
        [*page.parts.values(), *page.buttons],
        trigger_mode="multiple",
        concurrency_limit=AT_ONCE,
        concurrency_id="performance",
        **PRIVATE,
    )


def _told(update: Update, page: Page) -> dict[Any, Any]:
    """The panels' new values, and the buttons at rest once it is over."""
    shown: dict[Any, Any] = {page.parts[name]: value for name, value in update.items()}
    line = update.get("status")
    if line is None or line["kind"] == "busy":
        return shown
    return shown | _at_rest(page)


def _at_rest(page: Page) -> dict[Any, Any]:
    return dict(zip(page.buttons, rest(), strict=True))
