"""One reader of the chain: a picture's file in, what each panel shows out, as it comes.

Yields dictionaries from a panel's name (`status`, `picture`, `feeling`, `music`, `heard`, `files`) to its new value; a
panel left out stays as it is. Errors become one sentence in `status`; a stack trace goes to the log and nowhere else.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from page.feeling_panel import feeling_value
from page.files_panel import files_value
from page.heard_panel import heard_value
from page.job import Job
from page.music_panel import Music
from page.own import file_data
from page.status_panel import status
from page.words import composing_sentence, seconds
from pipelines.errors import EkphoniaError, PictureError, StoppedError
from pipelines.records import Emotion, Picture, Score, Step
from pipelines.symbolic import SymbolicSettings

Update = dict[str, Any]

NO_PICTURE = "There is no picture yet; choose one, or click an example."
UNFORESEEN = "Something went wrong that should not have; please try once more, or another picture."
STOPPED = "Stopped."
AT_ONCE_S, GATHER_S, WITH_ITS_SOUND_S = 0.0, 0.3, math.inf  # how long after the last message an update may go out
SHOWN_BY_BROWSERS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".avif")
SHARE = {"reading": 0.04, "composing": 0.08, "finishing": 0.92, "listening": 0.96}  # where each begins on the bar

log = logging.getLogger(__name__)


@dataclass
class Performance:
    """A run of the chain as the page shows it."""

    job: Job
    settings: SymbolicSettings
    music: Music
    wanted: Emotion | None = None
    finals: list[Step] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def update_for(self, step: Step) -> Update:
        """What a step changes on the page."""
        if step.final:
            self.finals.append(step)
        if step.name == "emotion":
            self.wanted = step.value
            return {"feeling": feeling_value(step), "status": status("Composing…", progress=SHARE["composing"])}
        if step.name == "score":
            self.music.show_score(step.value, step.made_by)
            return {"music": self.music, "status": self._progress(step)}
        if step.name == "audio" and not step.final:
            self.music.add_chunk(step.value, step.made_by)
            return {"music": self.music}
        if step.name == "audio":
            return {"status": status("Listening back…", progress=SHARE["listening"])}
        if step.name == "heard" and self.wanted is not None:
            return {"heard": heard_value(self.wanted, step)}
        return {}

    def wait_for(self, step: Step) -> float:
        """How long what a step changes may wait: the emotion and the first sound go out at once."""
        if step.name == "score" and not step.final:
            return WITH_ITS_SOUND_S
        first_sound = step.name == "audio" and not self.music.chunks
        return AT_ONCE_S if step.name == "emotion" or first_sound else GATHER_S

    def _progress(self, step: Step) -> dict[str, Any]:
        if step.final:
            return status("Finishing the sound…", progress=SHARE["finishing"])
        score: Score = step.value
        bars = sum(section.bars for section in score.sections)
        part = score.bars_begun / bars if bars else 0.0
        begin, end = SHARE["composing"], SHARE["finishing"]
        return status(composing_sentence(score, bars), progress=begin + part * (end - begin))

    def finish(self, picture: Picture) -> Update:
        """Write the take and hand out its files."""
        from pipelines.bundle import write_take

        take = write_take(self.finals, self.job.folder, picture=picture, settings=asdict(self.settings))
        if take.wav is not None:
            self.music.sound = file_data(take.wav)
        return {"music": self.music, "files": files_value(take), "status": self._done()}

    def _done(self) -> dict[str, Any]:
        score = next(step.value for step in self.finals if step.name == "score")
        spent_s = time.monotonic() - self.started
        text = f"Finished: {seconds(score.duration_s)} of piano in {score.key_name}, made in {spent_s:.1f} s."
        return status(text, "done", 1.0)


def perform(path: str | None, settings: SymbolicSettings, job: Job) -> Iterator[Update]:
    """Run the chain on a picture's file and yield what changes on the page; never raises what it can tell."""
    try:
        yield from _gathered(_perform(path, settings, job))
    except StoppedError:
        yield {"status": status(STOPPED, "stopped")}
    except EkphoniaError as error:
        log.info("told the visitor: %s", error)
        taken_down = {"picture": None} if isinstance(error, PictureError) else {}
        yield {"status": status(str(error), "warning"), **taken_down}
    except Exception:
        log.exception("unforeseen, in request %s", job.number[:8])
        yield {"status": status(UNFORESEEN, "warning")}


def _perform(path: str | None, settings: SymbolicSettings, job: Job) -> Iterator[tuple[Update, float]]:
    """Updates, each with the seconds since the last message after which it may go out."""
    from pipelines.picture import read_picture
    from pipelines.symbolic import run

    if path is None:
        yield {"status": status(NO_PICTURE, "warning")}, AT_ONCE_S
        return
    performance = Performance(job, settings, Music(job.number, job.folder, settings.duration_s))
    yield {"status": status("Reading the emotion…", progress=SHARE["reading"])}, AT_ONCE_S
    picture = read_picture(path)
    if not path.lower().endswith(SHOWN_BY_BROWSERS):
        yield {"picture": _copy_to_show(picture, job)}, GATHER_S
    for step in run(picture, settings, cancelled=job.stopped):
        if job.stopped():
            raise StoppedError(STOPPED)
        yield performance.update_for(step), performance.wait_for(step)
    yield performance.finish(picture), AT_ONCE_S


def _copy_to_show(picture: Picture, job: Job) -> str:
    """The same pixels as PNG, for browsers show neither TIFF nor HEIC."""
    from PIL import Image

    path = job.folder / f"{Path(picture.name).stem}.png"
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
    """The music's value is made when it is sent, once for all that has come."""
    return {name: part.value() if isinstance(part, Music) else part for name, part in update.items()}
