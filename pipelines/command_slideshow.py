"""The commands along a path: `python -m pipelines slideshow PICTURE …` and `… journey --start V A --goal V A`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from pipelines.command_line import PICTURE_SUFFIXES, Parser, files_of
from pipelines.journey import JourneySettings
from pipelines.models import MODELS, default_models
from pipelines.slideshow import SlideshowSettings
from pipelines.slideshow_video import FrameSettings
from pipelines.symbolic.path_composer import PathSettings


def slideshow_parser() -> Parser:
    """Options of `slideshow`, and what does it."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines slideshow",
        description="Turn pictures, in their order, into one piece of music and a video that changes on its bar lines.",
    )
    parser.add_argument(
        "pictures", type=Path, nargs="+", help="2 to 20 pictures in order, or a folder of them, by name"
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--duration", type=float, metavar="SECONDS", help="of the whole, 10 to 180")
    usual = SlideshowSettings.seconds_a_picture
    length.add_argument(
        "--each", type=float, default=usual, metavar="SECONDS", help=f"of a picture, 4 or more (default: {usual:g})"
    )
    fade = FrameSettings.fade_s
    parser.add_argument("--fade", type=float, default=fade, metavar="SECONDS", help=f"cross-fade (default: {fade:g})")
    _add_composing(parser)
    parser.add_argument("--models", choices=MODELS, default=default_models(), help=f"default: {default_models()}")
    parser.add_argument("--out", type=Path, default=Path("out/slideshow"), help="folder (default: out/slideshow)")
    return parser, make_slideshow_files


def _add_composing(parser: argparse.ArgumentParser) -> None:
    usual = PathSettings()
    parser.add_argument("--seed", type=int, default=usual.seed, help="another seed, another piece (default: 0)")
    parser.add_argument(
        "--strength",
        type=float,
        default=usual.strength,
        help=f"how hard the music leans to the feeling, 0 to 5 (default: {usual.strength:g})",
    )


def make_slideshow_files(options: argparse.Namespace) -> int:
    """Make the slideshow's files, telling on standard error how far it has come, and print the video's path."""
    from pipelines.slideshow import make_slideshow

    pictures = [path for place in options.pictures for path in files_of(place, PICTURE_SUFFIXES, "pictures")]
    settings = SlideshowSettings(
        duration_s=options.duration,
        seconds_a_picture=options.each,
        frames=FrameSettings(fade_s=options.fade),
        music=PathSettings(seed=options.seed, strength=options.strength),
        models=options.models,
    )
    made = make_slideshow(pictures, options.out, settings, progress=_Teller())
    for slide in made.slides:
        emotion = slide.emotion.value
        print(
            f"{slide.begin_s:7.2f} s  {slide.name}: {emotion.label} "
            f"(valence {emotion.valence:.1f}, arousal {emotion.arousal:.1f})"
        )
    print(made.files["slideshow.mp4"])
    return 0


def journey_parser() -> Parser:
    """Options of `journey`, and what does it."""
    usual = JourneySettings()
    parser = argparse.ArgumentParser(
        prog="python -m pipelines journey",
        description="Compose music that leads from how you feel to how you wish to feel. This is no medical device.",
    )
    for name, point, help_text in (
        ("start", usual.start, "how you feel"),
        ("goal", usual.goal, "how you wish to feel"),
    ):
        text = f"{help_text}, 1 to 9 each (default: {point[0]:g} {point[1]:g})"
        parser.add_argument(f"--{name}", type=float, nargs=2, default=point, metavar=("VALENCE", "AROUSAL"), help=text)
    parser.add_argument("--minutes", type=float, default=usual.minutes, help=f"1 to 15 (default: {usual.minutes:g})")
    ceilings = parser.add_argument_group("what must not be exceeded")
    for name, value, unit in (
        ("arousal", usual.arousal_ceiling, "1 to 9"),
        ("tempo", usual.tempo_ceiling_bpm, "60 to 211 beats a minute"),
        ("loudness", usual.loudness_ceiling_lufs, "-36 to -14 LUFS"),
    ):
        ceilings.add_argument(f"--most-{name}", type=float, default=value, help=f"{unit} (default: {value:g})")
    _add_composing(parser)
    parser.add_argument("--out", type=Path, default=Path("out/journey"), help="folder (default: out/journey)")
    return parser, make_journey_files


def make_journey_files(options: argparse.Namespace) -> int:
    """Make the journey's files, telling on standard error how far it has come, and print the sound's path."""
    from pipelines.bundle import check_writable
    from pipelines.journey import NO_MEDICAL_DEVICE
    from pipelines.journey_files import RECORD, SOUND, write_journey

    settings = JourneySettings(
        start=tuple(options.start),
        goal=tuple(options.goal),
        minutes=options.minutes,
        arousal_ceiling=options.most_arousal,
        tempo_ceiling_bpm=options.most_tempo,
        loudness_ceiling_lufs=options.most_loudness,
        music=PathSettings(seed=options.seed, strength=options.strength),
    )
    settings.check()
    check_writable(options.out)
    print(NO_MEDICAL_DEVICE, file=sys.stderr)
    teller = _Teller()
    for growing in write_journey(settings, options.out):
        teller("Composing…", growing.stretch.until_s / settings.duration_s)
        last = growing
    record = json.loads(last.files[RECORD].read_text())
    follows = record["following"]["correlation"]
    print(f"heard along the path, correlation of valence and arousal: {follows[0]}, {follows[1]}")
    print(last.files[SOUND])
    return 0


class _Teller:
    """Prints each whole tenth, and each new text, once."""

    def __init__(self) -> None:
        self._told: tuple[str, int] | None = None

    def __call__(self, text: str, part: float) -> None:
        now = text.split()[0], int(10 * part)
        if now != self._told:
            print(f"{part:4.0%} {text}", file=sys.stderr)
        self._told = now
