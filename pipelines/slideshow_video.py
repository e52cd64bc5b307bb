"""Pictures, the seconds at which they change, and the sound to a video: MP4, H.264 (yuv420p, BT.709) and AAC.

Every picture stands still, fitted into the frame on a dark ground, and cross-fades into the next around its cut; in the
end the last one fades to the ground with the last chord. Frames go to ffmpeg as they are stored, so a still costs no
work here. The file is as long as the sound to within a frame, and nothing else is left behind.
"""

from __future__ import annotations

import itertools
import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipelines.chain import Cancelled, never
from pipelines.errors import SettingsError
from pipelines.export_ffmpeg import EXACT, Progress, Tags, check_target, encode, find_ffmpeg, untold
from pipelines.records import Audio, Picture
from pipelines.sound import write_wav

GROUND_RGB = (20, 17, 15)
LONGEST_FADE_S = 2.0
SMALLEST_PX, LARGEST_PX = 240, 1920
FRAME_RATES_HZ = (25, 30)
END_FADE_S = 1.0
SECONDS_BETWEEN_KEYS = 4
PATIENCE_S, PATIENCE_FACTOR = 60.0, 10.0
BT709 = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")
H264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-profile:v", "high", "-pix_fmt", "yuv420p")
AAC = ("-c:a", "aac", "-b:a", "192k")

Planes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class FrameSettings:
    """Size in pixels (even, 240 to 1920), frames a second (25 or 30), and seconds of a cross-fade (0 to 2)."""

    width_px: int = 1280
    height_px: int = 720
    frame_rate_hz: int = 25
    fade_s: float = 0.5

    def check(self) -> None:
        """Raise SettingsError for a value out of range."""
        for name, size in (("width", self.width_px), ("height", self.height_px)):
            if not SMALLEST_PX <= size <= LARGEST_PX or size % 2:
                limits = f"an even number from {SMALLEST_PX} to {LARGEST_PX}"
                raise SettingsError(f"A video's {name} cannot be {size} pixels; choose {limits}.")
        if self.frame_rate_hz not in FRAME_RATES_HZ:
            raise SettingsError(f"A video cannot have {self.frame_rate_hz} frames a second; choose 25 or 30.")
        if not 0 <= self.fade_s <= LONGEST_FADE_S:
            raise SettingsError(f"A cross-fade cannot last {self.fade_s:g} seconds; choose 0 to {LONGEST_FADE_S:g}.")


def planes_of(picture: Picture, settings: FrameSettings) -> Planes:
    """A picture fitted into the frame, as the bytes of yuv420p: (height · width · 3 / 2,) uint8."""
    from PIL import Image

    width, height = settings.width_px, settings.height_px
    scale = min(width / picture.width, height / picture.height)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    frame = Image.new("RGB", (width, height), GROUND_RGB)
    fitted = Image.fromarray(picture.rgb).resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    frame.paste(fitted, ((width - size[0]) // 2, (height - size[1]) // 2))
    return to_yuv420p(np.asarray(frame))


def to_yuv420p(rgb: npt.NDArray[np.uint8]) -> Planes:
    """RGB (height, width, 3) to planar Y, U, V by BT.709 in television range, chroma averaged over 2 by 2."""
    r, g, b = np.moveaxis(rgb.astype(np.float32), 2, 0)
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    u, v = (b - y) / 1.8556, (r - y) / 1.5748
    height, width = y.shape
    small = [c.reshape(height // 2, 2, width // 2, 2).mean((1, 3)) for c in (u, v)]
    planes = [16 + y * (219 / 255), *(128 + c * (224 / 255) for c in small)]
    return np.rint(np.concatenate([plane.ravel() for plane in planes])).clip(0, 255).astype(np.uint8)


def blend(one: Planes, other: Planes, part: float) -> Planes:
    """A frame between two: `part` 0 gives the first, 1 the other."""
    weight = round(256 * part)
    mixed = one.astype(np.uint16) * (256 - weight) + other.astype(np.uint16) * weight + 128
    return (mixed >> 8).astype(np.uint8)


def frames_of(
    pictures: Sequence[Planes], cuts_s: Sequence[float], duration_s: float, settings: FrameSettings
) -> Iterator[memoryview]:
    """All frames in order; `cuts_s` are the middles of the cross-fades, one fewer than there are pictures."""
    ground = np.empty((settings.height_px, settings.width_px, 3), np.uint8)
    ground[:] = GROUND_RGB
    dark = to_yuv420p(ground)
    edges = [0.0, *cuts_s, duration_s]
    fade_s = min(settings.fade_s, *(0.9 * (b - a) for a, b in itertools.pairwise(edges)))
    for number in range(frame_count(duration_s, settings)):
        second = (number + 0.5) / settings.frame_rate_hz
        shown = _still_or_fade(pictures, cuts_s, second, fade_s)
        if second > duration_s - END_FADE_S:
            shown = blend(shown, dark, eased((second - duration_s + END_FADE_S) / END_FADE_S))
        yield shown.data


def _still_or_fade(pictures: Sequence[Planes], cuts_s: Sequence[float], second: float, fade_s: float) -> Planes:
    """What is seen at a second: a picture, or two on the way from one to the other."""
    for left, cut in enumerate(cuts_s):
        if abs(second - cut) < fade_s / 2:
            return blend(pictures[left], pictures[left + 1], eased((second - cut) / fade_s + 0.5))
    return pictures[sum(second >= cut for cut in cuts_s)]


def eased(part: float) -> float:
    """A half cosine from 0 to 1."""
    return 0.5 - 0.5 * math.cos(math.pi * min(1.0, max(0.0, part)))


def frame_count(duration_s: float, settings: FrameSettings) -> int:
    """Frames of a video of so many seconds, to the nearest."""
    return max(1, round(duration_s * settings.frame_rate_hz))


def write_slideshow_video(
    pictures: Sequence[Planes],
    cuts_s: Sequence[float],
    audio: Audio,
    target: Path,
    settings: FrameSettings | None = None,
    *,
    tags: Tags | None = None,
    progress: Progress = untold,
    cancelled: Cancelled = never,
) -> Path:
    """Write the MP4; `pictures` are what :func:`planes_of` gives. `progress` is told 0 to 1.

    Raises SettingsError for settings or a target out of range, SoundError when ffmpeg is missing or fails, StoppedError
    once `cancelled` answers True; nothing is left behind then.
    """
    settings = settings or FrameSettings()
    settings.check()
    check_target(target, (".mp4",))
    find_ffmpeg()
    with tempfile.TemporaryDirectory(prefix="ekphonia-") as name:
        wav = Path(name) / "sound.wav"
        write_wav(audio, wav)
        return encode(
            _arguments(settings, wav, tags or Tags("Slideshow")),
            frames_of(pictures, cuts_s, audio.duration_s, settings),
            target,
            total=frame_count(audio.duration_s, settings),
            timeout_s=PATIENCE_S + PATIENCE_FACTOR * audio.duration_s,
            progress=progress,
            cancelled=cancelled,
        )


def _arguments(settings: FrameSettings, wav: Path, tags: Tags) -> list[str]:
    rate, size = str(settings.frame_rate_hz), f"{settings.width_px}x{settings.height_px}"
    return [
        *("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", size, "-r", rate, "-i", "pipe:0"),
        *("-f", "wav", "-i", f"file:{wav}", "-map", "0:v", "-map", "1:a"),
        *EXACT,
        *(*BT709, *H264, "-g", str(SECONDS_BETWEEN_KEYS * settings.frame_rate_hz), *AAC),
        *tags.arguments(),
        *("-movflags", "+faststart", "-f", "mp4"),
    ]
