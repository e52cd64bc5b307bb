"""The offline sheet of a class: one HTML file beside the pieces, for a browser without network, or for paper.

In: a class in its folder. Out: `sheet.html`, which plays the pieces by number, takes the marks and saves them as a CSV
of one listener; it holds nothing of the pictures or the feelings wanted. The plane is the page's own.
"""

from __future__ import annotations

import json
from pathlib import Path

from pipelines.classroom_records import Classroom

TEXTS = (
    "label.",
    "plane.",
    "sheet.",
    "list.",
    "class.piece",
    "class.question",
    "class.your",
)  # the sheet's keys begin so
UI_DIR = Path(__file__).resolve().parent.parent / "assets" / "ui"
SHEET = "sheet.html"


def write_sheet(classroom: Classroom, folder: Path) -> Path:
    """Write the sheet into the folder of the class's pieces and return its path."""
    path = folder / SHEET
    scratch = folder / f".{SHEET}"
    scratch.write_text(sheet_text(classroom), encoding="utf-8")
    scratch.replace(path)
    return path


def sheet_text(classroom: Classroom) -> str:
    """The sheet as HTML."""
    pieces = [{"number": piece.number, "sound": piece.sound} for piece in classroom.pieces]
    record = json.dumps({"name": classroom.name, "pieces": pieces}, ensure_ascii=False).replace("<", "\\u003c")
    template = (UI_DIR / "classroom.sheet.html").read_text(encoding="utf-8")
    before, _, rest = template.partition("CLASS_AS_JSON")
    between, _, after = rest.partition("SHARED_SCRIPT")
    return before + record + between + _scripts() + after


def _scripts() -> str:
    """The plane and its texts, in every language of the page."""
    folder = sorted((UI_DIR / "texts").glob("*.json"))
    catalogues = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder}
    needed = {
        language: {key: text for key, text in catalogue.items() if key.startswith(TEXTS)}
        for language, catalogue in catalogues.items()
    }
    texts = json.dumps(needed, ensure_ascii=False).replace("<", "\\u003c")
    scripts = (UI_DIR / name for name in ("texts.js", "shared.js"))
    return f"window.ekphoniaTexts = {texts};\n" + "".join(path.read_text(encoding="utf-8") for path in scripts)
