"""Ekphonia as a Space on Hugging Face: `python -m page.space --dry-run`, `python -m page.space --to OWNER/NAME`.

Reads the Spacefile, gathers what git tracks, and shows or does what it takes: spacefile.py → space_files.py →
space_hub.py. A dry run touches no network and needs no login.

Exit codes: 0 done; 1 trouble with the hub; 2 the settings cannot be used (one line on standard error).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from page.space_files import REQUIREMENTS, SPACEFILE, Plan, make_plan
from page.space_hub import LONGEST_WAIT_S, address_of, check_repo_id, upload, wait_until_running
from page.spacefile import ZERO_GPU, check_hardware, check_variable, front_matter, has_gpu, read_spacefile
from pipelines.command_line import BAD_INPUT, STOPPED, TROUBLE, complain
from pipelines.errors import EkphoniaError, SettingsError

ROOT = Path(__file__).resolve().parent.parent
LARGEST = 5


def parser() -> argparse.ArgumentParser:
    """The command line's options."""
    options = argparse.ArgumentParser(prog="python -m page.space", description="Put Ekphonia on Hugging Face Spaces.")
    options.add_argument("--to", metavar="OWNER/NAME", help="the Space; it is made if it is not there")
    options.add_argument("--dry-run", action="store_true", help="show what would be uploaded and set; no network")
    options.add_argument("--private", action="store_true", help="make it private (a new Space only)")
    where = options.add_mutually_exclusive_group()
    where.add_argument("--hardware", help="ask for this hardware, such as cpu-basic or t4-small; most costs money")
    where.add_argument("--zero-gpu", action="store_true", help="ask for ZeroGPU, a GPU lent for each piece")
    options.add_argument(
        "--variable",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a public variable; may come several times",
    )
    options.add_argument("--replace", action="store_true", help="even if the Space holds another app, whose files go")
    options.add_argument("--wait", action="store_true", help="tell of its stages until it runs")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Show or do it, and return the exit code."""
    options = parser().parse_args(arguments)
    try:
        return _work(options)
    except SettingsError as error:
        return complain(error, BAD_INPUT)
    except EkphoniaError as error:
        return complain(error, TROUBLE)
    except KeyboardInterrupt:
        return complain("Stopped.", STOPPED)


def _work(options: argparse.Namespace) -> int:
    if not options.to and not options.dry_run:
        raise SettingsError(
            "Which Space? Give --to OWNER/NAME (make space TO=OWNER/NAME), or --dry-run (DRY_RUN=1) to see all."
        )
    if options.to:
        check_repo_id(options.to)
    asked = ZERO_GPU if options.zero_gpu else options.hardware
    if asked:
        check_hardware("hardware", asked)
    spacefile = read_spacefile(ROOT / SPACEFILE)
    plan = make_plan(
        ROOT,
        spacefile,
        hardware=asked or spacefile.header.get("suggested_hardware") or "cpu-basic",
        variables=dict(map(_variable, options.variable)),
        address=address_of(options.to) if options.to else None,
    )
    if options.dry_run:
        print(*describe(plan, to=options.to, asked=asked), sep="\n")
        return 0
    _say_notes(plan)
    done = upload(plan, options.to, hardware=asked, private=options.private, replace=options.replace, tell=_tell)
    print(done.address)
    if options.wait:
        wait_until_running(done, longest_s=LONGEST_WAIT_S, tell=_tell)
    return 0


def _variable(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise SettingsError(f"The variable {text!r} has no value; write NAME=VALUE, such as EKPHONIA_MODELS=embedded.")
    check_variable(name, value)
    return name, value


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _say_notes(plan: Plan) -> None:
    for note in plan.notes:
        _tell(f"Note: {note}")


def describe(plan: Plan, *, to: str | None, asked: str | None) -> Iterator[str]:
    """Lines that say all that would be uploaded and set, the files first and the sum of it last."""
    yield "Files:"
    for name, data in plan.files.items():
        yield f"  {_size(len(data))}  {name}"
    yield f"\nLeft out of what git tracks: {len(plan.left_out)} files."
    yield f"\n{REQUIREMENTS}, as uploaded:"
    yield from (f"  {line}" for line in plan.files[REQUIREMENTS].decode().splitlines() if not line.startswith("#"))
    yield "\nThe README's header:"
    yield front_matter(plan.header)
    yield from _sum(plan, to=to, asked=asked)
    yield from (f"Note       {note}" for note in plan.notes)
    yield "Nothing was uploaded, and the network was not asked."


def _sum(plan: Plan, *, to: str | None, asked: str | None) -> Iterator[str]:
    largest = sorted(plan.files, key=lambda name: -len(plan.files[name]))[:LARGEST]
    yield f"Space      {to or 'not named yet: --to OWNER/NAME'}"
    yield f"Hardware   {f'{asked}, asked for' if asked else f'{plan.hardware} suggested; a Space keeps what it has'}"
    models = "the papers' models, preloaded" if has_gpu(plan.hardware) else "the embedded ones"
    yield f"Models     {models}"
    yield f"Variables  {', '.join(f'{key}={value}' for key, value in plan.variables.items()) or 'none'}"
    yield f"Files      {len(plan.files)}, {plan.size_bytes / 1e6:.1f} MB; others of the Space are removed"
    yield f"Largest    {', '.join(f'{name} ({_size(len(plan.files[name])).strip()})' for name in largest)}"
    yield f"Commit     Ekphonia {plan.commit}"


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:6.1f} MB" if size_bytes >= 1e5 else f"{size_bytes / 1e3:6.1f} kB"


if __name__ == "__main__":
    sys.exit(main())
