import numpy as np
import pytest

from pipelines.errors import DataMissingError, MidiError
from training.data import data_folder
from training.data.eimg import EXPECTED_CLIPS, Clip, load_clips, targets, to_scale


def test_min_max_brings_means_to_1_to_9():
    scaled = to_scale(np.array([[2.0, 3.0], [5.0, 8.0], [8.0, 4.0]]))
    assert scaled == pytest.approx(np.array([[1.0, 1.0], [5.0, 9.0], [9.0, 2.6]]))


def test_a_missing_data_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("EKPHONIA_DATA", str(tmp_path))
    assert data_folder() == tmp_path
    with pytest.raises(DataMissingError, match="EKPHONIA_DATA"):
        data_folder("eimg")


KINDS = ("mean", *range(1, 7))
COLUMNS = ("file", *(f"{name}_{kind}" for kind in KINDS for name in ("valence", "arousal")))


def write_labels(folder, *lines, columns=COLUMNS):
    """A table of labels, and a file for each of its clips."""
    (folder / "midi").mkdir(exist_ok=True)
    for line in lines:
        (folder / "midi" / line[0]).touch()
    rows = (columns, *lines)
    (folder / "labels.csv").write_text("".join(",".join(map(str, row)) + "\n" for row in rows), encoding="utf-8-sig")


def test_means_are_scaled_and_the_raters_own_kept(tmp_path):
    first = ("1.mid", 2, 6, *range(1, 7), *range(1, 7))
    write_labels(tmp_path, first, ("2.mid", 6, 2, *[9] * 12), ("3.mid", *[4] * 14))
    clips = load_clips(tmp_path)
    assert [(clip.path.name, clip.valence, clip.arousal) for clip in clips] == [
        ("1.mid", 1.0, 9.0),
        ("2.mid", 9.0, 1.0),
        ("3.mid", 5.0, 5.0),
    ]
    assert clips[0].ratings.tolist() == [[1, 2], [3, 4], [5, 6]] * 2


def test_missing_labels_and_clips_are_named(tmp_path):
    with pytest.raises(DataMissingError, match=r"labels\.csv"):
        load_clips(tmp_path)
    write_labels(tmp_path, ("6.mid", *[3] * 14), ("7.mid", *[4] * 14))
    (tmp_path / "midi" / "7.mid").unlink()
    with pytest.raises(DataMissingError, match=r"1 clips, first 7\.mid"):
        load_clips(tmp_path)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (("2.mid", "high", *[3] * 13), "line 3 .*'high'"),
        (("2.mid", *[3] * 9), "line 3"),
        (("2.mid", *[3] * 13, "nan"), r"line 3 .*2\.mid is no number"),
        (("2.mid", 3, 73333, *[3] * 12), r"line 3 .*2\.mid .* not within 1 to 9"),
        (("2.mid", "3\0", *[3] * 13), "line 3"),
    ],
)
def test_a_damaged_line_of_labels_is_named(tmp_path, line, said):
    write_labels(tmp_path, ("1.mid", *[5] * 14), line)
    with pytest.raises(DataMissingError, match=said):
        load_clips(tmp_path)


def test_a_clip_that_is_no_midi_is_named_by_its_tokens_too(tmp_path):
    (tmp_path / "1.mid").write_bytes(b"MThd, but no more")
    with pytest.raises(MidiError, match=r"1\.mid cannot be read as MIDI"):
        Clip(tmp_path / "1.mid", 5.0, 5.0, np.zeros((6, 2))).tokens()


def test_labels_without_a_column_or_clips_or_differences_are_refused(tmp_path):
    write_labels(tmp_path, ("1.mid", *[3] * 13), columns=COLUMNS[:-1])
    with pytest.raises(DataMissingError, match="arousal_6"):
        load_clips(tmp_path)
    write_labels(tmp_path)
    with pytest.raises(DataMissingError, match="names no clips"):
        load_clips(tmp_path)
    write_labels(tmp_path, ("1.mid", *[3] * 14), ("2.mid", 4, *[3] * 13))
    with pytest.raises(DataMissingError, match="all its 2 clips alike"):
        load_clips(tmp_path)
    (tmp_path / "labels.csv").write_bytes("Käse".encode("utf-16"))
    with pytest.raises(DataMissingError, match="damaged"):
        load_clips(tmp_path)


def test_eimg_itself():
    try:
        data_folder("eimg")
    except DataMissingError as error:
        pytest.skip(str(error))
    clips = load_clips()
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
