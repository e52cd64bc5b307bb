"""What a listener would feel: Score in, Emotion heard out, in milliseconds and plain numpy.

A piece is heard in windows of about 15 s, as long as the clips that people rated, and the windows are averaged.
Valence and arousal lie on 1 to 9. The weights are fitted by `python -m training.hearing` on EIMG's ratings.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pipelines.hearing_features import feature_names, score_features
from pipelines.models import load_once, weights_path
from pipelines.records import VA_MAX, VA_MIN, Emotion, Score
from pipelines.regressor import Regressor, load_regressor

MADE_BY = "embedded listener"
WEIGHTS = "hearing.safetensors"


def hear(score: Score) -> Emotion:
    """Valence and arousal that listeners would report, with the standard deviation of such a guess.

    Raises:
        MidiError: the score has no notes.
        WeightsError: the weights are missing or damaged.
    """
    valence, arousal = hear_points([score])[0]
    valence_sd, arousal_sd = _regressor().residual_sd
    return Emotion.at(valence, arousal, valence_sd=float(valence_sd), arousal_sd=float(arousal_sd))


def hear_points(scores: Sequence[Score]) -> npt.NDArray[np.float64]:
    """Valence and arousal of several scores at once: (scores, 2) float64 on 1 to 9.

    For choosing among candidates: a millisecond or two for each 15 s of music. Raises as :func:`hear`.
    """
    rows = [score_features(score) for score in scores]
    if not rows:
        return np.zeros((0, 2))
    owner = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    heard = _regressor().predict(np.concatenate(rows))
    sums = np.stack([np.bincount(owner, heard[:, k], len(rows)) for k in (0, 1)], axis=1)
    points: npt.NDArray[np.float64] = np.clip(sums / np.bincount(owner)[:, None], VA_MIN, VA_MAX)
    return points


def _regressor() -> Regressor:
    return load_once("hearing", lambda: load_regressor(weights_path(WEIGHTS), feature_names()))
