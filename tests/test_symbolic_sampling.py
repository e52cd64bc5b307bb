"""Drawing: the nucleus, the seed, and the rules of metre and key."""

import numpy as np
import pytest

from pipelines.symbolic.events import GRID, PITCH_LOW, SIZES
from pipelines.symbolic.sampling import (
    BAR,
    FORBIDDEN,
    MOST_NOTES_A_BAR,
    PITCH,
    POSITION,
    Rows,
    Temperature,
    draw,
)


def rows(*, bar: int = 0, position: int = 0, beats: int = 4, tempo_bpm: float = 120.0, minor: bool = False) -> Rows:
    made = Rows(
        beats_per_bar=np.array([beats]),
        tempo_bpm=np.array([tempo_bpm]),
        minor=np.array([minor]),
        bar=np.array([bar]),
        position=np.array([position]),
        last_bar=np.array([4]),
        dominant_bar=np.array([2]),
    )
    made.opening = False
    return made


def allowed(logits: np.ndarray) -> list[int]:
    return np.flatnonzero(logits[0] > FORBIDDEN / 2).tolist()


def restricted(state: Rows, field: str, index: int, chosen: list[int]) -> np.ndarray:
    logits = np.zeros((1, SIZES[field]), np.float32)
    state.restrict(index, logits, np.array([chosen]), state.position_choices())
    return logits


def test_draw_keeps_to_the_nucleus_and_the_proportions() -> None:
    probabilities = np.array([0.6, 0.3, 0.06, 0.04])
    logits = np.tile(np.log(probabilities), (20000, 1)).astype(np.float32)
    drawn = draw(logits, Temperature(1.0, 0.85), np.random.default_rng(0))
    share = np.bincount(drawn, minlength=4) / len(drawn)
    assert share[2:].sum() == 0
    assert share[0] == pytest.approx(2 / 3, abs=0.015)


def test_draw_repeats_with_its_seed() -> None:
    logits = np.random.default_rng(1).normal(size=(50, 88)).astype(np.float32)
    first, again, other = (draw(logits, Temperature(), np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert (first == again).all()
    assert (first != other).any()


def test_only_the_present_and_the_next_bar_can_follow() -> None:
    assert allowed(restricted(rows(position=24), "bar", BAR, [0] * 5)) == [0, 1]


def test_a_piece_begins_on_its_first_beat() -> None:
    state = rows(position=-1)
    state.opening = True
    assert allowed(restricted(state, "bar", BAR, [0] * 5)) == [0]
    assert allowed(restricted(state, "position", POSITION, [0] * 5)) == [0]


def test_a_later_phrase_opens_in_its_first_bar() -> None:
    state = rows(bar=3, position=6)
    state.opening = True
    assert allowed(restricted(state, "bar", BAR, [0] * 5)) == [1]


def test_positions_lie_on_sixteenths_or_triplets_inside_the_bar_within_two_seconds() -> None:
    places = allowed(restricted(rows(position=0, beats=3, tempo_bpm=60.0), "position", POSITION, [0] * 5))
    assert places == [p for p in range(3 * GRID) if (p % 3 == 0 or p % 4 == 0) and p <= 2 * GRID]


def test_a_chord_goes_upwards_and_stays_in_key() -> None:
    state = rows(position=12)
    state.pitch = np.array([40])
    logits = restricted(state, "pitch", PITCH, [0, 12, 0, 0, 0])
    assert min(allowed(logits)) == 41
    black = logits[0, [i for i in range(41, 88) if (i + PITCH_LOW) % 12 in (1, 3, 6, 8, 10)]]
    assert (black < 0).all()
    assert logits[0, 60 - PITCH_LOW + 12] == 0


def test_the_dominant_is_favoured_before_the_last_bar() -> None:
    state = rows(bar=2, position=24, minor=True)
    first = restricted(state, "pitch", PITCH, [0, 27, 0, 0, 0])
    assert {(pitch + PITCH_LOW) % 12 for pitch in allowed(first)} == {4}  # its bass is its root
    state.led = np.array([True])
    logits = restricted(state, "pitch", PITCH, [0, 30, 0, 0, 0])
    assert logits[0, 64 - PITCH_LOW] > logits[0, 65 - PITCH_LOW]  # e rather than f
    assert logits[0, 68 - PITCH_LOW] > logits[0, 67 - PITCH_LOW]  # the leading note g sharp rather than g


def test_the_piece_does_not_end_before_the_dominant_has_sounded() -> None:
    state = rows(bar=2, position=12)
    assert allowed(restricted(state, "bar", BAR, [0] * 5)) == [0]
    state.advance(np.array([[0, 24, 30, 5, 5]]))
    assert state.led[0]
    assert 1 in allowed(restricted(state, "bar", BAR, [0] * 5))


def test_no_bar_grows_without_end() -> None:
    state = rows(position=24)
    state.in_bar = np.array([MOST_NOTES_A_BAR])
    assert allowed(restricted(state, "bar", BAR, [0] * 5)) == [1]


def test_a_row_is_done_when_it_leaves_its_phrase() -> None:
    state = rows(bar=3, position=40)
    state.advance(np.array([[0, 42, 30, 5, 5]]))
    assert not state.done[0]
    state.advance(np.array([[1, 0, 30, 5, 5]]))
    assert state.done[0]
