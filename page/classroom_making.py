"""The making of a class in a thread of its own, watched from a visitor's request, which tells and stops it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from page.classroom_rooms import Room, open_room
from page.texts import say
from pipelines.classroom import ClassSettings
from pipelines.errors import StoppedError


@dataclass
class Making:
    """A class under way; `room` is there once :meth:`progress` has come to its end."""

    pictures: Sequence[Path]
    settings: ClassSettings
    _events: queue.Queue[tuple[int, int] | Room | Exception] = field(default_factory=queue.Queue)
    _left: threading.Event = field(default_factory=threading.Event)
    _room: Room | None = None

    @property
    def room(self) -> Room:
        """The finished class."""
        if self._room is None:
            raise StoppedError(say("class.not_finished"))
        return self._room

    def progress(self) -> Iterator[tuple[int, int]]:
        """Make it, and yield how many pieces are done and of how many; raises what the making raises.

        Closing the iterator, as Gradio does when a visitor stops or leaves, ends the making and removes its files.
        """
        threading.Thread(target=self._run, name="class", daemon=True).start()
        try:
            while self._room is None:
                event = self._events.get()
                if isinstance(event, Exception):
                    raise event
                if isinstance(event, Room):
                    self._room = event
                else:
                    yield event
        finally:
            self._left.set()

    def _run(self) -> None:
        try:
            room = open_room(self.pictures, self.settings, progress=self._tell, cancelled=self._left.is_set)
            if self._left.is_set():
                room.discard()  # it was done when its maker had gone
            self._events.put(room)
        except Exception as trouble:
            self._events.put(trouble)

    def _tell(self, done: int, count: int) -> None:
        self._events.put((done, count))
