"""Pictures and music, paired within a label, as a `datasets` audio folder: the waveform paper's data set.

python -m training.data.painting_music --pictures oasis --music eimg --pairs 300 --out runs/painting_music
python -m training.data.painting_music --pictures wikiart --music mirex --preview      the paper's own sets

In: pictures (oasis, wikiart or FOLDER/Happy/*.jpg …) and MIDI (eimg, mirex or FOLDER/Happy/*.mid …). Out::

    OUT/{train,validation,test}/metadata.jsonl    a line a pair
    OUT/{train,validation,test}/happy_0000.wav    the music, 32 kHz mono 16-bit, all of one length
    OUT/pictures/*.jpg                            the pictures, one for several pairs of a split, at most --most-uses
    OUT/README.md                                 what it is, its counts and terms, as a card of the model hub

A line holds `file_name` (the WAV beside it), `picture_file` (relative to OUT), `label`, `valence` and `arousal` (the
picture's, 1 to 9), `music_valence` and `music_arousal`, `rated` (whether the picture's are ratings, else its label's
typical point), `music` and `picture` (origins), `start_s` (where the piece lies in its music).

Source: "Bridging Paintings and Music", section IV-A: 32 kHz, pieces of 30 s without overlap, 1,200 pairs of one label;
80/10/10, and no music or picture in two splits, are the project's. EIMG's clips last 15 s and are taken as they are
(`--clip-s 15` is its default): joined in twos they would teach a break in the middle.
What is rendered lies in OUT/.rendered and is not rendered again; the rest is made anew, and put in place whole.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.errors import EkphoniaError, SettingsError
from training.data.contact_sheet import write_contact_sheet
from training.data.painting_music_card import CARD, METADATA, count_table, push, write_card
from training.data.pair_plan import Pair, pair_up, plan_pairs, render_music
from training.data.pair_sources import music_source, picture_source, readable
from training.data.render import RenderSettings
from training.data.splits import SPLITS
from training.data.wikiart import BASES, WikiArtRule

PAIRS, MOST_USES, PROCESSES = 1200, 2, 2
FOLDERS = (*SPLITS, "pictures")


def row_of(pair: Pair, file_name: str, picture_file: str, *, clip_s: float) -> dict[str, Any]:
    """A pair's line of metadata."""
    return {
        "file_name": file_name,
        "picture_file": picture_file,
        "label": pair.picture.label,
        "valence": round(pair.picture.valence, 4),
        "arousal": round(pair.picture.arousal, 4),
        "music_valence": round(pair.music.valence, 4),
        "music_arousal": round(pair.music.arousal, 4),
        "rated": pair.picture.rated,
        "music": pair.music.origin,
        "picture": pair.picture.origin,
        "start_s": pair.piece * clip_s,
    }


def write_folder(pairs: Sequence[Pair], out: Path, *, clip_s: float) -> dict[str, list[dict[str, Any]]]:
    """Write splits and pictures beside what is there, then put them in its place. Returns the lines by split."""
    part = out / ".part"
    shutil.rmtree(part, ignore_errors=True)
    rows: dict[str, list[dict[str, Any]]] = {split: [] for split in SPLITS}
    numbers: Counter[str] = Counter()
    names = _picture_names(pairs)
    for folder in FOLDERS:
        (part / folder).mkdir(parents=True)
    for pair in pairs:
        label = pair.picture.label.lower()
        wav, picture = f"{label}_{numbers[label]:04d}.wav", f"pictures/{names[pair.picture.path]}"
        numbers[label] += 1
        _link(pair.wav, part / pair.split / wav)
        if not (part / picture).exists():
            shutil.copyfile(pair.picture.path, part / picture)
        rows[pair.split].append(row_of(pair, wav, picture, clip_s=clip_s))
    for split, lines in rows.items():
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        (part / split / METADATA).write_text(text, encoding="utf-8")
    for folder in FOLDERS:
        shutil.rmtree(out / folder, ignore_errors=True)
        (part / folder).replace(out / folder)
    part.rmdir()
    return rows


def _picture_names(pairs: Sequence[Pair]) -> dict[Path, str]:
    """A file name for each picture, with its label in front and a number where two would share one."""
    names: dict[Path, str] = {}
    for picture in {pair.picture.path: pair.picture for pair in pairs}.values():
        stem, suffix = f"{picture.label.lower()}_{picture.path.stem}", picture.path.suffix.lower()
        tried = (f"{stem}{number}{suffix}" for number in ("", *(f"_{again}" for again in range(1, len(pairs) + 1))))
        taken = set(names.values())
        names[picture.path] = next(name for name in tried if name not in taken)
    return names


def _link(source: Path, target: Path) -> None:
    """The same file under another name, or a copy where the file system has no such links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def build(options: argparse.Namespace) -> str:
    """Make the data set as the command line asks. Returns its counts as a table."""
    rule = WikiArtRule(least_share=options.least_share, least_lead=options.least_lead, basis=options.basis)
    pictures = readable(picture_source(options.pictures, folder=options.picture_data, rule=rule))
    music = music_source(options.music, folder=options.music_data)
    settings = RenderSettings(clip_s=music.clip_s if options.clip_s is None else options.clip_s)
    plan = plan_pairs(
        pictures, music, pairs=options.pairs, seed=options.seed, clip_s=settings.clip_s, most_uses=options.most_uses
    )
    rendered = render_music(plan, options.out / ".rendered", settings, processes=options.processes)
    rows = write_folder(pair_up(plan, rendered, seed=options.seed), options.out, clip_s=settings.clip_s)
    write_card(options.out / CARD, rows, (pictures, music), settings, seed=options.seed)
    if options.preview:
        write_contact_sheet(options.out, options.out / "preview.png")
    if options.push:
        push(options.out, options.push, private=not options.public)
    made = sum(len(lines) for lines in rows.values())
    short = f"\n{made} pairs of the {options.pairs} asked for; more need more pictures or music." * (
        made < options.pairs
    )
    return count_table(rows) + short


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.data.painting_music", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("--pictures", default="oasis", help="oasis, wikiart, or a folder of folders named after the labels")
    add("--music", default="eimg", help="eimg, mirex, or a folder of folders named after the labels")
    add("--picture-data", type=Path, help="where the set oasis or wikiart lies (default: found by EKPHONIA_DATA)")
    add("--music-data", type=Path, help="where the set eimg or mirex lies")
    add(
        "--pairs", type=int, default=PAIRS, help="how many, equally many a label if they suffice (default: %(default)s)"
    )
    add("--most-uses", type=int, default=MOST_USES, help="pairs that one picture may be in (default: %(default)s)")
    add("--clip-s", type=float, help="seconds of each piece (default: 30; for eimg 15)")
    add("--seed", type=int, default=0, help="of the splits and the pairs")
    add("--processes", type=int, default=PROCESSES, help="files rendered at the same time (default: %(default)s)")
    add("--least-share", type=float, default=WikiArtRule.least_share, help="wikiart: of people who feel the label")
    add("--least-lead", type=float, default=WikiArtRule.least_lead, help="wikiart: before the next label")
    add("--basis", choices=tuple(BASES), default=WikiArtRule.basis, help="wikiart: ratings of image, or art with title")
    add("--out", type=Path, default=Path("runs/painting_music"), help="the data set's folder (default: %(default)s)")
    add("--preview", action="store_true", help="also draw OUT/preview.png, a contact sheet")
    add("--push", metavar="OWNER/NAME", help="upload to the model hub, privately unless --public")
    add("--public", action="store_true", help="with --push: for everybody to see; mind the sets' terms")
    return parser


def check(options: argparse.Namespace) -> None:
    """Raise SettingsError for numbers out of range, for a name that no data set of the hub could have, and for a folder
    in which something else than a data set would be replaced.
    """
    from pipelines.hub import is_hub_id

    for name, value in (("pairs", options.pairs), ("most-uses", options.most_uses), ("processes", options.processes)):
        if value < 1:
            raise SettingsError(f"--{name} cannot be {value}; choose 1 or more.")
    if options.seed < 0:
        raise SettingsError(f"--seed cannot be {options.seed}; choose 0 or more.")
    if options.push is not None and not is_hub_id(options.push):
        raise SettingsError(f"--push cannot be {options.push!r}; give owner/name.")
    there = [name for name in (*FOLDERS, CARD) if (options.out / name).exists()]
    if there and not any((options.out / split / METADATA).is_file() for split in SPLITS):
        raise SettingsError(
            f"The {there[0]} in {options.out} is no data set's and would be replaced; give another --out."
        )


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 when it went well, 2 with a line on standard error otherwise."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    try:
        check(options)
        print(build(options))
    except EkphoniaError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
