import math
from dataclasses import replace

import numpy as np
import pytest

from pipelines.errors import MidiError, WeightsError
from pipelines.hearing import hear, hear_points
from pipelines.hearing_features import feature_names, note_arrays, score_features, windows
from pipelines.hearing_harmony import key_correlations, pitch_class_weights
from pipelines.records import Note, Score, TempoMark
from pipelines.regressor import load_regressor

MAJOR, MINOR = (0, 4, 7), (0, 3, 7)


def chords(kind, *, bpm=120.0, notes_per_beat=1, root=60, beats=24, velocity=80):
    """Broken triads on I, IV, V, I: a made-up piece whose character is plain."""
    count = beats * notes_per_beat
    roots = [root + (0, 5, 7, 0)[(4 * i // count)] for i in range(count)]
    step = 1 / notes_per_beat
    notes = [Note(i * step, roots[i] + kind[i % 3], step, velocity) for i in range(count)]
    notes += [Note(float(beat), roots[beat * notes_per_beat] - 12, 1.0, velocity) for beat in range(beats)]
    return Score(tuple(sorted(notes)), (TempoMark(0.0, bpm),))


def named(score):
    return dict(zip(feature_names(), score_features(score)[0], strict=True))


def test_features_of_a_plain_piece_have_their_known_values():
    notes = tuple(Note(float(i), 60 + 2 * i, 1.0, 64) for i in range(4))
    values = named(Score(notes, (TempoMark(0.0, 60.0),)))
    assert values["notes_per_s"] == pytest.approx(1.0)
    assert values["ioi_log_mean"] == pytest.approx(0.0)
    assert values["velocity_mean"] == 64
    assert values["melody_step"] == 2
    assert values["melody_tones"] == 1
    assert values["melody_rising"] == 1
    assert values["pitch_entropy"] == pytest.approx(2.0)
    assert values["polyphony"] == pytest.approx(1.0)
    assert values["articulation_mean"] == pytest.approx(1.0)


def test_all_names_differ_and_all_values_are_finite_down_to_one_note():
    assert len(set(feature_names())) == len(feature_names()) > 150
    for count in (1, 2, 3):
        notes = tuple(Note(0.5 * i, 60 + i, 0.01, 1) for i in range(count))
        row = score_features(Score(notes, (TempoMark(0.0, 120.0),)))
        assert row.shape == (1, len(feature_names()))
        assert np.isfinite(row).all()


def test_seconds_follow_every_tempo_mark_and_begin_at_the_first_note():
    score = Score(
        (Note(4.0, 60, 2.0, 80), Note(6.0, 62, 2.0, 80), Note(10.0, 64, 2.0, 80)),
        (TempoMark(0.0, 120.0), TempoMark(5.0, 60.0), TempoMark(8.0, 240.0)),
    )
    arrays = note_arrays(score)
    assert arrays.start_s == pytest.approx([0.0, 1.5, 4.0])
    assert arrays.end_s == pytest.approx([1.5, 3.5, 4.5])
    assert arrays.start_s + score.seconds_at(4.0) == pytest.approx(
        [score.seconds_at(n.start_beat) for n in score.notes]
    )


def test_notation_does_not_matter_twice_the_tempo_on_twice_the_beats_sounds_the_same():
    slow = chords(MAJOR, bpm=60.0)
    fast = Score(
        tuple(replace(n, start_beat=2 * n.start_beat, duration_beats=2 * n.duration_beats) for n in slow.notes),
        (TempoMark(0.0, 120.0),),
    )
    assert hear_points([slow]) == pytest.approx(hear_points([fast]))


def test_krumhansl_finds_the_key_of_a_scale():
    major = pitch_class_weights(np.array([62, 64, 66, 67, 69, 71, 73, 62, 69, 66.0]), np.ones(10))
    assert int(key_correlations(major).argmax()) == 2
    minor = pitch_class_weights(np.array([57, 59, 60, 62, 64, 65, 68, 57, 64, 60.0]), np.ones(10))
    assert int(key_correlations(minor).argmax()) == 12 + 9


def test_fast_loud_major_is_heard_as_livelier_and_happier_than_slow_soft_minor():
    happy = hear(chords(MAJOR, bpm=150.0, notes_per_beat=3, beats=36, velocity=95))
    sad = hear(chords(MINOR, bpm=60.0, root=52, beats=16, velocity=50))
    assert happy.arousal > sad.arousal + 2.5
    assert happy.valence > sad.valence + 1.5
    assert 0.5 < happy.arousal_sd < happy.valence_sd < 1.2
    assert sum(happy.probabilities) == pytest.approx(1.0)


def test_major_is_heard_as_happier_than_the_same_in_minor():
    pair = [chords(kind, bpm=110.0, notes_per_beat=2, beats=28) for kind in (MAJOR, MINOR)]
    points = hear_points(pair)
    assert points[0, 0] > points[1, 0] + 0.4


def test_long_pieces_are_windowed_and_averaged():
    calm, wild = chords(MAJOR, bpm=60.0, beats=16), chords(MAJOR, bpm=60.0, notes_per_beat=8, beats=16, velocity=110)
    both = Score(
        (*calm.notes, *(replace(n, start_beat=n.start_beat + 16) for n in wild.notes)), (TempoMark(0.0, 60.0),)
    )
    assert [len(part) for part in windows(note_arrays(both))] == [len(calm.notes), len(wild.notes)]
    parts = hear_points([calm, wild])
    assert hear_points([both])[0] == pytest.approx(parts.mean(axis=0), abs=0.3)


def test_a_batch_hears_what_single_calls_hear():
    scores = [chords(MAJOR), chords(MINOR, bpm=80.0, beats=80), chords(MAJOR, notes_per_beat=4)]
    batch = hear_points(scores)
    assert batch.shape == (3, 2)
    assert batch == pytest.approx(np.concatenate([hear_points([score]) for score in scores]))
    assert hear_points([]).shape == (0, 2)


def test_a_small_change_moves_the_verdict_little():
    score = chords(MAJOR, notes_per_beat=2)
    moved = replace(score, notes=(*score.notes[:-1], replace(score.notes[-1], pitch=score.notes[-1].pitch + 1)))
    assert math.dist(hear_points([score])[0], hear_points([moved])[0]) < 0.5


def test_an_empty_score_is_refused():
    with pytest.raises(MidiError, match="0 notes"):
        hear(Score((), (TempoMark(0.0, 120.0),)))


def test_missing_and_foreign_weights_are_refused(tmp_path):
    from pipelines.models import weights_path

    with pytest.raises(WeightsError, match=r"none\.safetensors"):
        load_regressor(tmp_path / "none.safetensors", feature_names())
    (tmp_path / "bad.safetensors").write_bytes(b"no weights")
    with pytest.raises(WeightsError, match="damaged"):
        load_regressor(tmp_path / "bad.safetensors", feature_names())
    with pytest.raises(WeightsError, match="other features"):
        load_regressor(weights_path("hearing.safetensors"), ("one", "two"))
