"""Which soundfont plays: looked for in a fixed order, checked before a synthesizer is given it.

In: the folders of this machine. Out: the path of a whole SoundFont 2 or 3 file. The order is told to users in
`soundfonts/README.md`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pipelines.errors import SoundfontError

USER_FOLDER = Path(__file__).resolve().parents[2] / "soundfonts"
SYSTEM_SOUNDFONTS = (
    Path("/usr/share/sounds/sf2/FluidR3_GM.sf2"),
    Path("/usr/share/soundfonts/FluidR3_GM.sf2"),
    Path("/usr/share/sounds/sf2/default-GM.sf2"),
    Path("/usr/share/sounds/sf3/default-GM.sf3"),
)
SUFFIXES = (".sf2", ".sf3")


def find_soundfont(
    *, user_folder: Path = USER_FOLDER, system: tuple[Path, ...] = SYSTEM_SOUNDFONTS, limit_bytes: int | None = None
) -> Path:
    """Find the soundfont to play with: the user's own, FluidR3_GM, the system's default, the one in pretty_midi.

    `limit_bytes` passes over files of the system and of packages that are larger, never over the user's own.
    Raises SoundfontError when there is none, or when the user's own is damaged.
    """
    for path in _own_files(user_folder):
        check_soundfont(path)
        return path
    for path in (*system, *_packaged()):
        if path.is_file() and (limit_bytes is None or path.stat().st_size <= limit_bytes):
            check_soundfont(path)
            return path
    raise SoundfontError(
        "No soundfont was found; install the Debian package fluid-soundfont-gm or the pip package pretty_midi, "
        "or put an .sf2 file into the folder soundfonts."
    )


def _own_files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())


def _packaged() -> Iterator[Path]:
    """The soundfont inside pretty_midi, found without importing the package."""
    spec = importlib.util.find_spec("pretty_midi")
    if spec is not None and spec.origin is not None:
        yield Path(spec.origin).parent / "TimGM6mb.sf2"


def check_soundfont(path: Path) -> None:
    """Check the frame of a soundfont: a RIFF of form sfbk that holds its three lists to the end.

    Raises SoundfontError naming what is wrong. Source: SoundFont Technical Specification 2.04, section 4.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(12)
            if head[:4] != b"RIFF" or head[8:] != b"sfbk":
                raise _damaged(path, "it does not begin as a SoundFont 2 file does")
            end = 8 + int.from_bytes(head[4:8], "little")
            if size < end:
                raise _damaged(path, f"it has {size} bytes of {end}")
            missing = {b"INFO", b"sdta", b"pdta"} - set(_list_types(file, end))
    except OSError as cause:
        raise _damaged(path, "it cannot be opened") from cause
    if missing:
        raise _damaged(path, f"its list {min(missing).decode()} is missing")


def _list_types(file: BinaryIO, end: int) -> Iterator[bytes]:
    """Types of the LIST chunks between here and `end` (bytes); chunks are padded to even length."""
    position = file.tell()
    while position + 12 <= end:
        file.seek(position)
        chunk = file.read(12)
        length = int.from_bytes(chunk[4:8], "little")
        if chunk[:4] == b"LIST" and position + 8 + length <= end:
            yield chunk[8:]
        position += 8 + length + length % 2


def _damaged(path: Path, why: str) -> SoundfontError:
    return SoundfontError(
        f"The soundfont {path.name} is damaged ({why}); remove it from {path.parent.name} or put a whole copy there."
    )
