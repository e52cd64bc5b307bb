"""The main job of the command line: a picture, or a folder of them, to music by one pipeline or both."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.catalogue import COMPOSERS, MUSICGEN_BACKENDS
from pipelines.chains import ChainSettings, run_chain
from pipelines.command_line import BAD_INPUT, PICTURE_SUFFIXES, TROUBLE, Parser, add_music_options, complain, files_of
from pipelines.errors import EkphoniaError, PictureError, SettingsError, StoppedError
from pipelines.models import MODELS
from pipelines.records import Emotion, Picture, Step
from pipelines.settings import check_emotion
from pipelines.symbolic import SymbolicSettings
from pipelines.waveform import WaveformSettings

if TYPE_CHECKING:
    from pipelines.bundle import Part

PIPELINES = {"symbolic": ("symbolic",), "waveform": ("waveform",), "both": ("symbolic", "waveform")}
WORDS_ONLY = ("caption", "prompt", "musicgen", "musicgen_backend")  # options that notes have no use for
OUT = Path("out")


def song_parser() -> Parser:
    """Options of the main job, and what does it."""
    defaults = SymbolicSettings()
    parser = argparse.ArgumentParser(
        prog="python -m pipelines",
        description="Turn a picture, or each picture of a folder, into music that feels like it.",
        epilog="Single steps: python -m pipelines emotion FOLDER | hear FOLDER | compose --valence V --arousal A … "
        "More: slideshow PICTURES | journey | classroom FOLDER | agreement answers.csv | export TAKE | replay TAKE. "
        "Models: python -m pipelines models | fetch ROLE",
    )
    parser.add_argument("picture", type=Path, help="a picture, or a folder of pictures")
    parser.add_argument(
        "--pipeline",
        choices=tuple(PIPELINES),
        help="by notes, by words, or both (default: symbolic, or waveform with an option of it)",
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
    parser.add_argument(
        "--composer",
        choices=tuple(COMPOSERS),
        help="of the symbolic pipeline: our own, or the paper's network or its causal variant, as trained here "
        f"(default: {defaults.composer})",
    )
    _add_waveform_options(parser)
    return parser, _song


def _add_corrections(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("in place of what a step would find")
    group.add_argument(
        "--emotion", type=float, nargs=2, metavar=("VALENCE", "AROUSAL"), help="the emotion to follow, 1 to 9 each"
    )
    group.add_argument("--caption", metavar="TEXT", help="what the picture shows (waveform)")
    group.add_argument(
        "--prompt", metavar="TEXT", help="the music to make, such as 'A slow cello in a minor key.' (waveform)"
    )


def _add_waveform_options(parser: argparse.ArgumentParser) -> None:
    defaults = WaveformSettings()
    group = parser.add_argument_group("models of the waveform pipeline")
    group.add_argument(
        "--musicgen",
        metavar="MODEL",
        help=f"a hub's id or a folder (default: {defaults.musicgen})",
    )
    group.add_argument("--musicgen-backend", choices=MUSICGEN_BACKENDS, help=f"default: {defaults.musicgen_backend}")
    group.add_argument("--emotion-checkpoint", metavar="NAME", help="a trained emotion classifier's name or file")


def _song(options: argparse.Namespace) -> int:
    chains = _chains(options)
    given = _given(options)
    for settings in chains.values():
        settings.check()
    if not options.picture.is_dir():
        return _make_take(options.picture, options.out or OUT / options.picture.stem, chains, given)
    code = 0
    for path, name in _folder_names(files_of(options.picture, PICTURE_SUFFIXES, "pictures")).items():
        try:
            code = _make_take(path, (options.out or OUT) / name, chains, given) or code
        except PictureError as error:
            code = complain(error, BAD_INPUT)  # the message names the picture
    return code


def _chains(options: argparse.Namespace) -> dict[str, ChainSettings]:
    """The chains to run, with their settings."""
    common = {
        "duration_s": options.duration,
        "seed": options.seed,
        "strength": options.strength,
        "models": options.models,
        "emotion_checkpoint": options.emotion_checkpoint,
    }
    chosen = {name: getattr(options, name) for name in ("musicgen", "musicgen_backend")}
    chains: dict[str, ChainSettings] = {
        "symbolic": SymbolicSettings(**common, composer=options.composer or SymbolicSettings.composer),
        "waveform": WaveformSettings(**common, **{name: value for name, value in chosen.items() if value is not None}),
    }
    return {name: chains[name] for name in PIPELINES[_pipeline(options)]}


def _pipeline(options: argparse.Namespace) -> str:
    """The pipeline that was asked for, by its name or by an option that only one has.

    Raises SettingsError for an option that the pipeline asked for has no use for.
    """
    if options.pipeline == "waveform" and options.composer is not None:
        raise SettingsError("--composer is for the symbolic pipeline; choose --pipeline symbolic or both.")
    words_only = [name for name in WORDS_ONLY if getattr(options, name) is not None]
    if options.pipeline == "symbolic" and words_only:
        option = f"--{words_only[0].replace('_', '-')}"
        raise SettingsError(f"{option} is for the waveform pipeline; choose --pipeline waveform or both.")
    return options.pipeline or ("waveform" if words_only else "symbolic")


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """What the person says in place of a step, checked before any work.

    Raises SettingsError for an emotion off the scale, and for a caption or a prompt that cannot be used.
    """
    from pipelines.waveform.corrections import user_caption, user_prompt

    given: dict[str, Any] = {}
    if options.emotion is not None:
        check_emotion(*options.emotion)
        given["emotion"] = Emotion.at(*options.emotion)
    if options.caption is not None:
        given["caption"] = user_caption(options.caption)
    if options.prompt is not None:
        user_prompt(options.prompt, given.get("emotion"))
        given["prompt"] = options.prompt  # what it does not say follows from the picture's emotion, read later
    return given


def _folder_names(paths: Sequence[Path]) -> dict[Path, str]:
    """A folder's name for each picture: the file's without suffix, or with it where another would have the same."""
    taken = Counter(word for path in paths for word in {path.stem.casefold(), path.name.casefold()})
    return {path: path.stem if taken[path.stem.casefold()] == 1 else path.name for path in paths}


def _make_take(path: Path, folder: Path, chains: Mapping[str, ChainSettings], given: Mapping[str, Any]) -> int:
    """Make a picture's music by each chain, write what worked and return the exit code.

    Raises the error of a chain that failed where no other worked.
    """
    from pipelines.bundle import check_folder, write_take
    from pipelines.picture import read_picture

    check_folder(folder)
    picture = read_picture(path)
    parts, failures = _run_chains(path, picture, chains, dict(given))
    if failures and not parts:
        raise failures[0]
    take = write_take(parts, folder, picture=picture)
    for name, part in parts.items():
        print(f"{name}: {_result(part, RESULTS[name])}")
    print(take.folder)
    for failure in failures:
        complain(failure, TROUBLE)
    return TROUBLE if failures else 0


def _run_chains(
    path: Path, picture: Picture, chains: Mapping[str, ChainSettings], given: dict[str, Any]
) -> tuple[dict[str, Part], list[EkphoniaError]]:
    """The parts of the chains that worked, and the errors of those that failed."""
    from pipelines.bundle import Part

    parts: dict[str, Part] = {}
    failures: list[EkphoniaError] = []
    for name, settings in chains.items():
        try:
            steps = tuple(_told(path, run_chain(name, picture, settings, given)))
        except StoppedError:
            raise
        except EkphoniaError as failure:
            failures.append(failure)
            continue
        given.setdefault("emotion", next(step for step in steps if step.name == "emotion"))  # both follow the same
        parts[name] = Part(steps, asdict(settings))
    return parts, failures


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
