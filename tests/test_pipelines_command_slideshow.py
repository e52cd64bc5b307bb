"""The commands `slideshow` and `journey`, as the command line will call them."""

import argparse
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.command_line import Parser
from pipelines.command_slideshow import journey_parser, slideshow_parser
from pipelines.errors import PictureError, SettingsError

EXAMPLES = sorted((Path(__file__).resolve().parent.parent / "assets" / "examples").glob("*.jpg"))


def call(of: Callable[[], Parser], *words: str) -> int:
    parser, work = of()
    options: argparse.Namespace = parser.parse_args(words)
    return work(options)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_slideshow_makes_its_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    words = [str(path) for path in EXAMPLES[4:6]]
    assert call(slideshow_parser, *words, "--each", "5", "--models", "embedded", "--out", str(out)) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[-1] == str(out / "slideshow.mp4")
    assert lines[0].strip().startswith("0.00 s  neutral.jpg: ")
    assert "100% Finished." in said.err
    record = json.loads((out / "slideshow.json").read_text())
    assert record["duration_s"] == 10.0
    assert record["settings"]["music"]["seed"] == 0


def test_journey_makes_its_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    words = ["--start", "4", "6", "--goal", "6", "3", "--minutes", "1", "--seed", "3", "--most-tempo", "70"]
    assert call(journey_parser, *words, "--out", str(out)) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[-1] == str(out / "journey.wav")
    assert "This is no medical device." in said.err
    assert sorted(path.name for path in out.iterdir()) == ["journey.json", "journey.mid", "journey.wav"]
    settings = json.loads((out / "journey.json").read_text())["settings"]
    assert (settings["start"], settings["tempo_ceiling_bpm"], settings["music"]["seed"]) == ([4.0, 6.0], 70.0, 3)


def test_what_cannot_be_used_is_told_by_our_own_errors(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="choose 2 to 20"):
        call(slideshow_parser, str(EXAMPLES[0]), "--out", str(tmp_path / "a"))
    with pytest.raises(PictureError, match=r"^gone\.jpg cannot be opened"):
        call(slideshow_parser, str(EXAMPLES[0]), str(tmp_path / "gone.jpg"), "--out", str(tmp_path / "a"))
    with pytest.raises(SettingsError, match="choose 1 to 15"):
        call(journey_parser, "--minutes", "40", "--out", str(tmp_path / "a"))
    assert list(tmp_path.iterdir()) == []
