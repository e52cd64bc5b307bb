"""WikiArt Emotions: paintings with the emotions that people said they evoke in, the five labels out.

Source: Mohammad and Kiritchenko, "WikiArt Emotions: An Annotated Dataset of Emotions Evoked by Art", LREC 2018; about
ten people on each of 4,105 works. The release holds ratings and addresses only: no pictures, which its terms and
WikiArt's leave to the user to gather, and it may not be passed on. Layout::

    wikiart/WikiArt-Emotions-All.tsv    one line a work: ID, Artist, Title, Is painting, …, and the share of people
                                        (0 to 1) who felt each of twenty emotions, in the columns
                                        "Art (image+title): …", "ImageOnly: …", "TitleOnly: …"
    wikiart/images/ID.jpg               the pictures, by the column ID (.jpg, .jpeg, .png or .webp)

Works without a picture are passed over, since many of the addresses are dead by now; the log counts them.

The twenty emotions under the five labels
-----------------------------------------
The paper sorted its 1,200 paintings by hand and does not give its rule. Here each emotion goes where the words that
the raters saw lie on the circumplex (:func:`pipelines.records.circumplex_label`):

- Happy, pleasant and of any calm: happiness (their words include calmness), gratitude, love, optimism, trust.
- Angry, unpleasant and aroused: anger, arrogance, disagreeableness, disgust, fear. Fear is no anger, but of the five
  labels it is the only one in that quarter of the plane, as in every other set here.
- Sad, unpleasant and quiet: sadness, pessimism, regret, shame.
- Fun, aroused and not unpleasant: surprise (with amazement), anticipation (with interest and curiosity). The set has
  no amusement, so this is the weakest of the five.
- Neutral: neutral, and what is near the middle and quiet: agreeableness, humility, shyness.
"""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import DataMissingError, SettingsError
from training.data import data_folder
from training.data.label_folders import PICTURE_SUFFIXES, Labelled, unrated, without_copies

log = logging.getLogger(__name__)
TABLE = "WikiArt-Emotions-All.tsv"
BASES = {"image": "ImageOnly: ", "art": "Art (image+title): "}
EMOTIONS = {
    "Happy": ("happiness", "gratitude", "love", "optimism", "trust"),
    "Angry": ("anger", "arrogance", "disagreeableness", "disgust", "fear"),
    "Sad": ("sadness", "pessimism", "regret", "shame"),
    "Fun": ("surprise", "anticipation"),
    "Neutral": ("neutral", "agreeableness", "humility", "shyness"),
}


@dataclass(frozen=True)
class WikiArtRule:
    """When a work counts as one of the five.

    A label's share is that of its most felt emotion. The greatest share must reach `least_share` (0.4 is what the
    set's authors recommend) and exceed the next label's by `least_lead`. `basis` is "image" for what the picture alone
    evoked, which is all that the pipeline sees, or "art" for picture and title.
    """

    least_share: float = 0.4
    least_lead: float = 0.1
    basis: str = "image"
    paintings_only: bool = True

    def __post_init__(self) -> None:
        for name, value in (("least share", self.least_share), ("least lead", self.least_lead)):
            if not 0 <= value <= 1:
                raise SettingsError(f"The {name} cannot be {value:g}; choose 0 to 1.")
        if self.basis not in BASES:
            raise SettingsError(f"The basis cannot be {self.basis!r}; choose one of {', '.join(BASES)}.")


def label_of(shares: Mapping[str, float], rule: WikiArtRule) -> str | None:
    """The label of a work by the shares (0 to 1) of the twenty emotions; None where the rule leaves it open."""
    felt = {label: max(shares[emotion] for emotion in emotions) for label, emotions in EMOTIONS.items()}
    first, second = sorted(felt, key=lambda label: -felt[label])[:2]
    # a hair's breadth for sums of tenths
    clear = felt[first] >= rule.least_share - 1e-9 and felt[first] - felt[second] >= rule.least_lead - 1e-9
    return first if clear else None


def load_wikiart(folder: Path | None = None, *, rule: WikiArtRule | None = None) -> tuple[Labelled, ...]:
    """Works of `folder` (default: `data_folder("wikiart")`) that have a picture and, by the rule, a label.

    Raises:
        DataMissingError: the table is missing or lacks a column, or no work has a label, or none of those a picture.
    """
    folder, rule = folder or data_folder("wikiart"), rule or WikiArtRule()
    table = folder / TABLE
    if not table.is_file():
        raise DataMissingError(f"WikiArt Emotions has no table {table}; lay it out as training/data/wikiart.py says.")
    pictures = {path.stem: path for path in _pictures(folder / "images")}
    try:
        with table.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        labels = {row["ID"]: label_of(_shares(row, rule), rule) for row in rows if _counts(row, rule)}
    except (KeyError, TypeError, ValueError, AttributeError, csv.Error) as cause:
        raise DataMissingError(
            f"The table {table} is not laid out as expected ({cause}); see training/data/wikiart.py."
        ) from cause
    named = {work: label for work, label in labels.items() if label}
    found = without_copies(
        unrated(pictures[work], label, origin=f"WikiArt {work}") for work, label in named.items() if work in pictures
    )
    log.info("WikiArt: %d works, %d with a clear label, %d of them with a picture", len(rows), len(named), len(found))
    if not named:
        raise DataMissingError(f"No work of {table} has a clear label; lower the least share or lead, or check it.")
    if not found:
        raise DataMissingError(f"WikiArt Emotions has no pictures named ID.jpg in {folder / 'images'}; put them there.")
    return found


def _pictures(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in sorted(folder.iterdir()) if path.suffix.lower() in PICTURE_SUFFIXES)


def _counts(row: Mapping[str, str], rule: WikiArtRule) -> bool:
    return not rule.paintings_only or row["Is painting"].strip().lower() == "yes"


def _shares(row: Mapping[str, str], rule: WikiArtRule) -> dict[str, float]:
    return {
        emotion: float(row[f"{BASES[rule.basis]}{emotion}"]) for emotions in EMOTIONS.values() for emotion in emotions
    }
