import pytest

from pipelines.errors import DataMissingError
from pipelines.records import LABELS
from training.data.mirex import CLUSTERS, load_mirex

LINES = ["Cluster 1", "Cluster 2", "Cluster 2", "Cluster 3", "Cluster 4", "Cluster 5"]


@pytest.fixture
def folder(tmp_path):
    """The layout as it is given out: a line of clusters.txt for every song, MIDI for some."""
    inner = tmp_path / "dataset"
    (inner / "MIDIs").mkdir(parents=True)
    (inner / "clusters.txt").write_text("\n".join(LINES) + "\n")
    for number in (1, 3, 4, 5, 6):
        (inner / "MIDIs" / f"{number:03d}.mid").write_bytes(b"MThd%d" % number)
    return tmp_path


def test_songs_get_the_labels_of_their_clusters(folder):
    songs = load_mirex(folder)
    assert [(song.path.name, song.label) for song in songs] == [
        ("001.mid", "Neutral"),
        ("003.mid", "Happy"),
        ("004.mid", "Sad"),
        ("005.mid", "Fun"),
        ("006.mid", "Angry"),
    ]
    assert len({song.group for song in songs}) == 5
    assert not any(song.rated for song in songs)
    assert load_mirex(folder / "dataset") == songs


def test_the_five_clusters_are_the_five_labels():
    assert sorted(str(label) for label in CLUSTERS.values()) == sorted(LABELS)


def test_a_cluster_may_be_given_another_label_or_left_out(folder):
    songs = load_mirex(folder, labels={**CLUSTERS, 1: None, 2: "Fun"})
    assert [song.label for song in songs] == ["Fun", "Sad", "Fun", "Angry"]


def test_a_copy_of_a_song_is_left_out(folder, caplog):
    midi = folder / "dataset" / "MIDIs"
    (midi / "002.mid").write_bytes((midi / "005.mid").read_bytes())
    assert [song.path.name for song in load_mirex(folder)] == ["001.mid", "002.mid", "003.mid", "004.mid", "006.mid"]
    assert "MIREX 005.mid is a copy of MIREX 002.mid" in caplog.text


def test_what_is_missing_or_odd_is_named(folder):
    inner = folder / "dataset"
    odd = inner / "MIDIs" / "007.mid"
    odd.write_bytes(b"MThd")
    with pytest.raises(DataMissingError, match=r"007\.mid has no line in clusters\.txt, which has 6"):
        load_mirex(folder)
    odd.unlink()
    (inner / "clusters.txt").write_text("Cluster 6\n")
    with pytest.raises(DataMissingError, match="'Cluster 6'"):
        load_mirex(folder)
    (inner / "clusters.txt").write_text("Cluster 1\n\nCluster 2\n")  # dropped, it would move all that follow
    with pytest.raises(DataMissingError, match="the line ''"):
        load_mirex(folder)
    (inner / "clusters.txt").unlink()
    with pytest.raises(DataMissingError, match=r"no .*clusters\.txt"):
        load_mirex(folder)
    (inner / "clusters.txt").write_text("Cluster 1\n")
    for path in (inner / "MIDIs").iterdir():
        path.unlink()
    with pytest.raises(DataMissingError, match="no MIDI files"):
        load_mirex(folder)
