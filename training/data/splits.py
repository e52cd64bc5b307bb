"""Groups of items to three splits, and how many pairs each label and split gets.

In: labelled items, each of a group that must stay whole, with a weight (how many pairs it can serve). Out: a split for
each group, and quotas.

Conventions
-----------
A cell is a label in a split. 80, 10 and 10 in a hundred are sought within every label, not only over all; a group may
hold items of several labels, so that it is reached nearly, the more nearly the smaller the groups are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from pipelines.records import LABELS
from training.data.label_folders import Labelled

SPLITS = ("train", "validation", "test")
SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
LEAST_FOR_ALL = 5  # pairs of a label from which on every split has one
Cell = tuple[str, str]  # label, split


def assign_groups(items: Sequence[Labelled], weights: Sequence[float], *, seed: int) -> dict[str, str]:
    """A split for each group: the largest groups first, each where its labels are furthest below their share."""
    mass: dict[str, dict[str, float]] = defaultdict(lambda: dict.fromkeys(LABELS, 0.0))
    for item, weight in zip(items, weights, strict=True):
        mass[item.group][item.label] += weight
    names = sorted(mass)
    np.random.default_rng(seed).shuffle(names)
    names.sort(key=lambda name: -sum(mass[name].values()))  # stable, so equals stay shuffled
    total = {label: sum(group[label] for group in mass.values()) or 1.0 for label in LABELS}
    held = {(label, split): 0.0 for label in LABELS for split in SPLITS}
    found = {}
    for name in names:
        shares = {label: mass[name][label] / total[label] for label in LABELS}
        found[name] = min(SPLITS, key=lambda split: _strain(shares, held, split))
        for label in LABELS:
            held[label, found[name]] += shares[label]
    return found


def _strain(shares: Mapping[str, float], held: Mapping[Cell, float], split: str) -> float:
    """How much further from the wanted shares a group would bring its labels if it went into a split.

    Distances are measured in parts of the split's own share, so that a small split does not take a large group.
    """
    wanted = SHARES[split]
    after = sum(((held[label, split] + share) / wanted - 1) ** 2 * wanted for label, share in shares.items())
    before = sum((held[label, split] / wanted - 1) ** 2 * wanted for label in shares)
    return float(after - before)


def label_quotas(pairs: int, most: Mapping[str, int]) -> dict[str, int]:
    """As many pairs as asked, or as there can be, the same number for each label as far as `most` allows."""
    quotas = dict.fromkeys(most, 0)
    left = min(pairs, sum(most.values()))
    while left:
        open_labels = [label for label in most if quotas[label] < most[label]]
        share = max(1, left // len(open_labels))
        for label in open_labels:
            step = min(most[label] - quotas[label], share, left)
            quotas[label] += step
            left -= step
    return quotas


def cell_quotas(pairs: int, most: Mapping[Cell, int]) -> dict[Cell, int]:
    """Quotas of all cells: equal labels, and within each 80, 10 and 10 in a hundred, as far as `most` allows.

    A label is held to what its scarcest split can serve, so that the shares stand.
    """
    room = {label: max(n for n in range(_largest(label, most) + 1) if _fits(label, n, most)) for label in LABELS}
    quotas = label_quotas(pairs, room)
    return {(label, split): count for label in LABELS for split, count in _shared(quotas[label]).items()}


def _largest(label: str, most: Mapping[Cell, int]) -> int:
    return sum(most[label, split] for split in SPLITS)


def _fits(label: str, pairs: int, most: Mapping[Cell, int]) -> bool:
    return all(count <= most[label, split] for split, count in _shared(pairs).items())


def _shared(pairs: int) -> dict[str, int]:
    """80, 10 and 10 in a hundred, rounded, one of each at least from five on; what is left goes to training."""
    small = {split: max(int(pairs >= LEAST_FOR_ALL), round(SHARES[split] * pairs)) for split in SPLITS[1:]}
    return {"train": pairs - sum(small.values()), **small}
