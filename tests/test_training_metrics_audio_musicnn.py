"""musicnn rebuilt from its checkpoint: shapes, sensible tags, and the front end against its definition."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import ModelMissingError, SoundError
from training.metrics import audio_musicnn
from training.metrics.audio_musicnn import load_musicnn, log_mel, read_checkpoint, tag_names, windows

pytest.importorskip("tensorflow", reason="reads musicnn's checkpoint")
RATE = 16_000


def needs_package() -> None:
    try:
        audio_musicnn.package_folder()
    except ModelMissingError as error:
        pytest.skip(str(error))


def test_the_front_end_is_the_logarithm_of_slaney_bands() -> None:
    """A full-scale tone of 1 kHz: its band's power is that of the transform, 128² for the peak, by Slaney's weight."""
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE).astype(np.float32)
    mel = log_mel(tone)
    assert mel.shape == (RATE // 256 + 1, 96)
    assert mel[20].argmax() == 31  # 1,000 Hz lies at 15 of the 45.25 mel up to 8,000 Hz, cut into 97 steps
    power = (10.0 ** mel[20] - 1) / 10_000
    expected = 128**2 * 1.5 * 2 / 62.2  # 1.5: Hann's bandwidth in bins; bands are 62.2 Hz wide
    assert power.sum() == pytest.approx(expected, rel=0.05)


def test_windows_last_three_seconds_and_shorter_sound_is_refused() -> None:
    assert windows(np.zeros(7 * RATE, np.float32)).shape == (2, 187, 96)
    with pytest.raises(SoundError, match=r"2\.0 s of sound and 3 s"):
        windows(np.zeros(2 * RATE, np.float32))


def test_a_piano_is_told_from_noise(piano_clip: np.ndarray) -> None:
    needs_package()
    network, names = load_musicnn(), tag_names()
    embeddings, logits = network.embed(piano_clip)
    assert embeddings.shape == (3, 200)
    assert logits.shape == (3, 50)
    assert len(names) == 50
    noise = np.random.default_rng(0).normal(size=10 * RATE).astype(np.float32) * 0.1
    heard, hissed = logits.mean(axis=0), network.embed(noise)[1].mean(axis=0)
    for tag in ("classical", "piano", "slow"):
        assert heard[names.index(tag)] > hissed[names.index(tag)] + 1
    for tag in ("loud", "techno", "fast"):
        assert heard[names.index(tag)] < hissed[names.index(tag)] - 1
    assert names[int(heard.argmax())] in ("classical", "guitar", "piano", "slow")


@pytest.fixture(scope="module")
def piano_clip() -> np.ndarray:
    """Ten seconds of a slow piano tune, at 16,000 Hz."""
    from pipelines.records import Note, Score, TempoMark
    from pipelines.symbolic.synthesize import open_synthesizer
    from training.metrics.audio_files import mono_at

    pitches = [60, 64, 67, 72, 71, 67, 64, 62]
    notes = tuple(Note(i * 1.0, pitch, 1.0, 70) for i, pitch in enumerate(pitches * 2))
    score = Score(notes, (TempoMark(0.0, 90.0),), 4)
    with open_synthesizer() as synthesizer:
        synthesizer.add(score.notes, score)
        sound = synthesizer.render_until(10.0)
    return mono_at(sound, RATE)


def test_a_folder_without_a_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelMissingError, match="no checkpoint of musicnn"):
        read_checkpoint(tmp_path)
