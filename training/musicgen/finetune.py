"""Fine-tune MusicGen on pairs: `python -m training.musicgen.finetune DATASET --variant lyrical --out RUN`.

In: a paired data set with texts (pairs.py, texts.py), or what precompute.py stored of it (`--stored`, which Optimized
needs), and a MusicGen to begin from. Out: RUN as the loop writes it (loop.py), and RUN/model, a folder that the app and
the hub load (export.py). On several GPUs: `accelerate launch -m training.musicgen.finetune …`; started again with the
same RUN, it goes on where it stopped.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipelines.command_line import BAD_INPUT, STOPPED, complain
from pipelines.errors import EkphoniaError, SettingsError
from training.musicgen.batches import Source
from training.musicgen.export import LICENCE, export_run
from training.musicgen.loop import Finetuning
from training.musicgen.model import TunedMusicGen, TunedParts, load_base
from training.musicgen.pairs import load_pairs, load_texts, texts_of
from training.musicgen.precompute import Stored
from training.musicgen.sources import RawSource, StoredSource
from training.musicgen.variants import PRECISIONS, VARIANTS, FinetuneSettings
from training.run_folder import stop_signal, use_threads

SPLITS_USED = ("train", "validation")


def open_sources(
    dataset: Path, stored: Path | None, settings: FinetuneSettings, model: TunedMusicGen, tokenizer: Any
) -> tuple[Source, Source]:
    """Sources of the training and the validation pairs, from what was stored, else encoded in each step.

    Raises:
        SettingsError: Optimized without anything stored, or what is stored is of another base or other frozen layers.
        DataMissingError: data, texts or stored parts are not there.
    """
    variant = VARIANTS[settings.variant]
    if stored is None:
        if variant.stored:
            raise SettingsError(
                f"The variant {settings.variant} learns from what was encoded beforehand; name it with --stored, made "
                f"by `python -m training.musicgen.precompute`."
            )
        raw = (_raw(dataset, split, variant.condition, settings, tokenizer) for split in SPLITS_USED)
        return next(raw), next(raw)
    opened = Stored.open(stored)
    _check_stored(opened, settings, model.encoders_digest())
    training, validation = (
        StoredSource(opened, split, variant.condition, clip_s=settings.clip_s, use_lower=settings.use_lower)
        for split in SPLITS_USED
    )
    return training, validation


def _raw(dataset: Path, split: str, condition: str, settings: FinetuneSettings, tokenizer: Any) -> RawSource:
    pairs = load_pairs(dataset, split)
    return RawSource(pairs, texts_of(pairs, load_texts(dataset, condition), dataset), tokenizer, settings.clip_s)


def _check_stored(stored: Stored, settings: FinetuneSettings, digest: str) -> None:
    there = stored.settings
    if stored.digest != digest or (settings.use_lower and there.base != settings.base):
        raise SettingsError(
            f"What is stored was encoded by {there.base}, not by {settings.base}; precompute it anew, or name that one."
        )
    if settings.clip_s > there.clip_s or (settings.use_lower and settings.clip_s != there.clip_s):
        raise SettingsError(
            f"Clips of {there.clip_s:g} s are stored, {settings.clip_s:g} s are asked for; set --clip-s to the former."
        )
    if settings.use_lower and there.frozen_share != settings.parts.frozen_share:
        raise SettingsError(
            f"The lower states are stored for a frozen share of {there.frozen_share:g}, not "
            f"{settings.parts.frozen_share:g}; precompute them anew."
        )


def finetune(dataset: Path, folder: Path, settings: FinetuneSettings, *, stored: Path | None = None) -> Finetuning:
    """Train until the run has ended, or a signal asks it to stop.

    Raises:
        SettingsError: settings that cannot be, or that do not fit what is in the folders.
        DataMissingError: data, texts or stored parts are not there.
        ModelMissingError, ModelFailedError: the base cannot be loaded.
    """
    settings.check()
    whole = load_base(settings.base)
    model = TunedMusicGen(whole.model, settings.parts)
    training, validation = open_sources(dataset, stored, settings, model, whole.tokenizer)
    if stored is not None:
        model.leave_out_stored(lower=settings.use_lower)
    run = Finetuning(folder, model, settings, training, validation)
    with stop_signal() as stop:
        run.fit(stop=stop)
    return run


def _settings(options: argparse.Namespace) -> FinetuneSettings:
    """The settings that were asked for; what was not is the variant's."""
    share = VARIANTS[options.variant].frozen_share if options.frozen_share is None else options.frozen_share
    parts = TunedParts(share, options.lora_rank, options.gradient_checkpointing)
    given = {name: value for name, value in vars(options).items() if name in FinetuneSettings.__dataclass_fields__}
    return replace(FinetuneSettings(), **given, parts=parts)


def parser() -> argparse.ArgumentParser:
    """The command line, its defaults those of :class:`FinetuneSettings`."""
    made = argparse.ArgumentParser(prog="python -m training.musicgen.finetune", description="Fine-tune MusicGen.")
    defaults = FinetuneSettings()
    made.add_argument("dataset", type=Path)
    made.add_argument(
        "--out", "--run", type=Path, required=True, dest="run", help="folder of the run, new or to go on with"
    )
    made.add_argument("--variant", choices=list(VARIANTS), default=defaults.variant)
    made.add_argument("--base", default=defaults.base, help="a folder or a hub's id")
    made.add_argument("--stored", type=Path, help="what precompute.py wrote")
    made.add_argument("--use-lower", action="store_true", help="also what the frozen layers made")
    made.add_argument("--mixed-precision", choices=PRECISIONS, default=defaults.mixed_precision)
    made.add_argument("--gradient-checkpointing", action="store_true")
    made.add_argument("--frozen-share", type=float, help="of the decoder's layers; else the variant's")
    made.add_argument("--lora-rank", type=int, default=TunedParts.lora_rank, help="0: all weights learn")
    for name in ("epochs", "patience", "batch", "part", "warmup_steps", "save_every_steps", "seed"):
        made.add_argument(f"--{name.replace('_', '-')}", type=int, default=getattr(defaults, name))
    for name in ("learning_rate", "weight_decay", "largest_gradient", "dropped_text", "clip_s", "minutes"):
        made.add_argument(f"--{name.replace('_', '-')}", type=float, default=getattr(defaults, name))
    made.add_argument("--threads", type=int, default=0, help="of the CPU (0: as torch decides)")
    made.add_argument("--licence", default=LICENCE, help="of the exported weights, as the hub names it")
    made.add_argument("--no-export", action="store_true", help="do not write RUN/model at the end")
    return made


def main() -> int:
    """Run the command; 0 when the run has ended, 2 when it could not, 130 when it was stopped."""
    options = parser().parse_args()
    try:
        use_threads(options.threads)
        run = finetune(options.dataset, options.run, _settings(options), stored=options.stored)
        if run.ended() and not options.no_export and run.accelerator.is_main_process:
            export_run(options.run, options.run / "model", data=options.dataset.name, licence=options.licence)
    except EkphoniaError as error:
        return complain(error, BAD_INPUT)
    return 0 if run.ended() else STOPPED


if __name__ == "__main__":
    sys.exit(main())
