"""The answers of a class on disk: a line of JSON for each mark while it goes on, a CSV for people and programs.

A mark is appended whole or not at all, also when several listeners answer at once; a listener's last mark of a piece
counts. The CSV has a row for each mark, with the columns of :data:`COLUMNS`; it is also read with semicolons and
decimal commas, as some table programs write it.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.classroom_records import FORMULA_SIGNS, MOST_LISTENERS, Classroom, Mark, Piece, Point, check_mark
from pipelines.classroom_records import check_number as number_within
from pipelines.errors import SettingsError
from pipelines.records import VA_MAX, VA_MIN

ANSWERS = "answers.jsonl"
MOST_BYTES = 8_000_000
MOST_PIECES = 999
MARKED = ("class", "listener", "piece")
WANTED = ("wanted_valence", "wanted_arousal", "heard_valence", "heard_arousal")
COLUMNS = (*MARKED, "picture", "pipeline", *WANTED, "marked_valence", "marked_arousal", "seconds")


@dataclass(frozen=True)
class Answers:
    """What the report is made of: the class's pieces, and the marks, one for each listener and piece."""

    classroom: Classroom
    marks: tuple[Mark, ...]

    @property
    def listeners(self) -> tuple[str, ...]:
        """The listeners in the order of their first mark."""
        return tuple(dict.fromkeys(mark.listener for mark in self.marks))


def append_mark(path: Path, mark: Mark, *, proof: str) -> None:
    """Append a listener's mark to the file of a class, which is made if need be.

    `proof` is a secret of the listener's browser: SettingsError when the name was first used with another, when the
    class has its 300 listeners already, or when the file is full.
    """
    line = {"listener": mark.listener, "piece": mark.piece, "valence": mark.at.valence, "arousal": mark.at.arousal}
    data = json.dumps({**line, "seconds": mark.seconds, "proof": proof}, ensure_ascii=False).encode() + b"\n"
    with _locked(path) as handle:
        written = _all_bytes(handle)
        _check_room(written, mark.listener, proof, len(data))
        # A line that an end of power left torn must not swallow this one.
        os.write(handle, data if written[-1:] in (b"", b"\n") else b"\n" + data)
        os.fsync(handle)


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The file opened for appending, its own while it lasts; where no lock exists, a write is still one piece."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        with suppress(ImportError):
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def _all_bytes(handle: int) -> bytes:
    size = os.fstat(handle).st_size
    return os.pread(handle, size, 0) if size else b""


def _check_room(written: bytes, name: str, proof: str, more: int) -> None:
    proofs = {line["listener"].casefold(): line.get("proof") for line in reversed(list(_lines(written)))}
    known = proofs.get(name.casefold())
    if known not in (None, proof):
        raise SettingsError(f"There is another {name} in this class; choose another name, or add a letter.")
    if known is None and len(proofs) >= MOST_LISTENERS:
        raise SettingsError(f"This class has its {MOST_LISTENERS} listeners, the most it takes; open another class.")
    if len(written) + more > MOST_BYTES:
        raise SettingsError("This class has taken all the answers it can hold; open another class.")


def _lines(written: bytes) -> Iterator[dict[str, Any]]:
    """The whole lines; what is torn is passed over."""
    for text in written.split(b"\n"):
        with suppress(ValueError):
            line = json.loads(text)
            if isinstance(line, dict) and isinstance(line.get("listener"), str):
                yield line


def read_marks(path: Path, pieces: int) -> tuple[Mark, ...]:
    """The marks of a class so far, the last of each listener and piece; none without a file."""
    if not path.is_file():
        return ()
    marks = []
    for line in _lines(path.read_bytes()):
        with suppress(SettingsError):
            marks.append(check_mark(line, pieces))
    return last_of_each(marks)


def last_of_each(marks: Iterable[Mark]) -> tuple[Mark, ...]:
    """One mark for each listener and piece: the last."""
    return tuple({(mark.listener, mark.piece): mark for mark in marks}.values())


def answers_csv(answers: Answers) -> str:
    """The table as text, lines ended by a line feed."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for mark in answers.marks:
        piece = answers.classroom.piece(mark.piece)
        points = (piece.wanted, piece.heard, mark.at)
        numbers = [f"{value:.4f}".rstrip("0").rstrip(".") for p in points for value in (p.valence, p.arousal)]
        words = (answers.classroom.name, mark.listener, str(mark.piece), piece.picture, piece.pipeline)
        table.writerow((*map(_plain, words), *numbers, f"{mark.seconds:.1f}"))
    return text.getvalue()


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_SIGNS) else text


def read_answers(paths: Sequence[Path], classroom: Classroom | None = None) -> Answers:
    """Read one table or several, such as one from each listener, of one class.

    With `classroom` the tables need only the class, listener, piece and mark, as the offline sheet saves them; without,
    they need all columns. Raises SettingsError, with file and line, for anything that is missing or out of range.
    """
    rows = [(f"{path.name}, line {number}", row) for path in paths for number, row in _rows(path)]
    if not rows:
        raise SettingsError(f"{paths[0].name} holds no answers; give a table with a row for each mark.")
    names = sorted({row["class"] for _, row in rows})
    if len(names) > 1 or (classroom is not None and names != [classroom.name]):
        whole = names if classroom is None else [classroom.name, *names]
        raise SettingsError(f"The answers are of several classes ({', '.join(whole)[:120]}); give those of one.")
    pieces: dict[int, Piece] = {} if classroom is None else {piece.number: piece for piece in classroom.pieces}
    marks = []
    for where, row in rows:
        try:
            mark = check_mark(_said(row), len(classroom.pieces) if classroom else MOST_PIECES)
            found = pieces.get(mark.piece) if classroom else _piece(mark.piece, row)
        except SettingsError as error:
            raise SettingsError(f"{where}: {error}") from error
        if found is None or pieces.setdefault(mark.piece, found) != found:
            raise SettingsError(f"{where}: piece {mark.piece} is not what an earlier line says; mend one of them.")
        marks.append(mark)
    return Answers(classroom or _class_of(names[0], pieces), last_of_each(marks))


def _class_of(name: str, pieces: Mapping[int, Piece]) -> Classroom:
    """A class from its pieces; SettingsError where one was never marked, so that its number is missing."""
    missing = next((n for n in range(1, max(pieces) + 1) if n not in pieces), None)
    if missing is not None:
        raise SettingsError(f"Nobody marked piece {missing}; give the class's own file too (--class class.json).")
    return Classroom(name, 0, tuple(pieces[number] for number in sorted(pieces)))


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a table by column, without the marks that keep a cell from being taken for a formula."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SettingsError(f"{path.name} is larger than the {MOST_BYTES / 1e6:.0f} MB allowed; split it.")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as cause:
        raise SettingsError(f"{path.name} is no text in UTF-8; save it as CSV UTF-8.") from cause
    first = text.partition("\n")[0]
    semicolons = first.count(";") > first.count(",")
    table = csv.DictReader(io.StringIO(text), delimiter=";" if semicolons else ",", restkey="", restval="")
    missing = [name for name in (*MARKED, "marked_valence", "marked_arousal") if name not in (table.fieldnames or ())]
    if missing:
        raise SettingsError(f"{path.name} has no column {missing[0]!r}; it needs {', '.join(COLUMNS)}.")
    for row in table:
        cells = {name: value.strip().removeprefix("'") for name, value in row.items() if isinstance(value, str)}
        yield table.line_num, cells | {"decimal": "," if semicolons else "."}


def _said(row: Mapping[str, str]) -> dict[str, Any]:
    numbers = {"piece": "piece", "valence": "marked_valence", "arousal": "marked_arousal", "seconds": "seconds"}
    said: dict[str, Any] = {name: _number(row.get(column) or "", row) for name, column in numbers.items()}
    return {**said, "listener": row["listener"], "seconds": 0.0 if not row.get("seconds") else said["seconds"]}


def _number(text: str, row: Mapping[str, str]) -> float | str:
    try:
        return float(text.replace(",", ".") if row["decimal"] == "," else text)
    except ValueError:
        return text or "nothing"


def _piece(number: int, row: Mapping[str, str]) -> Piece:
    wanted_v, wanted_a, heard_v, heard_a = (
        number_within(name.replace("_", " "), _number(row.get(name) or "", row), VA_MIN, VA_MAX) for name in WANTED
    )
    words = row.get("picture", ""), row.get("pipeline", "")
    return Piece(number, *words, Point(wanted_v, wanted_a), Point(heard_v, heard_a), 0.0)
