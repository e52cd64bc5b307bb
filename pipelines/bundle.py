"""A finished take to files: MIDI, WAV, the piano roll's picture, and `take.json` with every step that made them.

In: the steps that a chain has yielded. Out: a folder, written whole or not at all.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

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
    """Write what the final steps hold into a folder, which is made if need be; files of the same names are replaced.

    Raises OSError when the folder cannot be written; nothing is left half written then.
    """
    finals, folder = final_steps(steps), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".take-") as scratch:
        for name, file in FILES.items():
            if name in finals:
                _write(finals[name].value, Path(scratch) / file)
        record = json.dumps(take_record(finals, picture=picture, settings=settings or {}), indent=2)
        (Path(scratch) / TAKE).write_text(record + "\n")
        for path in sorted(Path(scratch).iterdir()):
            shutil.move(path, folder / path.name)
    midi, wav, roll = (folder / file if name in finals else None for name, file in FILES.items())
    return Take(folder, midi, wav, roll, folder / TAKE)


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
        "versions": {"python": platform.python_version(), **{name: package_version(name) for name in PACKAGES}},
    }


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
