"""What the endpoints for programs share: a folder for each request, numbers with ranges, trouble, what a yield holds.

Conventions
-----------
A long endpoint yields :func:`line` as it goes, a dictionary whose `status` is a sentence in English and whose
`progress` runs from 0 to 1, and its files in the last yield only. Sound that has come since the last yield is in
`sound`: `file`, a 16-bit WAV, and `start_s`, where it lies in the piece in seconds; played one after the other without
a gap the files are the piece, and one that starts at 0 makes those before it void. Trouble is a `gr.Error` of one
sentence.
"""

from __future__ import annotations

import math
import queue
import shutil
import threading
import time
import wave
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr
from gradio.utils import get_upload_folder

from page.job import Job
from page.own import file_data
from page.performance import told
from pipelines.bundle import plain
from pipelines.errors import SettingsError
from pipelines.journey_sound import WAV_HEADER
from pipelines.records import LABELS, Emotion, Step
from pipelines.settings import LEAST_VA, MOST_VA, check_emotion

FOLDER = "programs"
KEEP_FILES_S = 4 * 3600  # as long as the page keeps a visitor's files
FRAME_BYTES = 4  # of 16-bit stereo
TICK_S = 0.5

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class _End:
    """The end of work, and the trouble that it ended in."""

    trouble: Exception | None = None


class Amount(gr.Number):
    """A `gr.Number` that tells its range to programs and leaves refusing to the chains, which say it better."""

    is_template = True  # it looks as a gr.Number does, and has no frontend of its own

    def api_info(self) -> dict[str, Any]:
        """The JSON schema of a value."""
        limits = {"minimum": self.minimum, "maximum": self.maximum}
        return {**super().api_info(), **{name: limit for name, limit in limits.items() if limit is not None}}

    def preprocess(self, payload: float | None) -> float | int | None:
        """The number as it came; raises `gr.Error` for what is none."""
        if payload is None:
            return None
        if isinstance(payload, bool) or not isinstance(payload, int | float) or not math.isfinite(payload):
            raise gr.Error(f"{self.label}: {payload!r} is not a number.", print_exception=False)
        return self.round_to_precision(payload, self.precision)


def amount(name: str, low: float, high: float, value: float | None = None, *, whole: bool = False) -> Amount:
    """A component for a number of a range, which its label tells as well; `value` is the default."""
    label = f"{name}, {low:g} to {high:g}"
    return Amount(value, label=label, minimum=low, maximum=high, precision=0 if whole else None)


def point(name: str, valence: float | None = None, arousal: float | None = None) -> list[Amount]:
    """Two components for a point of the plane."""
    pair = (("valence", valence), ("arousal", arousal))
    return [amount(f"{name} {axis}", LEAST_VA, MOST_VA, value) for axis, value in pair]


@contextmanager
def opened(*, keep: bool = True) -> Iterator[Job]:
    """A request with a folder of its own, which stays for four hours if `keep`.

    What fails or is cancelled leaves nothing; trouble is raised as `gr.Error` with one sentence.
    """
    job = Job.begin(programs_folder())
    try:
        yield job
    except gr.Error:
        job.discard()
        raise
    except Exception as trouble:
        job.discard()
        raise gr.Error(str(told(trouble, job)), print_exception=False) from trouble
    except BaseException:  # the program has cancelled, or has gone
        job.discard()
        raise
    if not keep:
        job.discard()


def programs_folder() -> Path:
    """Where the requests' folders lie, those older than four hours deleted."""
    folder = Path(get_upload_folder()) / FOLDER
    too_old = time.time() - KEEP_FILES_S
    for earlier in folder.glob("*"):
        if earlier.stat().st_mtime < too_old:
            shutil.rmtree(earlier, ignore_errors=True)
    return folder


def ticking(work: Iterator[T], job: Job) -> Iterator[T | None]:
    """What `work` yields, worked out in a thread; None where half a second passes without anything.

    Gradio can end an endpoint only between its yields, and composing a phrase may take longer than a program waits for
    its answer. Who closes this has left: the thread ends by itself, and deletes what it has written since.
    """
    come: queue.Queue[T | _End] = queue.Queue()
    left = threading.Event()
    threading.Thread(target=_work_through, args=(work, job, come, left), name="program", daemon=True).start()
    try:
        while True:
            try:
                step = come.get(timeout=TICK_S)
            except queue.Empty:
                yield None
                continue
            if not isinstance(step, _End):
                yield step
            elif step.trouble is None:
                return
            else:
                raise step.trouble
    except BaseException:
        left.set()
        raise


def _work_through(work: Iterator[T], job: Job, come: queue.Queue[T | _End], left: threading.Event) -> None:
    try:
        with closing(work):  # type: ignore[type-var]
            for step in work:
                come.put(step)
                if left.is_set():
                    break
    except Exception as trouble:
        come.put(_End(trouble))
    else:
        come.put(_End())
    if left.is_set():
        job.discard()


def given_emotion(valence: float | None, arousal: float | None) -> dict[str, Emotion]:
    """The program's own emotion as a chain's given step, {} where there is none.

    Raises SettingsError for half of one, and for a value off the scale.
    """
    if valence is None and arousal is None:
        return {}
    if valence is None or arousal is None:
        raise SettingsError("An emotion of your own needs both valence and arousal; give both, or neither.")
    check_emotion(valence, arousal)
    return {"emotion": Emotion.at(valence, arousal)}


def given_words(**texts: str | None) -> dict[str, str]:
    """The program's own words as a chain's given steps, empty ones left out."""
    return {name: text for name, text in texts.items() if text and text.strip()}


def found(step: Step) -> dict[str, Any]:
    """What a step found and who made it, ready for JSON; an emotion's probabilities by their labels."""
    value = plain(step.value)
    if isinstance(step.value, Emotion):
        value["probabilities"] = dict(zip(LABELS, value["probabilities"], strict=True))
    return {**value, "made_by": step.made_by, "licence": step.licence, "note": step.note}


def line(status: str, progress: float | None, **more: Any) -> dict[str, Any]:
    """What a yield says while it goes on."""
    return {"status": str(status), "progress": round(progress or 0.0, 3), **more}


def line_of(update: Mapping[str, Any]) -> dict[str, Any] | None:
    """The same from a panel's update, None where that says nothing; raises `gr.Error` where it tells of trouble."""
    status = update.get("status")
    if status is None:
        return None
    if status["kind"] in ("warning", "stopped"):
        raise gr.Error(str(status["text"]), print_exception=False)
    return line(status["text"], status["progress"])


def sound(path: Path, start_s: float) -> dict[str, Any]:
    """A file of sound as a yield holds it."""
    return {"file": file_data(path), "start_s": round(start_s, 6)}


def cut(growing: Path, first: int, last: int, rate_hz: int, target: Path) -> Path:
    """Write the frames from `first` up to `last` of a growing stereo WAV as a WAV of their own."""
    with growing.open("rb") as file:
        file.seek(WAV_HEADER + first * FRAME_BYTES)
        frames = file.read((last - first) * FRAME_BYTES)
    with wave.open(str(target), "wb") as piece:
        piece.setnchannels(2)
        piece.setsampwidth(2)
        piece.setframerate(rate_hz)
        piece.writeframes(frames)
    return target
