"""The symbolic pipeline, after "Emotion-Guided Image to Music Generation": picture, emotion, notes, piano sound.

:func:`run` is the chain. Its steps, in the order in which each first shows:

=============  ====================  ==============================================================================
name           value                 partial values (`final` False)
=============  ====================  ==============================================================================
`emotion`      Emotion               none
`score`        Score                 the piece so far, a bar more each time
`piano_roll`   (h, w, 3) uint8       the notes so far, if `piano_roll_every_s` asks for them
`audio`        Audio                 the next chunk, a second at most; the final one is whole, at -16 LUFS
`heard`        Emotion               none: what a listener would feel in the score
=============  ====================  ==============================================================================
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipelines.catalogue import composer_entry, entry_for
from pipelines.chain import Clock, check_given, emotion_step, given_step, wanted, whole_audio
from pipelines.errors import StoppedError
from pipelines.models import check_models, default_models
from pipelines.records import Audio, Picture, Score, Step
from pipelines.settings import DURATION_S, SEED, STRENGTH
from pipelines.symbolic.composer import ComposerSettings, load_composer

if TYPE_CHECKING:
    from pipelines.emotion import EmotionSource
    from pipelines.symbolic.synthesize import Synthesizer

STEPS_GIVEN = ("emotion", "score")
CHUNK_S = 0.8
OWN, PAPER = "composer", "paper"  # of the catalogue's composers


@dataclass(frozen=True)
class SymbolicSettings:
    """The chain's settings: seconds of music (10 to 180), seed, strength of the emotion (0 to 5), which models.

    `models` is "auto", "embedded" or "paper"; `emotion_checkpoint` names a classifier of the waveform paper's kind.
    `composer` is one of the catalogue's COMPOSERS; the symbolic paper's networks end a piece themselves, after ten
    to twenty seconds, and heed neither length nor strength.
    `piano_roll_every_s` asks for a growing picture of the piano roll, at most every so many seconds; None for only the
    finished one, since a picture takes as long as several bars of music.
    """

    duration_s: float = DURATION_S
    seed: int = SEED
    strength: float = STRENGTH
    models: str = field(default_factory=default_models)
    emotion_checkpoint: str | None = None
    composer: str = OWN
    piano_roll_every_s: float | None = None

    def check(self) -> None:
        """Raise SettingsError for a value out of range, ModelMissingError for models that are not here."""
        self.for_composer().check()
        composer_entry(self.composer)
        check_models(self.models)

    @property
    def chosen_composer(self) -> str:
        """Who composes: the one chosen; with the models "paper" the paper's network stands for the project's own."""
        return PAPER if self.models == "paper" and self.composer == OWN else self.composer

    def emotion_source(self) -> EmotionSource:
        """Which model reads the emotion."""
        from pipelines.emotion import EmotionSource

        return EmotionSource(self.models, self.emotion_checkpoint)

    def for_composer(self) -> ComposerSettings:
        """The composer's part of the settings."""
        return ComposerSettings(duration_s=self.duration_s, seed=self.seed, strength=self.strength)


def run(
    picture: Picture | None,
    settings: SymbolicSettings | None = None,
    given: Mapping[str, Any] | None = None,
    *,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Step]:
    """Yield the chain's steps as they come; `given` holds "emotion" or "score" where the user has corrected it.

    What is given is a value of the user's or a Step that was made before, and is not made again; `picture` may be None
    when the emotion or the score is given. Raises an EkphoniaError for bad settings or missing models, StoppedError
    once `cancelled` answers True.
    """
    settings, given = settings or SymbolicSettings(), given or {}
    settings.check()
    check_given(given, STEPS_GIVEN, picture)
    emotion = emotion_step(picture, given, settings.emotion_source())
    if emotion is not None:
        yield emotion
    score: Score | None = None
    composed = given_step("score", given["score"]) if "score" in given else None
    for step in _perform(picture, emotion, settings, composed, cancelled):
        if step.name == "score":
            score = step.value
        yield step
    if score is not None:
        yield _hear(score)


def _hear(score: Score) -> Step:
    from pipelines.hearing import MADE_BY, hear

    clock = Clock()
    return Step("heard", hear(score), MADE_BY, clock.stop(), licence=entry_for("hearing").licence)


def _scores(
    picture: Picture | None,
    emotion: Step | None,
    settings: SymbolicSettings,
    given: Step | None,
    cancelled: Callable[[], bool],
) -> Iterator[Score]:
    """The growing score: composed bar by bar, or at once by the paper's networks, or given."""
    if given is not None:
        yield given.value
        return
    point = wanted(emotion)
    if settings.chosen_composer == OWN:
        yield from load_composer().compose(point.valence, point.arousal, settings.for_composer(), cancelled=cancelled)
        return
    from pipelines.symbolic.paper_composer import PaperSettings, compose

    how = PaperSettings(composer=settings.chosen_composer, seed=settings.seed)
    yield compose(picture, point, how, cancelled=cancelled)


def _perform(
    picture: Picture | None,
    emotion: Step | None,
    settings: SymbolicSettings,
    given: Step | None,
    cancelled: Callable[[], bool],
) -> Iterator[Step]:
    """Compose and play at once: score, piano roll and sound grow together, then each is given whole."""
    from pipelines.symbolic.piano_roll import draw
    from pipelines.symbolic.synthesize import open_synthesizer

    maker = composer_entry(settings.chosen_composer) if given is None else given
    composing, drawing, playing = Clock(), Clock(), Clock()
    chunks: list[Audio] = []
    played_beat, drawn_at = 0.0, time.monotonic()
    playing.start()
    with open_synthesizer() as synthesizer:
        playing.stop()
        scores = _scores(picture, emotion, settings, given, cancelled)
        while True:
            composing.start()
            score = next(scores, None)
            composing.stop()
            if score is None:
                break
            latest = score
            yield Step("score", score, maker.made_by, composing.spent_s, final=False)
            for chunk in _play(synthesizer, score, played_beat, playing, cancelled):
                chunks.append(chunk)
                yield Step("audio", chunk, synthesizer.made_by, playing.spent_s, final=False)
            played_beat = score.bars_begun * score.beats_per_bar
            every_s = settings.piano_roll_every_s
            if every_s is not None and time.monotonic() - drawn_at > every_s:
                drawing.start()
                image = draw(score, duration_s=settings.duration_s)
                drawn_at = time.monotonic()
                yield Step("piano_roll", image, "matplotlib", drawing.stop(), final=False)
        yield Step("score", latest, maker.made_by, composing.spent_s, licence=maker.licence)
        drawing.start()
        yield Step("piano_roll", draw(latest), "matplotlib", drawing.stop())
        playing.start()
        chunks.append(synthesizer.finish())
        playing.stop()
        yield Step("audio", chunks[-1], synthesizer.made_by, playing.spent_s, final=False)
        yield Step("audio", whole_audio(chunks), synthesizer.made_by, playing.spent_s)


def _play(
    synthesizer: Synthesizer, score: Score, from_beat: float, clock: Clock, cancelled: Callable[[], bool]
) -> Iterator[Audio]:
    """Render the bars that have come since `from_beat`, in chunks of at most a second."""
    until_beat = float(score.bars_begun * score.beats_per_bar)
    clock.start()
    synthesizer.add(score.notes_between(from_beat, until_beat), score)
    clock.stop()
    second, stop_s = score.seconds_at(from_beat), score.seconds_at(until_beat)
    while second < stop_s:
        if cancelled():
            raise StoppedError("Playing was stopped.")
        second = stop_s if stop_s - second < 1.5 * CHUNK_S else second + CHUNK_S
        clock.start()
        chunk = synthesizer.render_until(second)
        clock.stop()
        if len(chunk.samples):
            yield chunk
