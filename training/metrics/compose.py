"""Compose a set of pieces to be measured: `python -m training.metrics.compose --targets grid --out runs/grid`.

Out: a folder of MIDI files, numbered, with targets.csv (file, valence, arousal) for `python -m training.metrics`. The
targets are a square grid over the plane, or emotions drawn from EIMG's ratings; piece i has seed i.
"""

from __future__ import annotations

import argparse
import csv
import math
import time
from pathlib import Path

import numpy as np

from pipelines.symbolic.composer import ComposerSettings, load_composer
from pipelines.symbolic.midi import write_midi

GRID_LOW, GRID_HIGH = 1.5, 8.5


def grid_targets(count: int) -> list[tuple[float, float]]:
    """Points of a square grid over the plane, (valence, arousal) from 1.5 to 8.5; the first `count` of them."""
    side = math.ceil(math.sqrt(count))
    axis = np.linspace(GRID_LOW, GRID_HIGH, side)
    return [(float(v), float(a)) for a in axis for v in axis][:count]


def eimg_targets(count: int, *, seed: int = 0) -> list[tuple[float, float]]:
    """Emotions of `count` EIMG clips drawn by a seed. Raises DataMissingError without the data set."""
    from training.data.eimg import load_clips

    clips = load_clips()
    drawn = np.random.default_rng(seed).choice(len(clips), count, replace=False)
    return [(clips[i].valence, clips[i].arousal) for i in drawn]


def compose_set(
    targets: list[tuple[float, float]], folder: Path, settings: ComposerSettings, *, weights: Path | None = None
) -> None:
    """Compose a piece for each target into a folder."""
    composer = load_composer(weights)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "targets.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("file", "valence", "arousal"))
        for i, (valence, arousal) in enumerate(targets):
            wish = ComposerSettings(
                duration_s=settings.duration_s, seed=i, strength=settings.strength, candidates=settings.candidates
            )
            for growing in composer.compose(valence, arousal, wish):
                score = growing
            write_midi(score, folder / f"{i:03d}.mid")
            table.writerow((f"{i:03d}.mid", round(valence, 4), round(arousal, 4)))


def main() -> None:
    """Read the command line."""
    defaults = ComposerSettings()
    parser = argparse.ArgumentParser(prog="python -m training.metrics.compose", description="Compose a set of pieces.")
    parser.add_argument("--targets", choices=("grid", "eimg"), default="grid")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--out", type=Path, required=True, help="folder for the MIDI files and targets.csv")
    parser.add_argument("--duration", type=float, default=defaults.duration_s, help="seconds a piece")
    parser.add_argument("--strength", type=float, default=defaults.strength)
    parser.add_argument("--candidates", type=int, default=defaults.candidates)
    parser.add_argument("--weights", type=Path, help="other weights than the embedded ones")
    options = parser.parse_args()
    targets = grid_targets(options.count) if options.targets == "grid" else eimg_targets(options.count)
    settings = ComposerSettings(duration_s=options.duration, strength=options.strength, candidates=options.candidates)
    started = time.monotonic()
    compose_set(targets, options.out, settings, weights=options.weights)
    print(f"{len(targets)} pieces in {time.monotonic() - started:.0f} s: {options.out}")


if __name__ == "__main__":
    main()
