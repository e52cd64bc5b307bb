"""The command that measures folders of sound: real files, the five figures, what is missing named."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipelines.errors import DataMissingError, SettingsError, SoundError
from training.metrics.audio import (
    PAPER,
    Figures,
    SoundSet,
    clap_similarity,
    compare,
    main,
    read_texts,
    table,
)
from training.metrics.audio_files import mono_at, read_sound, sound_paths, titles_of

RATE = 32_000


def write_tones(folder: Path, pitches_hz: tuple[float, ...], *, noise: float = 0.0) -> Path:
    folder.mkdir()
    rng, time_s = np.random.default_rng(0), np.arange(7 * RATE) / RATE
    for number, pitch in enumerate(pitches_hz):
        tone = 0.3 * np.sin(2 * np.pi * pitch * time_s) * (1 + np.sin(2 * np.pi * 2 * time_s)) / 2
        tone += 0.15 * np.sin(4 * np.pi * pitch * time_s) + noise * rng.normal(size=len(time_s))
        soundfile.write(folder / f"{number}.wav", tone, RATE)
    return folder


def sound_set(title: str, names: tuple[str, ...], *, seed: int = 0) -> SoundSet:
    rng = np.random.default_rng(seed)
    tags = rng.dirichlet(np.ones(5), len(names))
    return SoundSet(title, names, rng.normal(size=(20, 4)), tags, np.array([0.5, math.nan] + [1.5] * (len(names) - 2)))


def test_a_set_beside_itself() -> None:
    one = sound_set("one", ("a", "b", "c"))
    figures = compare(one, one)
    assert figures.fad == pytest.approx(0, abs=1e-9)
    assert figures.kl == pytest.approx(0, abs=1e-12)
    assert (figures.kl_of, figures.thd) == ("pairs", 1.0)
    assert math.isnan(figures.clap)
    assert 1 < figures.inception < 3


def test_sets_of_other_names_are_compared_by_their_means() -> None:
    one, other = sound_set("one", ("a", "b", "c")), sound_set("other", ("d", "e", "f"), seed=1)
    assert compare(one, other).kl_of == "means"
    namesakes = sound_set("other", ("c", "a", "b"), seed=1)
    assert compare(one, namesakes).kl > compare(one, other).kl  # pairs differ more than means do


def test_the_table_names_the_network_and_prints_the_papers_rows() -> None:
    text = table({"ours": Figures(2.5, math.nan, 0.1, 1.1, 1.05, "pairs")}, embedding="musicnn")
    assert "| model | FAD (musicnn) | CLAP | KL (musicnn's tags, pairs) | THD | ISc (musicnn's tags) |" in text
    assert "| ours | 2.5 | – | 0.1 | 1.1 | 1.05 |" in text
    assert len(text.splitlines()) == 3 + len(PAPER)
    assert "MG-S Optimized, as printed (VGGish, other classes) | 5.54 | 0.13 | 0.012 | 1.75 | 1.033 |" in text


def test_rows_of_two_kinds_say_which_they_are() -> None:
    pairs, means = (Figures(2.5, math.nan, 0.1, 1.1, 1.05, kind) for kind in ("pairs", "means"))
    text = table({"ours": pairs, "theirs": means}, embedding="musicnn")
    assert "| KL (musicnn's tags, means/pairs) |" in text
    assert "| ours (KL of pairs) | 2.5 |" in text
    assert "| theirs (KL of means) | 2.5 |" in text


def test_folders_of_one_name_keep_their_rows_apart() -> None:
    assert titles_of([Path("a/one"), Path("b/two")]) == ["one", "two"]
    assert titles_of([Path("a/made"), Path("b/made")]) == ["a/made", "b/made"]


def test_the_command_on_real_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tensorflow", reason="reads musicnn's checkpoint")
    pytest.importorskip("musicnn", reason="holds the tagger", exc_type=ImportError)
    real = write_tones(tmp_path / "real", (220.0, 330.0, 440.0))
    noisy = write_tones(tmp_path / "noisy", (220.0, 330.0, 440.0), noise=0.2)
    figure = tmp_path / "out" / "spectrograms.png"
    assert main([str(real), str(real), str(noisy), "--figure", str(figure)]) == 0
    out = capsys.readouterr().out
    rows = {line.split("|")[1].strip(): [c.strip() for c in line.split("|")[2:-1]] for line in out.splitlines()[2:4]}
    assert float(rows["real"][0]) < 1e-6
    assert float(rows["noisy"][0]) > 1
    assert float(rows["real"][2]) == 0
    assert float(rows["noisy"][2]) > 0.001
    assert "only ranks" in out  # six windows for 200 dimensions
    assert figure.stat().st_size > 10_000
    monkeypatch.setattr("training.metrics.audio.measure", lambda *_: pytest.fail("measured what cannot be drawn"))
    soundfile.write(real / "0.wav", np.zeros(4 * RATE), RATE)
    assert main([str(real), str(noisy), "--figure", str(figure)]) == 2
    assert "0.wav cannot be drawn" in capsys.readouterr().err
    monkeypatch.undo()
    soundfile.write(noisy / "short.wav", np.full(RATE, 0.1), RATE)
    assert main([str(real), str(noisy)]) == 2
    assert "short.wav: There are 1.0 s of sound and 3 s are needed" in capsys.readouterr().err


def test_what_is_missing_or_no_sound_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "no"), str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("There is no folder")
    assert main([str(tmp_path), str(tmp_path), "--figure", "sheet.docx"]) == 2
    assert "cannot be sheet.docx; name a file .png or .svg" in capsys.readouterr().err
    with pytest.raises(DataMissingError, match="No sound is in"):
        sound_paths(tmp_path)
    (tmp_path / "false.wav").write_text("no sound")
    with pytest.raises(SoundError, match=r"false\.wav cannot be read"):
        read_sound(tmp_path / "false.wav")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), RATE)
    with pytest.raises(SoundError, match=r"empty\.wav holds no sound"):
        read_sound(tmp_path / "empty.wav")


def test_stereo_is_averaged_and_brought_to_a_rate(tmp_path: Path) -> None:
    time_s = np.arange(RATE) / RATE
    tone = np.sin(2 * np.pi * 440 * time_s)
    soundfile.write(tmp_path / "tone.flac", np.stack([tone * 0.5, tone * 0.3], axis=1), RATE)
    samples = mono_at(read_sound(tmp_path / "tone.flac"), 16_000)
    assert samples.shape == (16_000,)
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(0.4 / np.sqrt(2), rel=0.01)


def test_texts_are_read_by_file_name(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    rows = [{"file_name": "test/a.wav", "lyrical": "slow"}, {"file_name": "b.wav", "lyrical": "fast"}]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    assert read_texts(path, "lyrical") == {"a.wav": "slow", "b.wav": "fast"}
    with pytest.raises(SettingsError, match=r"Line 1 of texts\.jsonl has no file_name with a text"):
        read_texts(path, "text")
    with pytest.raises(DataMissingError, match="There is no file"):
        read_texts(tmp_path / "none.jsonl", "text")
    path.write_bytes(b"\xff\xfe{")
    with pytest.raises(SettingsError, match=r"texts\.jsonl is no text in UTF-8"):
        read_texts(path, "text")


def test_similarity_is_the_mean_over_the_pieces(tmp_path: Path) -> None:
    class Fixed:
        sample_rate_hz = 48_000

        def similarity(self, samples: np.ndarray, text: str) -> float:
            assert len(samples) == 7 * 48_000
            return {"slow": 0.2, "fast": 0.4}[text]

    folder = write_tones(tmp_path / "made", (220.0, 440.0))
    assert clap_similarity(folder, {"0.wav": "slow", "1.wav": "fast"}, Fixed()) == pytest.approx(0.3)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=r"1\.wav has no text"):
        clap_similarity(folder, {"0.wav": "slow"}, Fixed())  # type: ignore[arg-type]
