"""The form of a piece that follows a path: which phrases, how long, in which mode, how fast, what returns.

In: the feelings of several pictures, or a Path. Out: a :class:`PathPlan`, made before a note is written, so that the
bar lines on which pictures change and the exact length are known at once. Tempo comes from a function of valence,
arousal and mode (the composer's network draws the usual one); it changes by a mark on every beat, never with a jerk.
One key signature holds throughout: below the middle of valence a phrase stands in its minor key, else in its major.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pipelines.path import Feeling, Path, apart
from pipelines.records import Section, TempoMark
from pipelines.symbolic.cadence import broaden
from pipelines.symbolic.form import Form, original_of

TempoOf = Callable[[float, float, str], float]

PHRASE_BARS, LONGEST_PHRASE_BARS = 4, 5
SHORTEST_END_BARS = 2  # the dominant and the final chord
MODE_BOUNDARY, MODE_REST = 4.8, 0.35  # valence; a mode stays until the boundary is passed by so much
RAMP_BEATS = 12  # over so many beats one tempo goes over into another
LEAST_CHANGE = 0.002  # of the tempo, as a share, that is worth a mark
NEAR = 1.6  # feelings that lie so close to each other may share an idea
FIRST_RETURN = 3  # the opening idea may return with the fourth picture
MOVEMENT = ("A", "A'", "B", "A'")  # how a journey begins; then each four phrases have a new idea and a return


@dataclass(frozen=True)
class PathPhrase:
    """A phrase: its place, what it is to feel like (1 to 9), its mode, and its tempo in beats a minute.

    The first `taken_bars` are those of phrase number `origin`, in this phrase's mode and loudness. `group` counts the
    pictures, or is the phrase's own number on a journey.
    """

    section: Section
    feeling: Feeling
    mode: str
    tempo_bpm: float
    group: int
    origin: int | None = None
    taken_bars: int = 0


@dataclass(frozen=True)
class PathPlan:
    """The whole form; `music_s` is how long the tempo marks make it last, in seconds."""

    phrases: tuple[PathPhrase, ...]
    beats_per_bar: int
    tempo_marks: tuple[TempoMark, ...]
    music_s: float

    @property
    def form(self) -> Form:
        """As the phrase writer takes it."""
        sections = tuple(phrase.section for phrase in self.phrases)
        return Form(sections, self.beats_per_bar, self.phrases[0].tempo_bpm)

    @property
    def cut_beats(self) -> tuple[float, ...]:
        """Beats on which the groups after the first begin: bar lines."""
        pairs = itertools.pairwise(self.phrases)
        return tuple(float(b.section.first_bar * self.beats_per_bar) for a, b in pairs if a.group != b.group)


def plan_pictures(
    feelings: Sequence[Feeling],
    music_s: float,
    tempo_of: TempoOf,
    *,
    beats_per_bar: int = 4,
    whole_s: float | None = None,
) -> PathPlan:
    """A piece of `music_s` for several pictures; each gets the whole bars that end nearest to its end.

    The pictures have equal shares of `whole_s` (by default `music_s`), the last one also what lies behind the music.
    """
    modes = modes_along(feelings)
    tempi = [tempo_of(v, a, mode) for (v, a), mode in zip(feelings, modes, strict=True)]
    bars = _bars_a_picture(tempi, music_s, (whole_s or music_s) / len(feelings), beats_per_bar)
    phrases: list[PathPhrase] = []
    for group, count in enumerate(bars):
        for length in split_bars(count):
            first = sum(phrase.section.bars for phrase in phrases)
            section = Section("", first, length)
            phrases.append(PathPhrase(section, feelings[group], modes[group], tempi[group], group))
    return _finished(_with_ideas(phrases, _picture_names(phrases)), music_s, beats_per_bar)


def _bars_a_picture(tempi: Sequence[float], music_s: float, span_s: float, beats_per_bar: int) -> list[int]:
    """Whole bars for each picture, so that each cut is as near as may be to where it is wished."""
    now, bars = 0.0, []
    for number, tempo in enumerate(tempi, 1):
        bar_s = beats_per_bar * 60 / tempo
        fewest = SHORTEST_END_BARS if number == len(tempi) else 1
        bars.append(max(fewest, round((min(music_s, number * span_s) - now) / bar_s)))
        now += bars[-1] * bar_s
    return bars


def split_bars(bars: int) -> list[int]:
    """Phrases of about four bars, the longer first."""
    count = -(-bars // LONGEST_PHRASE_BARS)
    return [bars // count + (i < bars % count) for i in range(count)]


def mode_for(valence: float, before: str | None = None) -> str:
    """Minor or major for a valence (1 to 9); near the boundary the mode before is kept."""
    rest = {None: 0.0, "minor": MODE_REST, "major": -MODE_REST}[before]
    return "minor" if valence < MODE_BOUNDARY + rest else "major"


def modes_along(feelings: Iterable[Feeling]) -> list[str]:
    """The mode of each of several feelings in order."""
    modes: list[str] = []
    for valence, _ in feelings:
        modes.append(mode_for(valence, modes[-1] if modes else None))
    return modes


def _picture_names(phrases: Sequence[PathPhrase]) -> list[str]:
    """An idea for each picture; the opening one returns for later pictures that feel alike, and at the end."""
    names: list[str] = []
    ideas = itertools.chain("BCDEFGHIJKLMNOPQRSTUVWXYZ", itertools.repeat("Z"))
    for group, members in itertools.groupby(phrases, key=lambda phrase: phrase.group):
        own = list(members)
        alike = group >= FIRST_RETURN and apart(own[0].feeling, phrases[0].feeling) < NEAR
        idea = "A" if group == 0 or alike else next(ideas)
        names += [idea + "'" * (i % 2 or (alike and i == 0)) for i in range(len(own))]
    return [*names[:-1], "A'"] if len(names) > 1 else names


def plan_journey(path: Path, tempo_of: TempoOf, *, tempo_ceiling_bpm: float, beats_per_bar: int = 4) -> PathPlan:
    """A piece of phrases of four bars along a path; the last takes what is left. No tempo exceeds the ceiling."""
    phrases: list[PathPhrase] = []
    now, mode = 0.0, mode_for(path.at(0.0)[0])
    while True:
        v, a = path.at(now)
        bar_s = beats_per_bar * 60 / min(tempo_ceiling_bpm, tempo_of(v, a, mode))
        feeling = path.mean(now, now + PHRASE_BARS * bar_s)
        mode = mode_for(feeling[0], mode)
        tempo = min(tempo_ceiling_bpm, tempo_of(*feeling, mode))
        bar_s = beats_per_bar * 60 / tempo
        left = (path.duration_s - now) / bar_s
        bars = PHRASE_BARS if left >= PHRASE_BARS + 3 else max(SHORTEST_END_BARS, math.floor(left))
        number = len(phrases)
        section = Section("", number * PHRASE_BARS, bars)
        phrases.append(PathPhrase(section, feeling, mode, tempo, number))
        if bars != PHRASE_BARS or left < PHRASE_BARS + 3:
            break
        now += PHRASE_BARS * bar_s
    named = _with_ideas(phrases, journey_names(len(phrases)))
    plan = _finished(named, path.duration_s, beats_per_bar)
    while max(mark.bpm for mark in plan.tempo_marks) > tempo_ceiling_bpm and named[-1].section.bars > SHORTEST_END_BARS:
        last = named[-1]
        fewer = replace(last, section=replace(last.section, bars=last.section.bars - 1))
        named = [*named[:-1], replace(fewer, taken_bars=min(fewer.taken_bars, fewer.section.bars - 1))]
        plan = _finished(named, path.duration_s, beats_per_bar)
    return plan


def journey_names(phrases: int) -> list[str]:
    """Movements of four phrases, A A' B A', C C' B' A', D D' C' A', …: a new idea, the one before, the opening."""
    names = list(MOVEMENT)
    ideas = itertools.cycle("CDEFGHIJKLMNOPQRSTUVWXYZ")
    former = "B"
    while len(names) < phrases:
        idea = next(ideas)
        names += [idea, f"{idea}'", f"{former}'", "A'"]
        former = idea
    return [*names[: phrases - 1], "A'"] if phrases > 1 else ["A"]


def _with_ideas(phrases: Sequence[PathPhrase], names: Sequence[str]) -> list[PathPhrase]:
    """Name the phrases and say what each takes over: an answer half, a return half, or a bar where it feels unlike.

    A primed name goes back to the latest phrase of its letter, so that an idea is developed rather than quoted.
    """
    latest: dict[str, int] = {}
    named: list[PathPhrase] = []
    for number, (phrase, name) in enumerate(zip(phrases, names, strict=True)):
        idea = original_of(name)
        phrase = replace(phrase, section=replace(phrase.section, name=name))
        if name != idea and idea in latest:
            origin = named[latest[idea]]
            taken = _shared(phrase, origin, ends=number == len(phrases) - 1)
            phrase = replace(phrase, origin=latest[idea] if taken else None, taken_bars=taken)
        latest[idea] = number
        named.append(phrase)
    return named


def _shared(phrase: PathPhrase, origin: PathPhrase, *, ends: bool) -> int:
    """Bars that a phrase takes over; the two last bars of the piece are always its own."""
    own = phrase.section.bars - (2 if ends else 1)
    alike = apart(phrase.feeling, origin.feeling) < NEAR
    return max(0, min(own, origin.section.bars // 2 if alike else 1))


def _finished(phrases: Sequence[PathPhrase], music_s: float, beats_per_bar: int) -> PathPlan:
    """The plan with tempo marks that make it last exactly so long."""
    beats = np.concatenate([np.full(p.section.bars * beats_per_bar, math.log(p.tempo_bpm)) for p in phrases])
    smooth = _smoothed(beats, RAMP_BEATS)
    slowing = broaden(len(beats) // beats_per_bar, beats_per_bar, music_s, phrases[-1].feeling[1])
    marks = [(float(beat), math.exp(value)) for beat, value in enumerate(smooth)]
    marks = _slowed(marks, [(mark.beat, mark.bpm / slowing[0].bpm) for mark in slowing])
    ends = [beat for beat, _ in marks[1:]] + [float(len(beats))]
    lasts_s = sum((end - beat) * 60 / bpm for (beat, bpm), end in zip(marks, ends, strict=True))
    exact = tuple(TempoMark(beat, bpm * lasts_s / music_s) for beat, bpm in marks)
    return PathPlan(tuple(phrases), beats_per_bar, exact, music_s)


def _smoothed(values: npt.NDArray[np.float64], width: int) -> npt.NDArray[np.float64]:
    """Running mean, the ends held on; a leap becomes a ramp."""
    padded = np.pad(values, (width // 2, width - 1 - width // 2), mode="edge")
    return np.convolve(padded, np.full(width, 1 / width), mode="valid")


def _slowed(marks: list[tuple[float, float]], slowing: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Marks that change something, with the slowing of the last two bars upon them."""
    beats = sorted({beat for beat, _ in marks} | {beat for beat, _ in slowing})
    kept: list[tuple[float, float]] = []
    for beat in beats:
        bpm = next(b for at, b in reversed(marks) if at <= beat) * next(r for at, r in reversed(slowing) if at <= beat)
        if not kept or abs(bpm / kept[-1][1] - 1) > LEAST_CHANGE:
            kept.append((beat, bpm))
    return kept
