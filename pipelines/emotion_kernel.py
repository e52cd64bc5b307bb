"""Kernel regression from a picture's pooled features to valence, arousal and five label scores, in numpy.

In: the parts and class probabilities of :class:`pipelines.emotion_features.Features`. Out: (7,) float64.

Conventions
-----------
The kernel between two pictures is the mean over the parts of exp(-gamma d²), d² the squared distance of the part's
standardised channels, blended with the same of the square roots of the class probabilities. Standardised channels are
kept as whole steps of :data:`STEP` in int8, the picture's too, so that fit and reading see the same numbers.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.errors import WeightsError
from pipelines.records import LABELS

Floats = npt.NDArray[np.float32]
OUTPUTS = ("valence", "arousal", *LABELS)
STEP = 1 / 16
MOST_STEPS = 127
CLASS_STEPS = 255


@dataclass(frozen=True, eq=False)
class KernelRegressor:
    """Fitted arrays: C channels in P parts together, N pictures seen.

    `mean`, `scale` (C,) float32; `part_sizes` (P,) int64; `gamma` (P + 1,) float32, the classes' last;
    `class_share` (1,) float32, 0 to 1; `support` (N, C) int8; `class_support` (N, 1000) uint8;
    `dual` (N, 7) float32 and `offset` (7,) float32 for :data:`OUTPUTS`.
    """

    mean: Floats
    scale: Floats
    part_sizes: npt.NDArray[np.int64]
    gamma: Floats
    class_share: Floats
    support: npt.NDArray[np.int8]
    class_support: npt.NDArray[np.uint8]
    dual: Floats
    offset: Floats

    def predict(self, parts: Sequence[Floats], classes: Floats) -> npt.NDArray[np.float64]:
        """Predict (n, 7) for n pictures: parts (n, channels) each, classes (n, 1000) square roots of probabilities."""
        steps = to_steps(np.concatenate(parts, axis=1), self.mean, self.scale)
        kernel = self.kernel(steps, to_class_steps(classes))
        return np.asarray(kernel @ self.dual + self.offset, np.float64)

    def kernel(self, steps: npt.NDArray[np.int8], class_steps: npt.NDArray[np.uint8]) -> Floats:
        """The kernel of n pictures with those seen, (n, N) float32 in 0 to 1."""
        seen, seen_classes = self._seen
        squared = [squared_distances(a, b) for a, b in zip(part_rows(steps, self.part_sizes), seen, strict=True)]
        of_parts = np.mean([np.exp(-g * d) for g, d in zip(self.gamma[:-1], squared, strict=True)], axis=0)
        of_classes = np.exp(-self.gamma[-1] * squared_distances(class_rows(class_steps), seen_classes))
        share = self.class_share[0]
        return np.asarray((1 - share) * of_parts + share * of_classes, np.float32)

    @cached_property
    def _seen(self) -> tuple[list[Floats], Floats]:
        """The pictures seen as float32, kept: to turn them from steps for every picture would take half the time."""
        return part_rows(self.support, self.part_sizes), class_rows(self.class_support)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Arrays by name, for :func:`kernel_from`."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def kernel_from(arrays: Mapping[str, npt.NDArray[Any]]) -> KernelRegressor:
    """Make a regressor from :meth:`KernelRegressor.arrays`.

    Raises:
        WeightsError: an array is missing or too many.
    """
    try:
        return KernelRegressor(**arrays)
    except TypeError as error:
        cure = "run `python -m training.emotion`"
        raise WeightsError(f"The emotion regressor's weights are of another version; {cure}.") from error


def to_steps(channels: Floats, mean: Floats, scale: Floats) -> npt.NDArray[np.int8]:
    """Standardise (n, C) channels and round them to steps, (n, C) int8."""
    steps = np.rint((channels - mean) / (scale * STEP))
    return np.clip(steps, -MOST_STEPS, MOST_STEPS).astype(np.int8)


def to_class_steps(classes: Floats) -> npt.NDArray[np.uint8]:
    """Round square roots of probabilities, 0 to 1, to (n, 1000) uint8."""
    return np.asarray(np.rint(np.clip(classes, 0, 1) * CLASS_STEPS), np.uint8)


def squared_distances(left: Floats, right: Floats) -> Floats:
    """Squared Euclidean distances of rows, (n, N)."""
    squared = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1) - 2 * (left @ right.T)
    return np.maximum(squared, 0)


def part_rows(steps: npt.NDArray[np.int8], part_sizes: npt.NDArray[np.int64]) -> list[Floats]:
    """The standardised channels of each part, (n, channels) float32, of (n, C) steps."""
    edges = np.concatenate([[0], np.cumsum(part_sizes)])
    return [np.asarray(steps[:, a:b].astype(np.float32) * STEP, np.float32) for a, b in itertools.pairwise(edges)]


def class_rows(steps: npt.NDArray[np.uint8]) -> Floats:
    """Square roots of probabilities, (n, 1000) float32, of steps."""
    return np.asarray(steps / np.float32(CLASS_STEPS), np.float32)
