"""What a visitor asks for beyond the take's own files: MP3, OGG, a film, a ZIP; made when asked, from the take.

In: the visitor's request, the picture's file, a kind of :data:`KINDS`. Out: values of the files panel, its `making` as
it goes. What is made stays in the take's folder and is offered beside the other files.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from page.files_panel import files_value
from page.job import Job
from page.performance import told
from page.texts import say
from pipelines.bundle import FILES, TAKE, Take
from pipelines.errors import SettingsError, StoppedError
from pipelines.records import Picture

KINDS = {kind: f"files.making_{kind}" for kind in ("mp3", "ogg", "mp4", "zip")}  # keys of texts
TELL_EVERY_S = 0.3
NOT_YET = say("files.not_yet")


@dataclass
class Making:
    """Files made in a thread of their own, so that it can be told how far they are, and stopped."""

    job: Job
    picture: str | None
    kind: str
    events: queue.Queue[float | Exception | None] = field(default_factory=queue.Queue)
    left: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, name=f"making {self.kind}", daemon=True).start()

    def _run(self) -> None:
        try:
            make(self.job.folder, self.picture, self.kind, progress=self.events.put, cancelled=self._over)
        except Exception as trouble:
            self.events.put(trouble)
        self.events.put(None)

    def _over(self) -> bool:
        return self.left.is_set() or self.job.superseded


def take_away(job: Job | None, picture: str | None, kind: Any) -> Iterator[dict[str, Any]]:
    """Make files of a kind and yield the files panel's value as it goes; trouble is told in it."""
    if job is None or not isinstance(kind, str) or kind not in KINDS:
        return
    if not (job.folder / TAKE).is_file():
        yield files_value(None, {"kind": kind, "part": None, "text": NOT_YET})
        return
    making = Making(job, picture, kind)
    making.start()
    try:
        yield from _watched(making)
    finally:
        making.left.set()


def _watched(making: Making) -> Iterator[dict[str, Any]]:
    part, take = 0.0, take_in(making.job.folder)
    while True:
        yield files_value(take, {"kind": making.kind, "part": round(part, 2), "text": say(KINDS[making.kind])})
        event = _latest(making.events)
        if event is None:
            yield files_value(take_in(making.job.folder))
            return
        if isinstance(event, StoppedError):
            return
        if isinstance(event, Exception):
            yield files_value(take, {"kind": making.kind, "part": None, "text": told(event, making.job)})
            return
        part = max(part, event)


def _latest(events: queue.Queue[float | Exception | None]) -> float | Exception | None:
    """The next event, or the last of those that come within a moment."""
    event = events.get()
    waited = threading.Event()
    while isinstance(event, float):
        waited.wait(TELL_EVERY_S)
        try:
            event = events.get_nowait()
            while isinstance(event, float) and not events.empty():
                event = events.get_nowait()
        except queue.Empty:
            return event
        if isinstance(event, float):
            return event
    return event


def take_in(folder: Path) -> Take:
    """The take of a folder, with whatever was made from it."""
    names = [file for files in FILES.values() for file in files.values()]
    names += [f"{chain}.{kind}" for chain in FILES for kind in KINDS] + ["take.zip"]
    return Take(folder, {name: folder / name for name in names if (folder / name).is_file()}, folder / TAKE)


def make(
    folder: Path,
    picture: str | None,
    kind: str,
    *,
    progress: Callable[[float], None],
    cancelled: Callable[[], bool],
) -> None:
    """Make the files of a kind from the take in a folder; raises what the exports raise."""
    from pipelines.export_stored import read_record
    from pipelines.export_zip import export_zip

    record = read_record(folder / TAKE)
    if kind == "zip":
        made = [folder / f"{chain}.{other}" for chain in FILES for other in ("mp3", "ogg", "mp4")]
        export_zip(folder, folder / "take.zip", exported=[path for path in made if path.is_file()])
        return
    shown = _picture(picture) if kind == "mp4" else None
    chains = [chain for chain in FILES if chain in record["chains"]]
    for place, chain in enumerate(chains):

        def tell(part: float, place: int = place) -> None:
            progress((place + part) / len(chains))

        _export(folder, chain, record, kind, shown, tell, cancelled)


def _picture(path: str | None) -> Picture:
    from pipelines.picture import read_picture

    if path is None:
        raise SettingsError(say("files.picture_gone"))
    return read_picture(path)


def _export(
    folder: Path,
    chain: str,
    record: dict[str, Any],
    kind: str,
    picture: Picture | None,
    progress: Callable[[float], None],
    cancelled: Callable[[], bool],
) -> None:
    from pipelines.command_export import film_label
    from pipelines.export_audio import export_audio
    from pipelines.export_ffmpeg import tags_of
    from pipelines.export_video import VideoSettings, export_video
    from pipelines.symbolic.midi import read_midi

    sound, target, tags = folder / FILES[chain]["audio"], folder / f"{chain}.{kind}", tags_of(record, chain)
    watch: dict[str, Any] = {"progress": progress, "cancelled": cancelled}
    if picture is None:
        export_audio(sound, target, tags=tags, **watch)
        return
    label, mood = film_label(record, chain)
    score = read_midi(folder / FILES[chain]["score"]) if chain == "symbolic" else None
    export_video(
        picture, sound, target, score=score, settings=VideoSettings(label=label, mood=mood), tags=tags, **watch
    )
