"""How well a classifier of the five labels does: accuracy, F1, confusion, calibration, as Markdown and as a figure.

In: logits (n, 5) and label numbers (n,) of pictures that the classifier never met. Out: :class:`LabelScores`.

Conventions
-----------
Labels stand in the order of :data:`pipelines.records.LABELS`. The calibration error is the expected one of the most
probable label, ten bins of equal width (Guo et al. 2017); the temperature is fitted to validation, never to the test.
Intervals are 95 % by bootstrap over the pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.records import LABELS
from training.emotion_eval import CALIBRATION_BINS, calibration_error

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
RESAMPLES = 2000
INTERVAL = (2.5, 97.5)
TEMPERATURES = (0.2, 10.0)


@dataclass(frozen=True, eq=False)
class LabelScores:
    """Scores of n pictures.

    `confusion` (5, 5) counts, a row a true label, a column a said one; `f1` (5,), nan for a label that is neither true
    nor said; `probabilities` (n, 5) and `labels` (n,) are what was scored; the two intervals are 95 %.
    """

    confusion: Labels
    f1: Floats
    accuracy: float
    accuracy_interval: tuple[float, float]
    macro_f1: float
    f1_interval: tuple[float, float]
    log_loss: float
    calibration_error: float
    probabilities: Floats
    labels: Labels


def softmax(logits: Floats, temperature: float = 1.0) -> Floats:
    """Probabilities of logits (n, k) at a temperature."""
    scaled = logits / temperature
    odds = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def confusion_of(said: Labels, labels: Labels) -> Labels:
    """Counts, (5, 5): row the true label, column what was said."""
    counts = np.zeros((len(LABELS), len(LABELS)), np.int64)
    np.add.at(counts, (labels, said), 1)
    return counts


def f1_of(confusion: Labels) -> Floats:
    """F1 of each label, (5,): twice what is right over what is said and what is true."""
    both = confusion.sum(axis=0) + confusion.sum(axis=1)
    return np.asarray(np.divide(2 * confusion.diagonal(), both, out=np.full(len(both), np.nan), where=both > 0))


def fit_temperature(logits: Floats, labels: Labels) -> float:
    """The temperature that makes the labels most likely, 0.2 to 10."""
    from scipy.optimize import minimize_scalar

    def surprise(log_temperature: float) -> float:
        return log_loss(softmax(logits, float(np.exp(log_temperature))), labels)

    low, high = np.log(TEMPERATURES)
    return float(np.exp(minimize_scalar(surprise, bounds=(low, high), method="bounded").x))


def log_loss(probabilities: Floats, labels: Labels) -> float:
    """Mean negative logarithm of the true labels' probabilities, in nats."""
    return float(-np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1e-12)).mean())


def score_labels(probabilities: Floats, labels: Labels, *, seed: int = 0) -> LabelScores:
    """Score probabilities (n, 5) against label numbers (n,)."""
    said = probabilities.argmax(axis=1)
    confusion = confusion_of(said, labels)
    rng = np.random.default_rng(seed)
    draws = [rng.integers(0, len(labels), len(labels)) for _ in range(RESAMPLES)]
    accuracies = [float(np.mean(said[rows] == labels[rows])) for rows in draws]
    macro = [float(np.nanmean(f1_of(confusion_of(said[rows], labels[rows])))) for rows in draws]
    return LabelScores(
        confusion=confusion,
        f1=f1_of(confusion),
        accuracy=float(np.mean(said == labels)),
        accuracy_interval=_interval(accuracies),
        macro_f1=float(np.nanmean(f1_of(confusion))),
        f1_interval=_interval(macro),
        log_loss=log_loss(probabilities, labels),
        calibration_error=calibration_error(probabilities, labels),
        probabilities=probabilities,
        labels=labels,
    )


def _interval(values: list[float]) -> tuple[float, float]:
    low, high = np.percentile(values, INTERVAL)
    return float(low), float(high)


def report_text(scores: LabelScores, raw: LabelScores, *, temperature: float, title: str, shares: Floats) -> str:
    """Markdown: scores, F1 of each label, confusion. `raw` is before the temperature, `shares` training's labels'."""
    commonest = int(shares.argmax())
    always = float(np.mean(scores.labels == commonest))
    by_shares = log_loss(np.tile(shares, (len(scores.labels), 1)), scores.labels)
    low, high = scores.accuracy_interval
    f1_low, f1_high = scores.f1_interval
    lines = [
        f"# {title}",
        "",
        f"{len(scores.labels)} test pictures; 95 % intervals by bootstrap over them.",
        "",
        "| score | value | for comparison |",
        "|---|---|---|",
        f"| accuracy | {scores.accuracy:.3f} ({low:.3f} to {high:.3f}) | {always:.3f} always {LABELS[commonest]} |",
        f"| macro F1 | {scores.macro_f1:.3f} ({f1_low:.3f} to {f1_high:.3f}) | |",
        f"| log loss, nats | {scores.log_loss:.3f} | {by_shares:.3f} always the labels' shares |",
        f"| calibration error | {scores.calibration_error:.3f} | {raw.calibration_error:.3f} before the temperature |",
        f"| temperature | {temperature:.2f} | fitted to validation |",
        "",
        f"| true \\ said | {' | '.join(LABELS)} | pictures | F1 |",
        "|---|" + "---|" * (len(LABELS) + 2),
    ]
    for label, counts, f1 in zip(LABELS, scores.confusion, scores.f1, strict=True):
        lines.append(f"| {label} | {' | '.join(map(str, counts))} | {counts.sum()} | {f1:.2f} |")
    return "\n".join(lines) + "\n"


def write_figure(path: Path, scores: LabelScores, raw: LabelScores, *, title: str) -> None:
    """A PNG: the confusion matrix by rows, and the reliability of the most probable label before and after."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    left, right = figure.subplots(1, 2)
    _draw_confusion(left, scores.confusion)
    right.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for name, shown, colour in (("as trained", raw, "#c0392b"), ("with temperature", scores, "#2c6fbb")):
        sure, right_share, count = reliability(shown.probabilities, shown.labels)
        right.scatter(sure, right_share, s=8 + 4 * count, color=colour, alpha=0.8, label=name)
        right.plot(sure, right_share, color=colour, linewidth=1)
    right.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="probability of the label said", ylabel="share that is right")
    right.legend(loc="upper left")
    part = path.with_name(f"{path.name}.part")
    figure.savefig(part, format="png", dpi=110)
    part.replace(path)


def _draw_confusion(drawn: Any, confusion: Labels) -> None:
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    drawn.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for i, row in enumerate(confusion):
        for j, count in enumerate(row):
            drawn.text(j, i, str(count), ha="center", va="center", color="white" if shares[i, j] > 0.5 else "black")
    drawn.set_xticks(range(len(LABELS)), LABELS)
    drawn.set_yticks(range(len(LABELS)), LABELS)
    drawn.set(xlabel="said", ylabel="true")


def reliability(probabilities: Floats, labels: Labels) -> tuple[Floats, Floats, Floats]:
    """Mean probability, share that is right, and count, of each bin that holds pictures."""
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    bins = np.minimum((sure * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    rows = [bins == b for b in range(CALIBRATION_BINS) if (bins == b).any()]
    columns = [(sure[own].mean(), right[own].mean(), float(own.sum())) for own in rows]
    means, shares, counts = np.array(columns, dtype=np.float64).T
    return means, shares, counts
