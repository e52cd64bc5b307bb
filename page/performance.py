"""One reader of the chains: a picture's file in, what each panel shows out, as it comes.

Yields dictionaries from a panel's name (`status`, `picture`, `feeling`, `music`, `words`, `wave`, `heard`, `files`,
`describe`, `takes`) to its new value; a panel left out stays as it is. Errors become one sentence in `status`, and one
lane's in its panel; a stack trace goes to the log and nowhere else.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from page.corrections import asked_for
from page.describe_panel import DESCRIBED, describe_value
from page.feeling_panel import feeling_value
from page.files_panel import files_value
from page.heard_panel import heard_value
from page.job import CORRECTABLE, Job
from page.lanes import Lane, NotesLane, WordsLane
from page.own import file_data
from page.side_by_side import side_by_side
from page.status_panel import status
from page.takes import Ask, KeptTake, changes, thumbnail
from page.takes_panel import takes_value
from page.texts import joined, say, words_of
from page.words_panel import words_value
from pipelines.bundle import FILES, Take
from pipelines.chain import given_step
from pipelines.chains import CHAINS, ChainSettings
from pipelines.errors import EkphoniaError, PictureError, StoppedError
from pipelines.records import Emotion, Picture, Step

Update = dict[str, Any]

NO_PICTURE, NOTHING_CHOSEN = say("status.no_picture"), say("status.nothing_chosen")
UNFORESEEN = say("status.unforeseen")
STOPPED, BEGINNING = say("status.stopped"), say("status.beginning")
AT_ONCE_S, GATHER_S, WITH_ITS_SOUND_S = 0.0, 0.3, math.inf  # how long after the last message an update may go out
SHOWN = "shown.png"
SHOWN_BY_BROWSERS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".avif")
MADE_PANELS = ("music", "words", "wave", "heard", "files", "describe")
READ_PART, MADE_PART = 0.08, 0.96  # of the bar: the emotion is read; both lanes are made
LANES: dict[str, type[Lane]] = {"symbolic": NotesLane, "waveform": WordsLane}

log = logging.getLogger(__name__)


class Performance:
    """A run of the chains as the page shows it."""

    def __init__(self, job: Job, settings: Mapping[str, ChainSettings]) -> None:
        self.job, self.settings = job, settings
        self.lanes = {chain: LANES[chain](job, wish) for chain, wish in settings.items()}
        self.wanted: Emotion | None = None
        self.started = time.monotonic()

    def update_for(self, chain: str, event: Step | Exception) -> Update:
        """What a step, or the trouble that ended a chain, changes on the page; the story grows with it."""
        lane = self.lanes[chain]
        if isinstance(event, Exception):
            lane.fail(told(event, self.job))
            return {lane.panel: lane}
        if event.name in CORRECTABLE or (event.name == "score" and event.final):
            self.job.found[event.name] = event
        update = self._update_by(lane, event)
        if event.name in DESCRIBED and event.final:
            update["describe"] = describe_value(self.job.found, self.job.heard)
        return update

    def _update_by(self, lane: Lane, event: Step) -> Update:
        if event.name == "emotion":
            self.wanted = event.value
            for each in self.lanes.values():
                each.steps.append(event)
            return {"feeling": feeling_value(event), "status": self._progress()}
        if event.name == "heard" and self.wanted is not None:
            self.job.heard[lane.chain] = event
            lane.take(event)
            heard = heard_value(self.wanted, self.job.heard, self.job.found)
            return {"heard": heard, "status": self._progress()}
        return {**lane.take(event), "status": self._progress()}

    def emptied(self) -> Update:
        """What an earlier request gave is taken away, but for the visitor's own words; after a correction all stays.

        No take is on the desk any more, until this one is finished or an earlier one put back.
        """
        self.job.shelf.cleared = not self.job.superseded  # for then another stands on the desk
        takes = {"takes": takes_value(self.job.shelf)} if self.job.shelf.takes else {}
        if self.job.chains is not None:
            return takes
        own = {name: given_step(name, self.job.own[name]) for name in ("caption", "prompt") if name in self.job.own}
        words = {"words": words_value(own.get("caption"), own.get("prompt"))} if own else {}
        return {**dict.fromkeys(MADE_PANELS), **words, **takes}

    def wait_for(self, chain: str, event: Step | Exception) -> float:
        """How long what a step changes may wait: the emotion, the words and the first sound go out at once."""
        if isinstance(event, Exception):
            return AT_ONCE_S
        if event.name == "score" and not event.final:
            return WITH_ITS_SOUND_S
        first_sound = event.name == "audio" and not self.lanes[chain].sound.begun
        return AT_ONCE_S if event.name in ("emotion", "caption", "prompt") or first_sound else GATHER_S

    def _progress(self) -> dict[str, Any]:
        done = sum(lane.progress for lane in self.lanes.values()) / len(self.lanes)
        at_work = joined(*(lane.doing for lane in self.lanes.values()))
        detail = joined(*(lane.detail for lane in self.lanes.values()), between="list.commas")
        return status(at_work or BEGINNING, progress=READ_PART + done * (MADE_PART - READ_PART), detail=detail)

    def finish(self, picture: Picture, shown: str) -> Update:
        """Write the take and hand out its files; raises the trouble where every lane has failed.

        `shown` is the file that the page shows of the picture.
        """
        from pipelines.bundle import write_take

        made = {chain: lane for chain, lane in self.lanes.items() if lane.made}
        if not made:
            raise EkphoniaError(next(iter(self.lanes.values())).trouble)
        parts = {chain: lane.part() for chain, lane in made.items()}
        kept = set(CHAINS) - self.job.planned
        take = write_take(parts, self.job.folder, picture=picture, carried=self.job.carried, carry=kept)
        self.job.taken()
        for lane in made.values():
            lane.sound.file = file_data(take.files[lane.sound_file])
        self._shelve(take, picture, shown)
        return {
            **{lane.panel: lane for lane in made.values()},
            "files": files_value(take),
            "describe": describe_value(self.job.found, self.job.heard),
            "takes": takes_value(self.job.shelf),
            "status": self._done(),
        }

    def _shelve(self, take: Take, picture: Picture, shown: str) -> None:
        """Keep the take for this visit, beside the earlier ones."""
        job, shelf = self.job, self.job.shelf
        chains = tuple(chain for chain in CHAINS if FILES[chain]["audio"] in take.files)
        ask = Ask.of(job.picture, picture, job.own, next(iter(self.settings.values())), chains)
        before = shelf.on_desk or (shelf.takes[-1] if shelf.takes else None)
        kept = KeptTake(
            number=shelf.made + 1,
            folder=take.folder,
            picture=shown,
            name=picture.name,
            thumbnail=thumbnail(picture),
            ask=ask,
            changed=changes(before.ask if before is not None else None, ask),
            own=job.own,
            found=dict(job.found),
            asked=asked_for(job.found["emotion"].value, job.found),
            heard={chain: job.heard[chain] for chain in chains if chain in job.heard},
            panels=self._panels(take.folder, chains),
        )
        shelf.add(kept, spared=job.trail)

    def _panels(self, folder: Path, chains: tuple[str, ...]) -> dict[str, Any]:
        """What the lanes show at the end; of a chain that was carried over, what the take that it is from showed."""
        carried = next((take.panels for take in self.job.shelf.takes if take.folder == self.job.carried), {})
        panels: dict[str, Any] = {}
        for chain in chains:
            lane = self.lanes.get(chain)
            panel = LANES[chain].panel
            panels |= lane.values(panel) if lane is not None else {panel: carried.get(panel)}
        if "waveform" in chains:
            panels["words"] = words_value(self.job.found.get("caption"), self.job.found.get("prompt"))
        return panels

    def _done(self) -> dict[str, Any]:
        spent_s = time.monotonic() - self.started
        made = joined(*(lane.done for lane in self.lanes.values() if lane.made), between="list.and")
        troubles = [lane.trouble for lane in self.lanes.values() if lane.trouble]
        text = joined(say("status.finished", made=made, seconds=spent_s), *troubles)
        return status(text, "warning" if troubles else "done", 1.0)


def perform(path: str | None, settings: Mapping[str, ChainSettings], job: Job) -> Iterator[Update]:
    """Run the chains on a picture's file and yield what changes on the page; never raises what it can tell."""
    try:
        yield from _gathered(_perform(path, settings, job))
    except StoppedError:
        yield {"status": status(STOPPED, "stopped")}
    except Exception as error:
        taken_down = {"picture": None} if isinstance(error, PictureError) else {}
        yield {"status": status(told(error, job), "warning"), **taken_down}


def told(error: Exception, job: Job) -> str:
    """What a visitor is told of an error; what an engineer needs goes to the log."""
    if isinstance(error, EkphoniaError):
        log.info("told the visitor: %s", error)
        return words_of(error)
    log.error("unforeseen, in request %s", job.number[:8], exc_info=error)
    return UNFORESEEN


def _perform(path: str | None, settings: Mapping[str, ChainSettings], job: Job) -> Iterator[tuple[Update, float]]:
    """Updates, each with the seconds since the last message after which it may go out."""
    from pipelines.picture import read_picture

    if path is None:
        yield {"status": status(NO_PICTURE, "warning")}, AT_ONCE_S
        return
    settings = {chain: settings[chain] for chain in settings if job.chains is None or chain in job.chains}
    if not settings:
        yield {"status": status(NOTHING_CHOSEN, "warning")}, AT_ONCE_S
        return
    job.planned.update(settings)
    performance = Performance(job, settings)
    yield {"status": status(say("status.reading"), progress=READ_PART / 2)}, AT_ONCE_S
    picture = read_picture(path)
    yield performance.emptied(), GATHER_S
    shown = path
    if not path.lower().endswith(SHOWN_BY_BROWSERS):
        shown = _copy_to_show(picture, job)
        yield {"picture": shown}, GATHER_S
    for chain, event in side_by_side(picture, performance.settings, job.given, stopped=job.stopped):
        if job.stopped():
            raise StoppedError(STOPPED)
        yield performance.update_for(chain, event), performance.wait_for(chain, event)
    yield performance.finish(picture, shown), AT_ONCE_S


def _copy_to_show(picture: Picture, job: Job) -> str:
    """The same pixels as PNG, for browsers show neither TIFF nor HEIC."""
    from PIL import Image

    path = job.folder / SHOWN
    Image.fromarray(picture.rgb).save(path, compress_level=1)
    return str(path)


def _gathered(updates: Iterator[tuple[Update, float]]) -> Iterator[Update]:
    """Join updates that come close together, for each message costs the server and the browser."""
    waiting: Update = {}
    sent = 0.0
    for update, wait_s in updates:
        waiting |= update
        if waiting and time.monotonic() - sent >= wait_s:
            yield _as_values(waiting)
            waiting, sent = {}, time.monotonic()
    if waiting:
        yield _as_values(waiting)


def _as_values(update: Update) -> Update:
    """A lane's value is made when it is sent, once for all that has come."""
    values: Update = {}
    for name, part in update.items():
        values |= part.values(name) if isinstance(part, Lane) else {name: part}
    return values
