import importlib.util
import sys
import threading
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import SettingsError, SoundError, SoundfontError
from pipelines.records import Audio, Note, Score, TempoMark
from pipelines.sound import loudness_lufs, peak_dbfs
from pipelines.symbolic import engine as engines
from pipelines.symbolic.soundfont import check_soundfont, find_soundfont
from pipelines.symbolic.synthesize import open_synthesizer, render, synthesize, write_wav

CHORDS = ((48, 55, 64, 72), (45, 52, 60, 69), (41, 53, 60, 65), (43, 55, 59, 67))


def piece(*, bars: int = 4, velocity: int = 80, bpm: float = 100.0, start_beat: float = 0.0) -> Score:
    notes = []
    for bar in range(bars):
        chord = CHORDS[bar % 4]
        notes += [Note(start_beat + bar * 4, pitch, 3.5, velocity) for pitch in chord[:3]]
        notes += [Note(start_beat + bar * 4 + step, chord[3] + (step % 2) * 12, 0.9, velocity) for step in range(4)]
    return Score(tuple(sorted(notes)), (TempoMark(0.0, bpm),))


def rms_at(audio: Audio, second: float, length_s: float = 0.05) -> float:
    first = round((second - audio.start_s) * audio.sample_rate_hz)
    part = audio.samples[first : first + round(length_s * audio.sample_rate_hz)]
    return float(np.sqrt(np.mean(part.astype(np.float64) ** 2)))


@pytest.fixture(params=["fluidsynth", "tinysoundfont"])
def each_engine(request, monkeypatch):
    if request.param == "tinysoundfont":
        pytest.importorskip("tinysoundfont")
        without_fluidsynth(monkeypatch)
    else:
        pytest.importorskip("fluidsynth")
    return request.param


def without_fluidsynth(monkeypatch) -> None:
    def missing():
        raise ImportError("Couldn't find the FluidSynth library.")

    monkeypatch.setattr(engines, "_fluidsynth", missing)


def test_whole_piece_loudness_peak_length(each_engine):
    score = piece(bars=8)
    audio = synthesize(score)
    assert audio.samples.dtype == np.float32
    assert audio.samples.shape[1] == 2
    assert audio.sample_rate_hz == 44100
    assert loudness_lufs(audio) == pytest.approx(-16.0, abs=0.3)
    assert peak_dbfs(audio) < -1.0
    assert score.duration_s + 0.2 < audio.duration_s < score.duration_s + 7.0
    assert np.abs(audio.samples[-1]).max() < 1e-6


@pytest.mark.parametrize("velocity", [20, 127])
def test_loudness_does_not_depend_on_velocity(velocity):
    audio = synthesize(piece(velocity=velocity))
    assert loudness_lufs(audio) == pytest.approx(-16.0, abs=0.3)
    assert peak_dbfs(audio) < -1.0


@pytest.mark.parametrize("pedal", ["none", "clear", "bar"])
def test_chunks_put_together_are_the_whole(each_engine, pedal):
    score = piece(bars=4, velocity=127)
    with open_synthesizer(pedal=pedal) as whole:
        whole.add(score.notes, score)
        expected = whole.finish()
    chunks = []
    with open_synthesizer(pedal=pedal) as live:
        for bar in range(4):
            live.add(score.notes_between(bar * 4, bar * 4 + 4), score)
            for second in (0.41, 0.77, 1.0):
                chunks.append(live.render_until(score.seconds_at((bar + second) * 4)))
        chunks.append(live.finish())
    position = 0
    for chunk in chunks:
        assert chunk.start_s == pytest.approx(position / 44100)
        position += len(chunk.samples)
    together = np.concatenate([chunk.samples for chunk in chunks])
    assert together.shape == expected.samples.shape
    assert np.abs(together - expected.samples).max() < 1e-6
    assert np.abs(together).max() < 10 ** (-1 / 20)


def test_live_sound_is_the_rendering_where_nothing_is_limited():
    score = piece(velocity=60)
    with open_synthesizer() as live:
        live.add(score.notes, score)
        sound = np.concatenate([live.render_until(3.0).samples, live.finish().samples])
    plain = render(score).samples
    assert np.abs(plain).max() < 0.8
    assert np.abs(sound - plain).max() < 1e-6


def test_live_gain_is_near_the_target():
    with open_synthesizer() as live:
        score = piece(bars=8)
        live.add(score.notes, score)
        assert -20 < loudness_lufs(live.finish()) < -12


def test_no_click_at_a_chunk_border():
    score = Score((Note(0.0, 48, 8.0, 90),), (TempoMark(0.0, 60.0),))
    with open_synthesizer(limit=False) as live:
        live.add(score.notes, score)
        parts = [live.render_until(second).samples for second in np.arange(1.0, 6.0, 0.25)]
    borders = np.cumsum([len(part) for part in parts])[:-1]
    steps = np.abs(np.diff(np.concatenate(parts), axis=0)).max(axis=1)
    usual = steps[44100:].max()
    assert all(steps[border - 1] <= usual for border in borders)


def test_notes_sound_when_the_score_says(each_engine):
    score = Score((Note(2.0, 72, 0.5, 100), Note(6.0, 84, 0.5, 100)), (TempoMark(0.0, 120.0),))
    with open_synthesizer(pedal="none", limit=False) as synthesizer:
        synthesizer.add(score.notes, score)
        audio = synthesizer.finish()
    loud = np.flatnonzero(np.abs(audio.samples).max(axis=1) > 0.003)
    assert loud[0] / 44100 == pytest.approx(1.0, abs=0.01)
    assert rms_at(audio, 2.94) * 4 < rms_at(audio, 3.02)


def test_silence_before_the_first_note_is_left_out():
    audio = synthesize(piece(start_beat=10.0))
    assert audio.start_s == pytest.approx(6.0 - 0.02, abs=1e-4)
    assert rms_at(audio, 6.02, 0.1) > 0.01


def test_late_note_sounds_at_once_and_a_past_one_never():
    score = Score((Note(0.0, 60, 4.0, 100), Note(0.5, 30, 0.5, 100)), (TempoMark(0.0, 60.0),))
    with open_synthesizer(pedal="none", limit=False) as live:
        assert np.abs(live.render_until(2.0).samples).max() < 1e-4
        live.add(score.notes[1:], score)
        assert np.abs(live.render_until(2.5).samples).max() < 1e-4
        live.add(score.notes[:1], score)
        assert np.abs(live.render_until(3.0).samples).max() > 0.02


def test_the_same_key_struck_again_is_not_cut_by_the_first_release():
    score = Score((Note(0.0, 60, 1.0, 90), Note(0.5, 60, 3.5, 90)), (TempoMark(0.0, 60.0),))
    twice, once = render(score, pedal="none"), render(replace(score, notes=score.notes[1:]), pedal="none")
    assert rms_at(twice, 2.5) == pytest.approx(rms_at(once, 2.5), rel=0.2)


def test_pedal_holds_a_short_note_and_is_lifted_at_the_next_harmony():
    notes = (Note(0.0, 48, 0.2, 90), Note(2.0, 60, 0.2, 90), Note(3.0, 61, 0.2, 90))
    score = Score(notes, (TempoMark(0.0, 60.0),))
    with_pedal, without = render(score, pedal="clear"), render(score, pedal="none")
    assert rms_at(with_pedal, 1.5) > 4 * rms_at(without, 1.5)
    assert rms_at(with_pedal, 2.9) < 2 * rms_at(without, 2.9) + 1e-3  # a semitone: no pedal in the second half


def test_ensemble_of_channels_at_another_rate():
    score = piece(bars=2)
    with open_synthesizer(sample_rate_hz=32000, programs={0: 48, 1: 32, 9: 0}, pedal="none") as ensemble:
        ensemble.add(score.notes, score)
        ensemble.add([Note(beat, 36, 0.5, 100) for beat in range(8)], score, channel=9)
        audio = ensemble.finish()
    assert audio.sample_rate_hz == 32000
    assert audio.duration_s > score.duration_s
    assert loudness_lufs(audio) > -30


def test_many_visitors_at_once_hear_what_one_hears():
    score = piece(bars=2)
    alone = render(score).samples
    results: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: results.append(render(score).samples)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert all(np.array_equal(result, alone) for result in results)


def test_score_without_notes_is_a_short_silence():
    audio = synthesize(Score((), (TempoMark(0.0, 100.0),)))
    assert audio.duration_s < 1.0
    assert np.abs(audio.samples).max(initial=0.0) < 1e-3


def test_made_by_names_synthesizer_and_soundfont(each_engine):
    with open_synthesizer() as synthesizer:
        made_by = synthesizer.made_by
    font = find_soundfont(limit_bytes=None if each_engine == "fluidsynth" else 50_000_000).stem
    stand_in = "stand-in synthesizer tinysoundfont"
    assert made_by == f"{'FluidSynth' if each_engine == 'fluidsynth' else stand_in} with {font}"


def test_no_synthesizer_at_all_names_the_cure(monkeypatch):
    without_fluidsynth(monkeypatch)
    monkeypatch.setitem(sys.modules, "tinysoundfont", None)
    with pytest.raises(SoundError, match=r"Debian package fluidsynth .* pip package tinysoundfont"):
        open_synthesizer()


@pytest.mark.parametrize("options", [{"sample_rate_hz": 100}, {"pedal": "left"}])
def test_settings_outside_their_range(options):
    with pytest.raises(SettingsError):
        open_synthesizer(**options)


def test_channel_without_a_program_is_an_error_not_a_silence():
    with open_synthesizer() as synthesizer, pytest.raises(SettingsError, match="Channel 5 has no program"):
        synthesizer.add(piece().notes, piece(), channel=5)


def test_wav_is_read_back(tmp_path):
    audio = synthesize(piece(bars=1))
    write_wav(audio, tmp_path / "a.wav")
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 44100)
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert np.abs(pcm / 32767.0 - audio.samples).max() <= 0.51 / 32767
    assert np.abs(pcm).max() < 32767 * 10 ** (-1 / 20)


def packaged_font() -> bytes:
    spec = importlib.util.find_spec("pretty_midi")
    if spec is None or spec.origin is None:
        pytest.skip("pretty_midi is not installed")
    return find_soundfont(system=(), limit_bytes=None, user_folder=Path("none")).read_bytes()


def test_own_soundfont_goes_first_and_plays(tmp_path, each_engine):
    (tmp_path / "Mine.SF2").write_bytes(packaged_font())
    path = find_soundfont(user_folder=tmp_path)
    assert path.name == "Mine.SF2"
    score = piece(bars=1)
    with open_synthesizer(soundfont=path) as synthesizer:
        assert synthesizer.made_by.endswith("with Mine")
        synthesizer.add(score.notes, score)
        assert -22 < loudness_lufs(synthesizer.finish()) < -10


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda whole: whole[: len(whole) // 2], "bytes of"),
        (lambda whole: b"", "does not begin"),
        (lambda whole: b"<html>not found</html>" * 9, "does not begin"),
        (lambda whole: whole[:-8].replace(b"pdta", b"xdta") + whole[-8:], "pdta is missing"),
    ],
)
def test_damaged_own_soundfont_is_named(tmp_path, damage, why):
    (tmp_path / "broken.sf2").write_bytes(damage(packaged_font()))
    with pytest.raises(SoundfontError, match=rf"broken\.sf2 is damaged \(.*{why}"):
        find_soundfont(user_folder=tmp_path)


def test_soundfont_damaged_inside_is_an_error_of_ours(tmp_path, each_engine):
    whole = packaged_font()
    table = whole.rindex(b"pdta") + 4
    path = tmp_path / "inside.sf2"
    path.write_bytes(whole[:table] + b"\xff" * (len(whole) - table))
    check_soundfont(path)
    with pytest.raises(SoundfontError, match="inside"):
        open_synthesizer(soundfont=path)


def test_no_soundfont_names_the_cure(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SoundfontError, match="fluid-soundfont-gm"):
        find_soundfont(user_folder=tmp_path, system=(tmp_path / "none.sf2",))
