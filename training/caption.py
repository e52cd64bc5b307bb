"""Fit and check what the embedded captioner may name: `python -m training.caption`.

In: OASIS (`training/data/oasis.py`) and what its pictures show (`training/caption_truth.py`). Out:
assets/weights/caption.safetensors, and the scores on pictures that were not fitted.

Patterns are logistic regressions on standardised class scores, fitted on the pictures as they are and without their
colours. A concept's thresholds follow from the pictures that do not show it: "sure" begins a margin above their
highest score (a few are passed over where many pictures show it), "perhaps" lower, and neither below a floor that is
common to all. One more regression tells pictures made by code that show nothing (`training/caption_blank.py`), in which
nothing is named. The check splits the pictures into halves at random, fits all of this on one and counts on the other.
"""

from __future__ import annotations

import argparse
import logging
import sys
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from pipelines.errors import EkphoniaError
from pipelines.models import save_weights, weights_path
from pipelines.waveform.caption_concepts import CONCEPTS, NAMES, PATTERNS
from pipelines.waveform.caption_things import WEIGHTS, Knowledge, class_scores, view_config
from training.caption_blank import KINDS, blank
from training.caption_truth import shows
from training.data.oasis import Oasis, load_oasis
from training.styles import STYLES

log = logging.getLogger(__name__)
Floats = npt.NDArray[np.float64]
CACHE = Path.home() / ".cache" / "ekphonia" / "caption"
NEVER = -20.0
BLANK, BLANK_SEEDS = "nothing shown", ((0, 30), (1000, 20))  # the first and how many, fitted and checked
PLAIN, FITTED_STYLES, CHECKED_STYLES = "plain", ("grey", "oil"), ("grey", "oil", "hue", "canvas", "posterise")


@dataclass(frozen=True)
class CaptionSettings:
    """How it is fitted: `strength` of the regressions' penalty (scikit-learn's C), the two floors, the shares of the
    showing pictures by which wrong claims are passed over, and the margin in log odds above the wrong ones.
    """

    strength: float = 0.01
    sure_floor: float = 0.42
    perhaps_floor: float = 0.25
    sure_wrong: float = 0.04
    perhaps_wrong: float = 0.3
    margin: float = 0.5
    inner_folds: int = 5
    halves: int = 10
    seed: int = 0


@dataclass(frozen=True)
class Count:
    """Claims counted: sure ones right and wrong, guesses right and wrong; pictures with a sure claim, with any, all."""

    right: int = 0
    wrong: int = 0
    guessed_right: int = 0
    guessed_wrong: int = 0
    named: int = 0
    hinted: int = 0
    pictures: int = 0

    def __add__(self, other: Count) -> Count:
        """Sum of two counts."""
        return Count(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def __str__(self) -> str:
        """The counts as shares."""
        sure, guessed, pictures = self.right + self.wrong, self.guessed_right + self.guessed_wrong, self.pictures
        return (
            f"sure claims right {self.right / max(sure, 1):.3f} of {sure}, guesses right "
            f"{self.guessed_right / max(guessed, 1):.3f} of {guessed}; something named in "
            f"{self.named / max(pictures, 1):.2f} of pictures, named or guessed in {self.hinted / max(pictures, 1):.2f}"
        )


def truth_of(names: list[str]) -> Floats:
    """(pictures, concepts): 1 shown, 0 not, nan open."""
    said = [[shows(name, concept) for concept in NAMES] for name in names]
    return np.array([[np.nan if value is None else float(value) for value in row] for row in said])


def look(data: Oasis, style: str, cache: Path) -> Floats:
    """Class scores of all pictures in a style, (pictures, views, 1000); kept in the cache."""
    path = cache / f"{style}.npy"
    if path.is_file():
        return np.asarray(np.load(path, allow_pickle=False), np.float64)
    log.info("looking at %d pictures, %s", len(data), style)
    rows = []
    for number, source in enumerate(data.paths):
        rgb = np.asarray(Image.open(source).convert("RGB")).copy()
        rows.append(class_scores(rgb if style == PLAIN else STYLES[style](rgb, np.random.default_rng(number))))
    cache.mkdir(parents=True, exist_ok=True)
    np.save(path, np.array(rows, np.float32))
    return np.array(rows)


def look_at_blank(cache: Path, *, first: int, seeds: int) -> Floats:
    """Class scores of the pictures of each kind that show nothing, (pictures, views, 1000); kept in the cache."""
    path = cache / f"blank-{first}-{seeds}.npy"
    if path.is_file():
        return np.asarray(np.load(path, allow_pickle=False), np.float64)
    log.info("looking at %d pictures that show nothing", len(KINDS) * seeds)
    rows = [class_scores(blank(kind, first + seed)) for kind in KINDS for seed in range(seeds)]
    cache.mkdir(parents=True, exist_ok=True)
    np.save(path, np.array(rows, np.float32))
    return np.array(rows)


def fit_pattern(sets: list[Floats], truth: Floats, settings: CaptionSettings) -> tuple[Floats, float]:
    """Weights (1000,) and bias of one pattern from mean class scores, each set (pictures, 1000), and the truth.

    Where no picture shows it, it is never told.
    """
    from sklearn.linear_model import LogisticRegression

    known = ~np.isnan(truth)
    x, y = np.concatenate([rows[known] for rows in sets]), np.tile(truth[known], len(sets))
    if not y.any():
        return np.zeros(x.shape[1]), NEVER
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    model = LogisticRegression(C=settings.strength, max_iter=500).fit((x - mean) / deviation, y)
    weight = model.coef_[0] / deviation
    return weight, float(model.intercept_[0] - weight @ mean)


def fit_nothing(means: list[Floats], empty: Floats, settings: CaptionSettings) -> tuple[Floats, float]:
    """Weights (1000,) and bias that tell pictures that show nothing, `empty`, from the others by mean class scores."""
    rows = np.concatenate([*means, empty])
    return fit_pattern([rows], (np.arange(len(rows)) >= len(rows) - len(empty)).astype(float), settings)


def fit(sets: list[Floats], truth: Floats, settings: CaptionSettings, empty: Floats) -> Knowledge:
    """Fit patterns and thresholds on class scores, each set (pictures, views, 1000), the first of plain pictures.

    `empty` are class scores of pictures in which nothing may be named, (pictures, views, 1000).
    """
    means = [logits.mean(axis=1) for logits in sets]
    columns = [NAMES.index(name) for name in PATTERNS]
    fitted = [fit_pattern(means, truth[:, column], settings) for column in columns]
    weight, bias = np.array([w for w, _ in fitted]), np.array([b for _, b in fitted])
    none = np.zeros(len(NAMES))
    nothing = np.append(*fit_nothing(means, empty.mean(axis=1), settings))
    open_to_all = Knowledge(weight, bias, none, none, nothing)
    scores = np.array([[open_to_all.scores(logits) for logits in rows] for rows in sets])
    scores[:, :, columns] = _unseen_scores(means, truth[:, columns], settings)
    sure, perhaps = (
        np.array([threshold(scores[:, :, i], truth[:, i], floor, wrong, settings.margin) for i in range(len(NAMES))])
        for floor, wrong in (
            (settings.sure_floor, settings.sure_wrong),
            (settings.perhaps_floor, settings.perhaps_wrong),
        )
    )
    return Knowledge(weight, bias, sure, np.minimum(sure, perhaps), nothing)


def _unseen_scores(means: list[Floats], truth: Floats, settings: CaptionSettings) -> Floats:
    """Scores of the patterns (sets, pictures, patterns) on pictures left out of their fit."""
    scores = np.zeros((len(means), *truth.shape))
    folds = np.random.default_rng(settings.seed).permutation(len(truth)) % settings.inner_folds
    for fold in range(settings.inner_folds):
        left, kept = folds == fold, folds != fold
        for column in range(truth.shape[1]):
            weight, bias = fit_pattern([rows[kept] for rows in means], truth[kept, column], settings)
            for number, rows in enumerate(means):
                scores[number, left, column] = 1 / (1 + np.exp(-(rows[left] @ weight + bias)))
    return scores


def threshold(scores: Floats, truth: Floats, floor: float, wrong: float, margin: float) -> float:
    """The lowest score from which a concept is claimed, from scores (sets, pictures): in each set it lies above nearly
    all of the pictures that do not show it.
    """
    passed = int(wrong * np.nansum(truth))
    highest = np.sort(scores[:, truth == 0], axis=1)[:, ::-1][:, passed].max()
    odds = np.log(highest / (1 - highest + 1e-9) + 1e-9) + margin
    return float(max(floor, 1 / (1 + np.exp(-odds))))


def count(knowledge: Knowledge, logits: Floats, truth: Floats) -> Count:
    """Compare what is claimed at class scores (pictures, views, 1000) with the truth; open ones do not count."""
    total = Count()
    for picture, row in zip(logits, truth, strict=True):
        things = knowledge.seen(picture)
        judged = [(thing.sure, row[NAMES.index(thing.concept.name)]) for thing in things]
        right, wrong = (judged.count((True, truly)) for truly in (1.0, 0.0))
        guessed_right, guessed_wrong = (judged.count((False, truly)) for truly in (1.0, 0.0))
        named = any(thing.sure for thing in things)
        total += Count(right, wrong, guessed_right, guessed_wrong, named, bool(things), 1)
    return total


def check(
    looks: dict[str, Floats], truth: Floats, settings: CaptionSettings, empty: Floats, unseen: Floats
) -> dict[str, Count]:
    """Fit on random halves and count on the others, in each style; and on `unseen` pictures that show nothing."""
    rng = np.random.default_rng(settings.seed)
    totals = {style: Count() for style in (*looks, BLANK)}
    for _ in range(settings.halves):
        half = rng.permutation(len(truth)) % 2 == 0
        sets = [looks[style][half] for style in (PLAIN, *FITTED_STYLES)]
        knowledge = fit(sets, truth[half], settings, empty)
        for style, logits in looks.items():
            totals[style] += count(knowledge, logits[~half], truth[~half])
        totals[BLANK] += count(knowledge, unseen, np.zeros((len(unseen), len(NAMES))))
    return totals


def write(knowledge: Knowledge) -> None:
    """Keep it in assets/weights."""
    import torch

    tensors = {name: torch.from_numpy(value).float() for name, value in vars(knowledge).items()}
    save_weights(weights_path(WEIGHTS), tensors, {"concepts": list(NAMES), "views": view_config()})


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 when it went well, 2 when the data is not there."""
    parser = argparse.ArgumentParser(prog="python -m training.caption", description=__doc__)
    parser.add_argument("--data", type=Path, help="the folder oasis (default: found by EKPHONIA_DATA)")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where class scores are kept (default: %(default)s)")
    parser.add_argument("--dry-run", action="store_true", help="check only, write nothing")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    settings = CaptionSettings()
    try:
        data = load_oasis(options.data)
        looks = {style: look(data, style, options.cache) for style in (PLAIN, *CHECKED_STYLES)}
        empty, unseen = (look_at_blank(options.cache, first=first, seeds=seeds) for first, seeds in BLANK_SEEDS)
    except EkphoniaError as error:
        print(error, file=sys.stderr)
        return 2
    truth = truth_of([path.stem for path in data.paths])
    for style, total in check(looks, truth, settings, empty, unseen).items():
        print(f"{style}: {total}")
    if not options.dry_run:
        knowledge = fit([looks[style] for style in (PLAIN, *FITTED_STYLES)], truth, settings, empty)
        write(knowledge)
        tested = int((np.nansum(truth, axis=0) > 0).sum())
        print(f"{len(CONCEPTS)} concepts written, {tested} of them shown in the pictures")
    return 0


if __name__ == "__main__":
    sys.exit(main())
