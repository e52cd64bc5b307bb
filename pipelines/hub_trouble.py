"""What goes wrong between this machine and the model hub, said to a person.

In: an error of the hub's client, of the network or of the disk. Out: :class:`pipelines.errors.HubError` with the cure.
An error of any other kind is a mistake in a program and passes as it is.
"""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.errors import EkphoniaError, HubError

log = logging.getLogger(__name__)


@contextmanager
def told_as_hub_errors(model_id: str) -> Iterator[None]:
    """Turn what the hub's client, the network or the disk raise within into a HubError about `model_id`."""
    try:
        yield
    except EkphoniaError:
        raise
    except Exception as cause:  # the client raises errors of several families
        sentence = sentence_for(model_id, cause)
        if sentence is None:
            raise
        log.info("the hub failed for %s: %s", model_id, cause)
        log.debug("the whole story", exc_info=cause)
        raise HubError(sentence) from cause


def sentence_for(model_id: str, cause: Exception) -> str | None:
    """What is wrong and what to do, in a sentence; None for what is neither the hub's, the network's nor the disk's."""
    cause = _root(cause)
    return _hubs_own(model_id, cause) or (_of_this_machine(model_id, cause) if isinstance(cause, OSError) else None)


def _root(cause: Exception) -> Exception:
    """What lies under the errors that the client wraps around others."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    while isinstance(cause, LocalEntryNotFoundError) or type(cause) is ValueError:
        if not isinstance(cause.__cause__, Exception):
            break
        cause = cause.__cause__
    return cause


def _hubs_own(model_id: str, cause: Exception) -> str | None:
    """A sentence for what the hub answered, or that it did not."""
    from huggingface_hub import errors

    if isinstance(cause, errors.OfflineModeIsEnabled):
        return f"Fetching is switched off on this machine (HF_HUB_OFFLINE); unset that variable to fetch {model_id}."
    if isinstance(cause, errors.GatedRepoError):
        return f"{model_id} asks for an account; log in to the hub, accept its terms there and try again."
    if isinstance(cause, errors.RepositoryNotFoundError):
        return f"The model hub has no model {model_id}; check the name."
    if isinstance(cause, errors.HfHubHTTPError):
        status = getattr(cause.response, "status_code", "without a number")
        return f"The model hub answers for {model_id} with an error (HTTP {status}); try again later."
    silent = (errors.HTTPError, TimeoutError, ConnectionError, socket.gaierror)
    if isinstance(cause, (*silent, errors.LocalEntryNotFoundError, errors.FileMetadataError)):
        return f"The model hub does not answer for {model_id}; try again when the network is there."
    return None


def _of_this_machine(model_id: str, cause: OSError) -> str:
    """A sentence for what the disk refuses."""
    place = cause.filename or "The folder of models"
    if isinstance(cause, PermissionError):
        return f"{place} may not be written to, so that {model_id} cannot be kept; set HF_HOME to a folder of yours."
    if cause.errno == errno.ENOSPC:
        return f"The disk is full, so that {model_id} cannot be kept; free some space and try again."
    if cause.errno is None:  # the client's own, for a file that came with too few bytes
        return f"What came of {model_id} is not whole; try again."
    return (
        f"{place} cannot be used ({cause.strerror}), so that {model_id} cannot be kept; set HF_HOME to another folder."
    )
