"""The embedded captioner's sentences: what was seen and measured, in words.

In: an emotion, things, colours, light and layout. Out: two sentences of 15 to 45 words.

Conventions
-----------
The first sentence opens with the emotion's label, as the paper conditions its captions, and tells what is shown and
the colours; the second tells light and composition, what is more striking first. Nothing is said by chance: the same
picture and emotion give the same words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipelines.records import Emotion
from pipelines.waveform.caption_colours import Palette, colour_phrase, print_phrase
from pipelines.waveform.caption_concepts import Concept
from pipelines.waveform.caption_scene import WEAK_CONTRAST, Layout, Light
from pipelines.waveform.caption_things import Thing
from pipelines.waveform.grammar import article, listed

CALM, LIVELY = 3.4, 6.6
STIRRED = {"Happy": "lively", "Fun": "lively", "Angry": "fierce", "Sad": "restless", "Neutral": "lively"}
STILL = {"Happy": "calm", "Fun": "gentle", "Angry": "brooding", "Sad": "quiet", "Neutral": "calm"}
SUBJECTS = ("life", "thing")
TALL, SQUARE, WIDE = 0.85, 1.08, 1.7
EXTREME = ("dark", "bright")
PLACES = {
    "left": "the weight lies to the left",
    "right": "the weight lies to the right",
    "top": "the weight lies high up",
    "bottom": "the weight lies low down",
    "middle": "what stands out lies in the middle",
}
FULLNESS = {
    "busy": "small shapes fill the whole view",
    "empty": "the view is plain and open",
    "": "no single shape stands out",
}
AMID = {"busy": " amid many small shapes", "empty": " in a plain, open view", "": ""}
MOSTLY, IT_IS = "mostly ", "it is "
MOST_WORDS = 45
EVEN = "light and dark are in balance"
NOTHING = "nothing stands out from edge to edge"


def describe(emotion: Emotion, things: Sequence[Thing], colours: Palette, light: Light, layout: Layout) -> str:
    """The caption's text."""
    if colours.even:
        return _nothing(emotion, colours, light, layout)
    opening = f"{_adjectives(emotion, light)} {_noun(things, layout)}{_what(things)}"
    measured = [_layout(layout), _light(light)]
    if _striking(light) > _striking_layout(layout):
        measured.reverse()
    if things:
        told = [f"its colours are {_colours(colours)}", *(clause for clause in measured if clause != EVEN)]
    else:
        opening, told = f"{opening} {_in(colours)}", measured
    words = len(f"{opening} {' '.join(told)}".split()) + 2  # the article, and an "and"
    return _two_sentences(opening, told if words <= MOST_WORDS else told[:-1])


def _nothing(emotion: Emotion, colours: Palette, light: Light, layout: Layout) -> str:
    """The caption of a picture of one plain colour: of one colour there are no contrasts to tell."""
    opening = f"{_adjectives(emotion, light)} {_noun((), layout)}, {_in(colours)}"
    return _two_sentences(opening, [NOTHING, _light(replace(light, contrast=WEAK_CONTRAST))])


def _two_sentences(opening: str, told: list[str]) -> str:
    return f"{article(opening).capitalize()} {opening}. {_capital(_joined(told))}."


def _colours(colours: Palette) -> str:
    if colours.colourless or colours.sepia:
        return print_phrase(colours)
    return colour_phrase(colours)


def _in(colours: Palette) -> str:
    phrase = _colours(colours)
    if colours.even:
        name = colours.hues[0].name
        return f"all {name}" if name in ("black", "white") else f"in one plain colour, {name}"
    return f"mostly in {phrase.removeprefix(MOSTLY)}" if phrase.startswith(MOSTLY) else f"in {phrase}"


def _joined(clauses: list[str]) -> str:
    """Join two or three clauses, by semicolons where they have joints of their own."""
    if len(clauses) == 1:
        return clauses[0]
    *first, last = clauses
    inner = any("," in clause or " and " in clause for clause in first[-1:])
    if first[-1].startswith(IT_IS):
        inner, last = inner and not last.startswith(IT_IS), last.removeprefix(IT_IS)
    return f"{'; '.join(first)}{'; ' if inner and len(first) == 1 else ', and '}{last}"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _adjectives(emotion: Emotion, light: Light) -> str:
    """Such as "quiet, sad" or "dark, fierce, angry"; the label last."""
    label = emotion.label
    tempers = STIRRED if emotion.arousal > LIVELY else STILL if emotion.arousal < CALM else {}
    words = [light.word] if light.word in EXTREME else []
    return ", ".join([*words, *([tempers[label]] if tempers else []), label.lower()])


def _noun(things: Sequence[Thing], layout: Layout) -> str:
    """A "picture", or "view" where places are all that is shown, with its format where that is not the usual one."""
    sides = layout.sides
    shape = "upright " if sides < TALL else "square " if sides < SQUARE else "wide " if sides > WIDE else ""
    sure = [thing.concept.kind for thing in things if thing.sure]
    return f"{shape}{'view' if sure and not set(sure) & set(SUBJECTS) else 'picture'}"


def _what(things: Sequence[Thing]) -> str:
    """Such as " of a dog with grass and perhaps a fence in view"; "" where nothing may be named."""
    sure = [thing.concept for thing in things if thing.sure]
    guess = next((thing.concept for thing in things if not thing.sure), None)
    if not sure:
        return f", perhaps of {guess.phrase}" if guess else ""
    hedged = [f"perhaps {guess.phrase}"] if guess and not any(concept.name in guess.over for concept in sure) else []
    subjects = [_phrase(concept, guess) for concept in sure if concept.kind in SUBJECTS]
    setting = [_phrase(concept, guess) for concept in sure if concept.kind not in SUBJECTS]
    if not subjects or not setting:
        return f" of {listed([*(subjects or setting), *hedged])}"
    return f" of {listed(subjects)} with {listed([*setting, *hedged])} in view"


def _phrase(concept: Concept, guess: Concept | None) -> str:
    """What is sure, with a guess that would say it more exactly: "an animal (perhaps a dog)"."""
    exact = guess is not None and concept.name in guess.over
    return f"{concept.phrase} (perhaps {guess.phrase})" if guess and exact else concept.phrase


def _light(light: Light) -> str:
    contrast = f"{light.hardness} contrasts" if light.hardness else ""
    level = "" if light.word in EXTREME else {"light": "clear"}.get(light.word, light.word)
    if light.temperature:
        lit = f"the light is {f'{level} and ' if level else ''}{light.temperature}"
    elif level:
        lit = f"it is rather {light.word}"
    elif contrast:
        return f"the contrasts are {light.hardness}"
    else:
        return {"dark": "little light falls in", "bright": "light fills it"}.get(light.word, EVEN)
    return f"{lit}, with {contrast}" if contrast else lit


def _layout(layout: Layout) -> str:
    for pair, words in ((layout.bands, "{} lies above {}"), (layout.core, "{} lies in the middle, {} around it")):
        if pair is not None:
            return words.format(*pair)
    if layout.symmetric:
        return f"left and right mirror each other{AMID[layout.fullness]}"
    if not layout.place:
        return _without_main_shape(layout)
    return f"{PLACES[layout.place]}{AMID[layout.fullness]}"


def _without_main_shape(layout: Layout) -> str:
    """What to say where nothing stands out alone: where light or dark gathers, or how full it is."""
    if layout.brightest:
        return f"it is brightest {layout.brightest}{AMID[layout.fullness]}"
    if layout.darkest:
        return f"it is darkest {layout.darkest}{AMID[layout.fullness]}"
    return FULLNESS[layout.fullness]


def _striking(light: Light) -> int:
    return sum(bool(word) for word in (light.word, light.temperature, light.hardness))


def _striking_layout(layout: Layout) -> int:
    return 2 * bool(layout.bands or layout.core or layout.symmetric) + bool(layout.place) + bool(layout.fullness)
