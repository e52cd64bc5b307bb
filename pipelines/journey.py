"""A journey in sound, for guided imagery and relaxation: from how a listener feels to how they wish to feel.

After the iso principle (Altshuler 1948; Heiderscheit and Madson 2015) the music first meets the mood that is, holds it,
then leads away from it in small steps and holds where it arrives. No picture is needed and none is kept. :func:`travel`
composes and plays bar after bar, so that sound begins within about two seconds whatever the length; of the sound only
the last seconds are held. This is no medical device.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pipelines.errors import SettingsError, StoppedError
from pipelines.journey_sound import SoftSound
from pipelines.path import Feeling, Path, check_feeling, iso_path
from pipelines.records import VA_MAX, VA_MIDDLE, VA_MIN, Audio, Score
from pipelines.symbolic.events import TEMPI_BPM
from pipelines.symbolic.path_composer import PathComposer, PathSettings, load_path_composer
from pipelines.symbolic.path_plan import PathPlan, plan_journey

NO_MEDICAL_DEVICE = "This is no medical device."
SHORTEST_MIN, LONGEST_MIN = 1.0, 15.0
SLOWEST_CEILING_BPM, FASTEST_CEILING_BPM = 60.0, TEMPI_BPM[-1]
QUIETEST_LUFS, LOUDEST_LUFS = -36.0, -14.0
LONGEST_FADE_S = 20.0
CHUNK_S = 0.8
TEMPO_PLACES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # of the way
TEMPO_LEAN = 0.08  # octaves of tempo for a point of arousal, beyond the usual, so that calming is slowing
END_FADE_S = 0.5  # of the synthesizer, below the journey's own


@dataclass(frozen=True)
class JourneySettings:
    """Where from, where to (valence and arousal, 1 to 9 each), minutes (1 to 15), and what must not be exceeded.

    `hold_start` and `hold_end` are the shares of the time in which the path rests. The ceilings: arousal 1 to 9, tempo
    60 to 211 beats a minute, loudness -36 to -14 LUFS. The sound fades in and out for some seconds, 0 to 20.
    """

    start: Feeling = (4.0, 6.0)
    goal: Feeling = (6.5, 3.0)
    minutes: float = 5.0
    hold_start: float = 0.15
    hold_end: float = 0.2
    arousal_ceiling: float = 7.0
    tempo_ceiling_bpm: float = 110.0
    loudness_ceiling_lufs: float = -20.0
    fade_in_s: float = 4.0
    fade_out_s: float = 12.0
    music: PathSettings = field(default_factory=PathSettings)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return 60.0 * self.minutes

    def path(self) -> Path:
        """The wanted path; raises SettingsError as :func:`pipelines.path.iso_path`."""
        return iso_path(
            self.start,
            self.goal,
            self.duration_s,
            hold_start=self.hold_start,
            hold_end=self.hold_end,
            arousal_ceiling=self.arousal_ceiling,
        )

    def check(self) -> None:
        """Raise SettingsError for a value out of range."""
        check_feeling(*self.start)
        check_feeling(*self.goal)
        for name, value, low, high, unit in (
            ("A journey", self.minutes, SHORTEST_MIN, LONGEST_MIN, "minutes"),
            ("The ceiling on arousal", self.arousal_ceiling, VA_MIN, VA_MAX, "on the scale"),
            ("The ceiling on tempo", self.tempo_ceiling_bpm, SLOWEST_CEILING_BPM, FASTEST_CEILING_BPM, "BPM"),
            ("The ceiling on loudness", self.loudness_ceiling_lufs, QUIETEST_LUFS, LOUDEST_LUFS, "LUFS"),
            ("The fade at the beginning", self.fade_in_s, 0.0, LONGEST_FADE_S, "seconds"),
            ("The fade at the end", self.fade_out_s, 0.0, LONGEST_FADE_S, "seconds"),
        ):
            if not (math.isfinite(value) and low <= value <= high):
                raise SettingsError(f"{name} cannot be {value:g} {unit}; choose {low:g} to {high:g}.")
        self.path()
        self.music.check()


@dataclass(frozen=True, eq=False)
class Stretch:
    """A little more of a journey: its next sound, and the piece so far. `final` marks the last.

    `made_by` says who plays.
    """

    sound: Audio
    score: Score
    made_by: str
    final: bool = False

    @property
    def until_s(self) -> float:
        """Up to where there is sound, in seconds."""
        return self.sound.start_s + self.sound.duration_s


def plan(settings: JourneySettings, composer: PathComposer) -> PathPlan:
    """The form of the whole journey."""
    path = settings.path()
    beats = composer.beats_per_bar(path.at(0.0), settings.music)

    tempo_of = _TempoAlong(path, composer, beats, settings.music.strength)
    return plan_journey(path, tempo_of, tempo_ceiling_bpm=settings.tempo_ceiling_bpm, beats_per_bar=beats)


class _TempoAlong:
    """The tempo for a feeling on the way from start to goal, asked of the network at a few points of it only."""

    def __init__(self, path: Path, composer: PathComposer, beats_per_bar: int, strength: float) -> None:
        self._start, self._goal = np.array(path.at(0.0)), np.array(path.at(path.duration_s))
        self._composer, self._beats_per_bar, self._strength = composer, beats_per_bar, strength
        self._known: dict[str, list[float]] = {}

    def __call__(self, valence: float, arousal: float, mode: str) -> float:
        way = self._goal - self._start
        part = float((np.array([valence, arousal]) - self._start) @ way / max(1e-9, float(way @ way)))
        if mode not in self._known:
            self._known[mode] = [self._tempo(self._start + place * way, mode) for place in TEMPO_PLACES]
        return float(np.exp(np.interp(part, TEMPO_PLACES, np.log(self._known[mode]))))

    def _tempo(self, feeling: np.ndarray, mode: str) -> float:
        valence, arousal = (float(value) for value in feeling)
        usual = self._composer.tempo_bpm(
            valence, arousal, mode, beats_per_bar=self._beats_per_bar, strength=self._strength
        )
        return max(TEMPI_BPM[0], usual * 2 ** (TEMPO_LEAN * (arousal - VA_MIDDLE)))


def travel(
    settings: JourneySettings | None = None, *, cancelled: Callable[[], bool] = lambda: False
) -> Iterator[Stretch]:
    """Yield a journey's sound in order, 0.8 s or less at a time, as it is composed; together it lasts `duration_s`.

    Raises SettingsError for settings out of range, StoppedError once `cancelled` answers True, and what
    :func:`pipelines.symbolic.synthesize.open_synthesizer` raises.
    """
    from pipelines.symbolic.synthesize import open_synthesizer

    settings = settings or JourneySettings()
    settings.check()
    soft = SoftSound(
        settings.duration_s, settings.fade_in_s, settings.fade_out_s, ceiling_lufs=settings.loudness_ceiling_lufs
    )
    composer = load_path_composer()
    form = plan(settings, composer)
    with open_synthesizer() as synthesizer:
        played, second = 0, 0.0
        for score in composer.compose(form, settings.music, cancelled=cancelled):
            synthesizer.add(score.notes[played:], score)
            played = len(score.notes)
            until = min(settings.duration_s, score.seconds_at(score.bars_begun * score.beats_per_bar))
            while second < until:
                if cancelled():
                    raise StoppedError("The journey was stopped.")
                second = until if until - second < 1.5 * CHUNK_S else second + CHUNK_S
                if second < settings.duration_s:
                    yield Stretch(soft.shape(synthesizer.render_until(second)), score, synthesizer.made_by)
        rest = _cut(synthesizer.finish_at(settings.duration_s, fade_s=END_FADE_S), settings.duration_s)
        yield Stretch(soft.shape(rest), score, synthesizer.made_by, final=True)


def _cut(sound: Audio, end_s: float) -> Audio:
    """The last sound up to an exact second; the synthesizer counts in blocks of 64 frames."""
    frames = round(end_s * sound.sample_rate_hz) - round(sound.start_s * sound.sample_rate_hz)
    missing = max(0, frames - len(sound.samples))
    return replace(sound, samples=np.pad(sound.samples[:frames], ((0, missing), (0, 0))))


def journey_record(settings: JourneySettings, score: Score) -> dict[str, Any]:
    """What made a journey, ready for JSON: settings, the music's measures, wanted and heard by windows of 15 s."""
    from dataclasses import asdict

    from pipelines.bundle import plain, versions
    from pipelines.path_heard import following, heard_along

    windows = heard_along(score, settings.path())
    return {
        "note": NO_MEDICAL_DEVICE,
        "settings": asdict(settings),
        "score": plain(score),
        "windows": [asdict(window) for window in windows],
        "following": {key: _finite(value) for key, value in asdict(following(windows)).items()},
        "versions": versions(),
    }


def _finite(value: Any) -> Any:
    """Numbers that JSON knows: None for one that is none."""
    if isinstance(value, tuple):
        return [_finite(each) for each in value]
    return round(value, 4) if math.isfinite(value) else None
