import math

import numpy as np
import pytest

from pipelines.errors import MidiError
from pipelines.records import Note, Score, TempoMark
from training.metrics.structure import (
    excerpt,
    key_hold,
    longest_silence_s,
    metre_steadiness,
    on_bars,
    resolves,
    returns,
    self_similarity,
    structure,
)

BPM = (TempoMark(0.0, 120.0),)
SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


def score(rows, **options):
    return Score(tuple(sorted(Note(*row, 80) for row in rows)), BPM, **options)


def bar(number, pitches):
    step = 4 / len(pitches)
    return [(4.0 * number + i * step, pitch, step) for i, pitch in enumerate(pitches)]


A, B = (60, 64, 67, 72), (65, 69, 62, 71)


def test_a_returning_bar_is_wholly_similar_and_a_foreign_one_not_at_all():
    similar = self_similarity(score([*bar(0, A), *bar(1, B), *bar(2, A), *bar(3, [p + 12 for p in B])]))
    assert similar == pytest.approx(np.array([[1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1]]))
    assert returns(similar, bars=1) == pytest.approx(2 / 3)
    assert returns(similar, bars=2) == pytest.approx(1.0)
    assert math.isnan(returns(similar[:2, :2], bars=2))


def test_half_the_notes_alike_is_half_similar():
    similar = self_similarity(score([*bar(0, A), *bar(1, (60, 64, 66, 71))]))
    assert similar[0, 1] == pytest.approx(0.5)


def test_the_same_rhythm_in_every_bar_is_steady_and_changing_rhythm_is_not():
    steady = score([row for i in range(4) for row in bar(i, A)])
    rng = np.random.default_rng(0)
    loose = score([(4 * i + s / 4, 60, 0.2) for i in range(8) for s in rng.choice(16, 6, replace=False)])
    assert metre_steadiness(steady) == pytest.approx(1.0)
    assert metre_steadiness(loose) < 0.4


def test_figures_of_a_scale_in_c_major():
    found = structure(
        score([*bar(0, SCALE), *bar(1, SCALE[::-1]), *bar(2, (60, 64, 67)), (12.0, 48, 4.0), (12.0, 64, 4.0)])
    )
    assert found.in_key == found.key_hold == 1.0
    assert found.resolves == 1.0
    assert found.on_grid == 1.0
    assert found.longest_silence_s == 0.0


def test_leaving_the_key_and_ending_elsewhere_is_noticed():
    home = [row for i in range(8) for row in bar(i, SCALE)]
    away = [row for i in range(8, 11) for row in bar(i, (61, 63, 66, 68))]
    piece = score(home + away)
    assert key_hold(piece) == pytest.approx(6 / 8)  # a window may hold one bar of 4 notes away beside 24 at home
    assert not resolves(piece)
    assert not resolves(score([*home, (32.0, 52, 4.0), (32.0, 60, 4.0)]))


def test_silence_is_measured_in_seconds_with_the_lead_in_and_held_notes():
    piece = score([(2.0, 60, 1.0), (2.0, 48, 6.0), (3.0, 64, 1.0), (14.0, 60, 1.0)])
    assert longest_silence_s(piece) == pytest.approx(3.0)
    assert longest_silence_s(score([(5.0, 60, 1.0)])) == pytest.approx(2.5)


def test_a_late_recording_is_moved_to_its_downbeat():
    shifted = [(start + 1.3, pitch, length) for i in range(6) for start, pitch, length in bar(i, A)]
    bass = [(4 * i + 1.3, 36, 4.0) for i in range(6)]
    moved = on_bars(Score(tuple(sorted(Note(*row, 80) for row in [*shifted, *bass])), BPM))
    assert [note.start_beat for note in moved.notes[:3]] == pytest.approx([0.0, 0.0, 1.0], abs=0.01)
    assert structure(moved).on_grid == 1.0


def test_an_excerpt_begins_at_0_with_the_tempo_of_its_place():
    piece = Score(
        tuple(Note(float(i), 60 + i, 3.0, 80) for i in range(12)), (TempoMark(0.0, 120.0), TempoMark(6.0, 60.0))
    )
    cut = excerpt(piece, first_bar=1, bars=1)
    assert [(n.start_beat, n.pitch, n.duration_beats) for n in cut.notes] == [
        (0, 64, 3),
        (1, 65, 3),
        (2, 66, 2),
        (3, 67, 1),
    ]
    assert cut.tempo_marks == (TempoMark(0.0, 120.0), TempoMark(2.0, 60.0))
    assert excerpt(piece, first_bar=9, bars=1) is None


def test_an_empty_score_is_refused():
    with pytest.raises(MidiError, match="0 notes"):
        structure(Score((), BPM))
