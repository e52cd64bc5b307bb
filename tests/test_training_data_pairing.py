import csv
import dataclasses
from collections import Counter

import numpy as np
import pytest

from pipelines.errors import DataMissingError, SettingsError
from training.data.pairing import (
    PARTS,
    Pair,
    best_pictures,
    describe,
    main,
    make_pairs,
    part_sizes,
    read_csv,
    similarity,
    split,
    write_csv,
)

PIECES = np.array([[5.0, 5.0], [1.0, 1.0], [9.0, 5.0]])
PICTURES = np.array([[8.0, 9.0], [5.0, 5.0], [1.0, 2.0], [2.0, 1.0]])


def test_the_score_is_the_inverse_distance():
    scores = similarity(PIECES, PICTURES)
    assert scores.shape == (3, 4)
    assert scores[0] == pytest.approx([0.2, np.inf, 0.2, 0.2])
    assert scores[2, 1] == pytest.approx(0.25)


def test_the_nearest_is_taken_the_first_of_equals():
    assert best_pictures(PIECES, PICTURES).tolist() == [1, 2, 1]
    assert {int(best_pictures(PIECES, PICTURES, spread_seed=seed)[1]) for seed in range(20)} == {2, 3}
    assert (
        best_pictures(PIECES, PICTURES, spread_seed=5).tolist()
        == best_pictures(PIECES, PICTURES, spread_seed=5).tolist()
    )
    with pytest.raises(SettingsError, match="no picture"):
        best_pictures(PIECES, np.zeros((0, 2)))


def test_the_paper_s_sizes_and_their_proportions():
    assert part_sizes(3000) == (2884, 100, 16)
    assert part_sizes(300) == (288, 10, 2)
    assert part_sizes(3) == (1, 1, 1)
    with pytest.raises(SettingsError, match="2 pairs"):
        part_sizes(2)


def test_the_split_is_exact_and_by_seed():
    pictures = np.zeros(3000, np.int64)
    parts = split(pictures, seed=3)
    assert np.bincount(parts).tolist() == [2884, 100, 16]
    assert np.array_equal(parts, split(pictures, seed=3))
    assert not np.array_equal(parts, split(pictures, seed=4))


@pytest.mark.parametrize("seed", range(5))
def test_the_strict_split_shares_no_picture(seed):
    pictures = np.random.default_rng(seed).zipf(1.5, 3000) % 300
    parts = split(pictures, seed=seed, strict=True)
    seen = [set(pictures[parts == part].tolist()) for part in range(3)]
    assert not (seen[0] & seen[1])
    assert not (seen[0] & seen[2])
    assert not (seen[1] & seen[2])
    assert np.bincount(parts)[1:] == pytest.approx([100, 16], abs=2)
    with pytest.raises(SettingsError, match="use 2 pictures"):
        split(np.array([0, 0, 1, 1]), strict=True)
    assert sorted(split(np.array([4, 5, 6]), strict=True)) == [0, 1, 2]


def test_pairs_are_read_back(tmp_path):
    pairs = [
        Pair("1.mid", "a, b.jpg", "train", 1.5, 2, 3, 4.25, np.inf),
        Pair("2.mid", "c.jpg", "test", 1, 2, 3, 4, 0.1),
    ]
    write_csv(pairs, tmp_path / "runs" / "pairs.csv")
    assert read_csv(tmp_path / "runs" / "pairs.csv") == pairs
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["pairs.csv"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        pairs[0].part = "test"


def test_a_missing_or_strange_table_says_so(tmp_path):
    with pytest.raises(DataMissingError, match="make them with"):
        read_csv(tmp_path / "pairs.csv")
    (tmp_path / "pairs.csv").write_text("piece,picture\na,b\n")
    with pytest.raises(DataMissingError, match="holds no pairs"):
        read_csv(tmp_path / "pairs.csv")
    write_csv([Pair("1.mid", "a.jpg", "trial", 1, 2, 3, 4, 0.1)], tmp_path / "pairs.csv")
    with pytest.raises(DataMissingError, match="'trial' is none of train, test, validation"):
        read_csv(tmp_path / "pairs.csv")
    write_csv([Pair("1.mid", "a.jpg", "train", 1, np.nan, 3, 4, 0.1)], tmp_path / "pairs.csv")
    with pytest.raises(DataMissingError, match=r"a number of 1\.mid is none"):
        read_csv(tmp_path / "pairs.csv")
    (tmp_path / "pairs.csv").write_text(f"piece,picture\n{'a' * (csv.field_size_limit() + 1)},b\n")
    with pytest.raises(DataMissingError, match="holds no pairs"):
        read_csv(tmp_path / "pairs.csv")
    write_csv([], tmp_path / "pairs.csv")
    with pytest.raises(DataMissingError, match="holds 0 pairs"):
        read_csv(tmp_path / "pairs.csv")


def test_a_picture_set_that_is_not_here_ends_with_2(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("EKPHONIA_DATA", str(tmp_path))
    assert main(["--out", str(tmp_path / "pairs.csv")]) == 2
    assert "EKPHONIA_DATA" in capsys.readouterr().err
    assert not (tmp_path / "pairs.csv").exists()


@pytest.mark.parametrize("strict", [False, True])
def test_eimg_with_oasis(strict):
    try:
        pairs = make_pairs("oasis", strict=strict)
    except DataMissingError as error:
        pytest.skip(str(error))
    sizes = Counter(pair.part for pair in pairs)
    assert [sizes[part] for part in PARTS] == pytest.approx([2884, 100, 16], abs=2 * strict)
    first = pairs[0]
    distance = np.hypot(first.piece_valence - first.picture_valence, first.piece_arousal - first.picture_arousal)
    assert first.similarity == pytest.approx(1 / distance)
    shared = {p.picture for p in pairs if p.part == "train"} & {p.picture for p in pairs if p.part == "test"}
    assert bool(shared) is not strict
    assert f"{len({pair.picture for pair in pairs})} different pictures" in describe(pairs)
