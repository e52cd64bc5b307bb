"""A person's text → :class:`pipelines.records.MusicPrompt`, and the emotion that a prompt asks for.

In: a text in English. Out: the text as it was written, trimmed, and its parts: words of `vocabulary.py` and their
aliases as whole words, the longest first; tempi in BPM, by Italian terms or by plain words; "no drums" and "not sad".
What the text does not say is filled in so that it fits what it does say, near the emotion of the picture.

Conventions
-----------
A mood's word stands for its place on the plane. Where a prompt agrees with the picture's emotion, that emotion is
what it asks for, to the digit; a part that contradicts it moves the point no further than it must.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from statistics import mean

from pipelines.errors import SettingsError
from pipelines.records import Emotion, MusicPrompt
from pipelines.waveform.prompt_parts import (
    MODE_VALENCE,
    TEMPO_SLACK_BPM,
    Choices,
    arousal_at,
    band,
    choices_for,
    melodic,
    melody_of,
    modes_at,
    moods_fit,
    moods_of,
    tempo_for,
    tempo_range,
)
from pipelines.waveform.vocabulary import ARTICULATIONS, CONTOURS, GENRES, INSTRUMENTS, LONGEST_TEXT, MOODS, REGISTERS

SLOWEST_SAID_BPM, FASTEST_SAID_BPM = 30.0, 240.0
MOST_MOODS = 3

TEMPO_WORDS = {
    (44.0, 54.0): ("largo", "very slow", "very slowly", "extremely slow"),
    (50.0, 62.0): ("lento",),
    (60.0, 72.0): ("adagio",),
    (50.0, 76.0): ("slow", "slowly", "slower"),
    (76.0, 92.0): ("andante", "walking pace", "unhurried"),
    (88.0, 100.0): ("andantino",),
    (96.0, 116.0): ("moderato", "moderate", "moderately", "mid-tempo", "midtempo", "medium tempo", "medium"),
    (104.0, 124.0): ("allegretto",),
    (116.0, 140.0): ("allegro", "brisk", "briskly", "up-tempo", "uptempo"),
    (140.0, 164.0): ("vivace",),
    (124.0, 160.0): ("fast", "quick", "quickly", "rapid", "faster"),
    (156.0, 184.0): ("presto", "prestissimo", "very fast", "extremely fast", "breakneck"),
}
MODES = {
    "major": ("ionian", "lydian", "mixolydian"),
    "minor": ("aeolian", "dorian", "phrygian"),
}
# A number with a unit is a tempo whatever it is, one that only follows the word "tempo" may be a year or a count.
NUMBER = r"(?<!\w)(?<!\d[.,])(\d+(?:[.,]\d+)*(?:e[+-]?\d+)?)"
TEMPO = re.compile(
    rf"(?:{NUMBER}\s*(?:-|–|to)\s*)?{NUMBER}\s*-?\s*(?:bpm|beats?\s(?:per|a)\sminute)\b|♩\s*=\s*{NUMBER}"
)
BARE_TEMPO = re.compile(r"\btempo\b[^.\d\n]{0,24}(\d{2,3}(?:\.\d+)?)(?!\w)")
JOINERS = "\u200c\u200d"  # they stand within words and emojis; all else that cannot be seen goes
KEPT, UNSEEN = f"\n{JOINERS}", ("Cc", "Cf", "Cs")
EDGES = re.compile(rf"^[\s{JOINERS}]+|[\s{JOINERS}]+$")
NEGATION = re.compile(
    r"\b(?:no|not|without|never|minus|nor|lacking|instead of|rather than|free of|avoid|isn't|don't)"
    r"(?:\s+(?:any|a|an|the|too|very|so|really|use|of|in|much|feel|sound|be))*\s+$"
)
JOINED = re.compile(r"\s*(?:,\s*|\s(?:or|nor|and)\s)(?:or\s|nor\s|and\s)?\s*")


@dataclass(frozen=True)
class Said:
    """What a text says; None or () for what it does not. `unwanted` are words that it says it does not want.

    `tempo_bpm` is the lowest and the highest that its words allow, the same twice where it names a number.
    """

    moods: tuple[str, ...] = ()
    genre: str | None = None
    tempo_bpm: tuple[float, float] | None = None
    mode: str | None = None
    contour: str | None = None
    articulation: str | None = None
    register: str | None = None
    instruments: tuple[str, ...] = ()
    unwanted: frozenset[str] = frozenset()


def parse_prompt(text: str, *, emotion: Emotion | None = None) -> MusicPrompt:
    """Read a person's own text, in English, 1 to 500 characters, into the parts of a prompt.

    What it does not say is filled in from `emotion` (the plane's middle without one), or, where it contradicts that,
    from the emotion that it asks for.

    Raises:
        SettingsError: the text is empty or too long, or its tempo, said in BPM, is outside 30 to 240.
    """
    text = clean(text)
    if not text:
        raise SettingsError("The prompt is empty; describe the music in a sentence or two.")
    if len(text) > LONGEST_TEXT:
        raise SettingsError(f"The prompt has {len(text)} characters; shorten it to {LONGEST_TEXT}.")
    said = read(text)
    if said.tempo_bpm and not _can_be_played(said.tempo_bpm[0]):
        limits = f"{SLOWEST_SAID_BPM:g} to {FASTEST_SAID_BPM:g}"
        raise SettingsError(f"The tempo cannot be {said.tempo_bpm[0]:g} BPM; choose {limits} BPM.")
    return replace(complete(said, emotion or Emotion.at(5.0, 5.0)), text=text)


def clean(text: str) -> str:
    """The text without control and invisible characters, trimmed; line breaks stay, and joiners within the text."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return EDGES.sub("", "".join(c for c in text if c in KEPT or unicodedata.category(c) not in UNSEEN))


def emotion_in(prompt: MusicPrompt, *, near: Emotion | None = None) -> Emotion:
    """The emotion that a prompt asks for by its moods, mode and tempo; `near` itself where it agrees with that."""
    said = Said(
        moods=tuple(mood.word for mood in moods_of(prompt.mood)),
        tempo_bpm=(prompt.tempo_bpm, prompt.tempo_bpm),
        mode=prompt.mode,
    )
    return asked(said, near)


def asked(said: Said, near: Emotion | None) -> Emotion:
    """The emotion that what was said asks for, `near` where nothing said contradicts it."""
    start = near or Emotion.at(5.0, 5.0)
    point = start
    moods = [mood for word in said.moods for mood in MOODS if mood.word == word]
    if moods and (near is None or not moods_fit(moods, start)):
        point = Emotion.at(mean(m.valence for m in moods), mean(m.arousal for m in moods))
    weight = 0.5 if moods else 1.0  # against a mood's word a mode or a tempo goes half of the way
    if said.mode and said.mode not in modes_at(point.valence):
        point = Emotion.at(point.valence + weight * (MODE_VALENCE[said.mode] - point.valence), point.arousal)
    if said.tempo_bpm and not tempo_fits(said.tempo_bpm, point):
        pace = arousal_at(sum(said.tempo_bpm) / 2, point.valence)
        point = Emotion.at(point.valence, point.arousal + weight * (pace - point.arousal))
    return point


def tempo_fits(tempo_bpm: tuple[float, float], emotion: Emotion) -> bool:
    """Whether an emotion's tempi and those between two are no more than a hair apart."""
    low, high = tempo_range(emotion.valence, emotion.arousal)
    return tempo_bpm[0] <= high + TEMPO_SLACK_BPM and tempo_bpm[1] >= low - TEMPO_SLACK_BPM


def read(text: str) -> Said:
    """What a text says, nothing added."""
    text = plain(text)
    number = tempo_in_numbers(text)
    found: dict[str, list[str]] = {}
    unwanted = set()
    for kind, word, negated in _words(TEMPO.sub(lambda match: " " * len(match[0]), text)):
        if negated:
            unwanted.add(word)
        elif word not in found.setdefault(kind, []):
            found[kind].append(word)
    first = {kind: next((word for word in words if word not in unwanted), None) for kind, words in found.items()}
    return Said(
        moods=tuple(found.get("mood", ()))[:MOST_MOODS],
        genre=first.get("genre"),
        tempo_bpm=_number(number) if number else _paces().get(first.get("tempo") or ""),
        mode=first.get("mode"),
        contour=first.get("contour"),
        articulation=first.get("articulation"),
        register=first.get("register"),
        instruments=tuple(name for name in found.get("instrument", ()) if name not in unwanted),
        unwanted=frozenset(unwanted),
    )


def plain(text: str) -> str:
    """The text as words are looked for in it: of full-width and other shapes of letters the usual one, lower case."""
    shaped = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    return "".join(c for c in shaped if c not in JOINERS)


def tempo_in_numbers(text: str) -> re.Match[str] | None:
    """Where a plain text says its tempo in numbers: with a unit, else a number of two or three digits that can be one.

    The groups of the match that are there are the numbers.
    """
    bare = (match for match in BARE_TEMPO.finditer(text) if _can_be_played(float(match[1])))
    return TEMPO.search(text) or next(bare, None)


def _can_be_played(bpm: float) -> bool:
    return SLOWEST_SAID_BPM <= bpm <= FASTEST_SAID_BPM


def _number(match: re.Match[str]) -> tuple[float, float]:
    """The tempo of a match of :func:`tempo_in_numbers`, the mean of "60 to 70 BPM"."""
    numbers = [_value(group) for group in match.groups() if group]
    bpm = sum(numbers) / len(numbers)
    return bpm, bpm


def _value(number: str) -> float:
    """Of "96.5", "96,5", "1,000", "1e3"."""
    if re.search(r"[.,]\d+[.,]", number) or re.fullmatch(r"\d{1,3},\d{3}", number):
        return float(re.sub("[.,]", "", number))
    return float(number.replace(",", "."))


def _words(text: str) -> Iterator[tuple[str, str, bool]]:
    """Each of the vocabulary's words in a text, in order: its kind, its name, and whether it is negated."""
    terms, pattern = _terms()
    end, negated = 0, False
    for match in pattern.finditer(text):
        before = text[end : match.start()]
        negated = bool(NEGATION.search(text[: match.start()])) or (negated and bool(JOINED.fullmatch(before)))
        yield *terms[match[1]], negated
        end = match.end()


@cache
def _terms() -> tuple[dict[str, tuple[str, str]], re.Pattern[str]]:
    """All words that are looked for, with kind and name, and a pattern that finds the longest of them."""
    terms: dict[str, tuple[str, str]] = {}
    named = [("instrument", name, (name, f"{name}s", *i.aliases)) for name, i in INSTRUMENTS.items()]
    named += [("genre", name, (name, *genre.aliases)) for name, genre in GENRES.items()]
    named += [("mood", mood.word, (mood.word, *mood.aliases)) for mood in MOODS]
    melody = {"contour": CONTOURS, "articulation": ARTICULATIONS, "register": REGISTERS}
    named += [(kind, word.word, (word.word, *word.aliases)) for kind, words in melody.items() for word in words]
    named += [("mode", mode, (mode, *others)) for mode, others in MODES.items()]
    named += [("tempo", words[0], words) for words in TEMPO_WORDS.values()]
    for kind, name, words in named:
        terms.update((word, (kind, name)) for word in words)
    longest_first = "|".join(re.escape(word) for word in sorted(terms, key=len, reverse=True))
    return terms, re.compile(rf"(?<![\w-])({longest_first})(?![\w-])")


@cache
def _paces() -> dict[str, tuple[float, float]]:
    return {words[0]: pace for pace, words in TEMPO_WORDS.items()}


def complete(said: Said, emotion: Emotion) -> MusicPrompt:
    """The parts as they were said, the others such as fit them; without a text."""
    point = asked(said, emotion)
    choices = choices_for(point)
    genre = said.genre or _genre(said, choices)
    mood = " and ".join(said.moods) or next((m for m in choices.moods if m not in said.unwanted), choices.moods[0])
    melody = melody_of(
        said.contour or choices.contours[0],
        said.articulation or choices.articulations[0],
        said.register or choices.registers[0],
    )
    return MusicPrompt(
        text="",
        mood=mood,
        genre=genre,
        tempo_bpm=_tempo(said, point, genre),
        mode=said.mode or choices.modes[0],
        melody=melody,
        instruments=_instruments(said, point, genre),
    )


def _genre(said: Said, choices: Choices) -> str:
    """The genre that has most of the instruments said, else the best that fits and is not unwanted."""
    wanted = set(said.instruments)
    left = [name for name in choices.genres if name not in said.unwanted] or list(choices.genres)
    if not wanted:
        return left[0]
    return max(left, key=lambda name: len(wanted & {*GENRES[name].instruments, *GENRES[name].guests}))


def _tempo(said: Said, point: Emotion, genre: str) -> float:
    """The tempo as said by number; by words, or not said, the one that fits the emotion best."""
    usual = tempo_for(point, genre)
    if said.tempo_bpm is None:
        slowest, fastest = GENRES[genre].tempo_bpm
        return min(fastest, max(slowest, usual))
    low, high = said.tempo_bpm
    return min(high, max(low, usual))


def _instruments(said: Said, point: Emotion, genre: str) -> tuple[str, ...]:
    """Those said, behind a lead where none of them can carry a melody; else the genre's that are not unwanted."""
    if any(INSTRUMENTS[name].family not in ("bass", "drums") for name in said.instruments):
        return said.instruments
    usual = band(genre, point, lead=(melodic(genre, point) or GENRES[genre].instruments)[0])
    others = (name for name in (*GENRES[genre].guests, "piano", "strings") if name not in said.unwanted)
    wanted = tuple(name for name in usual if name not in said.unwanted) or (next(others, "piano"),)
    return (wanted[0], *said.instruments) if said.instruments else wanted
