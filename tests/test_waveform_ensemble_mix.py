"""What the ensemble needs of the symbolic lane: a mix of channels, a given end, a piece at a given tempo and mode."""

import numpy as np
import pytest

from pipelines.errors import SettingsError
from pipelines.records import Note, Score, TempoMark
from pipelines.symbolic import engine as engines
from pipelines.symbolic.cadence import broaden_at
from pipelines.symbolic.composer import ComposerSettings
from pipelines.symbolic.engine import DRUM_CHANNEL, ChannelMix
from pipelines.symbolic.form import phrases_of, plan_form_at
from pipelines.symbolic.synthesize import open_synthesizer

NOTE = Score((Note(0.0, 60, 2.0, 90),), (TempoMark(0.0, 120.0),))


@pytest.fixture(params=["fluidsynth", "tinysoundfont"])
def each_engine(request, monkeypatch):
    if request.param == "tinysoundfont":
        pytest.importorskip("tinysoundfont")

        def missing():
            raise ImportError("Couldn't find the FluidSynth library.")

        monkeypatch.setattr(engines, "_fluidsynth", missing)
    else:
        pytest.importorskip("fluidsynth")
    return request.param


def sound(mix: ChannelMix, *, program: int = 0) -> np.ndarray:
    with open_synthesizer(
        sample_rate_hz=32000, programs={3: program}, pedal="none", mix={3: mix}, gain=0.5, limit=False
    ) as synthesizer:
        synthesizer.add(NOTE.notes, NOTE, channel=3)
        return synthesizer.finish_at(1.5).samples.astype(np.float64)


def level_db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(samples**2)))


def test_volume_follows_general_midi(each_engine):
    loud, soft = (level_db(sound(ChannelMix(volume=volume, reverb=0))) for volume in (120, 60))
    assert loud - soft == pytest.approx(40 * np.log10(2), abs=1.5)


def test_pan_goes_from_left_to_right(each_engine):
    left, right = (sound(ChannelMix(pan=pan, reverb=0), program=73) for pan in (10, 117))
    assert level_db(left[:, 0]) - level_db(left[:, 1]) > 4
    assert level_db(right[:, 1]) - level_db(right[:, 0]) > 4


def test_reverb_lengthens_the_tail_in_fluidsynth():
    pytest.importorskip("fluidsynth")
    dry, wet = (sound(ChannelMix(reverb=send), program=12)[-8000:] for send in (0, 127))
    assert level_db(wet) > level_db(dry) + 6


def test_an_unknown_drum_kit_falls_back_to_the_standard_one(each_engine):
    strokes = Score((Note(0.0, 38, 0.2, 100), Note(1.0, 36, 0.2, 100)), (TempoMark(0.0, 120.0),))
    parts = []
    for kit in (0, 77):
        with open_synthesizer(programs={DRUM_CHANNEL: kit}, gain=0.5, limit=False) as synthesizer:
            synthesizer.add(strokes.notes, strokes, channel=DRUM_CHANNEL)
            parts.append(synthesizer.finish_at(1.0).samples)
    assert np.abs(parts[0]).max() > 0.01
    assert np.array_equal(parts[0], parts[1])


def test_the_end_is_exactly_where_it_was_asked_and_silent():
    with open_synthesizer(sample_rate_hz=32000, gain=0.5) as synthesizer:
        synthesizer.add(NOTE.notes, NOTE)
        first = synthesizer.render_until(0.5)
        assert synthesizer.rendered_s == pytest.approx(0.5)
        last = synthesizer.finish_at(0.8, fade_s=0.2)
    assert len(first.samples) + len(last.samples) == 25_600
    assert np.abs(last.samples[-1]).max() < 1e-6
    assert np.abs(last.samples[:1000]).max() > 1e-3


@pytest.mark.parametrize("duration_s", [20.0, 30.0, 60.0, 180.0])
@pytest.mark.parametrize("beats", [4, 3])
def test_a_given_tempo_is_kept(duration_s, beats):
    for tempo in range(60, 184, 4):
        form = plan_form_at(duration_s, tempo, beats)
        before_s = (form.bars - 1) * beats * 60 / form.tempo_bpm
        assert form.tempo_bpm == pytest.approx(tempo, rel=0.06 if duration_s < 30 else 0.026)
        assert 2.3 <= duration_s - before_s <= 8.0
        assert form.sections[-1].name == "A'"


@pytest.mark.parametrize("bars", range(4, 60))
def test_phrases_cover_all_bars(bars):
    sections = phrases_of(bars)
    assert sum(section.bars for section in sections) == bars
    position = 0
    for section in sections:
        assert section.first_bar == position
        assert 2 <= section.bars <= 5
        position += section.bars


def test_the_final_chord_takes_the_time_that_is_left():
    marks = broaden_at(100.0, 12, 4, 30.0, 5.0)
    assert marks[0] == TempoMark(0.0, 100.0)
    assert marks[-1].beat == 44.0
    score = Score((Note(0.0, 60, 48.0, 80),), marks)
    assert score.duration_s == pytest.approx(30.0)
    assert score.seconds_at(40.0) == pytest.approx(24.0)


@pytest.mark.parametrize(
    ("wish", "what"),
    [
        ({"tempo_bpm": 300.0}, "300"),
        ({"tempo_bpm": 20.0}, "20"),
        ({"mode": "dorian"}, "dorian"),
        ({"beats_per_bar": 5}, "5 beats"),
    ],
)
def test_wishes_out_of_range_are_named(wish, what):
    with pytest.raises(SettingsError, match=what):
        ComposerSettings(**wish).check()
