"""The embedded stand-in for MusicGen: a prompt and an emotion in, the sound of a small ensemble out, chunk by chunk.

The composer's piano piece (`pipelines.symbolic.composer`) is planned at the prompt's tempo, mode and the genre's metre,
arranged for the prompt's instruments (`arrange.py`) a bar behind the composer, and played by the project's
synthesizer on several channels. Sound is (frames, 2) float32 at 32,000 Hz; all chunks together are exactly
round(duration_s * 50) * 640 frames, as MusicGen's would be. The same prompt, emotion and settings give the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from pipelines.catalogue import entry_for
from pipelines.errors import StoppedError
from pipelines.records import Audio, Emotion, MusicPrompt, Score
from pipelines.settings import DURATION_S, SEED, STRENGTH, check_duration, check_seed, check_strength
from pipelines.symbolic.composer import FASTEST_BPM, SLOWEST_BPM, ComposerSettings, load_composer
from pipelines.symbolic.engine import ChannelMix
from pipelines.symbolic.levels import program_loudness
from pipelines.symbolic.synthesize import Synthesizer, open_synthesizer
from pipelines.waveform.arrange import Arrangement, Arranger, arranged
from pipelines.waveform.arrange_cast import Cast, Part
from pipelines.waveform.arrange_form import bars_of
from pipelines.waveform.arrange_human import EARLIEST_S
from pipelines.waveform.arrange_styles import style_of
from pipelines.waveform.instruments import BASS, COMP, KIT, PAD

MADE_BY = entry_for("audio").made_by
SAMPLE_RATE_HZ = 32000
FRAME_RATE_HZ = 50  # of MusicGen's tokens
CHUNK_S = 0.8
CANDIDATES = 3
FADE_S = 0.5
FEWEST_BARS = 3.5
LEAD_LUFS = -20.0  # of the lead's part at the velocities of the piece, so that the whole comes near -16
USUAL_VELOCITY, LOUDEST_CORRECTION_DB = 76, 16.0
SLOW_ATTACK_S = 0.1
PROBE_CHORDS = {COMP: (55, 60, 64), PAD: (55, 60, 64), BASS: (40,), KIT: (36, 38, 42)}


@dataclass(frozen=True)
class EnsembleSettings:
    """The ensemble's settings: seconds of music (10 to 180), seed, strength of the emotion (0 to 5)."""

    duration_s: float = DURATION_S
    seed: int = SEED
    strength: float = STRENGTH

    def check(self) -> None:
        """Raise SettingsError for a value out of range."""
        check_duration(self.duration_s)
        check_seed(self.seed)
        check_strength(self.strength)

    def for_composer(self, prompt: MusicPrompt) -> ComposerSettings:
        """What the composer is asked for: the prompt's tempo and mode, the genre's metre."""
        return ComposerSettings(
            duration_s=self.duration_s,
            seed=self.seed,
            strength=self.strength,
            candidates=CANDIDATES,
            tempo_bpm=counted_tempo(prompt.tempo_bpm, self.duration_s),
            mode=prompt.mode,
            beats_per_bar=style_of(prompt.genre).beats_per_bar,
        )

    @property
    def frames(self) -> int:
        """Frames of the whole piece."""
        return round(self.duration_s * FRAME_RATE_HZ) * (SAMPLE_RATE_HZ // FRAME_RATE_HZ)


def counted_tempo(tempo_bpm: float, duration_s: float) -> float:
    """The tempo to count in: the prompt's, or twice or half of it until the composer knows it and some bars fit in."""
    slowest = max(SLOWEST_BPM, FEWEST_BARS * 4 * 60 / duration_s)
    while tempo_bpm < slowest:
        tempo_bpm *= 2
    while tempo_bpm > FASTEST_BPM:
        tempo_bpm /= 2
    return tempo_bpm


def play(
    prompt: MusicPrompt,
    emotion: Emotion,
    settings: EnsembleSettings | None = None,
    *,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Audio]:
    """Yield consecutive chunks of sound, of at most about a second, while the piece is composed.

    Raises SettingsError for values out of range, SoundError or SoundfontError where nothing can be played, and
    StoppedError once `cancelled` answers True.
    """
    settings = settings or EnsembleSettings()
    settings.check()
    arranger = Arranger(prompt, emotion, settings.seed)
    done = 0
    with _open(arranger.cast, arranger.usual_velocity) as synthesizer:
        for score in _composed(prompt, emotion, settings, cancelled):
            ready = score.bars_begun if score.bars_begun >= bars_of(score) else score.bars_begun - 1
            for bar in range(done, ready):
                _add(synthesizer, arranger, score, bar)
            done = max(done, ready)
            until_s = score.seconds_at(done * score.beats_per_bar) - EARLIEST_S
            yield from _chunks(synthesizer, min(until_s, settings.duration_s - 2 * FADE_S), cancelled)
        yield synthesizer.finish_at(settings.frames / SAMPLE_RATE_HZ, fade_s=FADE_S)


def perform(
    arrangement: Arrangement,
    prompt: MusicPrompt,
    emotion: Emotion,
    settings: EnsembleSettings,
    *,
    only: Collection[int] | None = None,
) -> Audio:
    """Play an arrangement at once, as :func:`play` would; with `only` just the stems of these indices."""
    arranger = Arranger(prompt, emotion, settings.seed)
    with _open(arranger.cast, arranger.usual_velocity) as synthesizer:
        for index, stem in enumerate(arrangement.stems):
            if only is None or index in only:
                synthesizer.add(stem.notes, arrangement.score_of(index), channel=stem.channel)
        return synthesizer.finish_at(settings.frames / SAMPLE_RATE_HZ, fade_s=FADE_S)


def compose_arrangement(
    prompt: MusicPrompt, emotion: Emotion, settings: EnsembleSettings | None = None
) -> tuple[Score, Arrangement]:
    """The piano piece and its arrangement, as notes. Raises as :func:`play`."""
    settings = settings or EnsembleSettings()
    settings.check()
    for score in _composed(prompt, emotion, settings, lambda: False):
        whole = score
    return whole, arranged(whole, prompt, emotion, seed=settings.seed)


def _composed(
    prompt: MusicPrompt, emotion: Emotion, settings: EnsembleSettings, cancelled: Callable[[], bool]
) -> Iterator[Score]:
    wish = settings.for_composer(prompt)
    return load_composer().compose(emotion.valence, emotion.arousal, wish, cancelled=cancelled)


def _add(synthesizer: Synthesizer, arranger: Arranger, score: Score, bar: int) -> None:
    for index, notes in arranger.bar(score, bar).items():
        synthesizer.add(notes, score, channel=arranger.cast.parts[index].channel)


def _chunks(synthesizer: Synthesizer, until_s: float, cancelled: Callable[[], bool]) -> Iterator[Audio]:
    """Render up to a second of the performance, in equal chunks."""
    while synthesizer.rendered_s < until_s - 1e-3:
        if cancelled():
            raise StoppedError("Playing was stopped.")
        left = until_s - synthesizer.rendered_s
        chunk = synthesizer.render_until(synthesizer.rendered_s + (left if left < 1.2 * CHUNK_S else CHUNK_S))
        if len(chunk.samples):
            yield chunk


def _open(cast: Cast, usual_velocity: float) -> Synthesizer:
    """A synthesizer with the cast's programs, evened out in loudness, placed and sent into the room."""
    gains = [part.level_db - max(-LOUDEST_CORRECTION_DB - 30, _loudness(part)) for part in cast.parts]
    loudest = max(min(gain, gains[0] + LOUDEST_CORRECTION_DB) for gain in gains)
    mix = {part.channel: _mix(part, min(0.0, gain - loudest)) for part, gain in zip(cast.parts, gains, strict=True)}
    softer_db = 40 * math.log10(USUAL_VELOCITY / usual_velocity)
    return open_synthesizer(
        sample_rate_hz=SAMPLE_RATE_HZ,
        programs={part.channel: part.program for part in cast.parts},
        pedal="none",
        mix=mix,
        gain=10 ** ((LEAD_LUFS + loudest + softer_db) / 20),
    )


def _loudness(part: Part) -> float:
    """Loudness of a part's instrument at velocity 80 in the register of its role."""
    pitches = PROBE_CHORDS.get(part.role, (part.playing.lead,))
    folded = pitches if part.role == KIT else tuple(part.playing.folded(pitch) for pitch in pitches)
    return program_loudness(
        part.program, folded, drums=part.role == KIT, strokes=1 if part.playing.attack_s >= SLOW_ATTACK_S else 3
    )


def _mix(part: Part, gain_db: float) -> ChannelMix:
    volume = max(1, min(127, round(127 * 10 ** (gain_db / 40))))
    return ChannelMix(volume, round(64 + 50 * part.playing.pan), part.playing.reverb)
