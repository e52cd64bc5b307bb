"""A pattern and the bar's chords in, Notes out: accompaniment, bass, pads, timpani. The signs: `arrange_styles.py`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipelines.records import Note
from pipelines.waveform.arrange_harmony import Chord, voiced
from pipelines.waveform.instruments import Playing

STEPS_PER_BEAT = 4
ACCENTS = {"X": 9, "D": 8, "P": 8, "s": -12, "u": -7, "m": -9, "B": -2}
MUTED_SHARE = 0.55
STRUM_S = 0.025
LOUDER_FIRST_BEAT = 4


@dataclass(frozen=True)
class Stroke:
    """A sign of a pattern at a beat of the piece, lasting some beats, with the chord under it."""

    beat: float
    length: float
    sign: str
    chord: Chord


def strokes(pattern: str, begin: float, chords: Sequence[Chord]) -> Iterator[Stroke]:
    """The signs of a bar that begins at a beat; a held chord or bass note is struck again where the chord changes."""
    for step, sign in enumerate(pattern):
        if sign in "-.":
            continue
        held = len(pattern[step + 1 :]) - len(pattern[step + 1 :].lstrip("-"))
        beat, length = begin + step / STEPS_PER_BEAT, (1 + held) / STEPS_PER_BEAT
        while length > 1e-6:
            chord = chord_at(chords, beat)
            here = min(length, chord.end_beat - beat) if chord.end_beat > beat + 1e-6 else length
            yield Stroke(beat, here, sign, chord)
            if sign.isdigit():
                break
            beat, length = beat + here, length - here


def chord_at(chords: Sequence[Chord], beat: float) -> Chord:
    """The chord that sounds at a beat; the last one behind them all."""
    return next((chord for chord in chords if beat < chord.end_beat - 1e-6), chords[-1])


@dataclass
class Comping:
    """Writes chords for one instrument; remembers its last voicing, so that voices move little."""

    playing: Playing
    low: int
    high: int
    size: int
    last: tuple[int, ...] = ()

    def voicing(self, tones: Sequence[int]) -> tuple[int, ...]:
        """The next chord's pitches, near the last one's."""
        self.last = voiced(tones, self.low, self.high, self.last, size=self.size)
        return self.last

    def write(
        self,
        pattern: str,
        begin: float,
        chords: Sequence[Chord],
        tones: dict[Chord, tuple[int, ...]],
        velocity: float,
        *,
        beat_s: float = 0.5,
    ) -> list[Note]:
        """A bar of accompaniment; `tones` gives the pitch classes to voice for each chord, `beat_s` seconds a beat."""
        voicings = {chord: self.voicing(tones[chord]) for chord in chords}
        notes: list[Note] = []
        for stroke in strokes(pattern, begin, chords):
            loud = velocity + ACCENTS.get(stroke.sign, 0) + (LOUDER_FIRST_BEAT if stroke.beat == begin else 0)
            pitches = self._pitches(stroke, voicings[stroke.chord])
            late = _strummed(stroke.sign, len(pitches), STRUM_S / beat_s)
            for pitch, after in zip(pitches, late, strict=True):
                length = max(0.05, self._length(stroke) - after)
                notes.append(Note(stroke.beat + after, self.playing.folded(pitch), length, _velocity(loud)))
        return notes

    def _pitches(self, stroke: Stroke, voicing: tuple[int, ...]) -> tuple[int, ...]:
        sign, chord = stroke.sign, stroke.chord
        if sign.isdigit():
            climbing = (*voicing, *(pitch + 12 for pitch in voicing))
            return (climbing[min(int(sign), len(climbing) - 1)],)
        if sign in "pPm":
            root = self.playing.low + (chord.root - self.playing.low) % 12
            fifth = root + (chord.fifth - chord.root) % 12
            return (root, fifth) if sign == "m" else (root, fifth, root + 12)
        if sign in "bB":
            tone = chord.root if sign == "b" else chord.fifth
            return (36 + (tone - 36) % 12,)
        return voicing

    def _length(self, stroke: Stroke) -> float:
        if stroke.sign.isdigit() and self.playing.rings:
            return max(stroke.length, min(2.5, stroke.chord.end_beat - stroke.beat))
        if stroke.sign == "m":
            return MUTED_SHARE * stroke.length
        return 0.97 * stroke.length


@dataclass
class BassLine:
    """Writes the bass; remembers its last pitch, so that it moves by the nearer way."""

    playing: Playing
    last: int = 0

    def write(
        self, pattern: str, begin: float, chords: Sequence[Chord], upcoming: Chord, velocity: float
    ) -> list[Note]:
        """A bar of bass under its chords; `upcoming` is the chord of the next bar."""
        notes = []
        for stroke in strokes(pattern, begin, chords):
            pitch = self._pitch(stroke, chord_at([*chords, upcoming], stroke.chord.end_beat))
            loud = velocity + (LOUDER_FIRST_BEAT if stroke.beat == begin else 0) - (14 if stroke.sign.islower() else 0)
            notes.append(Note(stroke.beat, pitch, 0.95 * stroke.length, _velocity(loud)))
            if stroke.sign.upper() == "R":
                self.last = pitch
        return notes

    def _pitch(self, stroke: Stroke, upcoming: Chord) -> int:
        sign, chord = stroke.sign.upper(), stroke.chord
        root = self._near(chord.root, self.last or self._middle)
        if sign == "R":
            return root
        if sign == "O":
            return root + 12 if root + 12 <= self.playing.high else root - 12
        if sign == "N":
            return self._near(upcoming.root, root)
        if sign == "A":
            target = self._near(upcoming.root, root)
            return self._inside(target - 1 if root < target else target + 1 if root > target else target - 5)
        tone = chord.fifth if sign == "F" else chord.tones[1]
        above = root + (tone - chord.root) % 12
        return above if above <= self.playing.high else above - 12

    @property
    def _middle(self) -> int:
        return min(self.playing.low + 12, 41)

    def _near(self, pitch_class: int, target: int) -> int:
        """The pitch of a class nearest to a target in the lower octave and a half of the range."""
        high = min(self.playing.high, self.playing.low + 18)
        choices = [pitch for pitch in range(self.playing.low, high + 1) if pitch % 12 == pitch_class]
        return min(choices, key=lambda pitch: (abs(pitch - target) + 0.35 * abs(pitch - self._middle), pitch))

    def _inside(self, pitch: int) -> int:
        return self.playing.folded(pitch)


def timpani_bar(
    begin: float, beats: int, chords: Sequence[Chord], playing: Playing, velocity: float, *, roll: bool
) -> list[Note]:
    """The root on the first beat, and where a section closes a roll that grows over the last beat."""
    chord = chords[0]
    root = playing.low + (chord.root - playing.low) % 12
    notes = [Note(begin, root, 1.0, _velocity(velocity))]
    if len(chords) > 1:
        second = playing.low + (chords[1].root - playing.low) % 12
        notes.append(Note(chords[1].start_beat, second, 1.0, _velocity(velocity - 10)))
    if roll:
        last = playing.low + (chords[-1].root - playing.low) % 12
        start = begin + beats - 1
        notes += [Note(start + i / 6, last, 0.16, _velocity(velocity * (0.55 + 0.075 * i))) for i in range(6)]
    return notes


def _strummed(sign: str, strings: int, spread: float) -> list[float]:
    """How much later each string sounds, from the lowest, in beats: downwards, upwards, or all at once."""
    if sign not in "dDu" or strings < 2:
        return [0.0] * strings
    steps = [spread * i / (strings - 1) for i in range(strings)]
    return steps[::-1] if sign == "u" else steps


def _velocity(value: float) -> int:
    return min(124, max(10, round(value)))
