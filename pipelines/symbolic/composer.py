"""Valence and arousal in, a Score out, bar by bar: the project's own composer.

A piece is planned as a form of phrases and composed phrase by phrase. For each phrase the network draws several
candidates at once, with classifier-free guidance towards the wanted emotion (Ho and Salimans 2022); `hearing` listens
to each, and the one that is heard nearest to what is wanted goes on. A phrase that returns (A') takes over the bars of
its original but the last, which is composed anew. The last bar is a written cadence. Everything is composed in C major
or A minor and then moved to the piece's key.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pipelines.errors import CancelledError, SettingsError, WeightsError
from pipelines.records import VA_MAX, VA_MIN, Note, Score, Section, TempoMark
from pipelines.symbolic.cadence import broaden, final_chord
from pipelines.symbolic.events import BARS_AHEAD, FIELDS, Header, decode, onsets, transpose
from pipelines.symbolic.expression import fill_silence, shape
from pipelines.symbolic.form import LONGEST_S, SHORTEST_S, Form, original_of, plan_form
from pipelines.symbolic.sampling import BAR, MOST_NOTES_A_BAR, POSITION, Floats, Ints, Rows, Temperature, draw

if TYPE_CHECKING:
    import torch

    from pipelines.symbolic.composer_model import Cache, ComposerModel

MADE_BY = "embedded composer"
STEADY_SOURCE = 0  # trained on clips of steady metre among others; only those are asked for
LONGEST_CONTEXT = 190  # events; the network was trained on 254
KEY_SHIFTS = range(-4, 5)


@dataclass(frozen=True)
class ComposerSettings:
    """What to compose: seconds (10 to 180), seed, strength of the emotion (0 none to 5), candidates a phrase."""

    duration_s: float = 30.0
    seed: int = 0
    strength: float = 2.0
    candidates: int = 4
    temperature: Temperature = field(default_factory=Temperature)

    def check(self) -> None:
        """Raise SettingsError for a value out of range."""
        if not SHORTEST_S <= self.duration_s <= LONGEST_S:
            raise SettingsError(
                f"The music cannot last {self.duration_s:g} seconds; choose {SHORTEST_S:g} to {LONGEST_S:g} seconds."
            )
        if not 0 <= self.strength <= 5:
            raise SettingsError(f"The strength cannot be {self.strength:g}; choose 0 to 5.")
        if not 1 <= self.candidates <= 16:
            raise SettingsError(f"{self.candidates} candidates are not possible; choose 1 to 16.")


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


class Composer:
    """Composes with a network; holds nothing about a piece, so that several threads may use one."""

    def __init__(self, model: ComposerModel) -> None:
        self.model = model.eval()

    def compose(
        self,
        valence: float,
        arousal: float,
        settings: ComposerSettings | None = None,
        *,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Score]:
        """Yield the piece as it grows, bar by bar; the last Score is whole and lasts `duration_s`.

        Valence and arousal on 1 to 9. Raises SettingsError for values out of range, CancelledError once `cancelled`
        answers True.
        """
        settings = settings or ComposerSettings()
        settings.check()
        for name, value in (("valence", valence), ("arousal", arousal)):
            if not VA_MIN <= value <= VA_MAX:
                raise SettingsError(f"The {name} cannot be {value:g}; choose {VA_MIN:g} to {VA_MAX:g}.")
        job = _Job(self.model, (valence, arousal), settings, cancelled)
        yield from job.run()


class _Job:
    """One piece: the random generator, the wish, and the steps from phrase to phrase."""

    def __init__(
        self,
        model: ComposerModel,
        wanted: tuple[float, float],
        settings: ComposerSettings,
        cancelled: Callable[[], bool],
    ) -> None:
        self.model, self.wanted, self.settings, self.cancelled = model, wanted, settings, cancelled
        self.rng = np.random.default_rng(settings.seed)
        self.key_shift = int(self.rng.choice(KEY_SHIFTS))

    def run(self) -> Iterator[Score]:
        draft: Draft | None = None
        shown = 0
        while draft is None or shown < draft.form.bars:
            draft = self._next_phrase(draft)
            done = int(draft.bar_numbers()[-1]) + 1
            last = done >= draft.form.bars - 1
            score = self._score(draft, ended=last)
            end = draft.form.bars if last else done
            for bar in range(shown + 1, end):
                yield _first_bars(score, bar)
            shown = end
            yield score

    def _next_phrase(self, draft: Draft | None) -> Draft:
        """Compose the phrase after those in the draft and choose the best candidate."""
        candidates = self._first_phrases() if draft is None else self._later_phrases(draft)
        if len(candidates) == 1:
            return candidates[0]
        costs = [self._cost(candidate) for candidate in candidates]
        return candidates[int(np.argmin(costs))]

    def _cost(self, draft: Draft) -> float:
        """Distance of heard from wanted over the last phrases, plus what makes a phrase poor."""
        from pipelines.hearing import hear_points

        score = self._score(draft, ended=False)
        heard = hear_points([_last_seconds(score, 15.0)])[0]
        return math.hypot(heard[0] - self.wanted[0], heard[1] - self.wanted[1])

    def _first_phrases(self) -> list[Draft]:
        """Draw headers and the opening phrase that follows each."""
        import torch

        count = self.settings.candidates
        with torch.inference_mode():
            condition = self._condition()
            cache = _new_cache(self.model, 2, 1)
            state = self._read(condition[:, None], 0, np.zeros((2, 1), np.float32), cache)
            ids = self._draw_header(state, count)
            headers = [Header.of(row) for row in ids]
            forms = [plan_form(self.settings.duration_s, h.tempo_bpm, h.beats_per_bar) for h in headers]
            headers = [replace(h, tempo_bpm=f.tempo_bpm) for h, f in zip(headers, forms, strict=True)]
            about = condition.repeat_interleave(count, 0) + self.model.embed_header(
                torch.from_numpy(np.tile(ids, (2, 1)))
            )
            ends = np.array([form.sections[0].bars for form in forms])
            rows = self._rows(headers, forms, bar=0, position=-1, ends=ends)
            cache = _new_cache(self.model, 2 * count, 2 + int(ends.max()) * MOST_NOTES_A_BAR, trunk=cache)
            state = self._read(about[:, None], 1, np.zeros((2 * count, 1), np.float32), cache)
            events = self._draw_events(state, about, rows, cache, base_bar=0)
        empty = np.zeros((0, len(FIELDS)), np.int64)
        return [
            Draft(header, form, np.concatenate((empty, drawn)))
            for header, form, drawn in zip(headers, forms, events, strict=True)
        ]

    def _later_phrases(self, draft: Draft) -> list[Draft]:
        """Take over what returns and draw the rest of the next phrase; its last bar is left out at the piece's end."""
        bars_done = int(draft.bar_numbers()[-1]) + 1
        section = next(s for s in draft.form.sections if s.first_bar == bars_done)
        draft = _append(draft, _returning(draft, section))
        bars_done = int(draft.bar_numbers()[-1]) + 1
        end = min(section.first_bar + section.bars, draft.form.bars - 1)
        if bars_done >= end:
            return [draft]
        return [_append(draft, drawn) for drawn in self._continue(draft, bars_done, end)]

    def _continue(self, draft: Draft, first_bar: int, end: int) -> list[Ints]:
        """Draw bars `first_bar` to `end` after the draft's last bars as context, once a candidate."""
        import torch

        count = self.settings.candidates
        context = _context(draft)
        base_bar = int(draft.bar_numbers()[-1]) - int(np.cumsum(context[:, BAR])[-1])
        time = onsets(context, draft.header.beats_per_bar)
        with torch.inference_mode():
            header = torch.tensor([draft.header.ids()] * 2)
            condition = self._condition()
            x, index, when = self.model.inputs(
                condition,
                header,
                torch.from_numpy(context)[None].expand(2, -1, -1),
                torch.from_numpy(time)[None].expand(2, -1),
            )
            cache = _new_cache(self.model, 2, x.shape[1])
            state = self.model.states(x, index, when, cache)[:, -1].repeat_interleave(count, 0)
            cache = _new_cache(self.model, 2 * count, (end - first_bar) * MOST_NOTES_A_BAR, trunk=cache)
            about = (condition + self.model.embed_header(header)).repeat_interleave(count, 0)
            rows = self._rows(
                [draft.header] * count,
                [draft.form] * count,
                bar=first_bar - 1,
                position=int(context[-1, POSITION]),
                ends=np.full(count, end),
            )
            return self._draw_events(state, about, rows, cache, base_bar=base_bar)

    def _condition(self) -> torch.Tensor:
        """Condition embeddings (2, width): with the wanted emotion, and without any."""
        import torch

        return self.model.condition(
            torch.tensor([self.wanted] * 2, dtype=torch.float32),
            torch.full((2,), STEADY_SOURCE),
            torch.tensor([True, False]),
        )

    def _read(self, x: torch.Tensor, index: int, time: Floats, cache: Cache) -> torch.Tensor:
        """Feed one position (rows, 1, width) and return the state behind it (rows, width)."""
        import torch

        rows = x.shape[0]
        return self.model.states(x, torch.full((rows, 1), float(index)), torch.from_numpy(time), cache)[:, -1]

    def _guided(self, logits: torch.Tensor) -> Floats:
        """Blend the logits with and without emotion, stacked (2 · rows, size), into (rows, size)."""
        felt, plain = logits.numpy().astype(np.float32).reshape(2, -1, logits.shape[-1])
        guided: Floats = plain + self.settings.strength * (felt - plain)
        return guided

    def _draw_header(self, state: torch.Tensor, count: int) -> Ints:
        """Draw header ids (count, 3) from the state (2, width)."""
        import torch

        heads = self.model.header_heads
        pre = heads.start(state.repeat_interleave(count, 0))
        ids = np.zeros((count, len(heads.fields)), np.int64)
        for i in range(len(heads.fields)):
            ids[:, i] = draw(self._guided(heads.read(pre, i)), self.settings.temperature, self.rng)
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

    def _draw_events(
        self, state: torch.Tensor, about: torch.Tensor, rows: Rows, cache: Cache, *, base_bar: int
    ) -> list[Ints]:
        """Draw events until every row has left its phrase; the event that leaves is dropped."""
        import torch

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
            time = ((rows.bar - base_bar) * rows.beats_per_bar + chosen[:, POSITION] / 12).astype(np.float32)
            x = self.model.embed_events(events).repeat(2, 1, 1) + about[:, None]
            state = self._read(x, index, np.tile(time, 2)[:, None], cache)
            index += 1
        if self.cancelled():
            raise CancelledError("Composing was stopped.")
        return [np.stack(events) for events in drawn]

    def _draw_event(self, state: torch.Tensor, rows: Rows) -> Ints:
        """Draw one event a row, (rows, 5), field after field."""
        import torch

        heads = self.model.event_heads
        pre = heads.start(state)
        chosen = np.zeros((len(rows.bar), len(FIELDS)), np.int64)
        choices = rows.position_choices()
        for name in range(len(FIELDS)):
            logits = self._guided(heads.read(pre, name))
            rows.restrict(name, logits, chosen, choices)
            chosen[:, name] = draw(logits, self.settings.temperature, self.rng)
            pre = heads.tell(pre, name, torch.from_numpy(np.tile(chosen[:, name], 2)))
        return chosen

    def _score(self, draft: Draft, *, ended: bool) -> Score:
        """Notes of a draft, shaped, with the closing chord if it has ended, in the piece's own key."""
        form, beats = draft.form, draft.header.beats_per_bar
        notes = decode(draft.events, beats)
        closing_beat = float((form.bars - 1) * beats)
        shaped: list[Note] = []
        for section in form.sections:
            first, last = section.first_bar * beats, (section.first_bar + section.bars) * beats
            stop = min(last, closing_beat)
            phrase = [_cut(note, stop) for note in notes if first <= note.start_beat < stop]
            if phrase:
                shaped += shape(fill_silence(phrase, form.tempo_bpm, end_beat=stop), first, last, beats)
        if ended:
            shaped += final_chord(shaped[-6:], closing_beat, float(beats), draft.header.mode)
        marks = broaden(form.bars, beats, self.settings.duration_s, self.wanted[1])
        home = 0 if draft.header.mode == "major" else 9
        return Score(
            tuple(transpose(shaped, self.key_shift)),
            marks,
            beats,
            (home + self.key_shift) % 12,
            draft.header.mode,
            form.sections,
        )


def _cut(note: Note, stop: float) -> Note:
    return (
        replace(note, duration_beats=min(note.duration_beats, stop - note.start_beat)) if note.end_beat > stop else note
    )


def _first_bars(score: Score, bars: int) -> Score:
    """The score up to a bar line."""
    return replace(score, notes=tuple(score.notes_between(0.0, bars * score.beats_per_bar)))


def _last_seconds(score: Score, seconds: float) -> Score:
    """The notes of about the last seconds, moved to the beginning."""
    beats = seconds * score.tempo_bpm / 60
    start = max(0.0, math.floor((score.end_beat - beats) / score.beats_per_bar) * score.beats_per_bar)
    notes = score.notes_between(start, math.inf)
    return replace(
        score,
        notes=tuple(replace(note, start_beat=note.start_beat - start) for note in notes),
        tempo_marks=(TempoMark(0.0, score.tempo_bpm),),
    )


def _returning(draft: Draft, section: Section) -> Ints:
    """Events that a phrase takes over from its original: all bars but the last; none for a new idea."""
    origin = next((s for s in draft.form.sections if s.name == original_of(section.name)), section)
    if origin.first_bar == section.first_bar:
        return np.zeros((0, len(FIELDS)), np.int64)
    return draft.bars(origin.first_bar, max(1, min(origin.bars, section.bars) - 1))


def _append(draft: Draft, events: Ints) -> Draft:
    """Put events (the first one's bar counted from the bar after the draft's last) behind a draft."""
    if not len(events):
        return draft
    events = events.copy()
    events[0, BAR] = 1
    return replace(draft, events=np.concatenate((draft.events, events)))


def _context(draft: Draft) -> Ints:
    """The last whole bars of a draft that fit what the network reads, counted from their own first bar."""
    numbers = draft.bar_numbers()
    start = max(0, len(numbers) - LONGEST_CONTEXT)
    if start:
        later = np.flatnonzero(numbers > numbers[start - 1])
        start = int(later[0]) if len(later) else start
    context = draft.events[start:].copy()
    context[:, BAR] = np.minimum(context[:, BAR], BARS_AHEAD - 1)
    if start:
        context[0, BAR] = 0
    return context


def _new_cache(model: ComposerModel, rows: int, capacity: int, *, trunk: Cache | None = None) -> Cache:
    from pipelines.symbolic.composer_model import Cache

    return Cache(model.config, rows, capacity, trunk=trunk)


def load_composer(path: Path | None = None) -> Composer:
    """The composer with its embedded weights, loaded once a process, or with another weights file.

    Raises WeightsError when the file is missing or not a composer's.
    """
    from pipelines.models import load_once, weights_path

    if path is not None:
        return _load(path)
    return load_once("composer", lambda: _load(weights_path("composer.safetensors")))


def _load(path: Path) -> Composer:
    from safetensors.torch import load_file, safe_open

    from pipelines.symbolic.composer_model import ComposerConfig, ComposerModel

    try:
        with safe_open(path, "pt") as file:
            stored = json.loads(file.metadata()["composer"])
        model = ComposerModel(ComposerConfig(**stored["config"]))
        model.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    except Exception as cause:
        raise WeightsError(
            f"{path.name} is not a composer's weights; run `python -m training.composer` or restore it."
        ) from cause
    return Composer(in_eight_bits(model))


def in_eight_bits(model: ComposerModel) -> ComposerModel:
    """Quantise the blocks' matrices to eight bits where this machine's torch can; reading them is most of the time.

    Held-out loss a note stays the same to three digits.
    """
    import warnings

    import torch

    if torch.backends.quantized.engine == "none":
        return model
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch announces a successor in a package of its own
        torch.ao.quantization.quantize_dynamic(model.blocks, {torch.nn.Linear}, inplace=True)
    return model
