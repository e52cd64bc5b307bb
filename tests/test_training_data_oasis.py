import numpy as np
import pytest
from PIL import Image

from pipelines.errors import DataMissingError
from training.data import data_folder
from training.data.oasis import PICTURES, THEMES, load_oasis, theme_of, to_plane

HEADER = "file,theme,category,source,valence_mean,valence_sd,arousal_mean,arousal_sd,valence_n,arousal_n\n"
ROWS = "a.jpg,Acorns 1,Object,X,2.0,1,3.0,1,100,100\nb.jpg,Acorns 12,Object,X,4.0,1,4.0,1,100,100\n"
LAST = "c.jpg,Sad face 3,Person,X,6.0,1,5.0,1,100,100\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "ratings.csv").write_text(HEADER + ROWS + LAST)
    for name in "abc":
        Image.new("RGB", (20, 20)).save(tmp_path / "images" / f"{name}.jpg")
    return tmp_path


def test_means_are_brought_to_the_plane(folder):
    data = load_oasis(folder)
    assert len(data) == 3
    assert data.va.tolist() == [[1, 1], [5, 5], [9, 9]]
    assert data.themes == ("Acorns", "Acorns", "Sad face")
    assert data.categories[2] == "Person"


def test_theme_is_the_name_without_its_number():
    assert [theme_of(name) for name in ("Acorns 1", "Sad face 10", "Sun")] == ["Acorns", "Sad face", "Sun"]


def test_plane_takes_each_column_by_itself():
    assert to_plane(np.array([[1.0, 10], [2, 30], [3, 20]])).tolist() == [[1, 1], [5, 9], [9, 5]]


def test_a_missing_picture_is_named(folder):
    (folder / "images" / "b.jpg").unlink()
    with pytest.raises(DataMissingError, match=r"lacks 1 pictures, such as b\.jpg"):
        load_oasis(folder)


def test_a_table_of_another_layout_is_refused(folder):
    (folder / "ratings.csv").write_text(HEADER.replace("arousal_mean", "excitement") + ROWS)
    with pytest.raises(DataMissingError, match="arousal_mean"):
        load_oasis(folder)


def test_expected_counts():
    try:
        data = load_oasis(data_folder("oasis"))
    except DataMissingError as error:
        pytest.skip(str(error))
    assert len(data) == PICTURES == 697
    assert len(set(data.themes)) == THEMES == 226
    assert (data.va.min(), data.va.max()) == (1, 9)
