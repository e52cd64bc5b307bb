"""The records: the circumplex, label probabilities, and seconds from beats."""

import pytest

from pipelines.errors import SettingsError
from pipelines.records import LABELS, Emotion, Note, Score, TempoMark, circumplex_label


@pytest.mark.parametrize(
    ("valence", "arousal", "label"),
    [
        (5, 5, "Neutral"),
        (5.5, 5.5, "Neutral"),
        (5, 1, "Neutral"),
        (4.0, 2.0, "Neutral"),
        (2, 7, "Angry"),
        (4, 5, "Angry"),
        (2, 3, "Sad"),
        (6, 8, "Fun"),
        (8, 6, "Happy"),
        (8, 2, "Happy"),
        (7, 7, "Happy"),
    ],
)
def test_the_circumplex_rule(valence: float, arousal: float, label: str) -> None:
    assert circumplex_label(valence, arousal) == label


def test_probabilities_follow_the_point_and_its_doubt() -> None:
    sure = Emotion.at(8.0, 3.0)
    assert dict(zip(LABELS, sure.probabilities, strict=True))["Happy"] == 1.0
    unsure = Emotion.at(8.0, 3.0, valence_sd=2.0, arousal_sd=2.0)
    assert sum(unsure.probabilities) == pytest.approx(1.0)
    assert 0.5 < unsure.probabilities[LABELS.index("Happy")] < 0.95
    assert unsure.label == "Happy"


def test_points_off_the_plane_are_brought_back() -> None:
    assert (Emotion.at(12.0, -3.0).valence, Emotion.at(12.0, -3.0).arousal) == (9.0, 1.0)


def test_distance_is_euclidean() -> None:
    assert Emotion.at(2.0, 3.0).distance(Emotion.at(5.0, 7.0)) == 5.0


def test_seconds_follow_the_tempo_marks() -> None:
    score = Score((Note(0.0, 60, 10.0, 64),), (TempoMark(0.0, 60.0), TempoMark(4.0, 120.0), TempoMark(6.0, 30.0)))
    assert [score.seconds_at(beat) for beat in (0, 3, 4, 5, 6, 8)] == [0.0, 3.0, 4.0, 4.5, 5.0, 9.0]
    assert score.duration_s == 13.0
    assert score.bar_count == 3


def test_an_empty_score_has_no_length() -> None:
    score = Score((), (TempoMark(0.0, 60.0),))
    assert (score.duration_s, score.bar_count, score.end_beat) == (0.0, 0, 0.0)


def test_notes_between_takes_the_first_beat_and_not_the_last() -> None:
    score = Score(tuple(Note(float(i), 60, 1.0, 64) for i in range(5)), (TempoMark(0.0, 60.0),))
    assert [note.start_beat for note in score.notes_between(1.0, 3.0)] == [1.0, 2.0]


@pytest.mark.parametrize("values", [(float("nan"), 5.0), (5.0, float("inf")), (5.0, float("-inf"))])
def test_a_point_that_is_not_finite_is_refused(values: tuple[float, float]) -> None:
    with pytest.raises(SettingsError, match=r"cannot be (nan|inf|-inf); give a finite number"):
        Emotion.at(*values)
    with pytest.raises(SettingsError, match="spread of arousal"):
        Emotion.at(5.0, 5.0, arousal_sd=float("nan"))


def test_keys_have_the_names_that_musicians_use() -> None:
    def names(mode: str) -> list[str]:
        return [Score((), (TempoMark(0.0, 60.0),), 4, tonic, mode).key_name for tonic in (0, 1, 3, 6, 8, 10)]

    assert names("major") == [
        "C major",
        "D flat major",
        "E flat major",
        "F sharp major",
        "A flat major",
        "B flat major",
    ]
    assert names("minor") == [
        "C minor",
        "C sharp minor",
        "E flat minor",
        "F sharp minor",
        "G sharp minor",
        "B flat minor",
    ]
