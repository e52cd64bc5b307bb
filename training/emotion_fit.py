"""Fits of the emotion reader's three parts: the kernel regression, the head, the blend.

In: rows of features with valence and arousal, (n, 2) on 1 to 9. Out: the parts as `pipelines.emotion` reads them.

Conventions
-----------
Rows are pictures in styles: the same picture may come several times, with the same ratings. Who splits pictures into
folds keeps all rows of a picture on one side. Every default of the fits stands once, in :class:`FitSettings`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pipelines.emotion import Blend, EmotionReader, Opinion, heads_say, label_terms
from pipelines.emotion_head import VA_SCALE, EmotionHead, HeadConfig
from pipelines.emotion_kernel import KernelRegressor, class_rows, part_rows, squared_distances, to_class_steps, to_steps
from pipelines.records import LABELS, circumplex_label, region_probabilities
from training.emotion_table import Table

if TYPE_CHECKING:
    import torch

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FitSettings:
    """How the reader is fitted.

    `ridge` is the kernel's for a plain picture and `styled_ridge` for one in a style, which counts for less;
    `class_share` is the class probabilities' part of the kernel. The heads
    (`heads` of them, from different seeds) are trained for `epochs` with AdamW at `learning_rate`; `mixup` is the
    parameter of the Beta distribution by which pairs of pictures are mixed, `styled_share` how often a row in a style
    stands for the plain picture.
    """

    ridge: float = 0.05
    styled_ridge: float = 0.4
    class_share: float = 0.15
    heads: int = 2
    width: int = 64
    epochs: int = 12
    batch_size: int = 32
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.05
    mixup: float = 0.4
    styled_share: float = 0.3
    label_loss_share: float = 0.3
    seed: int = 0


def label_numbers(va: Floats) -> npt.NDArray[np.int64]:
    """Numbers in :data:`pipelines.records.LABELS` of the circumplex's labels of (n, 2) points, (n,)."""
    return np.array([LABELS.index(circumplex_label(valence, arousal)) for valence, arousal in va], dtype=np.int64)


def fit_kernel(
    tables: Sequence[Table], chosen: npt.NDArray[np.int64], va: Floats, *, settings: FitSettings
) -> KernelRegressor:
    """Fit the kernel regression to the pictures numbered `chosen` (m,) of each table; `va` is (pictures, 2)."""
    raw = np.concatenate([np.concatenate([part[chosen] for part in table.parts], axis=1) for table in tables])
    class_steps = to_class_steps(np.concatenate([table.classes[chosen] for table in tables]))
    mean, scale = raw.mean(axis=0), raw.std(axis=0) + 1e-6
    steps = to_steps(raw, mean, scale)
    sizes = np.array([part.shape[1] for part in tables[0].parts])
    rows = [*part_rows(steps, sizes), class_rows(class_steps)]
    gamma = np.array([1 / np.median(squared_distances(part, part)) for part in rows], np.float32)
    share = np.array([settings.class_share], np.float32)
    unfitted = np.zeros((len(steps), 2 + len(LABELS)), np.float32)
    kernel = KernelRegressor(mean, scale, sizes, gamma, share, steps, class_steps, unfitted, unfitted[0])
    ridge = np.repeat([settings.ridge] + [settings.styled_ridge] * (len(tables) - 1), len(chosen))
    return _solve(kernel, np.tile(targets(va[chosen]), (len(tables), 1)), ridge)


def targets(va: Floats) -> Floats:
    """What the kernel regression learns of (n, 2) points: the points and their labels as 0 and 1, (n, 7)."""
    return np.concatenate([va, np.eye(len(LABELS))[label_numbers(va)]], axis=1)


def _solve(kernel: KernelRegressor, wanted: Floats, ridge: Floats) -> KernelRegressor:
    """The same regressor with its dual weights: ridge regression of centred targets (N, 7), a ridge for each row."""
    offset = wanted.mean(axis=0)
    gram = kernel.kernel(kernel.support, kernel.class_support).astype(np.float64)
    gram[np.diag_indices_from(gram)] += ridge
    dual = np.linalg.solve(gram, wanted - offset)
    return replace(kernel, dual=dual.astype(np.float32), offset=offset.astype(np.float32))


def fit_heads(
    tables: Sequence[Table], chosen: npt.NDArray[np.int64], va: Floats, *, settings: FitSettings
) -> tuple[EmotionHead, ...]:
    """Train the heads on the pictures numbered `chosen` (m,); the first table holds the plain pictures."""
    return tuple(_fit_head(tables, chosen, va, settings, settings.seed + index) for index in range(settings.heads))


def _new_head(plain: Table, chosen: npt.NDArray[np.int64], settings: FitSettings) -> EmotionHead:
    """A head of random weights that standardises by the training pictures."""
    import torch

    sequences = torch.from_numpy(plain.sequence[chosen, 0].astype(np.float32))
    head = EmotionHead(HeadConfig(channels=sequences.shape[-1], width=settings.width))
    head.mean.copy_(sequences.mean((0, 1)))
    head.scale.copy_(sequences.std((0, 1)) + 1e-6)
    return head


def _fit_head(
    tables: Sequence[Table], chosen: npt.NDArray[np.int64], va: Floats, settings: FitSettings, seed: int
) -> EmotionHead:
    import torch

    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    head = _new_head(tables[0], chosen, settings).train()
    optimizer = torch.optim.AdamW(head.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
    per_epoch = max(1, len(chosen) // settings.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=settings.epochs * per_epoch, pct_start=0.15
    )
    for _ in range(settings.epochs):
        for batch in np.array_split(rng.permutation(chosen), per_epoch):
            optimizer.zero_grad()
            _loss(head, *_batch(tables, batch, va, settings, rng), settings=settings).backward()
            optimizer.step()
            schedule.step()
    return head.eval().requires_grad_(False)


def _batch(
    tables: Sequence[Table], batch: npt.NDArray[np.int64], va: Floats, settings: FitSettings, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Sequences (b, steps, channels), points (b, 2) and label shares (b, 5), mixed in pairs."""
    import torch

    styled = (rng.random(len(batch)) < settings.styled_share) & (len(tables) > 1)
    worn = np.where(styled, rng.integers(1, max(2, len(tables)), len(batch)), 0)
    sides = rng.integers(0, 2, len(batch))
    rows = [tables[table].sequence[picture, side] for table, picture, side in zip(worn, batch, sides, strict=True)]
    labels = np.eye(len(LABELS))[label_numbers(va[batch])]
    weight = rng.beta(settings.mixup, settings.mixup)
    partner = rng.permutation(len(batch))
    return tuple(  # type: ignore[return-value]
        torch.from_numpy((weight * values + (1 - weight) * values[partner]).astype(np.float32))
        for values in (np.stack(rows).astype(np.float32), va[batch], labels)
    )


def _loss(
    head: EmotionHead, sequence: torch.Tensor, va: torch.Tensor, labels: torch.Tensor, *, settings: FitSettings
) -> torch.Tensor:
    """Squared error of the point, the Gaussian likelihood of its spread alone, and cross entropy of the labels."""
    import torch

    said = head(sequence)
    squared = (said.va - va) ** 2
    spread = 0.5 * (said.log_variance + squared.detach() * torch.exp(-said.log_variance))
    entropy = torch.nn.functional.cross_entropy(said.label_logits, labels)
    return squared.mean() / VA_SCALE**2 + 0.1 * spread.mean() + settings.label_loss_share * entropy


def opinion_of(
    reader: KernelRegressor, heads: tuple[EmotionHead, ...], table: Table, rows: npt.NDArray[np.int64]
) -> Opinion:
    """What a fitted kernel regression and heads say of some rows of a table."""
    kernel = reader.predict([part[rows] for part in table.parts], table.classes[rows])
    return Opinion(kernel, heads_say(heads, table.sequence[rows]))


def region_masses(points: Floats, spreads: Floats) -> Floats:
    """Gaussian mass over the five regions about each of (n, 2) points with (n, 2) standard deviations, (n, 5)."""
    return np.array([region_probabilities(*point, *spread) for point, spread in zip(points, spreads, strict=True)])


def fit_blend(opinion: Opinion, va: Floats) -> Blend:
    """Fit the blend to held-out opinions on n pictures with ratings (n, 2): 14 free numbers."""
    weights = np.stack([_fit_share(opinion.kernel[:, j], opinion.head[:, j], va[:, j]) for j in range(2)])
    points = weights[:, 0] + weights[:, 1] * opinion.kernel[:, :2] + weights[:, 2] * opinion.head[:, :2]
    errors = points - va
    spread = np.stack([_fit_spread(opinion.head[:, 2 + j], errors[:, j]) for j in range(2)])
    rough = Blend(weights, spread, np.zeros(3), np.zeros(len(LABELS)))
    terms = label_terms(opinion, region_masses(*rough.points(opinion)))
    labels, bias = _fit_labels(terms, label_numbers(va))
    return Blend(weights, spread, labels, bias)


def _fit_share(kernel: Floats, head: Floats, rated: Floats) -> Floats:
    """Offset 0, the kernel's and the head's share (together 1) that leave the least squared error.

    Nothing freer: an offset or a slope, fitted to the other folds, leans against the fold that is held out.
    """
    difference = head - kernel
    share = float(np.clip((difference @ (rated - kernel)) / (difference @ difference + 1e-12), 0, 1))
    return np.array([0.0, 1 - share, share])


def _fit_spread(log_variance: Floats, errors: Floats) -> Floats:
    """Offset and slope (0 to 1) of the log variance that make the errors most likely."""
    from scipy.optimize import minimize

    def surprise(x: Floats) -> float:
        said = x[0] + x[1] * log_variance
        return float(np.mean(said + errors**2 * np.exp(-said)))

    start = np.array([np.log(np.mean(errors**2)), 0.0])
    return np.asarray(minimize(surprise, start, bounds=[(-4, 4), (0, 1)]).x)


def _fit_labels(terms: Floats, labels: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Weights (3,) at least 0 of the terms (n, 3, 5) and a bias (5,) that make the labels most likely."""
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    def surprise(x: Floats) -> float:
        scores = (terms * x[:3, None]).sum(axis=1) + x[3:]
        likely = log_softmax(scores, axis=1)[np.arange(len(labels)), labels]
        return float(-likely.mean() + 0.01 * (x[3:] ** 2).mean())

    start = np.concatenate([[0.5, 0.5, 0.5], np.zeros(len(LABELS))])
    bounds = [(0, None)] * 3 + [(None, None)] * len(LABELS)
    found = np.asarray(minimize(surprise, start, bounds=bounds).x)
    return found[:3], found[3:] - found[3:].mean()


def fit_reader(tables: Sequence[Table], va: Floats, blend: Blend, *, settings: FitSettings) -> EmotionReader:
    """Fit kernel and heads to all pictures and join them by a blend that was fitted on held-out opinions."""
    everyone = np.arange(len(va))
    kernel = fit_kernel(tables, everyone, va, settings=settings)
    return EmotionReader(kernel, fit_heads(tables, everyone, va, settings=settings), blend)
