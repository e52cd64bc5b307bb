"""Figures on what is played, the table and figure of all rows, the race of the two ways to train."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import SettingsError
from pipelines.hearing import hear_points
from pipelines.symbolic.paper_model import MODELS, Size
from training.metrics.symbolic import EIMG_MEANS, music_quality_loss, pitch_entropy, score_ticks
from training.paper.checkpoint import STATE, Epoch
from training.paper.figure import loss_figure
from training.paper.generate import Played
from training.paper.measure import PRINTED, Row, correlation, measure
from training.paper.presets import FitSettings

NEEDS = "the pip package tensorflow-cpu is not installed"
SCALE = ("120.0@tempo", "4/4@time", "C4@1.0", "D4@1.0", "E4@1.0", "F4@1.0")
CHORD = ("60.0@tempo", "4/4@time", "0.4.7@2.0", "0.4.7@2.0")


def played(*pieces: tuple[str, ...]) -> Played:
    wanted = np.array([(2.0 + i, 8.0 - i) for i in range(len(pieces))], np.float32)
    return Played(pieces, wanted, tuple(f"{i}.jpg" for i in range(len(pieces))))


def test_figures_are_those_of_the_pieces() -> None:
    pieces = played(SCALE, CHORD, SCALE, ("r@1.0",))
    figures = measure(pieces)
    ticks = [score_ticks(score) for score in pieces.scores()[:3]]
    assert figures.pitch_entropy == pytest.approx(sum(map(pitch_entropy, ticks)) / 4)
    assert pitch_entropy(ticks[0]) == pytest.approx(2.0)
    assert figures.polyphony_rate == pytest.approx(1 / 4)  # the chord all the time, the others never
    assert (figures.different, figures.silent, figures.pieces) == (3, 1, 4)
    heard = hear_points(pieces.scores()[:3])
    apart = np.hypot(*(heard - pieces.wanted[:3]).T).mean()
    assert figures.distance == pytest.approx(apart, rel=1e-5)
    assert figures.valence_r == pytest.approx(np.corrcoef(heard[:, 0], pieces.wanted[:3, 0])[0, 1])


def test_pieces_without_a_note_have_no_feeling_and_the_greatest_loss() -> None:
    figures = measure(played(("r@1.0",), ()))
    assert (figures.polyphony_rate, figures.pitch_entropy, figures.silent) == (0.0, 0.0, 2)
    assert figures.quality_loss == pytest.approx(3.0)
    assert math.isnan(figures.distance)
    assert math.isnan(figures.valence_r)


def test_a_correlation_is_none_where_nothing_varies() -> None:
    rising = np.arange(5.0)
    assert correlation(rising, 2 * rising + 1) == pytest.approx(1.0)
    assert math.isnan(correlation(rising, np.ones(5)))
    assert math.isnan(correlation(rising[:2], rising[:2]))


def test_the_printed_loss_is_the_sum_of_the_printed_distances() -> None:
    for name in ("Trans_enc3_dec3_VGG", "Trans_enc2_dec2", "Trans_enc3_dec3"):
        loss, *means = PRINTED[name]
        assert music_quality_loss(type(EIMG_MEANS)(*means)) == pytest.approx(loss, abs=0.011)


def test_the_figure_is_drawn_as_png_and_svg(tmp_path: Path) -> None:
    from PIL import Image

    history = [Epoch(i, 5.0 - i, 5.5 - i, 1.0, 10) for i in range(1, 4)]
    png, svg = loss_figure({"LSTM_enc2": history, "Causal_enc3": history}, tmp_path / "loss", title="Losses")
    with Image.open(png) as image:
        assert image.size == (1350, 750)
    assert "<svg" in svg.read_text()


def test_all_rows_end_in_a_table_and_done_rows_are_passed_over(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow", reason=NEEDS)
    from test_training_paper_fit import make_material

    from training.paper.ablate import ROW, ablate, read_row

    settings = FitSettings(
        learning_rate=1e-2, epochs=1, table_1_epochs=1, size=Size(width=8, heads=2, dropout=0.0, longest=16)
    )
    names, material = ["LSTM_enc2", "Causal_enc3"], make_material()
    assert ablate(tmp_path, material, settings, names=names, va_loss="none", count=3)
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:7]] == ["LSTM_enc2"] * 3 + ["Causal_enc3"] * 2
    assert "| printed | 1.9157 | 0.0317 | 0.1204 | 0.9978 |" in lines[2]
    assert len({line.count("|") for line in lines[:7]}) == 1
    assert "on 4 test pieces" in lines[-1]
    assert "stand-in" in lines[-1]
    row = read_row(tmp_path / "Causal_enc3" / ROW)
    assert (row.image_encoder, row.epochs, row.drawn.pieces) == ("lite0", 1, 3)
    before = (tmp_path / "Causal_enc3" / "best.keras").stat().st_mtime_ns
    assert ablate(tmp_path, material, settings, names=names, va_loss="none", count=3)
    assert (tmp_path / "Causal_enc3" / "best.keras").stat().st_mtime_ns == before
    with pytest.raises(SettingsError, match=r"learning_rate 0.01, not learning_rate 0.02"):
        ablate(tmp_path, material, replace(settings, learning_rate=2e-2), names=names, va_loss="none", count=3)


def test_a_measured_row_is_not_taken_for_one_of_another_va_loss(tmp_path: Path) -> None:
    from test_training_paper_fit import make_material

    from training.paper.ablate import ROW, read_row, run_row

    spec, settings, material = MODELS["Trans_enc3_dec3_VA_Loss"], FitSettings(), make_material()
    figures = measure(played(SCALE))
    row = Row(spec.name, "lite0", 1, 1, 1.0, 1.0, figures, figures)
    (tmp_path / ROW).write_text(json.dumps(asdict(row)))
    state = {"settings": settings.kept_for(spec, "differentiable") | material.kept_for("lite0")}
    (tmp_path / STATE).write_text(json.dumps(state))
    found = run_row(tmp_path, spec, material, settings, va_loss="differentiable", count=1)
    assert repr(found) == repr(read_row(tmp_path / ROW))
    with pytest.raises(SettingsError, match="has va_loss differentiable, not va_loss as-printed"):
        run_row(tmp_path, spec, material, settings, va_loss="as-printed", count=1)
    with pytest.raises(SettingsError, match="has material"):
        run_row(tmp_path, spec, make_material(seed=1), settings, va_loss="differentiable", count=1)


def test_no_piece_to_play_is_refused_before_anything_is_fitted(tmp_path: Path) -> None:
    from test_training_paper_fit import make_material

    from training.paper.ablate import ablate

    with pytest.raises(SettingsError, match="0 pieces cannot be played"):
        ablate(tmp_path, make_material(), FitSettings(), names=["LSTM_enc2"], va_loss="none", count=0)
    assert not list(tmp_path.iterdir())


def test_the_race_is_run_at_a_rate_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tensorflow", reason=NEEDS)
    from test_training_paper_fit import TINY, make_material

    from training.paper import bench, learning

    def asked(settings: FitSettings, *, steps: int) -> None:
        raise SettingsError(f"decay {settings.decay}")

    monkeypatch.setattr(learning, "make_optimizer", asked)
    with pytest.raises(SettingsError, match="decay False"):
        bench.race(MODELS["Causal_enc3"], make_material(), "lite0", replace(TINY, decay=True), seconds=0.1)


@pytest.mark.slow
def test_the_race_counts_what_was_learnt_from_and_names_how_many_times() -> None:
    pytest.importorskip("tensorflow", reason=NEEDS)
    from test_training_paper_fit import TINY, make_material

    from training.paper.bench import race, report

    material = make_material()
    speeds = [
        race(MODELS[name], material, "lite0", replace(TINY, batch_pieces=2), seconds=0.5)
        for name in ("Trans_enc2_dec2", "Causal_enc3")
    ]
    for speed in speeds:
        assert speed.seconds >= 0.5
        assert speed.tokens >= 10
        assert 0 < speed.test_loss < 10
    assert f"{speeds[1].tokens_per_s / speeds[0].tokens_per_s:.0f} times" in report(speeds)
