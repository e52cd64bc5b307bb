"""A piece in the making: its events so far in the home key, what of them returns, what the network reads of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pipelines.records import Section
from pipelines.symbolic.events import BARS_AHEAD, FIELDS, Header
from pipelines.symbolic.form import Form, original_of
from pipelines.symbolic.sampling import BAR, POSITION, Ints, lead_position

TRAINED_LENGTH = 254  # events that the network has seen at once
SHORTEST_CONTEXT = 64


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

    def with_events(self, events: Ints, *, new_bar: bool = True) -> Draft:
        """Put events behind the others; with `new_bar` the first stands in the bar after the last one's."""
        if not len(events):
            return self
        events = events.copy()
        if new_bar:
            events[0, BAR] = 1
        return replace(self, events=np.concatenate((self.events, events)))

    def context(self, *, bars_to_draw: int) -> Ints:
        """The last whole bars that leave room for some more within what the network knows, from their own first bar."""
        numbers = self.bar_numbers()
        expected = round(bars_to_draw * len(numbers) / self.bars_done)
        start = max(0, len(numbers) - max(SHORTEST_CONTEXT, TRAINED_LENGTH - expected))
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
        return, which shares all bars but the last. The return that closes the piece gives up its last two beats as
        well: they lead to the final chord.
        """
        origin = next((s for s in self.form.sections if s.name == original_of(section.name)), section)
        if origin.first_bar == section.first_bar:
            return np.zeros((0, len(FIELDS)), np.int64)
        closes = section == self.form.sections[-1]
        answers = section.first_bar == origin.first_bar + origin.bars and not closes
        shared = origin.bars // 2 if answers else origin.bars - 1
        events = self.bars(origin.first_bar, max(1, min(shared, section.bars - 1)))
        if not closes:
            return events
        last_bar = np.cumsum(events[:, BAR]) == events[:, BAR].sum()
        return events[~(last_bar & (events[:, POSITION] >= lead_position(self.form.beats_per_bar)))]
