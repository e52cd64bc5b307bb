"""A visitor's finished takes, kept while the visit lasts: how each was asked for, what was heard, how it is shown.

In: what a performance found and made. Out: :class:`KeptTake` on a :class:`Shelf`, which belongs to one visitor's
requests and is bounded by :data:`TAKES_KEPT` and :data:`SHELF_BYTES`; the oldest goes first, and its folder with it.
"""

from __future__ import annotations

import base64
import io
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from page.texts import say
from pipelines.bundle import TAKE, Take
from pipelines.chains import ChainSettings
from pipelines.errors import SettingsError
from pipelines.records import Emotion, Picture, Step

TAKES_KEPT = 8  # of half a minute they take about 80 MB
SHELF_BYTES = 400_000_000
ALWAYS_KEPT = 2  # to compare there must be two, however long they are
THUMBNAIL_PX = 96
SETTINGS = (
    "seed",
    "duration_s",
    "strength",
    "models",
    "composer",
)  # by their names in ChainSettings, and in the texts' keys
CORRECTIONS = ("emotion", "caption", "prompt")


@dataclass(frozen=True)
class Ask:
    """What a take was made from: the picture by its turn and hash, what the visitor said, the settings, the chains."""

    picture: str
    sha256: str
    emotion: tuple[float, float] | None
    caption: str | None
    prompt: str | None
    settings: tuple[Any, ...]
    chains: tuple[str, ...]

    @classmethod
    def of(
        cls,
        turn: str,
        picture: Picture,
        own: Mapping[str, Any],
        settings: ChainSettings,
        chains: Iterable[str],
    ) -> Ask:
        """From the picture's turn and file, the corrections in force and the settings of one of the chains."""
        emotion: Emotion | None = own.get("emotion")
        return cls(
            picture=turn,
            sha256=picture.sha256,
            emotion=(emotion.valence, emotion.arousal) if emotion is not None else None,
            caption=own["caption"].text if "caption" in own else None,
            prompt=own["prompt"].text if "prompt" in own else None,
            settings=tuple(getattr(settings, name, None) for name in SETTINGS),  # words have no composer
            chains=tuple(chains),
        )


def changes(before: Ask | None, now: Ask) -> list[str]:
    """What was changed from the take that was on the desk before, in words; what it began with for the first."""
    if before is None:
        own = [name for name in CORRECTIONS if getattr(now, name) is not None]
        return [say(f"takes.changed.{name}") for name in own] or [say("takes.changed.first")]
    if now.picture != before.picture and now.sha256 != before.sha256:
        return [say("takes.changed.picture")]
    told = [_corrected(name, getattr(now, name)) for name in CORRECTIONS if getattr(now, name) != getattr(before, name)]
    pairs = zip(SETTINGS, before.settings, now.settings, strict=True)
    told += [say(f"takes.changed.{name}") for name, was, is_now in pairs if None not in (was, is_now) and was != is_now]
    if now.chains != before.chains:
        told.append(say("takes.changed.chains"))
    return told or [say("takes.changed.nothing")]


def _corrected(name: str, value: Any) -> str:
    return say(f"takes.changed.{name}" if value is not None else f"takes.changed.{name}_back")


@dataclass(frozen=True, eq=False)
class KeptTake:
    """A finished take: its files' folder, what it was asked with, what was found, and what its panels showed.

    `asked` and `heard` hold for each chain the emotion that its music was to have and the step of what was heard;
    `panels` the values of the panels `music`, `words` and `wave`, for the chains that it has.
    """

    number: int
    folder: Path
    picture: str
    name: str
    thumbnail: str
    ask: Ask
    changed: list[str]
    own: Mapping[str, Any]
    found: Mapping[str, Step]
    asked: Mapping[str, Emotion]
    heard: Mapping[str, Step]
    panels: Mapping[str, Any]

    @property
    def chains(self) -> tuple[str, ...]:
        """The chains that it has music of."""
        return self.ask.chains

    @property
    def settings(self) -> dict[str, Any]:
        """Seed, length, strength, models and composer (None in a take of words alone) by their names."""
        return dict(zip(SETTINGS, self.ask.settings, strict=True))

    @property
    def files(self) -> Take:
        """Its files as they lie in its folder, with whatever was made from them since."""
        paths = {path.name: path for path in self.folder.glob("*") if path.is_file()}
        return Take(self.folder, paths, self.folder / TAKE)

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(path.stat().st_size for path in self.files.files.values())


@dataclass(eq=False)
class Shelf:
    """One visitor's takes, oldest first; `desk` is the number of the one that the lanes show.

    `cleared` tells that the lanes show something newer in its place, which is not finished.
    """

    takes: list[KeptTake] = field(default_factory=list)
    desk: int | None = None
    cleared: bool = False
    made: int = 0

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders of all takes."""
        return tuple(take.folder for take in self.takes)

    @property
    def on_desk(self) -> KeptTake | None:
        """The take that the lanes show, or showed last; None before the first and when it has gone."""
        return next((take for take in self.takes if take.number == self.desk), None)

    def put(self, number: int) -> None:
        """Put a take on the desk, by its number."""
        self.desk, self.cleared = number, False

    def take(self, number: Any) -> KeptTake:
        """A take by its number; raises SettingsError where there is none, since a browser can send anything."""
        for take in self.takes:
            if take.number == number and not isinstance(number, bool) and take.folder.is_dir():
                return take
        raise SettingsError(say("takes.gone"))

    def add(self, take: KeptTake, *, spared: Iterable[Path] = ()) -> None:
        """Put a finished take on the desk and the shelf; the oldest go where there is no room.

        Folders of `spared` are left, since a browser may still be fetching from them: the requests delete them later.
        """
        self.takes.append(take)
        self.put(take.number)
        self.made = max(self.made, take.number)
        while len(self.takes) > ALWAYS_KEPT and (len(self.takes) > TAKES_KEPT or self.size > SHELF_BYTES):
            oldest = self.takes.pop(0)
            if oldest.folder not in {*spared, *self.folders}:
                shutil.rmtree(oldest.folder, ignore_errors=True)

    @property
    def size(self) -> int:
        """Bytes of all takes."""
        return sum(take.size for take in self.takes)


def thumbnail(picture: Picture) -> str:
    """The picture as a small JPEG in a data address, at most 96 pixels a side."""
    from PIL import Image

    image = Image.fromarray(picture.rgb)
    image.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
