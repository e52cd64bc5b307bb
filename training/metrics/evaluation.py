"""A set of pieces measured by everything in this folder: MIDI files in, one column of figures out.

A :class:`Piece` is a Score with where it comes from; :func:`folder_set`, :func:`eimg_set` and :func:`pop909_set` gather
them, :func:`evaluate` makes the figures in the order of the table that `python -m training.metrics` prints.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipelines.errors import DataMissingError
from pipelines.hearing import WEIGHTS as HEARING_WEIGHTS
from pipelines.hearing import hear_points
from pipelines.models import weights_path
from pipelines.records import Score
from pipelines.regressor import load_arrays
from pipelines.symbolic.midi import read_midi
from training.data.eimg import load_clips
from training.data.pop909 import random_excerpt, song_paths
from training.metrics.copying import Copying, Hashes, RunIndex, copying, index_runs, melody_runs
from training.metrics.distributions import FEATURES, likeness
from training.metrics.referee import WEIGHTS as REFEREE_WEIGHTS
from training.metrics.referee import judge
from training.metrics.structure import Structure, on_bars, structure
from training.metrics.symbolic import TickNotes, music_quality_loss, read_ticks, score_ticks, symbolic_means

TARGETS_FILE = "targets.csv"
SILENCE_LIMIT_S = 2.0


@dataclass(frozen=True, eq=False)
class Piece:
    """A piece: its score from a bar line on, its ticks, its file's name, and what was asked (nan for nothing)."""

    score: Score
    ticks: TickNotes
    source: str
    target: tuple[float, float] = (math.nan, math.nan)


@dataclass(frozen=True, eq=False)
class PieceSet:
    """Pieces under a title; `training_set` is "eimg" or "pop909" if they are taken from it, else ""."""

    title: str
    pieces: tuple[Piece, ...]
    training_set: str = ""


@dataclass(frozen=True, eq=False)
class Yardsticks:
    """What sets are measured against: two halves of EIMG clips, and the runs of either training set, by file."""

    first_half: tuple[Score, ...]
    second_half: tuple[Score, ...]
    runs: dict[str, dict[str, Hashes]]
    indices: dict[str, RunIndex] = field(default_factory=dict)


def folder_set(folder: Path) -> PieceSet:
    """The MIDI files of a folder, with what targets.csv in it (file, valence, arousal) says was asked.

    Raises:
        DataMissingError: the folder holds no MIDI files, or targets.csv names one that is not there.
        MidiError: a file cannot be read.
    """
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in (".mid", ".midi"))
    if not paths:
        raise DataMissingError(f"No MIDI files are in {folder}; give a folder of .mid files.")
    asked = read_targets(folder / TARGETS_FILE)
    absent = set(asked) - {path.name for path in paths}
    if absent:
        raise DataMissingError(f"{len(absent)} files of {TARGETS_FILE}, such as {min(absent)}, are not in {folder}.")
    nothing = (math.nan, math.nan)
    pieces = [Piece(read_midi(p), read_ticks(p), p.name, asked.get(p.name, nothing)) for p in paths]
    return PieceSet(folder.name, tuple(pieces))


def read_targets(path: Path) -> dict[str, tuple[float, float]]:
    """Valence and arousal asked of each file; {} without the file."""
    if not path.is_file():
        return {}
    with path.open(newline="") as file:
        return {row["file"]: (float(row["valence"]), float(row["arousal"])) for row in csv.DictReader(file)}


def eimg_set(*, count: int, seed: int) -> PieceSet:
    """EIMG clips drawn by a seed, on their likeliest bars."""
    clips = load_clips()
    drawn = [clips[i] for i in np.random.default_rng(seed).permutation(len(clips))[:count]]
    pieces = [
        Piece(on_bars(clip.score()), read_ticks(clip.path), clip.path.stem, (clip.valence, clip.arousal))
        for clip in drawn
    ]
    return PieceSet("EIMG", tuple(pieces), "eimg")


def pop909_set(*, count: int, seed: int, duration_s: float) -> PieceSet:
    """Excerpts of `duration_s` of POP909 songs, songs and places drawn by a seed."""
    rng = np.random.default_rng(seed)
    paths, pieces = song_paths(), []
    for number in rng.permutation(len(paths)):
        part = random_excerpt(read_midi(paths[number]), duration_s=duration_s, rng=rng)
        if part is not None:
            pieces.append(Piece(part, score_ticks(part), paths[number].stem))
        if len(pieces) == count:
            break
    return PieceSet("POP909", tuple(pieces), "pop909")


def yardsticks(*, clips: int = 1000, seed: int = 0) -> Yardsticks:
    """Read what sets are measured against; takes half a minute. Raises DataMissingError without the data sets."""
    every = load_clips()
    scores = {clip.path.stem: clip.score() for clip in every}
    order = np.random.default_rng(seed).permutation(sorted(scores))[:clips]
    runs = {
        "eimg": {name: melody_runs(score) for name, score in scores.items()},
        "pop909": {path.stem: melody_runs(read_midi(path)) for path in song_paths()},
    }
    halves = [tuple(scores[name] for name in order[start::2]) for start in (0, 1)]
    return Yardsticks(halves[0], halves[1], runs, {name: index_runs(part.values()) for name, part in runs.items()})


def evaluate(pieces: PieceSet, against: Yardsticks) -> dict[str, float]:
    """All figures of a set by name; nan where a figure has no meaning."""
    scores = [piece.score for piece in pieces.pieces]
    return {
        "pieces": float(len(scores)),
        "median length (s)": float(np.median([score.duration_s for score in scores])),
        **_agreement(pieces),
        **_quality([piece.ticks for piece in pieces.pieces]),
        **_overlap(scores, against),
        **_structures([structure(score) for score in scores]),
        **_copies(pieces, against),
    }


def pearson(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    """Pearson's r of two (n,) arrays; nan under 3 pairs or without variation."""
    if len(a) < 3 or a.std() == 0 or b.std() == 0:
        return math.nan
    return float(np.corrcoef(a, b)[0, 1])


def _agreement(pieces: PieceSet) -> dict[str, float]:
    """Pearson's r and mean distance of asked and heard; of EIMG the r of the held-out folds."""
    asked = np.array([piece.target for piece in pieces.pieces])
    told = ~np.isnan(asked).any(axis=1)
    scores = [piece.score for piece, known in zip(pieces.pieces, told, strict=True) if known]
    rows: dict[str, float] = {}
    for listener, listen, weights in (("listener", hear_points, HEARING_WEIGHTS), ("referee", judge, REFEREE_WEIGHTS)):
        if pieces.training_set == "eimg":
            found = load_arrays(weights_path(weights))[1]["r"]
        else:
            heard = listen(scores)
            found = [pearson(asked[told, k], heard[:, k]) for k in (0, 1)]
        rows[f"asked, heard by the {listener}: r of valence"] = float(found[0])
        rows[f"asked, heard by the {listener}: r of arousal"] = float(found[1])
    return rows


def _quality(ticks: Sequence[TickNotes]) -> dict[str, float]:
    means = symbolic_means(ticks)
    return {
        "polyphony rate": means.polyphony_rate,
        "pitch entropy (bits)": means.pitch_entropy,
        "groove consistency": means.groove_consistency,
        "Music Quality Loss": music_quality_loss(means),
    }


def _overlap(scores: Sequence[Score], against: Yardsticks) -> dict[str, float]:
    """Overlapping area of each feature with one half of EIMG, and their mean over that of the other half."""
    found = likeness(scores, against.first_half)
    halves = likeness(against.second_half, against.first_half)
    rows = {f"overlap, {name}": area for name, area in zip(FEATURES, found.overlap, strict=True)}
    rows["overlap, mean"] = found.mean_overlap
    rows["overlap, of what halves of EIMG score"] = found.mean_overlap / halves.mean_overlap
    rows["KL divergence, mean (nats)"] = float(np.mean(found.divergence))
    return rows


def _structures(found: Sequence[Structure]) -> dict[str, float]:
    """Means of each figure, the 5th and 95th percentile of the returns, and dead air."""
    columns = {f.name: np.array([getattr(one, f.name) for one in found]) for f in fields(Structure)}
    rows = {name.replace("_", " "): _nanmean(values) for name, values in columns.items() if name != "longest_silence_s"}
    for name in ("bar_return", "phrase_return"):
        values = columns[name][~np.isnan(columns[name])]
        for percent in (5, 95):
            rows[f"{name.replace('_', ' ')}, {percent}th percentile"] = _percentile(values, percent)
    silence = columns["longest_silence_s"]
    rows["longest silence (s)"] = float(silence.max())
    rows[f"pieces silent for over {SILENCE_LIMIT_S:g} s"] = float((silence > SILENCE_LIMIT_S).mean())
    return rows


def _copies(pieces: PieceSet, against: Yardsticks) -> dict[str, float]:
    """Shared runs with each training set; a piece taken from it is not compared with its own file."""
    runs = [melody_runs(piece.score) for piece in pieces.pieces]
    rows = {}
    for name, title in (("eimg", "EIMG"), ("pop909", "POP909")):
        own = None
        if pieces.training_set == name:
            own = [against.runs[name][piece.source] for piece in pieces.pieces]
        found: Copying = copying(runs, against.indices[name], own)
        rows[f"runs shared with a piece of {title} (per million)"] = 1e6 * found.pair_rate
        rows[f"runs found anywhere in {title}"] = found.any_rate
    return rows


def _nanmean(values: npt.NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan


def _percentile(values: npt.NDArray[np.float64], percent: int) -> float:
    return float(np.percentile(values, percent)) if len(values) else math.nan
