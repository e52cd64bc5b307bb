"""Fit one of the symbolic paper's models: `python -m training.paper.fit Trans_enc3_dec3 --preset laptop`.

In: the material of `python -m training.paper.prepare`. Out: a folder with `best.keras`, the run's state and its
history; started again with the same folder, it goes on where it stopped. The rows and presets are those of
`pipelines/symbolic/paper_model.py` and `training/paper/presets.py`.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.command_line import STOPPED
from pipelines.errors import EkphoniaError
from pipelines.symbolic.paper_images import at_hand
from pipelines.symbolic.paper_model import MODELS, ModelSpec, load, model_spec
from training.paper.dataset import Material, load_material
from training.paper.presets import PRECISIONS, PRESETS, VA_LOSSES, FitSettings, preset

RUNS = Path("runs/paper")
MATERIAL = RUNS / "material.npz"


def choose_encoder(spec: ModelSpec, material: Material, *, asked: str = "") -> str:
    """The picture encoder of a fit: the one asked for, the row's own if its features are there, else a stand-in."""
    if asked:
        return asked
    return spec.image_encoder if spec.image_encoder in material.features else at_hand(spec.image_encoder)


def make_va_loss(kind: str, material: Material) -> Any:
    """The :class:`~training.paper.objective.VaTerm` of a kind of :data:`VA_LOSSES`, None for "none".

    The predictors are those of `python -m training.paper.va_predictor`; raises ModelMissingError where they are not.
    """
    if kind == "none":
        return None
    from pipelines.symbolic.tokens import Vocabulary
    from training.paper import va_loss, va_predictor
    from training.paper.objective import VaTerm

    vocabulary = Vocabulary(material.vocabulary)
    if kind == "as-printed":
        return VaTerm(kind, va_loss.as_printed(vocabulary, va_predictor.load_midi_predictor()))
    predictor = va_predictor.load_token_predictor().for_tokens(vocabulary.tokens)
    # Drawn tokens: mixtures please a predictor and sound of nothing.
    return VaTerm(kind, va_loss.differentiable(predictor, gumbel=True))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.paper.fit", description="Fit one of the paper's models.")
    parser.add_argument("model", choices=tuple(MODELS))
    add_fit_arguments(parser)
    parser.add_argument(
        "--image-encoder", default="", help="whose features to use (default: the row's own or stand-in)"
    )
    parser.add_argument("--run", type=Path, help="folder of the run (default: runs/paper/PRESET/MODEL)")
    parser.add_argument("--export", type=Path, help="where to write the best model besides, such as assets/weights/…")
    return parser


def add_fit_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments that a fit of one row and one of all rows share."""
    parser.add_argument("--preset", choices=tuple(PRESETS), default="laptop", help="(default: %(default)s)")
    parser.add_argument("--material", type=Path, default=MATERIAL, help="(default: %(default)s)")
    parser.add_argument("--epochs", type=int, help="in place of the preset's")
    parser.add_argument("--pieces", type=int, help="most pieces to train on, 0 for all")
    parser.add_argument("--precision", choices=PRECISIONS, help="(default: the preset's)")
    parser.add_argument("--patience", type=int, help="stop after so many epochs without a lower validation loss")
    parser.add_argument("--va-loss", choices=VA_LOSSES, default="differentiable", help="of the row trained with one")
    parser.add_argument("--lambda-va", type=float, help="weight of the valence and arousal loss")
    parser.add_argument("--seed", type=int, help="of the weights, the order and the subset")


def settings_of(options: argparse.Namespace) -> FitSettings:
    """The preset with what the command line changes. Raises SettingsError."""
    names = ("epochs", "pieces", "precision", "patience", "lambda_va", "seed")
    changes = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if "epochs" in changes:
        changes["table_1_epochs"] = changes["epochs"]
    return preset(options.preset, **changes)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when it went well, 2 when it could not, 130 when it was stopped."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    spec = model_spec(options.model)
    try:
        from training.paper.checkpoint import save_model
        from training.paper.learning import fit

        material, settings = load_material(options.material), settings_of(options)
        encoder = choose_encoder(spec, material, asked=options.image_encoder)
        va_loss = make_va_loss(options.va_loss if spec.va_loss else "none", material)
        folder = options.run or RUNS / options.preset / spec.name
        done = fit(folder, spec, material, settings, image_encoder=encoder, va_loss=va_loss)
        if options.export and not done.stopped:
            save_model(load(done.best), options.export)
    except EkphoniaError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{spec.name}: {done.progress.epoch} epochs, lowest validation loss {done.progress.best:.4f}: {done.best}")
    return STOPPED if done.stopped else 0


if __name__ == "__main__":
    sys.exit(main())
