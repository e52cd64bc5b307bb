"""Bring together what the paper's models are trained on: `python -m training.paper.prepare`.

In: the pairs that `python -m training.data.pairing` wrote, EIMG's MIDI files and the pictures. Out: one file of
material (`dataset.py`): tokens, valence and arousal, and the features of every picture that a pair names, by each
picture encoder of the tables that is on this machine, else by its stand-in. What is there and fits is not made again.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from pipelines.errors import DataMissingError, EkphoniaError
from pipelines.symbolic.paper_images import IMAGE_ENCODERS, at_hand, image_features
from pipelines.symbolic.tokens import Vocabulary, build_vocabulary, encode
from training.data.eimg import load_clips
from training.data.pairing import IMAGE_SETS, Pair, load_pictures, read_csv
from training.emotion_table import read_rgb
from training.paper.dataset import PARTS, Material, load_material, save_material
from training.paper.fit import MATERIAL, RUNS

PAIRS = RUNS / "pairs.csv"
TABLE_ENCODERS = ("vgg16", "inceptionv3")
VOCABULARY_SIZE = 977  # the paper's, padding not counted


def prepare(
    pairs: Sequence[Pair], path: Path, *, images: str, encoders: Sequence[str], size: int = VOCABULARY_SIZE
) -> Material:
    """The material of some pairs, written to `path`; one that is there for the same pairs only gets what it lacks.

    What is there for other pairs, in another vocabulary or not whole is replaced, but for the features of the same
    pictures.

    Raises:
        DataMissingError: a data set is not here, or lacks a file that a pair names.
        ModelMissingError: an encoder's weights are not on this machine.
    """
    former = _former(path)
    if former is not None and _is_of(former, pairs, size=size):
        material = former
    else:
        material = _tokens(pairs, size=size)
        if former is not None and former.pictures == material.pictures:
            material = replace(material, features=former.features)
        save_material(material, path)
    for encoder in encoders:
        if encoder not in material.features:
            material = material.with_features(encoder, _look(material.pictures, images, encoder))
            save_material(material, path)
    return material


def _former(path: Path) -> Material | None:
    """What lies there, None where it is nothing or not whole."""
    try:
        return load_material(path)
    except DataMissingError:
        return None


def _is_of(material: Material, pairs: Sequence[Pair], *, size: int) -> bool:
    """Whether the material was made of these pairs, in so large a vocabulary.

    One that is smaller because there are no more tokens cannot be told from one that was asked smaller, and is not.
    """
    rows = zip(material.names, material.picture, material.part, strict=True)
    made = [(name, material.pictures[picture], PARTS[part]) for name, picture, part in rows]
    same = made == [(pair.piece, pair.picture, pair.part) for pair in pairs]
    return same and len(material.vocabulary) == size + 1 and np.array_equal(material.va, _points(pairs))


def _points(pairs: Sequence[Pair]) -> npt.NDArray[np.float32]:
    """Valence and arousal of the pairs' pieces, (pairs, 2)."""
    return np.array([(pair.piece_valence, pair.piece_arousal) for pair in pairs], np.float32)


def _look(names: Sequence[str], images: str, encoder: str) -> npt.NDArray[np.float32]:
    """Features of the pictures of these names, one at a time. Raises DataMissingError for one that is damaged."""
    paths = {path.name: path for path in load_pictures(images)[0]}
    missing = [name for name in names if name not in paths]
    if missing:
        raise DataMissingError(f"{images} lacks {len(missing)} pictures of the pairs, such as {missing[0]}; pair anew.")
    shown = tqdm(names, desc=f"pictures by {encoder}", disable=None)
    return np.concatenate([image_features(encoder, [_read(paths[name])]) for name in shown])


def _read(path: Path) -> npt.NDArray[np.uint8]:
    try:
        return read_rgb(path)
    except OSError as cause:  # Pillow's own errors are such
        raise DataMissingError(f"The picture {path.name} cannot be read; restore it in {path.parent}.") from cause


def _tokens(pairs: Sequence[Pair], *, size: int) -> Material:
    """Tokens of the pairs' pieces and no features yet.

    The vocabulary is that of the training part's `size` most frequent tokens; others go to the nearest of their kind.
    """
    clips = {clip.path.name: clip for clip in load_clips()}
    if missing := [pair.piece for pair in pairs if pair.piece not in clips]:
        raise DataMissingError(f"EIMG lacks {len(missing)} pieces of the pairs, such as {missing[0]}; pair anew.")
    shown = tqdm(pairs, desc="pieces to tokens", disable=None)
    sequences = [encode(clips[pair.piece].score()) for pair in shown]
    trained = [tokens for tokens, pair in zip(sequences, pairs, strict=True) if pair.part == "train"]
    vocabulary = Vocabulary(build_vocabulary(trained).tokens[: size + 1])
    pictures = tuple(sorted({pair.picture for pair in pairs}))
    number = {picture: i for i, picture in enumerate(pictures)}
    return Material(
        vocabulary.tokens,
        pad([vocabulary.ids(tokens) for tokens in sequences]),
        _points(pairs),
        tuple(pair.piece for pair in pairs),
        pictures,
        np.array([number[pair.picture] for pair in pairs], np.int32),
        np.array([PARTS.index(pair.part) for pair in pairs], np.int32),
        {},
    )


def pad(rows: Sequence[npt.NDArray[np.int32]]) -> npt.NDArray[np.int32]:
    """Rows of ids, (rows, longest) int32, 0 behind the shorter ones."""
    table = np.zeros((len(rows), max(map(len, rows))), np.int32)
    for line, row in zip(table, rows, strict=True):
        line[: len(row)] = row
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when it went well, 2 when something is missing."""
    parser = argparse.ArgumentParser(
        prog="python -m training.paper.prepare", description="Tokens and features of pairs."
    )
    parser.add_argument("--pairs", type=Path, default=PAIRS, help="(default: %(default)s)")
    parser.add_argument("--out", type=Path, default=MATERIAL, help="(default: %(default)s)")
    parser.add_argument(
        "--encoders", nargs="+", choices=tuple(IMAGE_ENCODERS), help="(default: the tables', or stand-ins)"
    )
    parser.add_argument("--images", choices=IMAGE_SETS, default="oasis", help="of the pairs (default: %(default)s)")
    parser.add_argument("--vocabulary", type=int, default=VOCABULARY_SIZE, help="most tokens (default: %(default)s)")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    encoders = options.encoders or [at_hand(name) for name in TABLE_ENCODERS]
    try:
        pairs = read_csv(options.pairs)
        material = prepare(pairs, options.out, images=options.images, encoders=encoders, size=options.vocabulary)
    except EkphoniaError as error:
        print(error, file=sys.stderr)
        return 2
    counts = ", ".join(f"{len(material.rows(part))} {part}" for part in PARTS)
    print(
        f"{counts} pieces, {int(material.lengths.sum()):,} tokens of {len(material.vocabulary)} kinds, "
        f"{len(material.pictures)} pictures by {', '.join(material.features)}: {options.out}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
