"""The network at work: candidates for the next phrase of a draft, drawn side by side.

Two kinds of rows go through the network, with the wanted emotion and without any; their logits are blended by
classifier-free guidance (Ho and Salimans 2022). All candidates share the past that they continue.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from pipelines.errors import StoppedError
from pipelines.models import compute_on_one_thread
from pipelines.symbolic.composer_model import Cache, ComposerModel
from pipelines.symbolic.draft import Draft
from pipelines.symbolic.events import FIELDS, GRID, METRES, MODES, TEMPI_BPM, Header, decode, onsets
from pipelines.symbolic.form import Form, plan_form, plan_form_at, slowest_tempo_bpm
from pipelines.symbolic.key import relative_mode
from pipelines.symbolic.sampling import (
    BAR,
    FORBIDDEN,
    MOST_NOTES_A_BAR,
    POSITION,
    Floats,
    Ints,
    Rows,
    Temperature,
    draw,
    lead_position,
)

STEADY_SOURCE = 0  # the network knows clips of steady and of free metre and songs; steady clips are asked for


@dataclass(frozen=True)
class HeaderWish:
    """What of a piece's header is wished for, None for whatever the network draws."""

    tempo_bpm: float | None = None
    mode: str | None = None
    beats_per_bar: int | None = None

    def allowed(self, name: str) -> Ints | None:
        """Indices that a header field may take; None where nothing is wished."""
        if name == "tempo" and self.tempo_bpm is not None:
            return np.array([Header(METRES[0], MODES[0], self.tempo_bpm).ids()[2]])
        if name == "mode" and self.mode is not None:
            return np.array([MODES.index(self.mode)])
        if name == "metre" and self.beats_per_bar is not None:
            return np.array([METRES.index(self.beats_per_bar)])
        return None


@dataclass(frozen=True)
class Wish:
    """What to draw: valence and arousal (1 to 9), seconds, strength of guidance, candidates, temperature."""

    emotion: tuple[float, float]
    duration_s: float
    strength: float
    candidates: int
    temperature: Temperature = field(default_factory=Temperature)
    header: HeaderWish = field(default_factory=HeaderWish)


class PhraseWriter:
    """Draws phrases for one piece; `cancelled` is asked before each event."""

    def __init__(
        self, model: ComposerModel, wish: Wish, rng: np.random.Generator, cancelled: Callable[[], bool]
    ) -> None:
        self.model, self.wish, self.rng, self.cancelled = model, wish, rng, cancelled

    def first_phrases(self) -> list[Draft]:
        """Draw headers and the opening phrase that follows each."""
        compute_on_one_thread()
        count = self.wish.candidates
        with torch.inference_mode():
            condition = self._condition()
            cache = Cache(self.model.config, 2, 1)
            state = self._read(condition[:, None], 0, np.zeros((2, 1), np.float32), cache)
            ids = self._draw_header(state, count)
            headers = [Header.of(row) for row in ids]
            forms = [self._plan(header) for header in headers]
            headers = [replace(h, tempo_bpm=f.tempo_bpm) for h, f in zip(headers, forms, strict=True)]
            ids = np.array([h.ids() for h in headers])
            about = condition.repeat_interleave(count, 0) + self.model.embed_header(
                torch.from_numpy(np.tile(ids, (2, 1)))
            )
            ends = np.array([form.sections[0].bars for form in forms])
            rows = self._rows(headers, forms, bar=0, position=-1, ends=ends)
            cache = Cache(self.model.config, 2 * count, 2 + int(ends.max()) * MOST_NOTES_A_BAR, trunk=cache)
            state = self._read(about[:, None], 1, np.zeros((2 * count, 1), np.float32), cache)
            events = self._draw_events(state, about, rows, cache, base_bar=0)
        return [_begun(header, form, drawn) for header, form, drawn in zip(headers, forms, events, strict=True)]

    def _plan(self, header: Header) -> Form:
        wished_bpm = self.wish.header.tempo_bpm
        if wished_bpm is not None:
            return plan_form_at(self.wish.duration_s, wished_bpm, header.beats_per_bar)
        return plan_form(self.wish.duration_s, header.tempo_bpm, header.beats_per_bar)

    def later_phrases(self, draft: Draft) -> list[Draft]:
        """Take over what returns and draw the rest of the next phrase; its last bar is left out at the piece's end."""
        section = next(s for s in draft.form.sections if s.first_bar == draft.bars_done)
        draft = draft.with_events(draft.returning(section))
        end = min(section.first_bar + section.bars, draft.form.bars - 1)
        new_bar = draft.bars_done < end
        if not new_bar and section != draft.form.sections[-1]:
            return [draft]
        drawn = self._continue(draft, end, new_bar=new_bar)
        return [draft.with_events(events, new_bar=new_bar) for events in drawn]

    def _continue(self, draft: Draft, end: int, *, new_bar: bool) -> list[Ints]:
        """Draw events up to (without) bar `end`, once a candidate, with the draft's last bars as context.

        They begin in a new bar, or where the dominant begins in the draft's last bar.
        """
        compute_on_one_thread()
        count = self.wish.candidates
        bars = end - draft.bars_done + (not new_bar)
        context = draft.context(bars_to_draw=bars)
        with torch.inference_mode():
            header = torch.tensor([draft.header.ids()] * 2)
            condition = self._condition()
            trunk, state = self._read_context(context, condition, header, draft.header.beats_per_bar)
            cache = Cache(self.model.config, 2 * count, bars * MOST_NOTES_A_BAR, trunk=trunk)
            about = (condition + self.model.embed_header(header)).repeat_interleave(count, 0)
            rows = self._rows(
                [draft.header] * count,
                [draft.form] * count,
                bar=draft.bars_done - 1,
                position=int(context[-1, POSITION]) if new_bar else lead_position(draft.header.beats_per_bar) - 1,
                ends=np.full(count, end),
            )
            rows.opening = new_bar
            base_bar = draft.bars_done - 1 - int(context[:, BAR].sum())
            return self._draw_events(state.repeat_interleave(count, 0), about, rows, cache, base_bar=base_bar)

    def _read_context(
        self, context: Ints, condition: Tensor, header: Tensor, beats_per_bar: int
    ) -> tuple[Cache, Tensor]:
        """Read events (n, 5) after the two conditions and headers: the cache, and the state behind them (2, width)."""
        time = torch.from_numpy(onsets(context, beats_per_bar))
        both = torch.from_numpy(context)[None].expand(2, -1, -1)
        x, index, when = self.model.inputs(condition, header, both, time[None].expand(2, -1))
        cache = Cache(self.model.config, 2, x.shape[1])
        return cache, self.model.states(x, index, when, cache)[:, -1]

    def _condition(self) -> Tensor:
        """Condition embeddings (2, width): with the wanted emotion, and without any."""
        return self.model.condition(
            torch.tensor([self.wish.emotion] * 2, dtype=torch.float32),
            torch.full((2,), STEADY_SOURCE),
            torch.tensor([True, False]),
        )

    def _read(self, x: Tensor, index: int, time: Floats, cache: Cache) -> Tensor:
        """Feed one position (rows, 1, width) and return the state behind it (rows, width)."""
        rows = x.shape[0]
        return self.model.states(x, torch.full((rows, 1), float(index)), torch.from_numpy(time), cache)[:, -1]

    def _guided(self, logits: Tensor) -> Floats:
        """Blend the logits with and without emotion, stacked (2 · rows, size), into (rows, size)."""
        felt, plain = logits.numpy().astype(np.float32).reshape(2, -1, logits.shape[-1])
        guided: Floats = plain + self.wish.strength * (felt - plain)
        return guided

    def _draw_header(self, state: Tensor, count: int) -> Ints:
        """Draw header ids (count, 3) from the state (2, width), with a tempo that leaves room for a form."""
        heads = self.model.header_heads
        pre = heads.start(state.repeat_interleave(count, 0))
        ids = np.zeros((count, len(heads.fields)), np.int64)
        for i, name in enumerate(heads.fields):
            logits = self._guided(heads.read(pre, i))
            allowed = self.wish.header.allowed(name)
            if allowed is not None:
                logits[:, ~np.isin(np.arange(logits.shape[1]), allowed)] = FORBIDDEN
            elif name == "tempo":
                slowest = np.array([slowest_tempo_bpm(self.wish.duration_s, METRES[metre]) for metre in ids[:, 0]])
                logits[np.array(TEMPI_BPM)[None] < slowest[:, None]] = FORBIDDEN
            ids[:, i] = draw(logits, self.wish.temperature, self.rng)
            pre = heads.tell(pre, i, torch.from_numpy(np.tile(ids[:, i], 2)))
        return ids

    def _rows(self, headers: list[Header], forms: list[Form], *, bar: int, position: int, ends: Ints) -> Rows:
        """Candidates whose last note stands at a bar and position, about to compose up to (without) bar `ends`."""
        finals = np.array([form.bars - 1 for form in forms])
        return Rows(
            beats_per_bar=np.array([header.beats_per_bar for header in headers]),
            tempo_bpm=np.array([header.tempo_bpm for header in headers]),
            minor=np.array([header.mode == "minor" for header in headers]),
            bar=np.full(len(headers), bar),
            position=np.full(len(headers), position),
            last_bar=np.minimum(ends, finals),
            dominant_bar=finals - 1,
        )

    def _draw_events(self, state: Tensor, about: Tensor, rows: Rows, cache: Cache, *, base_bar: int) -> list[Ints]:
        """Draw events until every row has left its phrase; the event that leaves is dropped."""
        drawn: list[list[Ints]] = [[] for _ in rows.bar]
        index = cache.length
        while True:
            chosen = self._draw_event(state, rows)
            rows.advance(chosen)
            for row in np.flatnonzero(~rows.done):
                drawn[row].append(chosen[row])
            if rows.done.all() or not cache.room or self.cancelled():
                break
            events = torch.from_numpy(chosen)[:, None]
            time = ((rows.bar - base_bar) * rows.beats_per_bar + chosen[:, POSITION] / GRID).astype(np.float32)
            x = self.model.embed_events(events).repeat(2, 1, 1) + about[:, None]
            state = self._read(x, index, np.tile(time, 2)[:, None], cache)
            index += 1
        if self.cancelled():
            raise StoppedError("Composing was stopped.")
        return [np.array(events, np.int64).reshape(-1, len(FIELDS)) for events in drawn]

    def _draw_event(self, state: Tensor, rows: Rows) -> Ints:
        """Draw one event a row, (rows, 5), field after field."""
        heads = self.model.event_heads
        pre = heads.start(state)
        chosen = np.zeros((len(rows.bar), len(FIELDS)), np.int64)
        choices = rows.position_choices()
        for name in range(len(FIELDS)):
            logits = self._guided(heads.read(pre, name))
            rows.restrict(name, logits, chosen, choices)
            chosen[:, name] = draw(logits, self.wish.temperature, self.rng)
            pre = heads.tell(pre, name, torch.from_numpy(np.tile(chosen[:, name], 2)))
        return chosen


def _begun(header: Header, form: Form, events: Ints) -> Draft:
    """A draft of the first phrase, its mode the one that the notes turned out to be in, so that it can end there."""
    mode = relative_mode(decode(events, header.beats_per_bar))
    return Draft(replace(header, mode=mode), form, events)
