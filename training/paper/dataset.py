"""What the paper's models are trained on: pairs of picture and piece in, tokens, features and batches out.

In: the pairs of `training.data.pairing`, EIMG's MIDI files, the pictures. Out: :class:`Material`, kept in one `.npz`
file, and batches of it as a `tf.data.Dataset`.

Conventions
-----------
A batch is ({image (pieces, features) float32, va (pieces, 2) float32 on 1 to 9, tokens (pieces, positions) int32},
targets (pieces, positions) int32): the target at a position is the token after it, 0 for padding. The beginnings of a
piece that the paper trains on one by one are made from its one row in the graph (`paper_networks.PrefixNetwork`), so
that 260,000 padded beginnings never lie anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from pipelines.errors import DataMissingError
from training.paper.presets import FitSettings

PARTS = ("train", "test", "validation")
STRINGS, ARRAYS = ("vocabulary", "names", "pictures"), ("tokens", "va", "picture", "part")
DIGEST_CHARACTERS = 12
BUCKET_BATCHES = 16  # batches among which pieces of like length are brought together
Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Material:
    """Pieces in a row each: `tokens` (n, longest) int32 with <start> and <end>, 0 behind; `va` (n, 2) float32, 1 to 9.

    `vocabulary` are the tokens by their ids, padding first; `names` the MIDI files, `pictures` the picture files that
    `picture` (n,) int32 counts; `part` (n,) int32 counts :data:`PARTS`. `features` holds for each picture encoder
    (pictures, features) float32.
    """

    vocabulary: tuple[str, ...]
    tokens: Ints
    va: Floats
    names: tuple[str, ...]
    pictures: tuple[str, ...]
    picture: Ints
    part: Ints
    features: dict[str, Floats]

    @property
    def lengths(self) -> Ints:
        """Tokens of each piece, <start> and <end> included."""
        return np.count_nonzero(self.tokens, axis=1).astype(np.int32)

    def rows(self, part: str) -> npt.NDArray[np.int64]:
        """Numbers of the pieces of a part."""
        return np.flatnonzero(self.part == PARTS.index(part))

    def image(self, encoder: str, rows: npt.NDArray[np.int64]) -> Floats:
        """Features (rows, width) of the pieces' pictures. Raises DataMissingError where they were not looked at."""
        if encoder not in self.features:
            have = ", ".join(self.features) or "none"
            raise DataMissingError(f"The material has no {encoder} features (it has {have}); prepare it with them.")
        return self.features[encoder][self.picture[rows]]

    def kept_for(self, encoder: str) -> dict[str, str]:
        """What a run keeps of what it learns from, and must find again. Raises DataMissingError as :meth:`image`."""
        arrays = (self.tokens, self.va, self.part, self.image(encoder, np.arange(len(self.part))))
        digest = sha256(" ".join(self.vocabulary).encode())
        for array in arrays:
            digest.update(np.ascontiguousarray(array).tobytes())
        return {"image_encoder": encoder, "material": digest.hexdigest()[:DIGEST_CHARACTERS]}

    def with_features(self, encoder: str, features: Floats) -> Material:
        """The same with the features of one more encoder."""
        return replace(self, features={**self.features, encoder: features})


def save_material(material: Material, path: Path) -> None:
    """Write it, whole or not at all."""
    arrays: dict[str, Any] = {f"features.{name}": value for name, value in material.features.items()}
    for name in STRINGS:
        arrays[name] = np.array(getattr(material, name), dtype=np.str_)
    for name in ARRAYS:
        arrays[name] = getattr(material, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")
    np.savez_compressed(part, **arrays)
    part.replace(path)


def load_material(path: Path) -> Material:
    """Read it. Raises DataMissingError where it is not there or not whole."""
    if not path.is_file():
        raise DataMissingError(f"The material is not at {path}; make it with python -m training.paper.prepare.")
    try:
        with np.load(path, allow_pickle=False) as file:
            features = {name.partition(".")[2]: file[name] for name in file.files if name.startswith("features.")}
            vocabulary, names, pictures = (tuple(map(str, file[name])) for name in STRINGS)
            tokens, va, picture, part = (file[name] for name in ARRAYS)
            return Material(vocabulary, tokens, va, names, pictures, picture, part, features)
    except (OSError, ValueError, KeyError, BadZipFile) as cause:
        raise DataMissingError(
            f"{path} is no whole material; make it again with python -m training.paper.prepare."
        ) from cause


def rows_for(material: Material, part: str, settings: FitSettings) -> npt.NDArray[np.int64]:
    """Pieces of a part that a fit uses, by its limits on length and, for the training part, on number."""
    rows = material.rows(part)
    if settings.whole_pieces_only:
        rows = rows[material.lengths[rows] <= settings.size.longest + 1]
    if part == "train" and settings.pieces:
        rows = np.sort(np.random.default_rng(settings.seed).permutation(rows)[: settings.pieces])
    if not len(rows):
        raise DataMissingError(
            f"No piece of the {part} part fits in {settings.size.longest} tokens; allow longer ones."
        )
    return rows


def batch_rows(
    lengths: npt.NDArray[np.integer[Any]], batch: int, rng: np.random.Generator | None
) -> list[npt.NDArray[np.int64]]:
    """Numbers from 0 on in batches of like length: shuffled by `rng`, or in order of length without it."""
    order = np.argsort(lengths, kind="stable") if rng is None else rng.permutation(len(lengths))
    bucket = len(order) if rng is None else BUCKET_BATCHES * batch
    chosen = []
    for i in range(0, len(order), bucket):
        near = order[i : i + bucket]
        near = near[np.argsort(lengths[near], kind="stable")]
        chosen += [near[j : j + batch] for j in range(0, len(near), batch)]
    return chosen if rng is None else [chosen[i] for i in rng.permutation(len(chosen))]


def steps_per_epoch(material: Material, settings: FitSettings) -> int:
    """Batches of an epoch of training."""
    rows = len(rows_for(material, "train", settings))
    full, rest = divmod(rows, BUCKET_BATCHES * settings.batch_pieces)
    return full * BUCKET_BATCHES + math.ceil(rest / settings.batch_pieces)


def batches(
    material: Material, part: str, encoder: str, settings: FitSettings, *, epoch: int | None = None, skip: int = 0
) -> Any:
    """A `tf.data.Dataset` of a part; shuffled by the seed and the `epoch`, or in order of length without one.

    The first `skip` batches are left out: where a stopped epoch goes on.
    """
    import tensorflow as tf

    rows = rows_for(material, part, settings)
    rng = None if epoch is None else np.random.default_rng([settings.seed, epoch])
    chosen = batch_rows(material.lengths[rows], settings.batch_pieces, rng)[skip:]
    width = material.features[encoder].shape[1] if encoder in material.features else None

    def generate() -> Iterator[Any]:
        for numbers in chosen:
            yield make_batch(material, rows[numbers], encoder, settings.size.longest)

    def spec(shape: Sequence[int | None], kind: Any) -> Any:
        return tf.TensorSpec(shape, kind)

    inputs = {
        "image": spec((None, width), tf.float32),
        "va": spec((None, 2), tf.float32),
        "tokens": spec((None, None), tf.int32),
    }
    dataset = tf.data.Dataset.from_generator(generate, output_signature=(inputs, spec((None, None), tf.int32)))
    return dataset.apply(tf.data.experimental.assert_cardinality(len(chosen))).prefetch(2)


def make_batch(
    material: Material, rows: npt.NDArray[np.int64], encoder: str, longest: int
) -> tuple[dict[str, npt.NDArray[Any]], Ints]:
    """Inputs and targets of some pieces, cut to the longest of them and to `longest` positions."""
    until = min(longest, int(material.lengths[rows].max()) - 1) + 1
    tokens = material.tokens[rows, :until]
    targets = tokens[:, 1:]
    inputs = {
        "image": material.image(encoder, rows),
        "va": material.va[rows],
        "tokens": np.where(targets > 0, tokens[:, :-1], 0),
    }
    return inputs, targets
