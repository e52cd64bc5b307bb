"""Pieces and pictures in, pairs out: for each piece the picture whose feeling is the most like its own.

The symbolic paper's Similarity Score (section 3.1), of picture x and piece y on the plane of valence and arousal, each
data set brought to 1 to 9: `s_xy = ((v_x - v_y)² + (a_x - a_y)²)^(-1/2)`. A piece takes the picture of highest score,
of equal ones the first (or, asked to spread, one of them by lot); distance zero scores infinity. Many pieces may share
a picture, as in the paper: its pairs are not one to one. They are split by lot, 2,884 for training, 100 for the test
and 16 for validation of 3,000 (in the same proportions at other sizes). Then a picture of the test may also have been
trained on; the strict split lets no picture into two parts.

    python -m training.data.pairing --images oasis --out runs/paper/pairs.csv
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipelines.errors import DataMissingError, EkphoniaError, SettingsError
from training.data.eimg import load_clips, targets
from training.data.emid import load_emid
from training.data.oasis import load_oasis

PARTS = ("train", "test", "validation")
PAPER_SIZES = (2884, 100, 16)
IMAGE_SETS = ("oasis", "emid")
Points = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pair:
    """A piece (its MIDI file's name) and its picture (its file's name), their points on 1 to 9, score and part."""

    piece: str
    picture: str
    part: str
    piece_valence: float
    piece_arousal: float
    picture_valence: float
    picture_arousal: float
    similarity: float


def similarity(pieces: Points, pictures: Points) -> Points:
    """Similarity Scores (m, n), above 0, of pieces (m, 2) and pictures (n, 2), infinite at distance zero."""
    return _scores(pieces[:, None, :] - pictures[None, :, :])


def _scores(differences: Points) -> Points:
    with np.errstate(divide="ignore"):
        scores: Points = 1.0 / np.hypot(differences[..., 0], differences[..., 1])
    return scores


def best_pictures(pieces: Points, pictures: Points, *, spread_seed: int | None = None) -> npt.NDArray[np.int64]:
    """Number (m,) of each piece's picture; ties to the lowest, or, with `spread_seed`, to one of the tied by lot.

    Raises SettingsError without pictures.
    """
    if not len(pictures):
        raise SettingsError("There is no picture to pair with; give at least one.")
    scores = similarity(pieces, pictures)
    if spread_seed is None:
        return scores.argmax(axis=1)
    tied = scores == scores.max(axis=1, keepdims=True)
    lots = np.random.default_rng(spread_seed).random(scores.shape)
    return np.where(tied, lots, -1.0).argmax(axis=1)


def part_sizes(count: int) -> tuple[int, int, int]:
    """Sizes of the three parts of `count` pairs, in the paper's proportions, at least one each.

    Raises SettingsError for fewer than three pairs.
    """
    if count < len(PARTS):
        raise SettingsError(f"{count} pairs cannot be split into {len(PARTS)} parts; give at least {len(PARTS)}.")
    test, validation = (max(1, round(count * size / sum(PAPER_SIZES))) for size in PAPER_SIZES[1:])
    return count - test - validation, test, validation


def split(pictures: npt.NDArray[np.int64], *, seed: int = 0, strict: bool = False) -> npt.NDArray[np.int64]:
    """Part (m,) of each pair, a number into :data:`PARTS`, from its picture's number (m,).

    By lot, in exact sizes. With `strict` the lot falls on pictures, each with all its pieces, and the sizes of test and
    validation are met as nearly as the pictures allow; raises SettingsError where there are fewer than three pictures.
    """
    sizes = part_sizes(len(pictures))
    rng = np.random.default_rng(seed)
    parts = np.zeros(len(pictures), np.int64)
    if not strict:
        order = rng.permutation(len(pictures))
        parts[order[: sizes[1]]] = 1
        parts[order[sizes[1] : sizes[1] + sizes[2]]] = 2
        return parts
    counts = Counter(pictures.tolist())
    uses = {picture: counts[picture] for picture in rng.permutation(sorted(counts)).tolist()}
    if len(uses) < len(PARTS):
        raise SettingsError(f"The pairs use {len(uses)} pictures; a strict split needs at least {len(PARTS)}.")
    for part in (2, 1):
        chosen = _fill(uses, sizes[part], keep=part)
        parts[np.isin(pictures, chosen)] = part
    return parts


def _fill(uses: dict[int, int], size: int, *, keep: int) -> list[int]:
    """Take pictures out of `uses`, at least one, while their pieces are no more than `size`; leave `keep` or more."""
    chosen: list[int] = []
    total = 0
    for picture, count in list(uses.items()):
        if total + count <= size and len(uses) > keep:
            chosen.append(picture)
            total += uses.pop(picture)
    if not chosen:
        chosen.append(min(uses, key=lambda picture: uses[picture]))
        del uses[chosen[0]]
    return chosen


def load_pictures(name: str, folder: Path | None = None) -> tuple[tuple[Path, ...], Points]:
    """Paths and points (n, 2) on 1 to 9 of a picture set, "oasis" or "emid".

    Raises SettingsError for another name, DataMissingError where the set is not here.
    """
    if name not in IMAGE_SETS:
        raise SettingsError(f"There is no picture set {name}; choose {' or '.join(IMAGE_SETS)}.")
    found = load_oasis(folder) if name == "oasis" else load_emid(folder)
    return found.paths, found.va


def make_pairs(images: str = "oasis", *, seed: int = 0, strict: bool = False, spread: bool = False) -> list[Pair]:
    """EIMG's clips, in the order of their table, each with its picture and part.

    Raises DataMissingError where a data set is not here.
    """
    clips = load_clips()
    paths, pictures = load_pictures(images)
    pieces = targets(clips)
    best = best_pictures(pieces, pictures, spread_seed=seed if spread else None)
    scores = _scores(pieces - pictures[best])
    parts = split(best, seed=seed, strict=strict)
    return [
        Pair(clip.path.name, paths[b].name, PARTS[part], *map(float, (*piece, *pictures[b], score)))
        for clip, piece, b, part, score in zip(clips, pieces, best, parts, scores, strict=True)
    ]


def write_csv(pairs: Sequence[Pair], path: Path) -> None:
    """Write pairs as a table, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    with beside.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, [field.name for field in fields(Pair)])
        table.writeheader()
        table.writerows(asdict(pair) for pair in pairs)
    beside.replace(path)


def read_csv(path: Path) -> list[Pair]:
    """Read what :func:`write_csv` wrote. Raises DataMissingError where it is missing or laid out otherwise."""
    if not path.is_file():
        raise DataMissingError(f"The pairs are not at {path}; make them with python -m training.data.pairing.")
    try:
        with path.open(encoding="utf-8", newline="") as file:
            pairs = [_pair(row) for row in csv.DictReader(file)]
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        cure = "make them again with python -m training.data.pairing"
        raise DataMissingError(f"The table {path} holds no pairs ({error}); {cure}.") from error
    if not pairs:
        raise DataMissingError(f"The table {path} holds 0 pairs; make them with python -m training.data.pairing.")
    return pairs


def _pair(row: dict[str, str]) -> Pair:
    numbers = [float(row[field.name]) for field in fields(Pair)[3:]]
    if any(map(math.isnan, numbers)):
        raise ValueError(f"a number of {row['piece']} is none")
    if row["part"] not in PARTS:
        raise ValueError(f"the part {row['part']!r} is none of {', '.join(PARTS)}")
    return Pair(row["piece"], row["picture"], row["part"], *numbers)


def describe(pairs: Sequence[Pair]) -> str:
    """Lines on the pairs: sizes of the parts, pictures used, how far apart the two of a pair are."""
    uses = Counter(pair.picture for pair in pairs)
    distances = [1.0 / pair.similarity for pair in pairs]
    sizes = Counter(pair.part for pair in pairs)
    trained = {pair.picture for pair in pairs if pair.part == "train"}
    others = [pair for pair in pairs if pair.part != "train"]
    seen = sum(pair.picture in trained for pair in others)
    return "\n".join(
        (
            f"{len(pairs)} pairs: " + ", ".join(f"{sizes[part]} {part}" for part in PARTS),
            f"{len(uses)} different pictures, the most used for {max(uses.values())} pieces",
            f"distance on the plane: mean {np.mean(distances):.3f}, largest {max(distances):.3f}",
            f"pairs outside training whose picture is also trained on: {seen} of {len(others)}",
        )
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the pairs and write them; 2 on an error of ours."""
    parser = argparse.ArgumentParser(prog="python -m training.data.pairing", description=__doc__.partition("\n")[0])
    parser.add_argument("--images", choices=IMAGE_SETS, default="oasis", help="the picture set (default: %(default)s)")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/paper/pairs.csv"), help="the table (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the split and the lots (default: %(default)s)")
    parser.add_argument("--strict", action="store_true", help="let no picture into two parts")
    parser.add_argument("--spread", action="store_true", help="of equally near pictures take one by lot")
    options = parser.parse_args(arguments)
    try:
        pairs = make_pairs(options.images, seed=options.seed, strict=options.strict, spread=options.spread)
        write_csv(pairs, options.out)
    except EkphoniaError as error:
        print(error, file=sys.stderr)
        return 2
    print(describe(pairs), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
