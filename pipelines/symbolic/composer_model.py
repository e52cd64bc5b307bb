"""The composer's network: a decoder-only transformer over compound note events, conditioned on valence and arousal.

A sequence is [condition, header, event, event, …]. From the state at the condition the header is read off, from every
later state the next event, field after field (bar, position, pitch, duration, velocity), each given those before it.
Half of the attention heads rotate by the index of the event, half by its musical time in beats, so that "a bar ago"
and "four bars ago" are directions that a head can learn (rotary embeddings: Su et al. 2021).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipelines.records import VA_MIDDLE
from pipelines.symbolic.events import FIELDS, HEADER_FIELDS, HEADER_SIZES, SIZES

PREFIX = 2  # condition and header stand before the events


@dataclass(frozen=True)
class ComposerConfig:
    """Shape of the network; kept in the checkpoint's metadata."""

    width: int = 256
    layers: int = 6
    heads: int = 4
    feed_forward: int = 1024
    head_width: int = 192
    sources: int = 3
    dropout: float = 0.1

    def to_dict(self) -> dict[str, float]:
        """Plain values for JSON."""
        return asdict(self)


class Cache:
    """Keys and values of what was read so far; several rows may branch off from one trunk that they share.

    Own keys and values are (layers, batch, heads, capacity, head width). A branch's rows stand in the order of the
    trunk's (a, a, …, b, b, …); the trunk is read, never written, so that it is stored once.
    """

    def __init__(self, config: ComposerConfig, batch: int, capacity: int, *, trunk: Cache | None = None) -> None:
        shape = (config.layers, batch, config.heads, capacity, config.width // config.heads)
        self.keys, self.values = torch.empty(shape), torch.empty(shape)
        self.trunk = trunk
        self.own = 0

    @property
    def length(self) -> int:
        """Positions read so far, the trunk's included."""
        return self.own + (self.trunk.length if self.trunk else 0)

    @property
    def room(self) -> int:
        """Positions that can still be read."""
        return self.keys.shape[3] - self.own

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Store new keys and values and mix all values for the queries; all (batch, heads, n, head width).

        Several positions at once (n > 1) can only be read into an empty cache.
        """
        end = self.own + q.shape[2]
        self.keys[layer, :, :, self.own : end], self.values[layer, :, :, self.own : end] = k, v
        if q.shape[2] > 1:
            return F.scaled_dot_product_attention(q, k, v, is_causal=True)
        # One query a row: plain products are much faster here than torch's fused kernel.
        flat = q.flatten(0, 1) / q.shape[-1] ** 0.5
        own_keys, own_values = (x[layer, :, :, :end].flatten(0, 1) for x in (self.keys, self.values))
        scores = torch.bmm(flat, own_keys.transpose(1, 2))
        if self.trunk is None:
            return torch.bmm(scores.softmax(-1), own_values).view_as(q)
        return self._attend_with_trunk(self.trunk, layer, q, scores, own_values)

    def _attend_with_trunk(self, trunk: Cache, layer: int, q: Tensor, own_scores: Tensor, own_values: Tensor) -> Tensor:
        batch, heads, _, width = q.shape
        rows = trunk.keys.shape[1]
        grouped = (q / width**0.5).view(rows, batch // rows, heads, width).transpose(1, 2)
        keys, values = trunk.keys[layer, :, :, : trunk.own], trunk.values[layer, :, :, : trunk.own]
        shared = torch.matmul(grouped, keys.transpose(2, 3))  # (rows, heads, branches, trunk length)
        shared = shared.transpose(1, 2).reshape(batch * heads, 1, trunk.own)
        weights = torch.cat((shared, own_scores), dim=-1).softmax(-1)
        from_trunk = weights[..., : trunk.own].view(rows, batch // rows, heads, trunk.own).transpose(1, 2)
        mixed = torch.matmul(from_trunk, values).transpose(1, 2).reshape(batch, heads, 1, width)
        return mixed + torch.bmm(weights[..., trunk.own :], own_values).view_as(q)


def rotation(index: Tensor, time: Tensor, heads: int, head_width: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines (batch, heads, length, head_width / 2) of index and time in beats, each (batch, length)."""
    half = head_width // 2
    by_index = 1.0 / (2000.0 ** (torch.arange(half) / half))
    by_time = 2 * torch.pi / (0.5 * 1024.0 ** (torch.arange(half) / half))  # wavelengths from half a beat to 128 bars
    angle_index = index[..., None] * by_index
    angle_time = time[..., None] * by_time
    half_heads = heads // 2
    angle = torch.stack([angle_index] * half_heads + [angle_time] * (heads - half_heads), dim=1)
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the pairs (first half, second half) of the last axis of x (batch, heads, length, width) by the angles."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)


class Block(nn.Module):
    """Attention and feed-forward, each behind a layer norm with a residual around it."""

    def __init__(self, config: ComposerConfig) -> None:
        super().__init__()
        self.heads, self.dropout = config.heads, config.dropout
        self.norm1, self.norm2 = nn.LayerNorm(config.width), nn.LayerNorm(config.width)
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)
        self.up = nn.Linear(config.width, config.feed_forward)
        self.down = nn.Linear(config.feed_forward, config.width)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor], cache: Cache | None = None, layer: int = 0) -> Tensor:
        """Map x (batch, length, width); with a cache, after what it holds for this layer."""
        batch, length, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k = rotate(q, *turn), rotate(k, *turn)
        if cache is not None:
            mixed = cache.attend(layer, q, k, v)
        else:  # no dropout here: with it torch leaves its fused kernel, and training takes half as long again
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        drop = self.dropout if self.training else 0.0
        x = x + F.dropout(self.out(mixed.transpose(1, 2).reshape(batch, length, width)), drop)
        return x + F.dropout(self.down(F.gelu(self.up(self.norm2(x)))), drop)


class FieldHeads(nn.Module):
    """From a state, the distributions of several fields in turn, each given the values chosen before it."""

    def __init__(self, config: ComposerConfig, sizes: dict[str, int]) -> None:
        super().__init__()
        self.fields, self.head_width = list(sizes), config.head_width
        self.trunk = nn.Linear(config.width, len(sizes) * config.head_width)
        told = self.fields[:-1]  # nothing follows the last field
        self.given = nn.ModuleDict({name: nn.Embedding(sizes[name], len(sizes) * config.head_width) for name in told})
        self.logits = nn.ModuleDict({name: nn.Linear(config.head_width, size) for name, size in sizes.items()})

    def start(self, state: Tensor) -> Tensor:
        """Pre-activations (…, fields · head width) of a state (…, width)."""
        return self.trunk(state)

    def read(self, pre: Tensor, field: int) -> Tensor:
        """Logits of a field from the pre-activations."""
        own = pre[..., field * self.head_width : (field + 1) * self.head_width]
        return self.logits[self.fields[field]](F.gelu(own))

    def tell(self, pre: Tensor, field: int, value: Tensor) -> Tensor:
        """Pre-activations after a field's value (…) has been chosen."""
        return pre if field == len(self.fields) - 1 else pre + self.given[self.fields[field]](value)

    def forward(self, state: Tensor, values: Tensor) -> list[Tensor]:
        """Logits of every field for states (…, width), given the true values (…, fields)."""
        pre, logits = self.start(state), []
        for field in range(len(self.fields)):
            logits.append(self.read(pre, field))
            pre = self.tell(pre, field, values[..., field])
        return logits


class ComposerModel(nn.Module):
    """The network; see the module's text."""

    def __init__(self, config: ComposerConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.source = nn.Embedding(config.sources, width)
        self.emotion = nn.Sequential(nn.Linear(2, 128), nn.GELU(), nn.Linear(128, width))
        self.no_emotion = nn.Parameter(torch.zeros(width))
        self.header = nn.ModuleDict({name: nn.Embedding(HEADER_SIZES[name], width) for name in HEADER_FIELDS})
        self.event = nn.ModuleDict({name: nn.Embedding(SIZES[name], width) for name in FIELDS})
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(width)
        self.header_heads = FieldHeads(config, {name: HEADER_SIZES[name] for name in HEADER_FIELDS})
        self.event_heads = FieldHeads(config, {name: SIZES[name] for name in FIELDS})
        self.apply(_initialise)

    def condition(self, emotion: Tensor, source: Tensor, known: Tensor) -> Tensor:
        """Embed emotions (batch, 2) on 1 to 9 and sources (batch,); rows with `known` False get the learned nothing."""
        felt = self.emotion((emotion - VA_MIDDLE) / 2.0)
        return torch.where(known[:, None], felt, self.no_emotion) + self.source(source)

    def embed_header(self, header: Tensor) -> Tensor:
        """Embed header ids (batch, 3): (batch, width)."""
        return sum((self.header[name](header[:, i]) for i, name in enumerate(HEADER_FIELDS)), torch.zeros(()))

    def embed_events(self, events: Tensor) -> Tensor:
        """Embed events (batch, n, 5): (batch, n, width)."""
        return sum((self.event[name](events[..., i]) for i, name in enumerate(FIELDS)), torch.zeros(()))

    def states(self, x: Tensor, index: Tensor, time: Tensor, cache: Cache | None = None) -> Tensor:
        """States (batch, n, width) of inputs x with their index and time in beats (batch, n)."""
        turn = rotation(index, time, self.config.heads, self.config.width // self.config.heads)
        for i, block in enumerate(self.blocks):
            x = block(x, turn, cache, i)
        if cache is not None:
            cache.own += x.shape[1]
        return self.norm(x)

    def inputs(self, condition: Tensor, header: Tensor, events: Tensor, time: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs, indices and times of [condition, header, events…]: (b, 2 + n, width), (b, 2 + n), (b, 2 + n)."""
        about = condition + self.embed_header(header)
        x = torch.cat((condition[:, None], about[:, None], self.embed_events(events) + about[:, None]), dim=1)
        index = torch.arange(x.shape[1], dtype=torch.float32).expand(x.shape[0], -1)
        return x, index, F.pad(time, (PREFIX, 0))

    def forward(
        self, condition: Tensor, header: Tensor, events: Tensor, time: Tensor
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Logits of the header's fields (b, size) and of each event's fields (b, n, size), teacher-forced."""
        states = self.states(*self.inputs(condition, header, events, time))
        header_logits = self.header_heads(states[:, 0], header)
        return header_logits, self.event_heads(states[:, 1:-1], events)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
