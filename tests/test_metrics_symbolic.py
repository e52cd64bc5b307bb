import math

import numpy as np
import pytest

from pipelines.errors import DataMissingError, MidiError
from pipelines.records import Note, Score, TempoMark
from training.data import data_folder
from training.metrics.symbolic import (
    EIMG_MEANS,
    SymbolicMeans,
    TickNotes,
    groove_consistency,
    music_quality_loss,
    pitch_entropy,
    polyphony_rate,
    read_ticks,
    score_ticks,
    symbolic_means,
)


def ticks(rows, length=None):
    start, end, pitch = np.array(rows, dtype=np.int64).T
    return TickNotes(start, end, pitch, length or int(end.max()))


def test_pitch_entropy_of_four_equal_pitches_is_two_bits():
    assert pitch_entropy(ticks([(i, i + 1, 60 + i % 4) for i in range(8)])) == pytest.approx(2.0)
    assert pitch_entropy(ticks([(0, 4, 60)])) == 0.0


def test_polyphony_counts_ticks_with_more_than_two_pitches():
    chord = [(0, 10, 60), (0, 10, 64), (5, 10, 67), (5, 8, 67)]
    assert polyphony_rate(ticks(chord)) == 0.5
    assert polyphony_rate(ticks(chord, length=20)) == 0.25
    assert polyphony_rate(ticks(chord), threshold=1) == 1.0


def test_groove_compares_neighbouring_measures():
    steady = ticks([(i, i + 1, 60) for i in range(0, 40, 4)], length=39)
    assert groove_consistency(steady) == 1.0
    assert groove_consistency(ticks([(0, 1, 60), (5, 6, 60)], length=7)) == pytest.approx(0.5)
    assert math.isnan(groove_consistency(ticks([(0, 1, 60)], length=2)))


def test_loss_is_a_sum_of_relative_distances():
    assert music_quality_loss(EIMG_MEANS) == 0
    assert music_quality_loss(SymbolicMeans(0.5303 * 1.474, 3.9863 * 0.776, 0.9922 * 0.992)) == pytest.approx(0.706)


def test_ticks_of_a_score_are_those_of_the_file_written_from_it(tmp_path):
    from pipelines.symbolic.midi import write_midi

    score = Score((Note(0.0, 60, 0.5, 80), Note(1 / 3, 64, 1.0, 70)), (TempoMark(0.0, 120.0),))
    write_midi(score, tmp_path / "a.mid")
    read, made = read_ticks(tmp_path / "a.mid"), score_ticks(score)
    assert made.start.tolist() == read.start.tolist() == [0, 160]
    assert made.end.tolist() == read.end.tolist() == [240, 640]
    assert made.length == read.length == 640


def test_no_notes_and_no_midi_are_refused(tmp_path):
    with pytest.raises(MidiError, match="0 notes"):
        score_ticks(Score((), (TempoMark(0.0, 120.0),)))
    (tmp_path / "x.mid").write_text("no midi")
    with pytest.raises(MidiError, match=r"x\.mid"):
        read_ticks(tmp_path / "x.mid")


def test_equal_to_muspy_on_real_files():
    muspy = pytest.importorskip("muspy")
    try:
        eimg, pop909 = data_folder("eimg"), data_folder("pop909")
    except DataMissingError as error:
        pytest.skip(str(error))
    unended = [eimg / "midi" / name for name in ("0014.mid", "0388.mid")]
    paths = [*unended, *sorted((eimg / "midi").glob("*.mid"))[::60], *sorted((pop909 / "midi").glob("*.mid"))[::300]]
    for path in paths:
        theirs, ours = muspy.read_midi(path), read_ticks(path)
        assert polyphony_rate(ours) == pytest.approx(muspy.polyphony_rate(theirs, threshold=2)), path
        assert pitch_entropy(ours) == pytest.approx(muspy.pitch_entropy(theirs)), path
        assert groove_consistency(ours) == pytest.approx(muspy.groove_consistency(theirs, 4)), path


def test_a_fifth_of_eimg_is_near_the_whole():
    try:
        folder = data_folder("eimg")
    except DataMissingError as error:
        pytest.skip(str(error))
    paths = np.random.default_rng(0).permutation(sorted((folder / "midi").glob("*.mid")))[:600]
    assert music_quality_loss(symbolic_means([read_ticks(path) for path in paths])) < 0.05
