import numpy as np
import pytest

from pipelines.waveform.caption_concepts import NAMES, PATTERNS
from pipelines.waveform.caption_things import Knowledge
from training.caption import (
    NEVER,
    CaptionSettings,
    Count,
    count,
    fit,
    fit_nothing,
    fit_pattern,
    main,
    threshold,
    truth_of,
)
from training.caption_blank import KINDS, SIDES_PX, blank
from training.caption_truth import SHOWN, shows


def test_a_picture_s_own_word_goes_before_its_theme_s():
    assert shows("couple_5", "person") is False
    assert shows("couple_6", "person") is True
    assert shows("beach_3", "person") is None
    assert shows("beach_1", "person") is False
    assert shows("dog_27", "dog") is True
    assert shows("wolf_1", "dog") is None
    assert shows("dog_27", "fox") is False


def test_the_truth_is_a_table():
    truth = truth_of(["dog_27", "beach_3"])
    assert truth.shape == (2, len(NAMES))
    assert truth[0, NAMES.index("dog")] == 1
    assert np.isnan(truth[1, NAMES.index("person")])


def test_what_is_written_down_can_be_named():
    said_only = set(SHOWN) - set(NAMES)
    assert said_only == {"uniform", "roof", "timber"}


def test_a_threshold_lies_above_the_pictures_that_do_not_show_it():
    scores = np.array([[0.9, 0.8, 0.5, 0.1], [0.9, 0.8, 0.6, 0.1]])
    truth = np.array([1.0, 1.0, 0.0, 0.0])
    assert threshold(scores, truth, 0.3, 0.0, 0.0) == pytest.approx(0.6)
    assert threshold(scores, truth, 0.3, 0.0, 0.5) == pytest.approx(0.7121, abs=1e-3)
    assert threshold(scores, truth, 0.3, 0.5, 0.0) == pytest.approx(0.3)
    assert threshold(scores, np.array([1.0, 1.0, np.nan, 0.0]), 0.3, 0.0, 0.0) == pytest.approx(0.3)


def test_a_pattern_is_learnt_and_without_examples_never_told():
    rng = np.random.default_rng(0)
    truth = (np.arange(60) % 2).astype(float)
    rows = rng.normal(size=(60, 1000))
    rows[:, 7] += 6 * truth
    weight, bias = fit_pattern([rows], truth, CaptionSettings())
    told = rows @ weight + bias > 0
    assert (told == truth.astype(bool)).mean() > 0.95
    assert fit_pattern([rows], np.zeros(60), CaptionSettings())[1] == NEVER


def test_fitting_gives_knowledge_that_names_a_class_it_is_shown():
    rng = np.random.default_rng(0)
    names = [f"{theme}_12" for theme in ("dog", "cat", "paper", "wall") for _ in range(10)]
    logits = rng.normal(size=(len(names), 3, 1000))
    for row, name in zip(logits, names, strict=True):
        row[:, {"dog": 160, "cat": 281, "paper": 549, "wall": 825}[name.split("_")[0]]] += 9
    truth = truth_of(names)
    empty = rng.normal(size=(20, 3, 1000))
    empty[:, :, [160, 815]] += 9
    knowledge = fit([logits], truth, CaptionSettings(), empty)
    assert knowledge.weight.shape == (len(PATTERNS), 1000)
    total = count(knowledge, logits, truth)
    assert (total.right, total.wrong, total.named, total.pictures) == (20, 0, 20, 40)
    assert [knowledge.seen(row) for row in empty] == [[]] * 20


def test_pictures_that_show_nothing_are_told_from_the_others():
    rng = np.random.default_rng(0)
    some, empty = rng.normal(size=(40, 1000)), rng.normal(size=(20, 1000))
    empty[:, 5] += 6
    weight, bias = fit_nothing([some], empty, CaptionSettings())
    assert (empty @ weight + bias > 0).mean() > 0.9
    assert (some @ weight + bias > 0).mean() < 0.1


def test_pictures_that_show_nothing_differ_by_seed_and_repeat():
    for kind in KINDS:
        first, again, other = blank(kind, 3), blank(kind, 3), blank(kind, 4)
        assert first.dtype == np.uint8
        assert first.shape[:2] in SIDES_PX
        assert first.shape[2] == 3
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)


def test_counts_add_up_and_read_as_shares():
    total = Count(9, 1, 3, 1, 8, 10, 10) + Count(0, 0, 0, 0, 0, 0, 10)
    assert total == Count(9, 1, 3, 1, 8, 10, 20)
    assert str(total) == (
        "sure claims right 0.900 of 10, guesses right 0.750 of 4; something named in 0.40 of pictures, "
        "named or guessed in 0.50"
    )


def test_open_questions_do_not_count():
    never, sure, perhaps = np.full(len(PATTERNS), NEVER), np.full(len(NAMES), 0.5), np.full(len(NAMES), 0.3)
    knowledge = Knowledge(np.zeros((len(PATTERNS), 1000)), never, sure, perhaps, np.zeros(1001))
    logits = np.zeros((1, 3, 1000))
    logits[..., 160] = 20
    truth = np.zeros((1, len(NAMES)))
    assert count(knowledge, logits, truth) == Count(0, 1, 0, 0, 1, 1, 1)
    truth[0, NAMES.index("dog")] = np.nan
    assert count(knowledge, logits, truth) == Count(0, 0, 0, 0, 1, 1, 1)


def test_missing_data_is_said(tmp_path, capsys):
    assert main(["--data", str(tmp_path), "--dry-run"]) == 2
    assert "OASIS has no table" in capsys.readouterr().err
