"""All rows of the symbolic paper's tables 1 and 2, and ours: `python -m training.paper.ablate --preset laptop`.

For each row: fit, play 100 test pictures (drawn, and by argmax as the paper), measure. Out, in runs/paper/PRESET/: a
folder a row, `table.md` with the printed figures beside the measured, and `loss.png`, `loss.svg` (figure 3). Rows that
are done are passed over and a row that was stopped goes on, so that the command may be given again at any time.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pipelines.command_line import STOPPED
from pipelines.errors import EkphoniaError
from pipelines.symbolic.paper_model import MODELS, ModelSpec, SampleSettings, load
from training.paper.checkpoint import Epoch, check_settings, progress_of, read_state
from training.paper.dataset import Material, load_material, rows_for
from training.paper.figure import loss_figure
from training.paper.fit import RUNS, add_fit_arguments, choose_encoder, make_va_loss, settings_of
from training.paper.generate import check_count, play, write
from training.paper.measure import Figures, Row, measure, table
from training.paper.presets import FitSettings

log = logging.getLogger(__name__)
ROW = "row.json"


def run_row(
    folder: Path, spec: ModelSpec, material: Material, settings: FitSettings, *, va_loss: str, count: int
) -> Row | None:
    """Fit, play and measure a row, or read what was measured before; None where it was stopped.

    Raises SettingsError for a row that was measured with other settings or material, and what `fit` raises.
    """
    path, kind = folder / ROW, va_loss if spec.va_loss else "none"
    encoder = choose_encoder(spec, material)
    if path.is_file():
        if state := read_state(folder):
            check_settings(folder, state, settings.kept_for(spec, kind) | material.kept_for(encoder))
        return read_row(path)
    from training.paper.learning import fit, validation_loss

    loss = make_va_loss(kind, material)
    done = fit(folder, spec, material, settings, image_encoder=encoder, va_loss=loss)
    if done.stopped:
        return None
    model = load(done.best)
    figures: dict[str, Figures] = {}
    for name in ("drawn", "greedy"):
        how = SampleSettings(greedy=name == "greedy", longest=settings.size.longest)
        played = play(model, material, how, count=count)
        write(played, folder / name)
        figures[name] = measure(played)
    history = done.progress.history
    speed = sum(epoch.tokens for epoch in history) / max(1e-9, sum(epoch.seconds for epoch in history))
    test_loss = validation_loss(model, material, encoder, settings, part="test")
    row = Row(
        spec.name, encoder, model.count_params(), len(history), speed, test_loss, figures["drawn"], figures["greedy"]
    )
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(asdict(row), indent=1))
    partial.replace(path)
    return row


def read_row(path: Path) -> Row:
    """A row that was measured before."""
    stored = json.loads(path.read_text())
    drawn, greedy = (Figures(**stored.pop(name)) for name in ("drawn", "greedy"))
    return Row(**stored, drawn=drawn, greedy=greedy)


def history_of(folder: Path) -> list[Epoch]:
    """The epochs of a row's run so far."""
    state = read_state(folder)
    return progress_of(state).history if state else []


def write_report(folder: Path, rows: dict[str, Row], settings: FitSettings, *, tested: int) -> None:
    """The table and the figure of the rows so far; `tested` is the number of pieces of the test loss."""
    size = settings.size
    pieces = f"{settings.pieces or 'all'} pieces of at most {size.longest} tokens"
    rates = f"rate {settings.learning_rate:g}, λ1 {settings.lambda_va:g}"
    kept = "that fit" if settings.whole_pieces_only else "cut to that length"
    note = f"Width {size.width}, {pieces}, {rates}; losses in nats a token on {tested} test pieces {kept}."
    stand_in = [f"{row.model} by {row.image_encoder}" for row in rows.values() if row.image_encoder.startswith("lite")]
    if stand_in:
        note += f" Pictures by a stand-in for the paper's encoder: {', '.join(stand_in)}."
    partial = folder / "table.md.part"
    partial.write_text(f"{table(rows)}\n\n{note}\n")
    partial.replace(folder / "table.md")
    histories = {name: history_of(folder / name) for name in rows}
    loss_figure(histories, folder / "loss", title=f"Loss against epoch ({note.partition(';')[0]})")


def ablate(
    folder: Path, material: Material, settings: FitSettings, *, names: Sequence[str], va_loss: str, count: int
) -> bool:
    """Run the rows of these names one after another, the table and figure anew after each; False when stopped."""
    check_count(count)  # now, not after the first row's fit
    rows: dict[str, Row] = {}
    tested = len(rows_for(material, "test", settings))
    for name in names:
        row = run_row(folder / name, MODELS[name], material, settings, va_loss=va_loss, count=count)
        if row is None:
            log.info("Stopped within %s; give the command again to go on.", name)
            return False
        rows[name] = row
        write_report(folder, rows, settings, tested=tested)
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.paper.ablate", description="All rows of tables 1 and 2.")
    add_fit_arguments(parser)
    parser.add_argument("--rows", nargs="+", choices=tuple(MODELS), default=list(MODELS), help="(default: all)")
    parser.add_argument("--count", type=int, default=100, help="test pictures to play (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="folder (default: runs/paper/PRESET)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when all rows are done, 2 when it could not go on, 130 when it was stopped."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    folder = options.out or RUNS / options.preset
    try:
        material, settings = load_material(options.material), settings_of(options)
        done = ablate(folder, material, settings, names=options.rows, va_loss=options.va_loss, count=options.count)
    except EkphoniaError as error:
        print(error, file=sys.stderr)
        return 2
    print((folder / "table.md").read_text() if done else f"Stopped; give the command again to go on in {folder}.")
    return 0 if done else STOPPED


if __name__ == "__main__":
    sys.exit(main())
