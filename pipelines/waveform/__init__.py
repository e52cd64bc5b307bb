"""The waveform pipeline, after "Bridging Paintings and Music": picture, emotion, caption, music prompt, sound.

:func:`run` is the chain. Its steps, in the order in which each first shows:

=========  ===========  ===============================================================================================
name       value        partial values (`final` False)
=========  ===========  ===============================================================================================
`emotion`  Emotion      none
`caption`  Caption      none
`prompt`   MusicPrompt  none
`audio`    Audio        the next chunk, about a second; the final one is whole, at -16 LUFS, 32 kHz
`heard`    Emotion      none: what a listener would feel in the sound
=========  ===========  ===============================================================================================

Each step is made by the paper's own model where that lies on this machine, else by an embedded stand-in; a model
that fails is replaced, and the step's note says so. A chunk of sound that starts at 0 s begins anew: when a model fails
in the midst of its work, what came before is void.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from pipelines.catalogue import MUSICGEN_BACKENDS, MUSICGEN_SMALL, ModelEntry, entry_for, paper_entry
from pipelines.chain import Clock, check_given, emotion_step, first_that_works, given_step, took_over, whole_audio
from pipelines.errors import ModelFailedError, SettingsError, StoppedError
from pipelines.models import check_models, choose, default_models
from pipelines.records import Audio, Caption, Emotion, MusicPrompt, Picture, Step
from pipelines.settings import DURATION_S, SEED, STRENGTH, check_duration, check_seed, check_strength
from pipelines.waveform.corrections import as_caption, as_prompt

if TYPE_CHECKING:
    from pipelines.emotion import EmotionSource

STEPS_GIVEN = ("emotion", "caption", "prompt")


@dataclass(frozen=True)
class WaveformSettings:
    """The chain's settings: seconds of music (10 to 180), seed, strength of the emotion (0 to 5), which models.

    `models` is "auto", "embedded" or "paper". `musicgen` is a hub's id or a folder, such as a fine-tuned checkpoint's;
    `musicgen_backend` the library that plays it, "transformers" or "audiocraft". `emotion_checkpoint` names a
    classifier of the paper's kind. The strength counts for the embedded ensemble; MusicGen only reads its prompt.
    """

    duration_s: float = DURATION_S
    seed: int = SEED
    strength: float = STRENGTH
    models: str = field(default_factory=default_models)
    musicgen: str = MUSICGEN_SMALL
    musicgen_backend: str = MUSICGEN_BACKENDS[0]
    emotion_checkpoint: str | None = None

    def check(self) -> None:
        """Raise SettingsError for a value out of range, ModelMissingError for models that are not here."""
        check_duration(self.duration_s)
        check_seed(self.seed)
        check_strength(self.strength)
        check_models(self.models)
        if self.musicgen_backend not in MUSICGEN_BACKENDS:
            known = ", ".join(MUSICGEN_BACKENDS)
            raise SettingsError(f"The MusicGen backend {self.musicgen_backend!r} is unknown; choose one of {known}.")
        for role in ("caption", "prompt"):
            choose(role, self.models)
        self.audio_entry()

    def audio_entry(self) -> ModelEntry:
        """The model that makes the sound."""
        wanted = musicgen_entry(self.musicgen)
        if self.musicgen_backend == "audiocraft" and self.models != "embedded":
            from pipelines.waveform.musicgen_checkpoint import checkpoint_folder

            if checkpoint_folder(self.musicgen) is not None:  # audiocraft's own files are no model to transformers
                return wanted
        return choose("audio", self.models, paper=wanted)

    def emotion_source(self) -> EmotionSource:
        """Which model reads the emotion."""
        from pipelines.emotion import EmotionSource

        return EmotionSource(self.models, self.emotion_checkpoint)


def musicgen_entry(model_id: str) -> ModelEntry:
    """The catalogue's MusicGen, or an entry for another checkpoint: a hub's id or a folder.

    A fine-tuned checkpoint's licence is taken to be that of the weights it was tuned from.
    """
    own = paper_entry("audio")
    if model_id == own.hub_id:
        return own
    name = model_id.rstrip("/").rpartition("/")[2]
    return replace(own, name=name, made_by=f"MusicGen {name}", hub_id=model_id, size_mb=0.0)


def run(
    picture: Picture | None,
    settings: WaveformSettings | None = None,
    given: Mapping[str, Any] | None = None,
    *,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Step]:
    """Yield the chain's steps as they come; `given` holds "emotion", "caption" or "prompt" as the user corrected them.

    What is given is a value of the user's (a caption or a prompt may be a text) or a Step that was made before, and is
    not made again, nor is a caption when a prompt is given; `picture` may be None when a step is given. Raises an
    EkphoniaError for bad settings or missing models, StoppedError once `cancelled` answers True.
    """
    settings, given = settings or WaveformSettings(), given or {}
    settings.check()
    check_given(given, STEPS_GIVEN, picture)
    emotion = emotion_step(picture, given, settings.emotion_source())
    if emotion is not None:
        yield emotion
    _go_on(cancelled)
    caption = _caption_step(picture, emotion, given, settings, cancelled)
    if caption is not None:
        yield caption
    _go_on(cancelled)
    prompt = _prompt_step(caption, emotion, given, settings, cancelled)
    yield prompt
    sound: Audio | None = None
    for step in _play(prompt.value, emotion, settings, cancelled):
        if step.final:
            sound = step.value
        yield step
    if sound is not None:
        yield _hear(sound)


def _go_on(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise StoppedError("Making music was stopped.")


def _caption_step(
    picture: Picture | None,
    emotion: Step | None,
    given: Mapping[str, Any],
    settings: WaveformSettings,
    cancelled: Callable[[], bool],
) -> Step | None:
    """The caption as given, else written; None where only a prompt, or no picture, was given."""
    if "caption" in given:
        return given_step("caption", as_caption(given["caption"]))
    if picture is None or emotion is None or "prompt" in given:
        return None
    from pipelines.waveform.caption import open_captioner

    entries = _entries(choose("caption", settings.models), settings)
    openers: list[Callable[[], Any]] = [partial(open_captioner, entry) for entry in entries]
    return first_that_works(
        "caption", openers, lambda captioner: captioner.caption(picture, emotion.value, cancelled=cancelled)
    )


def _prompt_step(
    caption: Step | None,
    emotion: Step | None,
    given: Mapping[str, Any],
    settings: WaveformSettings,
    cancelled: Callable[[], bool],
) -> Step:
    """The prompt as given, else written by a language model, else by the template."""
    from pipelines.waveform.prompt import TemplatePrompter, open_prompter

    if "prompt" in given:
        return given_step("prompt", as_prompt(given["prompt"], _point(emotion)))
    point = _point(emotion)
    seen = caption.value if caption is not None else Caption("")
    entries = _entries(choose("prompt", settings.models), settings)
    openers: list[Callable[[], Any]] = [partial(open_prompter, entry) for entry in entries]
    if settings.models != "paper":
        openers.append(TemplatePrompter)
    return first_that_works(
        "prompt", openers, lambda prompter: prompter.write(seen, point, seed=settings.seed, cancelled=cancelled)
    )


def _entries(chosen: ModelEntry, settings: WaveformSettings) -> list[ModelEntry]:
    """The chosen model, and the embedded one behind it unless the paper's is insisted on."""
    return [chosen] if chosen.embedded or settings.models == "paper" else [chosen, entry_for(chosen.role)]


def _point(emotion: Step | None) -> Emotion:
    """The emotion, or the middle of the plane where only a caption or a prompt was given."""
    value: Emotion = emotion.value if emotion is not None else Emotion.at(5.0, 5.0)
    return value


def _play(
    prompt: MusicPrompt, emotion: Step | None, settings: WaveformSettings, cancelled: Callable[[], bool]
) -> Iterator[Step]:
    """Sound by MusicGen, else by the ensemble: chunk by chunk, then whole."""
    entries = _entries(settings.audio_entry(), settings)
    note = ""
    for entry in entries:
        play = _play_ensemble if entry.embedded else _play_musicgen
        try:
            for step in play(entry, prompt, emotion, settings, cancelled):
                yield replace(step, note=took_over(note, step.made_by) if note else "")
        except ModelFailedError as failure:
            if entry is entries[-1]:
                raise
            note = str(failure)
        else:
            return


def _play_musicgen(
    entry: ModelEntry,
    prompt: MusicPrompt,
    emotion: Step | None,
    settings: WaveformSettings,
    cancelled: Callable[[], bool],
) -> Iterator[Step]:
    from pipelines.waveform.musicgen import open_musicgen

    clock = Clock()
    musicgen = open_musicgen(entry, backend=settings.musicgen_backend)
    chunks = musicgen.generate(prompt, duration_s=settings.duration_s, seed=settings.seed, cancelled=cancelled)
    yield from _sounding(chunks, musicgen.made_by, musicgen.licence, clock)


def _play_ensemble(
    entry: ModelEntry,
    prompt: MusicPrompt,
    emotion: Step | None,
    settings: WaveformSettings,
    cancelled: Callable[[], bool],
) -> Iterator[Step]:
    from pipelines.waveform.ensemble import EnsembleSettings, play
    from pipelines.waveform.prompt import emotion_in

    clock = Clock()
    point = emotion_in(prompt, near=emotion.value if emotion is not None else None)
    wish = EnsembleSettings(duration_s=settings.duration_s, seed=settings.seed, strength=settings.strength)
    yield from _sounding(play(prompt, point, wish, cancelled=cancelled), entry.made_by, entry.licence, clock)


def _sounding(chunks: Iterator[Audio], made_by: str, licence: str, clock: Clock) -> Iterator[Step]:
    """Chunks as steps, the time of those who read them left out; then the whole."""
    heard: list[Audio] = []
    clock.stop()
    while True:
        clock.start()
        chunk = next(chunks, None)
        spent_s = clock.stop()
        if chunk is None:
            break
        heard.append(chunk)
        yield Step("audio", chunk, made_by, spent_s, final=False, licence=licence)
    if not heard:
        raise ModelFailedError(f"The {made_by} made no sound.")
    yield Step("audio", whole_audio(heard), made_by, spent_s, licence=licence)


def _hear(sound: Audio) -> Step:
    from pipelines.hearing_audio import MADE_BY, hear_audio

    clock = Clock()
    return Step("heard", hear_audio(sound), MADE_BY, clock.stop(), licence=entry_for("hearing_audio").licence)
