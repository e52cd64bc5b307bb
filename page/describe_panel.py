"""Describe it to me: the whole story in plain words, to be read or to be spoken by the browser's own voice.

Value: `lang`, the texts' language; `parts` in the order of the story, each with `name` (shows, feels, piano, words,
heard), `title` and `text`, whole sentences that sound well when spoken: no signs, no abbreviations. Nothing is spoken
unless the visitor asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from page.heard_panel import NAMES
from page.own import own_component
from page.words import HIGH, LOW, feeling, listed, nearness
from pipelines.chain import GIVEN_BY_USER
from pipelines.records import LABELS, Caption, Emotion, MusicPrompt, Score, Step
from pipelines.waveform.prompt_parts import MAJOR_OVER, MINOR_UNDER

LANGUAGE = "en"
DESCRIBED = ("emotion", "caption", "score", "prompt", "heard")  # the steps whose last values change the text
TITLES = {
    "shows": "What the picture shows",
    "feels": "What it feels like",
    "piano": "Why the piano sounds so",
    "words": "Why the music from words sounds so",
    "heard": "What was heard in it",
}
SURE, FAIRLY_SURE = 0.6, 0.4  # probability of the first label; one of five by chance is 0.2
TEMPO_BPM = (80.0, 115.0)  # slow below, fast above
STROKES_S = (2.3, 4.5)  # the embedded composer writes about 2, 3 and 7 a second at arousal 2.5, 5 and 7.5
PACES = ("slow", "moderate", "fast")
MOTIONS = ("a slow pace", "an easy pace", "a fast pace")
ENERGIES = ("a calm feeling", "a feeling between calm and excited", "an excited feeling")


def describe_value(found: Mapping[str, Step], heard: Mapping[str, Step]) -> dict[str, Any]:
    """The panel's value from the steps found so far and what was heard in each chain's music.

    `found` holds Steps by their names in :data:`DESCRIBED`, each of them the last of its kind; `heard` those of the
    chains "symbolic" and "waveform". A step that has not come is left out of the story; without any, `parts` is empty.
    """
    emotion = found["emotion"].value if "emotion" in found else None
    texts = {
        "shows": _shows(found["caption"]) if "caption" in found else "",
        "feels": _feels(found["emotion"]) if "emotion" in found else "",
        "piano": why_piano(found["score"].value, emotion) if emotion and "score" in found else "",
        "words": why_words(found["prompt"], emotion) if emotion and "prompt" in found else "",
        "heard": _heard(emotion, heard) if emotion else "",
    }
    return {
        "lang": LANGUAGE,
        "parts": [{"name": name, "title": TITLES[name], "text": text} for name, text in texts.items() if text],
    }


def _shows(step: Step) -> str:
    caption: Caption = step.value
    if step.made_by == GIVEN_BY_USER:
        return f"In your own words: {_sentence(caption.text)}"
    return f"{_sentence(caption.text)} So says the {step.made_by}, which may be mistaken."


def _sentence(text: str) -> str:
    """A text that begins with a capital and ends with a stop."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?", "…")) else ".")


def _feels(step: Step) -> str:
    emotion: Emotion = step.value
    place = (
        f"On scales from 1 to 9 it lies at {emotion.valence:.1f} between unpleasant and pleasant, "
        f"and at {emotion.arousal:.1f} between calm and excited"
    )
    words = feeling(emotion.valence, emotion.arousal)
    if step.made_by == GIVEN_BY_USER:
        return f"You chose a feeling that is {words}. {place}. Its label is {emotion.label}."
    return (
        f"It feels {words}. {place}, give or take {emotion.valence_sd:.1f} and {emotion.arousal_sd:.1f}. "
        f"{how_sure(emotion)}"
    )


def how_sure(emotion: Emotion) -> str:
    """The label, how sure the reader is of it, and the label that comes next, in a sentence."""
    (part, label), (next_part, rival) = sorted(zip(emotion.probabilities, LABELS, strict=True), reverse=True)[:2]
    sure = "sure" if part >= SURE else "fairly sure" if part >= FAIRLY_SURE else "far from sure"
    first = f"Its label is {label}, of which the reader is {sure}: {part * 100:.0f} percent"
    return f"{first}." if next_part < 0.01 else f"{first}, before {rival} with {next_part * 100:.0f} percent."


def why_piano(score: Score, emotion: Emotion) -> str:
    """What the notes are like and how that goes with the feeling; "" for a score without notes."""
    from pipelines.symbolic.piano_roll import describe

    if not score.notes:
        return ""
    told = describe(score).replace(" BPM", " beats a minute").replace(f" of {score.beats_per_bar}/4", "")
    asked = f"The composer was asked for music that is {feeling(emotion.valence, emotion.arousal)}. It wrote {told}"
    return " ".join([asked, _why_mode(score.mode, emotion.valence), _why_motion(score, emotion.arousal)])


def why_words(step: Step, emotion: Emotion) -> str:
    """What the prompt asks for, part by part, who wrote it, and how that goes with the feeling."""
    prompt: MusicPrompt = step.value
    melody = listed([_in_register(word) for word in prompt.melody.split(", ") if word])
    by_you = step.made_by == GIVEN_BY_USER
    parts = [
        f"{'You asked for' if by_you else 'It was to be'} {prompt.mood} {prompt.genre} in a {prompt.mode} key, "
        f"at {prompt.tempo_bpm:.0f} beats a minute.",
        f"The melody is {melody}." if melody else "",
        f"It is for {listed(prompt.instruments)}." if prompt.instruments else "",
        "" if by_you else f"So wrote the {step.made_by}.",
        _why_mode(prompt.mode, emotion.valence),
        _why_tempo(prompt.tempo_bpm, emotion.arousal),
    ]
    return " ".join(part for part in parts if part)


def _in_register(word: str) -> str:
    return f"in the {word}" if word.endswith(" register") else word


def _why_mode(mode: str, valence: float) -> str:
    """How a mode goes with a valence, 1 to 9; see :mod:`pipelines.waveform.prompt_parts` for the literature."""
    if MINOR_UNDER < valence < MAJOR_OVER:
        return f"Where a feeling is neither pleasant nor unpleasant, major and minor both fit; here it is {mode}."
    side = "a pleasant" if valence >= MAJOR_OVER else "an unpleasant"
    if (mode == "major") == (valence >= MAJOR_OVER):
        return f"A {mode} key is the usual one for {side} feeling."
    return f"A {mode} key is not the usual one for {side} feeling."


def _why_tempo(tempo_bpm: float, arousal: float) -> str:
    """How a tempo goes with an arousal, 1 to 9."""
    pace = _third(tempo_bpm, TEMPO_BPM)
    return f"Its tempo is {PACES[pace]}, {_as_usual(pace, arousal)}."


def _why_motion(score: Score, arousal: float) -> str:
    """How the number of strokes a second, chords counted once, goes with an arousal: it tells more than the beat."""
    strokes_s = len({round(note.start_beat, 2) for note in score.notes}) / max(1.0, score.duration_s)
    pace = _third(strokes_s, STROKES_S)
    count = "a stroke" if round(strokes_s) <= 1 else f"{strokes_s:.0f} strokes"
    return f"With about {count} a second it moves at {MOTIONS[pace]}, {_as_usual(pace, arousal)}."


def _as_usual(pace: int, arousal: float) -> str:
    energy = _third(arousal, (LOW, HIGH))
    return f"{'as is usual' if pace == energy else 'which is not usual'} for {ENERGIES[energy]}"


def _third(value: float, bounds: tuple[float, float]) -> int:
    """0 below both bounds, 2 above both, 1 between them."""
    return sum(value > bound for bound in bounds)


def _heard(wanted: Emotion, heard: Mapping[str, Step]) -> str:
    return " ".join(_one_heard(wanted, heard[chain].value, NAMES[chain]) for chain in NAMES if chain in heard)


def _one_heard(wanted: Emotion, got: Emotion, name: str) -> str:
    near = nearness(wanted.distance(got))
    asked = f"{near}{' to' if near.endswith('close') else ''} what was asked for"
    sounds = feeling(got.valence, got.arousal)
    return f"A listener that does not know the picture hears {name} as {sounds}, {asked}."


def describe_panel() -> gr.HTML:
    """Build the panel."""
    return own_component("describe")
