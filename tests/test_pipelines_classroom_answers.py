"""The answers of a class: appended whole, checked, written as a table and read back."""

import csv
import json
import threading
from pathlib import Path

import pytest

from pipelines.classroom_answers import COLUMNS, Answers, answers_csv, append_mark, read_answers, read_marks
from pipelines.classroom_records import MOST_LISTENERS, Classroom, Mark, Piece, Point, check_mark, check_name
from pipelines.errors import SettingsError

PROOF = "0" * 32
PIECES = (
    Piece(1, "rain, at dusk.jpg", "symbolic", Point(2.5, 3.0), Point(3.1, 3.3), 12.0),
    Piece(2, "=sun.png", "waveform", Point(7.25, 5.5), Point(6.5, 5.1), 12.0),
)
CLASS = Classroom("7b", 4, PIECES)
MARKS = (
    Mark("Ada", 1, Point(2.0, 3.5), 14.2),
    Mark("Ada", 2, Point(8.1, 6.0), 9.0),
    Mark('Jo "the ear", Ünal', 1, Point(1.0, 9.0), 0.0),
)
ANSWERS = Answers(CLASS, MARKS)
SAID = {"listener": " Ada  L. ", "piece": 2, "valence": 6.123, "arousal": 1, "seconds": 3.14159}


def test_a_mark_is_taken_as_said() -> None:
    assert check_mark(SAID, 2) == Mark("Ada L.", 2, Point(6.12, 1.0), 3.1)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"valence": float("nan")}, "valence cannot be nan"),
        ({"valence": float("inf")}, "valence cannot be inf"),
        ({"arousal": 9.01}, "arousal cannot be 9.01; give a number from 1 to 9"),
        ({"arousal": "5"}, "arousal cannot be 5"),
        ({"arousal": True}, "arousal cannot be True"),
        ({"arousal": None}, "arousal cannot be None"),
        ({"piece": 3}, "piece cannot be 3; give a number from 1 to 2"),
        ({"piece": 1.5}, "piece cannot be 1.5"),
        ({"seconds": -1}, "time cannot be -1"),
        ({"listener": ""}, "no name yet"),
        ({"listener": 7}, "no name yet"),
        ({"listener": "x" * 41}, "41 characters, more than 40"),
        ({"listener": "=1+1"}, "begins with a sign"),
        ({"listener": "a\u202eb"}, "cannot be shown"),
    ],
)
def test_what_a_browser_may_not_say(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check_mark({**SAID, **wrong}, 2)
    assert words in str(caught.value)


def test_a_name_of_forty_letters_is_no_trouble() -> None:
    assert check_name("ä" * 40) == "ä" * 40


def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"

    def listen(name: str) -> None:
        for piece in range(1, 21):
            append_mark(path, Mark(name, piece, Point(1 + piece % 9, 5.0), 1.0), proof=f"{name:0>32}")

    threads = [threading.Thread(target=listen, args=(f"n{i}",)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len([json.loads(line) for line in lines]) == 160
    assert len(read_marks(path, 20)) == 160


def test_the_last_mark_counts_and_a_torn_line_harms_no_other(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    append_mark(path, MARKS[0], proof=PROOF)
    with path.open("ab") as file:
        file.write(b'{"listener": "Ada", "pie')
    append_mark(path, Mark("Ada", 1, Point(4.0, 4.0), 2.0), proof=PROOF)
    append_mark(path, MARKS[1], proof=PROOF)
    assert read_marks(path, 2) == (Mark("Ada", 1, Point(4.0, 4.0), 2.0), MARKS[1])


def test_a_name_belongs_to_who_used_it_first(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    append_mark(path, MARKS[0], proof=PROOF)
    with pytest.raises(SettingsError, match="another ADA in this class"):
        append_mark(path, Mark("ADA", 1, Point(1, 1), 1), proof="1" * 32)
    assert read_marks(path, 2) == (MARKS[0],)


def test_a_class_takes_no_more_than_its_listeners(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    full = [
        {"listener": f"n{i}", "piece": 1, "valence": 5, "arousal": 5, "seconds": 1, "proof": PROOF} for i in range(300)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in full), encoding="utf-8")
    assert len(read_marks(path, 1)) == MOST_LISTENERS
    with pytest.raises(SettingsError, match="has its 300 listeners"):
        append_mark(path, MARKS[0], proof=PROOF)
    append_mark(path, Mark("n7", 1, Point(2, 2), 1), proof=PROOF)  # who is in may go on
    assert len(read_marks(path, 1)) == MOST_LISTENERS


def test_the_table_is_read_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text(answers_csv(ANSWERS), encoding="utf-8")
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    assert tuple(rows[0]) == COLUMNS
    assert rows[2] == ["7b", "Ada", "2", "'=sun.png", "waveform", "7.25", "5.5", "6.5", "5.1", "8.1", "6", "9.0"]
    back = read_answers([path])
    assert back.marks == MARKS
    assert [(p.picture, p.pipeline, p.wanted, p.heard) for p in back.classroom.pieces] == [
        (p.picture, p.pipeline, p.wanted, p.heard) for p in PIECES
    ]


def test_semicolons_and_decimal_commas_are_read(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    lines = [row.split(",") for row in answers_csv(Answers(CLASS, MARKS[1:2])).splitlines()]
    text = "\r\n".join(";".join(cell.replace(".", ",") if cell[0].isdigit() else cell for cell in row) for row in lines)
    path.write_text("\ufeff" + text, encoding="utf-8")
    assert read_answers([path], CLASS).marks == MARKS[1:2]


def test_sheets_of_several_listeners_join_by_the_class(tmp_path: Path) -> None:
    head = "class,listener,piece,marked_valence,marked_arousal,seconds\n"
    (tmp_path / "a.csv").write_text(f'{head}"7b","Ada","2","6.5","3","8.0"\n', encoding="utf-8")
    (tmp_path / "b.csv").write_text(f'{head}"7b","Ben","1","2.5","4","7.0"\n', encoding="utf-8")
    both = read_answers([tmp_path / "a.csv", tmp_path / "b.csv"], CLASS)
    assert both.listeners == ("Ada", "Ben")
    assert both.classroom == CLASS
    with pytest.raises(SettingsError, match="wanted valence cannot be nothing"):
        read_answers([tmp_path / "a.csv"])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("7b,Ada,1,a,symbolic,2,2,2,2,9.5,3,1", "answers.csv, line 2: The valence cannot be 9.5"),
        ("7b,Ada,1,a,symbolic,2,2,2,2,nan,3,1", "The valence cannot be nan"),
        ("7b,Ada,2,a,symbolic,2,2,2,2,5,3,1", "Nobody marked piece 1"),
        ("7b,Ada,1,a,symbolic,2,2,2,2,5,3,1\n8c,Ada,1,a,symbolic,2,2,2,2,5,3,1", "several classes (7b, 8c)"),
        ("7b,Ada,1,a,symbolic,2,2,2,2,5,3,1\n7b,Ben,1,b,symbolic,2,2,2,2,5,3,1", "line 3: piece 1 is not what"),
        ("", "holds no answers"),
    ],
)
def test_a_table_that_cannot_be_is_told_with_its_line(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "answers.csv"
    path.write_text(",".join(COLUMNS) + f"\n{line}\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        read_answers([path])
    assert words in str(caught.value)


def test_what_is_no_table_is_told(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(SettingsError, match="no text in UTF-8"):
        read_answers([path])
    path.write_text("name,age\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="has no column 'class'"):
        read_answers([path])
