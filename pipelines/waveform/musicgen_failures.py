"""What can go wrong inside a model, told in one sentence for a person."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipelines.errors import EkphoniaError, ModelFailedError

OUT_OF_MEMORY = ("not enough memory", "out of memory", "can't allocate memory", "cannot allocate memory", "bad_alloc")

log = logging.getLogger(__name__)


@contextmanager
def failures_told(name: str, doing: str, *, free: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Turn whatever goes wrong within into ModelFailedError about `name` while `doing`; our own errors pass.

    After running out of memory, what was under way is let go and `free` is called.
    """
    try:
        yield
    except EkphoniaError:
        raise
    except Exception as cause:
        log.info("%s failed while %s", name, doing, exc_info=cause)
        if is_out_of_memory(cause):
            traceback.clear_frames(cause.__traceback__)
            free()
            raise ModelFailedError(f"There is not enough memory for {name} while {doing}.") from cause
        if isinstance(cause, ImportError):
            raise ModelFailedError(f"{name} needs the Python package {cause.name}, which is missing.") from cause
        raise ModelFailedError(f"{name} failed while {doing} ({_first_line(cause)}).") from cause


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory, of the machine or of its GPU, ran out."""
    if isinstance(error, MemoryError) or type(error).__name__ in ("OutOfMemoryError", "AcceleratorOutOfMemoryError"):
        return True
    return isinstance(error, (RuntimeError, OSError)) and any(words in str(error).lower() for words in OUT_OF_MEMORY)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:160].rstrip('.')}" if lines else type(error).__name__
