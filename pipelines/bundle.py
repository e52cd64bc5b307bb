"""A finished take to files: sound, MIDI, the piano roll's picture, and `take.json` with every step that made them.

In: the steps that one chain or both have yielded. Out: a folder with the files. They are all written aside first, then
put in place one by one, `take.json` last: a `take.json` newer than the other files says that they belong together.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.errors import SettingsError
from pipelines.records import Audio, Emotion, Picture, Score, Step

PACKAGES = ("numpy", "torch", "transformers", "symusic", "pyfluidsynth", "pillow")
# For each chain the files of its steps.
FILES = {
    "symbolic": {"score": "symbolic.mid", "audio": "symbolic.wav", "piano_roll": "piano_roll.png"},
    "waveform": {"audio": "waveform.wav"},
}
ALL_FILES = tuple(file for files in FILES.values() for file in files.values())
TAKE = "take.json"


@dataclass(frozen=True)
class Part:
    """One chain's part of a take: its steps, in order, and its settings as plain values."""

    steps: tuple[Step, ...]
    settings: Mapping[str, Any]

    @property
    def finals(self) -> dict[str, Step]:
        """The last, whole value of each step by name."""
        return {step.name: step for step in self.steps if step.final}


@dataclass(frozen=True)
class Take:
    """The files of a take, by name (`symbolic.wav`, …), and the record of how they were made."""

    folder: Path
    files: Mapping[str, Path]
    record: Path


def write_take(
    parts: Mapping[str, Part],
    folder: str | Path,
    *,
    picture: Picture | None = None,
    carried: Path | None = None,
    carry: Collection[str] = (),
) -> Take:
    """Write what the final steps of each chain ("symbolic", "waveform") hold into a folder, which is made if need be.

    Files of an older take are replaced, and removed where this take has none of their name; other files are let be.
    Of the take in the folder `carried` the chains named in `carry` go along, files and record. No file is ever half
    written. When a value cannot be written, an older take stays as it was; when putting the files in place
    fails midway, the folder holds new files without a new `take.json`.

    Raises SettingsError as :func:`check_folder` does, OSError when the folder cannot be written.
    """
    folder = Path(folder)
    check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".take-") as name:
        scratch = Path(name)
        kept = {} if carried is None else _carry(carried, scratch, chains=set(carry) - set(parts))
        for chain, part in parts.items():
            for step, file in FILES[chain].items():
                if step in part.finals:
                    _write(part.finals[step].value, scratch / file)
        record = json.dumps(take_record(parts, picture=picture, kept=kept), indent=2)
        (scratch / TAKE).write_text(record + "\n")
        _put_in_place(scratch, folder)
    return Take(folder, {file: folder / file for file in ALL_FILES if (folder / file).is_file()}, folder / TAKE)


def _put_in_place(scratch: Path, folder: Path) -> None:
    for file in (*ALL_FILES, TAKE):
        if (scratch / file).exists():
            (scratch / file).replace(folder / file)
        else:
            (folder / file).unlink(missing_ok=True)


def _carry(earlier: Path, scratch: Path, *, chains: Collection[str]) -> dict[str, Any]:
    """Bring along files of some chains of an earlier take and return their records; none where there is no take."""
    try:
        records: dict[str, Any] = json.loads((earlier / TAKE).read_text(encoding="utf-8"))["chains"]
    except (OSError, ValueError, KeyError):
        return {}
    kept = {chain: record for chain, record in records.items() if chain in FILES and chain in chains}
    for chain in kept:
        for file in FILES[chain].values():
            if (earlier / file).is_file():
                _link(earlier / file, scratch / file)
    return kept


def _link(source: Path, target: Path) -> None:
    """The same file under another name, a copy where there are no links; files are replaced, never changed."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def check_folder(folder: Path) -> None:
    """Tell before any work whether a take can be written there; nothing is made.

    Raises SettingsError when a file stands where the folder or one above it must be, a folder stands where a file must
    be, or the place may not be written to.
    """
    check_writable(folder)
    for file in (*ALL_FILES, TAKE):
        if (folder / file).is_dir():
            raise SettingsError(
                f"{folder / file} is a folder where a file must be; remove it or choose another folder."
            )


def check_writable(folder: Path) -> None:
    """Raise SettingsError when `folder` neither is a folder to write to nor can be made; nothing is made."""
    place = folder
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise SettingsError(f"{place} is no folder, so that nothing can be written into it; choose another place.")
    if not os.access(place, os.W_OK | os.X_OK):
        raise SettingsError(f"{place} may not be written to; choose another place.")


def _write(value: Score | Audio | np.ndarray, path: Path) -> None:
    from pipelines.sound import write_wav
    from pipelines.symbolic.midi import write_midi
    from pipelines.symbolic.piano_roll import write_png

    if isinstance(value, Score):
        write_midi(value, path)
    elif isinstance(value, Audio):
        write_wav(value, path)
    else:
        write_png(value, path)


def take_record(
    parts: Mapping[str, Part], *, picture: Picture | None, kept: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What made a take, ready for JSON: the picture's hash, and for each chain what :func:`chain_record` says."""
    chains = {**(kept or {}), **{chain: chain_record(part) for chain, part in parts.items()}}
    return {
        "ekphonia": package_version("ekphonia") or source_version(),
        "picture": None if picture is None else {"name": picture.name, "sha256": picture.sha256},
        "chains": {chain: chains[chain] for chain in FILES if chain in chains},
        "versions": versions(),
    }


def chain_record(part: Part) -> dict[str, Any]:
    """A chain's settings, every step with its maker and licence, the emotion wanted and heard, and their distance."""
    finals = part.finals
    wanted, heard = (finals[name].value if name in finals else None for name in ("emotion", "heard"))
    return {
        "settings": dict(part.settings),
        "steps": [_step_record(step) for step in finals.values()],
        "wanted": plain(wanted),
        "wanted_exact": asdict(wanted) if wanted else None,  # a replay needs every digit
        "heard": plain(heard),
        "distance": round(wanted.distance(heard), 3) if wanted and heard else None,
    }


def _step_record(step: Step) -> dict[str, Any]:
    record = {"name": step.name, "made_by": step.made_by, "seconds": round(step.seconds, 3), "value": plain(step.value)}
    return record | {key: text for key, text in (("licence", step.licence), ("note", step.note)) if text}


def versions() -> dict[str, str | None]:
    """Python's and the packages' versions; where torch computes, also the instructions of the processor that it uses.

    The same seed gives other notes on a processor of other instructions, since sums are rounded in another order.
    """
    found = {"python": platform.python_version(), **{name: package_version(name) for name in PACKAGES}}
    torch = sys.modules.get("torch")  # not imported for this alone
    return found if torch is None else {**found, "cpu_capability": torch.backends.cpu.get_cpu_capability()}


def plain(value: Any) -> Any:
    """A value in JSON's own types; music, sound and pictures by their measures (their content has files of its own)."""
    if isinstance(value, Emotion):
        return {**{k: _rounded(v) for k, v in asdict(value).items()}, "label": value.label}
    if isinstance(value, Score):
        return {
            "notes": len(value.notes),
            "bars": value.bar_count,
            "key": value.key_name,
            "tempo_bpm": round(value.tempo_bpm, 2),
            "beats_per_bar": value.beats_per_bar,
            "form": " ".join(section.name for section in value.sections),
            "duration_s": round(value.duration_s, 3),
        }
    if isinstance(value, Audio):
        return {"duration_s": round(value.duration_s, 3), "sample_rate_hz": value.sample_rate_hz}
    if isinstance(value, np.ndarray):
        return {"height_px": value.shape[0], "width_px": value.shape[1]}
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return value


def _rounded(value: float | tuple[float, ...]) -> float | list[float]:
    return [round(float(v), 4) for v in value] if isinstance(value, tuple) else round(float(value), 4)


def package_version(name: str) -> str | None:
    """Version of an installed package, None where it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def source_version() -> str | None:
    """Ekphonia's version from pyproject.toml beside the code, since it runs without being installed."""
    import tomllib

    path = Path(__file__).resolve().parent.parent / "pyproject.toml"
    return tomllib.loads(path.read_text())["project"]["version"] if path.is_file() else None
