"""The sound of one lane as the browser gets it: a file for each message, then the whole take.

`hold` asks the player to wait: sound that is made more slowly than it plays begins when the rest will come in time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from page.job import CHUNK
from page.own import file_address
from pipelines.records import Audio

TELLS_PACE_S = 2.0  # how long a maker is watched before its pace is believed
SPARE_S = 1.5  # how much earlier than needed the rest should come


def items(values: Iterable[Any]) -> str:
    """A JSON list without its brackets: of a text that grows Gradio sends only what is new.

    A list it walks through item by item with every message, on both sides, which for a piece of three minutes takes
    longer than composing it.
    """
    return json.dumps(list(values), separators=(",", ":"))[1:-1]


@dataclass
class Sound:
    """What has sounded so far in a run; `run` names it to the browser, which empties its player for a new one."""

    run: str
    folder: Path
    prefix: str
    asked_s: float
    clock: Callable[[], float] = time.monotonic
    made_by: str = ""
    licence: str = ""
    patient: bool = False
    chunks: list[tuple[str, float]] = field(default_factory=list)
    file: dict[str, Any] | None = None
    _unsent: list[Audio] = field(default_factory=list)
    _came_s: float = 0.0
    _first_at: float | None = None
    _first_s: float = 0.0
    _let_go: bool = False
    _restarts: int = 0

    def add(self, chunk: Audio, made_by: str, licence: str = "", *, patient: bool = False) -> None:
        """Take in the next chunk; one that starts at 0 when there was sound already begins anew.

        `patient` is for a maker that may be slower than its sound plays.
        """
        if chunk.start_s == 0.0 and self._came_s > 0.0:
            self._restarts += 1
            self.chunks, self._unsent, self._first_at, self._let_go = [], [], None, False
        if self._first_at is None:
            self._first_at, self._first_s = self.clock(), chunk.duration_s
        self._unsent.append(chunk)
        self._came_s = chunk.start_s + chunk.duration_s
        self.made_by, self.licence, self.patient = made_by, licence, patient

    @property
    def begun(self) -> bool:
        """Whether any sound was sent."""
        return bool(self.chunks)

    @property
    def part(self) -> float:
        """How much of the asked length has come, 0 to 1."""
        return min(1.0, self._came_s / self.asked_s)

    def value(self) -> dict[str, Any]:
        """The part of a panel's value that the player reads; sound that has come since goes into one file."""
        self._write_unsent()
        return {
            "run": f"{self.run}/{self.prefix}{self._restarts or ''}",
            "asked_s": self.asked_s,
            "chunks": items(self.chunks),
            "hold": self.hold(),
            "sound": self.file,
        }

    def hold(self) -> bool:
        """Whether playing now would run dry: what is still to come would not be there in time.

        Only for a patient one: its pace, seconds of sound a second, is measured from its first chunk on.
        """
        if not self.patient or self._let_go or self.file is not None or self._first_at is None:
            return False
        spent_s = self.clock() - self._first_at
        since_s = self._came_s - self._first_s
        if spent_s < TELLS_PACE_S or since_s <= 0:
            return True
        missing_s = max(0.0, self.asked_s - self._came_s)
        self._let_go = missing_s * spent_s / since_s + SPARE_S <= self.asked_s
        return not self._let_go

    def _write_unsent(self) -> None:
        """As 16-bit samples at the chain's own loudness."""
        import numpy as np

        from pipelines.sound import write_wav

        if not self._unsent:
            return
        path = self.folder / CHUNK.format(f"{self.prefix}{self._restarts}-{len(self.chunks):04d}")
        samples = np.concatenate([chunk.samples for chunk in self._unsent])
        write_wav(Audio(samples, self._unsent[0].sample_rate_hz), path)
        self.chunks.append((file_address(path), round(self._unsent[0].start_s, 6)))
        self._unsent = []
