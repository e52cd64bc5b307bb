"""Figures on what a model plays for the test pictures, and the paper's own beside them.

Polyphony rate, pitch entropy, groove consistency, Music_Quality_Loss are those of `training/metrics/symbolic.py`. A
piece without a note counts as 0, 0 and is left out of the groove. Valence and arousal are what `pipelines.hearing`
hears, set against what the picture's pair has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.hearing import hear_points
from training.metrics.symbolic import (
    SymbolicMeans,
    groove_consistency,
    music_quality_loss,
    pitch_entropy,
    polyphony_rate,
    score_ticks,
)
from training.paper.generate import Played

# Music_Quality_Loss, polyphony rate, pitch entropy and groove consistency as tables 1 and 2 print them.
PRINTED = {
    "LSTM_enc2": (1.9157, 0.0317, 0.1204, 0.9978),
    "Trans_enc3_dec3_VGG": (0.8216, 0.6975, 1.9974, 0.9995),
    "Trans_enc3_dec3_Inception": (0.8514, 0.6289, 1.3642, 0.9998),
    "Trans_enc4": (1.3368, 0.0905, 1.9931, 0.9997),
    "Trans_enc2_dec2": (2.0077, 0.0000, 0.0000, 0.9999),
    "Trans_enc3_dec3": (1.2853, 0.0087, 2.8137, 0.9997),
    "Trans_enc3_dec3_VA_Loss": (0.7061, 0.7818, 3.0932, 0.9998),
}


@dataclass(frozen=True)
class Figures:
    """Figures of a set of pieces. `different` counts pieces unlike all others, `silent` those without a note.

    `valence_r` and `arousal_r` are correlations of heard with wanted (nan where one is constant), `distance` the mean
    distance on the plane.
    """

    quality_loss: float
    polyphony_rate: float
    pitch_entropy: float
    groove_consistency: float
    valence_r: float
    arousal_r: float
    distance: float
    different: int
    silent: int
    pieces: int


def measure(played: Played) -> Figures:
    """Figures of what was played."""
    scores = played.scores()
    sounding = [i for i, score in enumerate(scores) if score.notes]
    ticks = [score_ticks(scores[i]) for i in sounding]
    count = len(scores)
    means = SymbolicMeans(
        sum(map(polyphony_rate, ticks)) / count,
        sum(map(pitch_entropy, ticks)) / count,
        float(np.nanmean([groove_consistency(x) for x in ticks])) if ticks else 0.0,
    )
    heard = hear_points([scores[i] for i in sounding])
    wanted = played.wanted[sounding]
    distance = float(np.hypot(*(heard - wanted).T).mean()) if sounding else math.nan
    return Figures(
        quality_loss=music_quality_loss(means),
        polyphony_rate=means.polyphony_rate,
        pitch_entropy=means.pitch_entropy,
        groove_consistency=means.groove_consistency,
        valence_r=correlation(heard[:, 0], wanted[:, 0]),
        arousal_r=correlation(heard[:, 1], wanted[:, 1]),
        distance=distance,
        different=len(set(played.tokens)),
        silent=count - len(sounding),
        pieces=count,
    )


def correlation(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> float:
    """Pearson's r, nan for fewer than three or where one is constant."""
    if len(a) < 3 or np.std(a) < 1e-9 or np.std(b) < 1e-9:
        return math.nan
    return float(np.corrcoef(a, b)[0, 1])


@dataclass(frozen=True)
class Row:
    """What the table says of a model: its training, its test loss in nats a token, and figures by way of playing."""

    model: str
    image_encoder: str
    parameters: int
    epochs: int
    tokens_per_s: float
    test_loss: float
    drawn: Figures
    greedy: Figures


HEAD = (
    "| model | pictures by | parameters | epochs | tokens/s | test loss | play | Music_Quality_Loss | polyphony | "
    "pitch entropy | groove | heard r (v, a) | distance | different | silent |"
)


def table(rows: Mapping[str, Row]) -> str:
    """A Markdown table: for each model three lines, printed in the paper, drawn and greedy."""
    lines = [HEAD, "|" + "---|" * (HEAD.count("|") - 1)]
    for name, row in rows.items():
        about = (
            f"{row.image_encoder} | {row.parameters:,} | {row.epochs} | {row.tokens_per_s:,.0f} | {row.test_loss:.3f}"
        )
        if name in PRINTED:
            loss, *means = (f"{value:.4f}" for value in PRINTED[name])
            lines.append(f"| {name} | | | | | | printed | {loss} | {' | '.join(means)} | | | | |")
        lines.append(f"| {name} | {about} | drawn | {_cells(row.drawn)} |")
        lines.append(f"| {name} | | | | | | argmax | {_cells(row.greedy)} |")
    return "\n".join(lines)


def _cells(figures: Figures) -> str:
    means = (figures.quality_loss, figures.polyphony_rate, figures.pitch_entropy, figures.groove_consistency)
    heard = f"{figures.valence_r:.2f}, {figures.arousal_r:.2f}"
    cells = [f"{value:.4f}" for value in means]
    return " | ".join(
        [*cells, heard, f"{figures.distance:.2f}", f"{figures.different}/{figures.pieces}", str(figures.silent)]
    )
