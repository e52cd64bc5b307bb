"""Plain English for points, times and distances."""

import pytest

from page.words import bar_count, feeling, heard_sentence, nearness, picture_sentence, seconds
from pipelines.records import Emotion, Note, Score, Section, TempoMark


@pytest.mark.parametrize(
    ("valence", "arousal", "words"),
    [
        (2, 2, "sad and calm"),
        (2, 8, "tense and agitated"),
        (8, 8, "joyful and lively"),
        (8, 2, "tender and calm"),
        (5, 5, "even-tempered"),
        (1, 5, "sad"),
        (9, 5, "glad"),
    ],
)
def test_each_corner_of_the_plane_has_its_words(valence: float, arousal: float, words: str) -> None:
    assert feeling(valence, arousal) == words


def test_the_picture_sentence_gives_both_values_and_their_doubt() -> None:
    emotion = Emotion.at(3.14, 2.72, valence_sd=1.04, arousal_sd=0.86)
    assert picture_sentence(emotion) == ("It feels sad and calm: valence 3.1 ± 1.0, arousal 2.7 ± 0.9 (scale 1 to 9).")


def test_heard_beside_wanted_tells_the_distance() -> None:
    same = heard_sentence(Emotion.at(3, 3), Emotion.at(3.6, 3.9))
    assert same == "Asked for sad and calm; the music is also heard as sad and calm: 1.1 apart, close."
    other = heard_sentence(Emotion.at(2, 2), Emotion.at(8, 8))
    assert other == "Asked for sad and calm; the music is heard as joyful and lively: 8.5 apart, far off."


def test_nearness_goes_by_steps() -> None:
    assert [nearness(d) for d in (0.0, 0.69, 0.7, 1.9, 2.4)] == [
        "very close",
        "very close",
        "close",
        "some way off",
        "far off",
    ]


def test_progress_names_the_bar_and_never_goes_past_the_last() -> None:
    notes = tuple(Note(float(beat), 60, 1.0, 80) for beat in range(20))
    score = Score(notes, (TempoMark(0.0, 120.0),), sections=(Section("A", 0, 8),))
    assert bar_count(score, 8) == "bar 5 of 8"
    assert bar_count(score, 4) == "bar 4 of 4"


@pytest.mark.parametrize(
    ("duration_s", "words"),
    [(29.6, "30 seconds"), (60, "1 minute"), (90.2, "1 minute 30"), (180, "3 minutes")],
)
def test_seconds_in_words(duration_s: float, words: str) -> None:
    assert seconds(duration_s) == words
