"""The referee: a second listener that only measures. Scores in, valence and arousal (1 to 9) out.

It shares EIMG's ratings with `pipelines.hearing` but none of its features: it never looks at notes one by one, at
keys or at intervals between melody notes, but at the piano roll as a picture, through correlations of the roll with
itself. The composer is neither trained nor chosen by it, so that it can tell whether the listener was only fooled.

    python -m training.metrics.referee --fit   cross-validate, fit on all of EIMG, write its weights to assets/weights

Features of two rolls of frames of 0.1 s by 88 keys, one of onsets (velocity over 80), one of sounding keys:
two-dimensional autocorrelation over lags in time and pitch; register profile; quantiles of the local density;
magnitudes of the discrete Fourier transform of pitch-class sets (Quinn 2006; Amiot 2016) and their triple
correlations, which unlike plain correlations tell major from minor. All but the profile are blind to transposition.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.errors import EkphoniaError
from pipelines.hearing_features import NoteArrays, note_arrays, windows
from pipelines.models import CONFIG_KEY, load_once, weights_path
from pipelines.records import VA_MAX, VA_MIN, Score
from pipelines.regressor import load_arrays
from training.data.eimg import load_clips, targets

Floats = npt.NDArray[np.float64]
WEIGHTS = "referee.safetensors"
FRAME_S = 0.1
MAX_FRAMES = 256
KEYS, LOWEST_PITCH = 88, 21
NEAR_LAGS = (1, 2, 3, 4, 5, 6, 8, 10)  # frames, with pitch lags of -14 to 14 semitones
FAR_LAGS = (12, 16, 20, 24, 32, 40)  # frames, with pitch lags of 0 to 7
CLIP_SD = 3.5
TRIPLES = tuple((i, j) for i in range(1, 7) for j in range(i + 1, 12))


@dataclass(frozen=True)
class RefereeSettings:
    """How to fit: SVR's C, gamma times the number of features, epsilon on 1 to 9; folds and their seed."""

    strictness: float = 2.0
    width: float = 0.6
    epsilon: float = 0.3
    folds: int = 10
    seed: int = 1


@dataclass(frozen=True, eq=False)
class Referee:
    """Two kernel machines: `mean`, `scale` (F,); `centres` (N, F) int8, 127 for 3.5 sd; `dual` (N, 2); others (2,)."""

    mean: Floats
    scale: Floats
    centres: npt.NDArray[np.int8]
    dual: Floats
    intercept: Floats
    gamma: Floats

    def predict(self, X: Floats) -> Floats:
        """Predict valence and arousal (rows, 2) from features (rows, F)."""
        Z, centres = standardise(X, self.mean, self.scale).astype(np.float32), self.centres.astype(np.float32)
        Z, centres = Z * (CLIP_SD / 127), centres * np.float32(CLIP_SD / 127)
        squared = (Z**2).sum(axis=1)[:, None] + (centres**2).sum(axis=1) - 2.0 * Z @ centres.T
        outputs = [np.exp(-gamma * squared) @ dual for gamma, dual in zip(self.gamma, self.dual.T, strict=True)]
        result: Floats = np.stack(outputs, axis=1) + self.intercept
        return result


def judge(scores: Sequence[Score]) -> Floats:
    """Valence and arousal of scores, (scores, 2) on 1 to 9, averaged over windows of about 15 s.

    Raises:
        MidiError: a score has no notes.
        WeightsError: the weights are missing or damaged.
    """
    referee = load_once("referee", load_referee)
    means = [
        referee.predict(np.stack([roll_features(w) for w in windows(note_arrays(s))])).mean(axis=0) for s in scores
    ]
    return np.clip(np.array(means).reshape(-1, 2), VA_MIN, VA_MAX)


def load_referee() -> Referee:
    """Read the weights. Raises WeightsError if missing or damaged."""
    return Referee(**load_arrays(weights_path(WEIGHTS))[0])


def standardise(X: Floats, mean: Floats, scale: Floats) -> npt.NDArray[np.int8]:
    """Rows in steps of 3.5 sd over 127, cut there, as the centres are kept."""
    return np.round(np.clip((X - mean) / scale, -CLIP_SD, CLIP_SD) * (127 / CLIP_SD)).astype(np.int8)


def piano_rolls(notes: NoteArrays) -> tuple[Floats, Floats]:
    """Onset roll (velocity over 80 at an onset) and sounding roll (0 or 1), each (frames, 88)."""
    frames = int(np.clip(np.ceil(notes.end_s.max() / FRAME_S), 10, MAX_FRAMES))
    onset, sounding = np.zeros((frames, KEYS)), np.zeros((frames + 1, KEYS))
    key = np.clip(notes.pitch.astype(int) - LOWEST_PITCH, 0, KEYS - 1)
    start = np.minimum((notes.start_s / FRAME_S).astype(int), frames - 1)
    end = np.clip(np.ceil(notes.end_s / FRAME_S).astype(int), start + 1, frames)
    np.maximum.at(onset, (start, key), notes.velocity / 80.0)
    np.add.at(sounding, (start, key), 1.0)
    np.add.at(sounding, (end, key), -1.0)
    return onset, np.minimum(np.cumsum(sounding, axis=0)[:-1], 1.0)


def roll_features(notes: NoteArrays) -> Floats:
    """Features of one window of notes, (features,) float64."""
    onset, sounding = piano_rolls(notes)
    return np.concatenate(
        [
            np.sqrt(np.maximum(autocorrelation(onset), 0.0)),
            np.sqrt(np.maximum(autocorrelation(sounding), 0.0)),
            _profile(onset),
            _profile(sounding),
            _local_density(onset, sounding),
            _pitch_class_shape(sounding),
        ]
    )


def autocorrelation(roll: Floats) -> Floats:
    """The roll's products with itself at lags in time and pitch, a frame: (25 + 8 * 29 + 6 * 8,) float64.

    At time lag 0 the pitch lags 0 to 24, at near lags -14 to 14 semitones, about the far lags 0 to 7.
    """
    shape = (MAX_FRAMES + 48, 2 * KEYS + 16)
    power = np.abs(np.fft.rfft2(roll, shape)) ** 2
    lagged = np.fft.irfft2(power, shape) / len(roll)
    near = [np.concatenate([lagged[lag, -14:], lagged[lag, :15]]) for lag in NEAR_LAGS]
    far = [lagged[lag - 1 : lag + 2, :8].sum(axis=0) for lag in FAR_LAGS]
    return np.concatenate([lagged[0, :25], *near, *far])


def _profile(roll: Floats) -> Floats:
    profile: Floats = np.sqrt(roll.mean(axis=0).reshape(22, 4).sum(axis=1))
    return profile


def _local_density(onset: Floats, sounding: Floats) -> Floats:
    rate = onset.sum(axis=1)
    local = np.convolve(rate, np.ones(10), "valid")[::5]
    quantiles = np.sqrt(np.quantile(local, (0.05, 0.25, 0.5, 0.75, 0.95)))
    voices = sounding.sum(axis=1)
    return np.append(quantiles, [np.log(0.1 + rate.mean()), np.sqrt(voices.mean()), (voices == 0).mean()])


def _pitch_class_shape(sounding: Floats) -> Floats:
    """Fourier magnitudes and triple correlations of the pitch classes, of the whole and of parts of 2 s."""
    chroma = np.stack([sounding[:, (pc - LOWEST_PITCH) % 12 :: 12].sum(axis=1) for pc in range(12)], axis=1)
    starts = range(0, max(1, len(chroma) - 10), 10)
    parts = np.stack([chroma[start : start + 20].sum(axis=0) for start in starts])
    whole = chroma.sum(axis=0)[None]
    local = np.abs(np.fft.fft(_over(parts, parts.sum(axis=1)), axis=1))[:, 1:7]
    overall = np.abs(np.fft.fft(_over(whole, whole.sum(axis=1)), axis=1))[0, 1:7]
    triples = [np.cbrt(triple_correlation(rows)) for rows in (_over(whole, whole.sum(axis=1)), _unit(parts))]
    return np.concatenate([overall, local.mean(axis=0), local.std(axis=0), *triples])


def triple_correlation(rows: Floats) -> Floats:
    """Mean over rows (n, 12) of Σ p(c) p(c+i) p(c+j), for the 51 pairs of lags i < j with i up to 6."""
    turned = [np.roll(rows, -lag, axis=1) for lag in range(12)]
    return np.array([(rows * turned[i] * turned[j]).sum(axis=1).mean() for i, j in TRIPLES])


def _over(rows: Floats, size: Floats) -> Floats:
    return rows / np.maximum(size, 1e-9)[:, None]


def _unit(rows: Floats) -> Floats:
    return _over(rows, np.linalg.norm(rows, axis=1))


def fit(X: Floats, Y: Floats, settings: RefereeSettings) -> Referee:
    """Fit on features X (rows, F) and targets Y (rows, 2)."""
    from sklearn.svm import SVR

    mean, scale = X.mean(axis=0), np.maximum(X.std(axis=0), 1e-6)
    centres = standardise(X, mean, scale)
    gamma = settings.width / X.shape[1]
    machine = SVR(C=settings.strictness, gamma=gamma, epsilon=settings.epsilon)
    dual, intercept = np.zeros_like(Y), np.zeros(Y.shape[1])
    for k in range(Y.shape[1]):
        fitted = machine.fit(centres * (CLIP_SD / 127), Y[:, k])
        dual[fitted.support_, k], intercept[k] = fitted.dual_coef_[0], fitted.intercept_[0]
    return Referee(mean, scale, centres, dual, intercept, np.full(Y.shape[1], gamma))


def cross_validated(X: Floats, Y: Floats, settings: RefereeSettings) -> Floats:
    """Held-out predictions of every row, (rows, 2)."""
    from sklearn.model_selection import KFold

    guess = np.zeros_like(Y)
    for train, test in KFold(settings.folds, shuffle=True, random_state=settings.seed).split(X):
        guess[test] = fit(X[train], Y[train], settings).predict(X[test])
    return guess


def train(settings: RefereeSettings) -> tuple[float, float]:
    """Cross-validate, fit on all of EIMG, write the weights; returns the held-out r of valence and arousal."""
    from safetensors.numpy import save_file

    clips = load_clips()
    X, Y = np.stack([roll_features(note_arrays(clip.score())) for clip in clips]), targets(clips)
    guess = cross_validated(X, Y, settings)
    r = (float(np.corrcoef(guess[:, 0], Y[:, 0])[0, 1]), float(np.corrcoef(guess[:, 1], Y[:, 1])[0, 1]))
    arrays: dict[str, npt.NDArray[Any]] = {k: np.ascontiguousarray(v) for k, v in vars(fit(X, Y, settings)).items()}
    save_file(arrays, weights_path(WEIGHTS), metadata={CONFIG_KEY: f'{{"r": [{r[0]}, {r[1]}]}}'})
    return r


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0 on success, 2 with a line on standard error otherwise."""
    parser = argparse.ArgumentParser(prog="python -m training.metrics.referee", description="Fit the referee on EIMG.")
    parser.add_argument("--fit", action="store_true", required=True, help="cross-validate, fit and write the weights")
    parser.parse_args(arguments)
    try:
        valence, arousal = train(RefereeSettings())
    except EkphoniaError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"referee, 10-fold on EIMG: r {valence:.3f} (valence) {arousal:.3f} (arousal)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
