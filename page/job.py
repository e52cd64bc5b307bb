"""One visitor's request: what to make, a folder for its files, a switch to stop it. Nothing is shared by visitors."""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.chains import CHAINS
from pipelines.records import Step

CHUNK = "chunk-{}.wav"
KEPT = 2  # folders of a visitor's earlier requests, whose files may still be on their way
CORRECTABLE = ("emotion", "caption", "prompt")  # in the order in which one follows from another


@dataclass(frozen=True, eq=False)
class Job:
    """A request; `number` tells it from the visitor's others, `folder` is made on first use.

    `given` holds steps that are not made again, as the chains take them; `chains` the chains to run, None for those
    that the settings name; `carried` the folder of an earlier take whose other chain is kept. `found` and `heard` are
    filled while it runs: the steps that a later correction starts from, the score, and what was heard in each
    chain's music.
    """

    folder: Path
    number: str
    given: Mapping[str, Any] = field(default_factory=dict)
    chains: tuple[str, ...] | None = None
    carried: Path | None = None
    found: dict[str, Step] = field(default_factory=dict)
    heard: dict[str, Step] = field(default_factory=dict)
    planned: set[str] = field(default_factory=set)
    trail: tuple[Path, ...] = ()
    _stop: threading.Event = field(default_factory=threading.Event)
    _superseded: threading.Event = field(default_factory=threading.Event)
    _taken: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def begin(cls, cache: Path, **wish: Any) -> Job:
        """A new request with a folder of its own, whose name cannot be guessed, under the page's cache."""
        number = secrets.token_hex(16)
        folder = cache / number
        folder.mkdir(parents=True)
        return cls(folder, number, **wish)

    def another(self, **wish: Any) -> Job:
        """The visitor's next request, in place of this one, which stops; the files of the last two are kept.

        Of the older of them only the take: by now no browser is still fetching its chunks.
        """
        self.supersede()
        for folder in self.trail:
            drop_chunks(folder)
        job = Job.begin(self.folder.parent, trail=(self.folder, *self.trail)[:KEPT], **wish)
        for folder in (self.folder, *self.trail)[KEPT:]:
            if folder != job.carried:
                shutil.rmtree(folder, ignore_errors=True)
        return job

    def corrected(self, step: str, value: Any) -> Job:
        """The next request, in which `value` stands for a step, and only what comes after is made again.

        What this one found before that step is kept, and so is the music of a chain that does not use the step; where
        that was not finished, it is made again as well.
        """
        before = {name: self.found[name] for name in CORRECTABLE[: CORRECTABLE.index(step)] if name in self.found}
        fed = {name for name, chain in CHAINS.items() if step in chain.STEPS_GIVEN}
        unfinished = set() if self._taken.is_set() else self.planned
        chains = tuple(name for name in CHAINS if name in fed | unfinished)
        heard = {name: self.heard[name] for name in self.heard if name not in chains}
        carried = self.folder if self._taken.is_set() else self.carried
        kept = {} if "symbolic" in chains else {name: self.found[name] for name in ("score",) if name in self.found}
        wish = {"chains": chains, "carried": carried, "heard": heard, "found": kept}
        return self.another(given={**before, step: value}, **wish)

    def supersede(self) -> None:
        """Stop it, since another takes its place: what it still has to say concerns nobody."""
        self._superseded.set()
        self.stop()  # its chunks stay for now: the browser may be fetching one

    @property
    def superseded(self) -> bool:
        """Whether another has taken its place."""
        return self._superseded.is_set()

    def taken(self) -> None:
        """Its take is written, so that a later request may carry a part of it over."""
        self._taken.set()

    def stop(self) -> None:
        """Ask it to stop; it does so within a fraction of a second."""
        self._stop.set()

    def stopped(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.is_set()

    def discard(self) -> None:
        """Stop it and delete its files."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def drop_chunks(folder: Path) -> None:
    """Delete the sound that was sent while a request ran; its finished take stays."""
    for path in folder.glob(CHUNK.format("*")):
        path.unlink(missing_ok=True)


def discard(job: Job | None) -> None:
    """What happens to a visitor's last request when the visitor has gone."""
    if job is not None:
        job.discard()
