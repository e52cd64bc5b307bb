"""Single steps for programs, each done in a moment: emotion, caption, prompt, what is heard in music, who plays.

The docstrings are what a program, or a language model with these as its tools, is told of each. What an endpoint
returns is ready for JSON; trouble is a `gr.Error` of one sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from page.api_parts import found, given_emotion, given_words, opened
from page.job import CORRECTABLE
from page.settings_panel import FROM_WORDS, settings_from
from pipelines.catalogue import COMPOSERS, EMBEDDED, PAPER, ModelEntry, entry_for
from pipelines.chains import run_chain
from pipelines.errors import SettingsError
from pipelines.models import choose, default_models, is_here, note_on
from pipelines.records import Step

MIDI, RIFF = b"MThd", b"RIFF"


def emotion(picture: str | None) -> dict[str, Any]:
    """Read the emotion that people would feel on seeing a picture.

    Args:
        picture: The picture: JPEG, PNG, WebP, BMP, TIFF, GIF or AVIF, at most 50 megapixels.

    Returns:
        label (Happy, Angry, Sad, Fun or Neutral) and the probabilities of the five labels
        valence (1 unpleasant to 9 pleasant) and arousal (1 calm to 9 excited)
        valence_sd and arousal_sd, their standard deviations
        made_by, the model that read it
    """
    with opened(keep=False):
        return found(_steps_until("emotion", _there(picture), {})["emotion"])


def caption(picture: str | None, valence: float | None = None, arousal: float | None = None) -> dict[str, Any]:
    """Say in a sentence what a picture shows and its mood.

    Args:
        picture: The picture.
        valence: Mood to describe instead of the picture's own: 1 unpleasant to 9 pleasant; give arousal as well.
        arousal: Mood to describe instead of the picture's own: 1 calm to 9 excited; give valence as well.

    Returns:
        text, the sentence
        made_by, the model that wrote it
        emotion, the one that it followed
    """
    with opened(keep=False):
        steps = _steps_until("caption", _there(picture), given_emotion(valence, arousal))
        return {**found(steps["caption"]), "emotion": found(steps["emotion"])}


def prompt(
    picture: str | None = None,
    caption: str = "",
    valence: float | None = None,
    arousal: float | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Write a prompt for a text-to-music model: mood, genre, tempo, mode, melody and instruments for a picture.

    Give a picture, a caption or an emotion (valence and arousal), or several of these.

    Args:
        picture: The picture, or nothing.
        caption: A sentence on what is to be heard instead of what the picture shows.
        valence: Emotion to follow instead of the picture's own: 1 unpleasant to 9 pleasant; give arousal as well.
        arousal: Emotion to follow instead of the picture's own: 1 calm to 9 excited; give valence as well.
        seed: Another seed gives another prompt, 0 to 999999.

    Returns:
        text, the prompt itself
        mood, genre, tempo_bpm, mode, melody and instruments, its parts
        made_by, the model that wrote it
        caption and emotion, which it followed, where there were any
    """
    with opened(keep=False):
        given: dict[str, Any] = {**given_emotion(valence, arousal), **given_words(caption=caption)}
        steps = _steps_until("prompt", picture, given, seed=seed)
        before: dict[str, Any] = {name: found(steps[name]) for name in CORRECTABLE[:2] if name in steps}
        return {**found(steps["prompt"]), **before}


def _there(picture: str | None) -> str:
    if picture is None:
        raise SettingsError("There is no picture; give one.")
    return picture


def _steps_until(name: str, path: str | None, given: Mapping[str, Any], *, seed: float = 0) -> dict[str, Step]:
    """The steps of the chain of words up to one of them; the sound is not begun."""
    from pipelines.picture import read_picture

    settings = settings_from(seed=seed, lanes=FROM_WORDS)["waveform"]
    picture = read_picture(path) if path is not None else None
    steps: dict[str, Step] = {}
    with closing(run_chain("waveform", picture, settings, given)) as chain:  # type: ignore[type-var]
        for step in chain:
            steps[step.name] = step
            if step.name == name:
                break
    return steps


def hear(music: str | None) -> dict[str, Any]:
    """Say which emotion a listener would hear in a piece of music, given as MIDI notes or as sound.

    Args:
        music: A MIDI file, or a WAV file of 16 bits with at least one second of sound.

    Returns:
        label (Happy, Angry, Sad, Fun or Neutral) and the probabilities of the five labels
        valence (1 unpleasant to 9 pleasant) and arousal (1 calm to 9 excited)
        valence_sd and arousal_sd, their standard deviations
        made_by, the model that listened
    """
    with opened(keep=False):
        if music is None:
            raise SettingsError("There is no music to hear; give a MIDI file or a WAV of 16 bits.")
        return found(_heard(Path(music)))


def _heard(path: Path) -> Step:
    with path.open("rb") as file:
        beginning = file.read(4)
    if beginning == MIDI:
        from pipelines.hearing import MADE_BY as LISTENER
        from pipelines.hearing import hear as hear_score
        from pipelines.symbolic.midi import read_midi

        return Step("heard", hear_score(read_midi(path)), LISTENER, 0.0, licence=entry_for("hearing").licence)
    if beginning != RIFF:
        raise SettingsError(f"{path.name} is neither MIDI nor WAV; give a MIDI file or a WAV of 16 bits.")
    from pipelines.export_audio import read_wav
    from pipelines.hearing_audio import MADE_BY, hear_audio

    return Step("heard", hear_audio(read_wav(path)), MADE_BY, 0.0, licence=entry_for("hearing_audio").licence)


def models() -> list[dict[str, Any]]:
    """List the models of every step: the papers' own and those that come with Ekphonia, and which of them play now.

    Returns:
        for each model its role (emotion, caption, prompt, audio, composer, hearing, hearing_audio) and name
        made_by, its name in results
        paper, whether it is one of the papers' own, from the model hub
        here, whether it is on this machine
        plays, whether it is used when nothing else is asked for
        licence, size_mb, origin at the model hub
        note, what is wrong with it
    """
    with opened(keep=False):
        shown = [*PAPER.values(), *EMBEDDED.values(), *(entry for entry in COMPOSERS.values() if entry.weights)]
        unique = {(entry.role, entry.name): entry for entry in shown}
        playing = {role: choose(role, default_models()) if role in PAPER else EMBEDDED[role] for role in EMBEDDED}
        return [_told(entry, plays=playing.get(entry.role) == entry) for entry in unique.values()]


def _told(entry: ModelEntry, *, plays: bool) -> dict[str, Any]:
    return {
        "role": entry.role,
        "name": entry.name,
        "made_by": entry.made_by,
        "paper": not entry.embedded,
        "here": is_here(entry),
        "plays": plays,
        "licence": entry.licence,
        "size_mb": entry.size_mb,
        "origin": entry.hub_id or "",
        "note": note_on(entry),
    }
