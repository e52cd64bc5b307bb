from pathlib import Path

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="the pip package tensorflow-cpu is not installed")

from pipelines.symbolic.tokens import Vocabulary  # noqa: E402 (tensorflow first)
from training.paper import va_bench, va_loss_bench, va_predictor  # noqa: E402
from training.paper.objective import Objective  # noqa: E402
from training.paper.va_bench import Bench, BenchSettings, like_a_model  # noqa: E402
from training.paper.va_loss import as_printed, differentiable  # noqa: E402
from training.paper.va_loss_free import free_logits  # noqa: E402
from training.paper.va_loss_small import REACH, SmallSettings, distance, new_model, no_loss, sample, train  # noqa: E402
from training.paper.va_models import MidiPredictor, TokenPredictor  # noqa: E402
from training.paper.va_predictor import midi_feature_names  # noqa: E402

WORDS = ("<start>", "<end>", "90.0@tempo", "4/4@time", "r@0.5", "0.4.7@1.0", "C5@1.0", "E4@0.25", "G3@2.0")
SETTINGS = BenchSettings(pairs=4, free_pieces=4, free_steps=3, free_lambdas=(1.0,))


@pytest.fixture(scope="module")
def bench():
    vocabulary = Vocabulary(WORDS)
    rng = np.random.default_rng(0)
    ids = np.concatenate([np.tile([1, 3, 4], (12, 1)), rng.integers(5, vocabulary.size, (12, 17))], axis=1)
    wanted = rng.uniform(1, 9, (12, 2)).astype(np.float32)
    midi, token = MidiPredictor(len(midi_feature_names())), TokenPredictor(vocabulary.tokens)
    rows = np.arange(12)
    return Bench(vocabulary, midi, token, ids.astype(np.int32), wanted, rows[:4], rows[4:8], rows[8:])


def test_only_our_losses_have_a_gradient(bench):
    rows = va_loss_bench.gradients(bench, SETTINGS)
    assert [row[0] for row in rows] == ["(a) as printed", "(b) softmax", "(b) Gumbel, straight-through"]
    assert rows[0][2] == "none"
    assert all(float(row[2]) > 0 for row in rows[1:])


def test_free_logits_under_the_printed_loss_go_where_cross_entropy_alone_goes(bench):
    rows = {row[0]: row[2:] for row in free_logits(bench, SETTINGS)}
    assert rows["(a) as printed"] == rows["cross-entropy alone"]
    assert float(rows["cross-entropy alone"][0]) < float(rows["start"][0])


def test_the_printed_loss_trains_to_the_very_weights_of_cross_entropy_alone(bench):
    settings = SmallSettings(width=8, batch_pieces=4)
    models = []
    for va in (no_loss, as_printed(bench.vocabulary, bench.midi), differentiable(bench.token)):
        model = new_model(bench.vocabulary.size, settings)
        train(model, bench.ids, bench.wanted, settings, epochs=1, objective=Objective(va, 10.0))
        models.append(np.concatenate([w.ravel() for w in model.get_weights()]))
    assert np.array_equal(models[0], models[1])
    assert not np.allclose(models[0], models[2])


def test_drawn_pieces_begin_with_start_and_end_once(bench):
    model = new_model(bench.vocabulary.size, SmallSettings(width=8))
    ids = sample(model, bench.vocabulary, bench.wanted, positions=REACH + 20, seed=3)
    assert ids.shape == (12, REACH + 20)
    assert (ids[:, 0] == 1).all()
    for row in ids:
        ended = np.flatnonzero(row == 2)
        assert len(ended) <= 1
        assert (row[ended[0] + 1 :] == 0).all() if len(ended) else (row != 0).all()
    assert np.array_equal(ids, sample(model, bench.vocabulary, bench.wanted, positions=REACH + 20, seed=3))


def test_logits_like_a_models_are_mostly_right():
    ids = np.random.default_rng(0).integers(0, 50, (4, 100))
    assert (like_a_model(ids, 50).numpy().argmax(axis=2) == ids).mean() > 0.95


def test_distance_is_euclidean_and_the_table_is_markdown():
    assert distance(np.array([[1.0, 1.0], [5.0, 5.0]]), np.array([[4.0, 5.0], [5.0, 5.0]])) == pytest.approx(2.5)
    assert va_loss_bench.markdown(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_the_vocabulary_is_the_most_frequent_tokens_of_the_fitted_pieces(bench, monkeypatch):
    fitted, held = va_predictor.split(20)
    sequences = [list(WORDS[:8])] * 20
    sequences[fitted[0]] = [*WORDS[:8], "E4@0.5"]
    for row in held:
        sequences[row] = [*WORDS[:4], *["G3@2.0"] * 100]  # the most frequent of all, in no piece that was fitted
    monkeypatch.setattr(va_bench, "load_sequences", lambda folder: (sequences, np.ones((20, 2), np.float32)))
    monkeypatch.setattr(va_bench, "load_midi_predictor", lambda folder: bench.midi)
    monkeypatch.setattr(va_bench, "load_token_predictor", lambda folder: bench.token)
    found = va_bench.load_bench(Path(), BenchSettings(vocabulary=8))
    assert set(found.vocabulary.tokens) == {"<pad>", *WORDS[:8]}
    assert found.fitted.tolist() == fitted.tolist()
    assert [*found.test, *found.validation] == held.tolist()


def test_missing_predictors_end_in_a_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("training.paper.va_bench.load_sequences", lambda folder: ([list(WORDS)] * 20, np.ones((20, 2))))
    assert va_loss_bench.main(["--predictors", str(tmp_path), "--parts", "gradient"]) == 2
    assert "python -m training.paper.va_predictor" in capsys.readouterr().err


def test_music21_writes_and_reads_what_the_tokens_say(tmp_path):
    pytest.importorskip("music21", reason="the pip package music21 is not installed")
    from training.paper.va_loss_speed import write_and_read_by_music21

    score = write_and_read_by_music21(["<start>", "90.0@tempo", "4/4@time", "C5@1.0", "E4@0.25", "<end>"], tmp_path)
    assert [(n.pitch, n.duration_beats) for n in score.notes] == [(72, 1.0), (64, 0.25)]
    assert score.tempo_bpm == pytest.approx(90, abs=0.01)
