"""Learning an EnCodec's codebooks: transformers' classes play them, but learn none.

Residual vector quantisation (Défossez et al. 2022, section 3.2): each codebook quantises what those before left over.
Codebooks begin with k-means over encoder states, then follow them by an exponential moving average; a code that is
hardly used moves to a random state of the batch.

Shapes: states (vectors, width) float32, codes (vectors,) int64.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

DECAY = 0.998
HARDLY_USED = 0.05  # a code whose average use a batch is below this share of the even use is moved
ROUNDS = 20


def begin_codebooks(quantiser: Any, states: Tensor, generator: torch.Generator) -> None:
    """Set every codebook of an `EncodecResidualVectorQuantizer` by k-means over states (vectors, width)."""
    left = states
    for layer in quantiser.layers:
        centres = k_means(left, layer.codebook.codebook_size, generator)
        _set(layer.codebook, centres)
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


def _set(codebook: Any, centres: Tensor) -> None:
    codebook.embed.copy_(centres)
    codebook.embed_avg.copy_(centres)
    codebook.cluster_size.fill_(1.0)  # a light start: the first batches move it freely


@torch.no_grad()
def quantised(quantiser: Any, hidden: Tensor, generator: torch.Generator, *, learn: bool) -> Tensor:
    """Encoder states (b, width, n) through all codebooks: the same shape. With `learn` the codebooks follow them."""
    left = hidden.transpose(1, 2).flatten(0, 1)
    total = torch.zeros_like(left)
    for layer in quantiser.layers:
        codes = layer.codebook.quantize(left)
        found = layer.codebook.decode(codes)
        if learn:
            _follow(layer.codebook, left, codes, generator)
        total, left = total + found, left - found
    return total.unflatten(0, (len(hidden), -1)).transpose(1, 2)


def _follow(codebook: Any, states: Tensor, codes: Tensor, generator: torch.Generator) -> None:
    """Move a codebook towards the states that chose its codes."""
    count = codebook.codebook_size
    sizes = torch.bincount(codes, minlength=count).to(states.dtype)
    sums = torch.zeros_like(codebook.embed).index_add_(0, codes, states)
    codebook.cluster_size.lerp_(sizes, 1 - DECAY)
    codebook.embed_avg.mul_(DECAY).add_(sums, alpha=1 - DECAY)
    codebook.embed.copy_(codebook.embed_avg / codebook.cluster_size.clamp(min=1e-5)[:, None])
    idle = (codebook.cluster_size < HARDLY_USED * len(states) / count).nonzero()[:, 0]
    if len(idle):
        chosen = states[torch.randint(len(states), (len(idle),), generator=generator)]
        codebook.embed[idle] = chosen
        even = len(states) / count
        codebook.cluster_size[idle] = even
        codebook.embed_avg[idle] = chosen * even


def used_share(codes: Tensor, count: int) -> float:
    """Perplexity of the codes over their number, 0 to 1; 1 when all are used alike."""
    share = torch.bincount(codes.flatten(), minlength=count).double()
    share = share[share > 0] / share.sum()
    return float(torch.exp(-(share * share.log()).sum()) / count)
