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
CORRECTABLE = ("emotion", "caption", "prompt")  # in the order in which one follows from another


@dataclass(frozen=True, eq=False)
class Job:
    """A request; `number` tells it from the visitor's others, `folder` is made on first use.

    `given` holds steps that are not made again, as the chains take them; `chains` the chains to run; `carried` the
    folder of an earlier take whose other chain is kept. `found` and `heard` are filled while it runs: the steps that a
    later correction starts from, and what was heard in each chain's music.
    """

    folder: Path
    number: str
    given: Mapping[str, Any] = field(default_factory=dict)
    chains: tuple[str, ...] = tuple(CHAINS)
    carried: Path | None = None
    found: dict[str, Step] = field(default_factory=dict)
    heard: dict[str, Step] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def begin(cls, cache: Path, **wish: Any) -> Job:
        """A new request with a folder of its own, whose name cannot be guessed, under the page's cache."""
        number = secrets.token_hex(16)
        folder = cache / number
        folder.mkdir(parents=True)
        return cls(folder, number, **wish)

    def corrected(self, step: str, value: Any) -> Job:
        """A new request beside this one in which `value` stands for a step, and only what comes after is made again.

        What this one found before that step is kept, and so is the take of a chain that does not use the step.
        """
        before = {name: self.found[name] for name in CORRECTABLE[: CORRECTABLE.index(step)] if name in self.found}
        chains = tuple(name for name, chain in CHAINS.items() if step in chain.STEPS_GIVEN)
        heard = {name: self.heard[name] for name in self.heard if name not in chains}
        wish = {"given": {**before, step: value}, "chains": chains, "carried": self.folder, "heard": heard}
        return Job.begin(self.folder.parent, **wish)

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
