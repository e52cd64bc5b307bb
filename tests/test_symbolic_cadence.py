"""The ending: tonic in the bass and on top, and a broadening that keeps the length."""

import pytest

from pipelines.records import Note, Score
from pipelines.symbolic.cadence import broaden, final_chord


@pytest.mark.parametrize(("mode", "triad", "root"), [("major", {0, 4, 7}, 0), ("minor", {9, 0, 4}, 9)])
@pytest.mark.parametrize("pitches", [(40, 67, 71), (33, 50), (84, 88, 91), (21,)])
def test_final_chord_is_the_tonic_triad(mode: str, triad: set[int], root: int, pitches: tuple[int, ...]) -> None:
    last = [Note(float(i), pitch, 1.0, 70 + i) for i, pitch in enumerate(pitches)]
    chord = final_chord(last, 12.0, 4.0, mode)
    assert {note.pitch % 12 for note in chord} == triad
    assert chord[0].pitch % 12 == root
    assert max(chord, key=lambda note: note.pitch).pitch % 12 == root
    assert {(note.start_beat, note.duration_beats) for note in chord} == {(12.0, 4.0)}
    assert 70 <= chord[0].velocity <= 72


@pytest.mark.parametrize("arousal", [1.0, 5.0, 9.0])
@pytest.mark.parametrize(("bars", "beats_per_bar", "duration_s"), [(2, 3, 10.0), (16, 4, 30.0), (88, 4, 180.0)])
def test_broadening_keeps_the_length_and_slows_down(
    arousal: float, bars: int, beats_per_bar: int, duration_s: float
) -> None:
    marks = broaden(bars, beats_per_bar, duration_s, arousal)
    score = Score((Note(0.0, 60, float(bars * beats_per_bar), 64),), marks, beats_per_bar)
    assert score.duration_s == pytest.approx(duration_s, abs=1e-9)
    tempi = [mark.bpm for mark in marks]
    assert tempi == sorted(tempi, reverse=True)


def test_calm_pieces_slow_down_more() -> None:
    def slowing(arousal: float) -> float:
        marks = broaden(16, 4, 30.0, arousal)
        return marks[-1].bpm / marks[0].bpm

    assert slowing(1.0) == pytest.approx(0.74)
    assert slowing(9.0) == pytest.approx(0.94)
