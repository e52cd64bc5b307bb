"""Play the test pictures: `python -m training.paper.generate runs/paper/laptop/Trans_enc3_dec3/best.keras`.

In: a fitted model and the material. Out: a folder with a MIDI file a picture, `targets.csv` (file, valence, arousal,
picture; what `python -m training.metrics` reads) and `tokens.txt`, a line a piece. `--greedy` takes the likeliest token
each time, as the paper's argmax does; otherwise tokens are drawn.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.errors import EkphoniaError, SettingsError
from pipelines.records import Score
from pipelines.symbolic.paper_model import END, SampleSettings, is_causal, load, sample_rows
from training.metrics.evaluation import TARGETS_FILE
from training.paper.dataset import Material, load_material
from training.paper.fit import MATERIAL

TOKENS_FILE = "tokens.txt"
TEST_PIECES = 100


@dataclass(frozen=True, eq=False)
class Played:
    """Pieces played for pictures: `tokens` without <start> and <end>, `wanted` (pieces, 2) valence and arousal."""

    tokens: tuple[tuple[str, ...], ...]
    wanted: npt.NDArray[np.float32]
    pictures: tuple[str, ...]

    def scores(self) -> list[Score]:
        """What the tokens say; a score without notes where they say nothing."""
        from pipelines.symbolic.tokens import decode

        return [decode(row) for row in self.tokens]


def play(
    model: Any,
    material: Material,
    settings: SampleSettings,
    *,
    count: int = TEST_PIECES,
    seed: int = 0,
    part: str = "test",
) -> Played:
    """Play for the pictures of a part, `count` at most; piece i is drawn with the seed `seed` + i.

    The causal model is also given the valence and arousal that the picture's pair has. Raises SettingsError for a count
    below 1 or settings out of range.
    """
    check_count(count)
    rows = material.rows(part)[:count]
    images, wanted = material.image(model.image_encoder, rows), material.va[rows]
    seeds = [seed + i for i in range(len(rows))]
    steps = list(sample_rows(model, images, seeds, va=wanted if is_causal(model) else None, settings=settings))
    pieces = tuple(tuple(token for token in row if token != END) for row in zip(*steps, strict=True))
    names = tuple(material.pictures[i] for i in material.picture[rows])
    return Played(pieces or ((),) * len(rows), wanted, names)


def check_count(count: int) -> None:
    """Raise SettingsError for a number of pieces that leaves nothing to measure."""
    if count < 1:
        raise SettingsError(f"{count} pieces cannot be played; choose 1 or more.")


def write(played: Played, folder: Path) -> int:
    """Write the pieces; returns how many have no note and hence no MIDI file."""
    from pipelines.symbolic.midi import write_midi

    folder.mkdir(parents=True, exist_ok=True)
    _remove_former(folder)
    silent = 0
    with (folder / TARGETS_FILE).open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("file", "valence", "arousal", "picture"))
        for i, score in enumerate(played.scores()):
            if not score.notes:
                silent += 1
                continue
            write_midi(score, folder / f"{i:03d}.mid")
            valence, arousal = (round(float(x), 4) for x in played.wanted[i])
            table.writerow((f"{i:03d}.mid", valence, arousal, played.pictures[i]))
    (folder / TOKENS_FILE).write_text("".join(f"{i:03d} {' '.join(row)}\n" for i, row in enumerate(played.tokens)))
    return silent


def _remove_former(folder: Path) -> None:
    """Remove the pieces of a former run, which whoever measures the folder would count."""
    path = folder / TARGETS_FILE
    if path.is_file():
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                (folder / Path(row["file"]).name).unlink(missing_ok=True)


def _parser() -> argparse.ArgumentParser:
    defaults = SampleSettings()
    parser = argparse.ArgumentParser(prog="python -m training.paper.generate", description="Play the test pictures.")
    parser.add_argument("model", type=Path, help="a .keras file")
    parser.add_argument("--material", type=Path, default=MATERIAL, help="(default: %(default)s)")
    parser.add_argument("--out", type=Path, help="folder (default: drawn, or greedy, beside the model)")
    parser.add_argument("--count", type=int, default=TEST_PIECES, help="(default: %(default)s)")
    parser.add_argument("--greedy", action="store_true", help="the likeliest token, as the paper")
    parser.add_argument("--heat", type=float, default=defaults.heat, help="divides the logits (default: %(default)s)")
    parser.add_argument("--nucleus", type=float, default=defaults.nucleus, help="(default: %(default)s)")
    parser.add_argument("--top-k", type=int, default=defaults.top_k, help="0 for all (default: %(default)s)")
    parser.add_argument("--guidance", type=float, default=defaults.guidance, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when it went well, 2 when it could not."""
    options = _parser().parse_args(arguments)
    settings = SampleSettings(
        greedy=options.greedy,
        heat=options.heat,
        nucleus=options.nucleus,
        top_k=options.top_k,
        guidance=options.guidance,
    )
    try:
        model, material = load(options.model), load_material(options.material)
        played = play(model, material, settings, count=options.count, seed=options.seed)
    except EkphoniaError as error:
        print(error, file=sys.stderr)
        return 2
    folder = options.out or options.model.parent / ("greedy" if options.greedy else "drawn")
    silent = write(played, folder)
    print(f"{len(played.tokens)} pieces, {silent} of them without a note: {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
