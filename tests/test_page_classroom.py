"""The classes of the page: codes and keys, what each may see and do, limits, and what stays hidden until the reveal."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from page import classroom_rooms as rooms
from page.classroom_making import Making
from page.classroom_panel import ACTS, act, settings_of
from page.classroom_rooms import Room, find_room, open_room, rooms_folder, spelled, teachers_room
from pipelines.classroom import ClassSettings
from pipelines.errors import NotAPictureError, SettingsError

EXAMPLES = Path(__file__).resolve().parent.parent / "assets" / "examples"
PICTURES = [EXAMPLES / "happy.jpg", EXAMPLES / "sad.jpg"]
SHORT = ClassSettings(duration_s=10.0, models="embedded")
PROOF = "ab" * 16


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Room:
    """A class whose music is two clicks, for what is tested is not the music."""
    monkeypatch.setattr(rooms, "make_class", _quick_class)
    return open_room(PICTURES, SHORT)


def _quick_class(
    pictures: Any, folder: Path, settings: ClassSettings, *, name: str, progress: Any, cancelled: Any
) -> Any:
    from pipelines.classroom import write_class
    from pipelines.classroom_records import Classroom, Piece, Point

    points = (Point(7.1234, 6.0), Point(2.5678, 3.0))
    pieces = tuple(Piece(i + 1, path.name, "symbolic", points[i], points[i], 10.0) for i, path in enumerate(pictures))
    (folder / "teacher").mkdir()
    for piece in pieces:
        (folder / piece.sound).write_bytes(b"RIFF")
        (folder / "teacher" / piece.image).write_bytes(b"\xff\xd8\xff")
    classroom = Classroom(name, 0, pieces)
    write_class(classroom, folder / "teacher" / "class.json")
    return classroom


def a_mark(room: Room, **other: Any) -> dict[str, Any]:
    said = {"ask": 5, "code": room.code, "listener": "Ada", "proof": PROOF, "piece": 1}
    return {**said, "valence": 6.5, "arousal": 5.5, "seconds": 4.0, **other}


def test_a_real_class_is_made_in_a_thread_and_tells_how_far_it_is() -> None:
    making = Making(PICTURES[:1], SHORT)
    assert list(making.progress()) == [(0, 1), (1, 1)]
    (piece,) = making.room.classroom.pieces
    assert making.room.sound(piece).stat().st_size > 10 * 44100
    assert making.room.classroom.name == making.room.code


def test_whoever_leaves_leaves_nothing_behind() -> None:
    going = Making(PICTURES, SHORT).progress()
    assert next(going) == (0, 2)
    going.close()
    until = time.monotonic() + 60
    while any(rooms_folder().iterdir()) and time.monotonic() < until:
        time.sleep(0.1)
    assert list(rooms_folder().iterdir()) == []


def test_a_bad_picture_is_told_and_its_room_is_gone(tmp_path: Path) -> None:
    bad = tmp_path / "holiday.png"
    bad.write_text("no picture")
    with pytest.raises(NotAPictureError):
        list(Making([bad], SHORT).progress())
    assert list(rooms_folder().iterdir()) == []
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_code_opens_however_it_is_typed_and_no_other_does(room: Room) -> None:
    assert find_room(f" {spelled(room.code).upper()} ") == room
    wrong = ["", "x", None, 7, "../..", room.code[:-1], room.code[::-1] + "a", f"{room.code}/../{room.code}"]
    for code in wrong:
        with pytest.raises(SettingsError, match="no class of this code"):
            find_room(code)


def test_only_the_key_makes_a_teacher(room: Room) -> None:
    assert teachers_room(room.code, room.key) == room
    for key in ("", None, room.code, room.key[:-1] + "g", "ü"):
        with pytest.raises(SettingsError, match="Only whoever made this class"):
            teachers_room(room.code, key)
    for name in ("look", "reveal", "report", "forget"):
        value = act(name, {"ask": 3, "code": room.code, "key": "wrong"})
        assert set(value) == {"text", "kind", "reply"}
        assert value["reply"]["fine"] is False
    assert find_room(room.code).revealed is False


def test_nothing_that_is_served_or_sent_tells_before_the_reveal(room: Room, tmp_path: Path) -> None:
    act("mark", a_mark(room))
    assert not rooms_folder().is_relative_to(tmp_path / "cache")  # from which Gradio serves
    assert sorted(p.name for p in room.served.iterdir()) == ["piece-01.wav", "piece-02.wav"]
    assert room.folder.stat().st_mode & 0o077 == 0
    for value in (act("arrive", {"code": room.code}), act("look", {"code": room.code, "key": room.key})):
        text = json.dumps(value)
        for secret in ("happy.jpg", "sad.jpg", "7.12", "2.57", "6.5", str(rooms_folder()), "piece-01.jpg"):
            assert secret not in text
    assert room.key not in json.dumps(act("arrive", {"code": room.code}))
    assert "Ada" not in json.dumps(act("arrive", {"code": room.code}))


def test_a_mark_is_kept_and_a_bad_one_changes_nothing(room: Room) -> None:
    value = act("mark", a_mark(room))
    assert value["reply"] == {"ask": 5, "fine": True, "text": ""}
    assert value["view"] == "listen"
    bad: list[dict[str, Any]] = [
        {"valence": 99}, {"arousal": None}, {"piece": 3}, {"piece": "1"}, {"proof": "short"}, {"proof": None},
        {"proof": "cd" * 16}, {"listener": "x" * 41}, {"seconds": float("inf")}, {"code": "nowhere"},
    ]  # fmt: skip
    for wrong in bad:
        refused = act("mark", a_mark(room, **wrong))
        assert refused["reply"]["fine"] is False
        assert refused["text"].endswith(".")
    assert [(m.listener, m.piece, m.at.valence) for m in room.answers().marks] == [("Ada", 1, 6.5)]


@pytest.mark.parametrize("said", [None, 7, "x", [], {}, {"ask": "x"}, {"code": {"a": 1}}, {"code": ["a"]}])
def test_whatever_a_client_sends_gets_a_sentence(said: Any) -> None:
    for name in ACTS:
        assert act(name, said)["reply"]["fine"] is False


def test_a_taken_name_is_told_before_the_first_piece(room: Room) -> None:
    assert act("admit", {"code": room.code, "listener": " Ben "})["admitted"] == "Ben"
    act("mark", a_mark(room))
    assert "another ADA" in act("admit", {"code": room.code, "listener": "ADA"})["text"]


def test_the_reveal_ends_the_class_and_shows_all_to_listeners(room: Room) -> None:
    act("mark", a_mark(room))
    act("mark", a_mark(room, listener="Ben", proof="cd" * 16, valence=3.5))
    value = act("reveal", {"code": room.code, "key": room.key})
    first, second = value["reveal"]
    assert first["picture"] == "happy.jpg"
    assert first["mean"] == {"valence": 5.0, "arousal": 5.5}
    assert [mark["listener"] for mark in first["marks"]] == ["Ada", "Ben"]
    assert "2 listeners felt on average even-tempered (5.0, 5.5), with a spread of 2.1 and 0.0" in first["text"]
    assert second["mean"] is None
    assert second["text"].endswith("Nobody marked it.")
    seen = act("arrive", {"code": room.code})
    assert seen["view"] == "reveal"
    assert seen["reveal"] == value["reveal"]
    assert "is over" in act("mark", a_mark(room, piece=2))["text"]
    assert room.image(room.classroom.pieces[0]).read_bytes() == b"\xff\xd8\xff"


def test_the_report_is_served_under_a_new_name_each_time(room: Room) -> None:
    teacher = {"code": room.code, "key": room.key}
    assert "Nobody has marked" in act("report", teacher)["text"]
    act("mark", a_mark(room))
    one, other = (act("report", teacher)["files"] for _ in range(2))
    assert one["rows"][0]["name"] == f"class-{room.code}-answers.csv"
    assert one["plot"] != other["plot"]
    assert len(list(room.served.glob("report-*/report.md"))) == 1
    assert "only 1 listener and 1 piece" in one["caution"]


def test_a_class_that_is_deleted_is_gone(room: Room) -> None:
    value = act("forget", {"code": room.code, "key": room.key})
    assert value["view"] == "empty"
    assert not room.folder.exists()
    assert not room.served.exists()
    assert act("arrive", {"code": room.code})["reply"]["fine"] is False


def test_classes_end_after_a_day_and_make_room(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    other = open_room(PICTURES, SHORT)
    record = room.folder / "room.json"
    os.utime(record, (time.time() - 25 * 3600,) * 2)
    with pytest.raises(SettingsError, match="older than a day"):
        find_room(room.code)
    third = open_room(PICTURES, SHORT)
    assert not room.folder.exists()
    monkeypatch.setattr(rooms, "MOST_ROOMS", 2)
    with pytest.raises(SettingsError, match="All 2 classes"):
        open_room(PICTURES, SHORT)
    os.utime(other.folder / "room.json", (time.time() - 4 * 3600,) * 2)
    newest = open_room(PICTURES, SHORT)  # the oldest goes for it
    assert not other.folder.exists()
    assert find_room(third.code) == third
    assert find_room(newest.code) == newest


def test_the_page_takes_no_more_than_it_can_hold() -> None:
    with pytest.raises(SettingsError, match="A class of 25 pictures"):
        open_room(PICTURES[:1] * 25, SHORT)
    with pytest.raises(SettingsError, match="24 minutes of music, more than 8"):
        open_room(PICTURES[:1] * 24, settings_of("Piano", 60, 0))
    assert not rooms_folder().exists()


@pytest.mark.parametrize("wrong", [("Organ", 20, 0), ("Piano", 61, 0), ("Piano", 9, 0), ("Piano", float("nan"), 0)])
def test_settings_that_are_not_on_the_panel(wrong: tuple[str, float, float]) -> None:
    with pytest.raises(SettingsError):
        settings_of(*wrong)
    assert settings_of("Both", None, None) == ClassSettings(("symbolic", "waveform"))
