import dataclasses
import json

import numpy as np
import pytest
import soundfile
import torch
from transformers import EncodecModel, MusicgenForConditionalGeneration

from pipelines.errors import DataMissingError, SettingsError
from pipelines.waveform.musicgen_loading import load_parts
from training.musicgen import codec as codec_command
from training.musicgen.codec import CodecSettings, distance, make_codec, small_codec
from training.musicgen.lapped import begin_as_transform, cosine_basis, emphasis
from training.musicgen.quantiser import begin_codebooks, k_means, used_share
from training.musicgen.small import SmallSettings, save_small, word_tokenizer
from training.musicgen.sound import piece_of, read_sound, sound_files

TINY = CodecSettings(num_filters=16, hidden_size=128, codebook_size=16, seconds=8)


def tone(hz: float, seconds: float = 1.0) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(int(32_000 * seconds)) / 32_000)).astype(np.float32)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sounds")
    for number, hz in enumerate((220, 330, 440, 550)):
        soundfile.write(folder / f"{number}.wav", tone(hz), 32_000, subtype="PCM_16")
    return folder


@pytest.fixture(scope="module")
def made(sounds, tmp_path_factory):
    """The codec's folder, and how far it is from files that it has not seen."""
    out = tmp_path_factory.mktemp("made") / "codec"
    return out, make_codec(sound_files(sounds), out, TINY)


def test_the_basis_is_orthonormal_over_overlapping_frames():
    basis = cosine_basis(40, 40)
    torch.testing.assert_close(basis.T @ basis, torch.eye(40), atol=1e-5, rtol=0)
    torch.testing.assert_close(basis[40:].T @ basis[:40], torch.zeros(40, 40), atol=1e-5, rtol=0)


@pytest.mark.parametrize("gains", [None, torch.linspace(0.5, 4.0, 128)])
def test_a_codec_begins_as_a_transform_that_its_decoder_inverts(gains):
    codec = small_codec(TINY).eval()
    begin_as_transform(codec, gains)
    sound = torch.from_numpy(tone(500) + tone(1_700))[None, None] / 2
    with torch.no_grad():
        hidden = codec.encoder(sound)
        made = codec.decoder(hidden)[..., : sound.shape[-1]]
    assert hidden.shape == (1, 128, 50)
    inside = slice(2_000, -2_000)  # reflected borders are another signal
    error = (sound - made)[..., inside].square().sum() / sound[..., inside].square().sum()
    assert error < 1e-3
    power = hidden[0].square().mean(1) / (torch.ones(128) if gains is None else gains).square()
    assert power.argmax() in (20, 19, 67, 68)  # coefficients are 25 Hz apart


def test_quiet_coefficients_count_for_more_and_all_together_for_as_much():
    states = torch.randn(4_000, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([16.0, 4.0, 1.0])
    weighed = (states * emphasis(states)).std(0)
    assert (weighed[0] / weighed[1]).item() == pytest.approx(2.0, abs=0.1)
    assert (weighed[1] / weighed[2]).item() == pytest.approx(2.0, abs=0.1)
    assert weighed.mean() == pytest.approx(states.std(0).mean())


def test_a_codec_that_is_too_narrow_is_refused():
    with pytest.raises(SettingsError, match="more filters"):
        begin_as_transform(small_codec(dataclasses.replace(TINY, num_filters=8)))


def test_k_means_finds_what_is_there():
    points = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]]).repeat(20, 1)
    points += 0.01 * torch.randn(points.shape, generator=torch.Generator().manual_seed(0))
    centres = k_means(points, 3, torch.Generator().manual_seed(1))
    found = sorted([round(x), round(y)] for x, y in centres.tolist())
    assert found == [[0, 0], [0, 10], [10, 0]]


def test_each_codebook_takes_off_what_those_before_left():
    codec = small_codec(TINY)
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(400, 128, generator=generator)
    begin_codebooks(codec.quantizer, states, generator)
    hidden = states[:100].T[None]
    with torch.no_grad():
        codes = codec.quantizer.encode(hidden, codec.config.target_bandwidths[0])
        errors = [float((hidden - codec.quantizer.decode(codes[:count])).square().mean()) for count in range(1, 5)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.8 * errors[0]


def test_the_share_of_used_codes():
    assert used_share(torch.arange(16), 16) == pytest.approx(1.0)
    assert used_share(torch.zeros(9, dtype=torch.long), 16) == pytest.approx(1 / 16)


def test_a_codec_loads_as_transformers_own_and_carries_a_tone(made):
    folder, told = made
    codec = EncodecModel.from_pretrained(folder).eval()
    found = distance(codec, [torch.from_numpy(tone(330))])
    assert found.snr_db > 3
    assert codec.encode(torch.from_numpy(tone(330))[None, None]).audio_codes.shape == (1, 1, 4, 50)
    kept = json.loads((folder / "made.json").read_text())
    assert (kept["snr_db"], kept["seconds"]) == (told.snr_db, 8)


def test_the_same_sounds_and_seed_make_the_same_codec_and_others_another(sounds, made, tmp_path):
    folder, _ = made
    weights = (folder / "model.safetensors").read_bytes()
    make_codec(sound_files(sounds), tmp_path / "again", TINY)
    assert (tmp_path / "again" / "model.safetensors").read_bytes() == weights
    make_codec(sound_files(sounds), tmp_path / "again", dataclasses.replace(TINY, seed=1))
    assert (tmp_path / "again" / "model.safetensors").read_bytes() != weights
    assert [path.name for path in tmp_path.iterdir()] == ["again"]


def test_one_file_is_too_few(sounds, tmp_path):
    with pytest.raises(SettingsError, match="2 sound files or more, not 1"):
        make_codec(sound_files(sounds)[:1], tmp_path / "codec", TINY)
    assert not any(tmp_path.iterdir())


def test_settings_that_cannot_be_are_refused(sounds, tmp_path, monkeypatch, capsys):
    for option in ("--seconds", "--seed", "--threads"):
        monkeypatch.setattr("sys.argv", ["codec", str(sounds), "--out", str(tmp_path / "codec"), option, "-1"])
        assert codec_command.main() == 2
        assert f"{option.strip('-')} cannot be" in capsys.readouterr().err.replace("-1 threads", "threads")
    assert not any(tmp_path.iterdir())


def test_pieces_of_sound_are_of_the_length_asked_for(sounds, tmp_path):
    rng = np.random.default_rng(0)
    assert piece_of(sounds / "0.wav", 32_000, 8_000, rng).shape == (8_000,)
    padded = piece_of(sounds / "0.wav", 32_000, 40_000, rng)
    assert padded[:32_000] == pytest.approx(read_sound(sounds / "0.wav", 32_000))
    assert not padded[32_000:].any()
    with pytest.raises(DataMissingError, match="no WAV"):
        sound_files(tmp_path)


def test_a_small_musicgen_around_the_codec_loads_in_the_app(made, tmp_path):
    codec, _ = made
    shape = SmallSettings(width=32, layers=1, heads=2, text_width=16, text_layers=1)
    out = save_small(codec, ["happy slow piano", "Sad, with strings."], tmp_path / "base", shape)
    parts = load_parts(out, name="small", precision="float32")
    assert parts.encode("happy strings").shape[0] == 1
    model = MusicgenForConditionalGeneration.from_pretrained(out)
    assert model.decoder.config.vocab_size == 16
    sound = torch.from_numpy(tone(330))[None, None]
    kept = EncodecModel.from_pretrained(codec)
    assert torch.equal(model.audio_encoder.encode(sound).audio_codes, kept.encode(sound).audio_codes)


def test_the_tokenizer_knows_each_word_and_spells_others():
    tokenizer = word_tokenizer(["happy slow piano", "Sad, with strings."])
    assert len(tokenizer("happy slow piano").input_ids) == 4
    spelled = tokenizer("harp").input_ids
    assert len(spelled) > 2
    assert tokenizer.unk_token_id not in spelled
