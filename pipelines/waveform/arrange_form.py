"""Who does what in which section: the form in, a plan for each bar out.

A piece opens thin, grows with each section and ends full; calm pieces stay thin for longer, excited ones are full
from the start. The contrasting sections are led by another instrument.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from pipelines.records import VA_MAX, VA_MIN, Emotion, Score, Section
from pipelines.waveform.arrange_cast import Cast
from pipelines.waveform.drums import DrumBar

RELEASE_S = 1.2  # before the end of the piece everybody lets go, so that it fades by itself
SOFTEST, VELOCITY_SPAN = 58.0, 36.0
LEVEL_VELOCITY = (-5.0, 0.0, 4.0)
ARCH_VELOCITY = 4.0
CALM, EXCITED, DOUBLED = 0.35, 0.62, 0.5  # shares of the range of arousal


@dataclass(frozen=True)
class Plan:
    """A bar's plan: its beats, who leads, doubles and answers (indices of the cast), how full and how loud it is.

    `full` chooses the full patterns, `drums_full` those of the drums. `breathes` ends the melody before the bar does.
    """

    begin: float
    end: float
    idea: str
    index_in_section: int
    lead: int
    double: int | None
    counter: int | None
    pad: bool
    full: bool
    drums_full: bool
    velocity: float
    opens: bool
    closes: bool
    final: bool

    @property
    def breathes(self) -> bool:
        """Whether the phrase ends with this bar."""
        return self.closes and not self.final

    def for_drums(self, score: Score) -> DrumBar:
        """The bar as the drummer sees it."""
        opens = self.opens and (self.begin > 0 or self.drums_full)
        return DrumBar(
            self.index_in_section, score.beats_per_bar, opens, self.closes, self.drums_full, self.velocity + 4
        )


def bars_of(score: Score) -> int:
    """Bars of the whole form, however many of them are there yet."""
    return sum(section.bars for section in score.sections) or score.bar_count


def energy_of(emotion: Emotion) -> float:
    """Arousal as a share of its range, 0 to 1."""
    return (emotion.arousal - VA_MIN) / (VA_MAX - VA_MIN)


def section_of(score: Score, bar: int) -> tuple[int, Section]:
    """The section that a bar (from 0) lies in, and its number; a score without sections is one."""
    sections = score.sections or (Section("A", 0, max(1, score.bar_count)),)
    found = [i for i, section in enumerate(sections) if section.first_bar <= bar]
    return found[-1], sections[found[-1]]


def plan_bar(score: Score, bar: int, cast: Cast, energy: float) -> Plan:
    """Plan a bar (from 0) by its place in the form and the energy (0 to 1) of the piece."""
    number, section = section_of(score, bar)
    count = max(1, len(score.sections))
    last = number == count - 1
    level = 2 if last and count > 1 else min(1, number)
    inside = bar - section.first_bar
    final = last and inside == section.bars - 1
    lead = _leader(section.name, cast)
    double, counter = _others(level, lead, cast, energy)
    full = energy > EXCITED or (level >= 1 and energy > CALM) or level == 2
    arch = ARCH_VELOCITY * math.sin(math.pi * (inside + 0.5) / section.bars) - ARCH_VELOCITY / 2
    return Plan(
        begin=float(bar * score.beats_per_bar),
        end=float((bar + 1) * score.beats_per_bar),
        idea=section.name[0],
        index_in_section=inside,
        lead=lead,
        double=double,
        counter=counter,
        pad=level >= 1 or energy < CALM or cast.beat == "electronic",
        full=full,
        drums_full=energy > EXCITED or (level >= 1 and energy > CALM / 2),
        velocity=SOFTEST + VELOCITY_SPAN * energy + LEVEL_VELOCITY[level] + arch,
        opens=inside == 0,
        closes=inside == section.bars - 1 and not final,
        final=final,
    )


def _leader(name: str, cast: Cast) -> int:
    """The lead in the sections called A, the others in turn in B, C and so on."""
    letter = ord(name[0]) - ord("A")
    return cast.seconds[(letter - 1) % len(cast.seconds)] if letter and cast.seconds else cast.lead


def _others(level: int, lead: int, cast: Cast, energy: float) -> tuple[int | None, int | None]:
    """Who doubles the melody, and who answers it: nobody in a thin section, and only who can hold a note."""
    if level == 0 or not cast.seconds:
        return None, None
    others = [part for part in cast.seconds if part != lead] or [cast.lead]
    other = others[-min(level, len(others))]
    chordal = {cast.parts[index].instrument for index in (cast.comp, cast.pad) if index is not None}
    busy, rings = cast.parts[other].instrument in chordal, cast.parts[other].playing.rings
    if (level == 2 and energy > DOUBLED) or (rings and not busy):
        return other, None
    return None, None if busy or rings else other


def closing_share(score: Score) -> float:
    """Share of the last bar for which the final chord is held."""
    first = (score.bar_count - 1) * score.beats_per_bar
    length_s = score.seconds_at(score.bar_count * score.beats_per_bar) - score.seconds_at(first)
    return max(0.3, 1 - RELEASE_S / length_s)
