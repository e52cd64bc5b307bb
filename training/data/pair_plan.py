"""Which picture goes with which piece of music: the plan of a data set of pairs.

In: a source of pictures and one of music. Out: :class:`Plan`, then :class:`Pair` by pair, once the music is rendered.

Conventions
-----------
A cell is a label in a split. No group of pictures or music (a theme, a song) is in two splits. A label has as many
pairs as the others, as far as its pictures (`most_uses` times each at most) and its pieces of music (once each) go.
The same sets and seed give the same pairs.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.errors import DataMissingError, MidiError
from pipelines.records import LABELS
from training.data.label_folders import Labelled
from training.data.pair_sources import Source
from training.data.render import RenderSettings, midi_length_s, pieces_in, render_files
from training.data.splits import LEAST_FOR_ALL, SPLITS, Cell, assign_groups, cell_quotas

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pair:
    """A picture and a piece of music of one label in a split: `wav` is piece number `piece` of `music`."""

    split: str
    picture: Labelled
    music: Labelled
    wav: Path
    piece: int


@dataclass(frozen=True)
class Plan:
    """Items by cell, in the order in which they are to be used, and how many pairs each cell is to have."""

    pictures: Mapping[Cell, tuple[Labelled, ...]]
    music: Mapping[Cell, tuple[Labelled, ...]]
    lengths: Mapping[Path, int]
    quotas: Mapping[Cell, int]


def plan_pairs(pictures: Source, music: Source, *, pairs: int, seed: int, clip_s: float, most_uses: int) -> Plan:
    """Part both sets into splits, and find how many pairs each label and split can have.

    Raises DataMissingError when a split would stay empty.
    """
    lengths = dict(_lengths(music.items, clip_s))
    playable = [item for item in music.items if lengths[item.path]]
    sorted_pictures = _by_cell(pictures.items, [1.0] * len(pictures.items), seed=seed)
    sorted_music = _by_cell(playable, [lengths[item.path] for item in playable], seed=seed + 1)
    most = {
        cell: min(most_uses * len(sorted_pictures[cell]), sum(lengths[item.path] for item in sorted_music[cell]))
        for cell in sorted_pictures
    }
    quotas = cell_quotas(pairs, most)
    if not all(any(quotas[label, split] for label in LABELS) for split in SPLITS):
        raise DataMissingError(
            f"No label has both pictures and music enough for {LEAST_FOR_ALL} pairs in three splits; "
            "add some of each label, or ask for more pairs."
        )
    return Plan(sorted_pictures, sorted_music, lengths, quotas)


def _lengths(items: Sequence[Labelled], clip_s: float) -> Iterator[tuple[Path, int]]:
    """How many pieces each MIDI file should give; 0 for one that cannot be read, which the log names."""
    for item in items:
        try:
            yield item.path, pieces_in(midi_length_s(item.path), clip_s)
        except MidiError as trouble:
            log.warning("%s is left out: %s", item.origin, trouble)
            yield item.path, 0


def _by_cell(items: Sequence[Labelled], weights: Sequence[float], *, seed: int) -> dict[Cell, tuple[Labelled, ...]]:
    split_of = assign_groups(items, weights, seed=seed)
    order = np.random.default_rng(seed).permutation(len(items))
    cells: dict[Cell, list[Labelled]] = {(label, split): [] for label in LABELS for split in SPLITS}
    for index in order:
        cells[items[index].label, split_of[items[index].group]].append(items[index])
    return {cell: tuple(found) for cell, found in cells.items()}


def render_music(plan: Plan, cache: Path, settings: RenderSettings, *, processes: int) -> dict[Path, list[Path]]:
    """Play files, cell by cell in their order, until every cell has the pieces that it needs or no file is left.

    A file that cannot be played, or gives no piece, is left out, which the log says once. Raises DataMissingError when
    a split would stay empty, and SoundError or SoundfontError where no file could be played.
    """
    from tqdm import tqdm

    origins = {item.path: item.origin for items in plan.music.values() for item in items}
    rendered: dict[Path, list[Path]] = {}
    while wanted := _still_wanted(plan, rendered):
        for path, outcome in tqdm(
            render_files(wanted, cache, settings, processes=processes), total=len(wanted), desc="rendering", unit="file"
        ):
            rendered[path] = [] if isinstance(outcome, MidiError) else outcome
            if not rendered[path]:
                why = outcome if isinstance(outcome, MidiError) else "it gives no piece that sounds for half its time."
                log.warning("%s is left out: %s", origins[path], why)
    _check_splits(plan, rendered)
    return rendered


def _check_splits(plan: Plan, rendered: Mapping[Path, Sequence[Path]]) -> None:
    """Raise DataMissingError where a split has no piece of music."""
    for split in SPLITS:
        own = [item for label in LABELS if plan.quotas[label, split] for item in plan.music[label, split]]
        if not any(rendered.get(item.path) for item in own):
            played = sum(map(bool, rendered.values()))
            raise DataMissingError(
                f"Of {len(rendered)} files of music {played} could be played, and none is left for {split}; the log "
                "says why each was left out. Mend or add some, and check the soundfont where all fail."
            )


def _still_wanted(plan: Plan, rendered: Mapping[Path, Sequence[Path]]) -> list[Path]:
    """Files to render next: by what they should give, enough for each cell that lacks pieces."""
    wanted = []
    for cell, items in plan.music.items():
        lack = plan.quotas[cell] - sum(len(rendered.get(item.path, ())) for item in items)
        for item in items:
            if lack > 0 and item.path not in rendered:
                wanted.append(item.path)
                lack -= plan.lengths[item.path]
    return wanted


def pair_up(plan: Plan, rendered: Mapping[Path, Sequence[Path]], *, seed: int) -> list[Pair]:
    """Pair at random within each cell; a picture is used again only when all of its cell have been used."""
    rng = np.random.default_rng(seed)
    pairs = []
    for (label, split), items in plan.music.items():
        pieces = [(item, wav) for item in items for wav in rendered.get(item.path, ())]
        chosen = [pieces[i] for i in rng.permutation(len(pieces))[: plan.quotas[label, split]]]
        pictures = plan.pictures[label, split]
        for index, (item, wav) in enumerate(chosen):
            pairs.append(Pair(split, pictures[index % len(pictures)], item, wav, int(wav.stem)))
    return pairs
