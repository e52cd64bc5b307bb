"""Files made of a finished take when a visitor asks for them."""

import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from page.job import Job
from page.performance import perform
from page.picture_panel import example_path
from page.settings_panel import settings_from
from page.takeaway import NOT_YET, take_away

pytestmark = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    request = Job.begin(tmp_path_factory.mktemp("takeaway"))
    list(perform(str(example_path(0)), settings_from(10, 1.5, 3, "Piano"), request))
    return request


def made(job: Job, kind: Any, picture: str | None = None) -> list[dict[str, Any]]:
    return list(take_away(job, picture, kind))


def names(value: dict[str, Any]) -> list[str]:
    return [entry["file"]["orig_name"] for entry in value["files"]]


def probe(path: Path) -> dict[str, Any]:
    line = ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", str(path)]
    return json.loads(subprocess.run(line, capture_output=True, check=True, timeout=60).stdout)


def test_mp3_and_film_are_made_and_offered_beside_the_rest(job: Job) -> None:
    values = made(job, "mp3")
    assert values[0]["making"]["text"] == "Making MP3…"
    assert values[-1]["making"] is None
    assert "symbolic.mp3" in names(values[-1])
    assert "waveform.mp3" not in names(values[-1])
    seconds = float(probe(job.folder / "symbolic.mp3")["format"]["duration"])
    assert seconds == pytest.approx(float(probe(job.folder / "symbolic.wav")["format"]["duration"]), abs=0.1)
    values = made(job, "mp4", str(example_path(0)))
    parts = [value["making"]["part"] for value in values if value["making"]]
    assert parts == sorted(parts)
    streams = {stream["codec_name"] for stream in probe(job.folder / "symbolic.mp4")["streams"]}
    assert streams == {"h264", "aac"}
    assert names(values[-1])[:2] == ["symbolic.wav", "symbolic.mp3"]
    with zipfile.ZipFile(_zip(job)) as archive:
        assert {"symbolic.mid", "symbolic.mp3", "symbolic.mp4", "take.json"} <= {
            Path(name).name for name in archive.namelist()
        }


def _zip(job: Job) -> Path:
    assert "take.zip" in names(made(job, "zip")[-1])
    return job.folder / "take.zip"


def test_what_cannot_be_made_is_told_in_the_panel(job: Job, tmp_path: Path) -> None:
    value = made(job, "mp4", None)[-1]
    assert value["making"]["part"] is None
    assert "put it in again" in value["making"]["text"]
    assert "symbolic.wav" in names(value)
    (value,) = made(Job.begin(tmp_path), "mp3")
    assert value["making"]["text"] == NOT_YET


@pytest.mark.parametrize("kind", [None, "exe", "../x", 3])
def test_only_the_kinds_on_offer_are_made(job: Job, kind: object) -> None:
    assert made(job, kind) == []


def test_leaving_stops_the_work(job: Job) -> None:
    values = take_away(job, str(example_path(0)), "mp4")
    next(values)
    values.close()
    assert not list(job.folder.glob("*.part"))
