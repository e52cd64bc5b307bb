"""The voices of the piano roll: which note is melody, inner voice or bass, decided once and sent once."""

from page.music_panel import VOICES, Voices, compact
from pipelines.records import Note, Score, TempoMark
from pipelines.symbolic.piano_roll import to_data

MELODY, INNER, BASS = range(len(VOICES))
BAR = ((0.0, 40, 4.0), (0.0, 60, 2.0), (0.0, 64, 2.0), (0.0, 76, 1.0), (1.0, 74, 1.0), (2.0, 60, 2.0), (2.0, 77, 2.0))
ROLES = [BASS, INNER, INNER, MELODY, MELODY, INNER, MELODY]


def score(bars: int, notes: int | None = None) -> Score:
    written = [Note(4.0 * bar + start, pitch, beats, 80) for bar in range(bars) for start, pitch, beats in BAR]
    return Score(tuple(written[:notes]), (TempoMark(0.0, 120.0),))


def test_melody_inner_voices_and_bass_are_told_apart() -> None:
    assert Voices().of(score(3)) == ROLES * 3
    assert Voices().of(score(0)) == []


def test_a_voice_once_given_stays_while_the_score_grows() -> None:
    voices = Voices()
    earlier: list[int] = []
    notes = score(3).notes
    ends = [i for i in range(1, len(notes)) if notes[i].start_beat > notes[i - 1].start_beat]
    for count in ends:  # note by note in time, bars unfinished too
        now = list(voices.of(score(3, count)))
        assert len(now) == count
        assert now[: len(earlier)] == earlier
        earlier = now
    assert voices.of(score(3)) == ROLES * 3


def test_another_score_begins_anew() -> None:
    voices = Voices()
    voices.of(score(2))
    assert voices.of(Score((Note(0.0, 72, 1.0, 80),), (TempoMark(0.0, 120.0),))) == [MELODY]


def test_only_what_is_not_melody_is_sent_with_its_voice() -> None:
    piece = score(1, 4)
    notes = compact(to_data(piece), Voices().of(piece))["notes"]
    assert notes == "[0,2000,40,80,2],[0,1000,60,80,1],[0,1000,64,80,1],[0,500,76,80]"
