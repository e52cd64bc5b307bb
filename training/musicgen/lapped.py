"""Make a small EnCodec a lapped transform, so that it carries sound without having learnt any.

In: an untrained `EncodecModel` of 640 samples a frame whose convolutions are wide enough. Out: the same, whose encoder
computes the lowest coefficients of the modified discrete cosine transform of each frame (sine window of 1,280 samples;
Princen and Bradley 1986) and whose decoder inverts it. Random weights need days to find any such filter bank.

How: ELU is the identity above 0, so signals are lifted by :data:`LIFT` before each and lowered after. The first strided
convolutions only deal samples out to channels; the last of them sees two frames and holds the transform. Its inverse
reads each coefficient twice, once with its sign turned, so that the lift cancels. Residual blocks and LSTM begin as
nothing, around which their shortcuts lead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pipelines.errors import SettingsError

LIFT = 4.0  # above what a signal reaches
SCALE = 1 / 8  # of coefficients, which are larger than samples
EMPHASIS = 0.5  # of quiet coefficients: 0 leaves them as they are, 1 makes all alike
SMALL = 1e-4


def cosine_basis(frame: int, count: int) -> Tensor:
    """The lowest `count` basis functions of the MDCT with hops of `frame`, (2 frame, count), columns of norm 1."""
    n, k = torch.arange(2 * frame, dtype=torch.float64), torch.arange(count, dtype=torch.float64)
    window = torch.sin(math.pi / (2 * frame) * (n + 0.5))
    cosines = torch.cos(math.pi / frame * (n[:, None] + 0.5 + frame / 2) * (k[None] + 0.5))
    return (window[:, None] * math.sqrt(2 / frame) * cosines).float()


def frame_kernels(ratios: Sequence[int], count: int) -> list[Tensor]:
    """Kernels (outputs, inputs, 2 ratio) of strided convolutions which, one after the other, compute the transform.

    `ratios` in the encoder's order. All but the last deal samples out: output `place * inputs + channel`.
    """
    kernels, channels = [], 1
    for ratio in ratios[:-1]:
        kernel, left = torch.zeros(ratio * channels, channels, 2 * ratio), ratio - ratio // 2
        for place in range(ratio):
            for channel in range(channels):
                kernel[place * channels + channel, channel, left + place] = 1.0
        kernels.append(kernel)
        channels *= ratio
    last = ratios[-1]
    basis = cosine_basis(channels * last, count)
    kernels.append(basis.T.reshape(count, 2 * last, channels).transpose(1, 2).contiguous())
    return kernels


def emphasis(states: Tensor) -> Tensor:
    """Gains (count,) by which quiet coefficients of states (n, count) count for more when they are quantised.

    High partials of a piano are 40 dB below its fundamentals; by squared error alone no code is spent on them. Each
    gain is the coefficient's deviation to the power of minus :data:`EMPHASIS`; their mean deviation stays what it is.
    """
    deviation = states.std(0)
    gains: Tensor = (deviation / deviation.mean()).clamp(min=1e-4) ** -EMPHASIS
    return gains * deviation.mean() / (gains * deviation).mean()


@torch.no_grad()
def begin_as_transform(codec: Any, gains: Tensor | None = None) -> None:
    """Set the weights of an `EncodecModel`, whose coefficients are multiplied by `gains` (hidden size,), 1 if None.

    Raises:
        SettingsError: its layers are too narrow for what they are to carry, or its shape is another than MusicGen's.
    """
    config = codec.config
    ratios = list(reversed(config.upsampling_ratios))
    widths = [config.num_filters * 2**stage for stage in range(1, len(ratios) + 1)]
    needed = [math.prod(ratios[: stage + 1]) for stage in range(len(ratios) - 1)] + [2 * config.hidden_size]
    if config.use_causal_conv or any(has < wants for has, wants in zip(widths, needed, strict=True)):
        raise SettingsError(
            f"A codec of {config.num_filters} filters cannot begin as a transform: its stages have {widths} channels, "
            f"but it takes {needed}; use more filters or a smaller hidden size."
        )
    kernels = frame_kernels(ratios, config.hidden_size)
    scale = SCALE * (torch.ones(config.hidden_size) if gains is None else gains)[:, None, None]
    _encoder([module for module in codec.encoder.layers if hasattr(module, "conv")], kernels, scale)
    _decoder([module for module in codec.decoder.layers if hasattr(module, "conv")], kernels, scale)
    for layers in (codec.encoder.layers, codec.decoder.layers):
        for module in layers:
            if hasattr(module, "block"):  # its way round is the identity
                _set(module.block[-1].conv, torch.zeros(0, 0, 1), lift=0.0, lowered=False)
            if hasattr(module, "lstm"):
                for weight in module.lstm.parameters():
                    weight.mul_(SMALL)


def _encoder(convolutions: list[Any], kernels: list[Tensor], scale: Tensor) -> None:
    """The convolutions of the encoder: the first copies, the strided ones transform, the last copies."""
    first, *strided, last = convolutions
    _set(first.conv, torch.ones(1, 1, 1), lift=LIFT, lowered=False)
    for module, kernel in zip(strided, [*kernels[:-1], scale * kernels[-1]], strict=True):
        _set(module.conv, kernel, lift=LIFT, lowered=True)
    _set(last.conv, torch.eye(len(kernels[-1]))[..., None], lift=0.0, lowered=True)


def _decoder(convolutions: list[Any], kernels: list[Tensor], scale: Tensor) -> None:
    """The same backwards; a transposed convolution with the encoder's kernel is its inverse."""
    first, *strided, last = convolutions
    both = torch.cat((torch.eye(len(kernels[-1])), -torch.eye(len(kernels[-1]))))[..., None]
    _set(first.conv, both, lift=LIFT, lowered=False)
    inverse = torch.cat((kernels[-1] / scale, -kernels[-1] / scale)) / 2
    for module, kernel in zip(strided, [inverse, *reversed(kernels[:-1])], strict=True):
        _set(module.conv, kernel, lift=LIFT, lowered=True)
    _set(last.conv, torch.ones(1, 1, 1), lift=0.0, lowered=True)


def _set(convolution: Any, kernel: Tensor, *, lift: float, lowered: bool) -> None:
    """Give a weight-normed convolution a kernel, in its first channels, centred where it is shorter.

    The bias lowers its lifted inputs and lifts its outputs. Channels beyond have a gain of 0, but may learn.
    """
    whole = torch.zeros_like(convolution.weight)
    outs, ins, taps = kernel.shape
    start = (whole.shape[2] - taps) // 2
    whole[:outs, :ins, start : start + taps] = kernel
    gain, direction = convolution.parametrizations.weight.original0, convolution.parametrizations.weight.original1
    norms = whole.flatten(1).norm(dim=1)
    direction.copy_(torch.where(norms[:, None, None] > 0, whole, torch.randn_like(whole)))
    gain.copy_(norms[:, None, None])
    convolution.bias.fill_(lift)
    if lowered:
        convolution.bias.sub_(LIFT * _sum_for_outputs(convolution, whole))


def _sum_for_outputs(convolution: Any, weight: Tensor) -> Tensor:
    """What an input of ones gives at each output; of a transposed convolution's taps an output sees one a stride."""
    if isinstance(convolution, torch.nn.ConvTranspose1d):
        return weight.sum((0, 2)) / convolution.stride[0]
    return weight.sum((1, 2))
