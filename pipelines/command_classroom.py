"""The commands of a class: `classroom FOLDER` makes its pieces and a sheet, `agreement ANSWERS.csv` the report."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pipelines.classroom import RECORD, TEACHER, ClassSettings, make_class, read_class
from pipelines.classroom_records import Classroom, Piece
from pipelines.command_line import PICTURE_SUFFIXES, Parser, add_music_options, files_of
from pipelines.models import MODELS
from pipelines.symbolic.composer import ComposerSettings

PIPELINES = {"symbolic": ("symbolic",), "waveform": ("waveform",), "both": ("symbolic", "waveform")}


def classroom_parser() -> Parser:
    """Options of `classroom`, and what does it."""
    defaults = ClassSettings()
    parser = argparse.ArgumentParser(
        prog="python -m pipelines classroom",
        description="Make a class of a folder of pictures: numbered pieces of music in a shuffled order, and a sheet "
        "(sheet.html) on which listeners mark what they feel, offline or printed. What each piece is stays in "
        f"the folder {TEACHER}.",
    )
    parser.add_argument("folder", type=Path, help="a folder of pictures")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the pieces and the sheet")
    parser.add_argument("--name", help="the class's name in tables and report (default: the folder's)")
    parser.add_argument("--pipeline", choices=tuple(PIPELINES), default="symbolic", help="default: symbolic")
    add_music_options(parser, ComposerSettings(duration_s=defaults.duration_s))
    parser.add_argument("--models", choices=MODELS, default=defaults.models, help=f"default: {defaults.models}")
    return parser, make_pieces


def make_pieces(options: argparse.Namespace) -> int:
    """Make the class, telling on standard error how far it has come; print the sheet's path and the record's."""
    from pipelines.classroom_sheet import write_sheet

    settings = ClassSettings(
        PIPELINES[options.pipeline], options.duration, options.seed, options.strength, options.models
    )
    pictures = files_of(options.folder, PICTURE_SUFFIXES, "pictures")
    name = options.name or options.folder.resolve().name
    classroom = make_class(pictures, options.out, settings, name=name, progress=_tell)
    print(write_sheet(classroom, options.out))
    print(options.out / TEACHER / RECORD)
    for piece in classroom.pieces:
        print(_line(piece), file=sys.stderr)
    return 0


def _tell(done: int, count: int) -> None:
    print(f"{done} of {count} pieces", file=sys.stderr)


def _line(piece: Piece) -> str:
    apart = piece.wanted.distance(piece.heard)
    return f"{piece.sound}: {piece.picture} by the {piece.pipeline} pipeline, heard {apart:.1f} from what was wanted"


def agreement_parser() -> Parser:
    """Options of `agreement`, and what does it."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines agreement",
        description="Report how the listeners of a class agree with what was wanted, with the model's hearing and with "
        "each other: report.md, agreement.png and all answers in one table.",
    )
    parser.add_argument("answers", type=Path, nargs="+", help="a table of answers (CSV), or one of each listener")
    parser.add_argument(
        "--class",
        dest="record",
        type=Path,
        metavar=RECORD,
        help=f"the class's record, {TEACHER}/{RECORD}: needed for tables that the offline sheet saved",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the intervals' draws (default: 0)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the report")
    return parser, report


def report(options: argparse.Namespace) -> int:
    """Write the report; print the headline and the report's path."""
    from pipelines.agreement_report import REPORT, headline, write_report
    from pipelines.classroom_answers import read_answers
    from pipelines.settings import check_seed

    check_seed(options.seed)
    classroom: Classroom | None = None if options.record is None else read_class(options.record)
    agreement = write_report(read_answers(options.answers, classroom), options.out, seed=options.seed)
    print(headline(agreement))
    if agreement.caution:
        print(agreement.caution)
    print(options.out / REPORT)
    return 0
