"""Where pictures and music for pairs come from, by a name or a folder.

In: "oasis", "wikiart" or a folder of pictures; "eimg", "mirex" or a folder of MIDI. Out: :class:`Source`, labelled
items with the set's terms in a sentence.

Conventions
-----------
OASIS and EIMG have ratings, and get their labels by the circumplex. OASIS' themes ("Acorns 1", "Acorns 2") and EIMG's
clips that share melodies (excerpts of one song, mostly) are groups.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import MidiError, PictureError, SettingsError
from pipelines.picture import read_picture
from pipelines.records import circumplex_label
from training.data.label_folders import MIDI_SUFFIXES, PICTURE_SUFFIXES, Labelled, load_label_folders
from training.data.wikiart import WikiArtRule, load_wikiart

if TYPE_CHECKING:
    from training.data.eimg import Clip

log = logging.getLogger(__name__)
LONG_CLIP_S = 30.0  # the paper's
EIMG_CLIP_S = 15.0
PICTURE_SETS, MUSIC_SETS = ("oasis", "wikiart"), ("eimg", "mirex")


@dataclass(frozen=True)
class Source:
    """A set: its title, its terms in a sentence, its items; for music, how long its pieces are to be."""

    title: str
    terms: str
    items: tuple[Labelled, ...]
    clip_s: float = LONG_CLIP_S


def picture_source(name: str, *, folder: Path | None = None, rule: WikiArtRule | None = None) -> Source:
    """Pictures by the name of a set (in `folder` or the data folder), or of anybody's folder.

    Raises DataMissingError for a set that is not there, SettingsError for what is neither set nor folder.
    """
    if name == "oasis":
        terms = "each picture under the open licence of its own source; the ratings free for research"
        return Source("OASIS (Kurdi, Lozano, Banaji 2017)", terms, _oasis(folder))
    if name == "wikiart":
        terms = "ratings for research, not to be passed on; the paintings under WikiArt's and their owners' terms"
        return Source("WikiArt Emotions (Mohammad, Kiritchenko 2018)", terms, load_wikiart(folder, rule=rule))
    return _own(name, "pictures", PICTURE_SETS, PICTURE_SUFFIXES)


def music_source(name: str, *, folder: Path | None = None) -> Source:
    """Music by the name of a set (in `folder` or the data folder), or of anybody's folder; raises alike."""
    if name == "eimg":
        terms = "for research; no licence is stated"
        return Source("EIMG (Wang et al., IEEE TMM 2024)", terms, _eimg(folder), EIMG_CLIP_S)
    if name == "mirex":
        from training.data.mirex import load_mirex

        terms = "for research; the songs belong to their owners"
        return Source("MIREX-like mood set (Panda et al. 2013)", terms, load_mirex(folder))
    return _own(name, "music", MUSIC_SETS, MIDI_SUFFIXES)


def readable(source: Source) -> Source:
    """The pictures that can be read; the log names the others."""
    from tqdm import tqdm

    kept = []
    for item in tqdm(source.items, desc="pictures", unit="file"):
        try:
            read_picture(item.path)
            kept.append(item)
        except PictureError as trouble:
            log.warning("%s is left out: %s", item.origin, trouble)
    return replace(source, items=tuple(kept))


def _own(name: str, what: str, sets: tuple[str, ...], suffixes: tuple[str, ...]) -> Source:
    path = Path(name)
    if not path.is_dir():
        raise SettingsError(f"The {what} {name!r} are neither a folder nor one of {', '.join(sets)}; name one of them.")
    return Source(f"folder {path.resolve().name}", "its owner's terms", load_label_folders(path, suffixes=suffixes))


def _oasis(folder: Path | None) -> tuple[Labelled, ...]:
    from training.data.oasis import load_oasis

    data = load_oasis(folder)
    return tuple(
        Labelled(path, circumplex_label(v, a), float(v), float(a), f"OASIS {theme}", f"OASIS {path.name}")
        for path, theme, (v, a) in zip(data.paths, data.themes, data.va, strict=True)
    )


def _eimg(folder: Path | None) -> tuple[Labelled, ...]:
    from training.data.eimg import load_clips
    from training.hearing import related_groups

    clips = tuple(clip for clip in load_clips(folder) if _is_music(clip))
    return tuple(
        Labelled(
            clip.path,
            circumplex_label(clip.valence, clip.arousal),
            clip.valence,
            clip.arousal,
            f"EIMG group {group}",
            f"EIMG {clip.path.name}",
        )
        for clip, group in zip(clips, related_groups(clips), strict=True)
    )


def _is_music(clip: Clip) -> bool:
    """Whether a clip's MIDI file can be read; the log names one that cannot."""
    try:
        clip.score()
    except MidiError as trouble:
        log.warning("EIMG %s is left out: %s", clip.path.name, trouble)
        return False
    return True
