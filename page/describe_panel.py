"""Describe it to me: the whole story in plain words, to be read or to be spoken by the browser's own voice.

Value: `parts` in the order of the story, each with `name` (shows, feels, piano, words, heard), `title` and `text`,
whole sentences that sound well when spoken: no signs, no abbreviations. They are messages, said in the visitor's
language; captions and a prompt's own words stay English within them. Nothing is spoken unless the visitor asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from page.corrections import asked_for
from page.heard_panel import NAMES, SAME_WITHIN
from page.own import own_component
from page.texts import joined, say
from page.words import HIGH, LOW, feeling, label_name, listed, nearness, parts_said, score_sentence
from pipelines.chain import GIVEN_BY_USER
from pipelines.records import LABELS, Caption, Emotion, MusicPrompt, Score, Step
from pipelines.waveform.prompt_parts import MAJOR_OVER, MINOR_UNDER

DESCRIBED = ("emotion", "caption", "score", "prompt", "heard")  # the steps whose last values change the text
TITLES = ("shows", "feels", "piano", "words", "heard")
SURE, FAIRLY_SURE = 0.6, 0.4  # probability of the first label; one of five by chance is 0.2
TEMPO_BPM = (80.0, 115.0)  # slow below, fast above
STROKES_S = (2.3, 4.5)  # the embedded composer writes about 2, 3 and 7 a second at arousal 2.5, 5 and 7.5
STEPS = ("low", "middle", "high")  # of pace and of arousal, in keys


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
        "heard": _heard(asked_for(emotion, found), heard) if emotion else "",
    }
    told = ((name, texts[name]) for name in TITLES if texts[name])
    return {"parts": [{"name": name, "title": say(f"describe.{name}"), "text": text} for name, text in told]}


def _shows(step: Step) -> str:
    caption: Caption = step.value
    if step.made_by == GIVEN_BY_USER:
        return say("describe.own_words", caption=_sentence(caption.text))
    return say("describe.caption", caption=_sentence(caption.text), name=step.made_by)


def _sentence(text: str) -> str:
    """A text that begins with a capital and ends with a stop."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?", "…")) else ".")


def _feels(step: Step) -> str:
    emotion: Emotion = step.value
    words = feeling(emotion.valence, emotion.arousal)
    place = {"feeling": words, "valence": emotion.valence, "arousal": emotion.arousal}
    if step.made_by == GIVEN_BY_USER:
        return say("describe.you_chose", **place, label=label_name(emotion.label))
    doubt = {"valence_sd": emotion.valence_sd, "arousal_sd": emotion.arousal_sd}
    return joined(say("describe.feels_so", **place, **doubt), how_sure(emotion))


def how_sure(emotion: Emotion) -> str:
    """The label, how sure the reader is of it, and the label that comes next, in a sentence."""
    (part, label), (next_part, rival) = sorted(zip(emotion.probabilities, LABELS, strict=True), reverse=True)[:2]
    sure = "sure" if part >= SURE else "fairly_sure" if part >= FAIRLY_SURE else "unsure"
    first = {"label": label_name(label), "sure": say(f"describe.{sure}"), "part": part * 100}
    if next_part < 0.01:
        return say("describe.label", **first)
    return say("describe.label_before", **first, rival=label_name(rival), rival_part=next_part * 100)


def why_piano(score: Score, emotion: Emotion) -> str:
    """What the notes are like and how that goes with the feeling; "" for a score without notes."""
    if not score.notes:
        return ""
    asked = feeling(emotion.valence, emotion.arousal)
    wrote = say("describe.wrote", feeling=asked, music=score_sentence(score, spoken=True))
    return joined(wrote, _why_mode(score.mode, emotion.valence), _why_motion(score, emotion.arousal))


def why_words(step: Step, emotion: Emotion) -> str:
    """What the prompt asks for, part by part, who wrote it, and how that goes with the feeling."""
    if step.made_by == GIVEN_BY_USER:
        return _why_your_words(step, emotion)
    prompt: MusicPrompt = step.value
    melody = listed([_in_register(word) for word in prompt.melody.split(", ") if word])
    wish = {"mood": prompt.mood, "genre": prompt.genre, "mode": say(f"mode.{prompt.mode}"), "n": prompt.tempo_bpm}
    return joined(
        say("describe.was_to_be", **wish),
        say("describe.melody", melody=melody) if melody else "",
        say("describe.instruments", instruments=listed(prompt.instruments)) if prompt.instruments else "",
        say("describe.so_wrote", name=step.made_by),
        _why_mode(prompt.mode, emotion.valence),
        _why_tempo(prompt.tempo_bpm, emotion.arousal),
    )


def _why_your_words(step: Step, emotion: Emotion) -> str:
    """What the visitor's own prompt says, what feeling it asks for, and what the band chose to go with it."""
    prompt: MusicPrompt = step.value
    asked = asked_for(emotion, {"prompt": step})["waveform"]
    chosen = [say("describe.part", name=name, text=text) for name, text in parts_said(prompt)[1]]
    words = feeling(asked.valence, asked.arousal)
    return joined(
        say("describe.you_wrote", prompt=_sentence(prompt.text)),
        say("describe.prompt_asks", feeling=words) if asked.distance(emotion) > SAME_WITHIN else "",
        say("describe.band_chose", parts=joined(*chosen, between="list.commas")) if chosen else "",
        _why_mode(prompt.mode, asked.valence),
        _why_tempo(prompt.tempo_bpm, asked.arousal),
    )


def _in_register(word: str) -> str:
    return f"in the {word}" if word.endswith(" register") else word


def _why_mode(mode: str, valence: float) -> str:
    """How a mode goes with a valence, 1 to 9; see :mod:`pipelines.waveform.prompt_parts` for the literature."""
    if MINOR_UNDER < valence < MAJOR_OVER:
        return say("describe.mode_either", mode=say(f"mode.{mode}"))
    side = "pleasant" if valence >= MAJOR_OVER else "unpleasant"
    usual = "usual" if (mode == "major") == (side == "pleasant") else "unusual"
    return say(f"describe.mode_{usual}_{side}", mode=say(f"mode.{mode}"))


def _why_tempo(tempo_bpm: float, arousal: float) -> str:
    """How a tempo goes with an arousal, 1 to 9."""
    pace = _third(tempo_bpm, TEMPO_BPM)
    return joined(say(f"describe.tempo_{STEPS[pace]}"), _as_usual(pace, arousal), between="list.then")


def _why_motion(score: Score, arousal: float) -> str:
    """How the number of strokes a second, chords counted once, goes with an arousal: it tells more than the beat."""
    strokes_s = len({round(note.start_beat, 2) for note in score.notes}) / max(1.0, score.duration_s)
    pace = _third(strokes_s, STROKES_S)
    motion = say(f"describe.motion_{STEPS[pace]}", n=max(1, round(strokes_s)))
    return joined(motion, _as_usual(pace, arousal), between="list.then")


def _as_usual(pace: int, arousal: float) -> str:
    energy = _third(arousal, (LOW, HIGH))
    return say(f"describe.{'usual' if pace == energy else 'unusual'}_{STEPS[energy]}")


def _third(value: float, bounds: tuple[float, float]) -> int:
    """0 below both bounds, 2 above both, 1 between them."""
    return sum(value > bound for bound in bounds)


def _heard(asked: Mapping[str, Emotion], heard: Mapping[str, Step]) -> str:
    chains = [chain for chain in NAMES if chain in heard]
    return joined(*(_one_heard(asked[chain], heard[chain].value, say(NAMES[chain])) for chain in chains))


def _one_heard(wanted: Emotion, got: Emotion, music: str) -> str:
    near = nearness(wanted.distance(got))
    sounds = feeling(got.valence, got.arousal)
    key = "describe.hears_close" if near.endswith("close") else "describe.hears_far"
    return say(key, music=music, feeling=sounds, nearness=near)


def describe_panel() -> gr.HTML:
    """Build the panel."""
    return own_component("describe")
