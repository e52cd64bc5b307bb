"""A picture and its music to a video: MP4, H.264 and AAC, with the notes or the waveform moving below the picture.

In: a Picture, sound, and for notes a Score or its piano roll's data. Out: an MP4 that any browser plays while it still
loads (yuv420p, BT.709, the index at the front), as long as the sound to within a frame. Frames are drawn one by one
and piped to ffmpeg; nothing but the result is kept.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.chain import Cancelled, never
from pipelines.errors import SettingsError
from pipelines.export_audio import read_wav
from pipelines.export_ffmpeg import EXACT, Progress, Tags, check_target, encode, find_ffmpeg, untold
from pipelines.export_frames import ACCENTS, PLAIN_ACCENT, Layout, Scene
from pipelines.export_strips import roll_strip, scale_for, wave_strip
from pipelines.records import Audio, Picture, Score
from pipelines.sound import write_wav

FRAME_RATES_HZ = (25, 30)
SMALLEST_PX, LARGEST_PX = 240, 1920
LONGEST_S = 1200.0
COLOURS = "scale=in_range=pc:out_range=tv:out_color_matrix=bt709,format=yuv420p"
BT709 = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")
H264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-profile:v", "high")
AAC = ("-c:a", "aac", "-b:a", "192k")
PATIENCE_S, PATIENCE_FACTOR = 60.0, 20.0  # a minute, and twenty times as long as the sound


@dataclass(frozen=True)
class VideoSettings:
    """The video's size in pixels (even, 240 to 1920), frames a second (25 or 30), a line of text, an emotion's label.

    `label` stands below the notes, "" for none. `mood` is one of the five labels and chooses the colour of what sounds.
    """

    width_px: int = 1280
    height_px: int = 720
    frame_rate_hz: int = 25
    label: str = ""
    mood: str = ""

    def check(self) -> None:
        """Raise SettingsError for a value out of range."""
        for name, size in (("width", self.width_px), ("height", self.height_px)):
            if not SMALLEST_PX <= size <= LARGEST_PX or size % 2:
                limits = f"an even number from {SMALLEST_PX} to {LARGEST_PX}"
                raise SettingsError(f"A video's {name} cannot be {size} pixels; choose {limits}.")
        if self.frame_rate_hz not in FRAME_RATES_HZ:
            raise SettingsError(f"A video cannot have {self.frame_rate_hz} frames a second; choose 25 or 30.")


def export_video(
    picture: Picture,
    sound: Audio | str | Path,
    target: str | Path,
    *,
    score: Score | Mapping[str, Any] | None = None,
    settings: VideoSettings | None = None,
    tags: Tags,
    progress: Progress = untold,
    cancelled: Cancelled = never,
) -> Path:
    """Write the MP4 of a picture and its sound and return its path.

    `sound` is an Audio or the path of a 16-bit WAV. With `score`, a Score or what
    :func:`pipelines.symbolic.piano_roll.to_data` makes of one, its notes are shown; without, the sound's waveform.
    `progress` is told 0 to 1. Raises SettingsError for settings out of range, sound that cannot be read or is longer
    than 20 minutes and a target that cannot be written, SoundError when ffmpeg is missing or fails, StoppedError once
    `cancelled` answers True; nothing is left behind then.
    """
    settings, target = settings or VideoSettings(), Path(target)
    settings.check()
    find_ffmpeg()
    check_target(target, (".mp4",))
    audio = read_wav(sound)
    if not 0 < audio.duration_s <= LONGEST_S:
        raise SettingsError(f"The sound lasts {audio.duration_s:.0f} seconds; a video holds up to {LONGEST_S:.0f}.")
    scene = build_scene(picture, audio, score, settings)
    with tempfile.TemporaryDirectory(prefix="ekphonia-") as scratch:
        wav = Path(scratch) / "sound.wav"
        write_wav(audio, wav)
        return encode(
            _arguments(settings, wav, tags),
            _raw(scene),
            target,
            total=scene.frames,
            timeout_s=PATIENCE_S + PATIENCE_FACTOR * audio.duration_s,
            progress=progress,
            cancelled=cancelled,
        )


def build_scene(
    picture: Picture, audio: Audio, score: Score | Mapping[str, Any] | None, settings: VideoSettings
) -> Scene:
    """What the video shows, ready to draw frame by frame."""
    from pipelines.symbolic.piano_roll import to_data

    layout = Layout(settings.width_px, settings.height_px)
    scale = scale_for(
        audio.duration_s,
        view_px=layout.view.width,
        height_px=layout.view.height,
        frame_rate_hz=settings.frame_rate_hz,
    )
    data = to_data(score) if isinstance(score, Score) else score
    strip = wave_strip(audio, scale) if data is None else roll_strip(data, scale)
    accent = ACCENTS.get(settings.mood, PLAIN_ACCENT)
    rate = settings.frame_rate_hz
    return Scene(
        picture, strip, layout, duration_s=audio.duration_s, frame_rate_hz=rate, label=settings.label, accent=accent
    )


def _raw(scene: Scene) -> Iterator[memoryview]:
    for number in range(scene.frames):
        yield scene.frame(number).data


def _arguments(settings: VideoSettings, wav: Path, tags: Tags) -> list[str]:
    """All but the output's name: frames from standard input, sound from our own WAV."""
    rate, size = str(settings.frame_rate_hz), f"{settings.width_px}x{settings.height_px}"
    return [
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", rate, "-i", "pipe:0"),
        *("-f", "wav", "-i", f"file:{wav}", "-map", "0:v", "-map", "1:a"),
        *EXACT,
        *("-vf", COLOURS, *BT709, *H264, "-g", str(2 * settings.frame_rate_hz), *AAC),
        *tags.arguments(),
        *("-movflags", "+faststart", "-f", "mp4"),
    ]
