"""How many threads a step of the decoder is to compute on, found out again and again while it runs.

On a quiet machine two threads make a step faster. But where other programs or visitors keep the cores busy, threads
that wait for each other at the end of each small product take fifty times as long as one alone. So a trial product
decides, once a second of music, and a step that takes far too long sends the next ones back to one thread at once.
Which number it is changes no result: sums of 8-bit products are exact in any order, and the rest is computed row by
row.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

MOST_THREADS = 4
TRIALS = 6
STEPS_BETWEEN_TRIALS = 50
TOO_SLOW = 2.5  # times the fastest step since the last trial
GAIN_WANTED = 0.9  # of one thread's time


class Threads:
    """The number of torch's threads for one take; `trial` is a small part of a step's work."""

    def __init__(self, trial: Callable[[], object], *, most: int | None = None) -> None:
        self.most = min(most or MOST_THREADS, os.cpu_count() or 1)
        self.count = 1
        self._trial = trial
        self._steps_left, self._fastest_s = 0, float("inf")

    def run(self, step: Callable[[], int]) -> int:
        """Do a step on as many threads as are best now, and return what it returns."""
        import torch

        if self._steps_left == 0 and self.most > 1:
            self._choose()
        if torch.get_num_threads() != self.count:
            torch.set_num_threads(self.count)
        started = time.perf_counter()
        result = step()
        self._learn(time.perf_counter() - started)
        return result

    def _learn(self, seconds: float) -> None:
        self._steps_left = max(0, self._steps_left - 1)
        self._fastest_s = min(self._fastest_s, seconds)
        if self.count > 1 and seconds > TOO_SLOW * self._fastest_s:
            self.count, self._steps_left = 1, STEPS_BETWEEN_TRIALS

    def _choose(self) -> None:
        """Take all threads where they are faster than one by a tenth."""
        alone_s = self._time(1)
        together_s = self._time(self.most)
        self.count = self.most if together_s < GAIN_WANTED * alone_s else 1
        self._steps_left, self._fastest_s = STEPS_BETWEEN_TRIALS, float("inf")

    def _time(self, threads: int) -> float:
        """Seconds of the slowest of some trials."""
        import torch

        torch.set_num_threads(threads)
        self._trial()
        slowest_s = 0.0
        for _ in range(TRIALS):
            started = time.perf_counter()
            self._trial()
            slowest_s = max(slowest_s, time.perf_counter() - started)
        return slowest_s
