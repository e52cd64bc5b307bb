"""A growing piano Score and a prompt in, an ensemble's voices out, bar by bar.

:class:`Arranger` takes each bar apart (`arrange_melody.py`), finds its chords (`arrange_harmony.py`) and writes every
part anew in the genre's way (`arrange_patterns.py`, `drums.py`) by its place in the form (`arrange_form.py`). It looks
one bar ahead. The same score, prompt and seed give the same notes, however the score grew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from pipelines.records import Emotion, MusicPrompt, Note, Score, TempoMark
from pipelines.waveform.arrange_cast import Cast, Part, cast_for
from pipelines.waveform.arrange_form import SOFTEST, VELOCITY_SPAN, Plan, bars_of, closing_share, energy_of, plan_bar
from pipelines.waveform.arrange_harmony import Chord, chords_of_bar, clear_of, extended
from pipelines.waveform.arrange_human import Feel, humanised
from pipelines.waveform.arrange_melody import (
    Melody,
    Split,
    Splitter,
    octaves_for,
    overlap,
    played,
    rubs,
    together,
    touch_of,
    under_melody,
    until,
)
from pipelines.waveform.arrange_patterns import BassLine, Comping, timpani_bar
from pipelines.waveform.arrange_styles import Pair, bar_of, style_of
from pipelines.waveform.drums import drum_bar, last_stroke
from pipelines.waveform.instruments import BASS, COMP, KIT, LEAD, PAD, TIMPANI

TIMING_SD_S = {LEAD: 0.008, COMP: 0.006, PAD: 0.010, BASS: 0.005, TIMPANI: 0.006, KIT: 0.004}
VELOCITY_SD = {LEAD: 3.0, KIT: 5.0, PAD: 2.0}
EARLY_SHARE, EARLY_SHARE_PAD = 0.7, 0.4  # of a slow attack that an earlier start makes up for
COMP_TOP, COMP_WIDTH = (60, 69), 19  # chords lie under the lead, but not so low that thirds turn muddy
PAD_WIDTH = 21
MELODY_LOUDER, COMP_SOFTER, PAD_SOFTER, COUNTER_SOFTER, DOUBLE_SOFTER = 8, 6, 6, 10, 12
BREATH_BEATS = 0.3
RUB_BEATS = 0.24  # notes that sound together for less do not rub


@dataclass(frozen=True)
class StemScore:
    """One voice of an arrangement: its name, General MIDI program, channel (9 the drums) and notes in beats."""

    name: str
    program: int
    channel: int
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Arrangement:
    """All voices with what times them and their chords; beats are those of the piano Score that was arranged."""

    stems: tuple[StemScore, ...]
    tempo_marks: tuple[TempoMark, ...]
    beats_per_bar: int
    tonic: int
    mode: str
    chords: tuple[Chord, ...] = ()

    def score_of(self, index: int) -> Score:
        """One voice as a Score."""
        return Score(self.stems[index].notes, self.tempo_marks, self.beats_per_bar, self.tonic, self.mode)


Bar = dict[int, list[Note]]


@dataclass(frozen=True)
class Here:
    """A bar to be written: its plan, the piano's notes taken apart, its chords, the next one, and the melody."""

    score: Score
    plan: Plan
    split: Split
    chords: tuple[Chord, ...]
    upcoming: Chord
    melody: Melody

    def pattern(self, in_four: Pair, in_three: Pair) -> str:
        """The row of a pair of patterns that this bar has."""
        pair = in_four if self.score.beats_per_bar == 4 else in_three
        return bar_of(pair[self.plan.full], self.plan.index_in_section)

    @property
    def held(self) -> str:
        """A pattern that holds each chord."""
        return "x" + "-" * (self.score.beats_per_bar * 4 - 1)

    @property
    def held_bass(self) -> str:
        """A pattern that holds each root."""
        return self.held.replace("x", "R")


@dataclass
class Arranger:
    """Arranges one piece: :meth:`bar` for each bar in turn. Not shared between pieces."""

    prompt: MusicPrompt
    emotion: Emotion
    seed: int = 0
    cast: Cast = field(init=False)
    chords: list[Chord] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.cast = cast_for(self.prompt)
        self.style = style_of(self.prompt.genre)
        self.energy = energy_of(self.emotion)
        self.touch = touch_of(self.prompt.melody)
        self._splitter = Splitter()
        self._rngs = [np.random.default_rng([self.seed, i]) for i in range(len(self.cast.parts))]
        self._shifts: dict[tuple[int, str, bool], int] = {}
        self._held_bars = 0
        self._sung: list[Note] = []
        self._ahead: tuple[Split, tuple[Chord, ...]] | None = None
        self._writers = self._open_writers()

    @property
    def usual_velocity(self) -> float:
        """About the velocity of the piece's accompaniment."""
        return SOFTEST + VELOCITY_SPAN * self.energy

    def _open_writers(self) -> dict[int, Comping]:
        """Who plays chords, each in its register; a part that answers the melody plays one note at a time."""
        cast, writers = self.cast, {}
        top = min(COMP_TOP[1], max(COMP_TOP[0], cast.parts[cast.lead].playing.lead - 1))
        for index, width in ((cast.comp, COMP_WIDTH), (cast.pad, PAD_WIDTH)):
            if index is not None:
                playing = cast.parts[index].playing
                low = max(top - width, playing.low)
                writers[index] = Comping(playing, low, max(top, low + width), 3)
        for index in (cast.lead, *cast.seconds):
            playing = cast.parts[index].playing
            middle = min(64, playing.lead - 4)
            writers[index] = Comping(playing, max(playing.low, middle - 6), max(playing.low + 13, middle + 7), 1)
        if cast.bass is not None:
            self._bass = BassLine(cast.parts[cast.bass].playing)
        return writers

    def bar(self, score: Score, index: int) -> Bar:
        """Notes of each part (by its index in the cast) for a bar; the score must hold the next bar too, if any."""
        split, chords = self._ahead or self._read(score, index, None)
        self.chords += chords
        plan = plan_bar(score, index, self.cast, self.energy)
        self._ahead = None if plan.final else self._read(score, index + 1, chords[-1])
        after, upcoming = self._ahead or (Split((), (), ()), chords)
        melody = Melody(split.melody, after.melody, 60 / score.tempo_bpm)
        here = Here(score, plan, split, chords, upcoming[0], melody)
        return {part: self._play(notes, part, score, plan) for part, notes in self._write(here).items()}

    def _read(self, score: Score, index: int, before: Chord | None) -> tuple[Split, tuple[Chord, ...]]:
        final = index == bars_of(score) - 1
        chords = chords_of_bar(score, index, before, held_bars=0 if final else self._held_bars)
        roots = {chord.root for chord in chords}
        self._held_bars = self._held_bars + 1 if before and roots == {before.root} else int(len(roots) == 1)
        return self._splitter.split(score, index), chords

    def _write(self, here: Here) -> Bar:
        """All parts of a bar: the melody first, since the chords keep clear of it."""
        plan, cast = here.plan, self.cast
        lead = self._melody(plan.lead, here)
        sung, self._sung = [*self._sung, *lead], lead[-1:]
        tones = self._tones(here, sung)
        bar = {plan.lead: lead}
        if plan.double is not None:
            bar[plan.double] = together(self._melody(plan.double, here, softer=DOUBLE_SOFTER), lead)
        if plan.counter is not None:
            answer = {chord: pitches[::-1] for chord, pitches in tones.items()}
            bar[plan.counter] = self._chords(plan.counter, here.held, here, answer, COUNTER_SOFTER)
        if cast.comp is not None:
            bar[cast.comp] = [*bar.get(cast.comp, []), *self._comp(cast.comp, here, tones, sung)]
        if cast.pad is not None and plan.pad:
            bar[cast.pad] = self._pad(cast.pad, here, sung)
        if cast.bass is not None:
            pattern = here.held_bass if plan.final else here.pattern(self.style.bass, self.style.bass3)
            bar[cast.bass] = self._bass.write(pattern, plan.begin, here.chords, here.upcoming, plan.velocity)
        return bar | self._percussion(here)

    def _tones(self, here: Here, sung: Sequence[Note], *, sevenths: bool = True) -> dict[Chord, tuple[int, ...]]:
        """Pitch classes to voice for each chord, the root first, clear of what is sung long enough to rub."""
        key, result = (here.score.tonic, here.score.mode), {}
        for chord in here.chords:
            tones = extended(chord, *key) if sevenths and self.style.sevenths else chord.tones
            under = [note for note in sung if overlap(note, chord.start_beat, chord.end_beat) >= RUB_BEATS]
            result[chord] = clear_of(tones, under)
        return result

    def _melody(self, part: int, here: Here, *, softer: int = 0) -> list[Note]:
        playing, plan = self.cast.parts[part].playing, here.plan
        notes = played(here.melody, playing, self.touch, shift=self._shift(part, here))
        if plan.breathes and notes:
            notes[-1] = until(notes[-1], plan.end - BREATH_BEATS)
        usual = sum(note.velocity for note in notes) / max(1, len(notes))
        loud = plan.velocity + MELODY_LOUDER + self.touch.accent - softer
        return [replace(note, velocity=_velocity(loud + 0.5 * (note.velocity - usual))) for note in notes]

    def _shift(self, part: int, here: Here) -> int:
        """Octaves by which a part moves the melody, the same each time that an idea returns.

        Who doubles plays an octave beside the lead where the range allows.
        """
        plan, notes = here.plan, here.melody.notes
        key = (part, plan.idea, part == plan.double)
        if key in self._shifts or not notes:
            return self._shifts.get(key, 0)
        playing = self.cast.parts[part].playing
        shift = octaves_for((*notes, *here.melody.following), playing, self.touch)
        if part == plan.double and shift == self._shifts.get((plan.lead, plan.idea, False)):
            middle = sum(note.pitch for note in notes) / len(notes) + shift
            shift += 12 if middle + 12 <= playing.high - 7 else -12 if middle - 12 >= playing.low + 7 else 0
        self._shifts[key] = shift
        return shift

    def _chords(
        self, part: int, pattern: str, here: Here, tones: dict[Chord, tuple[int, ...]], softer: float
    ) -> list[Note]:
        loud, beat_s = here.plan.velocity - softer, here.melody.beat_s
        return self._writers[part].write(pattern, here.plan.begin, here.chords, tones, loud, beat_s=beat_s)

    def _comp(self, part: int, here: Here, tones: dict[Chord, tuple[int, ...]], sung: Sequence[Note]) -> list[Note]:
        """The accompaniment: the composer's own inner voices where the genre likes that, else the genre's pattern."""
        if here.plan.final:
            return self._chords(part, here.held, here, tones, COMP_SOFTER)
        if self.style.written and len(here.split.inner) >= 3:
            loud = _velocity(here.plan.velocity - COMP_SOFTER)
            free = [note for note in here.split.inner if not rubs(note, sung, RUB_BEATS)]
            return [replace(note, velocity=loud) for note in under_melody(free, self.cast.parts[part].playing)]
        return self._chords(part, here.pattern(self.style.comp, self.style.comp3), here, tones, COMP_SOFTER)

    def _pad(self, part: int, here: Here, sung: Sequence[Note]) -> list[Note]:
        """Plain triads, clear of the composer's inner voices too where these are played."""
        pulsing = any(self.style.pad) and here.score.beats_per_bar == 4 and not here.plan.final
        pattern = here.pattern(self.style.pad, self.style.pad) if pulsing else here.held
        inner = here.split.inner if self.style.written else ()
        return self._chords(part, pattern, here, self._tones(here, [*sung, *inner], sevenths=False), PAD_SOFTER)

    def _percussion(self, here: Here) -> Bar:
        cast, plan, bar = self.cast, here.plan, {}
        if cast.timpani is not None and (plan.full or plan.opens or plan.closes or plan.final):
            playing, beats = cast.parts[cast.timpani].playing, here.score.beats_per_bar
            bar[cast.timpani] = timpani_bar(plan.begin, beats, here.chords, playing, plan.velocity, roll=plan.breathes)
        if cast.drums is not None and plan.final:
            bar[cast.drums] = last_stroke(cast.beat, plan.begin, plan.velocity)
        elif cast.drums is not None:
            bar[cast.drums] = drum_bar(cast.beat, plan.for_drums(here.score), plan.begin, self._rngs[cast.drums])
        return bar

    def _play(self, notes: list[Note], index: int, score: Score, plan: Plan) -> list[Note]:
        """The notes of a part as its player would place them; those of the last bar end before the piece does."""
        part = self.cast.parts[index]
        if plan.final:
            share = 1.0 if part.playing.rings else closing_share(score)
            notes = [replace(note, duration_beats=share * (plan.end - note.start_beat)) for note in notes]
        return humanised(notes, self._feel(part), score, self._rngs[index])

    def _feel(self, part: Part) -> Feel:
        late_s = -(EARLY_SHARE_PAD if part.role == PAD else EARLY_SHARE) * part.playing.attack_s
        if part.role == COMP:
            late_s += self.style.laid_back_s
        timing, velocity = TIMING_SD_S.get(part.role, 0.008), VELOCITY_SD.get(part.role, 3.5)
        return Feel(timing, late_s, velocity, self.style.swing, self.style.swing_beats)


def arranged(score: Score, prompt: MusicPrompt, emotion: Emotion, *, seed: int = 0) -> Arrangement:
    """A whole score arranged at once."""
    arranger = Arranger(prompt, emotion, seed)
    notes: dict[int, list[Note]] = {i: [] for i in range(len(arranger.cast.parts))}
    for index in range(score.bar_count):
        for part, played_notes in arranger.bar(score, index).items():
            notes[part] += played_notes
    stems = tuple(
        StemScore(
            part.instrument if part.role == LEAD else f"{part.instrument} ({part.role})",
            part.program,
            part.channel,
            tuple(sorted(notes[i])),
        )
        for i, part in enumerate(arranger.cast.parts)
    )
    chords = tuple(arranger.chords)
    return Arrangement(stems, score.tempo_marks, score.beats_per_bar, score.tonic, score.mode, chords)


def _velocity(value: float) -> int:
    return min(124, max(10, round(value)))
