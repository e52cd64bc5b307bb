"""The command line: `python -m pipelines PICTURE …`, and the single steps `emotion`, `hear` and `compose`.

Exit codes: 0 done; 1 trouble with the program or machine; 2 the input cannot be used (one line on standard error).
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from pipelines.errors import EkphoniaError, MidiError, PictureError, SettingsError
from pipelines.records import LABELS, Step
from pipelines.symbolic import MODELS, SymbolicSettings
from pipelines.symbolic.composer import ComposerSettings

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif", ".heic", ".heif")
MIDI_SUFFIXES = (".mid", ".midi")
COMMANDS = ("emotion", "hear", "compose")
OUT = Path("out")
BAD_INPUT, TROUBLE = 2, 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    _print_any_path()
    words = list(sys.argv[1:] if arguments is None else arguments)
    command = words[0] if words and words[0] in COMMANDS else "song"
    parser, work = {"song": _song_parser, "emotion": _emotion_parser, "hear": _hear_parser, "compose": _compose_parser}[
        command
    ]()
    options = parser.parse_args(words[0 if command == "song" else 1 :])
    try:
        return work(options)
    except (PictureError, MidiError, SettingsError) as error:
        return _complain(error, BAD_INPUT)
    except EkphoniaError as error:
        return _complain(error, TROUBLE)
    except BrokenPipeError:  # the reader of our output, such as `head`, has gone
        sys.stderr.close()
        return TROUBLE
    except OSError as error:
        return _complain(f"{error.filename or 'A file'} cannot be used: {error.strerror}.", TROUBLE)
    except KeyboardInterrupt:
        return _complain("Stopped.", 130)


def _print_any_path() -> None:
    """Let the standard streams print a path whose bytes are no text, as those very bytes where that can be."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            utf_8 = stream.encoding.lower().replace("-", "") == "utf8"
            stream.reconfigure(errors="surrogateescape" if utf_8 else "backslashreplace")


def _complain(message: object, code: int) -> int:
    print(f"ekphonia: {message}", file=sys.stderr)
    return code


Parser = tuple[argparse.ArgumentParser, Callable[[argparse.Namespace], int]]


def _song_parser() -> Parser:
    defaults = SymbolicSettings()
    parser = argparse.ArgumentParser(
        prog="python -m pipelines",
        description="Turn a picture, or each picture of a folder, into piano music that feels like it.",
        epilog="Single steps: python -m pipelines emotion FOLDER | hear FOLDER | compose --valence V --arousal A …",
    )
    parser.add_argument("picture", type=Path, help="a picture, or a folder of pictures")
    parser.add_argument("--pipeline", choices=("symbolic",), default="symbolic", help="how (default: symbolic)")
    _add_music_options(parser, defaults)
    parser.add_argument("--models", choices=MODELS, default=defaults.models, help="default: auto")
    parser.add_argument(
        "--out",
        type=Path,
        help="folder for the files, a folder in it for each of several pictures "
        "(default: a folder named after the picture in out)",
    )
    return parser, _song


def _add_music_options(parser: argparse.ArgumentParser, defaults: SymbolicSettings | ComposerSettings) -> None:
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


def _song(options: argparse.Namespace) -> int:
    settings = SymbolicSettings(
        duration_s=options.duration, seed=options.seed, strength=options.strength, models=options.models
    )
    if not options.picture.is_dir():
        _make_take(options.picture, options.out or OUT / options.picture.stem, settings)
        return 0
    failures = 0
    for path, name in _folder_names(_files(options.picture, PICTURE_SUFFIXES, "pictures")).items():
        try:
            _make_take(path, (options.out or OUT) / name, settings)
        except PictureError as error:
            failures = _complain(error, BAD_INPUT)  # the message names the picture
    return failures


def _folder_names(paths: Sequence[Path]) -> dict[Path, str]:
    """A folder's name for each picture: the file's without suffix, or with it where another would have the same."""
    taken = Counter(word for path in paths for word in {path.stem.casefold(), path.name.casefold()})
    return {path: path.stem if taken[path.stem.casefold()] == 1 else path.name for path in paths}


def _make_take(path: Path, folder: Path, settings: SymbolicSettings) -> None:
    from pipelines.bundle import check_folder, write_take
    from pipelines.picture import read_picture
    from pipelines.symbolic import run

    check_folder(folder)
    settings.check()
    picture = read_picture(path)
    steps: list[Step] = []
    for step in run(picture, settings):
        if step.final:
            steps.append(step)
            print(f"{path.name}: {step.name} by {step.made_by}, {step.seconds:.2f} s", file=sys.stderr)
    take = write_take(steps, folder, picture=picture, settings=asdict(settings))
    print(_result(steps))
    print(take.folder)


def _result(steps: Sequence[Step]) -> str:
    """One line on what was made: the emotion read, the music, and what was heard in it."""
    found = {step.name: step.value for step in steps}
    wanted, score, heard = found["emotion"], found["score"], found["heard"]
    return (
        f"{wanted.label} (valence {wanted.valence:.1f}, arousal {wanted.arousal:.1f}): {score.key_name}, "
        f"{score.tempo_bpm:.0f} BPM, {score.bar_count} bars; heard as {heard.label} "
        f"({heard.valence:.1f}, {heard.arousal:.1f}), {wanted.distance(heard):.1f} apart"
    )


def _emotion_parser() -> Parser:
    parser = argparse.ArgumentParser(
        prog="python -m pipelines emotion", description="Print the emotion of each picture of a folder as CSV."
    )
    parser.add_argument("folder", type=Path, help="a folder of pictures, or one picture")
    return parser, _print_emotions


def _print_emotions(options: argparse.Namespace) -> int:
    from pipelines.emotion import read_emotion
    from pipelines.picture import read_picture

    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(("file", *LABELS, "valence", "arousal"))
    code = 0
    for path in _files(options.folder, PICTURE_SUFFIXES, "pictures"):
        try:
            emotion = read_emotion(read_picture(path))
        except PictureError as error:
            code = _complain(error, BAD_INPUT)
            continue
        values = (*emotion.probabilities, emotion.valence, emotion.arousal)
        table.writerow((path.name, *(f"{value:.4f}" for value in values)))
        sys.stdout.flush()
    return code


def _hear_parser() -> Parser:
    parser = argparse.ArgumentParser(
        prog="python -m pipelines hear", description="Print the emotion heard in each MIDI file of a folder as CSV."
    )
    parser.add_argument("folder", type=Path, help="a folder of MIDI files, or one file")
    return parser, _print_heard


def _print_heard(options: argparse.Namespace) -> int:
    from pipelines.hearing import hear
    from pipelines.symbolic.midi import read_midi

    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(("file", "valence", "arousal"))
    code = 0
    for path in _files(options.folder, MIDI_SUFFIXES, "MIDI files"):
        try:
            emotion = hear(read_midi(path))
        except MidiError as error:
            code = _complain(error, BAD_INPUT)
            continue
        table.writerow((path.name, f"{emotion.valence:.4f}", f"{emotion.arousal:.4f}"))
    return code


def _compose_parser() -> Parser:
    defaults = ComposerSettings()
    parser = argparse.ArgumentParser(
        prog="python -m pipelines compose", description="Compose piano music for a valence and an arousal."
    )
    parser.add_argument("--valence", type=float, required=True, help="1 to 9, unpleasant to pleasant")
    parser.add_argument("--arousal", type=float, required=True, help="1 to 9, calm to excited")
    _add_music_options(parser, defaults)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.mid")
    return parser, _compose


def _compose(options: argparse.Namespace) -> int:
    from pipelines.bundle import check_writable
    from pipelines.symbolic.composer import load_composer
    from pipelines.symbolic.midi import write_midi

    if options.out.is_dir():
        raise SettingsError(f"{options.out} is a folder; give the MIDI file's name too, such as --out music.mid.")
    if options.out.suffix.lower() not in MIDI_SUFFIXES:
        raise SettingsError(f"{options.out.name} is no MIDI file's name; end it in .mid.")
    check_writable(options.out.parent)
    settings = ComposerSettings(duration_s=options.duration, seed=options.seed, strength=options.strength)
    for growing in load_composer().compose(options.valence, options.arousal, settings):
        score = growing
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write_midi(score, options.out)
    print(options.out)
    return 0


def _files(place: Path, suffixes: tuple[str, ...], kind: str) -> list[Path]:
    """The file itself, or those of a folder with one of the suffixes, by name."""
    if not place.is_dir():
        return [place]
    found = sorted(path for path in place.iterdir() if path.suffix.lower() in suffixes and path.is_file())
    if not found:
        raise SettingsError(f"{place} holds no {kind}; give a folder with {', '.join(suffixes[:4])} files.")
    return found


if __name__ == "__main__":
    sys.exit(main())
