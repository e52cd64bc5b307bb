"""The form: whole phrases that last exactly as long as was asked."""

import itertools

import pytest

from pipelines.errors import SettingsError
from pipelines.settings import LONGEST_S, SHORTEST_S
from pipelines.symbolic.form import long_form, plan_form, slowest_tempo_bpm


@pytest.mark.parametrize("duration_s", [SHORTEST_S, 17.3, 30.0, 61.0, LONGEST_S])
@pytest.mark.parametrize("tempo_bpm", [40.0, 76.0, 121.26, 211.0])
@pytest.mark.parametrize("beats_per_bar", [3, 4])
def test_bars_at_the_exact_tempo_last_as_long_as_asked(duration_s: float, tempo_bpm: float, beats_per_bar: int) -> None:
    form = plan_form(duration_s, tempo_bpm, beats_per_bar)
    assert form.bars * beats_per_bar * 60 / form.tempo_bpm == pytest.approx(duration_s)
    if tempo_bpm >= slowest_tempo_bpm(duration_s, beats_per_bar):
        assert form.bars >= 4
        assert 0.8 <= form.tempo_bpm / tempo_bpm <= 1.25
    assert [s.first_bar for s in form.sections] == [
        sum(t.bars for t in form.sections[:i]) for i in range(len(form.sections))
    ]


def test_thirty_seconds_at_120_are_a_sixteen_bar_song_form() -> None:
    form = plan_form(30.0, 121.26, 4)
    assert [section.name for section in form.sections] == ["A", "A'", "B", "A'"]
    assert form.bars == 16
    assert form.tempo_bpm == pytest.approx(128.0)


@pytest.mark.parametrize("phrases", range(9, 40))
def test_long_forms_return_to_the_beginning(phrases: int) -> None:
    names = long_form(phrases)
    assert len(names) == phrases
    assert names[0] == "A"
    assert names[-1] == "A'"
    assert names.count("A") == 1  # later on every A is a return
    for before, after in itertools.pairwise(names):
        assert before[0] != after[0] or (before, after) == (before[0], f"{before[0]}'")
    first_seen = {name[0]: names.index(name[0]) for name in names}
    assert all(names[place] == letter for letter, place in first_seen.items())  # an idea before its variation


@pytest.mark.parametrize("duration_s", [0.0, 9.9, 180.1, -5.0, float("nan")])
def test_other_durations_are_refused_with_the_limits(duration_s: float) -> None:
    with pytest.raises(SettingsError, match="choose 10 to 180 seconds"):
        plan_form(duration_s, 100.0, 4)
