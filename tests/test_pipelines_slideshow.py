"""Slideshows: frames with known colours, then a whole show probed by ffprobe and decoded."""

import itertools
import json
import shutil
import subprocess
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.errors import PictureError, SettingsError, StoppedError
from pipelines.picture import read_picture
from pipelines.records import Audio, Emotion, Picture
from pipelines.slideshow import RECORD, Slideshow, SlideshowSettings, make_slideshow
from pipelines.slideshow_video import (
    FrameSettings,
    blend,
    frame_count,
    frames_of,
    planes_of,
    to_yuv420p,
    write_slideshow_video,
)
from pipelines.symbolic.midi import read_midi
from pipelines.symbolic.path_composer import PathSettings

EXAMPLES = sorted((Path(__file__).resolve().parent.parent / "assets" / "examples").glob("*.jpg"))
SMALL = FrameSettings(width_px=320, height_px=240)
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


def flat(colour: tuple[int, int, int], width: int = 64, height: int = 48) -> Picture:
    return Picture(np.full((height, width, 3), colour, np.uint8), "flat", "")


def probe(path: Path) -> dict[str, Any]:
    command = ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", str(path)]
    return dict(json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout))


def decoded(path: Path, width: int, height: int) -> np.ndarray:
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, capture_output=True, check=True, timeout=120).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def test_colours_go_to_television_range() -> None:
    for rgb, yuv in (((255, 255, 255), (235, 128, 128)), ((0, 0, 0), (16, 128, 128)), ((255, 0, 0), (63, 102, 240))):
        planes = to_yuv420p(np.full((4, 6, 3), rgb, np.uint8))
        assert planes.shape == (36,)
        assert tuple(planes[[0, 24, 30]].tolist()) == yuv


def test_a_picture_is_fitted_with_its_shape_kept() -> None:
    luma = planes_of(flat((255, 255, 255), 100, 100), SMALL)[: 320 * 240].reshape(240, 320)
    assert luma[120, 160] == 235
    assert luma[120, 30] < 40  # the ground beside it
    assert (luma[120] > 200).sum() == 240  # as wide as it is high


def test_frames_cross_fade_around_the_cut() -> None:
    pictures = [np.full(240 * 240 * 3 // 2, value, np.uint8) for value in (16, 216)]
    settings = FrameSettings(width_px=240, height_px=240, fade_s=0.4)
    seen = [frame[0] for frame in frames_of(pictures, [2.0], 4.0, settings)]
    assert seen[:45] == [16] * 45
    assert all(a <= b for a, b in itertools.pairwise(seen[:75]))
    assert 16 < seen[46] < seen[49] < 116 < seen[50] < seen[53] < 216  # the middle of the fade is the cut
    assert seen[55:75] == [216] * 20
    assert int(blend(pictures[0], pictures[1], 0.5)[0]) == 116


def test_without_a_fade_the_picture_changes_with_the_frame_of_the_cut() -> None:
    pictures = [np.full(240 * 240 * 3 // 2, value, np.uint8) for value in (16, 216)]
    settings = FrameSettings(width_px=240, height_px=240, fade_s=0.0)
    seen = [f[0] for f in frames_of(pictures, [2.0], 4.0, settings)]
    assert seen[:75] == [16] * 50 + [216] * 25
    assert len(seen) == frame_count(4.0, settings) == 100
    assert seen[-1] < 40  # the end fades to the ground


@needs_ffmpeg
def test_the_video_has_the_pictures_at_their_times_and_the_length_of_the_sound(tmp_path: Path) -> None:
    colours = [(200, 30, 30), (30, 160, 40), (40, 60, 200)]
    planes = [planes_of(flat(colour, 320, 240), SMALL) for colour in colours]
    tone = np.sin(np.arange(round(5.3 * 44100)) * 0.05).astype(np.float32)[:, None].repeat(2, 1) * 0.3
    target = write_slideshow_video(planes, [1.5, 3.02], Audio(tone, 44100), tmp_path / "a.mp4", SMALL)
    told = probe(target)
    video, sound = told["streams"]
    assert (video["codec_name"], video["pix_fmt"], video["width"], video["height"]) == ("h264", "yuv420p", 320, 240)
    assert (sound["codec_name"], sound["channels"]) == ("aac", 2)
    for length in (video["duration"], sound["duration"], told["format"]["duration"]):
        assert abs(float(length) - 5.3) <= 1 / 25
    frames = decoded(target, 320, 240)
    assert len(frames) == round(5.3 * 25)
    for second, colour in ((0.5, 0), (1.2, 0), (1.8, 1), (2.7, 1), (3.4, 2), (4.2, 2)):
        assert np.abs(frames[int(second * 25), 100:140, 140:180].mean((0, 1)) - colours[colour]).max() < 6
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> tuple[Slideshow, list[tuple[str, float]], Path]:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    folder = tmp_path_factory.mktemp("show")
    told: list[tuple[str, float]] = []
    settings = SlideshowSettings(duration_s=20.0, frames=SMALL, music=PathSettings(seed=2), models="embedded")
    emotions = {1: Emotion.at(2.0, 3.0)}
    made = make_slideshow(
        EXAMPLES[:3], folder, settings, emotions=emotions, progress=lambda text, part: told.append((text, part))
    )
    return made, told, folder


def test_a_show_is_as_long_as_asked_and_cuts_on_bar_lines(show: tuple[Slideshow, Any, Path]) -> None:
    made, _, folder = show
    told = probe(folder / "slideshow.mp4")
    assert {stream["codec_name"] for stream in told["streams"]} == {"h264", "aac"}
    assert abs(float(told["format"]["duration"]) - 20.0) <= 1 / 25
    with wave.open(str(folder / "slideshow.wav")) as sound:
        assert sound.getnframes() == 20 * 44100
        pcm = np.frombuffer(sound.readframes(20 * 44100), "<i2").reshape(-1, 2)
    assert np.abs(pcm[-1]).max() <= 1
    loud = np.abs(pcm).max(1).reshape(-1, 4410).max(1) > 60  # tenths of a second that can be heard
    assert loud[: -int(10 * 1.2)].all()
    bars_s = [made.score.seconds_at(bar * made.score.beats_per_bar) for bar in range(made.score.bar_count + 1)]
    for cut in made.cuts_s:
        assert min(abs(cut - bar) for bar in bars_s) < 1e-9
    assert made.score.duration_s == pytest.approx(20.0 - 1.2)
    assert len(read_midi(folder / "slideshow.mid").notes) == len(made.score.notes)


def test_a_show_says_what_made_it(show: tuple[Slideshow, Any, Path]) -> None:
    made, _, folder = show
    record = json.loads((folder / RECORD).read_text())
    assert [slide["sha256"] for slide in record["slides"]] == [read_picture(path).sha256 for path in EXAMPLES[:3]]
    assert [slide["name"] for slide in record["slides"]] == [path.name for path in EXAMPLES[:3]]
    assert record["slides"][1]["made_by"] == "you"
    assert record["slides"][1]["emotion"]["valence"] == 2.0
    assert made.path.at(made.cuts_s[0] + 0.1) == (2.0, 3.0)
    assert sorted(path.name for path in folder.iterdir()) == sorted(made.files)


def test_progress_never_goes_back(show: tuple[Slideshow, list[tuple[str, float]], Path]) -> None:
    parts = [part for _, part in show[1]]
    assert parts == sorted(parts)
    assert (parts[0], parts[-1]) == (0.0, 1.0)


def test_a_picture_that_cannot_be_read_stops_it_before_any_work(tmp_path: Path) -> None:
    bad = tmp_path / "holiday.png"
    bad.write_text("no picture")
    told: list[str] = []
    with pytest.raises(PictureError, match=r"^holiday\.png is not a picture;"):
        make_slideshow([EXAMPLES[0], bad], tmp_path / "out", progress=lambda text, _: told.append(text))
    assert not (tmp_path / "out").exists()
    assert not any(text.startswith(("Feeling", "Composing")) for text in told)


@pytest.mark.parametrize(
    ("count", "settings", "message"),
    [
        (1, SlideshowSettings(), "1 picture; choose 2 to 20"),
        (21, SlideshowSettings(), "21 pictures; choose 2 to 20"),
        (20, SlideshowSettings(seconds_a_picture=10.0), "last 200 seconds; choose 4 to 9 seconds a picture"),
        (10, SlideshowSettings(duration_s=30.0), "at least 40 seconds"),
        (3, SlideshowSettings(duration_s=500.0), "10 to 180 seconds"),
        (3, SlideshowSettings(frames=FrameSettings(fade_s=3.0)), "choose 0 to 2"),
        (3, SlideshowSettings(frames=FrameSettings(width_px=321)), "an even number"),
    ],
)
def test_settings_that_do_not_fit_are_refused(count: int, settings: SlideshowSettings, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        settings.check(count)


@needs_ffmpeg
@pytest.mark.parametrize("after", ["Looking", "Composing", "Making"])
def test_stopping_leaves_nothing_behind(tmp_path: Path, after: str) -> None:
    told: list[str] = []
    settings = SlideshowSettings(duration_s=12.0, frames=SMALL, models="embedded")
    emotions = {0: Emotion.at(6, 4), 1: Emotion.at(3, 3)}
    with pytest.raises(StoppedError):
        make_slideshow(
            EXAMPLES[:2],
            tmp_path,
            settings,
            emotions=emotions,
            progress=lambda text, _: told.append(text),
            cancelled=lambda: any(text.startswith(after) for text in told),
        )
    assert list(tmp_path.iterdir()) == []
