"""The Spacefile: read, checked, and turned into what a Space reads, the header of its README.

In: the Spacefile's text, a mapping in YAML. Out: :class:`Spacefile`, and from it for a kind of hardware the header that
Hugging Face calls front matter, YAML between two lines of three dashes.

Conventions
-----------
Every key and value is checked before anything is uploaded, since a Space tells of a wrong one only after minutes of
building. :data:`OWN_KEYS` are the project's and never in the header. Nothing here touches the network.

Source: https://huggingface.co/docs/hub/spaces-config-reference, read in 2026.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.catalogue import PAPER
from pipelines.errors import SettingsError
from pipelines.hub import HUB_ID

COLOURS = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
ZERO_GPU = "zero-a10g"  # the hub's name for ZeroGPU, whatever card it lends
LONGEST_SHORT_DESCRIPTION = 60
LONGEST_TITLE = 100
OWN_KEYS = ("variables", "leave_out")
NEEDED = ("title", "sdk", "sdk_version", "app_file")
ONLY_WITH_A_GPU = ("models", "preload_from_hub")
FENCE = "---"
# What the hub calls licences; https://huggingface.co/docs/hub/repositories-licenses
LICENCES = """
    apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0
    bigcode-openrail-m afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc
    cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0
    cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0
    cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1
    eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc h-research intel-research lppl-1.3c
    ms-pl mpl-2.0 odc-by odbl openmdw-1.0 openrail++ osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl unknown
    other
"""


@dataclass(frozen=True)
class Spacefile:
    """What the Spacefile says, checked.

    `header` holds the keys of the README's header in their order, `variables` the Space's public variables,
    `leave_out` patterns of files that are not uploaded.
    """

    header: Mapping[str, Any]
    variables: Mapping[str, str]
    leave_out: tuple[str, ...]


def read_spacefile(path: Path) -> Spacefile:
    """Read and check the Spacefile.

    Raises:
        SettingsError: the file is missing or no YAML, a key is unknown or missing, or a value cannot be.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as cause:
        raise SettingsError(f"{path.name} cannot be read as text; restore it from the repository.") from cause
    return parse_spacefile(text)


def parse_spacefile(text: str) -> Spacefile:
    """Check the text of a Spacefile; raises SettingsError as :func:`read_spacefile` does."""
    said = _mapping(text)
    for key, value in said.items():
        if key not in CHECKS:
            raise SettingsError(f"The Spacefile's {key!r} is unknown; use one of {', '.join(CHECKS)}.")
        CHECKS[key](key, value)
    for key in NEEDED:
        if key not in said:
            raise SettingsError(f"The Spacefile has no {key}; add a line such as {key}: {EXAMPLES[key]}.")
    _check_preload(said.get("preload_from_hub", ()), said.get("models", ()))
    header = {key: value for key, value in said.items() if key not in OWN_KEYS}
    return Spacefile(header, dict(said.get("variables") or {}), tuple(said.get("leave_out") or ()))


def _mapping(text: str) -> dict[str, Any]:
    import yaml

    try:
        said = yaml.safe_load(text)
    except yaml.YAMLError as cause:
        mark = getattr(cause, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise SettingsError(f"The Spacefile is no YAML{where}; write a line for each setting, key: value.") from cause
    if not isinstance(said, dict) or not all(isinstance(key, str) for key in said):
        raise SettingsError("The Spacefile is no list of settings; write a line for each, key: value.")
    return said


def check_hardware(key: str, value: object) -> None:
    """Raise SettingsError for what is no hardware of the hub's."""
    from huggingface_hub import SpaceHardware

    known = [hardware.value for hardware in SpaceHardware]
    _one_of(known)(key, value)


def has_gpu(hardware: str) -> bool:
    """Whether the hardware has a GPU, or is lent one."""
    return not hardware.startswith("cpu-")


def header_for(spacefile: Spacefile, *, hardware: str, python_version: str, thumbnail: str | None) -> dict[str, Any]:
    """The header's keys for the hardware (one of the hub's names); models and preloading only where there is a GPU."""
    header = {key: value for key, value in spacefile.header.items() if value not in (None, [], "")}
    header |= {"suggested_hardware": hardware, "python_version": python_version}
    if thumbnail:
        header["thumbnail"] = thumbnail
    return {key: value for key, value in header.items() if has_gpu(hardware) or key not in ONLY_WITH_A_GPU}


def front_matter(header: Mapping[str, Any]) -> str:
    """The header between its two lines of dashes, ending in a line break."""
    import yaml

    text = yaml.safe_dump(dict(header), sort_keys=False, allow_unicode=True, width=10_000)
    return f"{FENCE}\n{text}{FENCE}\n"


def with_front_matter(readme: str, matter: str) -> str:
    """The README under its header; one that it has already is replaced."""
    lines = readme.removeprefix("\ufeff").splitlines(keepends=True)
    if lines and lines[0].strip() == FENCE:
        ends = [number for number, line in enumerate(lines[1:], 1) if line.strip() == FENCE]
        lines = lines[ends[0] + 1 :] if ends else lines
    return f"{matter}\n{''.join(lines).lstrip()}"


def _wrong(key: str, value: object, cure: str) -> SettingsError:
    return SettingsError(f"The Spacefile's {key} is {value!r}, but {cure}.")


def _text(longest: int, *, shortest: int = 1) -> Callable[[str, object], None]:
    def check(key: str, value: object) -> None:
        if not isinstance(value, str) or not shortest <= len(value.strip()) or len(value) > longest or "\n" in value:
            length = f", it has {len(value)}" if isinstance(value, str) else ""
            raise _wrong(key, value, f"it must be a text of {shortest} to {longest} characters{length}")

    return check


def _one_of(known: tuple[str, ...] | list[str]) -> Callable[[str, object], None]:
    def check(key: str, value: object) -> None:
        if value not in known:
            raise _wrong(key, value, f"it must be one of {', '.join(known)}")

    return check


def _pattern(pattern: str, cure: str) -> Callable[[str, object], None]:
    def check(key: str, value: object) -> None:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise _wrong(key, value, cure)

    return check


def _yes_or_no(key: str, value: object) -> None:
    if not isinstance(value, bool):
        raise _wrong(key, value, "it must be true or false")


def _texts(pattern: str, cure: str) -> Callable[[str, object], None]:
    def check(key: str, value: object) -> None:
        if not isinstance(value, list):
            raise _wrong(key, value, "it must be a list, a line with a dash for each")
        for item in value:
            _pattern(pattern, cure)(key, item)

    return check


def _sdk(key: str, value: object) -> None:
    if value != "gradio":
        raise _wrong(key, value, "the page is made with gradio; write sdk: gradio")


def _emoji(key: str, value: object) -> None:
    if (
        not isinstance(value, str)
        or not 1 <= len(value) <= 8
        or any(sign.isascii() or sign.isalnum() for sign in value)
    ):
        raise _wrong(key, value, "it must be one emoji and nothing else, such as 🎹")


def _licence(key: str, value: object) -> None:
    if value not in LICENCES.split():
        raise _wrong(key, value, "it must be an id that the hub knows, such as apache-2.0, mit, gpl-3.0 or other")


def _models(key: str, value: object) -> None:
    _texts(HUB_ID.pattern, "each must be a model's id at the hub, such as facebook/musicgen-small")(key, value)
    _check_catalogue(key, [str(item) for item in value] if isinstance(value, list) else [])


def _preload(key: str, value: object) -> None:
    each = rf"{HUB_ID.pattern}( [^\s,]+(,[^\s,]+)*( [0-9a-f]{{40}})?)?"
    _texts(each, "each must be a model's id, then files with commas but no blanks between them")(key, value)
    _check_catalogue(key, [str(item).split()[0] for item in value] if isinstance(value, list) else [])


def _check_catalogue(key: str, ids: list[str]) -> None:
    known = [entry.hub_id for entry in PAPER.values()]
    for model in ids:
        if model not in known:
            raise _wrong(key, model, f"the page uses no such model; choose among {', '.join(map(str, known))}")


def _check_preload(preload: list[str], models: list[str]) -> None:
    for item in preload:
        if item.split()[0] not in models:
            raise _wrong("preload_from_hub", item.split()[0], "models does not name it; add it there too")


def _variables(key: str, value: object) -> None:
    if not isinstance(value, dict):
        raise _wrong(key, value, "it must be a list of names and values, such as EKPHONIA_MODELS: auto")
    for name, setting in value.items():
        check_variable(name, setting)


def check_variable(name: object, value: object) -> None:
    """Raise SettingsError for what cannot be a public variable; what is secret has no place in the Spacefile."""
    _pattern(r"[A-Za-z_][A-Za-z0-9_]*", "a variable's name is of letters, digits and underscores")("variables", name)
    if not isinstance(value, str):
        raise _wrong(f"variable {name}", value, "it must be text; put it in quotation marks")
    if re.search("token|secret|password", str(name), re.IGNORECASE) or value.startswith("hf_"):
        raise SettingsError(
            f"The variable {name} would be public; set a secret on the Space's own settings page instead."
        )


_quoted = "it must be a text such as {}; put it in quotation marks"
_ids = _texts(HUB_ID.pattern, "each must be an id at the hub, owner/name")
CHECKS: dict[str, Callable[[str, Any], None]] = {
    "title": _text(LONGEST_TITLE),
    "emoji": _emoji,
    "colorFrom": _one_of(COLOURS),
    "colorTo": _one_of(COLOURS),
    "sdk": _sdk,
    "sdk_version": _pattern(r"\d+\.\d+\.\d+", _quoted.format("6.31.0")),
    "python_version": _pattern(r"3\.\d+(\.\d+)?", _quoted.format('"3.12"')),
    "app_file": _pattern(r"[\w./-]+\.py", "it must be a file in Python, such as app.py"),
    "suggested_hardware": check_hardware,
    "short_description": _text(LONGEST_SHORT_DESCRIPTION),
    "thumbnail": _pattern(r"(https://\S+|[\w./-]+)\.(png|jpg|jpeg|webp|gif)", "it must be a picture's path or address"),
    "license": _licence,
    "pinned": _yes_or_no,
    "fullWidth": _yes_or_no,
    "disable_embedding": _yes_or_no,
    "header": _one_of(("mini", "default")),
    "tags": _texts(r"[\w.:+ -]+", "each must be a word or two"),
    "models": _models,
    "datasets": _ids,
    "preload_from_hub": _preload,
    "startup_duration_timeout": _pattern(r"[1-9]\d*(s|m|h)", "it must be a time such as 30m or 1h"),
    "variables": _variables,
    "leave_out": _texts(r"\S+", "each must be a path, a folder with a slash at its end, or a pattern"),
}
EXAMPLES = {"title": "Ekphonia", "sdk": "gradio", "sdk_version": "6.31.0", "app_file": "app.py"}
