"""Train the listener: EIMG's clips and ratings in, assets/weights/hearing.safetensors out.

python -m training.hearing            cross-validate, fit on all clips, write the weights
python -m training.hearing --dry-run  cross-validate only
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipelines.errors import EkphoniaError
from pipelines.hearing import WEIGHTS
from pipelines.hearing_features import feature_names, note_arrays, window_features
from pipelines.models import weights_path
from pipelines.regressor import save_regressor
from training.data.eimg import Clip, load_clips, targets
from training.hearing_audio import by_instrument, train_audio
from training.metrics.copying import index_runs, melody_runs
from training.regressor import CrossValidation, FitSettings, cross_validate, fit, with_residuals


def clip_features(clips: tuple[Clip, ...]) -> npt.NDArray[np.float64]:
    """Features of clips, each as one window: (clips, features) float64."""
    return np.stack([window_features(note_arrays(clip.score())) for clip in clips])


def related_groups(clips: tuple[Clip, ...], *, most_clips: int = 8) -> npt.NDArray[np.int64]:
    """A number for each clip, the same for clips linked by shared 12-note runs: excerpts of one song, mostly.

    Runs that stand in `most_clips` or more are common figures and link nothing.
    """
    runs = [melody_runs(clip.score()) for clip in clips]
    index = index_runs(runs)
    group, holder = list(range(len(clips))), dict[int, int]()

    def find(member: int) -> int:
        while group[member] != member:
            member = group[member]
        return member

    for number, own in enumerate(runs):
        counts = index.counts(own)
        for run in own[(counts > 1) & (counts < most_clips)].tolist():
            group[find(number)] = find(holder.setdefault(run, number))
    return np.array([find(member) for member in range(len(clips))])


def validate_grouped(settings: FitSettings) -> CrossValidation:
    """Cross-validate with related clips in one fold: what the listener makes of songs it never met."""
    clips = load_clips()
    return cross_validate(clip_features(clips), targets(clips), settings, groups=related_groups(clips))


def train_symbolic(settings: FitSettings, *, dry_run: bool) -> CrossValidation:
    """Cross-validate on EIMG; unless `dry_run`, fit on all of it and write the weights. Returns the guesses."""
    clips = load_clips()
    X, Y = clip_features(clips), targets(clips)
    validation = cross_validate(X, Y, settings)
    if not dry_run:
        fitted = with_residuals(fit(X, Y, settings), validation)
        config = {"features": list(feature_names()), "clips": len(clips), "r": list(validation.r())}
        save_regressor(fitted, weights_path(WEIGHTS), config)
    return validation


def report(validation: CrossValidation) -> str:
    """A line for each part: r of valence and arousal, and the residuals' standard deviations."""
    parts = {"both": "whole", "kernel": "kernel half", "trees": "boosted trees"}
    lines = [
        f"{title:14} r {v:.3f} (valence) {a:.3f} (arousal)"
        for (v, a), title in ((validation.r(part), title) for part, title in parts.items())
    ]
    sd = (validation.both - validation.targets).std(axis=0)
    return "\n".join([*lines, f"residual sd    {sd[0]:.3f} (valence) {sd[1]:.3f} (arousal) on 1 to 9"])


def run(options: argparse.Namespace) -> str:
    """Do what the command line asks; returns the report."""
    if options.audio:
        validation = train_audio(FitSettings(), dry_run=options.dry_run, cache=options.cache)
        return f"{report(validation)}\n{by_instrument(validation)}"
    if options.grouped:
        return report(validate_grouped(FitSettings()))
    return report(train_symbolic(FitSettings(), dry_run=options.dry_run))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0 on success, 2 with a line on standard error otherwise."""
    parser = argparse.ArgumentParser(prog="python -m training.hearing", description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="cross-validate only, write nothing")
    parser.add_argument("--grouped", action="store_true", help="cross-validate with related clips in one fold")
    parser.add_argument("--audio", action="store_true", help="train the audio listener instead")
    parser.add_argument("--cache", type=Path, help="with --audio: .npz of features to read, or to write if not there")
    options = parser.parse_args(arguments)
    try:
        print(run(options))
    except EkphoniaError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    sys.exit(main())
