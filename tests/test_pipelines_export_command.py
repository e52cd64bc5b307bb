"""`python -m pipelines export`: from a take's folder to files, or one sentence."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest
from test_pipelines_export_audio import probe
from test_pipelines_export_zip import EXAMPLE, NOTES, WORDS

from pipelines.bundle import Part, write_take
from pipelines.command_export import export_parser, film_label
from pipelines.errors import PictureError, SettingsError
from pipelines.picture import read_picture


@pytest.fixture
def take(tmp_path) -> Path:
    parts = {"symbolic": Part(tuple(NOTES), {"seed": 7}), "waveform": Part(tuple(WORDS), {"seed": 7})}
    return write_take(parts, tmp_path / "take", picture=read_picture(EXAMPLE)).folder


def export(*words: object) -> int:
    parser, work = export_parser()
    return work(parser.parse_args([str(word) for word in words]))


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_every_format_is_made_and_the_zip_holds_them(take, tmp_path, capsys) -> None:
    out = tmp_path / "out"
    assert export(take, "zip", "mp3", "mp4", "--picture", EXAMPLE, "--with-picture", "--out", out) == 0
    names = ["symbolic.mp3", "symbolic.mp4", "take.zip", "waveform.mp3", "waveform.mp4"]
    assert sorted(path.name for path in out.iterdir()) == names
    assert sorted(Path(line).name for line in capsys.readouterr().out.splitlines()) == names
    assert float(probe(out / "symbolic.mp4")["format"]["duration"]) == pytest.approx(0.1, abs=0.04)
    assert probe(out / "waveform.mp3")["format"]["tags"]["title"] == "sad (music from words)"
    with zipfile.ZipFile(out / "take.zip") as archive:
        assert {*names, "picture.jpg", "take.json"} - {"take.zip"} <= set(archive.namelist())


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (["mp4"], SettingsError, "needs the picture"),
        (["mp4", "--picture", EXAMPLE.with_name("fun.jpg")], PictureError, "not the picture"),
        (["zip", "--with-picture"], SettingsError, "name its file with --picture"),
    ],
)
def test_a_missing_or_other_picture_is_told_before_any_work(take, words, error, message) -> None:
    before = sorted(take.iterdir())
    with pytest.raises(error, match=message):
        export(take, *words)
    assert sorted(take.iterdir()) == before


def test_no_take_and_no_such_lane_are_told(take, tmp_path) -> None:
    with pytest.raises(SettingsError, match=r"no take\.json"):
        export(tmp_path, "zip")
    record = json.loads((take / "take.json").read_text())
    del record["chains"]["waveform"]
    (take / "take.json").write_text(json.dumps(record))
    with pytest.raises(SettingsError, match="no waveform music"):
        export(take, "mp3", "--pipeline", "waveform")


def test_the_line_below_a_film_says_emotion_and_music(take) -> None:
    record = json.loads((take / "take.json").read_text())
    assert film_label(record, "symbolic") == ("Sad · C major · 60 BPM", "Sad")
    assert film_label(record, "waveform") == ("Sad · mournful classical · 56 BPM", "Sad")
