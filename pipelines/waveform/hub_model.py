"""A paper's model on this machine: found in the hub's folder, loaded once, stopped at work, its failures told.

In: a :class:`pipelines.catalogue.ModelEntry` and how its folder is loaded. Out: the loaded parts, or one of our errors,
in one sentence for a person, the cause chained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pipelines.catalogue import ModelEntry
from pipelines.chain import Cancelled
from pipelines.errors import EkphoniaError, ModelFailedError, ModelMissingError, StoppedError
from pipelines.hub import local_folder
from pipelines.models import load_once

if TYPE_CHECKING:
    import torch

Parts = TypeVar("Parts")
CAPTIONING, PROMPTING = "Captioning", "Writing the prompt"
CURE = "fetch it again with `python -m pipelines fetch {role} --again` or choose the embedded model"


def stop_if(cancelled: Cancelled, what: str) -> None:
    """Raise StoppedError, such as "Captioning was stopped.", once `cancelled` answers True."""
    if cancelled():
        raise StoppedError(f"{what} was stopped.")


def asking(cancelled: Cancelled, what: str) -> Any:
    """A stopping criterion for transformers' `generate` that raises as :func:`stop_if`, asked after every token."""
    import torch
    from transformers import StoppingCriteria

    class Asking(StoppingCriteria):
        def __call__(self, tokens: torch.Tensor, scores: torch.Tensor, **kwargs: Any) -> torch.Tensor:
            stop_if(cancelled, what)
            return torch.zeros(len(tokens), dtype=torch.bool, device=tokens.device)

    return Asking()


def open_parts(entry: ModelEntry, load: Callable[[Path], Parts]) -> Parts:
    """Load a paper's model from its folder on this machine, once per process.

    Raises:
        ModelMissingError: it is not on this machine.
        ModelFailedError: its files are broken or incomplete, or memory does not suffice.
    """
    folder = local_folder(entry.hub_id or "")
    if folder is None:
        cure = f"fetch it with `python -m pipelines fetch {entry.role}` or choose another"
        raise ModelMissingError(f"{entry.name} ({entry.hub_id}) is not on this machine; {cure}.")
    with failures_told(entry, "cannot be loaded"):
        return load_once(f"{entry.role}:{folder}", lambda: load(folder))


def load_whole(model_class: Any, folder: Path) -> Any:
    """A transformers model ready to be asked; with CUDA in half precision and there.

    Raises:
        ValueError: the folder lacks some of its weights, which transformers would fill with noise and only warn.
    """
    import torch

    half = torch.cuda.is_available()
    model, found = model_class.from_pretrained(
        folder, local_files_only=True, dtype=torch.float16 if half else torch.float32, output_loading_info=True
    )
    if found["missing_keys"]:
        raise ValueError(f"weights are missing, such as {min(found['missing_keys'])}")
    return model.eval().requires_grad_(False).to(torch.device("cuda" if half else "cpu"))


@contextmanager
def failures_told(entry: ModelEntry, what: str) -> Iterator[None]:
    """Turn whatever goes wrong within into ModelFailedError, such as "BLIP large cannot be loaded"; ours pass."""
    try:
        yield
    except EkphoniaError:
        raise
    except Exception as cause:  # torch and transformers raise errors of many families
        raise _failed(entry, cause, what) from cause


def _failed(entry: ModelEntry, cause: Exception, what: str) -> ModelFailedError:
    import torch

    if isinstance(cause, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(cause):
        return ModelFailedError(f"There is too little memory for {entry.name}; free some or choose the embedded model.")
    return ModelFailedError(f"{entry.name} {what} ({type(cause).__name__}); {CURE.format(role=entry.role)}.")
