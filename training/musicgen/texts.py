"""The paper's four texts for every pair: `python -m training.musicgen.texts DATASET`.

In: a paired data set (pairs.py). Out: DATASET/texts.jsonl, a line a pair: `split`, `file_name`, `picture`, the texts
`emotive`, `narrative`, `lyrical`, `optimized`, and `makers`, who made each. Written whole or not at all every few
pairs; started again, only what is missing or of another picture is made.

The conditions (paper, section III-D): Emotive is the label alone; Narrative the picture's caption, opened by the label;
Lyrical what the language model makes of that in musical terms; Optimized the lyrical text enriched by its parts and
cleaned. Captions and prompts are the pipeline's own, so the embedded models' where no hub's lie on this machine.
"""

from __future__ import annotations

import argparse
import re
import sys
import unicodedata
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pipelines.command_line import BAD_INPUT, STOPPED, complain
from pipelines.errors import EkphoniaError
from pipelines.models import MODELS, choose, default_models
from pipelines.picture import read_picture
from pipelines.records import MusicPrompt
from pipelines.settings import LARGEST_SEED
from pipelines.waveform.caption import Captioner, open_captioner
from pipelines.waveform.prompt import Prompter, open_prompter
from training.musicgen.pairs import CONDITIONS, SPLITS, TEXTS, Pair, load_pairs
from training.run_folder import read_lines, stop_signal, write_lines

LONGEST_TEXT = 320
SAVE_EVERY = 10
LABEL_MAKER, CLEANER = "the data set's label", "cleaned and enriched"
NEVER = bool  # bool() is False
PLAIN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "\u00a0": " "})


def cleaned(text: str, *, longest: int = LONGEST_TEXT) -> str:
    """A text in one line of plain punctuation, each sentence once, at most so many characters, whole sentences.

    The first sentence is cut at a word where it alone is longer.
    """
    line = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text).translate(PLAIN)).strip()
    kept: list[str] = []
    for sentence in re.split(r"(?<=[.!?]) ", line):
        if sentence.lower() in {each.lower() for each in kept}:
            continue
        if kept and len(" ".join([*kept, sentence])) > longest:
            break
        kept.append(sentence)
    whole = " ".join(kept)
    return whole if len(whole) <= longest else whole[:longest].rsplit(" ", 1)[0]


def enriched(label: str, prompt: MusicPrompt) -> str:
    """The optimized text: the lyrical one after its own parts, always in the same order and words, cleaned."""
    parts = (
        f"{label.lower()} music, {prompt.mood} {prompt.genre}, {prompt.tempo_bpm:.0f} BPM, {prompt.mode} key, "
        f"{prompt.melody} melody, {', '.join(prompt.instruments)}."
    )
    return cleaned(f"{parts} {prompt.text}")


def texts_for(pair: Pair, captioner: Captioner, prompter: Prompter, *, seed: int) -> dict[str, Any]:
    """The line of texts.jsonl for a pair; the same for the same seed.

    Raises what reading a picture, captioning and prompting raise.
    """
    caption = captioner.caption(read_picture(pair.picture), pair.emotion)
    own_seed = (zlib.crc32(pair.key.encode()) + seed) % (LARGEST_SEED + 1)  # else like captions sing alike
    prompt = prompter.write(caption, pair.emotion, seed=own_seed)
    texts = (pair.label, caption.text, prompt.text, enriched(pair.label, prompt))
    makers = (LABEL_MAKER, captioner.made_by, prompter.made_by, f"{prompter.made_by}, {CLEANER}")
    return {
        "split": pair.split,
        "file_name": pair.file_name,
        "picture": pair.picture.name,
        **dict(zip(CONDITIONS, texts, strict=True)),
        "makers": dict(zip(CONDITIONS, makers, strict=True)),
    }


def write_texts(
    folder: Path,
    captioner: Captioner,
    prompter: Prompter,
    *,
    seed: int = 0,
    show: Callable[[list[Pair]], Iterable[Pair]] = iter,
    stop: Callable[[], bool] = NEVER,
) -> int:
    """Write the texts of all pairs of a data set that have none of their picture yet; returns how many were made.

    `show` may wrap the pairs in a progress bar; once `stop` answers True, what is made is kept. Raises DataMissingError
    for a folder without pairs, and what :func:`texts_for` raises.
    """
    pairs = [pair for split in SPLITS if (folder / split).is_dir() for pair in load_pairs(folder, split)]
    pairs = pairs or load_pairs(folder, SPLITS[0])
    rows = {f"{row['split']}/{row['file_name']}": row for row in read_lines(folder / TEXTS)}
    there = {pair.key: rows[pair.key] for pair in pairs if _is_of(rows.get(pair.key), pair)}
    missing, made = [pair for pair in pairs if pair.key not in there], 0
    try:
        for pair in show(missing):
            there[pair.key] = texts_for(pair, captioner, prompter, seed=seed)
            made += 1
            if made % SAVE_EVERY == 0:
                _save(folder, pairs, there)
            if stop():
                break
    finally:
        _save(folder, pairs, there)
    return made


def _is_of(row: dict[str, Any] | None, pair: Pair) -> bool:
    """Whether a row is a pair's, since a data set built anew gives its file names to others."""
    name = pair.picture.name
    return row is not None and (row["emotive"], row.get("picture", name)) == (pair.label, name)


def _save(folder: Path, pairs: list[Pair], rows: dict[str, dict[str, Any]]) -> None:
    """Write the rows of those pairs that have one, in the pairs' order, whole or not at all."""
    write_lines(folder / TEXTS, [rows[pair.key] for pair in pairs if pair.key in rows])


def main() -> int:
    """Run the command; 0 when all pairs have texts, 2 when it could not, 130 when it was stopped."""
    from tqdm import tqdm

    parser = argparse.ArgumentParser(prog="python -m training.musicgen.texts", description="Write the four texts.")
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--models", choices=MODELS, default=default_models(), help="whose captions and prompts")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    try:
        load_pairs(options.dataset, SPLITS[0])
        captioner = open_captioner(choose("caption", options.models))
        prompter = open_prompter(choose("prompt", options.models))
        with stop_signal() as stop:
            write_texts(options.dataset, captioner, prompter, seed=options.seed, show=tqdm, stop=stop)
    except EkphoniaError as error:
        return complain(error, BAD_INPUT)
    return STOPPED if stop() else 0


if __name__ == "__main__":
    sys.exit(main())
