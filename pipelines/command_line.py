"""What the commands share: files to work on, options of the music, one line for a complaint."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from pipelines.errors import SettingsError
from pipelines.symbolic import SymbolicSettings
from pipelines.symbolic.composer import ComposerSettings

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif", ".heic", ".heif")
MIDI_SUFFIXES = (".mid", ".midi")
BAD_INPUT, TROUBLE = 2, 1
STOPPED = 130  # after a signal, so that what would build on unfinished work does not
Parser = tuple[argparse.ArgumentParser, Callable[[argparse.Namespace], int]]


def complain(message: object, code: int) -> int:
    """Print one line on standard error and return the exit code."""
    print(f"ekphonia: {message}", file=sys.stderr)
    return code


def add_music_options(parser: argparse.ArgumentParser, defaults: SymbolicSettings | ComposerSettings) -> None:
    """Length, seed and strength."""
    parser.add_argument(
        "--duration",
        type=float,
        default=defaults.duration_s,
        metavar="SECONDS",
        help=f"10 to 180 (default: {defaults.duration_s:g})",
    )
    parser.add_argument(
        "--seed", type=int, default=defaults.seed, help="another seed, another piece for the same feeling (default: 0)"
    )
    parser.add_argument(
        "--strength",
        type=float,
        default=defaults.strength,
        help=f"how hard the music leans to the feeling, 0 to 5 (default: {defaults.strength:g})",
    )


def files_of(place: Path, suffixes: tuple[str, ...], kind: str) -> list[Path]:
    """The file itself, or those of a folder with one of the suffixes, by name."""
    if not place.is_dir():
        return [place]
    found = sorted(path for path in place.iterdir() if path.suffix.lower() in suffixes and path.is_file())
    if not found:
        raise SettingsError(f"{place} holds no {kind}; give a folder with {', '.join(suffixes[:4])} files.")
    return found
