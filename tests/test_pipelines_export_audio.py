"""MP3 and OGG: decoded again, as long as the sound, with its tags; and what ffmpeg's troubles are to a person."""

import json
import shutil
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import SettingsError, SoundError, StoppedError
from pipelines.export_audio import export_audio, open_pcm, read_wav
from pipelines.export_ffmpeg import Tags, encode, tags_of
from pipelines.records import Audio
from pipelines.sound import write_wav

RATE = 44100
TAGS = Tags("Boat (piano)", "Sad: valence 3.00, arousal 3.00; seed 7", "Apache-2.0")
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


def tone(seconds: float, *, rate: int = RATE, channels: int = 2) -> Audio:
    time = np.arange(round(seconds * rate)) / rate
    wave_form = 0.4 * np.sin(2 * np.pi * 440 * time)
    return Audio(np.repeat(wave_form[:, None], channels, axis=1).astype(np.float32), rate)


def probe(path: Path) -> dict:
    command = ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", str(path)]
    return json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)


def decoded(path: Path, channels: int) -> np.ndarray:
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "f32le", "-"]
    raw = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    return np.frombuffer(raw, "<f4").reshape(-1, channels)


@needs_ffmpeg
@pytest.mark.parametrize(("suffix", "codec"), [(".mp3", "mp3"), (".ogg", "vorbis")])
@pytest.mark.parametrize(("rate", "channels"), [(44100, 2), (32000, 1)])
def test_what_is_decoded_again_is_the_same_sound(tmp_path, suffix, codec, rate, channels) -> None:
    audio = tone(2.5, rate=rate, channels=channels)
    write_wav(audio, tmp_path / "a.wav")
    path = export_audio(tmp_path / "a.wav", tmp_path / f"a{suffix}", tags=TAGS)
    found = probe(path)
    stream = found["streams"][0]
    assert (stream["codec_name"], int(stream["sample_rate"]), stream["channels"]) == (codec, rate, channels)
    samples = decoded(path, channels)
    assert len(samples) == pytest.approx(len(audio.samples), abs=1200)
    middle = slice(rate, 2 * rate)
    assert np.abs(samples[middle] - audio.samples[middle]).max() < 0.05
    assert {p.name for p in tmp_path.iterdir()} == {"a.wav", f"a{suffix}"}


@needs_ffmpeg
def test_the_bit_rate_and_the_tags(tmp_path) -> None:
    mp3, ogg = (export_audio(tone(4), tmp_path / name, tags=TAGS) for name in ("a.mp3", "a.ogg"))
    assert int(probe(mp3)["streams"][0]["bit_rate"]) == 192000
    for tags in (probe(mp3)["format"]["tags"], probe(ogg)["streams"][0]["tags"]):
        lower = {key.lower(): value for key, value in tags.items()}
        assert lower["title"] == "Boat (piano)"
        assert lower["artist"] == "Ekphonia"
        assert lower["comment"] == TAGS.comment
        assert lower["copyright"] == "Apache-2.0"


@needs_ffmpeg
def test_the_same_sound_gives_the_same_bytes_from_memory_or_from_a_file(tmp_path) -> None:
    write_wav(tone(1), tmp_path / "a.wav")
    for suffix in (".mp3", ".ogg"):
        one = export_audio(tone(1), tmp_path / f"one{suffix}", tags=TAGS)
        two = export_audio(tmp_path / "a.wav", tmp_path / f"two{suffix}", tags=TAGS)
        assert one.read_bytes() == two.read_bytes()


@needs_ffmpeg
def test_progress_grows_to_one(tmp_path) -> None:
    told: list[float] = []
    export_audio(tone(8), tmp_path / "a.mp3", tags=TAGS, progress=told.append)
    assert told == sorted(told)
    assert len(told) == 7  # six pieces of 65,536 frames, and the end
    assert told[-1] == 1.0


def test_tags_say_picture_emotion_seed_and_licence() -> None:
    steps = [
        {"name": "score", "made_by": "embedded composer", "licence": "Apache-2.0"},
        {"name": "audio", "made_by": "FluidSynth with FluidR3_GM"},
    ]
    wanted = {"label": "Sad", "valence": 3.0, "arousal": 2.5}
    chain = {"settings": {"seed": 7}, "steps": steps, "wanted": wanted}
    tags = tags_of({"picture": {"name": "boat.jpg"}, "chains": {"symbolic": chain}}, "symbolic")
    assert tags.title == "boat (piano)"
    assert tags.licence == "Apache-2.0"
    assert tags.comment == (
        "Sad: valence 3.00, arousal 2.50; seed 7; made by embedded composer, FluidSynth with FluidR3_GM; "
        "licence of the models: Apache-2.0"
    )
    assert (
        tags_of({"picture": None, "chains": {"symbolic": {"steps": [], "settings": {}}}}, "symbolic").title == "Piano"
    )
    with pytest.raises(SettingsError, match="no waveform music"):
        tags_of({"chains": {"symbolic": chain}}, "waveform")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be opened"),
        (b"", "no WAV file"),
        (b"RIFF....WAVEfmt ", "no WAV file"),
        (b"\0" * 99, "no WAV file"),
    ],
)
def test_what_is_no_wav_leaves_nothing_behind(tmp_path, content, message) -> None:
    if content is not None:
        (tmp_path / "a.wav").write_bytes(content)
    before = list(tmp_path.iterdir())
    with pytest.raises(SettingsError, match=message), open_pcm(tmp_path / "a.wav"):
        pass
    if shutil.which("ffmpeg"):
        with pytest.raises(SettingsError, match=message):
            export_audio(tmp_path / "a.wav", tmp_path / "new" / "a.mp3", tags=TAGS)
    assert list(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("channels", "width", "frames", "message"),
    [(6, 2, 10, "6 channels"), (2, 3, 10, "24 bits"), (2, 2, 0, "no sound")],
)
def test_a_wav_of_another_kind_is_refused(tmp_path, channels, width, frames, message) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((channels, width, RATE, 0, "NONE", ""))
        file.writeframes(b"\0" * channels * width * frames)
    with pytest.raises(SettingsError, match=message):
        read_wav(tmp_path / "a.wav")


def test_a_wav_is_read_as_it_was_written(tmp_path) -> None:
    write_wav(tone(0.5), tmp_path / "a.wav")
    audio = read_wav(tmp_path / "a.wav")
    assert audio.samples.shape == (22050, 2)
    assert np.abs(audio.samples - tone(0.5).samples).max() <= 0.5 / 32767 + 1e-6


@needs_ffmpeg
def test_a_target_that_cannot_be_is_told_before_any_work(tmp_path) -> None:
    with pytest.raises(SettingsError, match=r"does not end in \.mp3 or \.ogg"):
        export_audio(tone(1), tmp_path / "a.flac", tags=TAGS)
    (tmp_path / "a.mp3").mkdir()
    with pytest.raises(SettingsError, match="is a folder"):
        export_audio(tone(1), tmp_path / "a.mp3", tags=TAGS)


def test_without_ffmpeg_the_cure_is_named(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SoundError, match="apt install ffmpeg"):
        export_audio(tone(1), tmp_path / "new" / "a.mp3", tags=TAGS)
    assert list(tmp_path.iterdir()) == []


@needs_ffmpeg
def test_stopping_leaves_the_older_file_and_nothing_else(tmp_path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"older")
    with pytest.raises(StoppedError):
        export_audio(tone(5), tmp_path / "a.mp3", tags=TAGS, cancelled=lambda: True)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a.mp3", b"older")]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("exec sleep 60", "longer than 0 seconds"),
        ("cat >/dev/null; echo \"Unknown encoder 'libmp3lame'\" >&2; exit 1", "no encoder libmp3lame"),
        ("exit 0", r"could not make a\.mp3 \(code 0: it did not say why\)"),
        ("echo No space left on device >&2; exit 3", "code 3: No space left on device"),
    ],
)
def test_an_ffmpeg_that_hangs_or_fails_is_told_and_leaves_nothing(tmp_path, monkeypatch, script, message) -> None:
    program = tmp_path / "bin" / "ffmpeg"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    out = tmp_path / "out"
    with pytest.raises(SoundError, match=message):
        encode(["-f", "mp3"], [b"\0" * 1_000_000] * 3, out / "a.mp3", total=3, timeout_s=0.4)
    assert list(out.iterdir()) == []
