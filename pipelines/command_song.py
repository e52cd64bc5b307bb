"""The main job of the command line: a picture, or a folder of them, to music by one pipeline or both."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.chains import ChainSettings, run_chain
from pipelines.command_line import BAD_INPUT, PICTURE_SUFFIXES, Parser, add_music_options, complain, files_of
from pipelines.errors import PictureError
from pipelines.models import MODELS
from pipelines.records import Emotion, Step
from pipelines.symbolic import SymbolicSettings
from pipelines.waveform import BACKENDS, WaveformSettings

if TYPE_CHECKING:
    from pipelines.bundle import Part

PIPELINES = {"symbolic": ("symbolic",), "waveform": ("waveform",), "both": ("symbolic", "waveform")}
OUT = Path("out")


def song_parser() -> Parser:
    """Options of the main job, and what does it."""
    defaults = SymbolicSettings()
    parser = argparse.ArgumentParser(
        prog="python -m pipelines",
        description="Turn a picture, or each picture of a folder, into music that feels like it.",
        epilog="Single steps: python -m pipelines emotion FOLDER | hear FOLDER | compose --valence V --arousal A … "
        "Models: python -m pipelines models | fetch ROLE",
    )
    parser.add_argument("picture", type=Path, help="a picture, or a folder of pictures")
    parser.add_argument(
        "--pipeline",
        choices=tuple(PIPELINES),
        default="symbolic",
        help="by notes, by words, or both (default: symbolic)",
    )
    add_music_options(parser, defaults)
    parser.add_argument("--models", choices=MODELS, default=defaults.models, help=f"default: {defaults.models}")
    parser.add_argument(
        "--out",
        type=Path,
        help="folder for the files, a folder in it for each of several pictures "
        "(default: a folder named after the picture in out)",
    )
    _add_corrections(parser)
    _add_waveform_options(parser)
    return parser, _song


def _add_corrections(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("in place of what a step would find")
    group.add_argument(
        "--emotion", type=float, nargs=2, metavar=("VALENCE", "AROUSAL"), help="the emotion to follow, 1 to 9 each"
    )
    group.add_argument("--caption", metavar="TEXT", help="what the picture shows (waveform)")
    group.add_argument(
        "--prompt", metavar="TEXT", help="the music to make, such as 'A slow cello in D minor.' (waveform)"
    )


def _add_waveform_options(parser: argparse.ArgumentParser) -> None:
    defaults = WaveformSettings()
    group = parser.add_argument_group("models of the waveform pipeline")
    group.add_argument(
        "--musicgen",
        default=defaults.musicgen,
        metavar="MODEL",
        help=f"a hub's id or a folder (default: {defaults.musicgen})",
    )
    group.add_argument("--musicgen-backend", choices=BACKENDS, default=BACKENDS[0], help=f"default: {BACKENDS[0]}")
    group.add_argument("--emotion-checkpoint", metavar="NAME", help="a trained emotion classifier's name or file")


def _song(options: argparse.Namespace) -> int:
    chains = _chains(options)
    if not options.picture.is_dir():
        _make_take(options.picture, options.out or OUT / options.picture.stem, chains, options)
        return 0
    failures = 0
    for path, name in _folder_names(files_of(options.picture, PICTURE_SUFFIXES, "pictures")).items():
        try:
            _make_take(path, (options.out or OUT) / name, chains, options)
        except PictureError as error:
            failures = complain(error, BAD_INPUT)  # the message names the picture
    return failures


def _chains(options: argparse.Namespace) -> dict[str, ChainSettings]:
    """The chains to run, with their settings."""
    common = {
        "duration_s": options.duration,
        "seed": options.seed,
        "strength": options.strength,
        "models": options.models,
        "emotion_checkpoint": options.emotion_checkpoint,
    }
    chains: dict[str, ChainSettings] = {
        "symbolic": SymbolicSettings(**common),
        "waveform": WaveformSettings(**common, musicgen=options.musicgen, musicgen_backend=options.musicgen_backend),
    }
    return {name: chains[name] for name in PIPELINES[options.pipeline]}


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """What the person says in place of a step."""
    said = {"caption": options.caption, "prompt": options.prompt}
    given: dict[str, Any] = {step: text for step, text in said.items() if text is not None}
    if options.emotion is not None:
        given["emotion"] = Emotion.at(*options.emotion)
    return given


def _folder_names(paths: Sequence[Path]) -> dict[Path, str]:
    """A folder's name for each picture: the file's without suffix, or with it where another would have the same."""
    taken = Counter(word for path in paths for word in {path.stem.casefold(), path.name.casefold()})
    return {path: path.stem if taken[path.stem.casefold()] == 1 else path.name for path in paths}


def _make_take(path: Path, folder: Path, chains: Mapping[str, ChainSettings], options: argparse.Namespace) -> None:
    from pipelines.bundle import Part, check_folder, write_take
    from pipelines.picture import read_picture

    check_folder(folder)
    for settings in chains.values():
        settings.check()
    given = _given(options)
    picture = read_picture(path)
    parts: dict[str, Part] = {}
    for name, settings in chains.items():
        steps = tuple(_told(path, run_chain(name, picture, settings, given)))
        given.setdefault("emotion", next(step for step in steps if step.name == "emotion"))  # both follow the same
        parts[name] = Part(steps, asdict(settings))
    take = write_take(parts, folder, picture=picture)
    for name, part in parts.items():
        print(_result(part, RESULTS[name]))
    print(take.folder)


def _told(path: Path, steps: Iterable[Step]) -> Iterator[Step]:
    """The final steps, each told on standard error as it comes."""
    for step in steps:
        if step.final:
            print(f"{path.name}: {step.name} by {step.made_by}, {step.seconds:.2f} s", file=sys.stderr)
            if step.note:
                print(f"{path.name}: {step.note}", file=sys.stderr)
            yield step


def _result(part: Part, music: Callable[[Mapping[str, Any]], str]) -> str:
    """One line on what was made: the emotion read, the music, and what was heard in it."""
    found = {name: step.value for name, step in part.finals.items()}
    wanted, heard = found["emotion"], found["heard"]
    return (
        f"{wanted.label} (valence {wanted.valence:.1f}, arousal {wanted.arousal:.1f}): {music(found)}; "
        f"heard as {heard.label} ({heard.valence:.1f}, {heard.arousal:.1f}), {wanted.distance(heard):.1f} apart"
    )


def _notes_result(found: Mapping[str, Any]) -> str:
    score = found["score"]
    return f"{score.key_name}, {score.tempo_bpm:.0f} BPM, {score.bar_count} bars"


def _words_result(found: Mapping[str, Any]) -> str:
    prompt = found["prompt"]
    return f"{prompt.mood} {prompt.genre}, {prompt.tempo_bpm:.0f} BPM, {prompt.mode}, {', '.join(prompt.instruments)}"


RESULTS = {"symbolic": _notes_result, "waveform": _words_result}
