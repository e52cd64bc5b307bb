"""The page for programs: every endpoint of gradio_client, and every tool of the MCP server, and no other.

In: what the components say, with their ranges. Out: see :mod:`page.api_music` and :mod:`page.api_path` for those that
make music and yield it as it comes, and :mod:`page.api_steps` for those that answer at once. What they do is what the
page's panels do.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from page.api_music import MUSIC, symbolic, waveform
from page.api_parts import amount, point
from page.api_path import FORMATS, SHOW, WAY, journey, slideshow
from page.api_steps import caption, emotion, hear, models, prompt
from page.picture_panel import PictureFile
from pipelines.bundle import FILES
from pipelines.catalogue import COMPOSERS
from pipelines.journey import (
    FASTEST_CEILING_BPM,
    LONGEST_MIN,
    LOUDEST_LUFS,
    QUIETEST_LUFS,
    SHORTEST_MIN,
    SLOWEST_CEILING_BPM,
)
from pipelines.records import VA_MAX, VA_MIN
from pipelines.settings import LARGEST_SEED, LONGEST_S, SHORTEST_S, STRONGEST
from pipelines.slideshow import FILES as SHOW_FILES
from pipelines.slideshow import SHORTEST_A_PICTURE_S

LONG: dict[str, Any] = {"concurrency_id": "performance", "show_progress": "hidden"}
SHORT: dict[str, Any] = {"concurrency_id": "step", "concurrency_limit": 1, "show_progress": "hidden"}
LONGEST_A_PICTURE_S, LONGEST_FADE_S = 60.0, 2.0


def add_api() -> None:
    """Put the endpoints into the page being built, on components that no visitor sees."""
    with gr.Column(visible=False):
        button = gr.Button()
        picture = PictureFile(type="filepath", label="Picture")
        own = point("Own")
        words = gr.Textbox("", label="Caption of your own, or nothing")
        seed = amount("Seed", 0, LARGEST_SEED, MUSIC.seed, whole=True)
        found = gr.JSON(label="What was found")
        _add_chains(button, picture, own, words, seed)
        _add_slideshow(button, seed)
        _add_journey(button, seed)
        button.click(emotion, [picture], found, api_name="emotion", **SHORT)
        button.click(caption, [picture, *own], found, api_name="caption", **SHORT)
        button.click(prompt, [picture, words, *own, seed], found, api_name="prompt", **SHORT)
        music = gr.File(label="MIDI, or WAV of 16 bits", type="filepath")
        button.click(hear, [music], found, api_name="hear", **SHORT)
        button.click(models, None, gr.JSON(label="Models"), api_name="models", show_progress="hidden")


def _add_chains(button: gr.Button, picture: PictureFile, own: list[Any], words: gr.Textbox, seed: Any) -> None:
    length = amount("Length in seconds", SHORTEST_S, LONGEST_S, MUSIC.duration_s)
    strength = amount("Strength of the emotion", 0, STRONGEST, MUSIC.strength)
    own_prompt = gr.Textbox("", label="Prompt of your own, or nothing")
    composer = gr.Radio(list(COMPOSERS), value=MUSIC.composer, label="Who composes")
    take = gr.JSON(label="Take")
    piano, sound = ([gr.File(label=name) for name in FILES[chain].values()] for chain in ("symbolic", "waveform"))
    common = [picture, length, strength, seed]
    button.click(symbolic, [*common, *own, composer], [take, *piano], api_name="symbolic", **LONG)
    button.click(waveform, [*common, words, own_prompt, *own], [take, *sound], api_name="waveform", **LONG)


def _add_slideshow(button: gr.Button, seed: Any) -> None:
    inputs = [
        gr.File(label="Pictures", file_count="multiple", type="filepath"),
        amount("Seconds a picture", SHORTEST_A_PICTURE_S, LONGEST_A_PICTURE_S, SHOW.seconds_a_picture),
        amount("Whole length in seconds, or nothing", SHORTEST_S, LONGEST_S),
        amount("Fade in seconds", 0, LONGEST_FADE_S, SHOW.frames.fade_s),
        seed,
    ]
    files = [gr.File(label=name) for name in SHOW_FILES.values()]
    button.click(slideshow, inputs, [gr.JSON(label="Slideshow"), *files], api_name="slideshow", **LONG)


def _add_journey(button: gr.Button, seed: Any) -> None:
    inputs = [
        *point("Start", *WAY.start),
        *point("Goal", *WAY.goal),
        amount("Minutes", SHORTEST_MIN, LONGEST_MIN, WAY.minutes),
        amount("Ceiling on arousal", VA_MIN, VA_MAX, WAY.arousal_ceiling),
        amount("Ceiling on tempo in BPM", SLOWEST_CEILING_BPM, FASTEST_CEILING_BPM, WAY.tempo_ceiling_bpm),
        amount("Ceiling on loudness in LUFS", QUIETEST_LUFS, LOUDEST_LUFS, WAY.loudness_ceiling_lufs),
        seed,
        gr.Radio(list(FORMATS), value=FORMATS[0], label="Format of the sound"),
    ]
    outputs = [gr.JSON(label="Plan"), gr.File(label="journey.wav, mp3 or ogg"), gr.File(label="journey.mid")]
    button.click(journey, inputs, outputs, api_name="journey", **LONG)
