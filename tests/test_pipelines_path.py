"""Paths through valence and arousal, and how well a score is heard to follow one."""

import math

import pytest

from pipelines.errors import SettingsError
from pipelines.path import iso_path, stepped_path
from pipelines.path_heard import Window, following, heard_along, tempo_between
from pipelines.records import Note, Score, TempoMark


def test_the_iso_path_meets_leads_evenly_and_holds() -> None:
    path = iso_path((3.0, 7.0), (7.0, 3.0), 100.0, hold_start=0.2, hold_end=0.3)
    assert path.duration_s == 100.0
    assert path.at(0.0) == path.at(19.9) == (3.0, 7.0)
    assert path.at(45.0) == pytest.approx((5.0, 5.0))
    assert path.at(70.0) == path.at(100.0) == path.at(500.0) == (7.0, 3.0)
    steps = [path.at(s + 1)[1] - path.at(s)[1] for s in range(20, 70)]
    assert steps == pytest.approx([-0.08] * 50)


def test_no_point_of_a_path_lies_above_the_ceiling() -> None:
    path = iso_path((3.0, 9.0), (7.0, 8.0), 60.0, arousal_ceiling=6.5)
    assert max(path.at(s)[1] for s in range(61)) == 6.5
    assert iso_path((3.0, 9.0), (7.0, 2.0), 60.0, arousal_ceiling=6.5).at(60.0) == (7.0, 2.0)


@pytest.mark.parametrize(
    ("start", "options"),
    [
        ((0.5, 5.0), {}),
        ((5.0, math.nan), {}),
        ((5.0, 5.0), {"hold_start": 0.6, "hold_end": 0.5}),
        ((5.0, 5.0), {"hold_start": -0.1}),
        ((5.0, 5.0), {"arousal_ceiling": 0.0}),
    ],
)
def test_impossible_paths_are_refused(start: tuple[float, float], options: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match="choose"):
        iso_path(start, (5.0, 5.0), 60.0, **options)


def test_a_stepped_path_leaps_at_its_cuts() -> None:
    path = stepped_path([(2.0, 3.0), (8.0, 7.0)], [10.0], 30.0)
    assert path.at(9.999) == (2.0, 3.0)
    assert path.at(10.0) == path.at(30.0) == (8.0, 7.0)
    assert path.mean(5.0, 15.0) == pytest.approx((5.0, 5.0))


def steady(duration_s: float) -> Score:
    """A note on every beat at 60 beats a minute, denser and louder in its second half."""
    notes: list[Note] = []
    for second in range(int(duration_s)):
        lively = second >= duration_s / 2
        for part in range(4 if lively else 1):
            notes.append(Note(second + part / 4, 60 + part * 4, 0.25 if lively else 1.0, 100 if lively else 40))
    return Score(tuple(notes), (TempoMark(0.0, 60.0),))


def test_windows_are_heard_beside_the_path() -> None:
    path = stepped_path([(5.0, 3.0), (5.0, 7.0)], [30.0], 60.0)
    windows = heard_along(steady(60.0), path)
    assert [(w.begin_s, w.end_s) for w in windows] == [(0.0, 15.0), (15.0, 30.0), (30.0, 45.0), (45.0, 60.0)]
    assert [w.wanted[1] for w in windows] == [3.0, 3.0, 7.0, 7.0]
    assert min(w.heard[1] for w in windows[2:]) > max(w.heard[1] for w in windows[:2]) + 1.0
    assert following(windows).monotony[1] == 1.0


def test_a_last_window_too_short_to_be_heard_is_left_out() -> None:
    assert len(heard_along(steady(34.0), stepped_path([(5.0, 5.0)], [], 34.0))) == 2
    assert len(heard_along(steady(37.0), stepped_path([(5.0, 5.0)], [], 37.0))) == 3


def test_following_is_told_by_known_figures() -> None:
    wanted = [(5.0, 1.0), (5.0, 2.0), (5.0, 3.0), (5.0, 4.0)]
    heard = [(4.0, 2.0), (4.0, 4.0), (4.0, 3.0), (4.0, 5.0)]
    result = following([Window(0, 15, w, h) for w, h in zip(wanted, heard, strict=True)])
    assert result.correlation[1] == pytest.approx(0.8)
    assert result.monotony[1] == pytest.approx(5 / 6)
    assert math.isnan(result.correlation[0])
    assert math.isnan(result.monotony[0])
    assert result.distance == pytest.approx((2 * math.sqrt(2) + math.sqrt(5) + 1) / 4)


def test_mean_tempo_between_seconds() -> None:
    score = Score((Note(0, 60, 1, 60),), (TempoMark(0.0, 60.0), TempoMark(10.0, 120.0)))
    assert tempo_between(score, 0.0, 10.0) == pytest.approx(60.0)
    assert tempo_between(score, 5.0, 15.0) == pytest.approx(90.0)
    assert tempo_between(score, 20.0, 30.0) == pytest.approx(120.0)
