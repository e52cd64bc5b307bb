"""Emotion → the parts of a prompt that fit it: moods, genres, tempi, modes, melodies, instruments.

In: :class:`pipelines.records.Emotion`. Out: :class:`Choices`, the words that a writer may choose among, best first.

Sources
-------
The directions are those that the literature agrees on. Juslin and Laukka, "Communication of emotions in vocal
expression and music performance" (Psychological Bulletin 2003, table 7): tempo, sound level, articulation and register
of anger, fear, happiness, sadness, tenderness. Gabrielsson and Lindström, "The role of structure in the musical
expression of emotions" (Handbook of Music and Emotion, 2010): mode, melodic direction, range, intervals. Eerola and
Vuoskoski, "A comparison of the discrete and dimensional models of emotion in music" (Psychology of Music 2011): both
kinds of emotion fit on one plane. Tempo follows arousal first of all, and sad music is slower than glad music as
aroused; mode follows valence, with a middle in which both will do; falling, low and legato are sad, rising and high are
glad, staccato is gay, hard accents are angry. The numbers are this project's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import mean

from pipelines.records import LABELS, VA_MAX, VA_MIDDLE, VA_MIN, Emotion, MusicPrompt, circumplex_label, clip_va
from pipelines.waveform.vocabulary import (
    ARTICULATIONS,
    CONTOURS,
    DRUMS,
    GENRES,
    INSTRUMENTS,
    MOODS,
    REGISTERS,
    Genre,
    MelodyWord,
    Mood,
)

TEMPO_AT_AROUSAL_BPM = (54.0, 60.0, 68.0, 78.0, 95.0, 112.0, 128.0, 144.0, 160.0)  # at arousal 1, 2, … 9
SLOWER_BY_SADNESS = 0.02  # for each step of valence below the middle, at arousal 5 and less
TEMPO_SPREAD = (0.89, 1.11)
SLOWEST_BPM, FASTEST_BPM = 50.0, 180.0
LEAST_OVERLAP_BPM = 4.0
MINOR_UNDER, MAJOR_OVER = 4.4, 5.8
MODE_VALENCE = {"major": 6.8, "minor": 3.0}
MOST_INSTRUMENTS = 4
NEAR_ENOUGH, FAR = 2.0, 3.0  # how far from the emotion the middle of several moods, and each of them, may lie
TEMPO_SLACK_BPM = 4.0
LOW = "low register"
WITHOUT_LOW = frozenset(("glockenspiel", "celesta", "music box", "pan flute", "flute", "trumpet"))
ONLY_SHORT_NOTES = frozenset(("marimba", "glockenspiel", "harpsichord", "pizzicato strings"))
BACKGROUND = frozenset(("synth pad", "timpani"))
GLAD, DREARY = ("Happy", "Fun"), ("Sad", "Angry")


@dataclass(frozen=True)
class Choices:
    """What fits an emotion, best first. `tempo_bpm` is the lowest and the highest tempo in beats a minute."""

    moods: tuple[str, ...]
    genres: tuple[str, ...]
    tempo_bpm: tuple[float, float]
    modes: tuple[str, ...]
    contours: tuple[str, ...]
    articulations: tuple[str, ...]
    registers: tuple[str, ...]


def choices_for(emotion: Emotion) -> Choices:
    """The parts that fit an emotion."""
    v, a = emotion.valence, emotion.arousal
    return Choices(
        moods=_nearest(_moods(emotion.label), v, a, most=6, within=1.5),
        genres=_genres(emotion),
        tempo_bpm=tempo_range(v, a),
        modes=_modes(emotion),
        contours=_nearest(CONTOURS, v, a, most=3, within=1.5),
        articulations=_nearest(ARTICULATIONS, v, a, most=2, within=1.0),
        registers=_nearest(REGISTERS, v, a, most=2, within=1.0),
    )


def tempo_range(valence: float, arousal: float) -> tuple[float, float]:
    """Lowest and highest tempo that fit a point, in beats a minute: 58 to 72 when sad and calm, 142 to 178 at most."""
    centre = tempo_at(valence, arousal)
    low, high = (min(FASTEST_BPM, max(SLOWEST_BPM, centre * part)) for part in TEMPO_SPREAD)
    return low, high


def tempo_at(valence: float, arousal: float) -> float:
    """The tempo in the middle of those that fit a point, in beats a minute."""
    place = clip_va(arousal) - 1.0
    step = min(int(place), len(TEMPO_AT_AROUSAL_BPM) - 2)
    below, above = TEMPO_AT_AROUSAL_BPM[step : step + 2]
    calm = min(1.0, max(0.0, 6.0 - arousal))
    sadness = SLOWER_BY_SADNESS * max(0.0, 5.0 - valence) * calm
    return (below + (place - step) * (above - below)) * (1.0 - sadness)


def arousal_at(tempo_bpm: float, valence: float) -> float:
    """The arousal, 1 to 9, to whose middle tempo a tempo comes nearest."""
    return min((1.0 + i / 10 for i in range(81)), key=lambda arousal: abs(tempo_at(valence, arousal) - tempo_bpm))


def modes_at(valence: float) -> tuple[str, ...]:
    """Modes that fit a valence, the better first: one at either side, both in the middle."""
    if valence >= MAJOR_OVER:
        return ("major",)
    if valence <= MINOR_UNDER:
        return ("minor",)
    return ("major", "minor") if valence >= (MINOR_UNDER + MAJOR_OVER) / 2 else ("minor", "major")


def tempo_in(emotion: Emotion, genre: str) -> tuple[float, float]:
    """Lowest and highest tempo that fit an emotion and a genre; those of the emotion where the two do not meet."""
    (low, high), (slowest, fastest) = tempo_range(emotion.valence, emotion.arousal), GENRES[genre].tempo_bpm
    shared = max(low, slowest), min(high, fastest)
    return shared if shared[0] <= shared[1] else (low, high)


def tempo_for(emotion: Emotion, genre: str, *, part: float = 0.5) -> float:
    """A tempo in whole beats a minute, `part` (0 to 1) of the way through those that fit both."""
    low, high = tempo_in(emotion, genre)
    return float(min(math.floor(high), max(math.ceil(low), round(low + part * (high - low)))))


def melodic(genre: str, emotion: Emotion) -> tuple[str, ...]:
    """Instruments of a genre that can carry the melody of an emotion, the usual one first."""
    names = [name for name in players(genre, emotion) if INSTRUMENTS[name].family not in ("bass", "drums")]
    return tuple(name for name in names if can_lead(name, emotion)) or tuple(names)


def can_lead(instrument: str, emotion: Emotion) -> bool:
    """Whether an instrument can carry an emotion's melody: a music box has no low notes, a marimba no legato."""
    bound = choices_for(emotion).articulations[0] in ("legato", "singing")
    too_short = bound and instrument in ONLY_SHORT_NOTES
    return instrument not in BACKGROUND and not too_short and bool(registers_of(instrument, emotion))


def registers_of(instrument: str, emotion: Emotion) -> tuple[str, ...]:
    """The registers that fit an emotion and that an instrument has, the better first."""
    registers = choices_for(emotion).registers
    return tuple(name for name in registers if instrument not in WITHOUT_LOW or name != LOW)


def players(genre: str, emotion: Emotion) -> tuple[str, ...]:
    """A genre's own instruments whose sound fits an emotion; all of them where fewer than two do."""
    own = GENRES[genre].instruments
    fitting = tuple(name for name in own if at_home(name, emotion))
    return fitting if len(fitting) > 1 else own


def guests(genre: str, emotion: Emotion) -> tuple[str, ...]:
    """Instruments that may join a genre's own for the picture's sake."""
    return tuple(name for name in GENRES[genre].guests if at_home(name, emotion))


def at_home(instrument: str, emotion: Emotion) -> bool:
    """Whether an instrument's sound fits an emotion's arousal."""
    low, high = INSTRUMENTS[instrument].arousal
    return low <= emotion.arousal <= high


def band(genre: str, emotion: Emotion, *, lead: str, guest: str | None = None) -> tuple[str, ...]:
    """Who plays, at most four: the lead, the guest if any, the genre's others, and last its bass and drums."""
    own = [name for name in players(genre, emotion) if name not in (lead, guest)]
    ground = [name for name in own if INSTRUMENTS[name].family in ("bass", "drums")]
    joined = [guest] if guest and guest != lead else []
    others = [*joined, *(name for name in own if name not in ground)]
    return (lead, *others[: MOST_INSTRUMENTS - 1 - len(ground)], *ground)


def melody_of(contour: str, articulation: str, register: str) -> str:
    """The melody as :class:`pipelines.records.MusicPrompt` holds it: "falling, legato, low register"."""
    return f"{contour}, {articulation}, {register}"


def misfits(prompt: MusicPrompt, emotion: Emotion) -> tuple[str, ...]:
    """Names of the parts of a prompt that contradict an emotion; () when it agrees."""
    choices = choices_for(emotion)
    contour, _, rest = prompt.melody.partition(", ")
    articulation, _, register = rest.partition(", ")
    usual = GENRES[prompt.genre].instruments if prompt.genre in GENRES else ()
    low, high = choices.tempo_bpm
    moods = moods_of(prompt.mood)
    agrees = {
        "mood": bool(moods) and moods_fit(moods, emotion),
        "genre": prompt.genre in choices.genres,
        "tempo_bpm": low <= prompt.tempo_bpm <= high,
        "mode": prompt.mode in choices.modes,
        "melody": contour in choices.contours
        and articulation in choices.articulations
        and register in choices.registers,
        "instruments": bool(prompt.instruments)
        and all(name in usual or at_home(name, emotion) for name in prompt.instruments),
    }
    return tuple(name for name, good in agrees.items() if not good)


def moods_of(mood: str) -> tuple[Mood, ...]:
    """The vocabulary's moods that a prompt's mood names: one word, or several joined by "and"."""
    words = mood.replace(" and ", ", ").split(", ")
    return tuple(mood for word in words for mood in MOODS if mood.word == word)


def moods_fit(moods: Sequence[Mood], emotion: Emotion) -> bool:
    """Whether moods' words agree with an emotion: their middle lies near and none far, or all are among the nearest."""
    if {mood.word for mood in moods} <= set(choices_for(emotion).moods):
        return True
    here = (emotion.valence, emotion.arousal)
    middle = (mean(mood.valence for mood in moods), mean(mood.arousal for mood in moods))
    farthest = max(math.dist((mood.valence, mood.arousal), here) for mood in moods)
    return math.dist(middle, here) <= NEAR_ENOUGH and farthest <= FAR


def _moods(label: str) -> list[Mood]:
    """Moods on the label's side of the plane."""
    sides = {**dict.fromkeys(GLAD, (VA_MIDDLE, VA_MAX)), **dict.fromkeys(DREARY, (VA_MIN, VA_MIDDLE))}
    low, high = sides.get(label, (VA_MIN, VA_MAX))
    return [mood for mood in MOODS if low <= mood.valence <= high]


def _modes(emotion: Emotion) -> tuple[str, ...]:
    """Modes that fit, the label's own first: glad music is in major, dreary music in minor, where both will do."""
    modes = modes_at(emotion.valence)
    own = "major" if emotion.label in GLAD else "minor" if emotion.label in DREARY else modes[0]
    return tuple(sorted(modes, key=lambda mode: mode != own))


def _genres(emotion: Emotion) -> tuple[str, ...]:
    """Genres that suit the label and whose tempi meet the emotion's, the best meeting first."""
    place = circumplex_label(emotion.valence, emotion.arousal)
    for labels in ((emotion.label,), (place,), LABELS):
        fitting = [genre for genre in GENRES.values() if set(genre.labels) & set(labels) and _overlap(genre, emotion)]
        if fitting:
            return tuple(genre.name for genre in sorted(fitting, key=lambda genre: -_overlap(genre, emotion)))
    return tuple(GENRES)


def _overlap(genre: Genre, emotion: Emotion) -> float:
    """How much of an emotion's tempi a genre has, 0 to 1; 0 where it is hardly anything."""
    (low, high), (slowest, fastest) = tempo_range(emotion.valence, emotion.arousal), genre.tempo_bpm
    shared = min(high, fastest) - max(low, slowest)
    quiet_enough = emotion.arousal >= INSTRUMENTS[DRUMS].arousal[0] or DRUMS not in genre.instruments
    return shared / (high - low) if shared >= LEAST_OVERLAP_BPM and quiet_enough else 0.0


def _nearest(words: Iterable[Mood | MelodyWord], v: float, a: float, *, most: int, within: float) -> tuple[str, ...]:
    """The nearest words, at most so many, none more than `within` farther away than the first."""
    far = sorted((math.hypot(word.valence - v, word.arousal - a), word.word) for word in words)
    return tuple(word for distance, word in far[:most] if distance <= far[0][0] + within)
