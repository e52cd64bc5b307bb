import csv

import pytest
from PIL import Image

from pipelines.errors import DataMissingError, SettingsError
from training.data.emid import load_emid
from training.data.mikels import EMOTIONS, NORMS, mikels_va

COLUMNS = ["Audio_Filename", *(f"Image{i}_{kind}" for i in (1, 2, 3) for kind in ("filename", "tag", "text"))]
ROWS = [
    ["a.mp3", "x.jpg", "Excitement", "", "y.jpg", "sadness", "", "", "", ""],
    ["b.mp3", "y.jpg", "awe", "", "z.jpg", " fear ", "", "x.jpg", "excitement", ""],
]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    write(tmp_path, [COLUMNS, *ROWS])
    for name in "xyz":
        Image.new("RGB", (20, 20)).save(tmp_path / "images" / f"{name}.jpg")
    return tmp_path


def write(folder, rows):
    with (folder / "EMID_data.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def test_pictures_count_once_with_their_first_tag(folder):
    data = load_emid(folder)
    assert len(data) == 3
    assert [path.name for path in data.paths] == ["x.jpg", "y.jpg", "z.jpg"]
    assert data.emotions == ("excitement", "sadness", "fear")
    assert data.va[0] == pytest.approx([9, 9])
    assert data.va[1] == pytest.approx([1, 1])
    assert data.va[2] == pytest.approx([1 + 8 * (2.93 - 2.40) / (7.62 - 2.40), 1 + 8 * (6.14 - 2.81) / (6.21 - 2.81)])


def test_what_is_missing_is_named(folder):
    (folder / "images" / "z.jpg").unlink()
    with pytest.raises(DataMissingError, match=r"lacks 1 pictures, such as z\.jpg"):
        load_emid(folder)
    (folder / "EMID_data.csv").unlink()
    with pytest.raises(DataMissingError, match=r"EMID_data\.csv"):
        load_emid(folder)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([COLUMNS], "no picture"),
        ([["file"], ["a"]], "Image1_filename"),
        ([COLUMNS, ["a.mp3", "x.jpg", "boredom"] + [""] * 7], "boredom"),
        ([COLUMNS, ["a" * (csv.field_size_limit() + 1)]], "field limit"),
    ],
)
def test_a_table_of_another_layout_is_refused(folder, rows, says):
    write(folder, rows)
    with pytest.raises(DataMissingError, match=says):
        load_emid(folder)


def test_the_eight_lie_where_the_norms_put_them():
    assert len(EMOTIONS) == 8
    points = dict(zip(EMOTIONS, mikels_va(EMOTIONS).tolist(), strict=True))
    pleasant = {name for name, (valence, _) in points.items() if valence > 5}
    assert pleasant == {"amusement", "awe", "contentment", "excitement"}
    assert points["excitement"] == pytest.approx([9, 9])
    assert points["sadness"] == pytest.approx([1, 1])
    assert all(1 <= norm.arousal <= 9 and 1 <= norm.valence <= 9 for norm in NORMS.values())
    assert mikels_va([]).shape == (0, 2)
    with pytest.raises(SettingsError, match="joy"):
        mikels_va(["joy"])
