"""The material of pairs: made once for the same pairs, anew for others, with features only where they lack."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import DataMissingError
from pipelines.records import Note, Score, TempoMark
from training.data.pairing import Pair
from training.paper import prepare as module
from training.paper.dataset import load_material
from training.paper.prepare import pad, prepare


class Clip:
    """A clip of one note, in the place of EIMG's."""

    def __init__(self, number: int) -> None:
        self.path, self.pitch = Path(f"{number}.mid"), 60 + number

    def score(self) -> Score:
        return Score((Note(0.0, self.pitch, 1.0, 80),), (TempoMark(0.0, 90.0),))


def pairs() -> list[Pair]:
    parts = ("train", "train", "test", "validation")
    return [Pair(f"{i}.mid", f"{'ab'[i % 2]}.jpg", part, 1.0 + i, 9.0 - i, 2, 2, 1) for i, part in enumerate(parts)]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    looked: list[tuple[str, ...]] = []

    def look(names: tuple[str, ...], images: str, encoder: str) -> np.ndarray:
        looked.append((encoder, *names))
        return np.ones((len(names), 3), np.float32)

    monkeypatch.setattr(module, "load_clips", lambda: [Clip(i) for i in range(4)])
    monkeypatch.setattr(module, "_look", look)
    return looked


def test_material_holds_what_the_pairs_say(tmp_path: Path) -> None:
    material = prepare(pairs(), tmp_path / "material.npz", images="oasis", encoders=["lite0"])
    assert [len(material.rows(part)) for part in ("train", "test", "validation")] == [2, 1, 1]
    assert [material.pictures[i] for i in material.picture] == ["a.jpg", "b.jpg", "a.jpg", "b.jpg"]
    assert material.va.tolist() == [[1, 9], [2, 8], [3, 7], [4, 6]]
    names = [[material.vocabulary[i] for i in row if i] for row in material.tokens]
    assert names[0][:4] == ["<start>", "90.0@tempo", "4/4@time", "C4@1.0"]
    assert "D4@1.0" not in material.vocabulary  # of the test piece alone: it goes to the nearest of the training part
    assert names[2][3] in ("C4@1.0", "C#4@1.0")


def test_the_same_pairs_only_get_what_they_lack_and_other_pairs_all(
    tmp_path: Path, small: list[tuple[str, ...]]
) -> None:
    path = tmp_path / "material.npz"
    prepare(pairs(), path, images="oasis", encoders=["lite0"])
    prepare(pairs(), path, images="oasis", encoders=["lite0", "lite2"])
    assert small == [("lite0", "a.jpg", "b.jpg"), ("lite2", "a.jpg", "b.jpg")]
    assert list(load_material(path).features) == ["lite0", "lite2"]
    first = pairs()[0]
    for other, looked in ((replace(first, part="test"), []), (replace(first, picture="c.jpg"), ["lite0"])):
        small.clear()
        material = prepare([other, *pairs()[1:]], path, images="oasis", encoders=["lite0"])
        assert [name for name, *_ in small] == looked  # the features of the same pictures stay
        assert material.part[0] == ("train", "test").index(other.part)
        assert material.pictures[material.picture[0]] == other.picture


def test_other_ratings_and_another_size_of_vocabulary_make_it_anew(tmp_path: Path) -> None:
    path = tmp_path / "material.npz"
    whole = prepare(pairs(), path, images="oasis", encoders=[])
    rated = [replace(pairs()[0], piece_valence=7.5), *pairs()[1:]]
    assert prepare(rated, path, images="oasis", encoders=[]).va[0].tolist() == [7.5, 9.0]
    less = len(whole.vocabulary) - 2  # without padding and the rarest token
    assert len(prepare(rated, path, images="oasis", encoders=[], size=less).vocabulary) == less + 1
    assert prepare(rated, path, images="oasis", encoders=[]).vocabulary == whole.vocabulary


def test_the_same_pairs_are_not_tokenised_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(prepare(pairs(), tmp_path / "m.npz", images="oasis", encoders=[]).vocabulary) - 1
    monkeypatch.setattr(module, "load_clips", lambda: pytest.fail("the clips were read again"))
    prepare(pairs(), tmp_path / "m.npz", images="oasis", encoders=["lite0"], size=size)


def test_a_damaged_material_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "material.npz"
    path.write_bytes(b"PK\x03\x04 the beginning of an archive")
    with pytest.raises(DataMissingError, match="no whole material"):
        load_material(path)
    assert len(prepare(pairs(), path, images="oasis", encoders=["lite0"]).names) == 4
    assert list(load_material(path).features) == ["lite0"]


def test_a_piece_that_is_missing_and_a_picture_that_is_damaged_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataMissingError, match=r"lacks 1 pieces of the pairs, such as 9\.mid"):
        prepare([replace(pairs()[0], piece="9.mid")], tmp_path / "m.npz", images="oasis", encoders=[])
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(DataMissingError, match=r"a\.jpg cannot be read"):
        module._read(tmp_path / "a.jpg")


def test_rows_are_padded_behind() -> None:
    assert pad([np.array([1, 2], np.int32), np.array([3], np.int32)]).tolist() == [[1, 2], [3, 0]]
