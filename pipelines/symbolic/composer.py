"""Valence and arousal in, a Score out, bar by bar: the project's own composer.

A piece is planned as a form of phrases and composed phrase by phrase. For each phrase the network draws several
candidates at once, with classifier-free guidance towards the wanted emotion (Ho and Salimans 2022); `hearing` listens
to each, and the one that is heard nearest to what is wanted goes on. A phrase that returns (A') takes over bars
of its original and composes the rest anew. The last bar is a written cadence. Everything is composed in C major
or A minor and then moved to the piece's key.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipelines.errors import SettingsError, WeightsError
from pipelines.records import VA_MAX, VA_MIN, Note, Score, TempoMark
from pipelines.settings import DURATION_S, SEED, STRENGTH, check_duration, check_seed, check_strength
from pipelines.symbolic.cadence import broaden, broaden_at, final_chord
from pipelines.symbolic.draft import Draft
from pipelines.symbolic.events import METRES, MODES, TEMPI_BPM, decode, transpose
from pipelines.symbolic.expression import fill_silence, separate, shape
from pipelines.symbolic.sampling import Temperature

if TYPE_CHECKING:
    from pipelines.symbolic.composer_model import ComposerModel
    from pipelines.symbolic.form import Form

MADE_BY = "embedded composer"
KEY_SHIFTS = range(-4, 5)
SLOWEST_BPM, FASTEST_BPM = TEMPI_BPM[0], TEMPI_BPM[-1]
COST_OF_THE_OTHER_MODE = 2.0  # of a candidate in it, as far as so many points of valence beside what is wanted


@dataclass(frozen=True)
class ComposerSettings:
    """What to compose: seconds (10 to 180), seed, strength of the emotion (0 none to 5), candidates a phrase.

    The network draws tempo, mode and metre by the emotion unless they are given: `tempo_bpm` 40 to 211, `mode` "major"
    or "minor", `beats_per_bar` 4 or 3.
    """

    duration_s: float = DURATION_S
    seed: int = SEED
    strength: float = STRENGTH
    candidates: int = 4
    temperature: Temperature = field(default_factory=Temperature)
    tempo_bpm: float | None = None
    mode: str | None = None
    beats_per_bar: int | None = None

    def check(self) -> None:
        """Raise SettingsError for a value out of range."""
        check_duration(self.duration_s)
        check_strength(self.strength)
        check_seed(self.seed)
        if not (isinstance(self.candidates, int) and 1 <= self.candidates <= 16):
            raise SettingsError(f"{self.candidates} candidates are not possible; choose 1 to 16.")
        if not (self.temperature.heat > 0 and 0 < self.temperature.nucleus <= 1):
            raise SettingsError(f"The {self.temperature} is not possible; choose a heat over 0 and a nucleus up to 1.")
        self._check_header()

    def _check_header(self) -> None:
        if self.tempo_bpm is not None and not SLOWEST_BPM <= self.tempo_bpm <= FASTEST_BPM:
            limits = f"{SLOWEST_BPM:g} to {FASTEST_BPM:g} beats a minute"
            raise SettingsError(f"The tempo cannot be {self.tempo_bpm:g}; choose {limits}.")
        if self.mode is not None and self.mode not in MODES:
            raise SettingsError(f"The mode {self.mode!r} is unknown; choose major or minor.")
        if self.beats_per_bar is not None and self.beats_per_bar not in METRES:
            raise SettingsError(f"A bar cannot have {self.beats_per_bar} beats; choose 4 or 3.")


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

        Valence and arousal on 1 to 9. Raises SettingsError for values out of range, StoppedError once `cancelled`
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
    """One piece: from phrase to phrase, choosing among candidates."""

    def __init__(
        self,
        model: ComposerModel,
        wanted: tuple[float, float],
        settings: ComposerSettings,
        cancelled: Callable[[], bool],
    ) -> None:
        from pipelines.symbolic.phrases import HeaderWish, PhraseWriter, Wish

        self.wanted, self.settings = wanted, settings
        rng = np.random.default_rng(settings.seed)
        # The key follows from the feeling as well, else one seed would give every picture the same key.
        feeling = [round(100 * value) for value in wanted]
        self.key_shift = int(np.random.default_rng([settings.seed, *feeling]).choice(KEY_SHIFTS))
        header = HeaderWish(settings.tempo_bpm, settings.mode, settings.beats_per_bar)
        wish = Wish(wanted, settings.duration_s, settings.strength, settings.candidates, settings.temperature, header)
        self.writer = PhraseWriter(model, wish, rng, cancelled)

    def run(self) -> Iterator[Score]:
        draft: Draft | None = None
        shown = 0
        while draft is None or shown < draft.form.bars:
            draft = self._next_phrase(draft)
            last = draft.bars_done >= draft.form.bars - 1
            score = self._score(draft, ended=last)
            end = draft.form.bars if last else draft.bars_done
            for bar in range(shown + 1, end):
                yield _first_bars(score, bar)
            shown = end
            yield score

    def _next_phrase(self, draft: Draft | None) -> Draft:
        """Compose the phrase after those in the draft and choose the best candidate."""
        candidates = self.writer.first_phrases() if draft is None else self.writer.later_phrases(draft)
        chosen = candidates[0] if len(candidates) == 1 else candidates[int(np.argmin(self._costs(candidates)))]
        mode = self.settings.mode or chosen.header.mode  # notes in the other mode end in the wished one all the same
        return replace(chosen, header=replace(chosen.header, mode=mode))

    def _costs(self, drafts: list[Draft]) -> list[float]:
        """How far what is heard in each draft's last fifteen seconds lies from what is wanted."""
        from pipelines.hearing import hear_points

        heard = hear_points([_last_seconds(self._score(draft, ended=False), 15.0) for draft in drafts])
        other_mode = [self.settings.mode not in (None, draft.header.mode) for draft in drafts]
        return [
            math.dist(point, self.wanted) + COST_OF_THE_OTHER_MODE * other
            for point, other in zip(heard, other_mode, strict=True)
        ]

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
                shaped += shape(fill_silence(separate(phrase), form.tempo_bpm, end_beat=stop), first, last, beats)
        if ended:
            shaped += final_chord(shaped[-6:], closing_beat, float(beats), draft.header.mode)
        marks = self._marks(form)
        home = 0 if draft.header.mode == "major" else 9
        return Score(
            tuple(separate(transpose(shaped, self.key_shift))),  # at the keyboard's ends octaves fold together
            marks,
            beats,
            (home + self.key_shift) % 12,
            draft.header.mode,
            form.sections,
        )

    def _marks(self, form: Form) -> tuple[TempoMark, ...]:
        duration_s, arousal = self.settings.duration_s, self.wanted[1]
        if self.settings.tempo_bpm is not None:
            return broaden_at(form.tempo_bpm, form.bars, form.beats_per_bar, duration_s, arousal)
        return broaden(form.bars, form.beats_per_bar, duration_s, arousal)


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


def load_composer(path: Path | None = None) -> Composer:
    """The composer with its embedded weights, loaded once a process, or with another weights file.

    Raises WeightsError when the file is missing or not a composer's.
    """
    from pipelines.models import load_once, weights_path

    if path is not None:
        return _load(path)
    return load_once("composer", lambda: _load(weights_path("composer.safetensors")))


def _load(path: Path) -> Composer:
    from pipelines.models import load_weights
    from pipelines.symbolic.composer_model import ComposerConfig, ComposerModel

    tensors, stored = load_weights(path)
    try:
        model = ComposerModel(ComposerConfig(**stored["config"]))
        model.load_state_dict({name: value.float() for name, value in tensors.items()})
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
