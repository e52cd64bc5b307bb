"""Encode music and texts once: `python -m training.musicgen.precompute DATASET --base MODEL --out STORED`.

In: a paired data set with its texts (pairs.py, texts.py) and a MusicGen. Out: a folder of safetensors shards of one
shape, which are read memory-mapped (paper, section III-D, "Optimized": "storing precomputed tensors"):

    codes-<split>-00000.safetensors               codes (pairs, codebooks, frames) int16, frames (pairs,) int32
    texts-<condition>-<split>-00000.safetensors   states (pairs, words, width) float32, words (pairs, words) uint8
    lower-<condition>-<split>-00000.safetensors   told, untold (pairs, positions, width): what the frozen layers make
    stored.json                                   the base, the lengths, the share of frozen layers, pairs a split

Each shard is written whole or not at all, and one that is there is not made again; it keeps a hash of what it was made
of, so that none of another data set is taken for it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipelines.catalogue import MUSICGEN_SMALL
from pipelines.command_line import BAD_INPUT, complain
from pipelines.errors import DataMissingError, EkphoniaError, SettingsError
from pipelines.waveform.musicgen_loading import LONGEST_TOKENS, SAMPLE_RATE_HZ, SAMPLES_PER_FRAME
from training.musicgen.batches import Batch, frames_in
from training.musicgen.model import TunedMusicGen, TunedParts, load_base
from training.musicgen.pairs import CONDITIONS, SPLITS, load_pairs, load_texts, texts_of
from training.musicgen.sound import digest_of, read_sound
from training.run_folder import load_checkpoint, save_checkpoint

INDEX = "stored.json"
WORDS_STEP = 8


@dataclass(frozen=True)
class StoreSettings:
    """What is stored: clips' length, pairs a shard, and the share of layers whose work is stored too (0: none)."""

    base: str
    clip_s: float = 30.0
    shard: int = 16
    frozen_share: float = 0.0


class Shards:
    """The rows of shards with a common name, in order; opened when first read, and kept memory-mapped."""

    def __init__(self, folder: Path, name: str, count: int, shard: int) -> None:
        self._paths = [folder / f"{name}-{number:05d}.safetensors" for number in range(-(-count // shard))]
        self._count, self._shard = count, shard
        self._open: dict[int, Any] = {}
        missing = [path for path in self._paths if not path.is_file()]
        if missing:
            raise DataMissingError(
                f"The file {missing[0]} is not there; make it with `python -m training.musicgen.precompute`."
            )

    def __len__(self) -> int:
        """Number of rows."""
        return self._count

    def row(self, number: int, *, only: str = "") -> dict[str, Tensor]:
        """The tensors of a row, by name, or `only` one of them."""
        from safetensors import safe_open

        which, within = divmod(number, self._shard)
        if which not in self._open:
            self._open[which] = safe_open(self._paths[which], framework="pt")
        file = self._open[which]
        names = [only] if only else list(file.keys())
        return {name: file.get_slice(name)[within] for name in names}


@dataclass(frozen=True, eq=False)
class Stored:
    """A folder that :func:`precompute` wrote; `digest` is that of the encoders (TunedMusicGen.encoders_digest)."""

    folder: Path
    settings: StoreSettings
    pairs: dict[str, int]
    digest: str

    @classmethod
    def open(cls, folder: Path) -> Stored:
        """Read its index; raises DataMissingError where there is none."""
        try:
            index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
            return cls(folder, StoreSettings(**index["settings"]), dict(index["pairs"]), index["digest"])
        except (OSError, ValueError, KeyError, TypeError) as cause:
            cure = "make it with `python -m training.musicgen.precompute`"
            raise DataMissingError(f"The folder {folder} holds nothing that was stored; {cure}.") from cause

    def _shards(self, name: str, split: str) -> Shards:
        if split not in self.pairs:
            raise DataMissingError(f"The split {split} has not been stored in {self.folder}; precompute it.")
        return Shards(self.folder, f"{name}-{split}", self.pairs[split], self.settings.shard)

    def codes(self, split: str) -> Shards:
        """Codes and their numbers of frames."""
        return self._shards("codes", split)

    def texts(self, split: str, condition: str) -> Shards:
        """Encoded texts and which of their words are real."""
        return self._shards(f"texts-{condition}", split)

    def lower(self, split: str, condition: str) -> Shards:
        """What the frozen layers made, with and without the text."""
        return self._shards(f"lower-{condition}", split)


def precompute(
    dataset: Path,
    out: Path,
    settings: StoreSettings,
    *,
    conditions: Sequence[str] = ("optimized",),
    splits: Sequence[str] = SPLITS,
    show: Callable[[list[range]], Iterable[range]] = iter,
    device: str = "cpu",
) -> Stored:
    """Store the codes and the encoded texts of a data set, and with a frozen share what those layers make.

    `show` may wrap the parts of the work in a progress bar.

    Raises:
        DataMissingError: the data set or its texts are not there.
        SettingsError: clips shorter than a frame, or `out` holds what was stored of other settings, music or texts.
        SoundError: a sound file cannot be read, or has another rate than the model.
        WeightsError: a shard is damaged.
        ModelMissingError, ModelFailedError: the base cannot be loaded.
    """
    frames_in(settings.clip_s)
    pairs = {split: load_pairs(dataset, split) for split in splits}
    texts = {
        (split, condition): texts_of(pairs[split], load_texts(dataset, condition), dataset)
        for split in splits
        for condition in conditions
    }
    whole = load_base(settings.base)
    model = TunedMusicGen(whole.model, TunedParts(frozen_share=settings.frozen_share)).to(device).eval()
    digest = model.encoders_digest()
    _check_same(out, settings, digest)
    encoder = _Encoder(model, whole.tokenizer, settings, device)
    width = {
        name: encoder.longest([t for (_, each), found in texts.items() if each == name for t in found])
        for name in conditions
    }
    for split, rows in pairs.items():
        starts = range(0, len(rows), settings.shard)
        for number, part in enumerate(show([range(at, min(at + settings.shard, len(rows))) for at in starts])):
            said = {name: [texts[split, name][row] for row in part] for name in conditions}
            _store(out, f"{split}-{number:05d}", encoder, [rows[row].sound for row in part], said, width)
    stored = Stored(out, settings, {split: len(rows) for split, rows in pairs.items()}, digest)
    _write_index(stored)
    return stored


@dataclass(frozen=True, eq=False)
class _Encoder:
    """The model at work: rows in, the tensors of a shard out."""

    model: TunedMusicGen
    tokenizer: Any
    settings: StoreSettings
    device: str

    @torch.inference_mode()
    def codes(self, sounds: Sequence[Path]) -> dict[str, Tensor]:
        """Codes of sound files, each cut or padded to the clip's length."""
        longest = frames_in(self.settings.clip_s)
        found = torch.zeros(len(sounds), self.model.codebooks, longest, dtype=torch.int16)
        frames = torch.zeros(len(sounds), dtype=torch.int32)
        for row, path in enumerate(sounds):
            sound = torch.from_numpy(read_sound(path, SAMPLE_RATE_HZ, frames=longest * SAMPLES_PER_FRAME))
            codes = self.model.codes_of(sound[None, None].to(self.device))[0]
            frames[row] = codes.shape[1]
            found[row, :, : codes.shape[1]] = codes.short().cpu()
        return {"codes": found, "frames": frames}

    def longest(self, texts: Sequence[str]) -> int:
        """Words that the longest of the texts takes, rounded up to a multiple of 8: the width of all."""
        most = max(
            len(ids) for ids in self.tokenizer(list(texts), truncation=True, max_length=LONGEST_TOKENS).input_ids
        )
        return -(-most // WORDS_STEP) * WORDS_STEP

    @torch.inference_mode()
    def texts(self, texts: Sequence[str], width: int) -> dict[str, Tensor]:
        """What T5 makes of texts, padded to a width."""
        options = {"padding": "max_length", "truncation": True, "max_length": width}
        encoded = self.tokenizer(list(texts), return_tensors="pt", **options).to(self.device)
        words = encoded.attention_mask.bool()
        return {"states": self.model.states_of(encoded.input_ids, words).cpu(), "words": words.byte().cpu()}

    @torch.inference_mode()
    def lower(self, codes: dict[str, Tensor], texts: dict[str, Tensor]) -> dict[str, Tensor]:
        """What the frozen layers make of a shard, a row at a time, with the text and without."""
        made: dict[str, list[Tensor]] = {"told": [], "untold": []}
        for row in range(len(codes["codes"])):
            own = codes["codes"][row : row + 1].long().to(self.device)
            for name, rows in made.items():
                batch = Batch(
                    codes["frames"][row : row + 1],
                    texts["words"][row : row + 1].bool(),
                    torch.tensor([name == "told"]),
                    states=texts["states"][row : row + 1],
                ).to(self.device)
                rows.append(self.model.lower(own, batch.frames, self.model.heard(batch), batch.words).half().cpu())
        return {name: torch.cat(rows) for name, rows in made.items()}


def _store(
    out: Path,
    place: str,
    encoder: _Encoder,
    sounds: Sequence[Path],
    said: dict[str, list[str]],
    width: dict[str, int],
) -> None:
    """Store a shard of each kind, whose names end in `place`: of sounds, and of texts by condition."""
    of_sounds = digest_of(sounds)
    codes = _once(out / f"codes-{place}.safetensors", of_sounds, partial(encoder.codes, sounds))
    for name, texts in said.items():
        of_texts = sha256(json.dumps([texts, width[name]]).encode()).hexdigest()
        make = partial(encoder.texts, texts, width[name])
        words = _once(out / f"texts-{name}-{place}.safetensors", of_texts, make)
        if encoder.model.frozen_layers:
            make = partial(encoder.lower, codes, words)
            _once(out / f"lower-{name}-{place}.safetensors", of_sounds + of_texts, make)


def _once(path: Path, of: str, make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors of a shard, read where it is there, else made and written with `of`, the hash of what it is of."""
    if not path.is_file():
        made = make()
        save_checkpoint(path, made, {"of": of})
        return made
    tensors, state = load_checkpoint(path)
    if state.get("of", of) != of:
        raise SettingsError(f"The file {path} was made of other music or texts; name another folder with --out.")
    return tensors


def _check_same(out: Path, settings: StoreSettings, digest: str) -> None:
    """Write the settings before the first shard; raise SettingsError where others are there."""
    if (out / INDEX).is_file():
        stored = Stored.open(out)
        there = stored.settings
        if there != settings or stored.digest != digest:
            raise SettingsError(
                f"The folder {out} holds what {there.base} ({stored.digest}) made, in clips of {there.clip_s:g} s with "
                f"a frozen share of {there.frozen_share:g}; name another folder with --out."
            )
        return
    out.mkdir(parents=True, exist_ok=True)
    _write_index(Stored(out, settings, {}, digest))


def _write_index(stored: Stored) -> None:
    """Write stored.json, whole or not at all; splits that were stored before stay."""
    path = stored.folder / INDEX
    before = Stored.open(stored.folder).pairs if path.is_file() else {}
    index = {"settings": asdict(stored.settings), "pairs": before | stored.pairs, "digest": stored.digest}
    part = path.with_suffix(".part")
    part.write_text(json.dumps(index, indent=1), encoding="utf-8")
    part.replace(path)


def main() -> int:
    """Read the command line."""
    from tqdm import tqdm

    defaults = StoreSettings(base="")
    parser = argparse.ArgumentParser(prog="python -m training.musicgen.precompute", description="Encode pairs once.")
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--base", default=MUSICGEN_SMALL, help="a folder or a hub's id")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--conditions", nargs="+", choices=CONDITIONS, default=["optimized"])
    parser.add_argument("--clip-s", type=float, default=defaults.clip_s)
    parser.add_argument("--frozen-share", type=float, default=defaults.frozen_share, help="also store what these make")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    settings = StoreSettings(options.base, clip_s=options.clip_s, frozen_share=options.frozen_share)
    try:
        precompute(
            options.dataset, options.out, settings, conditions=options.conditions, show=tqdm, device=options.device
        )
    except EkphoniaError as error:
        return complain(error, BAD_INPUT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
