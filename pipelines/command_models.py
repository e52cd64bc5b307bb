"""The commands about models: `python -m pipelines models` lists them, `… fetch ROLE` brings one to this machine."""

from __future__ import annotations

import argparse
import sys

from pipelines.catalogue import EMBEDDED, PAPER, ModelEntry
from pipelines.errors import SettingsError
from pipelines.hub import Progress, fetch
from pipelines.models import is_here, note_on


def models_parser() -> argparse.ArgumentParser:
    """Options of `models`: none."""
    return argparse.ArgumentParser(
        prog="python -m pipelines models", description="List for each role the paper's model and the embedded one."
    )


def print_models(_: argparse.Namespace) -> int:
    """Print a line for each model: role, whose it is, whether it is here, size, name, licence, where it comes from.

    Where something lies here that cannot play, the line ends in why.
    """
    for role in (*PAPER, *(role for role in EMBEDDED if role not in PAPER)):
        for entry in (PAPER.get(role), EMBEDDED.get(role)):
            if entry is not None:
                print("  ".join(_cells(entry)))
    return 0


def _cells(entry: ModelEntry) -> tuple[str, ...]:
    whose = "embedded" if entry.embedded else "paper"
    here = "here" if is_here(entry) else "not here"
    size = f"{entry.size_mb:.0f} MB" if entry.size_mb else "-"
    origin = entry.hub_id or entry.weights or ", ".join(entry.packages) or "the composer's piece"
    note = note_on(entry)
    return (
        f"{entry.role:13}",
        f"{whose:8}",
        f"{here:8}",
        f"{size:>7}",
        entry.name,
        entry.licence,
        origin,
        *([f"({note})"] if note else []),
    )


def fetch_parser() -> argparse.ArgumentParser:
    """Options of `fetch`."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines fetch", description="Bring a model from the model hub to this machine."
    )
    parser.add_argument("model", help=f"a role ({', '.join(PAPER)}), or a hub's id such as facebook/musicgen-small")
    parser.add_argument("--again", action="store_true", help="fetch every file again, also those that are here")
    return parser


def fetch_model(options: argparse.Namespace) -> int:
    """Fetch one model, telling on standard error how far it has come, and print its folder."""
    print(fetch(_hub_id(options.model), force=options.again, progress=_Teller()))
    return 0


def _hub_id(model: str) -> str:
    """The id at the hub of a role's model, or the id itself; raises SettingsError for a role that is only embedded."""
    if model in PAPER:
        return PAPER[model].hub_id or ""
    if model in EMBEDDED:
        raise SettingsError(
            f"The {EMBEDDED[model].name} is embedded and needs no fetching; the roles that can be fetched are "
            f"{', '.join(PAPER)}."
        )
    return model


class _Teller:
    """Prints each whole per cent once."""

    def __init__(self) -> None:
        self._told = ""

    def __call__(self, progress: Progress) -> None:
        text = f"{progress.part:4.0%} of {progress.total_bytes / 1e6:.0f} MB: {progress.file}"
        if text != self._told:
            print(text, file=sys.stderr)
        self._told = text
