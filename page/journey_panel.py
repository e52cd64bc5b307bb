"""Journey: music that leads from how a listener feels to how they wish to feel, in a tab of its own.

:func:`journey_panel` builds the components where it is called and connects their events; :func:`perform_journey` is
what runs, and can be read without a page. No picture is asked for or kept. The sound grows in one file, of which the
browser fetches what it is about to play; composing keeps a minute or two ahead of the clock and then waits.

The journey's value: `run`, `address`, `frames`, `total`, `rate` of the growing WAV; `wanted` and `heard`, items of
[second, valence, arousal] as text; `text`, `made_by`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from page.job import Job, discard
from page.own import file_address, marked
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
from page.sound import items
from page.status_panel import status
from page.texts import joined, say, text
from page.words import label_name
from pipelines.errors import StoppedError
from pipelines.journey import (
    FASTEST_CEILING_BPM,
    LONGEST_MIN,
    LOUDEST_LUFS,
    QUIETEST_LUFS,
    SHORTEST_MIN,
    SLOWEST_CEILING_BPM,
    JourneySettings,
)
from pipelines.journey_files import SOUND, Growing, write_journey
from pipelines.path_heard import WINDOW_S, heard_between
from pipelines.records import VA_MAX, VA_MIN, circumplex_label
from pipelines.symbolic.path_composer import PathSettings
from pipelines.symbolic.synthesize import SAMPLE_RATE_HZ

INVITATION = say("journey.invitation")
NOTES = {
    "journey.wav": ("tab.journey", "file.wav_stereo"),
    "journey.mid": ("file.notes", "file.midi"),
    "journey.json": ("files.story", "journey.json"),
}
AHEAD_S = 90.0  # of the clock, so that who leaves early has cost little
TELL_EVERY_S = 1.0
AT_A_TIME = 4  # listeners; their composing rests most of the time


def journey_panel() -> None:
    """Build the panel within the tab that is open and connect it."""
    with gr.Column(elem_id="ek-way-panel", elem_classes=["ek-panel"]):
        _build(gr.State(None, time_to_live=KEEP_VISITOR_S, delete_callback=discard))


def _build(job: gr.State) -> None:
    gr.Markdown(text("journey.welcome"), elem_id="ek-way-welcome")
    values = [*_feelings(), *_limits()]
    with gr.Row():
        begin = gr.Button(text("journey.begin"), variant="primary", elem_id="ek-way-begin")
        stop = gr.Button(text("settings.stop"), interactive=False, elem_id="ek-way-stop", min_width=70)
    line = own_part("status", "ek-way-status", status(INVITATION, "idle"))
    journey = own_part("journey", "ek-way")
    files = downloads_part("ek-way-files")
    _connect(job, values, begin, stop, {"status": line, "journey": journey, "files": files})


def _feelings() -> list[gr.components.Component]:
    usual = JourneySettings()
    fields: list[gr.components.Component] = []
    with gr.Row():
        for key, point in (("start", usual.start), ("goal", usual.goal)):
            with gr.Column(min_width=260):
                gr.HTML(marked("h2", f"journey.{key}"), elem_classes=["ek-own"], js_on_load=None)
                for name, value in zip(("valence", "arousal"), point, strict=True):
                    label = text(f"journey.{key}_{name}")
                    fields.append(
                        gr.Slider(
                            VA_MIN, VA_MAX, value, step=0.1, label=label, elem_id=f"ek-way-{key}-{name}", buttons=[]
                        )
                    )
    return fields


def _limits() -> list[gr.components.Component]:
    usual = JourneySettings()
    minutes = gr.Slider(
        SHORTEST_MIN,
        LONGEST_MIN,
        usual.minutes,
        step=0.5,
        label=text("journey.minutes"),
        elem_id="ek-way-minutes",
        buttons=[],
    )
    with gr.Accordion(text("journey.limits"), open=False, elem_id="ek-way-limits"):
        arousal = gr.Slider(
            VA_MIN,
            VA_MAX,
            usual.arousal_ceiling,
            step=0.1,
            label=text("journey.arousal"),
            elem_id="ek-way-arousal",
            buttons=[],
        )
        tempo = gr.Slider(
            SLOWEST_CEILING_BPM,
            int(FASTEST_CEILING_BPM),
            usual.tempo_ceiling_bpm,
            step=1,
            label=text("journey.tempo"),
            elem_id="ek-way-tempo",
            buttons=[],
        )
        loudness = gr.Slider(
            QUIETEST_LUFS,
            LOUDEST_LUFS,
            usual.loudness_ceiling_lufs,
            step=1,
            label=text("journey.loudness"),
            elem_id="ek-way-loudness",
            buttons=[],
        )
        seed = gr.Number(
            usual.music.seed,
            label=text("settings.seed"),
            precision=0,
            minimum=0,
            maximum=LARGEST_SEED,
            elem_id="ek-way-seed",
        )
    return [minutes, arousal, tempo, loudness, seed]


def _connect(job: gr.State, inputs: list[Any], begin: gr.Button, stop: gr.Button, parts: dict[str, Any]) -> None:
    def start(earlier: Job | None) -> tuple[Any, ...]:
        return (
            new_job(earlier),
            status(say("status.starting")),
            gr.Button(interactive=False),
            gr.Button(interactive=True),
        )

    def play(job: Job, *values: Any) -> Iterator[dict[Any, Any]]:
        for update in perform_journey(settings_from(*values), job):
            shown = {parts[name]: value for name, value in update.items()}
            rest = {begin: gr.Button(interactive=True), stop: gr.Button(interactive=False)}
            yield shown if under_way(update) else {**shown, **rest}

    def halt(job: Job | None) -> tuple[Any, ...]:
        if job is not None:
            job.stop()
        return status(say("status.stopped"), "stopped"), gr.Button(interactive=True), gr.Button(interactive=False)

    begun = begin.click(start, [job], [job, parts["status"], begin, stop], **AT_ONCE)
    travelled = begun.then(
        play,
        [job, *inputs],
        [*parts.values(), begin, stop],
        trigger_mode="multiple",
        concurrency_limit=AT_A_TIME,
        concurrency_id="journey",
        **PRIVATE,
    )
    stop.click(
        halt,
        [job],
        [parts["status"], begin, stop],
        cancels=[travelled],
        queue=False,
        js="(...values) => { window.ekphonia.hush(); return values; }",
        **PRIVATE,
    )


def settings_from(
    start_valence: float | None = None,
    start_arousal: float | None = None,
    goal_valence: float | None = None,
    goal_arousal: float | None = None,
    minutes: float | None = None,
    arousal: float | None = None,
    tempo: float | None = None,
    loudness: float | None = None,
    seed: float | None = None,
) -> JourneySettings:
    """Settings from the panel's fields; an emptied field has its default. The chain checks their ranges."""
    usual = JourneySettings()

    def said(value: float | None, default: float) -> float:
        return default if value is None else float(value)

    return JourneySettings(
        start=(said(start_valence, usual.start[0]), said(start_arousal, usual.start[1])),
        goal=(said(goal_valence, usual.goal[0]), said(goal_arousal, usual.goal[1])),
        minutes=said(minutes, usual.minutes),
        arousal_ceiling=said(arousal, usual.arousal_ceiling),
        tempo_ceiling_bpm=said(tempo, usual.tempo_ceiling_bpm),
        loudness_ceiling_lufs=said(loudness, usual.loudness_ceiling_lufs),
        music=PathSettings(seed=whole_number(seed)),
    )


@dataclass
class _Way:
    """What the panel shows of one journey; it grows."""

    settings: JourneySettings
    job: Job
    heard: list[tuple[float, float, float]] = field(default_factory=list)

    def listen(self, growing: Growing) -> None:
        """Hear the windows that are whole by now."""
        score, path = growing.stretch.score, self.settings.path()
        while (begin := len(self.heard) * WINDOW_S) + WINDOW_S <= growing.stretch.until_s:
            for window in heard_between(score, path, [(begin, begin + WINDOW_S)]):
                valence, arousal = window.heard
                self.heard.append((begin + WINDOW_S / 2, round(valence, 2), round(arousal, 2)))

    def value(self, growing: Growing) -> dict[str, Any]:
        """The panel's value."""
        path = self.settings.path()
        return {
            "run": self.job.number,
            "address": file_address(growing.sound),
            "frames": growing.frames,
            "total": round(self.settings.duration_s * SAMPLE_RATE_HZ),
            "rate": SAMPLE_RATE_HZ,
            "wanted": items((point.second, round(point.valence, 2), round(point.arousal, 2)) for point in path.points),
            "heard": items(self.heard),
            "text": self.words(growing),
            "made_by": say("journey.made_by", player=growing.stretch.made_by),
        }

    def words(self, growing: Growing) -> str:
        """Where the journey leads, for eyes and ears."""
        path = self.settings.path()
        (v0, a0), (v1, a1) = path.at(0.0), path.at(path.duration_s)
        start, goal = label_name(circumplex_label(v0, a0)), label_name(circumplex_label(v1, a1))
        length = say("length.minutes", n=self.settings.minutes)
        way = say("journey.way", start=start, v0=v0, a0=a0, goal=goal, v1=v1, a1=a1, length=length)
        return joined(way, say("journey.no_medical_device"))


def perform_journey(settings: JourneySettings, job: Job, *, ahead_s: float = AHEAD_S) -> Iterator[Update]:
    """Travel and yield what changes: `status`, `journey`, in the end `files`; never raises. Keeps `ahead_s` ahead."""
    yield from safely(_perform(settings, job, ahead_s), job)


def _perform(settings: JourneySettings, job: Job, ahead_s: float) -> Iterator[Update]:
    way = _Way(settings, job)
    began: float | None = None
    told_at = 0.0
    yield {"files": {}}
    for growing in write_journey(settings, job.folder / "take", live=job.folder / SOUND, cancelled=job.stopped):
        began = time.monotonic() if began is None and growing.frames else began
        _wait(growing, began, ahead_s, job)
        way.listen(growing)
        if growing.frames and (growing.files or time.monotonic() - told_at > TELL_EVERY_S):
            told_at = time.monotonic()
            yield {"journey": way.value(growing), "status": _told(growing, settings)}
    yield {"files": downloads(growing.files, NOTES)}


def _wait(growing: Growing, began: float | None, ahead_s: float, job: Job) -> None:
    """Rest while the music is far enough ahead of the clock; the end needs no waiting for."""
    while began is not None and not growing.files and growing.stretch.until_s - (time.monotonic() - began) > ahead_s:
        if job.stopped():
            raise StoppedError(say("status.stopped"))
        time.sleep(0.1)


def _told(growing: Growing, settings: JourneySettings) -> dict[str, Any]:
    if growing.files:
        return status(say("journey.finished"), "done", 1.0)
    until = growing.stretch.until_s
    minute, second = divmod(int(until), 60)
    return status(say("journey.on_the_way", until=f"{minute}:{second:02d}"), progress=until / settings.duration_s)
