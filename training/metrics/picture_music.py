"""Pictures that people rated in, how well the music agrees with them out, as the waveform paper's conclusion asks.

    python -m training.metrics.picture_music --readings runs/emotion_lite0/held_out.csv --count 40

For each picture of OASIS a chain makes music from a reader's emotion, read with the picture's whole theme held out (by
`python -m training.emotion_classifier`, which writes its test pictures', or `python -m training.emotion --readings`);
the music is heard, and set against what about 100 people felt in the picture. Columns: correlation of valence and of
arousal, mean distance on the plane (0 to 8√2), and what that distance would be with the pictures dealt out at random.
Intervals are 95 % of a bootstrap over the pictures. The piano is heard by the listener, by which its candidates were
chosen, and by the referee, which took no part; the band by the listener for sound, which took none either. All three
learnt from EIMG's raters, so this measures agreement by their ears, not by new ones.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.agreement import (
    AXES,
    Figure,
    Floats,
    bootstrapped,
    correlation_with,
    distance_by_chance,
    mean_distance,
)
from pipelines.chains import CHAINS, ChainSettings, run_chain
from pipelines.errors import EkphoniaError, SettingsError
from pipelines.picture import read_picture
from pipelines.records import Emotion, Score
from pipelines.settings import check_seed
from pipelines.symbolic import SymbolicSettings
from pipelines.waveform import WaveformSettings
from training.data.oasis import Oasis, load_oasis
from training.emotion_readings import read_readings
from training.metrics.referee import judge

AGREEMENT_HEAD = (
    "| against what people felt | pictures | valence r | arousal r | distance | by chance |",
    "|---" * 6 + "|",
)
COUNT, DURATION_S = 60, 20.0
READER = "reader alone"
EARS = {
    "symbolic": ("piano, by the listener", "piano, by the referee"),
    "waveform": ("band, by the listener for sound",),
}


@dataclass(frozen=True)
class Heard:
    """What an ear heard in the music for a picture: valence and arousal on 1 to 9."""

    picture: str
    ear: str
    valence: float
    arousal: float


def draw_pictures(data: Oasis, readings: dict[str, Emotion], *, count: int, seed: int) -> list[int]:
    """Numbers of the pictures to measure, drawn by a seed from those that were read, each theme at most once.

    Raises SettingsError for more than there are themes.
    """
    chosen: dict[str, int] = {}
    for number in np.random.default_rng(seed).permutation(len(data)):
        if data.paths[number].name in readings:
            chosen.setdefault(data.themes[number], int(number))
    if not 3 <= count <= len(chosen):
        raise SettingsError(f"{count} pictures cannot be measured; choose 3 to {len(chosen)}, one a theme.")
    return list(chosen.values())[:count]


def hear(chain: str, path: Path, emotion: Emotion, settings: ChainSettings) -> Iterator[Heard]:
    """Make a picture's music by a chain and hear it by each of its ears. Raises what the chain raises."""
    score: Score | None = None
    for step in run_chain(chain, read_picture(path), settings, {"emotion": emotion}):
        if step.name == "score" and step.final:
            score = step.value
        if step.name == "heard":
            yield Heard(path.name, EARS[chain][0], step.value.valence, step.value.arousal)
    if score is not None:
        valence, arousal = judge([score])[0]
        yield Heard(path.name, EARS[chain][1], float(valence), float(arousal))


def chain_settings(chain: str, *, duration_s: float, seed: int) -> ChainSettings:
    """Settings of a chain by its embedded models."""
    kind = SymbolicSettings if chain == "symbolic" else WaveformSettings
    return kind(duration_s=duration_s, seed=seed, models="embedded")


def agreement(points: Floats, rated: Floats) -> tuple[Figure, Figure, Figure, float]:
    """Correlations of valence and arousal, mean distance, each with its interval, and the distance by chance.

    `points` and `rated` are (pictures, 2) on 1 to 9.
    """
    marks = points[None]
    by_axis = [bootstrapped(marks, correlation_with(rated, axis), draw_listeners=False) for axis in range(len(AXES))]
    distance = bootstrapped(marks, lambda drawn, pieces: mean_distance(drawn, rated[pieces]), draw_listeners=False)
    return by_axis[0], by_axis[1], distance, distance_by_chance(marks, rated)


def agreement_row(title: str, points: Floats, rated: Floats) -> str:
    """A line below :data:`AGREEMENT_HEAD`, of what :func:`agreement` finds."""
    *figures, chance = agreement(points, rated)
    cells = " | ".join(f"{each.value:.2f} ({each.low:.2f} to {each.high:.2f})" for each in figures)
    return f"| {title} | {len(points)} | {cells} | {chance:.2f} |"


def table(data: Oasis, readings: dict[str, Emotion], heard: Sequence[Heard]) -> str:
    """A Markdown table: the reader alone, then each ear, over the pictures that the ear heard music for."""
    rated = {path.name: point for path, point in zip(data.paths, data.va, strict=True)}
    rows: dict[str, dict[str, tuple[float, float]]] = {READER: {}}
    for one in heard:
        reading = readings[one.picture]
        rows[READER][one.picture] = (reading.valence, reading.arousal)
        rows.setdefault(one.ear, {})[one.picture] = (one.valence, one.arousal)
    lines = [*AGREEMENT_HEAD]
    for title, points in rows.items():
        wanted = np.array([rated[name] for name in points])
        lines.append(agreement_row(title, np.array(list(points.values())), wanted))
    return "\n".join(lines)


def read_heard(path: Path) -> list[Heard]:
    """What an earlier run has heard, [] without its file; a last line that was cut off is left out."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    rows = csv.DictReader(line for line in lines if line.endswith("\n"))
    return [Heard(row["picture"], row["ear"], float(row["valence"]), float(row["arousal"])) for row in rows]


def keep(path: Path, found: Sequence[Heard]) -> None:
    """Add to the file of what was heard, whole or not at all, so that a run goes on where it was stopped."""
    rows = [*read_heard(path), *found]
    part = path.with_name(f"{path.name}.part")
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("picture", "ear", "valence", "arousal"))
        writer.writerows((one.picture, one.ear, f"{one.valence:.4f}", f"{one.arousal:.4f}") for one in rows)
    part.replace(path)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.metrics.picture_music", description=__doc__)
    parser.add_argument("--readings", type=Path, required=True, help="CSV of held-out readings")
    parser.add_argument("--count", type=int, default=COUNT, help=f"pictures, each of another theme ({COUNT})")
    parser.add_argument("--pipelines", nargs="+", choices=tuple(CHAINS), default=list(CHAINS), help="chains (both)")
    parser.add_argument("--duration", type=float, default=DURATION_S, help=f"seconds of music ({DURATION_S:g})")
    parser.add_argument("--seed", type=int, default=0, help="draws the pictures; the music's seeds count from it")
    parser.add_argument("--out", type=Path, default=Path("runs/picture_music"), help="folder of what was heard")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace, data: Oasis) -> str:
    """Make and hear the music that has not been heard yet; the table. Raises what the chains and readers raise."""
    from tqdm import tqdm

    check_seed(options.seed)
    readings = read_readings(options.readings)
    numbers = draw_pictures(data, readings, count=options.count, seed=options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    of = hashlib.sha256(options.readings.read_bytes()).hexdigest()[:8]  # other readings make other music
    log = options.out / f"heard_{options.duration:g}s_seed{options.seed}_{of}.csv"
    known = {(one.picture, one.ear): one for one in read_heard(log)}
    found: list[Heard] = []
    for chain in options.pipelines:
        for place, number in enumerate(tqdm(numbers, desc=chain, file=sys.stderr)):
            path = data.paths[number]
            kept = [known[path.name, ear] for ear in EARS[chain] if (path.name, ear) in known]
            if len(kept) < len(EARS[chain]):
                settings = chain_settings(chain, duration_s=options.duration, seed=options.seed + place)
                kept = list(hear(chain, path, readings[path.name], settings))
                keep(log, kept)
            found += kept
    return table(data, readings, found)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0 on success, 2 with a line on standard error otherwise."""
    options = parse(arguments)
    try:
        print(run(options, load_oasis()))
    except EkphoniaError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
