"""The chains side by side on one picture: each in a thread of its own, following the same emotion.

In: a picture, the settings of each chain, the steps that are given. Out: which chain, and its next step or the trouble
that ended it, in the order in which they come. One chain's trouble does not end the other.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pipelines.chain import emotion_step
from pipelines.chains import ChainSettings, run_chain
from pipelines.errors import EkphoniaError, StoppedError
from pipelines.records import Picture, Step

PATIENCE_S = 0.2  # between looks at whether it was stopped
PLACES = threading.BoundedSemaphore(4)  # chains at work in this process: two visitors' two


@dataclass
class Running:
    """Chains at work; what they make is put into one queue."""

    stopped: Callable[[], bool]
    events: queue.Queue[tuple[str, Step | Exception | None]] = field(default_factory=queue.Queue)
    _left: threading.Event = field(default_factory=threading.Event)

    def start(self, chain: str, picture: Picture | None, settings: ChainSettings, given: Mapping[str, Any]) -> None:
        """Run a chain in a thread that does not keep the program alive."""
        work = (chain, picture, settings, given)
        threading.Thread(target=self._run, args=work, name=f"chain {chain}", daemon=True).start()

    def _run(self, chain: str, picture: Picture | None, settings: ChainSettings, given: Mapping[str, Any]) -> None:
        try:
            with self._place():
                for step in run_chain(chain, picture, settings, given, cancelled=self._over):
                    self.events.put((chain, step))
                    self._go_on()
        except Exception as trouble:
            self.events.put((chain, trouble))
        self.events.put((chain, None))

    @contextmanager
    def _place(self) -> Iterator[None]:
        """One of the places at work, kept until the work has really ended, however long a stop takes to be noticed."""
        while not PLACES.acquire(timeout=PATIENCE_S):
            self._go_on()
        try:
            yield
        finally:
            PLACES.release()

    def _go_on(self) -> None:
        if self._over():
            raise StoppedError("Stopped.")

    def next_event(self) -> tuple[str, Step | Exception | None]:
        """Wait for what comes next; raises StoppedError when it is stopped while a chain is busy with one thing."""
        while True:
            try:
                return self.events.get(timeout=PATIENCE_S)
            except queue.Empty:
                self._go_on()

    def _over(self) -> bool:
        return self._left.is_set() or self.stopped()

    def leave(self) -> None:
        """Let the chains stop by themselves."""
        self._left.set()


def side_by_side(
    picture: Picture,
    chains: Mapping[str, ChainSettings],
    given: Mapping[str, Any],
    *,
    stopped: Callable[[], bool],
) -> Iterator[tuple[str, Step | Exception]]:
    """Run the chains; the first step, `emotion`, comes once and is read before they part.

    A chain begins when the one before it has first sounded, so that sound comes as early as it can. A chain whose
    settings cannot be met is not started. Raises an EkphoniaError when the emotion cannot be read.
    """
    refused = {chain: trouble for chain, settings in chains.items() if (trouble := _refusal(settings)) is not None}
    yield from refused.items()
    able = {chain: settings for chain, settings in chains.items() if chain not in refused}
    if not able:
        return
    emotion = emotion_step(picture, given, next(iter(able.values())).emotion_source())
    if emotion is None:
        return
    yield next(iter(able)), emotion
    running = Running(stopped)
    try:
        yield from _in_turn(running, picture, able, {**given, "emotion": emotion})
    finally:
        running.leave()


def _in_turn(
    running: Running, picture: Picture, chains: Mapping[str, ChainSettings], given: Mapping[str, Any]
) -> Iterator[tuple[str, Step | Exception]]:
    waiting = list(chains)
    at_work: set[str] = set()
    sounded: set[str] = set()
    while waiting or at_work:
        if waiting and at_work <= sounded:
            chain = waiting.pop(0)
            at_work.add(chain)
            running.start(chain, picture, chains[chain], given)
        chain, event = running.next_event()
        if isinstance(event, StoppedError):
            raise event
        if event is None:
            at_work.discard(chain)
        elif isinstance(event, Exception) or event.name != "emotion":
            yield chain, event
        if isinstance(event, Step) and event.name == "audio":
            sounded.add(chain)


def _refusal(settings: ChainSettings) -> EkphoniaError | None:
    try:
        settings.check()
    except EkphoniaError as trouble:
        return trouble
    return None
