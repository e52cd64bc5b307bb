"""MusicGen through audiocraft, on tiny models without any download. Skipped where audiocraft is not installed."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hub_models import put_in_cache, use_cache
from test_audiocraft_convert import CODEC_YAML, LM_YAML
from tiny_musicgen import save_tiny_musicgen

from pipelines.catalogue import ModelEntry
from pipelines.errors import ModelFailedError, ModelMissingError, SettingsError, StoppedError
from pipelines.models import forget
from pipelines.records import Audio, MusicPrompt
from pipelines.waveform import musicgen_checkpoint as checkpoint
from pipelines.waveform.musicgen import open_musicgen
from pipelines.waveform.musicgen_audiocraft import AudiocraftMusicGen, open_audiocraft
from pipelines.waveform.musicgen_audiocraft_decode import StreamDecoder
from pipelines.waveform.musicgen_convert import convert
from pipelines.waveform.musicgen_sampling import SamplingSettings

pytest.importorskip("audiocraft", reason="audiocraft has an environment of its own: make test-audiocraft")

PROMPT = MusicPrompt("sad piano music with violin", "sad", "classical", 60.0, "minor", "slow", ("piano", "violin"))
TOLERANCE = 1e-6


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Threads that wait for each other make tiny models many times slower where the cores are busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny MusicGen of transformers."""
    return save_tiny_musicgen(tmp_path_factory.mktemp("original") / "musicgen")


@pytest.fixture(scope="module")
def crafted(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in audiocraft's layout."""
    return convert(original, tmp_path_factory.mktemp("crafted") / "musicgen")


def entry(hub_id: Path | str) -> ModelEntry:
    return ModelEntry("audio", "tiny", "tiny MusicGen", "CC-BY-NC-4.0", 1.0, hub_id=str(hub_id))


@pytest.fixture(scope="module")
def player(crafted: Path) -> AudiocraftMusicGen:
    opened = open_musicgen(entry(crafted), backend="audiocraft")
    assert isinstance(opened, AudiocraftMusicGen)
    return opened


def sound(chunks: Iterator[Audio] | list[Audio]) -> np.ndarray:
    return np.concatenate([chunk.samples for chunk in chunks])


def tokens(
    player: AudiocraftMusicGen, frames: int, *, seed: int = 1, text: str = PROMPT.text, **how: float
) -> torch.Tensor:
    return torch.cat(list(player.codes(text, frames, seed=seed, sampling=SamplingSettings(**how))), dim=-1)


def transformers_model(folder: Path) -> tuple[Any, Any]:
    from transformers import AutoProcessor, MusicgenForConditionalGeneration

    inputs = AutoProcessor.from_pretrained(folder, local_files_only=True)(text=[PROMPT.text], return_tensors="pt")
    return MusicgenForConditionalGeneration.from_pretrained(folder, local_files_only=True).eval(), inputs


@pytest.mark.parametrize("duration_s", [1.0, 1.03, 3.33])
def test_the_promised_number_of_samples_in_consecutive_chunks(player: AudiocraftMusicGen, duration_s: float) -> None:
    chunks = list(player.generate(PROMPT, duration_s=duration_s, seed=1))
    assert sum(len(chunk.samples) for chunk in chunks) == round(duration_s * 50) * 640
    begin = 0
    for chunk in chunks:
        assert chunk.start_s == begin / 32_000
        assert chunk.sample_rate_hz == 32_000
        assert chunk.samples.dtype == np.float32
        assert chunk.samples.shape[1:] == (1,)
        assert 0 < len(chunk.samples) <= 50 * 640 + 8 * 640
        begin += len(chunk.samples)
    assert 1e-3 < np.abs(sound(chunks)).max() <= 1.0
    assert len(chunks) == {1.0: 2, 1.03: 2, 3.33: 4}[duration_s]
    assert player.made_by == "tiny MusicGen (audiocraft)"
    assert player.licence == "CC-BY-NC-4.0"


def test_sound_comes_before_the_music_is_made(player: AudiocraftMusicGen) -> None:
    asked = []
    stream = player.generate(PROMPT, duration_s=10.0, seed=1, cancelled=lambda: bool(asked.append(1)))
    assert next(stream).duration_s == pytest.approx(0.28)
    assert len(asked) == 25


def test_the_stream_is_what_decoding_at_once_gives(player: AudiocraftMusicGen) -> None:
    streamed = sound(player.generate(PROMPT, duration_s=4.0, seed=3))
    with torch.no_grad():
        whole = player.model.compression_model.decode(tokens(player, 200, seed=3))[0].T.numpy()
    np.testing.assert_allclose(streamed, np.clip(whole, -1, 1), atol=TOLERANCE)


@pytest.mark.parametrize("burst", [1, 3, 7, 40])
@pytest.mark.parametrize("norm_and_lstm", ["", "lstm: 0"])
def test_any_bursts_give_the_same_sound(burst: int, norm_and_lstm: str) -> None:
    from audiocraft.models import builders
    from omegaconf import OmegaConf

    torch.manual_seed(5)
    yaml = CODEC_YAML.replace("lstm: 2", norm_and_lstm or "lstm: 2").replace("constant", "reflect")
    codec = builders.get_compression_model(OmegaConf.merge(OmegaConf.create(yaml), {"device": "cpu"})).eval()
    for layer in codec.quantizer.vq.layers:
        layer._codebook.embed.normal_()
    codes = torch.randint(64, (1, 4, 40))
    decoder = StreamDecoder(codec)
    pieces = [decoder.feed(piece, last=decoder.fed + piece.shape[-1] == 40) for piece in codes.split(burst, dim=-1)]
    with torch.no_grad():
        whole = codec.decode(codes)[0].T.numpy()
    assert np.abs(whole).max() > 0.01
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=TOLERANCE)


def test_the_tokens_are_audiocrafts_own_for_the_same_seed(player: AudiocraftMusicGen) -> None:
    player.model.set_generation_params(duration=2.4, top_k=64)
    torch.manual_seed(11)
    _, own = player.model.generate([PROMPT.text], return_tokens=True)
    assert own.shape == (1, 4, 120)
    assert torch.equal(tokens(player, 120, seed=11), own)


def test_past_what_it_plays_at_once_it_goes_on_as_audiocraft_does(crafted: Path) -> None:
    from pipelines.waveform.musicgen_audiocraft_load import load

    player = AudiocraftMusicGen(load(crafted), "tiny", "")
    player.model.max_duration = 1.0
    player.model.set_generation_params(duration=2.5, top_k=64, extend_stride=0.6)  # keeps 0.4 s
    torch.manual_seed(4)
    _, own = player.model.generate([PROMPT.text], return_tokens=True)
    assert own.shape[-1] == 125
    assert torch.equal(tokens(player, 125, seed=4, kept_s=0.4), own)


def test_audiocrafts_debug_model_gives_its_own_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    import spacy
    from audiocraft.models import MusicGen

    monkeypatch.setattr(spacy, "load", lambda _: spacy.blank("en"))  # its table of words would fetch a language model
    torch.manual_seed(0)
    model = MusicGen.get_pretrained("debug", device="cpu")
    model.set_generation_params(duration=2.0, top_k=250)
    torch.manual_seed(2)
    _, own = model.generate(["slow music"], return_tokens=True)
    assert own.shape == (1, 4, 50)  # 25 frames a second
    assert torch.equal(tokens(AudiocraftMusicGen(model, "debug", ""), 50, seed=2, text="slow music"), own)


def test_seeds(player: AudiocraftMusicGen) -> None:
    state = torch.get_rng_state()
    first, again, other = (tokens(player, 30, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(first, tokens(player, 30, seed=1, text="happy drums"))


def test_two_visitors_take_turns_and_hear_what_each_would_alone(player: AudiocraftMusicGen) -> None:
    alone = [sound(player.generate(PROMPT, duration_s=2.5, seed=seed)) for seed in (1, 2)]
    first, second = (player.generate(PROMPT, duration_s=2.5, seed=seed) for seed in (1, 2))
    turns = [(next(first), next(second)) for _ in range(4)]
    for number, wanted in enumerate(alone):
        np.testing.assert_array_equal(sound([turn[number] for turn in turns]), wanted)


def test_threads_may_ask_at_once(player: AudiocraftMusicGen, crafted: Path) -> None:
    wanted = {seed: sound(player.generate(PROMPT, duration_s=1.5, seed=seed)) for seed in (5, 6)}
    found: dict[int, np.ndarray] = {}

    def play(seed: int) -> None:
        torch.set_num_threads(1)
        found[seed] = sound(open_audiocraft(entry(crafted)).generate(PROMPT, duration_s=1.5, seed=seed))

    threads = [threading.Thread(target=play, args=(seed,)) for seed in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, samples in wanted.items():
        np.testing.assert_array_equal(found[seed], samples)


@pytest.mark.parametrize("after", [0, 1, 60])
def test_it_stops_within_a_token(player: AudiocraftMusicGen, after: int) -> None:
    asked: list[int] = []
    stream = player.generate(PROMPT, duration_s=5.0, seed=1, cancelled=lambda: len(asked) >= after or asked.append(1))
    with pytest.raises(StoppedError):
        list(stream)
    assert len(asked) == after
    assert tokens(player, 10).shape == (1, 4, 10)  # and plays again


def test_transformers_hears_the_same(player: AudiocraftMusicGen, original: Path, crafted: Path, tmp_path: Path) -> None:
    """The same greedy tokens, guidance included, so the same sound from both libraries, there and back again."""
    greedy = tokens(player, 60, temperature=0)
    ours = player.model.compression_model.decode(greedy)[0, 0].detach()
    for folder in (original, convert(crafted, tmp_path / "back")):
        model, inputs = transformers_model(folder)
        theirs = model.generate(**inputs, do_sample=False, guidance_scale=3.0, max_new_tokens=63)[0, 0]
        assert len(ours) == len(theirs) == 60 * 640
        torch.testing.assert_close(theirs, ours, atol=TOLERANCE, rtol=0)
    assert len(torch.unique(greedy)) > 5


@pytest.fixture(scope="module")
def trained(crafted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that audiocraft itself built, exported in its own way; its T5 beside it."""
    from audiocraft.models import builders
    from audiocraft.modules.conditioners import ConditioningProvider, LUTConditioner
    from omegaconf import OmegaConf

    folder = tmp_path_factory.mktemp("trained")
    torch.manual_seed(9)
    cfg = OmegaConf.merge(OmegaConf.create(LM_YAML), {"conditioners": None, "device": "cpu", "dtype": "float32"})
    lm = builders.get_lm_model(cfg)
    lm.condition_provider = ConditioningProvider({"description": LUTConditioner(8, 24, 32, "noop")}, device="cpu")
    with torch.no_grad():
        for weight in lm.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    lm_state = {name: tensor for name, tensor in lm.state_dict().items() if not name.endswith("embed.weight")}
    codec = builders.get_compression_model(OmegaConf.merge(OmegaConf.create(CODEC_YAML), {"device": "cpu"}))
    for layer in codec.quantizer.vq.layers:
        layer._codebook.embed.normal_()
        layer._codebook.inited.fill_(1)
    for state, yaml, name in (
        (lm_state, LM_YAML, "state_dict.bin"),
        (codec.state_dict(), CODEC_YAML, "compression_state_dict.bin"),
    ):
        torch.save({"best_state": state, "xp.cfg": yaml, "version": "1.3.0", "exported": True}, folder / name)
    (folder / "t5").mkdir()
    for path in (crafted / "t5").iterdir():
        (folder / "t5" / path.name).write_bytes(path.read_bytes())
    return folder


def test_a_fine_tune_of_audiocraft_says_the_same_in_transformers(trained: Path, tmp_path: Path) -> None:
    from audiocraft.modules.conditioners import ConditioningAttributes

    player = open_audiocraft(entry(trained))
    model, inputs = transformers_model(convert(trained, tmp_path / "made"))
    codes = torch.randint(64, (1, 4, 20), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        ours = player.model.lm(codes, [ConditioningAttributes(text={"description": PROMPT.text})])
        theirs = model(**inputs, decoder_input_ids=codes[0]).logits
        torch.testing.assert_close(theirs, ours[0], atol=2e-5, rtol=2e-5)
        assert ours.std() > 0.5
        sounds = [player.model.compression_model.decode(codes), model.audio_encoder.decode(codes[None], [None])[0]]
        torch.testing.assert_close(*sounds, atol=TOLERANCE, rtol=0)
        heard = [
            player.model.compression_model.encode(sounds[0])[0],
            model.audio_encoder.encode(sounds[0], torch.ones(1, 12_800, dtype=torch.bool)).audio_codes[0],
        ]
        assert torch.equal(*heard)
    before = checkpoint.read_audiocraft(trained)
    after = checkpoint.read_audiocraft(convert(tmp_path / "made", tmp_path / "back"))
    for one, other in ((before.lm, after.lm), (before.codec, after.codec)):
        assert one.keys() == other.keys()
        assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_audiocraft_itself_loads_what_was_converted(
    crafted: Path, player: AudiocraftMusicGen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its own `get_pretrained`, which takes T5 by its name from the hub's cache."""
    from audiocraft.models import MusicGen
    from audiocraft.modules.conditioners import T5Conditioner
    from huggingface_hub import constants

    use_cache(monkeypatch, tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setitem(T5Conditioner.MODELS_DIMS, "t5-base", 24)

    def save(folder: Path) -> None:
        for path in (crafted / "t5").iterdir():
            (folder / path.name).write_bytes(path.read_bytes())

    put_in_cache(tmp_path, "t5-base", save)
    model = MusicGen.get_pretrained(str(crafted), device="cpu")
    assert (model.sample_rate, model.frame_rate, model.max_duration) == (32_000, 50, 30)
    assert torch.equal(tokens(AudiocraftMusicGen(model, "own", ""), 40), tokens(player, 40))


def test_transformers_layout_plays_unconverted_from_the_cache(
    original: Path, player: AudiocraftMusicGen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_cache(monkeypatch, tmp_path)
    put_in_cache(tmp_path, "someone/tiny-musicgen", save_tiny_musicgen)
    from_cache = open_audiocraft(entry("someone/tiny-musicgen"))
    assert torch.equal(tokens(from_cache, 40), tokens(player, 40))
    with pytest.raises(ModelMissingError, match=r"tiny is not on this machine; fetch it"):
        open_musicgen(entry("other/musicgen"), backend="audiocraft")


def changed_copy(crafted: Path, folder: Path, file: str, change: Any) -> ModelEntry:
    """A copy of a checkpoint in which `change(package)` was made to one file."""
    import shutil

    shutil.copytree(crafted, folder)
    package = torch.load(folder / file, weights_only=True)
    change(package)
    torch.save(package, folder / file)
    return entry(folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("compression_state_dict.bin", "sample_rate: 32000", "sample_rate: 16000", "at 16000 Hz in 25 frames"),
        ("state_dict.bin", "model: t5", "model: lut", "told by description, not by a text through T5"),
        ("state_dict.bin", "num_layers: 2", "num_layers: 3", "do not fit"),
        ("state_dict.bin", "dim: 32", "dim: 64", "other shapes"),
        ("state_dict.bin", "lm_model: transformer_lm", "lm_model: nothing_known", "KeyError"),
    ],
)
def test_checkpoints_that_cannot_play_are_refused(
    crafted: Path, tmp_path: Path, file: str, old: str, new: str, said: str
) -> None:
    def change(package: dict[str, Any]) -> None:
        assert old in package["xp.cfg"]
        package["xp.cfg"] = package["xp.cfg"].replace(old, new)

    with pytest.raises(ModelFailedError, match=said):
        open_audiocraft(changed_copy(crafted, tmp_path / "bad", file, change))


def test_a_t5_that_was_trained_along_plays_and_is_converted(
    crafted: Path, player: AudiocraftMusicGen, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    own = {name: tensor * 1.5 for name, tensor in load_file(crafted / "t5" / "model.safetensors").items()}
    prefix = "condition_provider.conditioners.description.t5."

    def add(package: dict[str, Any]) -> None:
        package["best_state"] |= {prefix + name: tensor for name, tensor in own.items()}

    changed = changed_copy(crafted, tmp_path / "trained_along", "state_dict.bin", add)
    heard = tokens(open_audiocraft(changed), 40)
    assert not torch.equal(heard, tokens(player, 40))
    made = convert(str(changed.hub_id), tmp_path / "made")
    tensors = load_file(made / "model.safetensors")
    assert all(torch.equal(tensors[f"text_encoder.{name}"], tensor) for name, tensor in own.items())
    assert torch.equal(tokens(open_audiocraft(entry(made)), 40), heard)


def test_senseless_weights_fail_while_playing(crafted: Path, tmp_path: Path) -> None:
    def spoil_lm(package: dict[str, Any]) -> None:
        package["best_state"]["emb.0.weight"].fill_(float("nan"))

    def spoil_codec(package: dict[str, Any]) -> None:
        package["best_state"]["decoder.model.0.conv.conv.bias"].fill_(float("inf"))

    for number, (file, spoil) in enumerate((("state_dict.bin", spoil_lm), ("compression_state_dict.bin", spoil_codec))):
        bad = changed_copy(crafted, tmp_path / f"bad{number}", file, spoil)
        with pytest.raises(ModelFailedError, match="failed while making the music" if number == 0 else "no numbers"):
            list(open_audiocraft(bad).generate(PROMPT, duration_s=1.0, seed=1))
        forget(f"musicgen audiocraft {bad.hub_id}")


def test_too_short_and_out_of_memory(player: AudiocraftMusicGen, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"choose 1 to 180 seconds"):
        list(player.generate(PROMPT, duration_s=0.5, seed=1))

    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(type(player.model.lm), "_sample_next_token", full)
    with pytest.raises(ModelFailedError, match="not enough memory") as caught:
        list(player.generate(PROMPT, duration_s=1.0, seed=1))
    assert isinstance(caught.value.__cause__, torch.OutOfMemoryError)
