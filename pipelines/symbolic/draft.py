"""A piece in the making: its events so far in the home key, what of them returns, what the network reads of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pipelines.records import Section
from pipelines.symbolic.events import BARS_AHEAD, FIELDS, Header
from pipelines.symbolic.form import Form, original_of
from pipelines.symbolic.sampling import BAR, Ints

LONGEST_CONTEXT = 190  # events; the network was trained on 254


@dataclass(frozen=True, eq=False)
class Draft:
    """A piece in the making: header, form, and the events so far (n, 5), in the home key."""

    header: Header
    form: Form
    events: npt.NDArray[np.int64]

    def bar_numbers(self) -> Ints:
        """Bar of each event, from 0."""
        return np.cumsum(self.events[:, BAR])

    def bars(self, first: int, count: int) -> Ints:
        """Events of some bars, the first event's bar counted from `first`."""
        numbers = self.bar_numbers()
        chosen = self.events[(numbers >= first) & (numbers < first + count)].copy()
        if len(chosen):
            chosen[0, BAR] = 0
        return chosen

    @property
    def bars_done(self) -> int:
        """Bars so far; every bar has an event."""
        return int(self.bar_numbers()[-1]) + 1 if len(self.events) else 0

    def with_events(self, events: Ints) -> Draft:
        """Put events (the first one's bar counted from the bar after the last) behind the others."""
        if not len(events):
            return self
        events = events.copy()
        events[0, BAR] = 1
        return replace(self, events=np.concatenate((self.events, events)))

    def context(self) -> Ints:
        """The last whole bars that fit what the network reads, counted from their own first bar."""
        numbers = self.bar_numbers()
        start = max(0, len(numbers) - LONGEST_CONTEXT)
        if start:
            later = np.flatnonzero(numbers > numbers[start - 1])
            start = int(later[0]) if len(later) else start
        context = self.events[start:].copy()
        context[:, BAR] = np.minimum(context[:, BAR], BARS_AHEAD - 1)
        if start:
            context[0, BAR] = 0
        return context

    def returning(self, section: Section) -> Ints:
        """Events that a phrase takes over from its original; none for a new idea.

        Right after the original it is an answer, which shares the first half with its question; later on it is a
        return, which shares all bars but the last.
        """
        origin = next((s for s in self.form.sections if s.name == original_of(section.name)), section)
        if origin.first_bar == section.first_bar:
            return np.zeros((0, len(FIELDS)), np.int64)
        answers = section.first_bar == origin.first_bar + origin.bars
        shared = origin.bars // 2 if answers else origin.bars - 1
        return self.bars(origin.first_bar, max(1, min(shared, section.bars - 1)))
