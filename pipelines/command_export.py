"""The commands that take a finished take along: `python -m pipelines export` and `… replay`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.bundle import FILES, TAKE
from pipelines.command_line import TROUBLE, Parser
from pipelines.command_song import OUT, PIPELINES
from pipelines.errors import PictureError, SettingsError
from pipelines.records import Picture, Step

FORMATS = ("mp3", "ogg", "mp4", "zip")


def export_parser() -> Parser:
    """Options of `export`, and what does it."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines export",
        description="Make files to take along from a take's folder: MP3, OGG, MP4 of the picture with its music, "
        "a ZIP with everything that made it.",
    )
    parser.add_argument("take", type=Path, help="the folder of a finished take, with its take.json")
    parser.add_argument("formats", nargs="+", choices=FORMATS, help="what to make; a ZIP holds the others too")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="the picture, for an MP4")
    parser.add_argument("--with-picture", action="store_true", help="put the picture into the ZIP, not only its hash")
    parser.add_argument("--pipeline", choices=tuple(PIPELINES), default="both", help="whose music (default: both)")
    parser.add_argument("--frame-rate", type=int, default=25, metavar="FPS", help="of an MP4: 25 or 30 (default: 25)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: into the take's folder)")
    return parser, export_take


def export_take(options: argparse.Namespace) -> int:
    """Make each format for each pipeline of the take, the ZIP last, and print what was written."""
    from pipelines.export_stored import read_record
    from pipelines.export_zip import export_zip

    record = read_record(options.take / TAKE)
    chains = [name for name in PIPELINES[options.pipeline] if name in record["chains"]]
    if not chains:
        raise SettingsError(f"The take has no {options.pipeline} music; choose another --pipeline.")
    out = options.out or options.take
    picture = _picture(options, record) if "mp4" in options.formats else None
    if "zip" in options.formats and options.with_picture and options.picture is None:
        raise SettingsError("There is no picture to put into the ZIP; name its file with --picture FILE.")
    made = []
    for chain in chains:
        for kind in (kind for kind in FORMATS[:-1] if kind in options.formats):
            made.append(_export(chain, kind, record, options, picture, out))
            print(made[-1])
    if "zip" in options.formats:
        target = out / "take.zip"
        print(
            export_zip(options.take, target, exported=made, picture=options.picture, with_picture=options.with_picture)
        )
    return 0


def _picture(options: argparse.Namespace, record: Mapping[str, Any]) -> Picture:
    """The picture for the film, checked to be the take's own."""
    from pipelines.picture import read_picture

    if options.picture is None:
        raise SettingsError("An MP4 needs the picture; name its file with --picture FILE.")
    picture = read_picture(options.picture)
    made_from = record.get("picture")
    if isinstance(made_from, dict) and made_from.get("sha256") != picture.sha256:
        raise PictureError(f"{picture.name} is not the picture that the take was made from; give that very file.")
    return picture


def _export(
    chain: str, kind: str, record: Mapping[str, Any], options: argparse.Namespace, picture: Picture | None, out: Path
) -> Path:
    from pipelines.export_audio import export_audio
    from pipelines.export_ffmpeg import tags_of
    from pipelines.export_video import VideoSettings, export_video

    sound, target, tags = options.take / FILES[chain]["audio"], out / f"{chain}.{kind}", tags_of(record, chain)
    teller = _Teller(target.name)
    if picture is None or kind != "mp4":
        return export_audio(sound, target, tags=tags, progress=teller)
    label, mood = film_label(record, chain)
    settings = VideoSettings(frame_rate_hz=options.frame_rate, label=label, mood=mood)
    score = _score(options.take) if chain == "symbolic" else None
    return export_video(picture, sound, target, score=score, settings=settings, tags=tags, progress=teller)


def _score(folder: Path) -> Any:
    from pipelines.symbolic.midi import read_midi

    return read_midi(folder / FILES["symbolic"]["score"])


def film_label(record: Mapping[str, Any], chain: str) -> tuple[str, str]:
    """The line below a film's notes, such as "Happy · E flat major · 82 BPM", and the emotion's label."""
    made = record["chains"][chain]
    mood = str((made.get("wanted") or {}).get("label", ""))
    values = {step["name"]: step.get("value") for step in made["steps"]}
    music = values.get("score" if chain == "symbolic" else "prompt") or {}
    key = music.get("key") or " ".join(filter(None, (music.get("mood"), music.get("genre"))))
    tempo = f"{music['tempo_bpm']:.0f} BPM" if "tempo_bpm" in music else ""
    return " · ".join(part for part in (mood, key, tempo) if part), mood


def replay_parser() -> Parser:
    """Options of `replay`, and what does it."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines replay",
        description="Make a stored take again from its record alone and tell whether it is the same, byte for byte.",
        epilog="Exit code 0: the same, or nothing to compare with; 1: not the same.",
    )
    parser.add_argument("take", type=Path, help="a take's ZIP, its folder, or its take.json")
    parser.add_argument(
        "--pipeline", choices=tuple(PIPELINES), help="by notes, by words, or both (default: what the take has)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: a folder in out)")
    return parser, replay_take


def replay_take(options: argparse.Namespace) -> int:
    """Make a take again, print the comparison of each file and the reasons for differences."""
    from pipelines.export_stored import open_take
    from pipelines.replay import replay

    stored = open_take(options.take)
    source = options.take if options.take.is_dir() else options.take.parent
    home = options.take.resolve() if options.take.is_dir() else options.take.resolve().parent
    name = options.take.stem if options.take.suffix.lower() == ".zip" else home.name
    out = options.out or OUT / f"{name}-replay"
    if out.resolve() == source.resolve() and (source / TAKE).exists():
        raise SettingsError(f"{out} holds the take itself; choose another folder with --out.")
    chains = PIPELINES[options.pipeline] if options.pipeline else None
    result = replay(stored, out, chains=chains, told=_tell)
    for line in (*result.comparisons, *result.reasons, *result.hindrances):
        print(line)
    print(result.take.folder)
    return 0 if result.same else TROUBLE


def _tell(chain: str, step: Step) -> None:
    print(f"{chain}: {step.name} by {step.made_by}, {step.seconds:.2f} s", file=sys.stderr)


class _Teller:
    """Prints each tenth of an export once."""

    def __init__(self, name: str) -> None:
        self._name, self._told = name, -1

    def __call__(self, part: float) -> None:
        tenth = int(part * 10)
        if tenth > self._told:
            print(f"{self._name}: {tenth * 10} %", file=sys.stderr)
            self._told = tenth
