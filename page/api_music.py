"""Music for programs from a picture, an emotion or words, made as on the page and yielded as it comes.

The docstrings are what a program, or a language model with these as its tools, is told of each. Conventions are those
of :mod:`page.api_parts`; the generators may be closed at any yield, which ends their work and deletes their files.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from page.api_parts import found, given_emotion, given_words, line, opened, sound, ticking
from page.job import CORRECTABLE, Job
from page.lanes import Lane
from page.performance import BEGINNING, LANES
from page.settings_panel import settings_from
from page.texts import joined
from pipelines.bundle import FILES
from pipelines.chains import ChainSettings, run_chain
from pipelines.records import Step
from pipelines.symbolic import SymbolicSettings

MUSIC = SymbolicSettings()  # where the defaults are
TELL_EVERY_S = 0.5

Yields = Iterator[tuple[Any, ...]]


def symbolic(
    picture: str | None = None,
    duration_s: float | None = MUSIC.duration_s,
    strength: float | None = MUSIC.strength,
    seed: float | None = MUSIC.seed,
    valence: float | None = None,
    arousal: float | None = None,
    composer: str | None = MUSIC.composer,
) -> Yields:
    """Turn a picture, or an emotion, into piano music that feels like it: MIDI notes and their sound.

    Give a picture, or an emotion (valence and arousal), or both: then the emotion stands for what the picture would be
    read as. While it is made, each yield says status and progress, what was found so far (emotion), and in sound the
    next piece of the music as a WAV file with its start in seconds, so that it can be played at once.

    Args:
        picture: The picture: JPEG, PNG, WebP, BMP, TIFF, GIF or AVIF; or nothing where an emotion is given.
        duration_s: Length in seconds, 10 to 180.
        strength: How hard the music leans to the emotion, 0 to 5.
        seed: Another seed is another piece for the same emotion, 0 to 999999.
        valence: Emotion to follow instead of the picture's own: 1 unpleasant to 9 pleasant; give arousal as well.
        arousal: Emotion to follow instead of the picture's own: 1 calm to 9 excited; give valence as well.
        composer: "composer" is Ekphonia's own; "paper" and "causal", the paper's networks, play ten to twenty seconds.

    Returns:
        the take: the emotion wanted and heard, every step with its maker and licence, settings, versions
        the notes as MIDI
        the sound as WAV
        the piano roll as PNG
    """
    usual: Any = settings_from(duration=duration_s, strength=strength, seed=seed)["symbolic"]
    settings = replace(usual, composer=composer or MUSIC.composer)
    yield from _music("symbolic", picture, settings, valence, arousal, {})


def waveform(
    picture: str | None = None,
    duration_s: float | None = MUSIC.duration_s,
    strength: float | None = MUSIC.strength,
    seed: float | None = MUSIC.seed,
    caption: str = "",
    prompt: str = "",
    valence: float | None = None,
    arousal: float | None = None,
) -> Yields:
    """Turn a picture into a caption, a music prompt and an ensemble's music for it; or begin with words, or an emotion.

    Give a picture, a caption, a prompt, or an emotion (valence and arousal); what is given stands for what would be
    found. While it is made, each yield says status and progress, what was found so far (emotion, caption, prompt), and
    in sound the next piece of the music as a WAV file with its start in seconds, so that it can be played at once.

    Args:
        picture: The picture, or nothing where something else is given.
        duration_s: Length in seconds, 10 to 180.
        strength: How hard the ensemble's music leans to the emotion, 0 to 5.
        seed: Another seed is another piece, 0 to 999999.
        caption: A sentence on what is to be heard instead of what the picture shows.
        prompt: The music to make instead of what would be written, such as "A slow cello in a minor key."
        valence: Emotion to follow instead of the picture's own: 1 unpleasant to 9 pleasant; give arousal as well.
        arousal: Emotion to follow instead of the picture's own: 1 calm to 9 excited; give valence as well.

    Returns:
        the take: the emotion wanted and heard, every step with its maker and licence, settings, versions
        the sound as WAV
    """
    settings = settings_from(duration=duration_s, strength=strength, seed=seed)["waveform"]
    words = given_words(caption=caption, prompt=prompt)
    yield from _music("waveform", picture, settings, valence, arousal, words)


def _music(
    chain: str,
    path: str | None,
    settings: ChainSettings,
    valence: float | None,
    arousal: float | None,
    words: Mapping[str, str],
) -> Yields:
    from pipelines.bundle import write_take
    from pipelines.picture import read_picture

    with opened() as job:
        given = {**given_emotion(valence, arousal), **words}
        picture = read_picture(path) if path is not None else None
        lane = LANES[chain](job, settings)
        work = run_chain(chain, picture, settings, given, cancelled=job.stopped)
        with closing(ticking(work, job)) as steps:  # type: ignore[type-var]
            yield from ((each, *[None] * len(FILES[chain])) for each in _lines(lane, steps, job))
        take = write_take({chain: lane.part()}, job.folder, picture=picture)
        record = json.loads(take.record.read_text(encoding="utf-8"))
        yield record, *(str(take.files[name]) for name in FILES[chain].values())


def _lines(lane: Lane, steps: Iterable[Step | None], job: Job) -> Iterator[dict[str, Any]]:
    """What a lane says while its chain runs: words and the first sound at once, more sound twice a second."""
    sent = 0.0
    for step in steps:
        if step is None:
            yield _line(lane, None, job.folder)
            continue
        lane.take(step)
        first_sound = step.name == "audio" and not lane.sound.begun
        last_sound = step.name == "audio" and step.final
        if step.name in CORRECTABLE or first_sound or last_sound or time.monotonic() - sent >= TELL_EVERY_S:
            sent = time.monotonic()
            yield _line(lane, step, job.folder)


def _line(lane: Lane, step: Step | None, folder: Path) -> dict[str, Any]:
    more: dict[str, Any] = {step.name: found(step)} if step is not None and step.name in CORRECTABLE else {}
    before = lane.sound.chunks[-1:]
    lane.sound.value()  # which writes what has come since
    if lane.sound.chunks and lane.sound.chunks[-1:] != before:
        address, start_s = lane.sound.chunks[-1]
        more["sound"] = sound(folder / Path(address).name, start_s)
    return line(joined(lane.doing or BEGINNING, lane.detail), lane.progress, **more)
