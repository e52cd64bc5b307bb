import pytest

from pipelines.errors import DataMissingError
from pipelines.records import LABELS, circumplex_label
from training.data.label_folders import PICTURE_SUFFIXES, TYPICAL, load_label_folders


def test_files_get_the_labels_of_their_folders_whatever_the_case(tmp_path):
    for name in ("Happy/b.jpg", "Happy/deep/a.PNG", "sad/c.webp", "Sad songs/d.jpg", "Happy/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    found = load_label_folders(tmp_path, suffixes=PICTURE_SUFFIXES)
    assert [(item.path.name, item.label) for item in found] == [
        ("b.jpg", "Happy"),
        ("a.PNG", "Happy"),
        ("c.webp", "Sad"),
    ]
    assert found[2].origin == f"{tmp_path.name}/sad/c.webp"
    assert (found[2].valence, found[2].arousal, found[2].rated) == (*TYPICAL["Sad"], False)
    assert len({item.group for item in found}) == 3


def test_copies_are_left_out_and_named(tmp_path, caplog):
    for name, content in (("Happy/a.jpg", b"1"), ("Happy/b.jpg", b"2"), ("Sad/a.jpg", b"1"), ("Sad/c.jpg", b"3")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    found = load_label_folders(tmp_path, suffixes=PICTURE_SUFFIXES)
    assert [(item.path.name, item.label) for item in found] == [
        ("a.jpg", "Happy"),
        ("b.jpg", "Happy"),
        ("c.jpg", "Sad"),
    ]
    assert f"{tmp_path.name}/Sad/a.jpg is a copy of {tmp_path.name}/Happy/a.jpg" in caplog.text


def test_typical_points_lie_in_their_labels_regions():
    assert {label: circumplex_label(*TYPICAL[label]) for label in LABELS} == {label: label for label in LABELS}


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(DataMissingError, match="nowhere is not there"):
        load_label_folders(tmp_path / "nowhere", suffixes=PICTURE_SUFFIXES)
    (tmp_path / "Happy").mkdir()
    with pytest.raises(DataMissingError, match=r"no files of \.jpg.* in folders named Happy, Angry"):
        load_label_folders(tmp_path, suffixes=PICTURE_SUFFIXES)
