"""Likenesses for a melody and instruments that pictures suggest: what brings the picture into a prompt.

Each likeness has its place on the plane, and words of captions that call for it; the general ones go with any picture,
for where a caption names nothing that calls for one. None holds a word of `vocabulary.py`, so that a prompt reads back
as it was meant.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache

from pipelines.records import Emotion

MEASURED = frozenset(("light", "colour", "shape", "red", "yellow", "green", "grey", "still"))
NEAR, LEAST = 2.9, 6  # likenesses that fit an emotion: those no farther away than this, but so many at least


@dataclass(frozen=True)
class Image:
    """What a melody may be like: the words after "like", its place on the plane, and what a caption may name."""

    text: str
    valence: float
    arousal: float
    pictured: frozenset[str]

    def distance(self, emotion: Emotion) -> float:
        """How far it lies from an emotion on the plane."""
        return math.hypot(self.valence - emotion.valence, self.arousal - emotion.arousal)

    def named(self, caption: str) -> int:
        """How many words of a caption call for it, the captioner's own words for colour and light left out."""
        return len(called_words(caption) & _stems(self.pictured))

    def suits(self, caption: str, emotion: Emotion) -> float:
        """How well it suits both: the words that the caption names, less the distance from the emotion."""
        return 1.5 * self.named(caption) - self.distance(emotion)


def _image(text: str, valence: float, arousal: float, pictured: str) -> Image:
    return Image(text, valence, arousal, frozenset(pictured.split()))


IMAGES = (
    _image("rain on an empty bench", 2.8, 2.8, "rain bench wet umbrella park"),
    _image("rain against a window at dusk", 3.6, 3.2, "rain window dusk evening room house"),
    _image("the last leaf on a bare tree", 2.8, 2.4, "tree bare autumn leaf leaves forest"),
    _image("a foghorn far out at sea", 3.8, 2.8, "fog mist harbour ship boat sea grey"),
    _image("a letter that was never sent", 3.0, 3.4, "man woman people portrait table person writing"),
    _image("a lamp in an empty room", 3.6, 2.6, "room chair lamp house interior bed"),
    _image("ashes after a fire", 2.2, 3.4, "fire ruin smoke war burnt soldier grave"),
    _image("snow on a grave", 2.0, 2.2, "snow grave gravestones cemetery winter crosses church"),
    _image("the tide going out", 4.2, 3.0, "sea beach shore tide sand ocean ship sailor sunset"),
    _image("someone who waits on a platform", 3.2, 3.8, "train station street man woman people city building person"),
    _image("a bell over an abandoned village", 2.8, 3.8, "church village tower ruin town"),
    _image("steps behind you at night", 3.2, 5.8, "night street city alley shadow man"),
    _image("the hour before a storm", 3.6, 5.6, "storm cloud clouds sky wind sea field"),
    _image("a wire about to snap", 2.8, 6.6, "lines wire abstract bridge machine face"),
    _image("waves that break on black cliffs", 2.4, 7.4, "sea wave waves cliff cliffs rock ocean storm ship"),
    _image("lightning over a red sea", 1.8, 8.0, "lightning storm thunder sea sky burning red"),
    _image("a wall of fire", 1.6, 8.4, "fire flame flames burning explosion red volcano"),
    _image("boots on a stone floor", 2.2, 7.0, "soldier war army gun man people battle"),
    _image("wolves at the edge of a wood", 2.6, 6.8, "wolf dog animal forest wood snake teeth"),
    _image("a door slammed again and again", 2.2, 7.8, "door house room man woman face mouth"),
    _image("a crowd that pushes forward", 4.2, 7.6, "crowd people street city protest"),
    _image("an engine at full throttle", 5.2, 8.2, "car engine motorcycle machine train plane race"),
    _image("light on a kitchen table", 5.8, 3.6, "table jug bowl fruit pear pears bottle glasses food cup still"),
    _image("dust in a beam of light", 5.0, 3.0, "room window wall light interior church book"),
    _image("pages turned one by one", 5.0, 3.8, "book paper letter desk portrait woman man"),
    _image("a clock in the next room", 4.8, 4.2, "clock room wall table furniture"),
    _image("planes of colour that slide over each other", 5.2, 4.8, "abstract discs rings lines shapes colour circles"),
    _image("a train seen from afar", 5.2, 5.2, "train road bridge field landscape"),
    _image("clouds that drift over hills", 6.2, 2.8, "cloud clouds hill hills sky field mountain mountains country"),
    _image("ripples on a pond", 6.0, 2.4, "water lake pond river duck reflection swan"),
    _image("moonlight on water", 6.2, 2.4, "moon night water lake sea stars"),
    _image("stars coming out over a field", 6.6, 2.8, "star stars starry night sky field planet"),
    _image("a candle in a chapel", 5.4, 2.6, "candle church chapel cathedral altar window"),
    _image("a hand that strokes a sleeping child", 7.0, 2.6, "child baby mother girl boy woman cat dog sleeping"),
    _image("sunlight through young leaves", 7.4, 4.8, "tree trees leaves forest sun garden green park"),
    _image(
        "a walk through a summer meadow", 7.6, 5.4, "meadow flower flowers field grass path summer hill hills country"
    ),
    _image("a garden after rain", 6.8, 4.0, "garden flower flowers rain plant rose"),
    _image("a boat on a glittering bay", 7.4, 5.2, "boat sea bay ship sail water beach harbour"),
    _image("old friends at a long table", 7.4, 5.8, "people table food dinner fruit bread men women"),
    _image("birds at daybreak", 7.2, 6.0, "bird birds sunrise sunset dawn morning"),
    _image("children running home from school", 7.6, 6.8, "child children girl boy school street playing"),
    _image("a market street on a morning in May", 7.2, 6.4, "street market city town people shop house building"),
    _image("balloons let go over a fair", 7.4, 7.4, "balloon balloons fair tent tents wheel bunting circus"),
    _image("confetti in the wind", 7.4, 8.0, "confetti party birthday people crowd colours"),
    _image("a parade that comes round the corner", 7.0, 7.8, "parade street people flag crowd horse"),
    _image("a puppy after its own tail", 7.0, 7.6, "dog puppy cat animal kitten monkey"),
    _image("a night out under neon signs", 6.2, 7.4, "night city neon street car lights bar"),
    _image("a sledge down a white hill", 6.8, 8.0, "snow ski mountain winter skiing sledge"),
    _image("a thought that will not leave", 2.8, 3.0, ""),
    _image("a name that nobody says any more", 2.2, 2.4, ""),
    _image("a question left without an answer", 3.4, 5.4, ""),
    _image("a quarrel that nobody can end", 2.4, 7.2, ""),
    _image("a shout that nobody hears", 2.0, 8.0, ""),
    _image("one long breath", 5.2, 2.4, ""),
    _image("a talk between two strangers", 5.0, 4.8, ""),
    _image("a pulse that will not rest", 5.2, 7.6, ""),
    _image("a story told at bedtime", 6.8, 2.8, ""),
    _image("a smile that comes and stays", 7.2, 4.8, ""),
    _image("good news on its way", 7.4, 6.4, ""),
    _image("laughter that spreads from one to the next", 7.4, 7.8, ""),
    _image("colours thrown at a canvas", 6.4, 7.2, "abstract colours shapes circles paint red yellow"),
)

# Instruments that a caption's words call to mind, for the writer that has no language model.
SUGGESTED = {
    "accordion": "sea ship boat sailor harbour paris street fair tent circus wheel",
    "acoustic guitar": "meadow field hill campfire road desert beach garden village",
    "brass": "parade crowd city flag fair",
    "celesta": "snow star stars ice winter balloon",
    "cello": "rain bench portrait man woman autumn tree",
    "choir": "church angel sky cathedral storm mountain altar",
    "clarinet": "cat street cafe fair still table",
    "electric guitar": "car road fire night city",
    "flute": "bird birds forest meadow tree flowers leaves spring",
    "french horn": "mountain mountains forest castle hunt horse cliff cliffs",
    "glockenspiel": "snow child children toy balloons star stars",
    "harp": "water lake angel river pond moon ripples",
    "harpsichord": "palace castle portrait queen king jug",
    "music box": "child baby toy doll girl",
    "oboe": "duck lake garden shepherd autumn field",
    "organ": "church cathedral chapel altar cross storm",
    "pan flute": "mountain desert sheep shepherd forest",
    "piano": "room window interior portrait rain",
    "saxophone": "night city street bar neon rain",
    "synth lead": "robot neon machine computer rings lines",
    "synth pad": "sky space planet fog clouds abstract",
    "trumpet": "soldier king parade sun fair bunting",
    "vibraphone": "night abstract discs rings circles lights",
    "violin": "bench wedding dance village woman meadow",
}


def words_of(caption: str) -> frozenset[str]:
    """The words of a caption, in lower case."""
    return frozenset(re.findall(r"[a-z]+", caption.lower()))


@lru_cache(maxsize=256)
def called_words(caption: str) -> frozenset[str]:
    """The stems of a caption's words that may call for a likeness: none for colour or light."""
    return _stems(words_of(caption.lower().replace("sky blue", ""))) - MEASURED


@lru_cache(maxsize=256)
def _stems(words: frozenset[str]) -> frozenset[str]:
    return frozenset(word.removesuffix("s") for word in words)


def images_for(emotion: Emotion) -> tuple[Image, ...]:
    """Likenesses that fit an emotion, the nearest first."""
    near = sorted(IMAGES, key=lambda image: image.distance(emotion))
    return tuple(image for n, image in enumerate(near) if image.distance(emotion) <= NEAR or n < LEAST)


def images_called_for(caption: str, emotion: Emotion) -> tuple[Image, ...]:
    """Those of :func:`images_for` that a caption calls for; the general ones where it calls for none."""
    near = images_for(emotion)
    return tuple(image for image in near if image.named(caption)) or tuple(i for i in near if not i.pictured)


def suggests(caption: str, instrument: str) -> int:
    """How many words of a caption call an instrument to mind."""
    return len(words_of(caption) & set(SUGGESTED.get(instrument, "").split()))
