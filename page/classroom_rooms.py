"""The classes of the page on disk: each in a folder of its own under a code that cannot be guessed, for a day.

Two words open a class: its `code`, which listeners get, and its `key`, which stays with whoever made it. What listeners
may not see (pictures, feelings wanted, answers) lies beside the page's cache, from where nothing is served; the sounds,
and the pictures and report once they may be seen, lie in a served folder of another unguessable name. Nothing is held
in memory: every request opens the folder anew, so classes outlive a restart.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder

from page.texts import say
from pipelines.classroom import RECORD, TEACHER, ClassSettings, Progress, make_class, read_class, remove_class, untold
from pipelines.classroom_answers import ANSWERS, Answers, append_mark, read_marks
from pipelines.classroom_records import Classroom, Mark, Piece, check_mark, check_name
from pipelines.errors import SettingsError

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is taken for another
CODE_LENGTH = 12
CODE = re.compile(rf"[{LETTERS}]{{{CODE_LENGTH}}}")
PROOF = re.compile(r"[0-9a-f]{32}")
ROOM, REVEALED, READY = "room.json", "revealed", "ready"
KEEP_S = 24 * 3600.0
UNTOUCHABLE_S = 3 * 3600.0  # a class this young is not put out for a new one
MOST_ROOMS, MOST_PICTURES, MOST_MUSIC_S = 24, 24, 480.0
OPENING = threading.Lock()  # counts the rooms and opens one; holds nothing of any class


@dataclass(frozen=True)
class Room:
    """A class on disk: `folder` is its own, `served` where its sounds are, `key` proves who made it."""

    code: str
    key: str
    folder: Path
    served: Path

    @property
    def classroom(self) -> Classroom:
        """What each piece is."""
        return read_class(self.folder / TEACHER / RECORD)

    @property
    def revealed(self) -> bool:
        """Whether the class is over, so that everything may be seen and nothing more is marked."""
        return (self.folder / REVEALED).exists()

    def answers(self) -> Answers:
        """The marks so far."""
        classroom = self.classroom
        return Answers(classroom, read_marks(self.folder / ANSWERS, len(classroom.pieces)))

    def sound(self, piece: Piece) -> Path:
        """The file that a browser may fetch."""
        return self.served / piece.sound

    def image(self, piece: Piece) -> Path:
        """The same of the picture, once it may be seen."""
        return self.served / piece.image

    def take(self, said: Mapping[str, Any]) -> Mark:
        """Check and append a mark that a browser sends; SettingsError for a bad one, or once the class is over."""
        if self.revealed:
            raise SettingsError(say("class.no_more_marks"))
        proof = said.get("proof")
        if not (isinstance(proof, str) and PROOF.fullmatch(proof)):
            raise SettingsError(say("class.whose_mark"))
        mark = check_mark(said, len(self.classroom.pieces))
        append_mark(self.folder / ANSWERS, mark, proof=proof)
        return mark

    def admit(self, name: Any) -> str:
        """Check a listener's name before the first piece; SettingsError where it is bad or taken."""
        known, wished = {one.casefold() for one in self.answers().listeners}, check_name(name)
        if wished.casefold() in known:
            raise SettingsError(say("class.name_taken", name=wished))
        return wished

    def reveal(self) -> None:
        """End the class: the pictures may be seen from now on."""
        (self.folder / REVEALED).touch()
        for piece in self.classroom.pieces:
            shutil.copyfile(self.folder / TEACHER / piece.image, self.image(piece))

    def report_folder(self) -> Path:
        """A new served folder of an unguessable name, in place of the last report's."""
        for old in self.served.glob("report-*"):
            shutil.rmtree(old, ignore_errors=True)
        folder = self.served / f"report-{secrets.token_hex(16)}"
        folder.mkdir(parents=True)
        return folder

    def discard(self) -> None:
        """Delete all of the class."""
        remove_class(self.folder)
        remove_class(self.served)


def rooms_folder() -> Path:
    """Where the classes are: beside the page's cache, from which Gradio serves."""
    cache = Path(get_upload_folder())
    return cache.with_name(f"{cache.name}-classes")


def open_room(
    pictures: Sequence[Path],
    settings: ClassSettings,
    *,
    progress: Progress = untold,
    cancelled: Callable[[], bool] = lambda: False,
) -> Room:
    """Make a class with a room of its own.

    Raises SettingsError for more pictures or music than the page takes, or when all rooms are in use, and what
    :func:`pipelines.classroom.make_class` raises; nothing stays then.
    """
    _check_size(len(pictures), settings)
    room = _reserved()
    try:
        classroom = make_class(pictures, room.folder, settings, name=room.code, progress=progress, cancelled=cancelled)
        for piece in classroom.pieces:
            (room.folder / piece.sound).replace(room.sound(piece))
        (room.folder / READY).touch()
    except BaseException:
        room.discard()
        raise
    return room


def _check_size(pictures: int, settings: ClassSettings) -> None:
    if not 1 <= pictures <= MOST_PICTURES:
        raise SettingsError(say("class.too_many", n=pictures, most=MOST_PICTURES))
    music_s = pictures * len(settings.pipelines) * settings.duration_s
    if music_s > MOST_MUSIC_S:
        raise SettingsError(say("class.too_long", n=round(music_s / 60), most=round(MOST_MUSIC_S / 60)))


def _reserved() -> Room:
    """A new room, empty; old ones go, and the oldest goes where all are in use."""
    with OPENING:
        clean()
        rooms = sorted(_all_rooms(), key=_age_s, reverse=True)
        if len(rooms) >= MOST_ROOMS:
            if _age_s(rooms[0]) < UNTOUCHABLE_S:
                raise SettingsError(say("class.all_in_use", n=MOST_ROOMS))
            rooms[0].discard()
        code = "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))
        served = Path(get_upload_folder()) / secrets.token_hex(16)
        room = Room(code, secrets.token_hex(16), rooms_folder() / code, served)
        rooms_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        room.folder.mkdir(mode=0o700)
        room.served.mkdir(parents=True)
        record = {"key": room.key, "served": str(room.served)}
        (room.folder / ROOM).write_text(json.dumps(record), encoding="utf-8")
    return room


def find_room(code: Any) -> Room:
    """The class of a code, whose hyphens, spaces and capitals do not matter; SettingsError where there is none."""
    plain = re.sub(r"[\s-]", "", code).lower() if isinstance(code, str) else ""
    room = _room(rooms_folder() / plain) if CODE.fullmatch(plain) else None
    if room is None or not (room.folder / READY).exists() or _age_s(room) > KEEP_S or not room.served.is_dir():
        raise SettingsError(say("class.no_class"))
    return room


def teachers_room(code: Any, key: Any) -> Room:
    """The same for whoever made the class; SettingsError without the right key."""
    room = find_room(code)
    if not (isinstance(key, str) and secrets.compare_digest(key.encode(), room.key.encode())):
        raise SettingsError(say("class.not_yours"))
    return room


def _room(folder: Path) -> Room | None:
    try:
        record = json.loads((folder / ROOM).read_text(encoding="utf-8"))
        return Room(folder.name, str(record["key"]), folder, Path(record["served"]))
    except (OSError, ValueError, KeyError):
        return None


def _all_rooms() -> list[Room]:
    found = rooms_folder().iterdir() if rooms_folder().is_dir() else ()
    return [room for room in map(_room, found) if room is not None]


def _age_s(room: Room) -> float:
    try:
        return time.time() - (room.folder / ROOM).stat().st_mtime
    except OSError:
        return KEEP_S * 2  # it has just been deleted


def clean() -> None:
    """Delete the classes that are older than a day."""
    for room in _all_rooms():
        if _age_s(room) > KEEP_S:
            room.discard()


def spelled(code: str) -> str:
    """A code in groups of four, to read out."""
    return "-".join(code[i : i + 4] for i in range(0, len(code), 4))
