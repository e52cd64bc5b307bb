"""Music along a path for programs, made as on the page and yielded as it comes: slideshow and journey.

The docstrings are what a program, or a language model with these as its tools, is told of each. Conventions are those
of :mod:`page.api_parts`; the generators may be closed at any yield, which ends their work and deletes their files.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from page.api_parts import cut, line, line_of, opened, sound, ticking
from page.job import Job
from page.journey_panel import perform_journey
from page.journey_panel import settings_from as journey_settings
from page.performance import BEGINNING
from page.slideshow_panel import EACH, WHOLE, perform_slideshow
from page.slideshow_panel import settings_from as slideshow_settings
from pipelines.errors import SettingsError
from pipelines.journey import JourneySettings
from pipelines.journey_files import NOTES, RECORD, SOUND
from pipelines.slideshow import FILES as SHOW_FILES
from pipelines.slideshow import RECORD as SHOW_RECORD
from pipelines.slideshow import SlideshowSettings

SHOW, WAY = SlideshowSettings(), JourneySettings()  # where the defaults are
FORMATS = ("wav", "mp3", "ogg")
PIECE = "piece-{:04d}.wav"


def slideshow(
    pictures: list[str] | None,
    seconds_a_picture: float | None = SHOW.seconds_a_picture,
    total_s: float | None = None,
    fade_s: float | None = SHOW.frames.fade_s,
    seed: float | None = SHOW.music.seed,
) -> Iterator[tuple[Any, ...]]:
    """Turn several pictures into a film with one continuous piece of piano music that follows their emotions.

    While it is made, each yield says status and progress.

    Args:
        pictures: 2 to 20 pictures in their order.
        seconds_a_picture: Seconds a picture, 4 to 60, where the whole length is not given.
        total_s: The whole length in seconds, 10 to 180, or nothing to go by seconds_a_picture.
        fade_s: Seconds in which one picture fades into the next, 0 to 2.
        seed: Another seed is another piece, 0 to 999999.

    Returns:
        what was made: each picture's emotion and seconds, the music, the settings
        the film as MP4
        the sound as WAV
        the notes as MIDI
    """
    mode = EACH if total_s is None else WHOLE
    settings = slideshow_settings(mode, seconds_a_picture, total_s, fade_s, seed)
    with opened() as job:
        said: dict[str, Any] | None = None
        with closing(ticking(perform_slideshow(pictures or [], settings, job), job)) as updates:  # type: ignore[type-var]
            for update in updates:
                said = line_of(update or {}) or said
                if said is not None:
                    yield said, *[None] * len(SHOW_FILES)
        record = json.loads((job.folder / SHOW_RECORD).read_text(encoding="utf-8"))
        yield record, *(str(job.folder / name) for name in SHOW_FILES.values())


def journey(
    start_valence: float | None = WAY.start[0],
    start_arousal: float | None = WAY.start[1],
    goal_valence: float | None = WAY.goal[0],
    goal_arousal: float | None = WAY.goal[1],
    minutes: float | None = WAY.minutes,
    arousal_ceiling: float | None = WAY.arousal_ceiling,
    tempo_ceiling_bpm: float | None = WAY.tempo_ceiling_bpm,
    loudness_ceiling_lufs: float | None = WAY.loudness_ceiling_lufs,
    seed: float | None = WAY.music.seed,
    sound_format: str | None = FORMATS[0],
) -> Iterator[tuple[Any, ...]]:
    """Make piano music that leads a listener from how they feel to how they wish to feel; no medical device.

    Valence is 1 unpleasant to 9 pleasant, arousal 1 calm to 9 excited. While it is made, each yield says status and
    progress, and in sound the next piece of the music as a WAV file with its start in seconds.

    Args:
        start_valence: Valence of how the listener feels, 1 to 9.
        start_arousal: Arousal of how the listener feels, 1 to 9.
        goal_valence: Valence of how the listener wishes to feel, 1 to 9.
        goal_arousal: Arousal of how the listener wishes to feel, 1 to 9.
        minutes: Length in minutes, 1 to 15.
        arousal_ceiling: The most arousal on the way, 1 to 9.
        tempo_ceiling_bpm: The fastest tempo in beats a minute, 60 to 211.
        loudness_ceiling_lufs: The greatest loudness in LUFS, -36 to -14.
        seed: Another seed is another piece, 0 to 999999.
        sound_format: "wav", "mp3" or "ogg".

    Returns:
        the plan: text, the wanted path (second, valence, arousal), what is heard window by window, the settings
        the sound
        the notes as MIDI
    """
    values = (start_valence, start_arousal, goal_valence, goal_arousal, minutes, arousal_ceiling, tempo_ceiling_bpm)
    with opened() as job:
        if sound_format not in (None, *FORMATS):
            raise SettingsError(f"The sound format {sound_format!r} is unknown; choose one of {', '.join(FORMATS)}.")
        settings = journey_settings(*values, loudness_ceiling_lufs, seed)
        shown: dict[str, Any] = {}
        said: dict[str, Any] = line(BEGINNING, 0.0)
        with closing(ticking(perform_journey(settings, job, ahead_s=math.inf), job)) as updates:  # type: ignore[type-var]
            for update in updates:
                shown, sent = (update or {}).get("journey") or shown, shown.get("frames", 0)
                said = line_of(update or {}) or said
                yield {**said, **_heard_since(job.folder, shown, sent)}, None, None
        made = _in_format(job, sound_format or FORMATS[0], settings.music.seed)
        yield _plan(job.folder / "take" / RECORD, settings, shown), str(made), str(job.folder / "take" / NOTES)


def _heard_since(folder: Path, shown: Mapping[str, Any], sent: int) -> dict[str, Any]:
    """The frames that have come since `sent` as a file of their own; {} where there are none."""
    frames, rate_hz = shown.get("frames", 0), shown.get("rate", 0)
    if frames <= sent:
        return {}
    target = folder / PIECE.format(len(list(folder.glob(PIECE.replace("{:04d}", "*")))))
    return {"sound": sound(cut(folder / SOUND, sent, frames, rate_hz, target), sent / rate_hz)}


def _in_format(job: Job, sound_format: str, seed: int) -> Path:
    """The finished sound, encoded where that is asked for."""
    from pipelines.export_audio import export_audio
    from pipelines.export_ffmpeg import Tags

    whole = job.folder / "take" / SOUND
    if sound_format == "wav":
        return whole
    tags = Tags("Journey", f"piano music by Ekphonia; seed {seed}")
    return export_audio(whole, whole.with_suffix(f".{sound_format}"), tags=tags, cancelled=job.stopped)


def _plan(record: Path, settings: JourneySettings, shown: Mapping[str, Any]) -> dict[str, Any]:
    """The journey's record with the path that it was to take, in numbers and in words."""
    wanted = [
        {"second": each.second, "valence": round(each.valence, 3), "arousal": round(each.arousal, 3)}
        for each in settings.path().points
    ]
    words = {"text": str(shown["text"]), "made_by": str(shown["made_by"])}
    return {**words, "wanted": wanted, **json.loads(record.read_text(encoding="utf-8"))}
