"""Measure folders of composed MIDI files beside real music.

    python -m training.metrics FOLDER … [--append training/RESULTS.md]

Each folder may hold a targets.csv (file, valence, arousal). One Markdown table goes to standard output: a row a figure,
a column for EIMG's clips, for POP909's excerpts of the same length, and for each folder.
"""

from __future__ import annotations

import argparse
import datetime
import math
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pipelines.errors import EkphoniaError
from training.metrics.evaluation import PieceSet, eimg_set, evaluate, folder_set, pop909_set, yardsticks

EXCERPT_S = 20.0
COLUMN = dict[str, float]


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.metrics", description="Measure MIDI files by folder.")
    parser.add_argument("folders", nargs="*", type=Path, help="folders of MIDI files, each with or without targets.csv")
    parser.add_argument("--references", type=int, default=300, help="clips of EIMG and of POP909 beside them (300)")
    parser.add_argument(
        "--excerpt-s", type=float, help="length of POP909's excerpts (default: the first folder's median)"
    )
    parser.add_argument("--seed", type=int, default=0, help="draws the clips, the excerpts and the halves")
    parser.add_argument("--append", type=Path, help="Markdown file to add the table to, with command and date")
    return parser.parse_args(arguments)


def measure(options: argparse.Namespace) -> dict[str, COLUMN]:
    """Columns of figures by title. Raises what the sets' readers raise."""
    sets = [folder_set(folder) for folder in options.folders]
    duration_s = options.excerpt_s or (_median_length(sets[0]) if sets else EXCERPT_S)
    beside = [
        eimg_set(count=options.references, seed=options.seed),
        pop909_set(count=options.references, seed=options.seed, duration_s=duration_s),
    ]
    against = yardsticks(seed=options.seed)
    return {one.title: evaluate(one, against) for one in [*beside, *sets]}


def _median_length(pieces: PieceSet) -> float:
    return float(np.median([piece.score.duration_s for piece in pieces.pieces]))


def table(columns: Mapping[str, COLUMN]) -> str:
    """A Markdown table of columns that have the same rows."""
    titles = list(columns)
    lines = [f"| figure | {' | '.join(titles)} |", "|---" * (len(titles) + 1) + "|"]
    for row in columns[titles[0]]:
        lines.append(f"| {row} | {' | '.join(number(columns[title][row]) for title in titles)} |")
    return "\n".join(lines)


def number(value: float) -> str:
    """Three decimals, whole numbers and those from 100 on as they are, a dash for nan."""
    if math.isnan(value):
        return "–"
    if value == int(value) or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3f}"


def append(path: Path, text: str, arguments: Sequence[str]) -> None:
    """Add a table to a Markdown file under its command and today's date."""
    command = shlex.join(["python", "-m", "training.metrics", *arguments])
    with path.open("a") as file:
        file.write(f"\n`{command}`, {datetime.date.today().isoformat()}\n\n{text}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0 on success, 2 with a line on standard error otherwise."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = parse(given)
    try:
        text = table(measure(options))
    except EkphoniaError as error:
        print(error, file=sys.stderr)
        return 2
    print(text)
    if options.append:
        append(options.append, text, given)
    return 0


if __name__ == "__main__":
    sys.exit(main())
