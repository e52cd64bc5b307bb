"""A plan in, one continuous piece out, phrase by phrase: the composer where the feeling changes on the way.

Every phrase is drawn by the composer's network for the feeling, mode and tempo of its place in the plan, with the
phrases before it as context (the further the feeling moves, the fewer of them, lest the old mood go on by itself).
What is heard of each candidate decides, as in :mod:`pipelines.symbolic.composer`. Finished phrases are kept as notes
and never looked at again, so that a piece may last a quarter of an hour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from pipelines.errors import SettingsError
from pipelines.path import Feeling, apart
from pipelines.path_heard import window_of
from pipelines.records import Note, Score
from pipelines.settings import check_seed, check_strength
from pipelines.symbolic.cadence import final_chord
from pipelines.symbolic.composer import KEY_SHIFTS, Composer, load_composer
from pipelines.symbolic.events import METRES, MODES, TEMPI_BPM, Header, decode, transpose
from pipelines.symbolic.expression import fill_silence, separate, shape
from pipelines.symbolic.form import Form
from pipelines.symbolic.key import relative_mode
from pipelines.symbolic.path_draft import PathDraft, varied
from pipelines.symbolic.path_plan import PathPhrase, PathPlan
from pipelines.symbolic.sampling import Temperature

if TYPE_CHECKING:
    from pipelines.symbolic.composer_model import ComposerModel
    from pipelines.symbolic.path_writer import PathWriter

HEARD_S, LEAST_HEARD_S = 15.0, 8.0  # how much of the music decides between candidates
COST_OF_THE_OTHER_MODE = 1.0  # of a phrase heard in it, as far as so many points beside what is wanted
# How many bars of the past the network sees: by how far the feeling has moved since.
CONTEXT_BARS = ((0.8, 16), (2.0, 4))
CONTEXT_AFTER_A_LEAP = 2
VALENCE_WEIGHT = 1.5
FIRST_CANDIDATES = 4  # so that a listener need not wait


@dataclass(frozen=True)
class PathSettings:
    """How to compose along a path: seed, strength of the emotion (0 to 5), candidates a phrase (1 to 16)."""

    seed: int = 0
    strength: float = 2.0
    candidates: int = 8
    temperature: Temperature = field(default_factory=Temperature)

    def check(self) -> None:
        """Raise SettingsError for a value out of range."""
        check_seed(self.seed)
        check_strength(self.strength)
        if not 1 <= self.candidates <= 16:
            raise SettingsError(f"{self.candidates} candidates are not possible; choose 1 to 16.")


class PathComposer:
    """Composes along a plan; holds nothing about a piece, so that several threads may use one."""

    def __init__(self, composer: Composer) -> None:
        self.model = composer.model

    def beats_per_bar(self, feeling: Feeling, settings: PathSettings) -> int:
        """Three or four beats, as often as the network would for a feeling."""
        shares = self._header(feeling, settings.strength)[0]
        return METRES[int(np.random.default_rng([settings.seed, 3]).random() >= shares[0])]

    def tempo_bpm(self, valence: float, arousal: float, mode: str, *, beats_per_bar: int, strength: float) -> float:
        """The network's mean tempo (of its logarithm) for a feeling, in beats a minute."""
        given = (METRES.index(beats_per_bar), MODES.index(mode))
        shares = self._header((valence, arousal), strength, given)[2]
        return float(np.exp(shares @ np.log(TEMPI_BPM)))

    def _header(self, feeling: Feeling, strength: float, given: tuple[int, int] = (0, 0)) -> list[np.ndarray]:
        """Probabilities of metre, mode and tempo, each given the fields before it."""
        writer = _writer(self.model, feeling, PathSettings(strength=strength), np.random.default_rng(0), _never)
        return writer.header_shares(given)

    def compose(
        self, plan: PathPlan, settings: PathSettings | None = None, *, cancelled: Callable[[], bool] | None = None
    ) -> Iterator[Score]:
        """Yield the piece as it grows, phrase by phrase; the last Score is whole and lasts `plan.music_s`.

        Raises SettingsError for settings out of range, StoppedError once `cancelled` answers True.
        """
        settings = settings or PathSettings()
        settings.check()
        yield from _Piece(self.model, plan, settings, cancelled or _never).run()


def _never() -> bool:
    return False


def _writer(
    model: ComposerModel,
    feeling: Feeling,
    settings: PathSettings,
    rng: np.random.Generator,
    cancelled: Callable[[], bool],
    phrase: PathPhrase | None = None,
    form: Form | None = None,
) -> PathWriter:
    from pipelines.symbolic.path_writer import PathWriter
    from pipelines.symbolic.phrases import HeaderWish, Wish

    header = HeaderWish()
    if phrase is not None and form is not None:
        header = HeaderWish(phrase.tempo_bpm, phrase.mode, form.beats_per_bar)
    wish = Wish(feeling, 180.0, settings.strength, settings.candidates, settings.temperature, header)
    return PathWriter(model, wish, rng, cancelled, form)


class _Piece:
    """One piece: from phrase to phrase of its plan, choosing among candidates."""

    def __init__(
        self, model: ComposerModel, plan: PathPlan, settings: PathSettings, cancelled: Callable[[], bool]
    ) -> None:
        self.model, self.plan, self.settings, self.cancelled = model, plan, settings, cancelled
        self.rng = np.random.default_rng(settings.seed)
        feeling = [round(100 * value) for value in plan.phrases[0].feeling]
        self.key_shift = int(np.random.default_rng([settings.seed, *feeling]).choice(KEY_SHIFTS))
        self.form = plan.form
        self.notes: list[Note] = []  # of the finished phrases, in the home key

    def run(self) -> Iterator[Score]:
        draft: PathDraft | None = None
        given: list[Note] = []
        for number, phrase in enumerate(self.plan.phrases):
            candidates = self._candidates(number, phrase, draft)
            parts = [self._notes_of(candidate, number) for candidate in candidates]
            best = int(np.argmin(self._costs(parts, phrase))) if len(parts) > 1 else 0
            draft = candidates[best]
            self.notes += parts[best]
            given += separate(transpose(parts[best], self.key_shift))
            yield self._score(tuple(given))

    def _candidates(self, number: int, phrase: PathPhrase, draft: PathDraft | None) -> list[PathDraft]:
        few = min(FIRST_CANDIDATES, self.settings.candidates)
        settings = self.settings if draft is not None else replace(self.settings, candidates=few)
        writer = _writer(self.model, phrase.feeling, settings, self.rng, self.cancelled, phrase, self.form)
        header = Header(self.plan.beats_per_bar, phrase.mode, phrase.tempo_bpm)
        if draft is None:
            begun = writer.first_phrases()
            return [PathDraft(header, self.form, candidate.events) for candidate in begun]
        before = self.plan.phrases[number - 1]
        ready = replace(
            draft, header=header, taken=self._taken(phrase, draft), context_bars=context_bars(phrase, before)
        )
        return [replace(ready, events=candidate.events) for candidate in writer.later_phrases(ready)]

    def _taken(self, phrase: PathPhrase, draft: PathDraft) -> np.ndarray:
        """The bars that the phrase takes over, in its own mode and loudness."""
        if phrase.origin is None:
            return draft.bars(0, 0)
        origin = self.plan.phrases[phrase.origin]
        events = draft.bars(origin.section.first_bar, phrase.taken_bars)
        return varied(events, origin.mode, phrase.mode, arousal_change=phrase.feeling[1] - origin.feeling[1])

    def _notes_of(self, draft: PathDraft, number: int) -> list[Note]:
        """The notes of a phrase, shaped, with the closing chord if it is the last."""
        phrase, beats = self.plan.phrases[number], self.plan.beats_per_bar
        section = phrase.section
        first, last = float(section.first_bar * beats), float((section.first_bar + section.bars) * beats)
        ends = number == len(self.plan.phrases) - 1
        stop = last - beats if ends else last
        decoded = decode(draft.bars(section.first_bar, section.bars), beats, first_bar=section.first_bar)
        cut = [_cut(note, stop) for note in decoded if note.start_beat < stop]
        held = fill_silence(separate(cut), phrase.tempo_bpm, end_beat=stop)
        shaped = shape(held, first, last, beats)
        return [*shaped, *final_chord(shaped[-6:], stop, float(beats), phrase.mode)] if ends else shaped

    def _costs(self, parts: list[list[Note]], phrase: PathPhrase) -> list[float]:
        """How far what is heard of the picture's or the last fifteen seconds' music lies from what is wanted."""
        from pipelines.hearing import hear_points

        last_beat = (phrase.section.first_bar + phrase.section.bars) * self.plan.beats_per_bar
        begin = min(
            last_beat - HEARD_S * phrase.tempo_bpm / 60, float(phrase.section.first_bar * self.plan.beats_per_bar)
        )
        group = next(p for p in self.plan.phrases if p.group == phrase.group)
        begin = max(
            begin,
            min(group.section.first_bar * self.plan.beats_per_bar, last_beat - LEAST_HEARD_S * phrase.tempo_bpm / 60),
        )
        before = [note for note in self.notes[-400:] if note.start_beat >= begin]
        frame = self._score(())
        windows = [window_of([*before, *part], frame, max(0.0, begin), tempo_bpm=phrase.tempo_bpm) for part in parts]
        modes = [relative_mode(part) for part in parts]
        return [
            _beside((float(point[0]), float(point[1])), phrase.feeling) + COST_OF_THE_OTHER_MODE * (mode != phrase.mode)
            for point, mode in zip(hear_points(windows), modes, strict=True)
        ]

    def _score(self, notes: tuple[Note, ...]) -> Score:
        """Notes, in the piece's own key, with the whole plan's tempo and form."""
        mode = self.plan.phrases[-1].mode
        tonic = ((0 if mode == "major" else 9) + self.key_shift) % 12
        return Score(notes, self.plan.tempo_marks, self.plan.beats_per_bar, tonic, mode, self.form.sections)


def _beside(heard: Feeling, wanted: Feeling) -> float:
    """Distance on the plane, valence weighed more: arousal is met by tempo and loudness, valence by choice alone."""
    return math.hypot(VALENCE_WEIGHT * (heard[0] - wanted[0]), heard[1] - wanted[1])


def context_bars(phrase: PathPhrase, before: PathPhrase) -> int:
    """How many bars of the past the network may see when the feeling has moved from one phrase to the next."""
    moved = apart(phrase.feeling, before.feeling)
    return next((bars for most, bars in CONTEXT_BARS if moved <= most), CONTEXT_AFTER_A_LEAP)


def _cut(note: Note, stop: float) -> Note:
    return replace(note, duration_beats=min(note.duration_beats, stop - note.start_beat))


def load_path_composer() -> PathComposer:
    """The path composer with the embedded composer's weights, loaded once a process.

    Raises WeightsError when the file is missing or not a composer's.
    """
    return PathComposer(load_composer())
