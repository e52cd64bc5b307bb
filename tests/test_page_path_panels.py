"""What the panels of slideshow and journey show, without a page."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from page.job import Job
from page.journey_panel import perform_journey
from page.journey_panel import settings_from as journey_settings
from page.slideshow_panel import EACH, WHOLE, perform_slideshow
from page.slideshow_panel import settings_from as slideshow_settings
from pipelines.journey import JourneySettings

EXAMPLES = sorted((Path(__file__).resolve().parent.parent / "assets" / "examples").glob("*.jpg"))


def statuses(updates: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [update["status"] for update in updates if "status" in update]


def test_fields_become_settings_and_empty_ones_the_defaults() -> None:
    assert slideshow_settings(EACH, 6, 90, 0.8, 7).length_s(4) == 24.0
    whole = slideshow_settings(WHOLE, 6, 90, None, None)
    assert (whole.length_s(4), whole.frames.fade_s, whole.music.seed) == (90.0, 0.5, 0)
    assert journey_settings() == JourneySettings()
    asked = journey_settings(2, 3, 7, 5, 4, 6, 90, -24, 5)
    assert (asked.start, asked.goal, asked.minutes, asked.music.seed) == ((2.0, 3.0), (7.0, 5.0), 4.0, 5)
    assert (asked.arousal_ceiling, asked.tempo_ceiling_bpm, asked.loudness_ceiling_lufs) == (6.0, 90.0, -24.0)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_a_slideshow_tells_how_far_it_is_and_hands_out_its_files(tmp_path: Path) -> None:
    settings = slideshow_settings(EACH, 5, None, None, 1)
    updates = list(perform_slideshow([str(path) for path in EXAMPLES[1:3]], settings, Job.begin(tmp_path)))
    parts = [line["progress"] for line in statuses(updates)]
    assert parts == sorted(parts)
    assert statuses(updates)[-1]["kind"] == "done"
    rows = updates[-1]["slides"]["slides"]
    assert [row["name"] for row in rows] == ["angry.jpg", "fun.jpg"]
    assert rows[0]["begin_s"] == 0.0
    assert 3.0 < rows[1]["begin_s"] < 7.0
    names = [row["file"]["orig_name"] for row in updates[-1]["files"]["files"]]
    assert names == ["slideshow.mp4", "slideshow.wav", "slideshow.mid", "slideshow.json"]
    assert updates[-1]["video"]["value"] == updates[-1]["files"]["files"][0]["file"]["path"]


def test_trouble_is_one_sentence(tmp_path: Path) -> None:
    updates = list(perform_slideshow([str(EXAMPLES[0])], slideshow_settings(), Job.begin(tmp_path)))
    assert statuses(updates)[-1]["text"] == "A slideshow cannot have 1 picture; choose 2 to 20."
    assert statuses(updates)[-1]["kind"] == "warning"
    updates = list(perform_journey(journey_settings(minutes=99), Job.begin(tmp_path)))
    assert statuses(updates)[-1]["text"] == "A journey cannot be 99 minutes; choose 1 to 15."


def test_a_journey_shows_its_way_its_sound_and_what_was_heard(tmp_path: Path) -> None:
    job = Job.begin(tmp_path)
    updates = list(perform_journey(journey_settings(minutes=1, seed=2), job))
    values = [update["journey"] for update in updates if "journey" in update]
    assert values[0]["run"] == job.number
    frames = [value["frames"] for value in values]
    assert frames == sorted(frames)
    assert (frames[-1], values[-1]["total"]) == (60 * 44100, 60 * 44100)
    assert 0 < frames[0] <= 3 * 44100  # the first message holds the first sound and goes out with it
    heard = json.loads(f"[{values[-1]['heard']}]")
    assert [second for second, _, _ in heard] == [7.5, 22.5, 37.5, 52.5]
    assert json.loads(f"[{values[-1]['wanted']}]")[0] == [0.0, 4.0, 6.0]
    assert values[-1]["text"].endswith("This is no medical device.")
    assert statuses(updates)[-1]["kind"] == "done"
    names = [row["file"]["orig_name"] for row in updates[-1]["files"]["files"]]
    assert names == ["journey.wav", "journey.mid", "journey.json"]


def test_a_journey_rests_when_it_is_far_ahead_and_stops_there(tmp_path: Path) -> None:
    job = Job.begin(tmp_path)
    updates: list[dict[str, Any]] = []
    for update in perform_journey(journey_settings(minutes=15), job, ahead_s=2.0):
        updates.append(update)
        if "journey" in update:
            assert update["journey"]["frames"] < 12 * 44100
            job.stop()
    assert statuses(updates)[-1]["text"] == "Stopped."
    assert statuses(updates)[-1]["kind"] == "stopped"
