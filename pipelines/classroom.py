"""A class: several pictures to pieces of music for listeners who know neither the picture nor the feeling wanted.

In: pictures and settings. Out: a folder with `piece-01.wav`, … in an order shuffled by the seed and, in its folder
`teacher`, `class.json` (what each piece is) and the pictures made small. All is made aside and put in place at the end,
`class.json` last; a class that was stopped or failed leaves nothing behind.
"""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipelines.chains import CHAINS, ChainSettings, run_chain
from pipelines.classroom_records import Classroom, Piece, Point
from pipelines.errors import SettingsError, StoppedError
from pipelines.models import default_models
from pipelines.records import Audio, Picture, Step
from pipelines.settings import LARGEST_SEED
from pipelines.symbolic import SymbolicSettings
from pipelines.waveform import WaveformSettings

TEACHER, RECORD = "teacher", "class.json"
MOST_PIECES = 99
PICTURE_PX = 720


@dataclass(frozen=True)
class ClassSettings:
    """What the pieces are made with: which chains, seconds a piece (10 to 180), seed, strength, models.

    Each picture has a seed of its own, `seed` plus its place among the pictures, so that two of one feeling do not get
    the same piece.
    """

    pipelines: tuple[str, ...] = ("symbolic",)
    duration_s: float = 20.0
    seed: int = 0
    strength: float = SymbolicSettings.strength
    models: str = field(default_factory=default_models)

    def check(self) -> None:
        """Raise SettingsError for a value out of range, ModelMissingError for models that are not here."""
        if not self.pipelines or not set(self.pipelines) <= set(CHAINS):
            raise SettingsError(
                f"The pipelines cannot be {', '.join(self.pipelines) or 'none'}; choose from {', '.join(CHAINS)}."
            )
        for settings in self.for_picture(0).values():
            settings.check()

    def for_picture(self, place: int) -> dict[str, ChainSettings]:
        """The settings of each chain for the picture at a place from 0."""
        common: dict[str, Any] = {"duration_s": self.duration_s, "strength": self.strength, "models": self.models}
        both: dict[str, ChainSettings] = {
            "symbolic": SymbolicSettings(**common, seed=(self.seed + place) % (LARGEST_SEED + 1)),
            "waveform": WaveformSettings(**common, seed=(self.seed + place) % (LARGEST_SEED + 1)),
        }
        return {name: both[name] for name in self.pipelines}


Progress = Callable[[int, int], None]


def untold(_done: int, _all: int) -> None:
    """Tell nobody how far it has come."""


def shuffled(pictures: int, pipelines: Sequence[str], seed: int) -> dict[tuple[int, str], int]:
    """The number from 1 of each picture (by its place from 0) and pipeline: an order that tells nothing of either."""
    order = [(place, name) for place in range(pictures) for name in pipelines]
    random.Random(seed).shuffle(order)
    return {what: number for number, what in enumerate(order, 1)}


def make_class(
    pictures: Sequence[Path],
    folder: str | Path,
    settings: ClassSettings | None = None,
    *,
    name: str,
    progress: Progress = untold,
    cancelled: Callable[[], bool] = lambda: False,
) -> Classroom:
    """Make the music of a class into a folder, which is made if need be, and return the class.

    `progress` is told how many pieces are done, and of how many. An earlier class in the folder is replaced, other
    files are let be. Raises PictureError for a picture that cannot be used, before any music is made, SettingsError for
    bad settings, no picture or more than 99 pieces, StoppedError once `cancelled` answers True.
    """
    settings, folder = settings or ClassSettings(), Path(folder)
    _check(pictures, folder, settings, name)
    there = folder.is_dir()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".class-") as scratch_name:
            scratch = Path(scratch_name)
            (scratch / TEACHER).mkdir()
            pieces = sorted(_made(pictures, scratch, settings, progress, cancelled), key=lambda piece: piece.number)
            classroom = Classroom(name, settings.seed, tuple(pieces))
            write_class(classroom, scratch / TEACHER / RECORD)
            _put_in_place(scratch, folder)
    except BaseException:
        if not there:
            with suppress(OSError):
                folder.rmdir()  # only an empty one goes
        raise
    return classroom


def _check(pictures: Sequence[Path], folder: Path, settings: ClassSettings, name: str) -> None:
    from pipelines.bundle import check_writable
    from pipelines.picture import read_picture

    if not name.strip() or len(name) > 80 or not name.isprintable():
        raise SettingsError("The class needs a name of 1 to 80 characters; give one.")
    count = len(pictures) * len(settings.pipelines)
    if not 1 <= count <= MOST_PIECES:
        raise SettingsError(f"A class of {count} pieces cannot be; give pictures for 1 to {MOST_PIECES}.")
    settings.check()
    check_writable(folder)
    for path in pictures:
        read_picture(path)


def _made(
    pictures: Sequence[Path], scratch: Path, settings: ClassSettings, progress: Progress, cancelled: Callable[[], bool]
) -> Iterator[Piece]:
    """Make picture after picture; both chains follow the emotion that the first one read."""
    from pipelines.picture import read_picture

    numbers = shuffled(len(pictures), settings.pipelines, settings.seed)
    done = 0
    progress(done, len(numbers))
    for place, path in enumerate(pictures):
        picture, given = read_picture(path), dict[str, Any]()
        for chain, wish in settings.for_picture(place).items():
            finals = {step.name: step for step in _finals(chain, picture, wish, given, cancelled)}
            given.setdefault("emotion", finals["emotion"])
            piece = _piece(numbers[place, chain], path.name, chain, finals)
            _write(piece, finals["audio"].value, picture, scratch)
            yield piece
            done += 1
            progress(done, len(numbers))


def _finals(
    chain: str, picture: Picture, settings: ChainSettings, given: dict[str, Any], cancelled: Callable[[], bool]
) -> Iterator[Step]:
    for step in run_chain(chain, picture, settings, given, cancelled=cancelled):
        if cancelled():
            raise StoppedError("Stopped.")
        if step.final:
            yield step


def _piece(number: int, picture: str, chain: str, finals: dict[str, Step]) -> Piece:
    wanted, heard = (Point.of(finals[step].value) for step in ("emotion", "heard"))
    return Piece(number, picture, chain, wanted, heard, round(finals["audio"].value.duration_s, 2))


def _write(piece: Piece, audio: Audio, picture: Picture, scratch: Path) -> None:
    """The sound, and the picture made small without the file's own data (place, camera, date)."""
    from PIL import Image

    from pipelines.sound import write_wav

    write_wav(audio, scratch / piece.sound)
    image = Image.fromarray(picture.rgb)
    image.thumbnail((PICTURE_PX, PICTURE_PX))
    image.save(scratch / TEACHER / piece.image, "JPEG", quality=85)


def _put_in_place(scratch: Path, folder: Path) -> None:
    """The new class in the place of an earlier one, the record of what each piece is last."""
    (folder / TEACHER).mkdir(exist_ok=True)
    (folder / TEACHER / RECORD).unlink(missing_ok=True)
    for old in (*folder.glob("piece-??.wav"), *(folder / TEACHER).glob("piece-??.jpg")):
        old.unlink()
    for new in sorted(scratch.rglob("piece-*")):
        new.replace(folder / new.relative_to(scratch))
    (scratch / TEACHER / RECORD).replace(folder / TEACHER / RECORD)


def write_class(classroom: Classroom, path: Path) -> None:
    """The record of a class as JSON."""
    path.write_text(json.dumps(asdict(classroom), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_class(path: Path) -> Classroom:
    """Read what :func:`write_class` wrote; SettingsError for any other file."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        points = {key: [Point(**piece.pop(key)) for piece in record["pieces"]] for key in ("wanted", "heard")}
        pieces = [
            Piece(**piece, wanted=wanted, heard=heard)
            for piece, wanted, heard in zip(record["pieces"], points["wanted"], points["heard"], strict=True)
        ]
        classroom = Classroom(str(record["name"]), int(record["seed"]), tuple(pieces))
    except (ValueError, KeyError, TypeError, AttributeError) as cause:
        raise SettingsError(f"{path.name} is no record of a class; give the {RECORD} of its folder.") from cause
    if [piece.number for piece in pieces] != list(range(1, len(pieces) + 1)) or not pieces:
        raise SettingsError(f"{path.name} does not number its pieces from 1 on; give the {RECORD} as it was made.")
    return classroom


def remove_class(folder: Path) -> None:
    """Delete a class's whole folder, answers included; one that is gone already is no trouble."""
    shutil.rmtree(folder, ignore_errors=True)
