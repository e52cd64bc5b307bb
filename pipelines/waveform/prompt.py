"""Caption and Emotion → MusicPrompt: two lines of text for a text-to-music model, and the parts that they are made of.

In: :class:`pipelines.records.Caption` and :class:`pipelines.records.Emotion`. Out:
:class:`pipelines.records.MusicPrompt`. Three writers: the paper's Falcon-RW-1B (`prompt_falcon.py`), the embedded
SmolLM2 that chooses among given words (`prompt_smol.py`), and a written template for when no model works. Whatever
writes, mood, genre, tempo, mode, melody and instruments agree with the emotion (`prompt_parts.py`).
:func:`parse_prompt` and :func:`emotion_in` read what a person wrote instead.

Source: "Bridging Paintings and Music", section III-C and Table 1.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Protocol

from pipelines.catalogue import ModelEntry
from pipelines.chain import Cancelled, never
from pipelines.records import Caption, Emotion, MusicPrompt
from pipelines.waveform.hub_model import PROMPTING, stop_if
from pipelines.waveform.prompt_images import images_called_for, suggests
from pipelines.waveform.prompt_parse import emotion_in, parse_prompt
from pipelines.waveform.prompt_parts import (
    band,
    can_lead,
    choices_for,
    guests,
    melodic,
    melody_of,
    registers_of,
    tempo_for,
)
from pipelines.waveform.prompt_text import two_lines
from pipelines.waveform.vocabulary import LONGEST_TEXT

__all__ = [
    "LONGEST_TEXT",
    "TEMPLATE_MADE_BY",
    "Prompter",
    "TemplatePrompter",
    "emotion_in",
    "open_prompter",
    "parse_prompt",
    "template_prompt",
]
TEMPLATE_MADE_BY = "written template"


class Prompter(Protocol):
    """Writes prompts, and says who it is."""

    @property
    def made_by(self) -> str:
        """What the page shows beside the value."""

    @property
    def licence(self) -> str:
        """The licence of the weights, "" where there are none."""

    def write(self, caption: Caption, emotion: Emotion, *, seed: int = 0, cancelled: Cancelled = never) -> MusicPrompt:
        """A prompt for a picture with this caption and emotion; the same for the same seed.

        Raises StoppedError once `cancelled` answers True.
        """


@dataclass(frozen=True)
class TemplatePrompter:
    """The stand-in that needs no model, as :func:`template_prompt`."""

    made_by: str = TEMPLATE_MADE_BY
    licence: str = ""

    def write(self, caption: Caption, emotion: Emotion, *, seed: int = 0, cancelled: Cancelled = never) -> MusicPrompt:
        """A prompt for a picture with this caption and emotion; the same for the same seed."""
        stop_if(cancelled, PROMPTING)
        return template_prompt(caption, emotion, seed=seed)


def open_prompter(entry: ModelEntry) -> Prompter:
    """Load the prompt writer of a catalogue's entry: SmolLM2 where it is embedded, else Falcon.

    Raises:
        ModelFailedError: its package or files are missing or broken, or memory does not suffice.
    """
    if entry.embedded:
        from pipelines.waveform.prompt_smol import open_smol

        return open_smol(entry)
    from pipelines.waveform.prompt_falcon import open_falcon

    return open_falcon(entry)


def template_prompt(caption: Caption, emotion: Emotion, *, seed: int = 0) -> MusicPrompt:
    """Write a prompt without any model, such as fits the emotion, with what the caption's words call to mind."""
    draw = random.Random(f"{seed} {caption.text} {emotion.valence:.2f} {emotion.arousal:.2f}")
    choices = choices_for(emotion)
    genre = draw.choice(choices.genres[:5])
    leads, joining = melodic(genre, emotion), guests(genre, emotion)
    guest = max(joining, key=lambda name: (suggests(caption.text, name), draw.random()), default=None)
    lead = draw.choice(leads)
    if guest and suggests(caption.text, guest) and can_lead(guest, emotion):
        lead = guest
    register = next(iter(registers_of(lead, emotion)), choices.registers[0])
    parts = MusicPrompt(
        text="",
        mood=draw.choice(choices.moods[:4]),
        genre=genre,
        tempo_bpm=tempo_for(emotion, genre, part=draw.uniform(0.25, 0.75)),
        mode=choices.modes[0],
        melody=melody_of(draw.choice(choices.contours[:2]), choices.articulations[0], register),
        instruments=band(genre, emotion, lead=lead, guest=guest),
    )
    called = images_called_for(caption.text, emotion)
    image = max(called, key=lambda image: image.suits(caption.text, emotion) + draw.random())
    return replace(parts, text=two_lines(parts, emotion, image=image.text, seed=draw.randrange(2**32)))
