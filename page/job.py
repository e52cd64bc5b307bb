"""One visitor's request: what to make, a folder for its files, a switch to stop it. Nothing is shared by visitors."""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from page.takes import KeptTake, Shelf
from pipelines.chains import CHAINS
from pipelines.records import MusicPrompt, Step

CHUNK = "chunk-{}.wav"
KEPT = 2  # folders of a visitor's earlier requests, whose files may still be on their way
CORRECTABLE = ("emotion", "caption", "prompt")  # in the order in which one follows from another


@dataclass(frozen=True, eq=False)
class Job:
    """A request; `number` tells it from the visitor's others, `folder` is made on first use.

    `given` holds steps that are not made again, as the chains take them; `chains` the chains to run, None for those
    that the settings name; `carried` the folder of an earlier take whose other chain is kept. `own` are the visitor's
    corrections in force, which hold until `picture`, a name for the picture's turn, is another. `found` and `heard` are
    filled while it runs: the steps that a later correction starts from, the score, and what was heard in each
    chain's music. `shelf` holds the visitor's finished takes and goes from request to request.
    """

    folder: Path
    number: str
    given: Mapping[str, Any] = field(default_factory=dict)
    chains: tuple[str, ...] | None = None
    carried: Path | None = None
    own: Mapping[str, Any] = field(default_factory=dict)
    picture: str = field(default_factory=lambda: secrets.token_hex(8))
    shelf: Shelf = field(default_factory=Shelf)
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

        Of the older of them only the take: by now no browser is still fetching its chunks. What stands on the shelf is
        kept as well.
        """
        self.supersede()
        for folder in self.trail:
            drop_chunks(folder)
        trail = (self.folder, *self.trail)[:KEPT]
        job = Job.begin(self.folder.parent, trail=trail, shelf=self.shelf, **wish)
        self._put_away((self.folder, *self.trail)[KEPT:], job)
        return job

    def again(self) -> Job:
        """The next request for the same picture: all is made anew, but for what the visitor said instead."""
        return self.another(given=self._given((), self.own), own=self.own, picture=self.picture)

    def corrected(self, step: str, value: Any) -> Job:
        """The next request, in which `value` stands for a step, and only what comes after is made again.

        What this one found before that step is kept, and so is the music of a chain that does not use the step; where
        that was not finished, it is made again as well. The visitor's earlier corrections stay in force, but for a
        prompt when its caption is corrected.
        """
        own = {**self._without(step), step: value}
        return self._made_again(step, own, given={step: value})

    def taken_back(self, step: str) -> Job:
        """The next request, in which a step is made by its model again, and what comes after as well."""
        return self._made_again(step, self._without(step), given={})

    def back_to(self, take: KeptTake) -> Job:
        """A request that stands where the one that made a take ended, and runs nothing; its folder is the take's."""
        self.supersede()
        older = tuple(folder for folder in (self.folder, *self.trail) if folder != take.folder)
        job = Job(
            folder=take.folder,
            number=secrets.token_hex(16),
            own=take.own,
            picture=take.ask.picture,
            shelf=self.shelf,
            found=dict(take.found),
            heard=dict(take.heard),
            planned=set(take.chains),
            trail=older[:KEPT],
        )
        job.taken()
        self.shelf.put(take.number)
        self._put_away(older[KEPT:], job)
        return job

    def _without(self, step: str) -> dict[str, Any]:
        """The corrections in force but for a step's, and for the prompt, which follows from the caption, with that."""
        gone = (step, "prompt") if step == "caption" else (step,)
        return {name: value for name, value in self.own.items() if name not in gone}

    def _given(self, before: tuple[str, ...], own: Mapping[str, Any]) -> dict[str, Any]:
        """The steps found of those named, and the visitor's own; a prompt as a text, to be completed anew."""
        given: dict[str, Any] = {name: self.found[name] for name in before if name in self.found}
        for name, value in own.items():
            given.setdefault(name, value.text if isinstance(value, MusicPrompt) else value)
        if "prompt" in given and "caption" in self.found:
            given.setdefault("caption", self.found["caption"])  # with a prompt none is made, and it goes on being shown
        return given

    def _made_again(self, step: str, own: Mapping[str, Any], *, given: Mapping[str, Any]) -> Job:
        before = CORRECTABLE[: CORRECTABLE.index(step)]
        fed = {name for name, chain in CHAINS.items() if step in chain.STEPS_GIVEN}
        unfinished = set() if self._taken.is_set() else self.planned
        chains = tuple(name for name in CHAINS if name in fed | unfinished)
        heard = {name: self.heard[name] for name in self.heard if name not in chains}
        carried = self.folder if self._taken.is_set() else self.carried
        kept = {} if "symbolic" in chains else {name: self.found[name] for name in ("score",) if name in self.found}
        wish = {"chains": chains, "carried": carried, "heard": heard, "found": kept, "own": own}
        return self.another(given={**self._given(before, own), **given}, picture=self.picture, **wish)

    def _put_away(self, folders: tuple[Path, ...], job: Job) -> None:
        """Delete the folders of older requests that neither the shelf nor the next request needs."""
        for folder in folders:
            if folder not in (job.carried, job.folder, *self.shelf.folders):
                shutil.rmtree(folder, ignore_errors=True)

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
        """Stop it and delete its files and those of the visitor's earlier takes."""
        self.stop()
        for folder in {self.folder, *self.trail, *self.shelf.folders}:
            shutil.rmtree(folder, ignore_errors=True)
        self.shelf.takes.clear()


def drop_chunks(folder: Path) -> None:
    """Delete the sound that was sent while a request ran; its finished take stays."""
    for path in folder.glob(CHUNK.format("*")):
        path.unlink(missing_ok=True)


def discard(job: Job | None) -> None:
    """What happens to a visitor's last request when the visitor has gone."""
    if job is not None:
        job.discard()
