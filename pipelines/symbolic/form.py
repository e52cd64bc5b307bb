"""A duration and a tempo in, a musical form out: how many bars, in which phrases, at exactly which tempo.

A piece is made of phrases of one length (2 or 4 bars) whose names say what returns: A' repeats A with a new ending,
B contrasts. Forms end on the opening idea, so that the last phrase can close the piece.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.errors import SettingsError
from pipelines.records import Section

SHORTEST_S, LONGEST_S = 10.0, 180.0
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
# A long piece walks through these groups of four before it closes with the last four of the table's form for 8.
LONG_GROUPS = (("A", "A'", "B", "A'"), ("C", "C'", "B'", "A'"), ("D", "D'", "C'", "A'"))


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
    if not SHORTEST_S <= duration_s <= LONGEST_S:
        raise SettingsError(
            f"The music cannot last {duration_s:g} seconds; choose {SHORTEST_S:g} to {LONGEST_S:g} seconds."
        )
    bars = duration_s * tempo_bpm / 60 / beats_per_bar
    phrase = 4 if bars >= 14 else 2
    phrases = max(1 if bars < 3 else 2, round(bars / phrase))
    names = FORMS.get(phrases) or long_form(phrases)
    sections = tuple(Section(name, i * phrase, phrase) for i, name in enumerate(names))
    exact_bpm = phrases * phrase * beats_per_bar * 60 / duration_s
    return Form(sections, beats_per_bar, exact_bpm)


def long_form(phrases: int) -> tuple[str, ...]:
    """Name the phrases of a form of more than eight: groups of four in turn, ending on A'."""
    names = [LONG_GROUPS[(i // 4) % len(LONG_GROUPS)][i % 4] for i in range(phrases)]
    return (*names[:-1], "A'")


def original_of(name: str) -> str:
    """The phrase that a name repeats: A for A'."""
    return name.rstrip("'")
