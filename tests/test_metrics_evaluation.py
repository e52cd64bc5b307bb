import math

import numpy as np
import pytest

from pipelines.errors import DataMissingError
from pipelines.records import Note, Score, TempoMark
from pipelines.symbolic.midi import write_midi
from training.data import data_folder
from training.data.pop909 import EXPECTED_SONGS, random_excerpt, song_paths
from training.metrics.__main__ import append, main, number, table
from training.metrics.copying import index_runs, melody_runs
from training.metrics.evaluation import PieceSet, Yardsticks, evaluate, folder_set, pearson


def piece(seed, *, step=0.5, low=55, notes=48, velocity=80):
    rng = np.random.default_rng(seed)
    rows = tuple(Note(i * step, int(low + rng.integers(0, 24)), step, velocity) for i in range(notes))
    return Score(rows, (TempoMark(0.0, 120.0),))


@pytest.fixture
def folder(tmp_path):
    """Six pieces from calm to wild, asked for in that order."""
    rows = ["file,valence,arousal"]
    for i in range(6):
        score = piece(i, step=1.0 / (1 + i), notes=24 * (1 + i), velocity=40 + 12 * i)
        write_midi(score, tmp_path / f"{i}.mid")
        rows.append(f"{i}.mid,{2 + i % 3},{2 + i}")
    (tmp_path / "targets.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


@pytest.fixture
def against():
    halves = [tuple(piece(seed) for seed in range(start, start + 12)) for start in (100, 200)]
    runs = {"eimg": {"a": melody_runs(piece(0, step=1.0, notes=24)), "b": melody_runs(piece(99))}, "pop909": {}}
    return Yardsticks(halves[0], halves[1], runs, {name: index_runs(part.values()) for name, part in runs.items()})


def test_a_folder_is_read_with_its_targets(folder):
    pieces = folder_set(folder)
    assert [p.source for p in pieces.pieces] == [f"{i}.mid" for i in range(6)]
    assert pieces.pieces[4].target == (3.0, 6.0)
    assert len(pieces.pieces[1].ticks.pitch) == len(pieces.pieces[1].score.notes) == 48


def test_every_figure_of_a_folder(folder, against):
    found = evaluate(folder_set(folder), against)
    assert found["pieces"] == 6
    assert found["median length (s)"] == pytest.approx(12.0, abs=0.1)
    assert found["asked, heard by the listener: r of arousal"] > 0.8
    assert found["asked, heard by the referee: r of arousal"] > 0.8
    assert found["on grid"] > 0.6
    assert found["polyphony rate"] == 0
    assert found["longest silence (s)"] == pytest.approx(0.0, abs=1e-3)
    assert found["runs found anywhere in EIMG"] == pytest.approx(1 / 6)
    assert found["runs shared with a piece of EIMG (per million)"] == pytest.approx(1e6 / 12)
    assert found["runs found anywhere in POP909"] == 0.0


def test_training_clips_are_not_compared_with_themselves_and_their_r_is_of_held_out_folds(folder, against):
    pieces = folder_set(folder).pieces
    own = PieceSet("EIMG", (type(pieces[0])(pieces[0].score, pieces[0].ticks, "a", (5.0, 5.0)),) * 4, "eimg")
    found = evaluate(own, against)
    assert found["runs found anywhere in EIMG"] == 0.0
    assert found["asked, heard by the listener: r of valence"] == pytest.approx(0.804, abs=0.005)
    assert found["asked, heard by the referee: r of arousal"] == pytest.approx(0.904, abs=0.005)


def test_without_targets_nothing_was_asked(folder, against):
    (folder / "targets.csv").unlink()
    assert math.isnan(evaluate(folder_set(folder), against)["asked, heard by the referee: r of valence"])


def test_folders_without_music_and_targets_without_files_are_refused(tmp_path, folder, capsys):
    (folder / "3.mid").unlink()
    with pytest.raises(DataMissingError, match=r"3\.mid"):
        folder_set(folder)
    (tmp_path / "empty").mkdir()
    assert main([str(tmp_path / "empty")]) == 2
    assert "No MIDI files" in capsys.readouterr().err


def test_r_needs_three_pairs_that_vary():
    assert pearson(np.array([1.0, 2, 3]), np.array([2.0, 4, 6])) == pytest.approx(1.0)
    assert math.isnan(pearson(np.array([1.0, 2]), np.array([2.0, 4])))
    assert math.isnan(pearson(np.array([1.0, 1, 1]), np.array([2.0, 4, 6])))


def test_the_table_is_markdown_and_is_appended_with_its_command(tmp_path):
    text = table({"EIMG": {"pieces": 300.0, "r": 0.80421}, "mine": {"pieces": 6.0, "r": math.nan}})
    assert text.splitlines() == [
        "| figure | EIMG | mine |",
        "|---|---|---|",
        "| pieces | 300 | 6 |",
        "| r | 0.804 | – |",
    ]
    assert number(1234.5) == "1234"
    (tmp_path / "R.md").write_text("# Results\n")
    append(tmp_path / "R.md", text, ["my folder", "--seed", "1"])
    written = (tmp_path / "R.md").read_text()
    assert written.startswith("# Results\n\n`python -m training.metrics 'my folder' --seed 1`, 20")
    assert written.endswith(text + "\n")


def test_an_excerpt_of_a_song_has_the_length_asked_and_begins_on_a_bar():
    song = piece(3, notes=400)
    cut = random_excerpt(song, duration_s=16.0, rng=np.random.default_rng(0))
    assert cut.duration_s == pytest.approx(16.0)
    assert cut.notes[0].start_beat == 0.0
    assert random_excerpt(piece(3), duration_s=60.0, rng=np.random.default_rng(0)) is None


def test_pop909_itself(tmp_path):
    (tmp_path / "midi").mkdir()
    with pytest.raises(DataMissingError, match="909"):
        song_paths(tmp_path)
    try:
        folder = data_folder("pop909")
    except DataMissingError as error:
        pytest.skip(str(error))
    assert len(song_paths(folder)) == EXPECTED_SONGS  # a folder that is there, but empty, is a fault
