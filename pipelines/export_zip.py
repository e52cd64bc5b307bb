"""A ZIP with everything that made a take.

Out: take.json, the take's files, what was exported beside them (MP3, OGG, MP4), README.txt in plain words,
requirements.txt with the versions, SHA256SUMS (`sha256sum -c` checks it); the picture only where asked, else its hash
alone. Names are sorted and times fixed: the same files give the same ZIP. It is read again by `export_stored.py`.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.bundle import ALL_FILES, TAKE
from pipelines.errors import SettingsError
from pipelines.export_ffmpeg import check_target
from pipelines.export_readme import README, REQUIREMENTS, readme, requirements
from pipelines.export_stored import EXPORTED, PICTURE_SUFFIXES, SUMS, file_sum, in_pieces, read_record, sum_of

TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a ZIP can tell
PACKED_ALREADY = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif", ".heic", ".heif", ".mp3", ".ogg", ".mp4")


def export_zip(
    folder: str | Path,
    target: str | Path,
    *,
    exported: Sequence[Path] = (),
    picture: Path | None = None,
    with_picture: bool = False,
) -> Path:
    """Pack the take of a folder and return the ZIP's path.

    `exported` are files made of it, named as in :data:`EXPORTED`. With `with_picture` the file `picture` goes along,
    which must be the very one that the take was made from. Raises SettingsError for a folder without a take, a file of
    another name, a picture of another hash and a target that cannot be written; nothing is left behind then.
    """
    folder, target = Path(folder), Path(target)
    check_target(target, (".zip",))
    record = read_record(folder / TAKE)
    files = {name: folder / name for name in (TAKE, *ALL_FILES) if (folder / name).is_file()}
    files |= _beside(exported)
    if with_picture:
        files[_checked_picture(picture, record)] = picture  # type: ignore[assignment]  # checked: it is a file
    written = {REQUIREMENTS: requirements(record), README: readme(record, sorted(files))}
    texts = {name: text.encode() for name, text in written.items()}
    sums = {**{name: file_sum(path) for name, path in files.items()}, **{n: sum_of([t]) for n, t in texts.items()}}
    texts[SUMS] = "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as scratch:
        made = Path(scratch) / "take.zip"
        _pack({**files, **texts}, made)
        made.replace(target)
    return target


def _beside(exported: Sequence[Path]) -> dict[str, Path]:
    for path in exported:
        if path.name not in EXPORTED or not path.is_file():
            raise SettingsError(f"{path.name} is no export of a take; give {', '.join(EXPORTED)}.")
    return {path.name: path for path in exported}


def _checked_picture(picture: Path | None, record: Mapping[str, Any]) -> str:
    """The picture's name within the ZIP, when it is the take's own."""
    made_from = record.get("picture")
    if picture is None or not picture.is_file():
        raise SettingsError("There is no picture to put into the ZIP; give the file that the take was made from.")
    if not isinstance(made_from, dict) or file_sum(picture) != made_from.get("sha256"):
        raise SettingsError(f"{picture.name} is not the picture that the take was made from; give that very file.")
    suffix = picture.suffix.lower()
    if suffix not in PICTURE_SUFFIXES:
        raise SettingsError(f"{picture.name} has no picture's ending; rename it, such as to picture.jpg.")
    return f"picture{suffix}"


def _pack(contents: Mapping[str, Path | bytes], path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(contents):
            entry = zipfile.ZipInfo(name, date_time=TIME)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16  # as on Unix, wherever it is made
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(PACKED_ALREADY) else zipfile.ZIP_DEFLATED
            content = contents[name]
            with archive.open(entry, "w") as out:
                if isinstance(content, bytes):
                    out.write(content)
                else:
                    with content.open("rb") as file:
                        for piece in in_pieces(file):
                            out.write(piece)
