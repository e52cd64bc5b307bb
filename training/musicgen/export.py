"""A run to a folder that the app and the hub load: `python -m training.musicgen.export RUN --out FOLDER`.

In: a run's folder (loop.py). Out: what `MusicgenForConditionalGeneration.save_pretrained` writes (safetensors), the
processor, and README.md, a model card with base, data, licence and figures. LoRA's adapter is merged. The folder is
what `open_musicgen` takes as its entry's hub id, and `--push owner/name` uploads it as it is.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from pipelines.catalogue import MUSICGEN_LICENCE
from pipelines.command_line import BAD_INPUT, complain
from pipelines.errors import DataMissingError, EkphoniaError
from pipelines.hub import local_folder
from training.hub import pushing
from training.musicgen.loop import BEST, LOG, SETTINGS, load_learned
from training.musicgen.model import TunedMusicGen, TunedParts, load_base
from training.musicgen.variants import VARIANTS, FinetuneSettings
from training.run_folder import folder_in_place_of, load_checkpoint, read_lines

LICENCE = MUSICGEN_LICENCE.lower()
CARD = """---
license: {licence}
{base_model}pipeline_tag: text-to-audio
library_name: transformers
tags: [musicgen, ekphonia]
---

# MusicGen, fine-tuned on pictures and music: {variant}

Fine-tuned from {base} by Ekphonia after "Bridging Paintings and Music" (variant {variant}: {what}).
Licence of the weights: {licence}.{terms}

Data: {data}. {trained}

| | loss on validation pairs, by which the best step was chosen (nats a token) |
|---|---|
| before fine-tuning | {before:.4f} |
| best, after {steps} steps | {after:.4f} |
| the same without the text | {untold:.4f} |

Settings: batch {batch}, learning rate {learning_rate:g}, {warmup_steps} warm-up steps, clips of {clip_s:g} s, text
dropped with probability {dropped_text:g}, seed {seed}.
"""
TERMS = " MusicGen's own weights are CC-BY-NC-4.0, and so is what is fine-tuned from them: not for commercial use."
WHAT = {
    "emotive": "the text is the emotion's label",
    "narrative": "the text is the picture's caption with the label",
    "lyrical": "the text is a language model's musical prompt",
    "optimized": "the text is the musical prompt enriched and cleaned, encoded beforehand; first layers frozen",
}


def read_settings(run: Path) -> FinetuneSettings:
    """The settings that a run began with; raises DataMissingError for a folder without a run."""
    try:
        values = json.loads((run / SETTINGS).read_text(encoding="utf-8"))
        return FinetuneSettings(**(values | {"parts": TunedParts(**values["parts"])}))
    except (OSError, ValueError, KeyError, TypeError) as cause:
        cure = "train with `python -m training.musicgen.finetune`"
        raise DataMissingError(f"The folder {run} holds no run of this version; {cure}.") from cause


def best_of(run: Path, settings: FinetuneSettings) -> TunedMusicGen:
    """The base with a run's best weights, adapters merged.

    Raises:
        WeightsError: the run has no best weights yet, or they are damaged.
        ModelMissingError, ModelFailedError: the base cannot be loaded.
    """
    tensors, _ = load_checkpoint(run / BEST)
    model = TunedMusicGen(load_base(settings.base).model, settings.parts)
    load_learned(model, tensors)
    model.merge_adapter()
    return model


def export_run(run: Path, out: Path, *, data: str, licence: str = LICENCE) -> Path:
    """Write a run's best weights with processor and card, the folder whole or not at all; returns it.

    A model that is there is replaced. Raises SettingsError where there is another folder, DataMissingError for a run
    whose log tells no losses, and what :func:`read_settings` and :func:`best_of` raise.
    """
    with folder_in_place_of(out, "generation_config.json") as part:
        settings = read_settings(run)
        (part / "README.md").write_text(card(run, settings, data=data, licence=licence), encoding="utf-8")
        best_of(run, settings).model.eval().requires_grad_(False).save_pretrained(part)
        _processor(settings.base).save_pretrained(part)
    return out


def _processor(base: str) -> Any:
    """The base's processor: tokenizer and feature extractor."""
    from transformers import AutoProcessor

    return AutoProcessor.from_pretrained(local_folder(base), local_files_only=True)


def card(run: Path, settings: FinetuneSettings, *, data: str, licence: str) -> str:
    """The model card's text, figures from the run's log; raises DataMissingError where that has none."""
    checks = [row for row in read_lines(run / LOG) if "validation" in row]
    if not checks:
        raise DataMissingError(f"The log {run / LOG} tells no validation losses for the card; train a run anew.")
    best = min(checks, key=lambda row: row["validation"])
    own_base = Path(settings.base).is_dir()  # the hub takes only its own ids for base_model
    share, rank = settings.parts.frozen_share, settings.parts.lora_rank
    trained = f"The decoder above the first {share:.0%} of its layers learned" if share else "The whole decoder learned"
    trained += f" by LoRA of rank {rank}, merged." if rank else "."
    return CARD.format(
        licence=licence,
        terms=TERMS if licence == LICENCE else "",
        base=Path(settings.base).name if own_base else settings.base,
        base_model="" if own_base else f"base_model: {settings.base}\n",
        variant=settings.variant,
        what=WHAT[VARIANTS[settings.variant].condition],
        data=data,
        trained=trained,
        before=checks[0]["validation"],
        after=best["validation"],
        untold=best["untold"],
        steps=best["step"],
        **{name: getattr(settings, name) for name in ("batch", "learning_rate", "warmup_steps")},
        **{name: getattr(settings, name) for name in ("clip_s", "dropped_text", "seed")},
    )


def push(folder: Path, repository: str, *, private: bool) -> None:
    """Upload an exported folder, its card within, to the hub, with its client's token. Raises what `pushing` raises."""
    with pushing(repository, kind="model", private=private) as api:
        api.upload_folder(folder_path=folder, repo_id=repository)


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.musicgen.export", description="Export a run.")
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", default="pairs of pictures and music", help="named in the card")
    parser.add_argument("--licence", default=LICENCE)
    parser.add_argument("--push", metavar="OWNER/NAME", help="upload it to the hub, privately unless --public")
    parser.add_argument("--public", action="store_true", help="with --push: for everybody to see; mind the licence")
    options = parser.parse_args()
    try:
        export_run(options.run, options.out, data=options.data, licence=options.licence)
        if options.push:
            push(options.out, options.push, private=not options.public)
    except EkphoniaError as error:
        return complain(error, BAD_INPUT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
