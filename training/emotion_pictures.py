"""Pictures for the emotion classifier: split by groups, read once, and varied at random each time they are seen.

In: labelled pictures. Out: :class:`Batch` by batch, of pixels as `pipelines.emotion_resnet.prepare` normalises them,
or, where the backbone stands still, of the features that it gave once (:class:`Looks`).

Conventions
-----------
80/10/10 within each label, no theme in two splits. By one seed the splits are those of the pairs that
:mod:`training.data.painting_music` makes, so that a classifier has not learnt from their test pictures. Variations are
mild: a mirror image, a window of at least 70 % of the area, a little more or less light, contrast and colour. Strong
ones would change what a picture feels like.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageEnhance

from pipelines.emotion_resnet import prepare
from pipelines.errors import DataMissingError
from pipelines.picture import read_picture
from pipelines.records import LABELS
from training.data.label_folders import Labelled
from training.data.splits import SPLITS, assign_groups

LEAST_AREA = 0.7
MOST_CHANGE = 0.15  # of light, contrast and colour
STORED_PX = 320  # longer sides are shrunk to it once, to keep thousands of pictures in memory


@dataclass(frozen=True, eq=False)
class Batch:
    """`seen` is pixels (n, 3, side, side) or features (n, steps, channels), float32; what is known of each picture.

    `shares` (n, 5) of the labels, one 1 in a row until pictures are mixed; `va` (n, 2); `rated` (n,), 0 or 1.
    """

    seen: torch.Tensor
    shares: torch.Tensor
    va: torch.Tensor
    rated: torch.Tensor

    def mixed(self, strength: float, rng: np.random.Generator) -> Batch:
        """Each picture mixed with another (Zhang et al. 2018), by a Beta(`strength`, `strength`); 0 for none."""
        if strength == 0:
            return self
        weight = float(rng.beta(strength, strength))
        partner = torch.from_numpy(rng.permutation(len(self.seen)))
        pairs = [(own, own[partner]) for own in (self.seen, self.shares, self.va)]
        seen, shares, va = (weight * own + (1 - weight) * other for own, other in pairs)
        return Batch(seen, shares, va, self.rated * self.rated[partner])

    def to(self, device: torch.device) -> Batch:
        """The batch on a device."""
        return Batch(*(tensor.to(device) for tensor in (self.seen, self.shares, self.va, self.rated)))


@dataclass(frozen=True, eq=False)
class PictureSet:
    """Pictures of one split: `images` (height, width, 3) uint8 each, in the order of `items`."""

    items: tuple[Labelled, ...]
    images: tuple[npt.NDArray[np.uint8], ...]

    def __len__(self) -> int:
        return len(self.items)

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Numbers of the labels in :data:`pipelines.records.LABELS`, (n,)."""
        return np.array([LABELS.index(item.label) for item in self.items], dtype=np.int64)

    def known(self, rows: Sequence[int], seen: torch.Tensor) -> Batch:
        """What is seen of the pictures numbered `rows`, with what is known of them."""
        va = torch.tensor([(self.items[row].valence, self.items[row].arousal) for row in rows])
        rated = torch.tensor([float(self.items[row].rated) for row in rows])
        return Batch(seen, torch.eye(len(LABELS))[self.labels[list(rows)]], va, rated)

    def batches(self, size: int, *, side_px: int, rng: np.random.Generator | None) -> Iterator[Batch]:
        """All pictures, shuffled and varied by `rng`, or in order and as they are."""
        for rows in _chunks(len(self), size, rng):
            shown = [self.images[row] if rng is None else vary(self.images[row], rng) for row in rows]
            yield self.known(rows, torch.stack([prepare(image, side_px=side_px)[0] for image in shown]))


@dataclass(frozen=True, eq=False)
class Looks:
    """Features of pictures, looked at `k` times: (k, n, steps, channels) float16, the first time as they are."""

    pictures: PictureSet
    features: torch.Tensor

    def __len__(self) -> int:
        return len(self.pictures)

    def batches(self, size: int, *, rng: np.random.Generator | None) -> Iterator[Batch]:
        """All pictures, shuffled, each in one of its looks by `rng`, or in order and as they are."""
        for rows in _chunks(len(self), size, rng):
            looks = np.zeros(len(rows), int) if rng is None else rng.integers(0, len(self.features), len(rows))
            yield self.pictures.known(rows, self.features[torch.from_numpy(looks), torch.tensor(rows)].float())


def look(
    pictures: PictureSet,
    sequence: Callable[[torch.Tensor], torch.Tensor],
    *,
    looks: int,
    size: int,
    side_px: int,
    rng: np.random.Generator,
) -> Looks:
    """Look at pictures once as they are, and varied for the other `looks`; `sequence` gives the features of pixels."""
    from tqdm import tqdm

    seen = []
    with torch.no_grad():
        for number in tqdm(range(looks), desc=f"looking at {len(pictures)} pictures", leave=False):
            images = pictures.images if number == 0 else tuple(vary(image, rng) for image in pictures.images)
            shown = replace(pictures, images=images).batches(size, side_px=side_px, rng=None)
            seen.append(torch.cat([sequence(batch.seen).half().cpu() for batch in shown]))
    return Looks(pictures, torch.stack(seen))


def _chunks(count: int, size: int, rng: np.random.Generator | None) -> Iterator[list[int]]:
    order = np.arange(count) if rng is None else rng.permutation(count)
    for start in range(0, count, size):
        yield order[start : start + size].tolist()


def split_pictures(items: Sequence[Labelled], *, seed: int) -> dict[str, PictureSet]:
    """Read pictures and part them into training, validation and test.

    Raises:
        DataMissingError: a split has no picture of some label that the set has.
        PictureError: a picture cannot be read.
    """
    split_of = assign_groups(items, [1.0] * len(items), seed=seed)
    own = {split: tuple(item for item in items if split_of[item.group] == split) for split in SPLITS}
    known = {item.label for item in items}
    for split, found in own.items():
        if missing := known - {item.label for item in found}:
            raise DataMissingError(f"The {split} pictures lack {min(missing)}; add pictures of that label.")
    return {split: PictureSet(found, tuple(_read(item) for item in found)) for split, found in own.items()}


def _read(item: Labelled) -> npt.NDArray[np.uint8]:
    image = Image.fromarray(read_picture(item.path).rgb)
    image.thumbnail((STORED_PX, STORED_PX), Image.Resampling.LANCZOS)
    return np.asarray(image)


def vary(rgb: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """A variation of a picture, (height, width, 3) uint8."""
    height, width = rgb.shape[:2]
    scale = np.sqrt(rng.uniform(LEAST_AREA, 1.0))
    tall, wide = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = rng.integers(0, height - tall + 1), rng.integers(0, width - wide + 1)
    window = rgb[top : top + tall, left : left + wide]
    image = Image.fromarray(np.ascontiguousarray(window[:, ::-1] if rng.random() < 0.5 else window))
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = enhance(image).enhance(rng.uniform(1 - MOST_CHANGE, 1 + MOST_CHANGE))
    return np.asarray(image)
