"""The symbolic paper's grammar: a Score to tokens and back.

    <start> 114.0@tempo 4/4@time E5@1.0 0.4.7@1.0 r@0.25 … <end>

The paper ("Emotion-Guided Image to Music Generation", section 3.2, after Mendis and Bandara's "Show and Listen", 2022)
does not define it; the rule was found in its released sequences, 2,884 lines of which 70 are different, by matching
them with EIMG's clips. It is: the key to C major or A minor, the first eight bars, each hand as music21 reads it
(:mod:`.tokens_voices`), all hands' events in one line by onset, ties by hand, the right first. Of the 70, 28 come out
of their clips token by token, given the same key and bars; in most others voices within a bar are told apart otherwise.

The modules: `tokens_grammar` spells one token, `tokens_voices` makes events of notes, `tokens_read` decodes,
`tokens_vocabulary` numbers; this one encodes and is what others import.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from pipelines.records import Note, Score
from pipelines.symbolic.tokens_grammar import END, PAD, START, write_sounding
from pipelines.symbolic.tokens_read import decode
from pipelines.symbolic.tokens_vocabulary import Vocabulary, build_vocabulary
from pipelines.symbolic.tokens_voices import events_of_parts

__all__ = ["END", "PAD", "START", "Vocabulary", "build_vocabulary", "decode", "encode", "encode_parts", "split_hands"]

HANDS_MEET = 60  # from middle C on the right hand plays
# Tonics on the line of fifths (C 0, G 1, F -1), as music21 spells the keys.
TONIC_FIFTHS = {"major": (0, 7, 2, -3, 4, -1, 6, 1, -4, 3, -2, 5), "minor": (0, 7, 2, -3, 4, -1, 6, 1, 8, 3, -2, 5)}
HOME = {"major": (0, 0), "minor": (9, 3)}  # tonic as a pitch class, and on the line of fifths
FLAT_A, SHARP_G = -4, 8


def encode(score: Score) -> list[str]:
    """Tokens of a Score's first eight bars, from `<start>` to `<end>`; the hands by :func:`split_hands`."""
    return encode_parts(split_hands(score.notes), score)


def encode_parts(parts: Sequence[Sequence[Note]], score: Score) -> list[str]:
    """Tokens of parts, the right hand first, in the tempo, metre and key of `score`, a bar being `beats_per_bar`/4.

    The pitches move by the least number of semitones from the tonic above middle C to middle C, or to the A above it in
    minor: down by 11 to 0, or down by 2 to up by 9. What would leave MIDI's range moves by octaves.
    """
    home, home_fifths = HOME[score.mode]
    moved = [[_move(note, home - score.tonic) for note in part] for part in parts]
    fifths = home_fifths - TONIC_FIFTHS[score.mode][score.tonic]
    flat_a = _eighth_is_flat(fifths)
    events = events_of_parts(moved, Fraction(score.beats_per_bar))
    body = (write_sounding(event.pitches, event.length, flat_a=flat_a) for event in events)
    return [START, f"{round(score.tempo_bpm, 2)}@tempo", f"{score.beats_per_bar}/4@time", *body, END]


def _move(note: Note, semitones: int) -> Note:
    pitch = note.pitch + semitones
    while pitch < 12:
        pitch += 12
    while pitch > 127:
        pitch -= 12
    return replace(note, pitch=pitch)


def _eighth_is_flat(fifths: int) -> bool:
    """Whether pitch class 8 is A flat, the music moved by `fifths` on the line of fifths.

    A black key keeps the name that it gets by moving the name that it had; only A flat and G sharp may both stay.
    """
    place = next(p for p in range(-3, 9) if (p + fifths) % 12 == SHARP_G) + fifths
    return place <= FLAT_A


def split_hands(notes: Sequence[Note]) -> tuple[list[Note], list[Note]]:
    """Right hand and left: the notes from middle C on, and those below."""
    return [n for n in notes if n.pitch >= HANDS_MEET], [n for n in notes if n.pitch < HANDS_MEET]
