"""A journey to files while it is composed: the growing sound, then the notes and the record of how it was made."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.bundle import check_writable
from pipelines.journey import JourneySettings, Stretch, journey_record, travel
from pipelines.journey_sound import GrowingWav
from pipelines.symbolic.midi import write_midi
from pipelines.symbolic.synthesize import SAMPLE_RATE_HZ

SOUND, NOTES, RECORD = "journey.wav", "journey.mid", "journey.json"


@dataclass(frozen=True, eq=False)
class Growing:
    """How far a journey has come: its latest stretch, where its sound grows, how many frames of it are there.

    `files` holds the finished files by name, in the last one only.
    """

    stretch: Stretch
    sound: Path
    frames: int
    files: Mapping[str, Path] = field(default_factory=dict)


def write_journey(
    settings: JourneySettings,
    folder: Path,
    *,
    live: Path | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Growing]:
    """Compose, play and write a journey; the last value names the files in `folder`, which is made if need be.

    The sound grows in `live`, for those who listen along, or else beside its place; what is not finished leaves
    nothing in `folder`. Raises as :func:`pipelines.journey.travel`, and SettingsError for a folder that cannot be
    written.
    """
    settings.check()
    check_writable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".journey-") as name:
        scratch = Path(name)
        sound = live or scratch / SOUND
        frames = round(settings.duration_s * SAMPLE_RATE_HZ)
        with GrowingWav(sound, sample_rate_hz=SAMPLE_RATE_HZ, frames=frames) as wav:
            for stretch in travel(settings, cancelled=cancelled):
                wav.write(stretch.sound.samples)
                yield Growing(stretch, sound, wav.frames)
        write_midi(stretch.score, scratch / NOTES)
        record = json.dumps(journey_record(settings, stretch.score), indent=2)
        (scratch / RECORD).write_text(record + "\n")
        files = _put_in_place(sound, scratch, folder, keep=live is not None)
        yield Growing(stretch, files[SOUND], wav.frames, files)


def _put_in_place(sound: Path, scratch: Path, folder: Path, *, keep: bool) -> dict[str, Path]:
    """The record last; a live sound stays where it is, and is the same file under both names."""
    target = folder / SOUND
    if keep and sound != target:
        target.unlink(missing_ok=True)
        try:
            os.link(sound, target)
        except OSError:  # a file system without links
            shutil.copyfile(sound, target)
    elif not keep:
        sound.replace(target)
    for file in (NOTES, RECORD):
        (scratch / file).replace(folder / file)
    return {file: folder / file for file in (SOUND, NOTES, RECORD)}
