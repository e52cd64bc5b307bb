"""One visitor's request: a folder for its files and a switch to stop it. Nothing is shared between visitors."""

from __future__ import annotations

import secrets
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path

CHUNK = "chunk-{}.wav"


@dataclass(frozen=True, eq=False)
class Job:
    """A request; `number` tells it from the visitor's others, `folder` is made on first use."""

    folder: Path
    number: str
    _stop: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def begin(cls, cache: Path) -> Job:
        """A new request with a folder of its own, whose name cannot be guessed, under the page's cache."""
        number = secrets.token_hex(16)
        folder = cache / number
        folder.mkdir(parents=True)
        return cls(folder, number)

    def stop(self) -> None:
        """Ask it to stop; it does so within a fraction of a second."""
        self._stop.set()

    def stopped(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.is_set()

    def drop_chunks(self) -> None:
        """Delete the sound that was sent while it ran; the finished take stays."""
        for path in self.folder.glob(CHUNK.format("*")):
            path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Stop it and delete its files."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def discard(job: Job | None) -> None:
    """What happens to a visitor's last request when the visitor has gone."""
    if job is not None:
        job.discard()
