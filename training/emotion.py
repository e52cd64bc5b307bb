"""Train the emotion reader: OASIS in, assets/weights/emotion.safetensors out.

python -m training.emotion                cross-validate both ways, fit on all pictures, write the weights
python -m training.emotion --dry-run      cross-validate only
python -m training.emotion --robustness   how far a change of style alone moves held-out readings
python -m training.emotion --dry-run --readings FILE.csv   keep the held-out readings (themes), to measure music by

The features of all pictures are looked at once and kept in the cache (about half a gigabyte). The card beside the
weights, assets/weights/emotion.md, is written by hand from what this prints.
"""

from __future__ import annotations

import argparse
import logging
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.catalogue import entry_for
from pipelines.emotion import ROLE, Blend, EmotionReader, Opinion, view_config
from pipelines.errors import EkphoniaError
from pipelines.models import save_weights, weights_path
from training.data.oasis import Oasis, load_oasis
from training.emotion_eval import (
    Readings,
    StyleMove,
    blended,
    held_out_opinions,
    make_splits,
    score,
    style_move,
)
from training.emotion_fit import FitSettings, fit_blend, fit_reader
from training.emotion_readings import write_readings
from training.emotion_table import CHECK_SET, PLAIN, SKIPPED, TRAINED_SETS, Table, load_table
from training.styles import STYLES, TRAINED

log = logging.getLogger(__name__)
CACHE = Path.home() / ".cache" / "ekphonia" / "emotion"
SPLITS = ("random", "themes")


@dataclass(frozen=True, eq=False)
class Material:
    """What a fit needs: the data set, and the tables to fit on, the plain pictures' first."""

    data: Oasis
    tables: tuple[Table, ...]


def load_material(folder: Path | None, cache: Path, *, styled_sets: int) -> Material:
    """Read the data set and its features, plain and in as many sets of styles."""
    data = load_oasis(folder)
    names = (PLAIN, *TRAINED_SETS[:styled_sets])
    return Material(data, tuple(load_table(data, name, cache) for name in names))


def cross_validate(material: Material, kind: str, *, settings: FitSettings) -> tuple[Opinion, Readings]:
    """Held-out opinions on the plain pictures and their cross-fitted blend, by ten folds of a kind."""
    splits = make_splits(material.data.themes, kind=kind, seed=settings.seed)
    va = material.data.va
    (opinion,) = held_out_opinions(material.tables, material.tables[:1], va, splits, settings=settings)
    return opinion, blended(opinion, opinion, va, splits)


def check_styles(material: Material, check: Table, *, settings: FitSettings) -> list[StyleMove]:
    """How far each style moves held-out readings (random folds) from those of the plain pictures."""
    va = material.data.va
    splits = make_splits(material.data.themes, kind="random", seed=settings.seed)
    seen = [material.tables[0], check]
    plain, styled = held_out_opinions(material.tables, seen, va, splits, settings=settings)
    before, after = (blended(plain, opinion, va, splits) for opinion in (plain, styled))
    worn = np.array(check.styles)
    chosen = {style: worn == style for style in STYLES} | {"all of them": worn != SKIPPED}
    return [style_move(style, rows, before, after, va) for style, rows in chosen.items()]


def tensors_of(reader: EmotionReader) -> tuple[dict[str, Any], dict[str, Any]]:
    """A reader's tensors and configuration, as `pipelines.emotion.reader_from` takes them; heads in half precision."""
    import torch

    tensors = {f"kernel.{name}": torch.from_numpy(array) for name, array in reader.kernel.arrays().items()}
    for index, head in enumerate(reader.heads):
        tensors |= {f"head{index}.{name}": tensor.half() for name, tensor in head.state_dict().items()}
    tensors |= {f"blend.{name}": torch.from_numpy(array) for name, array in vars(reader.blend).items()}
    config = {"views": view_config(), "heads": len(reader.heads), "head": reader.heads[0].get_config()}
    return tensors, config


def train(material: Material, *, settings: FitSettings, dry_run: bool) -> dict[str, Readings]:
    """Cross-validate both ways; unless `dry_run`, fit on all pictures and write the weights.

    The blend is fitted on opinions with whole themes held out: what people bring is unlike OASIS too.
    """
    opinions: dict[str, Opinion] = {}
    readings: dict[str, Readings] = {}
    for kind in SPLITS:
        opinions[kind], readings[kind] = cross_validate(material, kind, settings=settings)
        print(report(kind, opinions[kind], readings[kind], material.data.va), flush=True)
    if not dry_run:
        blend: Blend = fit_blend(opinions["themes"], material.data.va)
        reader = fit_reader(material.tables, material.data.va, blend, settings=settings)
        tensors, config = tensors_of(reader)
        save_weights(weights_path(entry_for(ROLE).weights or ""), tensors, config | {"fit": asdict(settings)})
    return readings


def report(kind: str, opinion: Opinion, readings: Readings, va: npt.NDArray[np.float64]) -> str:
    """Scores of one way of splitting, and each reader's own correlations, as text."""
    parts = [f"{name} {value:.3f}" for name, value in asdict(score(readings, va)).items()]
    alone = [
        f"{name} alone: r {np.corrcoef(said[:, 0], va[:, 0])[0, 1]:.3f}, {np.corrcoef(said[:, 1], va[:, 1])[0, 1]:.3f}"
        for name, said in (("kernel", opinion.kernel), ("heads", opinion.head))
    ]
    return f"{kind} folds: " + ", ".join(parts) + "\n  " + "; ".join(alone)


def style_report(moves: list[StyleMove]) -> str:
    """A Markdown table of how far each style moves the readings."""
    head = "| style | trained with | valence moves | arousal moves | r in the style | labels flip | sure labels flip |"
    lines = [head, "|---|---|---|---|---|---|---|"]
    for move in moves:
        r = f"{move.r_valence:.2f}, {move.r_arousal:.2f}"
        seen = "yes" if move.style in TRAINED else "no" if move.style in STYLES else "some"
        moved = f"{move.valence:.2f} | {move.arousal:.2f}"
        lines.append(f"| {move.style} | {seen} | {moved} | {r} | {move.flips:.0%} | {move.sure_flips:.0%} |")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.emotion", description=__doc__)
    parser.add_argument("--data", type=Path, help="the folder oasis (default: found by EKPHONIA_DATA)")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where features are kept (default: %(default)s)")
    parser.add_argument("--styled-sets", type=int, default=1, choices=range(len(TRAINED_SETS) + 1))
    parser.add_argument("--heads", type=int, default=FitSettings.heads, help="heads that are averaged")
    parser.add_argument("--seed", type=int, default=FitSettings.seed, help="of the folds and the heads")
    parser.add_argument("--dry-run", action="store_true", help="cross-validate only, write nothing")
    parser.add_argument("--readings", type=Path, help="CSV file for the readings with whole themes held out")
    parser.add_argument("--robustness", action="store_true", help="check changes of style only, write nothing")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 when it went well, 2 when the data is not there."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    settings = replace(FitSettings(), heads=options.heads, seed=options.seed)
    try:
        material = load_material(options.data, options.cache, styled_sets=options.styled_sets)
        if options.robustness:
            check = load_table(material.data, CHECK_SET, options.cache)
            print(style_report(check_styles(material, check, settings=settings)))
        else:
            readings = train(material, settings=settings, dry_run=options.dry_run)
            if options.readings:
                held_out = readings["themes"]
                names = [path.name for path in material.data.paths]
                write_readings(options.readings, names, held_out.va, held_out.spread)
    except EkphoniaError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
