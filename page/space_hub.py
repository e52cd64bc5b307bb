"""Brings a plan to the hub: makes the Space, sets variables and hardware, uploads in one commit, waits for it to run.

In: a :class:`page.space_files.Plan` and the Space's id, owner/name. Out: its address. Only huggingface_hub talks to the
hub, with the token of the environment or of its own login, which is neither shown nor written anywhere.

Conventions
-----------
One commit for all, by `create_commit`: `upload_folder` may make several, and a Space would be built for each and run
half a program between. Files of the Space that are not in the plan are removed by the same commit. A hub that does not
answer is given up within :data:`pipelines.hub.WAIT_S` seconds at the first question and :data:`PATIENCE_S` later on.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from page.space_files import README, SPACEFILE, Plan
from page.spacefile import ZERO_GPU, has_gpu
from pipelines.errors import EkphoniaError, HubError, SettingsError
from pipelines.hub import HUB_ID, WAIT_S

if TYPE_CHECKING:
    from huggingface_hub import HfApi

PATIENCE_S = 120.0
POLL_S = 5.0
LONGEST_WAIT_S = 3600.0  # building with CUDA and three preloaded models takes a good half of it
GITATTRIBUTES = ".gitattributes"  # the hub's own
FAILED = ("BUILD_ERROR", "RUNTIME_ERROR", "CONFIG_ERROR", "STOPPED", "PAUSED", "DELETING")
Tell = Callable[[str], None]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Uploaded:
    """Where the Space is, and which commit of its repository it was given."""

    repo_id: str
    address: str
    commit: str


def check_repo_id(repo_id: str) -> None:
    """Raise SettingsError for what cannot be a Space's id."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repo_id)
    except HFValidationError:
        repo_id = ""
    if not HUB_ID.fullmatch(repo_id):
        raise SettingsError("The Space's id must be owner/name, of letters, digits, - _ and .; such as me/ekphonia.")


def address_of(repo_id: str) -> str:
    """Where a Space is on the web."""
    from huggingface_hub import constants

    return f"{constants.ENDPOINT}/spaces/{repo_id}"


def upload(
    plan: Plan, repo_id: str, *, hardware: str | None = None, private: bool = False, replace: bool = False, tell: Tell
) -> Uploaded:
    """Make or renew the Space. `hardware` is asked for if given, else the Space keeps what it has.

    Variables and hardware are set before the files arrive, so that the Space is built once and for the right hardware.

    Raises:
        SettingsError: `repo_id` is no id.
        HubError: not logged in, no right, the hub does not answer; the Space holds another app and `replace` is not
            set; it exists already in public and `private` is asked for.
    """
    check_repo_id(repo_id)
    api = _logged_in()
    with _asking(repo_id, PATIENCE_S):
        api.create_repo(
            repo_id, repo_type="space", space_sdk=plan.header["sdk"], private=private or None, exist_ok=True
        )
        info = api.space_info(repo_id)
    there = {file.rfilename for file in info.siblings or []}
    _check_space(repo_id, there, private=private and not info.private, replace=replace)
    with _asking(repo_id, PATIENCE_S):
        _ask_for_hardware(api, repo_id, hardware, tell, planned=plan.hardware)
        _set_variables(api, repo_id, plan.variables, tell)
    gone = sorted(there - set(plan.files) - {GITATTRIBUTES})
    commit = _commit(api, plan, repo_id, gone, parent=info.sha, tell=tell)
    return Uploaded(repo_id, address_of(repo_id), commit)


def _logged_in() -> HfApi:
    """The client, once the hub has said whose token it is."""
    from huggingface_hub import HfApi, get_token

    if get_token() is None:
        raise HubError(
            "You are not logged in at the hub; set HF_TOKEN to a token with write access, or `hf auth login`."
        )
    api = HfApi()
    with _asking("the login", WAIT_S):
        who = api.whoami()
    if (((who.get("auth") or {}).get("accessToken")) or {}).get("role") == "read":
        raise HubError(f"The token of {who['name']} may only read; make one with write access and set HF_TOKEN to it.")
    return api


def _check_space(repo_id: str, there: set[str], *, private: bool, replace: bool) -> None:
    if private:
        raise HubError(f"{repo_id} exists and is public; make it private in its settings, or give another name.")
    if there - {GITATTRIBUTES, README} and SPACEFILE not in there and not replace:
        raise HubError(f"{repo_id} holds another app, whose files would go; give another name, or add --replace.")


def _set_variables(api: HfApi, repo_id: str, wanted: Mapping[str, str], tell: Tell) -> None:
    """Only what differs, since a Space starts anew with each."""
    has = {key: variable.value for key, variable in api.get_space_variables(repo_id).items()}
    for key, value in wanted.items():
        if has.get(key) != value:
            api.add_space_variable(repo_id, key, value)
            tell(f"set {key}={value}")


def _ask_for_hardware(api: HfApi, repo_id: str, wanted: str | None, tell: Tell, *, planned: str) -> None:
    """Ask for what is wanted if the Space has it not; else see that the files suit what it has."""
    from huggingface_hub import SpaceHardware

    runtime = api.get_space_runtime(repo_id)
    has = runtime.requested_hardware or runtime.hardware
    if wanted is None and has is not None and _kind(has) != _kind(planned):
        raise HubError(f"{repo_id} has {has}, but the files are for {planned}; add --hardware {has}, or another.")
    if wanted is not None and wanted != has:
        api.request_space_hardware(repo_id, SpaceHardware(wanted))
        tell(f"asked for {wanted}")


def _kind(hardware: str) -> tuple[bool, bool]:
    """What makes a difference to the files."""
    return has_gpu(hardware), hardware == ZERO_GPU


def _commit(api: HfApi, plan: Plan, repo_id: str, gone: list[str], *, parent: str | None, tell: Tell) -> str:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    operations: list[Any] = [CommitOperationDelete(path_in_repo=name) for name in gone]
    operations += [CommitOperationAdd(path_in_repo=name, path_or_fileobj=data) for name, data in plan.files.items()]
    with _asking(repo_id, PATIENCE_S), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        done = api.create_commit(
            repo_id, operations, commit_message=f"Ekphonia {plan.commit}", repo_type="space", parent_commit=parent
        )
    for warning in warned:
        if issubclass(warning.category, UserWarning):
            tell(" ".join(str(warning.message).split()))
    tell(
        "nothing has changed since" if done.oid == parent else f"uploaded {len(plan.files)} files, removed {len(gone)}"
    )
    return done.oid


def wait_until_running(done: Uploaded, *, longest_s: float = LONGEST_WAIT_S, tell: Tell) -> None:
    """Return once the Space runs the commit; tells of each stage on the way.

    Raises:
        HubError: it failed, was stopped, or does not run within `longest_s` seconds.
    """
    from huggingface_hub import HfApi

    api, until, told = HfApi(), time.monotonic() + longest_s, ""
    while True:
        with _asking(done.repo_id, PATIENCE_S):
            runtime = api.get_space_runtime(done.repo_id)
        if runtime.stage != told:
            told = str(getattr(runtime.stage, "value", runtime.stage))
            tell(told)
        if runtime.raw.get("sha") in (None, done.commit):  # else it speaks of the program before
            if told == "RUNNING":
                return
            if told in FAILED:
                raise HubError(_why(done, told, runtime.raw))
        if time.monotonic() >= until:
            raise HubError(f"{done.repo_id} does not run after {longest_s:.0f} s; see {done.address} for what it does.")
        time.sleep(POLL_S)


def _why(done: Uploaded, stage: str, raw: Mapping[str, Any]) -> str:
    said = " ".join(str(raw.get("errorMessage") or "").split())[:300]
    logs = f"`hf spaces logs {done.repo_id}{' --build' if stage == 'BUILD_ERROR' else ''}`"
    return f"{done.repo_id} came to {stage}{f' ({said})' if said else ''}; read {logs}."


@contextmanager
def _asking(what: str, wait_s: float) -> Iterator[None]:
    """Give the hub so many seconds for each answer, and turn what the client raises into a HubError."""
    from huggingface_hub import get_session

    before = get_session().timeout
    get_session().timeout = wait_s
    try:
        yield
    except EkphoniaError:
        raise
    except Exception as cause:  # its client raises errors of several families
        log.info("the hub failed for %s", what, exc_info=cause)
        raise HubError(_told(what, cause)) from cause
    finally:
        get_session().timeout = before


def _told(what: str, cause: BaseException) -> str:
    if isinstance(cause, ValueError) and not hasattr(cause, "response"):  # the client found it wrong, or was told so
        return f"The hub refuses {what}: {' '.join(str(cause).split())[:300]}; mend the Spacefile and try again."
    status = _status(cause)
    if status in TOLD:
        return TOLD[status].format(what)
    if status is not None:
        said = " ".join(str(getattr(cause, "server_message", None) or "").split())[:200]
        return f"The hub refused {what} (HTTP {status}{f': {said}' if said else ''}); mend that and try again."
    if type(cause).__name__ == "OfflineModeIsEnabled":
        return "The client of the hub is told to stay offline; unset HF_HUB_OFFLINE and try again."
    return f"The hub does not answer for {what}; try again when the network is there."


TOLD = {
    401: "The hub does not accept the token for {}; set HF_TOKEN to a token with write access, or `hf auth login`.",
    402: "The hub asks for a subscription or a way to pay for {}; see the account's billing page, or other hardware.",
    403: "The token has no right to write {}; use one with write access, or a name of your own.",
    404: "The hub answers that {} is not there; check the name, HF_ENDPOINT, and that the token may write there.",
    409: "The hub is busy with another change of {}; try again in a minute.",
    412: "Somebody else has changed {} meanwhile; try again.",
    429: "The hub has had too many requests for {} from here; try again in some minutes.",
}


def _status(cause: BaseException | None) -> int | None:
    """The HTTP status behind an error, or behind what caused it."""
    while cause is not None:
        status = getattr(getattr(cause, "response", None), "status_code", None)
        if status is not None:
            return int(status)
        cause = cause.__cause__
    return None
