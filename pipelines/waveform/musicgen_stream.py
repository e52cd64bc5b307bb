"""EnCodec's decoder as a stream: tokens in, as they come, and the very samples out that decoding all at once makes.

In: tokens (codebooks, n) int64, n frames. Out: samples (m,) float32, mono; m lags behind by what the convolutions look
ahead (less than 5 frames) until the last tokens are in, then all are out: 640 samples a frame.

Every layer keeps what it needs of the past: a convolution its last inputs, an upsampling the tail that overlaps, the
LSTM its state. The padding of beginning and end is that of transformers' layers, whose weights are used. So no border
between chunks exists that could be heard (tests: equal to one-shot decoding within float precision).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from pipelines.errors import ModelFailedError


class Layer(Protocol):
    """A layer of the stream."""

    def push(self, x: Tensor, *, last: bool) -> Tensor:
        """Take the next inputs (1, channels, n), n from 0 on; give the outputs that are certain by now."""


class Convolution:
    """`EncodecConv1d` of stride 1."""

    def __init__(self, module: Any) -> None:
        self._module, conv = module, module.conv
        self._reach = (conv.kernel_size[0] - 1) * conv.dilation[0]
        self._right = 0 if module.causal else self._reach // 2
        self._left = self._reach - self._right
        self._held: Tensor | None = None
        self._begun = False

    def push(self, x: Tensor, *, last: bool) -> Tensor:
        """See :class:`Layer`."""
        held = x if self._held is None else torch.cat((self._held, x), dim=-1)
        if not self._begun:
            if held.shape[-1] <= max(self._left, self._right):  # too little to reflect
                self._held = held
                return self._module(held) if last else self._nothing(x)
            held, self._begun = F.pad(held, (self._left, 0), self._module.pad_mode), True
        if last and self._right:
            held = F.pad(held, (0, self._right), self._module.pad_mode)
        self._held = held[..., max(0, held.shape[-1] - self._reach) :]
        return self._module.conv(held) if held.shape[-1] > self._reach else self._nothing(x)

    def _nothing(self, x: Tensor) -> Tensor:
        return x.new_empty(1, self._module.conv.out_channels, 0)


class Upsampling:
    """`EncodecConvTranspose1d`."""

    def __init__(self, module: Any) -> None:
        self._conv = module.conv
        self._stride = self._conv.stride[0]
        overlap = self._conv.kernel_size[0] - self._stride
        self._right = math.ceil(overlap * module.trim_right_ratio) if module.causal else overlap // 2
        self._to_drop = overlap - self._right
        self._tail = self._conv.weight.new_zeros(1, self._conv.out_channels, overlap)

    def push(self, x: Tensor, *, last: bool) -> Tensor:
        """See :class:`Layer`."""
        done = self._tail[..., :0]
        if x.shape[-1]:
            whole = F.conv_transpose1d(x, self._conv.weight, None, self._stride)
            whole[..., : self._tail.shape[-1]] += self._tail
            done, self._tail = whole.split((x.shape[-1] * self._stride, self._tail.shape[-1]), dim=-1)
        if last:
            done = torch.cat((done, self._tail[..., : self._tail.shape[-1] - self._right]), dim=-1)
        dropped = min(self._to_drop, done.shape[-1])
        self._to_drop -= dropped
        return done[..., dropped:] + self._conv.bias[:, None]


class Memory:
    """`EncodecLSTM`."""

    def __init__(self, module: Any) -> None:
        self._lstm = module.lstm
        self._state: Any = None

    def push(self, x: Tensor, *, last: bool) -> Tensor:
        """See :class:`Layer`."""
        if not x.shape[-1]:
            return x
        steps = x.permute(2, 0, 1)
        out, self._state = self._lstm(steps, self._state)
        return (out + steps).permute(1, 2, 0)


class Residual:
    """`EncodecResnetBlock`: the way round waits for the way through."""

    def __init__(self, module: Any) -> None:
        self._through, self._round = Chain(module.block), module.shortcut
        self._waiting: Tensor | None = None

    def push(self, x: Tensor, *, last: bool) -> Tensor:
        """See :class:`Layer`."""
        around = x if self._waiting is None else torch.cat((self._waiting, x), dim=-1)
        through = self._through.push(x, last=last)
        count = through.shape[-1]
        self._waiting = around[..., count:]
        return through + (self._round(around[..., :count]) if count else through)


class Pointwise:
    """A layer that looks at one sample at a time."""

    def __init__(self, module: Any) -> None:
        self._module = module

    def push(self, x: Tensor, *, last: bool) -> Tensor:
        """See :class:`Layer`."""
        out: Tensor = self._module(x)
        return out


class Chain:
    """Layers one after the other."""

    def __init__(self, modules: Any) -> None:
        self._layers = [_layer(module) for module in modules]

    def push(self, x: Tensor, *, last: bool) -> Tensor:
        """See :class:`Layer`."""
        for layer in self._layers:
            x = layer.push(x, last=last)
        return x


def _layer(module: Any) -> Layer:
    """The streaming form of one of EnCodec's layers."""
    kinds: dict[str, Callable[[Any], Layer]] = {
        "EncodecConv1d": Convolution,
        "EncodecConvTranspose1d": Upsampling,
        "EncodecLSTM": Memory,
        "EncodecResnetBlock": Residual,
        "ELU": Pointwise,
    }
    name = type(module).__name__
    if name not in kinds:
        raise ModelFailedError(f"The sound decoder has a layer {name}, which cannot be streamed; take another model.")
    return kinds[name](module)


def prepare_codec(codec: Any) -> Any:
    """Make an `EncodecModel` ready: its convolutions' weights computed once instead of at every call.

    Raises ModelFailedError for one that normalises over all of the sound, which no stream can.
    """
    from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations

    if codec.config.norm_type != "weight_norm" or codec.config.normalize or codec.config.chunk_length_s:
        raise ModelFailedError("The sound decoder needs all of the sound at once, so it cannot stream; take another.")
    for module in codec.decoder.modules():
        if is_parametrized(module, "weight"):
            remove_parametrizations(module, "weight")
    return codec.eval()


class StreamingCodec:
    """One take's stream through a codec that :func:`prepare_codec` made ready; the codec itself is only read.

    A stereo model's codebooks alternate between left and right, which are mixed.
    """

    def __init__(self, codec: Any, *, channels: int = 1) -> None:
        self._codec, self._channels = codec, channels
        self._streams = [Chain(codec.decoder.layers) for _ in range(channels)]

    def push(self, tokens: Tensor, *, last: bool = False) -> Tensor:
        """Take the next frames' tokens, (codebooks, n) int64, n from 1 on; the samples (m,) float32 now certain."""
        with torch.inference_mode():
            sides = [
                stream.push(self._codec.quantizer.decode(tokens[side :: self._channels, None]), last=last)
                for side, stream in enumerate(self._streams)
            ]
            return torch.stack(sides).mean(dim=(0, 1, 2))
