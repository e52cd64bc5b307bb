"""Keys of scales and tunes that everybody knows the key of."""

import pytest

from pipelines.records import Note
from pipelines.symbolic.key import Key, estimate_key, relative_mode

TWINKLE = [60, 60, 67, 67, 69, 69, 67, 65, 65, 64, 64, 62, 62, 60]
GREENSLEEVES = [57, 60, 62, 64, 65, 64, 62, 59, 55, 57, 59, 60, 57, 57, 56, 57, 59, 56, 52, 57, 57, 57]


@pytest.mark.parametrize("shift", range(12))
@pytest.mark.parametrize(("tune", "tonic", "mode"), [(TWINKLE, 0, "major"), (GREENSLEEVES, 9, "minor")])
def test_known_tunes_in_every_key(tune: list[int], tonic: int, mode: str, shift: int) -> None:
    key = estimate_key(Note(float(i), pitch + shift, 1.0, 64) for i, pitch in enumerate(tune))
    assert (key.tonic, key.mode) == ((tonic + shift) % 12, mode)
    assert key.clarity > 0.7


def test_no_notes_have_no_clear_key() -> None:
    assert estimate_key([]) == Key(0, "major", 0.0)


def test_scales_contain_their_notes() -> None:
    a_minor = Key(9, "minor", 1.0)
    assert [pitch for pitch in range(60, 72) if not a_minor.contains(pitch)] == [61, 63, 70]


@pytest.mark.parametrize("shift", range(12))
def test_relative_keys_are_told_apart(shift: int) -> None:
    for tune, mode in ((TWINKLE, "major"), (GREENSLEEVES, "minor")):
        assert relative_mode((Note(float(i), p + shift, 1.0, 64) for i, p in enumerate(tune)), shift) == mode
