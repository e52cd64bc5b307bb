"""The agreement of a class for people: a report in Markdown and a plot in PNG.

In: the answers of a class. Out: `report.md`, `agreement.png` and `answers.csv` in a folder. Names and file names in the
report are escaped, for both come from outside.
"""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from pipelines.agreement import AXES, DRAWS, Figure, Quadrants
from pipelines.agreement_summary import DRAWS_OF_ALPHA, Agreement, Group, Toward, summarise
from pipelines.classroom_answers import Answers, answers_csv
from pipelines.classroom_records import Point

REPORT, PLOT, TABLE = "report.md", "agreement.png", "answers.csv"
FILES = (TABLE, PLOT, REPORT)
PIPELINE_NAMES = {"symbolic": "piano, from notes", "waveform": "from words", "all pieces": "all pieces"}
METHOD = f"""## How to read this

- Valence runs from 1 (unpleasant) to 9 (pleasant), arousal from 1 (calm) to 9 (excited). *Wanted* is the feeling read
  in the picture, which the music was to carry; *model* is what Ekphonia's own hearing finds in the music.
- Correlations (Pearson) are of the listeners' mean mark of each piece with its target, over the pieces. Distances are
  means over all marks, on a plane of 8 by 8; *by chance* is the same with the targets dealt out at random.
- In brackets: 95 % intervals of a bootstrap ({DRAWS} draws) that draws listeners and pieces anew (Owen 2007).
- Krippendorff's alpha, interval data (Krippendorff 2011): 1 is full agreement of the listeners, 0 none beyond chance;
  from 0.8 one speaks of reliable data, from 0.667 of tentative. Its interval draws the pieces anew ({DRAWS_OF_ALPHA}
  draws). ICC(2,1): absolute agreement of single listeners (Shrout and Fleiss 1979), from those who marked every piece.
- Quadrants: the binomial test is against the larger of 1/4 and the agreement of blind choices of the same frequencies.
  Marks of one listener, or of one piece, are not independent, so that the test over all marks makes too much of them;
  the row by pieces counts each piece once and is the safer one.
- All listeners heard the pieces in one order, so that what came before may colour a mark.
"""


def write_report(answers: Answers, folder: str | Path, *, seed: int = 0) -> Agreement:
    """Write the report, its plot and the table into a folder, which is made if need be; return the figures.

    Raises SettingsError without any mark or where the folder cannot be written; nothing is half written then.
    """
    from pipelines.bundle import check_writable

    folder = Path(folder)
    check_writable(folder)
    agreement = summarise(answers, seed=seed)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".report-") as name:
        scratch = Path(name)
        (scratch / TABLE).write_text(answers_csv(answers), encoding="utf-8")
        draw_plot(agreement, scratch / PLOT)
        (scratch / REPORT).write_text(report_text(agreement), encoding="utf-8")
        for file in FILES:
            (scratch / file).replace(folder / file)
    return agreement


def report_text(agreement: Agreement) -> str:
    """The report in Markdown."""
    whole, marked = agreement.groups[0], sum(piece.count > 0 for piece in agreement.pieces)
    listeners = counted(len(agreement.listeners), "listener")
    parts = [
        f"# Agreement of the class {escaped(agreement.name)}",
        f"{listeners}, {counted(marked, 'piece')} marked of {len(agreement.pieces)}, {counted(whole.marks, 'mark')}.",
        *([f"**{agreement.caution}**"] if agreement.caution else []),
        headline(agreement),
        f"![The plane with what was wanted and what was marked, and both axes]({PLOT})",
        "## With what was wanted, and with the model's hearing",
        _targets(agreement.groups),
        "## Right quadrant",
        _quadrants(agreement.groups),
        "## With each other",
        _each_other(agreement),
        "## Piece by piece",
        _pieces(agreement),
        "## Each listener against the mean of the others",
        _listeners(agreement),
        METHOD,
    ]
    return "\n\n".join(parts)


def headline(agreement: Agreement) -> str:
    """The outcome in two sentences."""
    whole = agreement.groups[0]
    apart, chance = whole.wanted.distance.value, whole.wanted.by_chance
    means = whole.means_right
    closer = "closer than" if apart < chance else "no closer than"
    first = f"On average a mark lies {apart:.1f} from what was wanted, {closer} by chance ({chance:.1f})."
    if not means.count:
        return first
    were = "was" if means.hits == 1 else "were"
    beyond = "more than chance explains" if means.p_value < 0.05 else "which chance alone may explain"
    right = f"{means.hits} of {counted(means.count, 'piece')} {were} felt in the wanted quadrant"
    return f"{first} {right}, {beyond}."


def _targets(groups: Sequence[Group]) -> str:
    rows = [
        (PIPELINE_NAMES.get(group.name, group.name), target, *_toward(toward))
        for group in groups
        for target, toward in (("wanted", group.wanted), ("model", group.heard))
    ]
    heads = ("pieces", "against", *(f"correlation, {axis}" for axis in AXES), "distance", "by chance")
    return table(heads, rows)


def _toward(toward: Toward) -> tuple[str, ...]:
    return *(figure(toward.correlation[axis]) for axis in AXES), figure(toward.distance), number(toward.by_chance)


def _quadrants(groups: Sequence[Group]) -> str:
    rows = [
        (PIPELINE_NAMES.get(group.name, group.name), what, *_quadrant(found))
        for group in groups
        for what, found in (("all marks", group.marks_right), ("pieces, by their mean", group.means_right))
    ]
    return table(("pieces", "counted", "right", "part", "by chance", "p"), rows)


def _quadrant(found: Quadrants) -> tuple[str, ...]:
    part = figure(Figure(found.proportion, found.low, found.high))
    p_value = "under 0.001" if found.p_value < 0.001 else number(found.p_value, 3)
    return f"{found.hits} of {found.count}", part, number(found.chance), p_value


def _each_other(agreement: Agreement) -> str:
    rows = [(axis, figure(agreement.alpha[axis]), number(agreement.icc[axis])) for axis in AXES]
    complete = counted(agreement.complete, "listener")
    return table(("axis", "Krippendorff's alpha", f"ICC(2,1), of {complete} with every piece"), rows)


def _pieces(agreement: Agreement) -> str:
    heads = ("piece", "picture", "music", "marks", "wanted", "model", "marked, mean", "spread", "distance")
    rows = [
        (
            str(found.piece.number),
            found.piece.picture,
            PIPELINE_NAMES.get(found.piece.pipeline, found.piece.pipeline),
            str(found.count),
            *map(point, (found.piece.wanted, found.piece.heard, found.mean, found.spread)),
            number(found.distance),
        )
        for found in agreement.pieces
    ]
    return f"Points are valence, arousal; the spread is the standard deviation.\n\n{table(heads, rows)}"


def _listeners(agreement: Agreement) -> str:
    heads = ("listener", "pieces", *(f"correlation, {axis}" for axis in AXES), "distance")
    rows = [
        (one.name, str(one.count), *(number(one.correlation[axis]) for axis in AXES), number(one.distance))
        for one in agreement.listeners
    ]
    return table(heads, rows)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, its cells escaped."""
    lines = [heads, ["---"] * len(heads), *([escaped(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def escaped(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no column, no line of its own."""
    return re.sub(r"([\\`*_{}\[\]<>#|!~&$])", r"\\\1", " ".join(text.split()))


def number(value: float, digits: int = 2) -> str:
    """A number, or a dash where there is none."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"


def figure(found: Figure) -> str:
    """An estimate with its interval."""
    interval = f" ({number(found.low)} to {number(found.high)})" if math.isfinite(found.low) else ""
    return f"{number(found.value)}{interval}"


def point(at: Point) -> str:
    """Such as "6.1, 3.0"."""
    return f"{number(at.valence, 1)}, {number(at.arousal, 1)}"


def counted(count: int, noun: str) -> str:
    """Such as "1 piece" or "3 pieces"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def draw_plot(agreement: Agreement, path: Path) -> None:
    """Draw the plot; see :mod:`pipelines.agreement_plot`."""
    from pipelines.agreement_plot import draw

    draw(agreement, path)
