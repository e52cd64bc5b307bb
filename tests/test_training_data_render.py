import json
import os
import shutil
import wave

import numpy as np
import pytest

from pipelines.errors import MidiError, SettingsError, SoundError, SoundfontError
from pipelines.records import Audio, Note, Score, TempoMark
from pipelines.sound import loudness_lufs
from pipelines.symbolic.midi import write_midi
from pipelines.symbolic.soundfont import find_soundfont
from training.data import render
from training.data.render import RenderSettings, cut, midi_length_s, pieces_in, play_midi, render_file, render_files

RATE = 32_000
TWO = RenderSettings(clip_s=2.0)


def has_sound() -> bool:
    try:
        find_soundfont()
    except SoundfontError:
        return False
    return shutil.which("fluidsynth") is not None


needs_fluidsynth = pytest.mark.skipif(not has_sound(), reason="the program fluidsynth or a soundfont is missing")


def melody(seconds: float, *, first_s: float = 0.0) -> Score:
    """A note every half second at 120 beats a minute."""
    notes = [Note(2 * first_s + i, 60 + i % 5, 0.9, 90) for i in range(round(2 * seconds))]
    return Score(tuple(notes), (TempoMark(0, 120),))


def tone(seconds: float) -> np.ndarray:
    return (0.2 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


def test_sound_is_cut_without_overlap_to_one_length_and_level():
    pieces = cut(np.concatenate([silence(0.7), tone(5.0)]), TWO)
    assert [len(piece.samples) for piece in pieces] == [2 * RATE] * 2
    assert [piece.start_s for piece in pieces] == [0.0, 2.0]
    for piece in pieces:
        assert piece.samples.shape[1] == 1
        assert loudness_lufs(piece) == pytest.approx(-16, abs=0.1)
        assert np.abs(piece.samples).max() < 10 ** (-1 / 20)
        assert np.abs(piece.samples[: RATE // 5]).max() > 0.1  # the silence before is gone


def test_the_second_piece_goes_on_where_the_first_ends():
    samples = tone(4.0) * np.linspace(1, 2, 4 * RATE, dtype=np.float32)
    first, second = (piece.samples[RATE // 10 : -RATE // 10, 0] for piece in cut(samples, TWO))
    whole = samples[: 2 * RATE][RATE // 10 : -RATE // 10], samples[2 * RATE :][RATE // 10 : -RATE // 10]
    for piece, source in zip((first, second), whole, strict=True):
        assert np.corrcoef(piece, source)[0, 1] == pytest.approx(1, abs=1e-4)


def test_silent_pieces_are_dropped_and_nearly_whole_rests_are_filled_up():
    assert [p.start_s for p in cut(np.concatenate([tone(2.0), silence(2.0), tone(2.0)]), TWO)] == [0.0, 4.0]
    assert cut(silence(10.0), TWO) == []
    assert cut(np.zeros(0, np.float32), TWO) == []
    nearly = cut(tone(3.85), TWO)
    assert [len(piece.samples) for piece in nearly] == [2 * RATE] * 2
    assert not nearly[1].samples[-RATE // 10 :].any()
    assert len(cut(tone(3.7), TWO)) == 1


def test_how_many_pieces_a_length_gives():
    assert [pieces_in(seconds, 30) for seconds in (26.9, 27.1, 30, 56, 57.1, 90)] == [0, 1, 1, 1, 2, 3]


def test_lengths_out_of_range_are_refused():
    with pytest.raises(SettingsError, match="cannot last 0 seconds"):
        RenderSettings(clip_s=0)


def test_midi_without_sense_is_refused(tmp_path):
    (tmp_path / "odd.mid").write_bytes(b"no MIDI")
    with pytest.raises(MidiError, match=r"odd\.mid cannot be read"):
        midi_length_s(tmp_path / "odd.mid")
    write_midi(Score((), (TempoMark(0, 120),)), tmp_path / "empty.mid")
    with pytest.raises(MidiError, match="no notes"):
        midi_length_s(tmp_path / "empty.mid")
    write_midi(melody(1), tmp_path / "timeless.mid")
    data = (tmp_path / "timeless.mid").read_bytes()
    (tmp_path / "timeless.mid").write_bytes(data[:12] + b"\0\0" + data[14:])  # no ticks a beat
    with pytest.raises(MidiError, match=r"timeless\.mid has impossible times"):
        midi_length_s(tmp_path / "timeless.mid")


def put_program(folder, monkeypatch, script: str) -> None:
    """Make a shell script the program fluidsynth, which gets the file to write as $5 and the MIDI file last."""
    (folder / "bin").mkdir()
    (folder / "bin" / "fluidsynth").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "bin" / "fluidsynth").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder / "bin"), prepend=os.pathsep)


@pytest.mark.parametrize("script", ["exit 3", "exit 0", 'echo no sound > "$5"', "kill -SEGV $$"])
def test_a_file_that_the_program_refuses_is_named(tmp_path, monkeypatch, script):
    write_midi(melody(1), tmp_path / "a.mid")
    put_program(tmp_path, monkeypatch, script)
    with pytest.raises(MidiError, match=r"FluidSynth could not play a\.mid"):
        play_midi(tmp_path / "a.mid", tmp_path / "any.sf2", sample_rate_hz=RATE)


def test_a_program_that_cannot_be_started_stops_all(tmp_path, monkeypatch):
    write_midi(melody(1), tmp_path / "a.mid")
    put_program(tmp_path, monkeypatch, "exit 0")
    (tmp_path / "bin" / "fluidsynth").write_bytes(b"\x7fELF and no program")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(render, "find_soundfont", lambda: tmp_path / "a.mid")
    with pytest.raises(SoundError, match="cannot be started"):
        list(render_files([tmp_path / "a.mid"], tmp_path / "cache", TWO, processes=1))


def test_a_missing_program_is_named(tmp_path, monkeypatch):
    write_midi(melody(1), tmp_path / "a.mid")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SoundError, match="apt install fluidsynth"):
        play_midi(tmp_path / "a.mid", tmp_path / "any.sf2", sample_rate_hz=RATE)


@needs_fluidsynth
def test_a_file_is_played_cut_written_and_not_rendered_again(tmp_path, monkeypatch):
    write_midi(melody(4.5, first_s=1.0), tmp_path / "a.mid")
    assert midi_length_s(tmp_path / "a.mid") == pytest.approx(5.45, abs=0.01)
    wavs = render_file(tmp_path / "a.mid", tmp_path / "cache", TWO)
    assert [path.name for path in wavs][:2] == ["000.wav", "001.wav"]
    with wave.open(str(wavs[0])) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        assert file.getnframes() == 2 * RATE
        samples = np.frombuffer(file.readframes(2 * RATE), "<i2")[:, None].astype(np.float32) / 32767
    assert loudness_lufs(Audio(samples, RATE)) == pytest.approx(-16, abs=0.2)
    assert json.loads((wavs[0].parent / "done.json").read_text())["pieces"] == len(wavs)
    monkeypatch.setattr(render, "play_midi", lambda *args, **options: pytest.fail("rendered again"))
    assert render_file(tmp_path / "a.mid", tmp_path / "cache", TWO) == wavs


@needs_fluidsynth
def test_a_dropped_piece_leaves_a_gap_in_the_names(tmp_path):
    notes = (*melody(2).notes, *melody(2, first_s=8.0).notes)
    write_midi(Score(notes, (TempoMark(0, 120),)), tmp_path / "a.mid")
    wavs = render_file(tmp_path / "a.mid", tmp_path / "cache", TWO)
    assert [path.name for path in wavs] == ["000.wav", "004.wav"]


@needs_fluidsynth
def test_a_folder_that_is_not_whole_is_rendered_anew(tmp_path):
    write_midi(melody(2), tmp_path / "a.mid")
    (wav,) = render_file(tmp_path / "a.mid", tmp_path / "cache", TWO)
    before = wav.read_bytes()
    wav.write_bytes(b"cut off")
    (wav.parent / "005.wav").write_bytes(b"left over")
    (wav.parent / "done.json").unlink()
    assert render_file(tmp_path / "a.mid", tmp_path / "cache", TWO) == [wav]
    assert wav.read_bytes() == before  # and the same sound again


@needs_fluidsynth
def test_files_are_rendered_side_by_side_and_one_that_fails_stops_no_other(tmp_path):
    for name in "abc":
        write_midi(melody(2 if name != "c" else 4), tmp_path / f"{name}.mid")
    (tmp_path / "b.mid").write_bytes(b"no MIDI")
    paths = [tmp_path / f"{name}.mid" for name in "abcd"]
    found = dict(render_files(paths, tmp_path / "cache", TWO, processes=2))
    assert isinstance(found[paths[1]], MidiError)
    assert "d.mid cannot be read; check that it is there" in str(found[paths[3]])
    assert [len(found[path]) for path in (paths[0], paths[2])] == [1, 2]
