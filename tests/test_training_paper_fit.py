"""Fits of the symbolic paper's models on made-up pieces: batches, losses, checkpoints, going on, stopping."""

from __future__ import annotations

import csv
import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.errors import DataMissingError, SettingsError, WeightsError
from pipelines.symbolic.paper_model import MODELS, SampleSettings, Size, load
from training.paper.checkpoint import BEST, STATE, Epoch, Progress, read_state
from training.paper.dataset import (
    PARTS,
    Material,
    batch_rows,
    batches,
    load_material,
    make_batch,
    rows_for,
    save_material,
    steps_per_epoch,
)
from training.paper.fit import choose_encoder, settings_of
from training.paper.presets import PRESETS, FitSettings, preset

NEEDS = "the pip package tensorflow-cpu is not installed"
learning = pytest.importorskip("training.paper.learning", reason=NEEDS, exc_type=ImportError)
objective = pytest.importorskip("training.paper.objective", reason=NEEDS, exc_type=ImportError)
fit, validation_loss = learning.fit, learning.validation_loss
CrossEntropy, Objective, token_losses = objective.CrossEntropy, objective.Objective, objective.token_losses
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
VOCABULARY = ("<pad>", "<start>", "<end>", "120.0@tempo", "C4@1.0", "D4@1.0", "E4@1.0", "G4@0.5", "r@1.0")
TINY = FitSettings(
    learning_rate=1e-2,
    epochs=2,
    table_1_epochs=2,
    batch_pieces=4,
    size=Size(width=16, heads=2, dropout=0.2, longest=24),
)


def make_material(*, pieces: int = 40, seed: int = 0) -> Material:
    """Pieces that repeat a note which their picture tells: something to learn."""
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 4, pieces).astype(np.int32)
    tokens = np.zeros((pieces, 20), np.int32)
    for row, kind in zip(tokens, picture, strict=True):
        notes = int(rng.integers(4, 16))
        row[:2], row[2 : 2 + notes], row[2 + notes] = (1, 3), 4 + kind, 2
    part = np.zeros(pieces, np.int32)
    part[-8:-4], part[-4:] = PARTS.index("test"), PARTS.index("validation")
    features = {"lite0": np.eye(4, 6, dtype=np.float32)}
    va = rng.uniform(1, 9, (pieces, 2)).astype(np.float32)
    names = tuple(f"{i}.mid" for i in range(pieces))
    return Material(VOCABULARY, tokens, va, names, tuple("abcd"), picture, part, features)


def losses(folder: Path) -> list[tuple[float, float]]:
    state = read_state(folder)
    assert state is not None
    return [(row["train"], row["validation"]) for row in state["history"]]


def test_material_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    material = make_material()
    save_material(material, tmp_path / "material.npz")
    back = load_material(tmp_path / "material.npz")
    for name in ("vocabulary", "names", "pictures"):
        assert getattr(back, name) == getattr(material, name)
    for name in ("tokens", "va", "picture", "part"):
        assert np.array_equal(getattr(back, name), getattr(material, name))
        assert getattr(back, name).dtype == getattr(material, name).dtype
    assert np.array_equal(back.features["lite0"], material.features["lite0"])
    (tmp_path / "material.npz").write_bytes(b"half")
    with pytest.raises(DataMissingError, match="no whole material"):
        load_material(tmp_path / "material.npz")
    with pytest.raises(DataMissingError, match=r"training\.paper\.prepare"):
        load_material(tmp_path / "none.npz")


def test_a_batch_holds_each_token_and_the_one_after_it() -> None:
    material = make_material()
    rows = np.array([0, 3])
    inputs, targets = make_batch(material, rows, "lite0", 24)
    for i, row in enumerate(rows):
        length = int(material.lengths[row])
        assert inputs["tokens"][i, : length - 1].tolist() == material.tokens[row, : length - 1].tolist()
        assert targets[i, : length - 1].tolist() == material.tokens[row, 1:length].tolist()
        assert not inputs["tokens"][i, length - 1 :].any()
        assert not targets[i, length - 1 :].any()
    assert np.array_equal(inputs["image"], np.eye(4, 6)[material.picture[rows]])
    assert make_batch(material, rows, "lite0", 3)[1].shape == (2, 3)


def test_an_epoch_has_every_piece_once_in_an_order_of_its_own() -> None:
    lengths = np.random.default_rng(0).integers(5, 200, 103)
    one, again, other = (batch_rows(lengths, 4, np.random.default_rng([0, epoch])) for epoch in (0, 0, 1))
    assert sorted(np.concatenate(one).tolist()) == list(range(103))
    assert [row.tolist() for row in one] == [row.tolist() for row in again]
    assert [row.tolist() for row in one] != [row.tolist() for row in other]
    spread = np.mean([np.ptp(lengths[row]) for row in one])
    assert spread < 0.3 * np.mean([np.ptp(lengths[np.arange(i, i + 4)]) for i in range(99)])


def test_batches_go_on_where_an_epoch_stopped() -> None:
    material = make_material()
    whole = [targets.numpy() for _, targets in batches(material, "train", "lite0", TINY, epoch=3)]
    rest = [targets.numpy() for _, targets in batches(material, "train", "lite0", TINY, epoch=3, skip=5)]
    assert len(whole) == steps_per_epoch(material, TINY) == 8
    assert all(np.array_equal(a, b) for a, b in zip(whole[5:], rest, strict=True))


def test_a_subset_is_of_training_pieces_that_fit() -> None:
    material = make_material()
    few = replace(TINY, pieces=5, size=replace(TINY.size, longest=10), whole_pieces_only=True)
    rows = rows_for(material, "train", few)
    assert len(rows) == 5
    assert material.lengths[rows].max() <= 11
    assert set(rows) <= set(material.rows("train"))
    with pytest.raises(DataMissingError, match="fits in 2 tokens"):
        rows_for(material, "train", replace(few, size=replace(TINY.size, longest=2)))
    with pytest.raises(DataMissingError, match="no vgg16 features"):
        material.image("vgg16", rows)


def test_the_objective_is_the_mean_over_real_tokens_and_the_weighted_va_loss() -> None:
    targets = np.array([[1, 2, 0], [2, 0, 0]], np.int32)
    logits = np.zeros((2, 3, 4), np.float32)
    logits[0, 0, 1] = np.log(5.0)  # probability 5/8 for the right token, else 1/4
    nats = -np.log(5 / 8) - 2 * np.log(1 / 4)
    assert float(Objective()(targets, logits)) == pytest.approx(nats / 3, rel=1e-5)
    with_va = Objective(lambda got, wanted: got[0, 0, 1] + float(wanted.shape[1]), 0.1)
    assert float(with_va(targets, logits)) == pytest.approx(nats / 3 + 0.1 * (np.log(5) + 3), rel=1e-5)
    each, real = token_losses(targets, logits)
    assert np.array(real).tolist() == [[1, 1, 0], [1, 0, 0]]
    assert np.array(each)[1].tolist() == pytest.approx([np.log(4), 0, 0])
    metric = CrossEntropy()
    metric.update_state(targets, logits)
    metric.update_state(targets[1:], logits[1:])
    assert float(metric.result()) == pytest.approx((nats + np.log(4)) / 4, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["LSTM_enc2", "Trans_enc2_dec2", "Causal_enc3"])
def test_each_kind_of_model_learns_the_note_of_its_picture(name: str, tmp_path: Path) -> None:
    from training.paper.generate import play

    material = make_material()
    settings = replace(TINY, epochs=6, table_1_epochs=6, size=replace(TINY.size, dropout=0.0))
    done = fit(tmp_path, MODELS[name], material, settings, image_encoder="lite0")
    history = done.progress.history
    assert [row.epoch for row in history] == [1, 2, 3, 4, 5, 6]
    assert history[0].tokens == int((material.lengths[material.rows("train")] - 1).sum())
    assert history[-1].train < 0.6 * history[0].train
    model = load(tmp_path / BEST)
    assert validation_loss(model, material, "lite0", settings) == pytest.approx(done.progress.best, abs=1e-4)
    played = play(model, material, SampleSettings(greedy=True, longest=20))
    kinds = [VOCABULARY[4 + kind] for kind in material.picture[material.rows("test")]]
    right = [row.count(kind) / len(row) for row, kind in zip(played.tokens, kinds, strict=True)]
    assert np.mean(right) > 0.6


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Causal_enc3", "Trans_enc2_dec2"])
def test_a_run_that_was_killed_goes_on_to_the_same_losses(name: str, tmp_path: Path) -> None:
    material, settings = make_material(), replace(TINY, average_decay=0.9 if name == "Causal_enc3" else 0.0)
    fit(tmp_path / "whole", MODELS[name], material, settings, image_encoder="lite0")
    short = replace(settings, epochs=1, table_1_epochs=1)
    fit(tmp_path / "parts", MODELS[name], material, short, image_encoder="lite0")
    fit(tmp_path / "parts", MODELS[name], material, settings, image_encoder="lite0")
    assert np.allclose(losses(tmp_path / "parts"), losses(tmp_path / "whole"), atol=1e-5)
    assert len(list((tmp_path / "parts").glob("checkpoint-*"))) == 2


@pytest.mark.slow
def test_averaging_leaves_the_weights_in_training_alone(tmp_path: Path) -> None:
    material, spec = make_material(), MODELS["Causal_enc3"]
    own, averaged = (
        fit(tmp_path / str(decay), spec, material, replace(TINY, average_decay=decay), image_encoder="lite0")
        for decay in (0.0, 0.9)
    )
    assert [row.train for row in own.progress.history] == pytest.approx(
        [row.train for row in averaged.progress.history]
    )
    name = "checkpoint-2-0.keras"
    kept = [load(tmp_path / decay / name).get_weights() for decay in ("0.0", "0.9")]
    assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(*kept, strict=True))
    best = load(averaged.best).get_weights()
    assert max(float(np.abs(a - b).max()) for a, b in zip(best, kept[1], strict=True)) > 1e-3


def test_asked_to_stop_within_an_epoch_it_keeps_that_step_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    material = make_material()
    fit(tmp_path / "whole", MODELS["Causal_enc3"], material, TINY, image_encoder="lite0")
    told: list[int] = []
    original = learning._Keeper.on_train_batch_end

    def tell(self: Any, batch: int, logs: Any = None) -> None:
        if batch == 4 and not told:
            told.append(batch)
            os.kill(os.getpid(), signal.SIGTERM)
        original(self, batch, logs)

    monkeypatch.setattr(learning._Keeper, "on_train_batch_end", tell)
    before = signal.getsignal(signal.SIGTERM)
    done = fit(tmp_path / "parts", MODELS["Causal_enc3"], material, TINY, image_encoder="lite0")
    assert done.stopped
    assert signal.getsignal(signal.SIGTERM) is before
    state = read_state(tmp_path / "parts")
    assert state is not None
    assert (state["epoch"], state["step"]) == (0, 5)
    done = fit(tmp_path / "parts", MODELS["Causal_enc3"], material, TINY, image_encoder="lite0")
    assert not done.stopped
    assert np.allclose(losses(tmp_path / "parts"), losses(tmp_path / "whole"), atol=1e-5)


def test_a_folder_of_other_settings_is_refused(tmp_path: Path) -> None:
    material, one = make_material(), replace(TINY, epochs=1)
    fit(tmp_path, MODELS["Causal_enc3"], material, one, image_encoder="lite0")
    with pytest.raises(SettingsError, match=r"learning_rate 0.01, not learning_rate 0.5"):
        fit(tmp_path, MODELS["Causal_enc3"], material, replace(one, learning_rate=0.5), image_encoder="lite0")
    with pytest.raises(SettingsError, match="model Causal_enc3, not model Trans_enc4"):
        fit(tmp_path, MODELS["Trans_enc4"], material, one, image_encoder="lite0")
    with pytest.raises(SettingsError, match=r"has material \w{12}, not material \w{12};"):
        fit(tmp_path, MODELS["Causal_enc3"], make_material(seed=1), one, image_encoder="lite0")


def test_what_a_run_keeps_of_its_material_tells_every_change_of_it() -> None:
    material = make_material()
    others = (
        replace(material, vocabulary=(*VOCABULARY[:-1], "r@2.0")),
        replace(material, part=np.roll(material.part, 1)),
        replace(material, va=material.va + 1),
        replace(material, picture=np.roll(material.picture, 1)),
        material.with_features("lite0", 2 * material.features["lite0"]),
    )
    kept = [other.kept_for("lite0")["material"] for other in (material, *others)]
    assert len(set(kept)) == 6
    assert material.with_features("lite2", material.features["lite0"]).kept_for("lite0")["material"] == kept[0]


def test_a_truncated_checkpoint_is_named(tmp_path: Path) -> None:
    material, one = make_material(), replace(TINY, epochs=1)
    fit(tmp_path, MODELS["Causal_enc3"], material, one, image_encoder="lite0")
    (moments,) = tmp_path.glob("checkpoint-*.npz")
    moments.write_bytes(moments.read_bytes()[:200])
    with pytest.raises(WeightsError, match="is damaged; remove its folder"):
        fit(tmp_path, MODELS["Causal_enc3"], material, replace(one, epochs=2), image_encoder="lite0")


def test_a_run_goes_on_with_its_own_kind_of_va_loss_only(tmp_path: Path) -> None:
    spec, one = MODELS["Trans_enc3_dec3_VA_Loss"], replace(TINY, epochs=1)
    material = make_material(pieces=12)

    def nothing(logits: Any, targets: Any) -> float:
        return 0.0

    def go_on(kind: str | None) -> Any:
        va_loss = kind and objective.VaTerm(kind, nothing)
        return fit(tmp_path, spec, material, one, image_encoder="lite0", va_loss=va_loss)

    assert go_on("as-printed").progress.epoch == 1
    state = read_state(tmp_path)
    assert state is not None
    assert state["settings"]["va_loss"] == "as-printed"
    assert go_on("as-printed").progress.epoch == 1
    for other in ("differentiable", None):
        with pytest.raises(SettingsError, match=f"has va_loss as-printed, not va_loss {other or 'none'};"):
            go_on(other)
    del state["settings"]["va_loss"]  # as runs were kept before
    (tmp_path / STATE).write_text(json.dumps(state))
    with pytest.raises(SettingsError, match="has va_loss unknown, not va_loss differentiable"):
        go_on("differentiable")


def test_the_kind_of_va_loss_matters_to_the_row_that_has_one_only() -> None:
    with_one, without = MODELS["Trans_enc3_dec3_VA_Loss"], MODELS["Trans_enc3_dec3"]
    assert TINY.kept_for(with_one, "as-printed") == {**TINY.to_dict(), "model": with_one.name, "va_loss": "as-printed"}
    assert TINY.kept_for(without, "as-printed") == {**TINY.to_dict(), "model": without.name}


def test_patience_ends_a_fit_that_no_longer_improves() -> None:
    rows = [Epoch(i, 1.0, loss, 1.0, 1) for i, loss in enumerate((3.0, 2.0, 2.5, 2.4), 1)]
    progress = Progress(epoch=4, history=rows)
    assert (progress.best, progress.epochs_since_best()) == (2.0, 2)


@pytest.mark.slow
def test_mixed_precision_learns_and_leaves_the_policy_as_it_was(tmp_path: Path) -> None:
    import keras

    settings = replace(TINY, precision="mixed_bfloat16", epochs=2)
    done = fit(tmp_path, MODELS["Causal_enc3"], make_material(), settings, image_encoder="lite0")
    assert done.progress.history[1].train < done.progress.history[0].train
    assert keras.mixed_precision.dtype_policy().name == "float32"


def test_presets_are_the_papers_and_refuse_what_does_not_exist() -> None:
    paper = PRESETS["paper"]
    assert (paper.learning_rate, paper.epochs, paper.table_1_epochs, paper.lambda_va) == (1e-5, 15, 2, 1e-5)
    assert [paper.epochs_for(MODELS[name]) for name in ("Trans_enc4", "Trans_enc3_dec3")] == [2, 15]
    assert preset("laptop", epochs=1).epochs == 1
    with pytest.raises(SettingsError, match="pocket"):
        preset("pocket")
    with pytest.raises(SettingsError, match="float8"):
        preset("laptop", precision="float8")
    with pytest.raises(SettingsError, match="epochs cannot be 0; choose 1 or more"):
        preset("laptop", epochs=0)
    for name in ("pieces", "patience", "lambda_va"):
        assert getattr(preset("laptop", **{name: 0}), name) == 0
        with pytest.raises(SettingsError, match=f"{name} cannot be -1; choose 0 or more"):
            preset("laptop", **{name: -1})


def test_the_stand_in_encoder_is_taken_where_the_papers_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    material = make_material()
    assert choose_encoder(MODELS["Trans_enc4"], material) == "lite0"
    assert choose_encoder(MODELS["Trans_enc3_dec3_Inception"], material) == "lite2"
    own = material.with_features("vgg16", np.zeros((4, 512), np.float32))
    assert choose_encoder(MODELS["Trans_enc4"], own) == "vgg16"


def test_the_command_fits_and_answers_2_without_material(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from training.paper.fit import _parser, main

    assert main(["LSTM_enc2", "--material", str(tmp_path / "none.npz")]) == 2
    assert "training.paper.prepare" in capsys.readouterr().err
    assert settings_of(_parser().parse_args(["LSTM_enc2", "--epochs", "1", "--pieces", "9"])).table_1_epochs == 1
    save_material(make_material(), tmp_path / "material.npz")
    asked = ["--material", str(tmp_path / "material.npz"), "--run", str(tmp_path / "run"), "--epochs", "1"]
    assert main(["LSTM_enc2", *asked, "--export", str(tmp_path / "shipped.keras")]) == 0
    shipped = load(tmp_path / "shipped.keras")
    assert (tmp_path / "shipped.keras").stat().st_size < 5 * shipped.count_params() + 40_000
    assert (tmp_path / "run" / BEST).is_file()
    assert (tmp_path / "run" / STATE).is_file()


def test_pieces_are_written_with_what_was_wanted(tmp_path: Path) -> None:
    pytest.importorskip("pipelines.symbolic.tokens")
    from training.paper.generate import Played, write

    pieces = (("120.0@tempo", "C4@1.0", "E4@1.0"), ("r@1.0",))
    silent = write(Played(pieces, np.array([[2.0, 3.0], [4.0, 5.0]], np.float32), ("a.jpg", "b.jpg")), tmp_path)
    assert silent == 1
    (tmp_path / "mine.mid").write_bytes(b"")
    assert write(Played(pieces[1:], np.ones((1, 2), np.float32), ("b.jpg",)), tmp_path) == 1
    assert [path.name for path in tmp_path.glob("*.mid")] == ["mine.mid"]  # no piece of the former run
    write(Played(pieces, np.array([[2.0, 3.0], [4.0, 5.0]], np.float32), ("a.jpg", "b.jpg")), tmp_path)
    with (tmp_path / "targets.csv").open() as file:
        assert [row["file"] for row in csv.DictReader(file)] == ["000.mid"]
    assert (tmp_path / "tokens.txt").read_text().splitlines()[1] == "001 r@1.0"
