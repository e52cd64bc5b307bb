"""Play a split's texts with fine-tuned MusicGens: `python -m training.musicgen.generate DATASET MODEL … --out OUT`.

In: a paired data set with texts, and exported models (export.py), each in a folder RUN/model or named by itself. Out:
OUT/NAME/*.wav, 32 kHz mono, named as the pairs' music, and OUT/reference with the first seconds of the pairs' own, so
that `python -m training.metrics.audio OUT/reference OUT/NAME …` measures them; OUT/texts.jsonl for its `--texts`. What
is there of the same model, text, length and seed is not made again, which `made_of.json` in each folder tells by
hashes. The text is that of the condition that the model's run was trained on, or `--condition`'s;
sampling is the paper's: the likeliest 250 tokens at temperature 1 (section IV-C).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from pipelines.catalogue import ModelEntry, paper_entry
from pipelines.command_line import BAD_INPUT, complain
from pipelines.errors import DataMissingError, EkphoniaError, SettingsError, SoundError
from pipelines.records import Audio, MusicPrompt
from pipelines.settings import check_seed
from pipelines.sound import normalise_loudness, write_wav
from pipelines.waveform.musicgen import frame_count
from training.metrics.audio_files import read_sound
from training.musicgen.pairs import CONDITIONS, SPLITS, Pair, load_pairs, load_texts, texts_of
from training.run_folder import write_lines

DURATION_S = 10.0
REFERENCE, MODEL, WORDS, MADE_OF = "reference", "model", "texts.jsonl", "made_of.json"


def model_folder(path: Path) -> Path:
    """The exported model of a run's folder, or the folder itself. Raises DataMissingError where there is none."""
    for folder in (path / MODEL, path):
        if (folder / "config.json").is_file():
            return folder
    raise DataMissingError(f"No exported model is in {path}; write it with python -m training.musicgen.export {path}.")


def name_of(folder: Path) -> str:
    """What a model is called: its folder's name, or the run's for RUN/model."""
    return folder.parent.name if folder.name == MODEL else folder.name


def condition_of(folder: Path, asked: str | None) -> str:
    """The condition asked for, else the one that the model is named after. Raises SettingsError where neither is."""
    name = asked or name_of(folder)
    if name not in CONDITIONS:
        known = ", ".join(CONDITIONS)
        raise SettingsError(f"The model {name} tells no condition by its name; choose --condition, one of {known}.")
    return name


def play(entry: ModelEntry, text: str, *, duration_s: float, seed: int) -> Audio:
    """A text's music, (frames, 1) at 32,000 Hz, at the data set's -16 LUFS. Raises what the model raises."""
    from pipelines.waveform.musicgen import open_musicgen

    prompt = MusicPrompt(
        text, mood="", genre="", tempo_bpm=0.0, mode="", melody="", instruments=()
    )  # only text is read
    chunks = list(open_musicgen(entry).generate(prompt, duration_s=duration_s, seed=seed))
    whole = Audio(np.concatenate([chunk.samples for chunk in chunks]), chunks[0].sample_rate_hz)
    return normalise_loudness(whole)


def write_once(path: Path, audio: Audio) -> None:
    """Write a WAV whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    write_wav(audio, partial)
    partial.replace(path)


def digest(path: Path) -> str:
    """A hash of a file, or of a model's folder without its card."""
    paths = [path] if path.is_file() else sorted(p for p in path.iterdir() if p.is_file() and p.suffix != ".md")
    found = hashlib.sha256()
    for each in paths:
        with each.open("rb") as file:
            found.update(hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()[:16]


def made_of(folder: Path) -> dict[str, str]:
    """What a folder's files were made of, by name; nothing where that is not told."""
    try:
        return dict(json.loads((folder / MADE_OF).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def make_missing(folder: Path, name: str, of: Sequence[object], make: Callable[[], Audio]) -> Path:
    """A file of a folder, made unless it is there and made of the same `of`."""
    path, known, own = folder / name, made_of(folder), "-".join(map(str, of))
    if not path.is_file() or known.get(name) != own:
        write_once(path, make())
        part = folder / f"{MADE_OF}.part"
        part.write_text(json.dumps(known | {name: own}, indent=1), encoding="utf-8")
        part.replace(folder / MADE_OF)
    return path


def first_of(path: Path, duration_s: float) -> Audio:
    """The first seconds of a sound file. Raises SoundError for one that cannot be read."""
    sound = read_sound(path)
    return replace(sound, samples=sound.samples[: round(duration_s * sound.sample_rate_hz)])


def write_reference(pairs: Sequence[Pair], folder: Path, *, duration_s: float) -> None:
    """The first seconds of the pairs' own music. Raises SoundError for a pair without its sound."""
    for pair in pairs:
        if not pair.sound.is_file():
            raise SoundError(f"The sound {pair.key} is not there; make the data set anew.")
        of = (digest(pair.sound), f"{duration_s:g}s")
        make_missing(folder, pair.file_name, of, partial(first_of, pair.sound, duration_s))


def generate(
    model: Path, pairs: Sequence[Pair], texts: Sequence[str], out: Path, *, duration_s: float, seed: int
) -> Iterator[Path]:
    """Make what is missing of a model's music for the pairs, and yield each file; pair i has the seed `seed` + i."""
    entry = replace(paper_entry("audio"), name=name_of(model), hub_id=str(model))
    weights = digest(model)
    for own_seed, (pair, text) in enumerate(zip(pairs, texts, strict=True), start=seed):
        of = (weights, hashlib.sha256(text.encode()).hexdigest()[:16], f"{duration_s:g}s", own_seed)
        make = partial(play, entry, text, duration_s=duration_s, seed=own_seed)
        yield make_missing(out, pair.file_name, of, make)


def spread(pairs: Sequence[Pair], count: int | None) -> list[Pair]:
    """At most `count` of the pairs, evenly over their order, which goes label by label; all for None."""
    least = min(len(pairs), count or len(pairs))
    return [pairs[number * len(pairs) // least] for number in range(least)]


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.musicgen.generate", description="Play a split's texts.")
    parser.add_argument("dataset", type=Path)
    parser.add_argument("models", type=Path, nargs="+", help="folders of runs with an exported model, or of models")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--split", choices=SPLITS, default="test", help="(default: %(default)s)")
    parser.add_argument("--condition", choices=CONDITIONS, help="of the text (default: what the model is named after)")
    parser.add_argument("--count", type=int, help="pairs at most, spread over the split (default: all)")
    parser.add_argument("--duration", type=float, default=DURATION_S, help="seconds (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the first pair (default: %(default)s)")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> None:
    """Make all that is missing. Raises what the parts raise."""
    from tqdm import tqdm

    check_seed(options.seed)
    frame_count(options.duration)
    if options.count is not None and options.count < 1:
        raise SettingsError(f"The count cannot be {options.count}; choose 1 or more.")
    pairs = spread(load_pairs(options.dataset, options.split), options.count)
    folders = [model_folder(path) for path in options.models]
    _check_names([REFERENCE, *map(name_of, folders)])
    told = {name: texts_of(pairs, load_texts(options.dataset, name), options.dataset) for name in CONDITIONS}
    write_reference(pairs, options.out / REFERENCE, duration_s=options.duration)
    for folder in folders:
        texts, out = told[condition_of(folder, options.condition)], options.out / name_of(folder)
        made = generate(folder, pairs, texts, out, duration_s=options.duration, seed=options.seed)
        for _ in tqdm(made, total=len(pairs), desc=name_of(folder), file=sys.stderr):
            pass
    rows = [
        {"file_name": pair.file_name, **{name: told[name][number] for name in CONDITIONS}}
        for number, pair in enumerate(pairs)
    ]
    write_lines(options.out / WORDS, rows)


def _check_names(names: Sequence[str]) -> None:
    """Raise SettingsError where two folders of OUT would be one."""
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise SettingsError(
            f"Two folders would be called {twice[0]}; name one model's folder otherwise, or play it alone."
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when all is made, 2 when something is missing."""
    try:
        run(parse(arguments))
    except EkphoniaError as error:
        return complain(error, BAD_INPUT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
