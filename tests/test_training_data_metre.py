"""Metre: phases, downbeats and shifts of rhythms whose bars are known."""

import numpy as np
import pytest

from pipelines.records import Note
from training.data.metre import downbeat_offset, grid_fit, shift_to_downbeat, sixteenth_phase


def waltz_or_march(beats_per_bar: int, bars: int, late_beats: float) -> list[Note]:
    """Low long notes on the downbeats, short higher ones on the other beats."""
    notes = []
    for beat in range(bars * beats_per_bar):
        down = beat % beats_per_bar == 0
        notes.append(Note(beat + late_beats, 40 if down else 64, 2.0 if down else 0.5, 80))
    return notes


@pytest.mark.parametrize("beats_per_bar", [3, 4])
@pytest.mark.parametrize("late_beats", [0.0, 1.0, 2.0])
def test_the_downbeat_is_found(beats_per_bar: int, late_beats: float) -> None:
    assert downbeat_offset(waltz_or_march(beats_per_bar, 8, late_beats), beats_per_bar) == late_beats


def test_the_sixteenths_phase_is_found() -> None:
    starts = np.arange(64) / 4 + 0.07
    phase, concentration = sixteenth_phase(starts)
    assert phase == pytest.approx(0.07)
    assert concentration == pytest.approx(1.0)
    assert sixteenth_phase(np.random.default_rng(0).uniform(0, 64, 4000))[1] < 0.1


def test_grid_fit_knows_straight_triplet_and_free_time() -> None:
    assert grid_fit(np.arange(32) / 4) == 1.0
    assert grid_fit(np.arange(32) / 3) == 1.0
    assert grid_fit(np.random.default_rng(0).uniform(0, 64, 4000)) < 0.5
    assert grid_fit(np.zeros(0)) == 0.0


def test_notes_are_moved_so_that_a_bar_begins_at_the_offset() -> None:
    moved = shift_to_downbeat(waltz_or_march(4, 4, 1.0), 1.0, 4)
    assert [n.start_beat for n in moved if n.pitch == 40] == [0.0, 4.0, 8.0, 12.0]
    pickup = shift_to_downbeat([Note(0.5, 60, 0.5, 80), Note(1.0, 40, 1.0, 80)], 1.0, 4)
    assert [n.start_beat for n in pickup] == [3.5, 4.0]
