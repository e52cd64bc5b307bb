import json
import threading

import numpy as np
import pytest
from PIL import Image

from pipelines.records import Note, Score, Section, TempoMark
from pipelines.symbolic.piano_roll import BOTTOM_PX, LEFT_PX, RIGHT_PX, describe, draw, shade, to_data, write_png

TEMPO = (TempoMark(0.0, 60.0),)


def is_note(image: np.ndarray) -> np.ndarray:
    """Where a pixel is clearly bluer than red, as only notes are."""
    return image[..., 2].astype(int) - image[..., 0] > 40


def score_of(*notes: Note, **options) -> Score:
    return Score(tuple(sorted(notes)), options.pop("tempo_marks", TEMPO), **options)


def test_image_has_the_size_asked_for():
    image = draw(score_of(Note(0, 60, 1, 80)), width_px=640, height_px=240)
    assert image.shape == (240, 640, 3)
    assert image.dtype == np.uint8


def test_note_lies_where_its_time_and_pitch_say():
    image = draw(score_of(Note(0, 60, 4, 80), Note(12, 72, 4, 80)))
    rows, columns = np.nonzero(is_note(image))
    plot = 1200 - LEFT_PX - RIGHT_PX
    assert columns.min() == pytest.approx(LEFT_PX, abs=2)
    assert columns.max() == pytest.approx(LEFT_PX + plot, abs=6)
    assert set(np.unique(columns)).isdisjoint(range(LEFT_PX + plot // 4 + 4, LEFT_PX + 3 * plot // 4 - 4))
    early, late = rows[columns < 600].mean(), rows[columns > 600].mean()
    height = (420 - 34 - BOTTOM_PX) / 42
    assert early - late == pytest.approx(12 * height, abs=2)


def test_louder_is_darker():
    assert sum(shade(110)) < sum(shade(64)) < sum(shade(25))
    loud, soft = (draw(score_of(Note(0, 60, 4, velocity))) for velocity in (120, 30))
    assert loud[is_note(loud)].mean() < soft[is_note(soft)].mean() - 40


def test_growing_shows_only_what_has_come_and_keeps_its_axis():
    score = score_of(*(Note(beat, 60 + beat, 1, 80) for beat in range(16)))
    counts = [is_note(draw(score, until_beat=beat, duration_s=16)).sum() for beat in (0, 4, 8, 16)]
    assert counts[0] == 0
    assert counts[1] == pytest.approx(counts[3] / 4, rel=0.1)
    assert counts[2] == pytest.approx(counts[3] / 2, rel=0.1)
    part = score_of(*score.notes[:4])
    whole, partial = draw(score), draw(part, duration_s=16)
    left = slice(0, LEFT_PX + (1200 - LEFT_PX - RIGHT_PX) // 4 - 4)
    assert (is_note(whole)[:, left] == is_note(partial)[:, left]).mean() > 0.999


def test_duration_follows_tempo_changes():
    score = score_of(Note(0, 60, 4, 80), tempo_marks=(TempoMark(0.0, 60.0), TempoMark(4.0, 120.0)))
    columns = np.nonzero(is_note(draw(score, duration_s=10.0)))[1]  # 4 s of 4 beats, 6 s of 12
    assert columns.max() == pytest.approx(LEFT_PX + (1200 - LEFT_PX - RIGHT_PX) / 4, abs=6)


def test_empty_score_gives_empty_staves():
    image = draw(score_of())
    assert not is_note(image).any()
    assert len(np.unique(image)) > 5


def test_threads_draw_the_same():
    score = score_of(*(Note(beat, 60 + beat, 1, 80) for beat in range(8)))
    expected, images = draw(score), []
    threads = [threading.Thread(target=lambda: images.append(draw(score))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(images) == 4
    assert all(np.array_equal(image, expected) for image in images)


def test_png_is_read_back(tmp_path):
    image = draw(score_of(Note(0, 60, 4, 80)))
    write_png(image, tmp_path / "roll.png")
    with Image.open(tmp_path / "roll.png") as file:
        assert file.format == "PNG"
        assert np.array_equal(np.asarray(file), image)


def test_data_is_in_seconds_and_fit_for_json():
    sections = (Section("A", 0, 1), Section("B", 1, 1))
    marks = (TempoMark(0.0, 120.0), TempoMark(4.0, 60.0))
    score = score_of(
        Note(0, 60, 2, 80), Note(6, 64, 2, 50), tempo_marks=marks, tonic=9, mode="minor", sections=sections
    )
    data = json.loads(json.dumps(to_data(score)))
    assert data["notes"] == [
        {"start_s": 0.0, "end_s": 1.0, "pitch": 60, "velocity": 80},
        {"start_s": 4.0, "end_s": 6.0, "pitch": 64, "velocity": 50},
    ]
    assert data["bars_s"] == [0.0, 2.0, 6.0]
    assert data["sections"][1] == {"name": "B", "start_s": 2.0, "end_s": 6.0}
    assert (data["key"], data["tempo_bpm"], data["beats_per_bar"], data["duration_s"]) == ("A minor", 120.0, 4, 6.0)


def test_description_tells_what_is_heard():
    first = [Note(beat, 45, 2, 40) for beat in range(0, 8, 2)]
    second = [Note(8 + beat / 2, 45, 0.5, 40) for beat in range(16)]
    sections = tuple(Section(name, bar, 1) for bar, name in enumerate(("A", "A′", "B", "A′")))
    score = score_of(*first, *second, tonic=9, mode="minor", sections=sections)
    assert describe(score) == (
        "4 bars of 4/4 in A minor at 60 BPM, mostly low, soft, sparse, growing denser; the form is A A′ B A′."
    )
    assert describe(score_of(Note(0, 62, 4, 80), Note(1, 66, 1, 80), Note(2, 62, 1, 80))).startswith("1 bar of 4/4")
    assert describe(score_of()) == "No notes yet."


def test_description_of_loud_high_busy_music():
    notes = [Note(beat / 8, 80, 0.1, 120) for beat in range(64)]
    assert describe(score_of(*notes)) == "2 bars of 4/4 in C major at 60 BPM, mostly high, loud, busy."
