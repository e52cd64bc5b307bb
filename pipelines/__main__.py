"""The command line: `python -m pipelines PICTURE …`, the single steps `emotion`, `hear` and `compose`, and the models.

Exit codes: 0 done; 1 trouble with the program or machine; 2 the input cannot be used (one line on standard error).
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pipelines.command_classroom import agreement_parser, classroom_parser
from pipelines.command_export import export_parser, replay_parser
from pipelines.command_line import (
    BAD_INPUT,
    MIDI_SUFFIXES,
    PICTURE_SUFFIXES,
    STOPPED,
    TROUBLE,
    Parser,
    add_music_options,
    complain,
    files_of,
)
from pipelines.command_models import fetch_model, fetch_parser, models_parser, print_models
from pipelines.command_slideshow import journey_parser, slideshow_parser
from pipelines.command_song import song_parser
from pipelines.errors import EkphoniaError, MidiError, PictureError, SettingsError
from pipelines.records import LABELS
from pipelines.symbolic.composer import ComposerSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    _print_any_path()
    words = list(sys.argv[1:] if arguments is None else arguments)
    command = words[0] if words and words[0] in COMMANDS else "song"
    parser, work = (COMMANDS.get(command) or song_parser)()
    options = parser.parse_args(words[0 if command == "song" else 1 :])
    try:
        return work(options)
    except (PictureError, MidiError, SettingsError) as error:
        return complain(error, BAD_INPUT)
    except EkphoniaError as error:
        return complain(error, TROUBLE)
    except BrokenPipeError:  # the reader of our output, such as `head`, has gone
        sys.stderr.close()
        return TROUBLE
    except OSError as error:
        return complain(f"{error.filename or 'A file'} cannot be used: {error.strerror}.", TROUBLE)
    except KeyboardInterrupt:
        return complain("Stopped.", STOPPED)


def _print_any_path() -> None:
    """Let the standard streams print a path whose bytes are no text, as those very bytes where that can be."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            utf_8 = stream.encoding.lower().replace("-", "") == "utf8"
            stream.reconfigure(errors="surrogateescape" if utf_8 else "backslashreplace")


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
    for path in files_of(options.folder, PICTURE_SUFFIXES, "pictures"):
        try:
            emotion = read_emotion(read_picture(path))
        except PictureError as error:
            code = complain(error, BAD_INPUT)
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
    for path in files_of(options.folder, MIDI_SUFFIXES, "MIDI files"):
        try:
            emotion = hear(read_midi(path))
        except MidiError as error:
            code = complain(error, BAD_INPUT)
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
    add_music_options(parser, defaults)
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


COMMANDS: dict[str, Callable[[], Parser]] = {
    "emotion": _emotion_parser,
    "hear": _hear_parser,
    "compose": _compose_parser,
    "models": lambda: (models_parser(), print_models),
    "slideshow": slideshow_parser,
    "journey": journey_parser,
    "classroom": classroom_parser,
    "agreement": agreement_parser,
    "export": export_parser,
    "replay": replay_parser,
    "fetch": lambda: (fetch_parser(), fetch_model),
}

if __name__ == "__main__":
    sys.exit(main())
