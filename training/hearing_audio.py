"""The audio listener's training: EIMG's clips played by FluidSynth in, hearing_audio.safetensors out.

Three clips of four are played on the piano that people rated them on, the fourth on another instrument, drawn by a
seed: what is felt must not hang on one sound. Called by `python -m training.hearing --audio`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipelines.hearing_audio import WEIGHTS
from pipelines.hearing_audio_features import SAMPLE_RATE_HZ, feature_names, mono, window_features
from pipelines.models import weights_path
from pipelines.records import Audio, Score
from pipelines.regressor import save_regressor
from training.data.eimg import load_clips, targets
from training.regressor import CrossValidation, FitSettings, cross_validate, fit, with_residuals

PIANO_SHARE = 0.75
# General MIDI programs from 0: electric piano, harpsichord, vibraphone, marimba, church organ, accordion, nylon and
# steel guitar, harp, strings, choir, trumpet, clarinet, flute, warm pad.
INSTRUMENTS = (4, 6, 11, 12, 19, 21, 24, 25, 46, 48, 52, 56, 71, 73, 89)


def draw_programs(count: int, *, seed: int = 0) -> npt.NDArray[np.int64]:
    """A General MIDI program for each of `count` clips: the grand piano (0) for three of four, else another."""
    rng = np.random.default_rng(seed)
    others = rng.choice(INSTRUMENTS, count)
    return np.where(rng.random(count) < PIANO_SHARE, 0, others).astype(np.int64)


def play(score: Score, program: int) -> Audio:
    """A score played on one instrument at 22,050 Hz. Raises what `open_synthesizer` raises."""
    from pipelines.symbolic.synthesize import open_synthesizer

    with open_synthesizer(sample_rate_hz=SAMPLE_RATE_HZ, programs={0: program}, limit=False) as synthesizer:
        synthesizer.add(score.notes, score)
        return synthesizer.finish()


def sound_features(scores: list[Score], programs: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Features of scores as played, each as one window, (scores, features)."""
    rows = [window_features(mono(play(score, int(program)))) for score, program in zip(scores, programs, strict=True)]
    return np.stack(rows)


def load_or_play(cache: Path | None) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Features and targets of all clips; with a `cache` (.npz) they are read from it, or written to it."""
    if cache and cache.is_file():
        with np.load(cache, allow_pickle=False) as file:
            return file["features"], file["targets"]
    clips = load_clips()
    X, Y = sound_features([clip.score() for clip in clips], draw_programs(len(clips))), targets(clips)
    if cache:
        np.savez_compressed(cache, features=X, targets=Y)
    return X, Y


def train_audio(settings: FitSettings, *, dry_run: bool, cache: Path | None = None) -> CrossValidation:
    """Cross-validate on the played clips; unless `dry_run`, fit on all and write the weights. Returns the guesses."""
    X, Y = load_or_play(cache)
    validation = cross_validate(X, Y, settings)
    if not dry_run:
        fitted = with_residuals(fit(X, Y, settings), validation)
        config = {"features": list(feature_names()), "clips": len(X), "r": list(validation.r())}
        save_regressor(fitted, weights_path(WEIGHTS), config)
    return validation


def by_instrument(validation: CrossValidation) -> str:
    """Two lines: the held-out r of the clips on the piano, and of those on other instruments."""
    piano = draw_programs(len(validation.targets)) == 0
    lines = []
    for title, rows in (("on the piano", piano), ("other sounds", ~piano)):
        pairs = [np.corrcoef(validation.both[rows, k], validation.targets[rows, k])[0, 1] for k in (0, 1)]
        lines.append(f"{title:14} r {pairs[0]:.3f} (valence) {pairs[1]:.3f} (arousal), {int(rows.sum())} clips")
    return "\n".join(lines)
