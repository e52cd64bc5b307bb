"""The plot of a class's agreement: the plane with wanted and marked points, and each axis, wanted against marked.

A disc is what was wanted, a cross the mean of the marks with its spread, a line joins the two; the number is the
piece's. 1650 by 620 pixels; a figure of its own, so that threads may draw at once.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from pipelines.agreement import AXES, Figure
from pipelines.agreement_summary import Agreement, PieceSummary
from pipelines.records import VA_MAX, VA_MIDDLE, VA_MIN

INK, SOFT, LINE, WANTED, MARKED = "#2a2520", "#62584c", "#ddd4c6", "#9c4f32", "#3a587a"
ENDS = {"valence": ("unpleasant", "pleasant"), "arousal": ("calm", "excited")}


def draw(agreement: Agreement, path: Path) -> None:
    """Write the plot as PNG; pieces without a mark are left out."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Sheet

    sheet = Sheet(figsize=(16.5, 6.2), dpi=100, layout="constrained", facecolor="#fffcf7")
    FigureCanvasAgg(sheet)
    plane, *axes = sheet.subplots(1, 3)
    pieces = [piece for piece in agreement.pieces if piece.count]
    _plane(plane, pieces)
    for box, axis in zip(axes, AXES, strict=True):
        _axis(box, axis, pieces, agreement.groups[0].wanted.correlation[axis])
    sheet.legend(loc="outside lower left", ncols=2, frameon=False, fontsize=12, labelcolor=INK)
    sheet.savefig(path, format="png", metadata={"Software": None})


def _prepare(box: Any, title: str, across: str, up: str) -> None:
    box.set(xlim=(VA_MIN - 0.2, VA_MAX + 0.2), ylim=(VA_MIN - 0.2, VA_MAX + 0.2), aspect="equal")
    box.set_title(title, fontsize=15, color=INK)
    box.set_xlabel(across, fontsize=12, color=SOFT)
    box.set_ylabel(up, fontsize=12, color=SOFT)
    box.set_xticks(range(1, 10))
    box.set_yticks(range(1, 10))
    box.tick_params(colors=SOFT, labelsize=11)
    box.grid(color=LINE, linewidth=0.6)
    box.set_facecolor("#fffefb")
    for side in box.spines.values():
        side.set_color(LINE)


def _named(axis: str) -> str:
    low, high = ENDS[axis]
    return f"{axis}: {low} → {high}"


def _plane(box: Any, pieces: list[PieceSummary]) -> None:
    _prepare(box, "Wanted and marked", _named("valence"), _named("arousal"))
    box.axhline(VA_MIDDLE, color=LINE, linewidth=1.6)
    box.axvline(VA_MIDDLE, color=LINE, linewidth=1.6)
    for piece in pieces:
        wanted, mean = piece.piece.wanted, piece.mean
        box.plot((wanted.valence, mean.valence), (wanted.arousal, mean.arousal), color=SOFT, linewidth=1, linestyle=":")
        _cross(box, mean.valence, mean.arousal, _known(piece.spread.valence), _known(piece.spread.arousal))
        box.plot(wanted.valence, wanted.arousal, "o", color=WANTED, markersize=9)
        _number(box, piece, wanted.valence, wanted.arousal)
    box.plot([], [], "o", color=WANTED, markersize=9, label="wanted")
    box.plot([], [], "P", color=MARKED, markersize=9, label="marked: mean and spread")


def _axis(box: Any, axis: str, pieces: list[PieceSummary], correlation: Figure) -> None:
    value = f"r = {correlation.value:.2f}" if math.isfinite(correlation.value) else "no correlation can be given"
    if math.isfinite(correlation.low):
        value += f" ({correlation.low:.2f} to {correlation.high:.2f})"
    _prepare(box, f"{axis.capitalize()}: {value}", "wanted", "marked")
    box.plot((VA_MIN, VA_MAX), (VA_MIN, VA_MAX), color=LINE, linewidth=1.6)
    for piece in pieces:
        wanted, mean = getattr(piece.piece.wanted, axis), getattr(piece.mean, axis)
        _cross(box, wanted, mean, 0.0, _known(getattr(piece.spread, axis)))
        _number(box, piece, wanted, mean)


def _cross(box: Any, across: float, up: float, across_sd: float, up_sd: float) -> None:
    bars = {"xerr": across_sd or None, "yerr": up_sd or None}
    box.errorbar(across, up, **bars, fmt="P", color=MARKED, markersize=9, elinewidth=1.1, alpha=0.85)


def _number(box: Any, piece: PieceSummary, across: float, up: float) -> None:
    place = {"xytext": (8, 6), "textcoords": "offset points"}
    box.annotate(str(piece.piece.number), (across, up), **place, fontsize=12, color=INK, fontweight="bold")


def _known(spread: float) -> float:
    return spread if math.isfinite(spread) else 0.0
