"""What a class shows: to its maker, to a listener, and to all once it is revealed; values fit for JSON.

Before the reveal no value holds a picture, a wanted feeling or anybody's mark.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from page.classroom_rooms import Room, spelled
from page.files_panel import size
from page.own import file_address
from page.texts import joined, say
from page.words import feeling
from pipelines.agreement_report import FILES, PLOT, headline, write_report
from pipelines.agreement_summary import PieceSummary, summarise
from pipelines.classroom_answers import Answers
from pipelines.classroom_records import Mark, Piece, Point

Value = dict[str, Any]
EMPTY: Value = {"view": "empty", "text": "", "kind": "idle", "code": "", "key": "", "pieces": [], "progress": []}
MUSIC = {"symbolic": "lane.piano", "waveform": "lane.words"}  # keys of texts
NOTES = {
    "answers.csv": ("class.answers", "class.answers_csv"),
    "report.md": ("class.report", "class.report_md"),
    "agreement.png": ("class.plot", "class.plot_png"),
}


def listener_value(room: Room, text: str = "") -> Value:
    """The room as a listener sees it: sounds by number, and after the reveal all of it."""
    value = {**_common(room, text), "view": "listen"}
    return {**value, "view": "reveal", "reveal": reveal_value(room)} if room.revealed else value


def teacher_value(room: Room, text: str = "") -> Value:
    """The room as its maker sees it: the same, the key, and how far each listener is."""
    answers = room.answers()
    counts = Counter(mark.listener for mark in answers.marks)
    progress = [{"name": name, "count": counts[name]} for name in answers.listeners]
    value = {**_common(room, text), "view": "teacher", "key": room.key, "progress": progress}
    return {**value, "reveal": reveal_value(room)} if room.revealed else value


def _common(room: Room, text: str) -> Value:
    pieces = [
        {"number": piece.number, "sound": file_address(room.sound(piece)), "seconds": piece.duration_s}
        for piece in room.classroom.pieces
    ]
    return {
        **EMPTY,
        "text": text,
        "kind": "done",
        "code": room.code,
        "spelled": spelled(room.code),
        "link": f"?class={room.code}",
        "pieces": pieces,
        "revealed": room.revealed,
    }


def reveal_value(room: Room) -> list[Value]:
    """Each piece with its picture and all marks; only for a class that is over."""
    answers = room.answers()
    found = {one.piece.number: one for one in summarise(answers).pieces} if answers.marks else {}
    return [_revealed(room, piece, found.get(piece.number), answers) for piece in answers.classroom.pieces]


def _revealed(room: Room, piece: Piece, summary: PieceSummary | None, answers: Answers) -> Value:
    marks = [mark for mark in answers.marks if mark.piece == piece.number]
    felt = summary if summary is not None and summary.count else None
    return {
        "number": piece.number,
        "picture": piece.picture,
        "music": say(MUSIC[piece.pipeline]) if piece.pipeline in MUSIC else piece.pipeline,
        "image": file_address(room.image(piece)),
        "sound": file_address(room.sound(piece)),
        "wanted": _spot(piece.wanted),
        "heard": _spot(piece.heard),
        "mean": _spot(felt.mean) if felt else None,
        "marks": [_named(mark) for mark in marks],
        "text": _sentence(piece, felt),
    }


def _spot(point: Point) -> Value:
    return {"valence": round(point.valence, 2), "arousal": round(point.arousal, 2)}


def _named(mark: Mark) -> Value:
    return {"listener": mark.listener, **_spot(mark.at)}


def _sentence(piece: Piece, felt: PieceSummary | None) -> str:
    """What was wanted, what was felt and what the model hears, for those who do not see the plane."""
    wanted = say("class.wanted", wanted=_in_words(piece.wanted), heard=_in_words(piece.heard))
    if felt is None:
        return joined(wanted, say("class.nobody"))
    mean = {"n": felt.count, "mean": _in_words(felt.mean), "distance": felt.distance}
    if not math.isfinite(felt.spread.valence):
        return joined(wanted, say("class.felt", **mean))
    spread = {"valence": felt.spread.valence, "arousal": felt.spread.arousal}
    return joined(wanted, say("class.felt_spread", **mean, **spread))


def _in_words(point: Point) -> str:
    words = feeling(point.valence, point.arousal)
    return say("class.point", feeling=words, valence=point.valence, arousal=point.arousal)


def report_files(room: Room) -> Value:
    """Write the report anew and give its headline, its plot and the files to take away."""
    answers = room.answers()
    folder = room.report_folder()
    agreement = write_report(answers, folder)
    rows = [
        {
            "title": say(NOTES[name][0]),
            "note": say(NOTES[name][1]),
            "name": f"class-{room.code}-{name}",
            "address": file_address(folder / name),
            "size": size((folder / name).stat().st_size),
        }
        for name in FILES
    ]
    words = headline(agreement)
    return {"headline": words, "caution": agreement.caution, "plot": file_address(folder / PLOT), "rows": rows}
