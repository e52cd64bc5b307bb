import numpy as np
import pytest

from pipelines.errors import DataMissingError
from training.data import data_folder
from training.data.eimg import EXPECTED_CLIPS, load_clips, targets, to_scale


def test_min_max_brings_means_to_1_to_9():
    scaled = to_scale(np.array([[2.0, 3.0], [5.0, 8.0], [8.0, 4.0]]))
    assert scaled == pytest.approx(np.array([[1.0, 1.0], [5.0, 9.0], [9.0, 2.6]]))


def test_a_missing_data_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("EKPHONIA_DATA", str(tmp_path))
    assert data_folder() == tmp_path
    with pytest.raises(DataMissingError, match="EKPHONIA_DATA"):
        data_folder("eimg")


def test_missing_labels_and_clips_are_named(tmp_path):
    with pytest.raises(DataMissingError, match=r"labels\.csv"):
        load_clips(tmp_path)
    columns = [
        "file",
        "valence_mean",
        "arousal_mean",
        *(f"{k}_{i}" for i in range(1, 7) for k in ("valence", "arousal")),
    ]
    (tmp_path / "labels.csv").write_text(",".join(columns) + "\n" + ",".join(["7.mid"] + ["3"] * 14) + "\n")
    with pytest.raises(DataMissingError, match=r"7\.mid"):
        load_clips(tmp_path)


def test_eimg_itself():
    try:
        clips = load_clips()
    except DataMissingError as error:
        pytest.skip(str(error))
    assert len(clips) == EXPECTED_CLIPS
    found = targets(clips)
    assert found.min(axis=0) == pytest.approx([1, 1])
    assert found.max(axis=0) == pytest.approx([9, 9])
    assert np.corrcoef(found.T)[0, 1] == pytest.approx(0.3866, abs=1e-4)
    assert clips[0].ratings[:, 0] == pytest.approx([7, 8, 8, 6, 8, 7])
    assert len(clips[0].score().notes) == 180
    assert [len(hand) for hand in clips[0].hands()] == [83, 97]
    tokens = clips[2990].tokens()
    assert tokens[:6] == ["<start>", "85.0@tempo", "4/4@time", "G4@2.75", "0.4.7@2.75", "r@1.25"]
