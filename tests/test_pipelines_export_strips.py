"""Strips: notes and strokes lie where their time and pitch say."""

import numpy as np
import pytest

from pipelines.export_strips import BAND, FAINTEST, LEAD_PX, LINE, Scale, roll_strip, scale_for, wave_strip
from pipelines.records import Audio, Note, Score, TempoMark
from pipelines.symbolic.piano_roll import to_data

SCALE = Scale(50.0, 600, 160)
NOTES = (Note(0.0, 60, 2.0, 110), Note(0.0, 72, 1.0, 20), Note(4.0, 48, 4.0, 80))
DATA = to_data(Score(NOTES, (TempoMark(0.0, 120.0),)))


def test_a_short_sound_fills_the_view_and_a_long_one_moves_whole_pixels_a_frame() -> None:
    short = scale_for(10.0, view_px=1200, height_px=180, frame_rate_hz=25)
    assert (short.width_px, short.x_at(0.0), short.x_at(10.0)) == (1200, LEAD_PX, 1200 - LEAD_PX)
    for rate in (25, 30):
        long = scale_for(60.0, view_px=1200, height_px=180, frame_rate_hz=rate)
        assert long.pixels_per_s / rate == 2.0
        assert long.width_px == 60 * 2 * rate + 2 * LEAD_PX


def test_notes_lie_at_their_seconds_and_pitches() -> None:
    strip = roll_strip(DATA, SCALE)
    assert strip.codes.shape == (160, 600)
    assert strip.starts_s.tolist() == [0.0, 0.0, 2.0]
    assert strip.ends_s.tolist() == [1.0, 0.5, 4.0]
    by_pitch = dict(zip((60, 72, 48), strip.boxes.tolist(), strict=True))
    assert by_pitch[60][:2] == [24, 73]  # 50 px less the gap
    assert by_pitch[48][:2] == [124, 223]
    assert by_pitch[72][3] < by_pitch[60][2] < by_pitch[48][2]  # higher is further up
    left, right, top, bottom = by_pitch[60]
    inside = strip.codes[top + 1 : bottom - 1, left + 1 : right - 1]
    assert inside.min() > 240  # velocity 110 is drawn full
    left, right, top, bottom = by_pitch[72]
    assert 150 < strip.codes[(top + bottom) // 2, left + 5] < 200  # the soft one is fainter
    assert (strip.codes[:, 24 + 100] == LINE).mean() > 0.5  # the bar at 2 s
    assert BAND in strip.codes


def test_an_empty_score_and_the_ends_of_the_keyboard_can_be_drawn() -> None:
    empty = roll_strip(to_data(Score((), (TempoMark(0.0, 120.0),))), SCALE)
    assert empty.boxes.shape == (0, 4)
    assert empty.codes.max() < FAINTEST
    whole = roll_strip(to_data(Score((Note(0, 0, 1, 1), Note(0, 127, 1, 127)), (TempoMark(0.0, 120.0),))), SCALE)
    assert whole.boxes[:, 2].min() >= 0
    assert whole.boxes[:, 3].max() <= 160
    assert (whole.codes >= FAINTEST).sum() > 100


@pytest.mark.parametrize("channels", [1, 2])
def test_strokes_are_as_high_as_the_sound_is_loud(channels) -> None:
    samples = np.zeros((80000, channels), np.float32)
    samples[:40000] = 0.5
    strip = wave_strip(Audio(samples, 8000), SCALE)
    heights = strip.boxes[:, 3] - strip.boxes[:, 2]
    count = (600 - 2 * LEAD_PX) // 6
    assert len(heights) == count
    sounding = strip.ends_s <= 5.0
    assert sounding.sum() == 41
    assert set(heights[sounding].tolist()) == {152}  # 160 less 4 px at each side
    assert set(heights[strip.starts_s >= 5.0].tolist()) <= {3, 4}  # silence is a thin line
    assert np.allclose(np.diff(strip.starts_s), 6 / 50)


def test_silence_can_be_drawn() -> None:
    strip = wave_strip(Audio(np.zeros((800, 2), np.float32), 8000), SCALE)
    assert (strip.boxes[:, 3] - strip.boxes[:, 2]).max() <= 4
