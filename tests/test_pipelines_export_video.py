"""The film: streams, length, colours, a playhead that moves and notes that light up, whatever the picture's format."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from test_pipelines_export_audio import probe, tone

from pipelines.errors import SettingsError, SoundError, StoppedError
from pipelines.export_ffmpeg import Tags
from pipelines.export_frames import PANEL, Layout, Scene
from pipelines.export_video import VideoSettings, build_scene, export_video
from pipelines.records import Note, Picture, Score, TempoMark
from pipelines.symbolic.piano_roll import to_data

TAGS = Tags("Boat", "seed 7", "Apache-2.0")
SMALL = {"width_px": 480, "height_px": 270}
# At 120 BPM: C4 from 0 to 1 s, C5 from 1 to 2 s, and so on for 3 s.
SCORE = Score(tuple(Note(2.0 * i, 60 + 12 * (i % 2), 2.0, 90) for i in range(3)), (TempoMark(0.0, 120.0),))
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


def picture(width: int, height: int, colour: tuple[int, int, int] = (200, 60, 40)) -> Picture:
    return Picture(np.full((height, width, 3), colour, np.uint8), "a.png", "00" * 32)


def frames(path: Path, width: int, height: int) -> np.ndarray:
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def scene(shape: tuple[int, int] = (300, 200), seconds: float = 3.0, score: object = SCORE, **settings) -> Scene:
    return build_scene(picture(*shape), tone(seconds), score, VideoSettings(**{**SMALL, **settings}))  # type: ignore[arg-type]


def head_at(image: np.ndarray, layout: Layout) -> float:
    """Where the playhead stands in the view: the brightest column of a row without notes."""
    view = layout.view
    row = image[view.top + 1, view.left : view.left + view.width].astype(int).sum(axis=1)
    return float(row.argmax())


@needs_ffmpeg
@pytest.mark.parametrize("rate", [25, 30])
@pytest.mark.parametrize("score", [SCORE, to_data(SCORE), None], ids=["score", "data", "waveform"])
def test_the_film_has_both_streams_and_the_length_of_the_sound(tmp_path, rate, score) -> None:
    settings = VideoSettings(**SMALL, frame_rate_hz=rate, label="Sad · C major", mood="Sad")
    told: list[float] = []
    path = export_video(
        picture(300, 200),
        tone(3.33),
        tmp_path / "a.mp4",
        score=score,
        settings=settings,
        tags=TAGS,
        progress=told.append,
    )
    found = probe(path)
    video, audio = found["streams"]
    assert (video["codec_name"], video["pix_fmt"], video["width"], video["height"]) == ("h264", "yuv420p", 480, 270)
    assert (video["r_frame_rate"], video["color_space"], video["color_range"]) == (f"{rate}/1", "bt709", "tv")
    assert (audio["codec_name"], audio["sample_rate"], audio["channels"]) == ("aac", "44100", 2)
    assert int(video["nb_frames"]) == round(3.33 * rate)
    for length in (video["duration"], audio["duration"], found["format"]["duration"]):
        assert float(length) == pytest.approx(3.33, abs=1 / rate)
    assert found["format"]["tags"]["title"] == "Boat"
    assert told == sorted(told)
    assert (len(told), told[-1]) == (round(3.33 * rate) + 1, 1.0)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # plays while it still loads
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


@needs_ffmpeg
def test_what_is_decoded_are_the_frames_that_were_drawn(tmp_path) -> None:
    settings = VideoSettings(**SMALL, mood="Happy")
    path = export_video(picture(300, 200), tone(3.0), tmp_path / "a.mp4", score=SCORE, settings=settings, tags=TAGS)
    shown = frames(path, 480, 270)
    drawn = scene(mood="Happy")
    assert len(shown) == 75
    for number in (0, 30, 74):
        error = np.abs(shown[number].astype(int) - drawn.frame(number)).mean()
        assert error < 2.0
    box = drawn.layout.picture
    middle = shown[40][box.top + box.height // 2, 240]
    assert np.abs(middle.astype(int) - (200, 60, 40)).max() <= 4  # the colours are not those of another matrix


def test_the_playhead_moves_from_the_beginning_to_the_end() -> None:
    drawn = scene()
    width = drawn.layout.view.width
    places = [head_at(drawn.frame(number), drawn.layout) for number in range(drawn.frames)]
    steps = np.diff(places)
    assert places[0] == pytest.approx(24, abs=1)
    assert places[-1] == pytest.approx(24 + (width - 48) * 74 / 75, abs=1.5)
    assert steps.min() >= 4
    assert steps.max() <= 7


def test_a_long_strip_moves_below_the_playhead_once_it_is_in_the_middle() -> None:
    notes = tuple(Note(2.0 * i, 60 + 12 * (i % 2), 2.0, 90) for i in range(20))
    drawn = scene(seconds=20.0, score=Score(notes, (TempoMark(0.0, 120.0),)))
    half = drawn.layout.view.width // 2
    assert drawn.strip.codes.shape[1] == 20 * 50 + 48
    assert head_at(drawn.frame(0), drawn.layout) == pytest.approx(24, abs=1)
    assert [head_at(drawn.frame(n), drawn.layout) for n in (250, 251, 252)] == pytest.approx([half] * 3, abs=1)
    assert head_at(drawn.frame(499), drawn.layout) > drawn.layout.view.width - 30
    view = drawn.layout.view
    rows, away = slice(view.top, view.top + view.height), view.left + half + 90
    one, two = drawn.frame(250)[rows, away : away + 60], drawn.frame(251)[rows, away - 2 : away + 58]
    assert np.array_equal(one, two)  # two pixels to the left in each frame, so that nothing judders


def test_a_note_lights_up_while_it_sounds_and_only_then() -> None:
    drawn = scene()
    view = drawn.layout.view

    def brightness(note: int, number: int) -> float:
        left, right, top, bottom = drawn.strip.boxes[note]
        area = drawn.frame(number)[
            view.top + top + 1 : view.top + bottom - 1, view.left + left + 3 : view.left + right - 3
        ]
        return float(np.median(area.astype(float).sum(axis=2)))

    before, struck, held, after = (brightness(1, number) for number in (5, 26, 45, 70))
    assert struck > held > after > before
    assert struck > after + 60
    assert brightness(0, 5) > brightness(2, 5) + 100


@pytest.mark.parametrize("shape", [(300, 200), (100, 1600), (3000, 150), (16, 16), (1, 400)])
@pytest.mark.parametrize(("width", "height"), [(1280, 720), (480, 270), (406, 720)])
def test_any_format_is_shown_whole_and_undistorted(shape, width, height) -> None:
    drawn = scene(shape, width_px=width, height_px=height)
    image, box = drawn.frame(0), drawn.layout.picture
    red = (np.abs(image.astype(int) - (200, 60, 40)).max(axis=2) <= 1).nonzero()
    top, bottom, left, right = red[0].min(), red[0].max() + 1, red[1].min(), red[1].max() + 1
    assert image.shape == (height, width, 3)
    assert box.left <= left <= right <= box.left + box.width
    assert box.top <= top <= bottom <= box.top + box.height
    factor = min(box.width / shape[0], box.height / shape[1], 4.0)
    assert right - left == pytest.approx(max(1, shape[0] * factor), abs=1)
    assert bottom - top == pytest.approx(max(1, shape[1] * factor), abs=1)
    assert abs((left + right) / 2 - width / 2) <= 1  # in the middle
    assert image[-1].mean() < 70  # on a dark ground
    panel = drawn.layout.panel
    assert box.top + box.height < panel.top
    assert tuple(image[panel.top + 2, panel.left + panel.width // 2]) == PANEL


def test_the_label_is_cut_before_the_clock() -> None:
    long, none = (scene(label=label).frame(10) for label in ("wide words " * 40, ""))
    changed = (long != none).any(axis=(0, 2)).nonzero()[0]
    layout = Layout(480, 270)
    assert changed.min() >= layout.margin
    assert changed.max() < 480 - layout.margin - 60
    clock = scene(label="").frame(30)  # a second later
    assert (clock != none)[layout.panel.top + layout.panel.height :, 380:].any()


@needs_ffmpeg
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width_px": 641}, "width cannot be 641"),
        ({"height_px": 4000}, "240 to 1920"),
        ({"frame_rate_hz": 24}, "25 or 30"),
    ],
)
def test_settings_out_of_range_are_refused(tmp_path, settings, message) -> None:
    with pytest.raises(SettingsError, match=message):
        export_video(picture(30, 20), tone(1), tmp_path / "a.mp4", settings=VideoSettings(**settings), tags=TAGS)
    assert list(tmp_path.iterdir()) == []


@needs_ffmpeg
def test_stopping_midway_leaves_nothing_behind(tmp_path) -> None:
    told: list[float] = []
    with pytest.raises(StoppedError):
        export_video(
            picture(30, 20),
            tone(3),
            tmp_path / "a.mp4",
            settings=VideoSettings(**SMALL),
            tags=TAGS,
            progress=told.append,
            cancelled=lambda: len(told) >= 20,
        )
    assert len(told) == 20
    assert list(tmp_path.iterdir()) == []


def test_without_ffmpeg_the_cure_is_named(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SoundError, match="apt install ffmpeg"):
        export_video(picture(30, 20), tone(1), tmp_path / "a.mp4", tags=TAGS)
