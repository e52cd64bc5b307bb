"""Repositories of the model hub that data sets and models are pushed to, private unless asked otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipelines.errors import HubError


@contextmanager
def pushing(hub_id: str, *, kind: str, private: bool) -> Iterator[Any]:
    """Make the repository unless it is there, and hand out the hub's client with the token that it finds.

    `kind` is "model" or "dataset". Raises HubError where the repository is public though `private` is asked for, and
    for whatever the hub does not take, within too.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    try:
        api.create_repo(hub_id, repo_type=kind, private=private, exist_ok=True)
        if private and not api.repo_info(hub_id, repo_type=kind).private:
            cure = "make it private in its settings, give another name, or add --public"
            raise HubError(f"{hub_id} is there and public; {cure}.")
        yield api
    except HubError:
        raise
    except Exception as cause:  # the hub's client fails in as many ways as networks do
        raise HubError(f"The hub did not take {hub_id}; check the network and HF_TOKEN, then run it again.") from cause
