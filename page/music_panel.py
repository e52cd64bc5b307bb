"""The lane of notes: a piano roll that grows, the sound as it comes, one player for both.

Value: what `Sound.value` gives, with `lane` and `text` for the caption, `made_by` of `notes` and `sound`, `trouble`
when the lane failed, and as texts (see :func:`page.sound.items`) `notes` (each start and end in ms, pitch, velocity,
and for what is not melody its number in :data:`VOICES`), `bars_ms`, `sections` (name, start and end in ms).
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import gradio as gr

from page.own import own_component
from page.sound import Sound, items
from page.texts import say
from page.words import score_sentence
from pipelines.records import Note, Score

if TYPE_CHECKING:
    from pipelines.waveform.arrange_melody import Splitter

LANE = "lane.piano"  # key of its text
VOICES = ("melody", "inner voice", "bass")


@dataclass
class Voices:
    """Which voice each note of a growing score belongs to, as a number in :data:`VOICES`.

    Decided once, when the note comes, and kept: what was sent is not sent again. The parts are those that the
    ensemble takes the piano's score apart into.
    """

    numbers: list[int] = field(default_factory=list)
    _notes: Sequence[Note] = ()
    _splitter: Splitter | None = None
    _bar: int = 0

    def of(self, score: Score) -> list[int]:
        """The numbers of all its notes, in their order; a score that does not continue the last one begins anew."""
        from pipelines.waveform.arrange_melody import Splitter

        if self._splitter is None or tuple(score.notes[: len(self._notes)]) != tuple(self._notes):
            self.numbers, self._splitter, self._bar = [], Splitter(), 0
        self._notes = score.notes
        while True:
            splitter = replace(self._splitter)
            self._number(score, self._bar, splitter)
            if self._bar + 1 >= score.bars_begun:  # more of this bar may come: it is split again with it
                return self.numbers
            self._splitter, self._bar = splitter, self._bar + 1

    def _number(self, score: Score, bar: int, splitter: Splitter) -> None:
        split = splitter.split(score, bar)
        numbers = {note: number for number, part in enumerate((split.melody, split.inner, split.bass)) for note in part}
        end = bisect.bisect_left(score.notes, float((bar + 1) * score.beats_per_bar), key=lambda note: note.start_beat)
        self.numbers.extend(numbers[note] for note in score.notes[len(self.numbers) : end])


@dataclass
class Music:
    """What the panel shows of one run; it grows."""

    sound: Sound
    score: Score | None = None
    composed_by: str = ""
    trouble: str = ""
    voices: Voices = field(default_factory=Voices)

    def show_score(self, score: Score, made_by: str) -> None:
        """Take in the notes so far."""
        self.score = score
        self.composed_by = made_by

    def value(self) -> dict[str, Any]:
        """The panel's value."""
        from pipelines.symbolic.piano_roll import to_data

        return {
            **self.sound.value(),
            "lane": say(LANE),
            "text": score_sentence(self.score) if self.score else "",
            "made_by": {"notes": self.composed_by, "sound": self.sound.made_by},
            "trouble": self.trouble,
            **(compact(to_data(self.score), self.voices.of(self.score)) if self.score else {}),
        }


def compact(roll: dict[str, Any], voices: Sequence[int] = ()) -> dict[str, str]:
    """The data of `piano_roll.to_data` with whole milliseconds, as texts; without `voices` all is melody."""
    notes = zip(roll["notes"], voices or [0] * len(roll["notes"]), strict=True)
    return {
        "notes": items(
            [_ms(n["start_s"]), _ms(n["end_s"]), n["pitch"], n["velocity"], *([voice] if voice else [])]
            for n, voice in notes
        ),
        "bars_ms": items(_ms(second) for second in roll["bars_s"]),
        "sections": items([s["name"], _ms(s["start_s"]), _ms(s["end_s"])] for s in roll["sections"]),
    }


def _ms(second: float) -> int:
    return round(second * 1000)


def music_panel() -> gr.HTML:
    """Build the panel."""
    return own_component("music")
