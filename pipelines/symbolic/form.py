"""A duration and a tempo in, a musical form out: how many bars, in which phrases, at exactly which tempo.

A piece is made of phrases of one length (2 to 4 bars) whose names say what returns: A' repeats A with a new ending,
B contrasts. Forms end on the opening idea, so that the last phrase can close the piece.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from pipelines.records import Section
from pipelines.settings import check_duration

FORMS = {
    1: ("A",),
    2: ("A", "A'"),
    3: ("A", "B", "A'"),
    4: ("A", "A'", "B", "A'"),
    5: ("A", "A'", "B", "B'", "A'"),
    6: ("A", "A'", "B", "A'", "B'", "A'"),
    7: ("A", "A'", "B", "A'", "C", "C'", "A'"),
    8: ("A", "A'", "B", "A'", "C", "C'", "B'", "A'"),
}
# Phrase lengths in bars with what each costs in the choice below, as a share of the tempo: phrases of four are the
# norm, those of two serve short pieces, those of three are for when nothing else comes near.
PHRASE_BARS = {4: 0.0, 2: 0.03, 3: 0.1}
FEWEST_BARS = 4
COST_OF_A_MISSING_PHRASE = 0.05  # for each phrase short of four, which the song form A A' B A' needs
# A piece at a given tempo: how far that may bend, and how long the final chord lasts, in seconds.
MOST_BENT, SHORTEST_FINAL_S, LONGEST_FINAL_S = 0.025, 2.4, 4.2
MOST_SHORT_PHRASES, COST_OF_SHORT_BREATH = 6, 0.08  # more phrases of two bars than that never get anywhere


@dataclass(frozen=True)
class Form:
    """Phrases one after another and the tempo, in beats a minute, at which they last as long as was asked."""

    sections: tuple[Section, ...]
    beats_per_bar: int
    tempo_bpm: float

    @property
    def bars(self) -> int:
        """All bars."""
        return sum(section.bars for section in self.sections)


def plan_form(duration_s: float, tempo_bpm: float, beats_per_bar: int) -> Form:
    """Choose the number of phrases whose tempo comes nearest to the one wished for; 10 to 180 seconds.

    Raises SettingsError for any other duration.
    """
    check_duration(duration_s)
    bars = duration_s * tempo_bpm / 60 / beats_per_bar
    phrase, phrases = min(
        ((length, count) for length in PHRASE_BARS for count in _counts(bars, length)),
        key=lambda choice: _cost(bars, *choice),
    )
    names = FORMS.get(phrases) or long_form(phrases)
    sections = tuple(Section(name, i * phrase, phrase) for i, name in enumerate(names))
    exact_bpm = phrases * phrase * beats_per_bar * 60 / duration_s
    return Form(sections, beats_per_bar, exact_bpm)


def plan_form_at(duration_s: float, tempo_bpm: float, beats_per_bar: int) -> Form:
    """Choose the number of bars that leaves the tempo as it is wished, within 2.5 %; 10 to 180 seconds.

    The last bar holds the final chord and may be shorter or longer than the others, so the tempo need not bend for
    the length. Only where fewer than four bars would fit the tempo is faster than wished. Raises SettingsError for a
    duration out of range.
    """
    check_duration(duration_s)
    bar_s = beats_per_bar * 60 / tempo_bpm
    chord_s = min(LONGEST_FINAL_S, max(SHORTEST_FINAL_S, bar_s + 0.8))
    latest_s = duration_s - SHORTEST_FINAL_S
    before = min(round((duration_s - chord_s) / bar_s), math.floor(latest_s * (1 + MOST_BENT) / bar_s))
    before = max(FEWEST_BARS - 1, before)
    exact_bpm = before * beats_per_bar * 60 / (duration_s - chord_s)
    bent_bpm = min(tempo_bpm * (1 + MOST_BENT), max(tempo_bpm * (1 - MOST_BENT), exact_bpm))
    latest_bpm = before * beats_per_bar * 60 / latest_s
    return Form(phrases_of(before + 1), beats_per_bar, max(bent_bpm, latest_bpm))


def phrases_of(bars: int) -> tuple[Section, ...]:
    """Phrases of four bars, of two in a piece of fewer than twelve, which together have so many bars (4 or more).

    What is over goes to the last phrase if it is one bar, else makes a phrase of its own before the last or, of three
    bars, the last.
    """
    length = 4 if bars >= 12 else 2
    count, over = divmod(bars, length)
    lengths = [length] * count
    if over == 1:
        lengths[-1] += 1
    elif over:
        lengths.insert(count - (over == 2), over)
    names = FORMS.get(len(lengths)) or long_form(len(lengths))
    firsts = itertools.accumulate(lengths, initial=0)
    return tuple(Section(name, first, own) for name, first, own in zip(names, firsts, lengths, strict=False))


def slowest_tempo_bpm(duration_s: float, beats_per_bar: int) -> float:
    """Tempo under which a piece would have fewer than four bars, too few for a form."""
    return FEWEST_BARS * beats_per_bar * 60 / duration_s


def _counts(bars: float, length: int) -> range:
    """Numbers of phrases of a length worth trying: those around the wished for number of bars."""
    fewest = max(1, -(-FEWEST_BARS // length))
    nearest = max(fewest, int(bars / length))
    return range(nearest, nearest + 2)


def _cost(bars: float, length: int, count: int) -> float:
    """How far a choice bends the tempo, as a natural logarithm, and how far it is from the usual forms."""
    bent = abs(math.log(length * count / bars))
    short = COST_OF_SHORT_BREATH if length < 4 and count > MOST_SHORT_PHRASES else 0.0
    return bent + PHRASE_BARS[length] + COST_OF_A_MISSING_PHRASE * max(0, 4 - count) + short


def long_form(phrases: int) -> tuple[str, ...]:
    """Name the phrases of a form of more than eight: a rondo of groups, each with a new idea, that ends on A'."""
    names = ["A", "A'", "B", "A'", "C", "C'", "B'", "A'"]
    ideas = "DEFGHIJKLMNOPQRSTUVWXYZ"
    for group in range(-(-phrases // 4)):
        idea, former = ideas[group % len(ideas)], "BC"[group % 2]
        names += [idea, f"{idea}'", f"{former}'", "A'"]
    names = names[: phrases - 1]
    if names[-1] == "A'":  # the end is a return, so something else must come before it
        names[-1] = "C'" if names[-2] == "B'" else "B'"
    return (*names, "A'")


def original_of(name: str) -> str:
    """The phrase that a name repeats: A for A'."""
    return name.rstrip("'")
