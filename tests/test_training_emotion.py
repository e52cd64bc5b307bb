from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipelines.emotion import Opinion, reader_from
from pipelines.emotion_features import PARTS_PER_VIEW, SEQUENCE_CHANNELS, SEQUENCE_STEPS, VIEWS, Features
from pipelines.models import load_weights, save_weights
from training.data.oasis import Oasis
from training.emotion import Material, check_styles, main, style_report, tensors_of
from training.emotion_eval import (
    Readings,
    blended,
    calibration_error,
    held_out_opinions,
    make_splits,
    score,
    style_move,
)
from training.emotion_fit import FitSettings, fit_blend, fit_reader, label_numbers, opinion_of, targets
from training.emotion_table import Table, style_of
from training.styles import STYLES

TINY = FitSettings(heads=1, width=8, epochs=6, batch_size=8)
PICTURES = 48


@pytest.fixture(scope="module")
def ratings():
    return np.random.default_rng(1).uniform(1, 9, (PICTURES, 2))


@pytest.fixture(scope="module")
def table(ratings):
    """Features that hold the ratings in their first two channels, and noise."""
    rng = np.random.default_rng(2)
    signal = (ratings - 5) / 2
    parts = []
    for _ in range(len(VIEWS) * PARTS_PER_VIEW):
        part = rng.normal(0, 0.3, (PICTURES, 6))
        part[:, :2] += 2 * signal
        parts.append(part.astype(np.float32))
    classes = np.sqrt(rng.dirichlet(np.ones(1000) / 10, PICTURES)).astype(np.float32)
    sequence = rng.normal(0, 0.3, (PICTURES, 2, SEQUENCE_STEPS, SEQUENCE_CHANNELS))
    sequence[..., :280] += signal[:, None, None, :1]
    sequence[..., 280:] += signal[:, None, None, 1:]
    return Table(tuple(parts), classes, sequence.astype(np.float16), ("plain",) * PICTURES)


@pytest.fixture(scope="module")
def reader(table, ratings):
    rng = np.random.default_rng(3)
    noisy = ratings + rng.normal(0, 0.5, ratings.shape)
    kernel = np.concatenate([noisy, targets(ratings)[:, 2:] * 0.5], axis=1)
    head = np.concatenate([noisy, np.zeros((PICTURES, 2)), np.full((PICTURES, 5), np.log(0.2))], axis=1)
    return fit_reader([table], ratings, fit_blend(Opinion(kernel, head), ratings), settings=TINY)


def test_no_theme_is_in_both_halves_and_every_picture_is_held_out_once():
    themes = [f"theme {i // 3}" for i in range(60)]
    for kind in ("random", "themes"):
        splits = make_splits(themes, kind=kind, seed=0)
        assert len(splits) == 10
        assert sorted(np.concatenate([test for _, test in splits])) == list(range(60))
        shared = [set(np.array(themes)[train]) & set(np.array(themes)[test]) for train, test in splits]
        assert any(shared) == (kind == "random")


def test_held_out_readings_find_a_signal_that_is_there(table, ratings):
    splits = make_splits([str(i) for i in range(PICTURES)], kind="random", seed=0, folds=4)
    (opinion,) = held_out_opinions([table], [table], ratings, splits, settings=TINY)
    found = score(blended(opinion, opinion, ratings, splits), ratings)
    assert found.r_valence > 0.9
    assert found.r_arousal > 0.9
    assert found.mae_valence < 1.0
    assert found.log_loss < found.log_loss_of_shares


def test_held_out_readings_find_no_signal_in_shuffled_ratings(table, ratings):
    shuffled = np.random.default_rng(5).permutation(ratings)
    splits = make_splits([str(i) for i in range(PICTURES)], kind="random", seed=0, folds=4)
    (opinion,) = held_out_opinions([table], [table], shuffled, splits, settings=TINY)
    found = score(blended(opinion, opinion, shuffled, splits), shuffled)
    assert abs(found.r_valence) < 0.45
    assert found.accuracy < 0.6


def test_a_fitted_reader_reads_back_from_its_file(reader, table, tmp_path):
    path = tmp_path / "emotion.safetensors"
    save_weights(path, *tensors_of(reader))
    back = reader_from(*load_weights(path))
    features = Features(tuple(part[7] for part in table.parts), table.classes[7], table.sequence[7].astype(np.float32))
    before, after = reader.read(features), back.read(features)
    assert after.valence == pytest.approx(before.valence, abs=0.01)
    assert after.arousal == pytest.approx(before.arousal, abs=0.01)
    assert after.probabilities == pytest.approx(before.probabilities, abs=0.01)
    assert back.heads[0].config == reader.heads[0].config


def test_the_kernel_reads_one_picture_as_it_reads_many(reader, table, ratings):
    rows = np.arange(PICTURES)
    many = opinion_of(reader.kernel, reader.heads, table, rows).kernel
    one = opinion_of(reader.kernel, reader.heads, table, rows[9:10]).kernel
    np.testing.assert_allclose(one[0], many[9], atol=1e-4)
    assert np.corrcoef(many[:, 0], ratings[:, 0])[0, 1] > 0.95


def test_the_blend_leans_on_the_better_reader_and_knows_its_error(ratings):
    rng = np.random.default_rng(4)
    kernel = np.concatenate([ratings + rng.normal(0, 0.2, ratings.shape), np.zeros((PICTURES, 5))], axis=1)
    head = np.concatenate([rng.normal(5, 2, (PICTURES, 2)), np.zeros((PICTURES, 7))], axis=1)
    blend = fit_blend(Opinion(kernel, head), ratings)
    assert blend.va[0, 1] == pytest.approx(1, abs=0.1)
    assert blend.va[0, 2] == pytest.approx(0, abs=0.1)
    assert np.exp(0.5 * blend.spread[:, 0]) == pytest.approx([0.2, 0.2], abs=0.06)
    assert (blend.labels >= 0).all()


def test_calibration_error_of_known_cases():
    labels = np.array([0, 0, 0, 1])
    three_quarters = np.tile([0.75, 0.25, 0, 0, 0], (4, 1))
    assert calibration_error(three_quarters, labels) == pytest.approx(0)
    assert calibration_error(np.tile([1.0, 0, 0, 0, 0], (4, 1)), labels) == pytest.approx(0.25)


def test_label_numbers_follow_the_circumplex():
    va = np.array([[8, 5.5], [2, 8], [2, 3], [6, 8.5], [5, 5]])
    assert label_numbers(va).tolist() == [0, 1, 2, 3, 4]


def test_a_style_that_changes_nothing_moves_nothing(ratings):
    readings = Readings(ratings, np.ones_like(ratings), np.eye(5)[label_numbers(ratings)])
    move = style_move("grey", np.ones(PICTURES, bool), readings, readings, ratings)
    assert (move.valence, move.arousal, move.flips, move.sure_flips) == (0, 0, 0, 0)
    assert move.r_valence == pytest.approx(1)
    assert "| grey | yes | 0.00 | 0.00 | 1.00, 1.00 | 0% | 0% |" in style_report([move])


def test_the_check_compares_each_style_with_the_plain_pictures(table, ratings):
    data = Oasis((Path("a.jpg"),) * PICTURES, tuple(map(str, range(PICTURES))), ("Object",) * PICTURES, ratings)
    styles = tuple(list(STYLES)[i // 3 % 8] if i % 3 == 0 else "" for i in range(PICTURES))
    moves = check_styles(Material(data, (table,)), replace(table, styles=styles), settings=replace(TINY, epochs=1))
    assert [move.style for move in moves] == [*STYLES, "all of them"]
    assert [move.pictures for move in moves] == [2] * 8 + [16]
    assert all(move.valence == move.flips == 0 for move in moves)


def test_sets_of_styles_take_turns():
    assert {style_of("plain", i) for i in range(9)} == {"plain"}
    assert {style_of("trained-0", i) for i in range(5)} == {"grey", "hue", "saturation", "tone", "canvas"}
    worn = [style_of("check", i) for i in range(24)]
    assert worn.count("") == 16
    assert len(set(worn)) == 9


def test_missing_data_is_said_and_exits_with_2(tmp_path, capsys):
    assert main(["--data", str(tmp_path), "--cache", str(tmp_path), "--dry-run"]) == 2
    assert "ratings.csv" in capsys.readouterr().err


def test_the_same_seed_trains_the_same_head(table, ratings):
    from training.emotion_fit import fit_heads

    chosen = np.arange(24)
    first, second = (fit_heads([table], chosen, ratings, settings=TINY)[0] for _ in range(2))
    assert torch.equal(first.connect.weight, second.connect.weight)
