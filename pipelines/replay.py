"""A stored take made again from its take.json alone, and compared with the files that were stored with it.

In: a :class:`pipelines.export_stored.StoredTake`. Out: a new take in a folder, a comparison for each of its files, and
sentences on why a file is not the same. The same version, torch and processor instructions give the same
`symbolic.mid`; with the same synthesizer and soundfont also the same `symbolic.wav` and, by the embedded ensemble,
`waveform.wav`. The picture is not needed: emotion, caption and prompt are given to the chains as they were found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.bundle import (
    FILES,
    TAKE,
    Part,
    Take,
    check_folder,
    package_version,
    source_version,
    versions,
    write_take,
)
from pipelines.chain import Cancelled, never
from pipelines.chains import run_chain
from pipelines.errors import SettingsError
from pipelines.export_stored import StoredTake, read_record
from pipelines.records import Picture, Step
from pipelines.replay_given import Again, again

MUSIC_SUFFIXES = (".mid", ".wav")
# What may change which file, and why, in the order in which it is told.
CAUSES = {
    "cpu_capability": ("the processor's instructions, which round sums in another order", (".mid", ".wav")),
    "torch": ("torch, which the composer computes with", (".mid", ".wav")),
    "numpy": ("numpy", (".mid", ".wav")),
    "symusic": ("symusic, which writes the MIDI file", (".mid",)),
    "pyfluidsynth": ("pyfluidsynth, which plays", (".wav",)),
    "transformers": ("transformers, which runs MusicGen", (".wav",)),
    "pillow": ("Pillow, which writes pictures", (".png",)),
}
ROUNDED = "The take holds the emotion to four digits only, and the composer followed all of them."
UNEXPLAINED = (
    "Versions and processor are those of the take: the file was changed since, or a model's weights, the soundfont "
    "or a program that is not recorded are others."
)


@dataclass(frozen=True)
class Comparison:
    """A file made again: the SHA-256 of what was made, and of what was stored, None where nothing was."""

    file: str
    made: str
    stored: str | None

    @property
    def same(self) -> bool | None:
        """Whether both are the same, byte for byte; None where there is nothing to compare with."""
        return None if self.stored is None else self.made == self.stored

    def __str__(self) -> str:
        if self.same is None:
            return f"{self.file}: made again; the take was stored without it, so that there is nothing to compare with."
        return f"{self.file}: the same, byte for byte." if self.same else f"{self.file}: not the same."


@dataclass(frozen=True)
class Replay:
    """The take made again, the comparisons, why something differs, and what could not be made again: sentences."""

    take: Take
    comparisons: tuple[Comparison, ...]
    reasons: tuple[str, ...]
    hindrances: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether no note and no sound differs from what was stored."""
        music = [each for each in self.comparisons if each.file.endswith(MUSIC_SUFFIXES)]
        return all(each.same is not False for each in music)


def replay(
    stored: StoredTake,
    folder: str | Path,
    *,
    chains: Sequence[str] | None = None,
    told: Callable[[str, Step], None] = lambda _chain, _step: None,
    cancelled: Cancelled = never,
) -> Replay:
    """Make the take's chains again, all or those named, and write them into a folder.

    `told` hears of each finished step. Raises SettingsError when the take has no such chain, holds values that cannot
    be, or nothing of it can be made again, and as the chains' own `run` and :func:`pipelines.bundle.write_take`.
    """
    folder = Path(folder)
    check_folder(folder)
    wanted = _wanted(stored, chains)
    plans = {name: again(name, stored.record["chains"][name]) for name in wanted}
    for plan in plans.values():
        plan.settings.check()
    hindrances = [plan.hindrance for plan in plans.values() if plan.hindrance]
    able = {name: plan for name, plan in plans.items() if not plan.hindrance}
    if not able:
        raise SettingsError(f"Nothing of {stored.name} can be made again. {hindrances[0]}")
    parts = {name: _made(name, plan, told, cancelled) for name, plan in able.items()}
    take = write_take(parts, folder, picture=_picture(stored.record))
    compared = tuple(_comparisons(take, parts, stored))
    return Replay(take, compared, tuple(_reasons(stored, take, able, compared)), tuple(hindrances))


def _wanted(stored: StoredTake, chains: Sequence[str] | None) -> list[str]:
    there = list(stored.record["chains"])
    missing = [name for name in chains or () if name not in there]
    if missing:
        raise SettingsError(f"{stored.name} has no {missing[0]} music; choose {' or '.join(there)}.")
    return [name for name in there if chains is None or name in chains]


def _made(name: str, plan: Again, told: Callable[[str, Step], None], cancelled: Cancelled) -> Part:
    finals = []
    for step in run_chain(name, None, plan.settings, plan.given, cancelled=cancelled):
        if step.final:
            told(name, step)
            finals.append(step)
    return Part(tuple(finals), asdict(plan.asked))


def _picture(record: Mapping[str, Any]) -> Picture | None:
    """The name and hash of the picture, which is not here itself."""
    stored = record.get("picture")
    if not isinstance(stored, dict) or not all(isinstance(stored.get(key), str) for key in ("name", "sha256")):
        return None
    return Picture(np.zeros((0, 0, 3), np.uint8), stored["name"], stored["sha256"])


def _comparisons(take: Take, parts: Mapping[str, Part], stored: StoredTake) -> Iterator[Comparison]:
    for name in parts:
        for file in FILES[name].values():
            if file in take.files:
                made = hashlib.sha256(take.files[file].read_bytes()).hexdigest()
                yield Comparison(file, made, stored.sha256.get(file))


def _reasons(
    stored: StoredTake, take: Take, plans: Mapping[str, Again], compared: Sequence[Comparison]
) -> Iterator[str]:
    """Sentences on why files differ; none where none does."""
    different = [each.file for each in compared if each.same is False]
    if not different:
        return
    found = [f"{file} was changed after the take was packed." for file in different if file in stored.changed]
    found += _other_makers(stored.record, read_record(take.folder / TAKE), different)
    found += _other_versions(stored.record, different)
    if any(not plan.exact for plan in plans.values()):
        found.append(ROUNDED)
    yield from found or [UNEXPLAINED]


def _other_makers(then: Mapping[str, Any], now: Mapping[str, Any], different: Sequence[str]) -> Iterator[str]:
    for chain, record in now["chains"].items():
        makers = {step["name"]: step["made_by"] for step in then["chains"][chain]["steps"]}
        for step in record["steps"]:
            before, file = makers.get(step["name"], step["made_by"]), FILES[chain].get(step["name"])
            if before != step["made_by"] and file in different:
                yield f"{file} was made by {before}, here by {step['made_by']}."


def _other_versions(record: Mapping[str, Any], different: Sequence[str]) -> Iterator[str]:
    before = record.get("versions")
    then, now = before if isinstance(before, dict) else {}, versions()
    own = package_version("ekphonia") or source_version()
    if record.get("ekphonia") != own:
        yield f"The take was made by Ekphonia {record.get('ekphonia')}, this is {own}."
    for name, (what, suffixes) in CAUSES.items():
        if then.get(name) != now.get(name) and any(file.endswith(suffixes) for file in different):
            yield f"Not as it was: {what} ({then.get(name) or 'unknown'} then, {now.get(name) or 'none'} now)."
