"""ZeroGPU: where a Space lends its GPU for a while, the music is made in a process that has it.

The package `spaces` must be imported before torch looks for a GPU, so app.py does it, first of all and only on ZeroGPU;
here it is only looked up. Its decorator takes a generator function of a module and runs it in a process forked from
this one. That process finds the model here, loaded on the CPU under its key, and brings it to the GPU itself, once: in
this one the GPU is only pretended, and not in every thread. The function takes and yields plain values.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.waveform.musicgen_sampling import SamplingSettings

ZERO_GPU_VARIABLE = "SPACES_ZERO_GPU"  # set by Spaces
FRAMES_PER_GPU_S = 25.0  # cautious: beyond what was asked for, a Space ends the process
START_S, LONGEST_S = 20.0, 300.0


def lent_gpu() -> Callable[..., Iterator[Any]] | None:
    """The generating function, run where the lent GPU is; None where no GPU is lent."""
    spaces = sys.modules.get("spaces")
    return _lent(spaces) if spaces is not None and os.environ.get(ZERO_GPU_VARIABLE) else None


@functools.cache
def _lent(spaces: Any) -> Callable[..., Iterator[Any]]:
    wrapped: Callable[..., Iterator[Any]] = spaces.GPU(duration=gpu_seconds)(chunks)
    return wrapped


def gpu_seconds(key: str, name: str, text: str, frames: int, seed: int, sampling: SamplingSettings | None) -> float:
    """How long the GPU is asked for, in seconds."""
    return min(LONGEST_S, START_S + frames / FRAMES_PER_GPU_S)


def chunks(key: str, name: str, text: str, frames: int, seed: int, sampling: SamplingSettings | None) -> Iterator[Any]:
    """Yield samples (n,) float32 of the model that :func:`pipelines.models.load_once` holds under `key`."""
    from pipelines.models import load_once
    from pipelines.waveform.musicgen import stream
    from pipelines.waveform.musicgen_loading import ready_parts

    parts = load_once(f"{key} ready", lambda: ready_parts(load_once(key, _not_loaded), name=name))
    yield from stream(parts, text, frames, seed=seed, sampling=sampling)


def _not_loaded() -> Any:
    from pipelines.errors import ModelFailedError

    raise ModelFailedError("The model is not loaded; try again.")
