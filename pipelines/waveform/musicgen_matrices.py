"""Multiplication by the decoder's weights: as they are, or kept in 8 bits on a CPU.

In: a weight (out, in). Out: a callable that takes (…, in) to (…, out) in the input's dtype.

A step of MusicGen reads every weight once, so that on a CPU its speed is that of reading memory: 8 bits instead of 32
are the gain. The weights get one scale a row, the way of "weight-only" quantisation. Activations lose next to nothing:
each row of them is split into a coarse part and what is left over, 8 bits each, and both are multiplied in one go, as
four rows take no longer than two. That keeps outliers harmless, which plain dynamic 8-bit activations (one scale for a
whole tensor: LLM.int8(), Dettmers et al. 2022, section 3) do not.
"""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from pipelines.errors import ModelFailedError

Matrix = Callable[[Tensor], Tensor]
PRECISIONS = ("int8", "float32", "float16")
ENGINES = ("x86", "fbgemm")
FULL_RANGE, SAFE_RANGE = 127, 63  # the second where a CPU adds up products in 16 bits, which would overflow

_engine_lock = threading.Lock()


def matrix(weight: Tensor, precision: str) -> Matrix:
    """Make the callable for a weight (out, in) float32; `precision` is one of :data:`PRECISIONS`.

    Raises ModelFailedError for a weight that holds what is no finite number.
    """
    if not bool(weight.sum(dtype=torch.float64).isfinite()):
        raise ModelFailedError("The checkpoint's weights hold values that are no numbers; fetch or train it anew.")
    if precision == "int8":
        return Int8Matrix(weight, levels=int8_levels())
    dtype = torch.float16 if precision == "float16" else torch.float32
    return functools.partial(F.linear, weight=weight.detach().to(dtype, copy=True))


class Int8Matrix:
    """A weight (out, in) of which each row is 8 bits and a scale; multiplies float32 on a CPU.

    `levels` is how far from 0 an activation's 8 bits may go, :data:`FULL_RANGE` or :data:`SAFE_RANGE`.
    """

    def __init__(self, weight: Tensor, *, levels: int) -> None:
        scales = (weight.detach().abs().amax(1).double() / 127).clamp_min(1e-12)
        zeros = torch.zeros(len(scales), dtype=torch.int64)
        with _engine_lock, warnings.catch_warnings():  # torch means to move this to torchao, one day
            warnings.simplefilter("ignore", UserWarning)
            rounded = torch.quantize_per_channel(weight.detach().float(), scales, zeros, 0, torch.qint8)
            before = torch.backends.quantized.engine  # packing asks this which library is to multiply later
            torch.backends.quantized.engine = _engine()
            try:
                self._packed = torch.ops.quantized.linear_prepack(rounded, None)
            finally:
                torch.backends.quantized.engine = before
        self._levels = levels

    def __call__(self, x: Tensor) -> Tensor:
        """(…, in) float32 to (…, out) float32."""
        flat = x.reshape(-1, x.shape[-1])
        scale = flat.abs().amax(1, keepdim=True).clamp_min_(1e-12).div_(self._levels)
        scaled = flat / scale
        coarse = scaled.round()
        finer = 2 * self._levels
        parts = torch.cat((coarse, (scaled - coarse).mul_(finer)))
        both = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32(
            parts, 1.0, self._levels + 1, self._packed
        )
        out: Tensor = torch.add(both[: len(flat)], both[len(flat) :], alpha=1 / finer).mul_(scale)
        return out.reshape(*x.shape[:-1], -1)


def _engine() -> str:
    """The library that multiplies 8-bit numbers here; raises RuntimeError where there is none."""
    supported = torch.backends.quantized.supported_engines
    for engine in ENGINES:
        if engine in supported:
            return engine
    raise RuntimeError(f"None of the engines {', '.join(ENGINES)} is in this build of torch.")


@functools.cache
def int8_levels() -> int:
    """The range of 8-bit activations that this CPU multiplies exactly: 127, 63, or 0 where it cannot at all.

    Found by trying the largest sums: CPUs without VNNI saturate there.
    """
    size = 256
    for levels in (FULL_RANGE, SAFE_RANGE):
        try:
            product = Int8Matrix(torch.ones(16, size), levels=levels)(torch.ones(1, size))
        except (RuntimeError, AttributeError, NotImplementedError):
            return 0
        if bool((product - size).abs().max() < 1e-3 * size):
            return levels
    return 0
