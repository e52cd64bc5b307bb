"""An EnCodec's codebooks by k-means: transformers' classes play them, but learn none.

Residual vector quantisation (Défossez et al. 2022, section 3.2): each codebook quantises what those before left over.

Shapes: states (vectors, width) float32, codes (vectors,) int64.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

ROUNDS = 20


def begin_codebooks(quantiser: Any, states: Tensor, generator: torch.Generator) -> None:
    """Set every codebook of an `EncodecResidualVectorQuantizer` by k-means over states (vectors, width)."""
    left = states
    for layer in quantiser.layers:
        centres = k_means(left, layer.codebook.codebook_size, generator)
        layer.codebook.embed.copy_(centres)
        layer.codebook.embed_avg.copy_(centres)
        layer.codebook.cluster_size.fill_(1.0)
        left = left - layer.codebook.decode(layer.codebook.quantize(left))


def k_means(points: Tensor, count: int, generator: torch.Generator, *, rounds: int = ROUNDS) -> Tensor:
    """Centres (count, width) of points (n, width), begun at random points; one without points moves to another."""
    which = torch.randint(len(points), (count,), generator=generator)
    if len(points) >= count:
        which = torch.randperm(len(points), generator=generator)[:count]
    centres = points[which].clone()
    for _ in range(rounds):
        nearest = torch.cdist(points, centres).argmin(1)
        sizes = torch.bincount(nearest, minlength=count)
        sums = torch.zeros_like(centres).index_add_(0, nearest, points)
        centres = sums / sizes.clamp(min=1)[:, None]
        empty = int((sizes == 0).sum())
        centres[sizes == 0] = points[torch.randint(len(points), (empty,), generator=generator)]
    return centres


def used_share(codes: Tensor, count: int) -> float:
    """Perplexity of the codes over their number, 0 to 1; 1 when all are used alike."""
    share = torch.bincount(codes.flatten(), minlength=count).double()
    share = share[share > 0] / share.sum()
    return float(torch.exp(-(share * share.log()).sum()) / count)
