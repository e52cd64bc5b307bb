"""The MIREX-like mood set: MIDI files of songs in five clusters of mood in, the five labels out.

Source: Panda et al., "Multi-Modal Music Emotion Recognition: A New Dataset, Methodology and Comparative Analysis",
CMMR 2013; the clusters are those of MIREX' audio mood task (Hu and Downie 2007), songs and their moods AllMusic's.
903 songs have sound, 764 words and, by its paper, 193 a MIDI file (copies in circulation hold up to 196). For research;
the songs are their owners'. Layout, as it is given out::

    mirex/MIDIs/NNN.mid       NNN a song's number from 001 to 903
    mirex/clusters.txt        line NNN is that song's cluster, "Cluster 1" to "Cluster 5"

or the same within a folder `dataset`.

The five clusters under the five labels
---------------------------------------
"Bridging Paintings and Music" (section IV-A) brings the moods to its five labels without saying how. Here:

- Cluster 2 (rollicking, cheerful, fun, sweet, amiable) is Happy, cheer being its middle;
- Cluster 3 (literate, poignant, wistful, bittersweet, autumnal, brooding) is Sad;
- Cluster 4 (humorous, silly, campy, quirky, whimsical, witty, wry) is Fun: amusement is all that its words share;
- Cluster 5 (aggressive, fiery, tense, intense, volatile, visceral) is Angry;
- Cluster 1 (passionate, rousing, confident, boisterous, rowdy) is Neutral, for want of a better: its words take neither
  side between pleasure and displeasure. They are not quiet, though, so the label is the least sure of the five;
  `labels` of :func:`load_mirex` puts another in its place, or None to leave the cluster out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from pipelines.errors import DataMissingError
from training.data import data_folder
from training.data.label_folders import MIDI_SUFFIXES, Labelled, unrated, without_copies

EXPECTED_MIDI = 193
CLUSTERS: Mapping[int, str | None] = {1: "Neutral", 2: "Happy", 3: "Sad", 4: "Fun", 5: "Angry"}


def load_mirex(folder: Path | None = None, *, labels: Mapping[int, str | None] = CLUSTERS) -> tuple[Labelled, ...]:
    """MIDI files of `folder` (default: `data_folder("mirex")`) with the labels of their clusters.

    Raises:
        DataMissingError: there are no MIDI files or no clusters, or a file has no line among them.
    """
    folder = folder or data_folder("mirex")
    folder = folder / "dataset" if (folder / "dataset").is_dir() else folder
    clusters = _clusters(folder / "clusters.txt")
    midi = folder / "MIDIs"
    paths = [path for path in sorted(midi.glob("*")) if path.suffix.lower() in MIDI_SUFFIXES] if midi.is_dir() else []
    if not paths:
        raise DataMissingError(f"The MIREX set has no MIDI files in {midi}; put its {EXPECTED_MIDI} there.")
    found = []
    for path in paths:
        number = int(path.stem) if path.stem.isdecimal() else 0
        if not 1 <= number <= len(clusters):
            raise DataMissingError(
                f"{path.name} has no line in clusters.txt, which has {len(clusters)}; name files 001.mid and so on."
            )
        label = labels.get(clusters[number - 1])
        if label is not None:
            found.append(unrated(path, label, origin=f"MIREX {path.name}"))
    return without_copies(found)


def _clusters(path: Path) -> list[int]:
    """The number of each song's cluster, line by line."""
    if not path.is_file():
        raise DataMissingError(f"The MIREX set has no {path}; lay it out as training/data/mirex.py says.")
    lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").rstrip().splitlines()]
    matches = [re.fullmatch(r"cluster\s*([1-5])", line, re.IGNORECASE) for line in lines]
    for line, match in zip(lines, matches, strict=True):
        if match is None:
            raise DataMissingError(f"{path.name} has the line {line!r}; each should be Cluster 1 to Cluster 5.")
    return [int(match.group(1)) for match in matches if match]
