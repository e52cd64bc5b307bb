import numpy as np
import pytest
from PIL import Image

from training.emotion_eval import calibration_error
from training.emotion_report import (
    confusion_of,
    f1_of,
    fit_temperature,
    log_loss,
    reliability,
    report_text,
    score_labels,
    softmax,
    write_figure,
)

LABELS = np.array([0, 0, 0, 1, 1, 2, 3, 4])
SAID = np.array([0, 0, 1, 1, 1, 2, 4, 4])


def test_confusion_and_f1_of_known_cases():
    confusion = confusion_of(SAID, LABELS)
    assert confusion.tolist() == [[2, 1, 0, 0, 0], [0, 2, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 1]]
    assert f1_of(confusion) == pytest.approx([4 / 5, 4 / 5, 1, 0, 2 / 3])
    assert np.isnan(f1_of(np.diag([1, 1, 1, 1, 0])))[4]


def test_scores_of_known_cases():
    scores = score_labels(np.eye(5)[SAID], LABELS)
    assert scores.accuracy == 0.75
    assert scores.macro_f1 == pytest.approx((0.8 + 0.8 + 1 + 0 + 2 / 3) / 5)
    assert scores.calibration_error == pytest.approx(0.25)  # always sure, right in three of four
    low, high = scores.accuracy_interval
    assert 0.3 < low < 0.75 < high <= 1
    perfect = score_labels(np.eye(5)[LABELS], LABELS)
    assert (perfect.accuracy, perfect.macro_f1, perfect.accuracy_interval) == (1, 1, (1, 1))
    assert perfect.log_loss == pytest.approx(0)


def test_log_loss_of_chance_is_log_5():
    assert log_loss(np.full((8, 5), 0.2), LABELS) == pytest.approx(np.log(5))


def test_the_temperature_that_was_used_is_found_again():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20_000, 5))
    labels = (softmax(logits).cumsum(axis=1) > rng.random((20_000, 1))).argmax(axis=1)
    assert fit_temperature(3.0 * logits, labels) == pytest.approx(3.0, rel=0.05)
    assert calibration_error(softmax(3.0 * logits), labels) > 0.1
    assert calibration_error(softmax(3.0 * logits, 3.0), labels) < 0.02


def test_reliability_of_known_cases():
    probabilities = np.array([[0.9, 0.1, 0, 0, 0], [0.9, 0.1, 0, 0, 0], [0.4, 0.3, 0.3, 0, 0]])
    sure, right, count = reliability(probabilities, np.array([0, 1, 0]))
    assert sure == pytest.approx([0.4, 0.9])
    assert right == pytest.approx([1.0, 0.5])
    assert count.tolist() == [1, 2]


def test_report_and_figure(tmp_path):
    scores = score_labels(np.eye(5)[SAID] * 0.8 + 0.04, LABELS)
    text = report_text(scores, scores, temperature=1.5, title="Tried", shares=np.array([0.5, 0.2, 0.1, 0.1, 0.1]))
    assert "| accuracy | 0.750 (" in text
    assert "| 0.375 always Happy |" in text
    assert "| Happy | 2 | 1 | 0 | 0 | 0 | 3 | 0.80 |" in text
    write_figure(tmp_path / "report.png", scores, scores, title="Tried")
    with Image.open(tmp_path / "report.png") as figure:
        assert figure.size == (1100, 506)
