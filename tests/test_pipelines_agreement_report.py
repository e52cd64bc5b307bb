"""The report of a class: its figures in words, a small sample said to be small, a plot, and nothing of markup."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.agreement_report import FILES, report_text, write_report
from pipelines.agreement_summary import summarise
from pipelines.classroom_answers import Answers, read_answers
from pipelines.classroom_records import Classroom, Mark, Piece, Point
from pipelines.errors import SettingsError

WANTED = [(2, 2), (8, 8), (2, 8), (8, 2), (3, 6), (6, 3), (7, 7), (3, 3)]


def a_class(listeners: int, pieces: int, *, noise: float, pipelines: tuple[str, ...] = ("symbolic",)) -> Answers:
    random = np.random.default_rng(11)
    made = tuple(
        Piece(i + 1, f"p{i}.jpg", pipelines[i % len(pipelines)], Point(*WANTED[i % 8]), Point(*WANTED[i % 8]), 10.0)
        for i in range(pieces)
    )
    marks = []
    for name in range(listeners):
        for piece in made:
            v, a = np.clip(random.normal((piece.wanted.valence, piece.wanted.arousal), noise), 1, 9)
            marks.append(Mark(f"L{name}", piece.number, Point(float(v), float(a)), 5.0))
    return Answers(Classroom("7b", 0, made), tuple(marks))


def test_listeners_who_mark_what_was_wanted_agree_in_every_figure() -> None:
    found = summarise(a_class(4, 8, noise=0.0))
    (whole,) = found.groups
    assert whole.wanted.correlation["valence"].value == pytest.approx(1.0)
    assert whole.wanted.distance.value == 0.0
    assert whole.wanted.by_chance > 3
    assert (whole.marks_right.hits, whole.means_right.hits) == (32, 8)
    assert found.alpha["arousal"].value == pytest.approx(1.0)
    assert found.icc["valence"] == pytest.approx(1.0)
    assert [one.correlation["valence"] for one in found.listeners] == pytest.approx([1.0] * 4)
    assert all(piece.spread == Point(0.0, 0.0) for piece in found.pieces)


def test_each_pipeline_has_figures_of_its_own() -> None:
    groups = summarise(a_class(3, 8, noise=0.5, pipelines=("symbolic", "waveform"))).groups
    assert [(g.name, g.pieces, g.marks) for g in groups] == [
        ("all pieces", 8, 24),
        ("symbolic", 4, 12),
        ("waveform", 4, 12),
    ]


def test_small_samples_are_said_to_be_small() -> None:
    assert "only 1 listener and 3 pieces" in summarise(a_class(1, 3, noise=1.0)).caution
    assert summarise(a_class(12, 12, noise=1.0)).caution == ""


def test_one_listener_and_one_piece_make_a_report_without_inventing_figures() -> None:
    text = report_text(summarise(a_class(1, 1, noise=0.0)))
    assert "| valence | – | – |" in text
    assert "nan" not in text
    assert "1 of 1 piece was felt in the wanted quadrant" in text


def test_the_report_its_plot_and_its_table_are_written(tmp_path: Path) -> None:
    answers = a_class(5, 8, noise=1.0)
    out = tmp_path / "new" / "report"
    write_report(answers, out)
    assert sorted(path.name for path in out.iterdir()) == sorted(FILES)
    text = (out / "report.md").read_text(encoding="utf-8")
    assert "5 listeners, 8 pieces marked of 8, 40 marks." in text
    assert text.count("\n| L") == 5
    assert read_answers([out / "answers.csv"]).listeners == answers.listeners
    with Image.open(out / "agreement.png") as image:
        assert image.size == (1650, 620)
        assert len(image.convert("RGB").getcolors(1 << 20) or []) > 50
    again = tmp_path / "again"
    write_report(answers, again)
    assert (again / "report.md").read_bytes() == (out / "report.md").read_bytes()


def test_names_are_no_markup(tmp_path: Path) -> None:
    piece = Piece(1, "a|b<img src=x>.jpg", "symbolic", Point(3, 3), Point(3, 3), 1.0)
    answers = Answers(Classroom("c", 0, (piece,)), (Mark("[x](http://y) | *z*", 1, Point(4, 4), 1.0),))
    write_report(answers, tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert r"a\|b\<img src=x\>.jpg" in text
    assert r"\[x\](http://y) \| \*z\*" in text


def test_a_piece_that_nobody_marked_has_a_dash(tmp_path: Path) -> None:
    answers = a_class(3, 4, noise=0.5)
    some = Answers(answers.classroom, tuple(mark for mark in answers.marks if mark.piece != 2))
    write_report(some, tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "3 pieces marked of 4" in text
    assert "| 2 | p1.jpg | piano, from notes | 0 | 8.0, 8.0 | 8.0, 8.0 | –, – | –, – | – |" in text


def test_without_a_mark_there_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Nobody has marked"):
        write_report(Answers(a_class(1, 1, noise=0).classroom, ()), tmp_path / "out")
    assert not (tmp_path / "out").exists()
