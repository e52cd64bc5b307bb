"""A finished take to files: MIDI, WAV, the piano roll's picture, and `take.json` with every step that made them.

In: the steps that a chain has yielded. Out: a folder with the files. They are all written aside first, then put in
place one by one, `take.json` last: a `take.json` newer than the other files says that they belong together.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.errors import SettingsError
from pipelines.records import Audio, Emotion, Picture, Score, Step

PACKAGES = ("numpy", "torch", "symusic", "pyfluidsynth", "pillow")
FILES = {"score": "symbolic.mid", "audio": "symbolic.wav", "piano_roll": "piano_roll.png"}
TAKE = "take.json"


@dataclass(frozen=True)
class Take:
    """The files of a take; those whose step was not there are None."""

    folder: Path
    midi: Path | None
    wav: Path | None
    piano_roll: Path | None
    record: Path


def final_steps(steps: Iterable[Step]) -> dict[str, Step]:
    """The last, whole value of each step by name."""
    return {step.name: step for step in steps if step.final}


def write_take(
    steps: Iterable[Step],
    folder: str | Path,
    *,
    picture: Picture | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Take:
    """Write what the final steps hold into a folder, which is made if need be.

    Files of an older take are replaced, and removed where this take has none of their name; other files are let be.
    No file is ever half written. When a value cannot be written, an older take stays as it was; when putting the files
    in place fails midway, the folder holds new files without a new `take.json`.

    Raises SettingsError as :func:`check_folder` does, OSError when the folder cannot be written.
    """
    finals, folder = final_steps(steps), Path(folder)
    check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".take-") as scratch:
        for name, file in FILES.items():
            if name in finals:
                _write(finals[name].value, Path(scratch) / file)
        record = json.dumps(take_record(finals, picture=picture, settings=settings or {}), indent=2)
        (Path(scratch) / TAKE).write_text(record + "\n")
        for file in (*FILES.values(), TAKE):
            if (Path(scratch) / file).exists():
                (Path(scratch) / file).replace(folder / file)
            else:
                (folder / file).unlink(missing_ok=True)
    at = {name: folder / file if name in finals else None for name, file in FILES.items()}
    return Take(folder, at["score"], at["audio"], at["piano_roll"], folder / TAKE)


def check_folder(folder: Path) -> None:
    """Tell before any work whether a take can be written there; nothing is made.

    Raises SettingsError when a file stands where the folder or one above it must be, a folder stands where a file must
    be, or the place may not be written to.
    """
    check_writable(folder)
    for file in (*FILES.values(), TAKE):
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


def take_record(finals: Mapping[str, Step], *, picture: Picture | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What made a take, ready for JSON: the picture's hash, the settings, every step, the emotion wanted and heard."""
    wanted, heard = (finals[name].value if name in finals else None for name in ("emotion", "heard"))
    return {
        "ekphonia": package_version("ekphonia") or source_version(),
        "picture": None if picture is None else {"name": picture.name, "sha256": picture.sha256},
        "settings": dict(settings),
        "steps": [
            {"name": s.name, "made_by": s.made_by, "seconds": round(s.seconds, 3), "value": plain(s.value)}
            for s in finals.values()
        ],
        "wanted": plain(wanted),
        "heard": plain(heard),
        "distance": round(wanted.distance(heard), 3) if wanted and heard else None,
        "versions": versions(),
    }


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
