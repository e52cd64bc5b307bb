import dataclasses
import sys
import types

import numpy as np
import pytest
import torch
from hub_models import put_in_cache, use_cache
from tiny_musicgen import save_tiny_musicgen, tiny_model, tiny_tokenizer

from pipelines import models
from pipelines.catalogue import paper_entry
from pipelines.errors import ModelFailedError, ModelMissingError, SettingsError, StoppedError
from pipelines.records import MusicPrompt
from pipelines.waveform import musicgen_zero_gpu
from pipelines.waveform.musicgen import TransformersMusicGen, open_musicgen, with_sound
from pipelines.waveform.musicgen_decoder import StepDecoder
from pipelines.waveform.musicgen_loading import WholeModel, ready_parts
from pipelines.waveform.musicgen_sampling import SamplingSettings, draw_frames

PROMPT = MusicPrompt("A happy, bright jazz tune.", "happy", "jazz", 120.0, "major", "lively", ("piano",))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_musicgen(tmp_path_factory.mktemp("tiny") / "musicgen")


@pytest.fixture(scope="module")
def model(folder):
    return TransformersMusicGen("tiny MusicGen", "CC-BY-NC-4.0", folder)


def made(model, *, duration_s: float = 1.0, seed: int = 0, **options) -> np.ndarray:
    chunks = list(model.generate(PROMPT, duration_s=duration_s, seed=seed, **options))
    return np.concatenate([chunk.samples for chunk in chunks])


@pytest.mark.parametrize(("duration_s", "frames"), [(1.0, 50), (1.01, 50), (1.03, 52), (3.5, 175)])
def test_the_sound_has_exactly_the_frames_asked_for(model, duration_s, frames):
    chunks = list(model.generate(PROMPT, duration_s=duration_s, seed=1))
    assert sum(len(chunk.samples) for chunk in chunks) == frames * 640
    assert {chunk.sample_rate_hz for chunk in chunks} == {32_000}
    assert {(chunk.samples.dtype.name, chunk.samples.shape[1]) for chunk in chunks} == {("float32", 1)}
    starts = np.cumsum([0] + [len(chunk.samples) for chunk in chunks[:-1]]) / 32_000
    assert [chunk.start_s for chunk in chunks] == starts.tolist()


def test_the_first_chunk_is_short_and_comes_before_the_rest_is_drawn(model):
    asked = []
    chunks = model.generate(PROMPT, duration_s=4.0, seed=1, cancelled=lambda: bool(asked.append(1)))
    first = next(chunks)
    assert 0.3 < first.duration_s <= 0.5
    assert len(asked) == 28 * 3  # 25 frames are whole after 28 positions; asked once each, and for both layers
    assert [round(chunk.duration_s, 2) for chunk in chunks] == [1.0, 1.0, 1.0, 0.58]


def test_the_stream_is_what_one_shot_decoding_makes_of_the_tokens(model):
    parts = model.parts()
    tokens = torch.cat(list(draw_frames(parts.decoder, parts.encode(PROMPT.text), 120, seed=4)), dim=1)
    with torch.inference_mode():
        whole = parts.codec.decode(tokens[None, None], [None]).audio_values[0, 0].numpy()
    streamed = made(model, duration_s=2.4, seed=4)[:, 0]
    assert np.abs(streamed - whole.clip(-1, 1)).max() < 1e-5
    assert streamed.std() > 0.05


def test_a_seed_and_a_text_make_the_sound(model):
    first, again, other = (made(model, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert np.abs(first - other).max() > 0.05
    sad = dataclasses.replace(PROMPT, text="A sad, slow tune with violin.")
    different = np.concatenate([chunk.samples for chunk in model.generate(sad, duration_s=1.0, seed=1)])
    assert np.abs(first - different).max() > 0.05


def test_two_visitors_at_once_get_what_each_gets_alone(model):
    takes = [model.generate(PROMPT, duration_s=1.5, seed=seed) for seed in (1, 2)]
    chunks = list(zip(*takes, strict=True))
    for seed, own in zip((1, 2), zip(*chunks, strict=True), strict=True):
        together = np.concatenate([chunk.samples for chunk in own])
        assert np.array_equal(together, made(model, duration_s=1.5, seed=seed))


def test_music_longer_than_the_window_has_every_frame(model):
    sampling = SamplingSettings(window_s=1.0, kept_s=0.4)
    chunks = list(model.generate(PROMPT, duration_s=3.0, seed=1, sampling=sampling))
    assert sum(len(chunk.samples) for chunk in chunks) == 150 * 640
    longer = np.concatenate([chunk.samples for chunk in chunks])
    once = made(model, duration_s=3.0, seed=1)
    same = np.abs(longer - once).max(axis=1) < 1e-6
    assert same[:25_000].all()  # the first window draws the same
    assert not same[40_000:].all()


def test_stopping_ends_within_a_token(model, monkeypatch):
    decoder, reads = model.parts().decoder, []
    monkeypatch.setattr(decoder, "head", lambda x, head=decoder.head: reads.append(1) or head(x))
    with pytest.raises(StoppedError):
        for _ in model.generate(PROMPT, duration_s=3.0, seed=1, cancelled=lambda: len(reads) >= 40):
            pass
    assert len(reads) == 40


@pytest.mark.parametrize("duration_s", [0.0, 0.9, 181.0, float("nan")])
def test_a_length_out_of_range_is_refused(model, duration_s):
    with pytest.raises(SettingsError, match="choose 1 to 180 seconds"):
        made(model, duration_s=duration_s)


def test_the_papers_model_is_opened_from_the_hubs_cache(tmp_path, monkeypatch, folder):
    use_cache(monkeypatch, tmp_path)
    entry = paper_entry("audio")
    with pytest.raises(ModelMissingError, match=r"MusicGen-small.*fetch"):
        open_musicgen(entry)
    put_in_cache(tmp_path, entry.hub_id, save_tiny_musicgen)
    opened = open_musicgen(entry)
    assert (opened.made_by, opened.licence) == ("MusicGen-small", "CC-BY-NC-4.0")
    assert np.array_equal(made(opened, seed=9), made(TransformersMusicGen("", "", folder), seed=9))
    assert open_musicgen(entry).parts() is opened.parts()


def test_a_fine_tuned_model_is_opened_from_its_folder(folder):
    entry = dataclasses.replace(paper_entry("audio"), hub_id=str(folder), made_by="my fine-tune")
    assert open_musicgen(entry).made_by == "my fine-tune"


def test_a_broken_checkpoint_fails_when_it_is_opened(tmp_path):
    save_tiny_musicgen(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelFailedError, match="MusicGen-small failed while being loaded"):
        open_musicgen(dataclasses.replace(paper_entry("audio"), hub_id=str(tmp_path)))


def test_backends(monkeypatch):
    with pytest.raises(SettingsError, match=r"'jukebox' is unknown; choose one of transformers, audiocraft"):
        open_musicgen(paper_entry("audio"), backend="jukebox")
    other = types.ModuleType("pipelines.waveform.musicgen_audiocraft")
    other.open_audiocraft = lambda entry: f"audiocraft's {entry.name}"
    monkeypatch.setitem(sys.modules, other.__name__, other)
    assert open_musicgen(paper_entry("audio"), backend="audiocraft") == "audiocraft's MusicGen-small"


@pytest.mark.parametrize(
    "error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("not enough memory")]
)
def test_running_out_of_memory_is_told_and_lets_the_model_go(folder, monkeypatch, error):
    model = TransformersMusicGen("tiny MusicGen", "", folder, precision="float32")
    parts = model.parts()

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(StepDecoder, "begin", fail)
    with pytest.raises(
        ModelFailedError, match=r"^There is not enough memory for tiny MusicGen while making the music\.$"
    ):
        made(model)
    monkeypatch.undo()
    assert model.parts() is not parts
    assert made(model).shape == (32_000, 1)


def test_whatever_fails_inside_is_told_in_one_sentence_with_its_cause(model, monkeypatch):
    def fail(*_, **__):
        raise IndexError("index out of range in self\nmore lines")

    monkeypatch.setattr(StepDecoder, "begin", fail)
    told = r"^tiny MusicGen failed while making the music \(IndexError: index out of range in self\)\.$"
    with pytest.raises(ModelFailedError, match=told) as failure:
        made(model)
    assert isinstance(failure.value.__cause__, IndexError)


def test_a_model_that_makes_silence_fails_before_any_chunk(folder):
    silent = tiny_model()
    with torch.no_grad():
        for layer in silent.audio_encoder.quantizer.layers:
            layer.codebook.embed.zero_()
        for name, weight in silent.audio_encoder.decoder.named_parameters():
            if name.endswith("bias") or "bias_" in name:
                weight.zero_()
    model = TransformersMusicGen("mute", "", folder / "none")
    models.load_once(model._key, lambda: ready_parts(WholeModel(silent, tiny_tokenizer()), name="mute"))
    chunks = model.generate(PROMPT, duration_s=8.0, seed=1)
    with pytest.raises(ModelFailedError, match="mute made silence instead of music"):
        next(chunks)
    models.forget(model._key)


def test_silence_before_the_first_sound_is_kept():
    quiet, loud = np.zeros(32_000, np.float32), np.full(32_000, 0.5, np.float32)
    assert [chunk.max() for chunk in with_sound(iter([quiet, quiet, loud, quiet]), "it")] == [0, 0, 0.5, 0]
    with pytest.raises(ModelFailedError, match="silence"):
        list(with_sound(iter([quiet]), "it"))
    with pytest.raises(ModelFailedError, match="silence"):
        next(with_sound(iter([quiet] * 6 + [loud]), "it"))
    with pytest.raises(ModelFailedError, match="no numbers"):
        list(with_sound(iter([loud, loud * np.nan]), "it"))


class FakeSpaces(types.ModuleType):
    """Stands for the package `spaces`: notes the seconds asked for, runs the function here."""

    def __init__(self):
        super().__init__("spaces")
        self.asked: list[float] = []
        self.closed = 0

    def GPU(self, *, duration):  # noqa: N802 (the package's own name)
        def wrap(function):
            def wrapped(*arguments):
                self.asked.append(duration(*arguments))
                try:
                    yield from function(*arguments)
                finally:
                    self.closed += 1

            return wrapped

        return wrap


def test_a_lent_gpu_makes_the_same_music(model, monkeypatch):
    alone = made(model, seed=3)
    models.forget(model._key)
    spaces = FakeSpaces()
    monkeypatch.setitem(sys.modules, "spaces", spaces)
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    assert np.array_equal(made(model, seed=3), alone)
    assert spaces.asked == [22.0]
    with pytest.raises(StoppedError):
        made(model, seed=3, cancelled=lambda: True)
    assert spaces.closed == 2
    assert musicgen_zero_gpu.gpu_seconds("", "", "", 9000, 0, None) == 300.0
    models.forget(model._key)
    monkeypatch.undo()
    assert np.array_equal(made(model, seed=3), alone)


def test_opening_musicgen_loads_no_library_before_it_is_needed():
    import subprocess

    heavy = {"torch", "transformers", "spaces"}
    code = f"import sys, pipelines.waveform.musicgen; print(*sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.large
def test_a_full_size_model_plays_a_take_from_its_folder(tmp_path):
    from training.bench_musicgen import small_model

    whole = small_model()
    assert 580e6 < sum(weight.numel() for weight in whole.parameters()) < 600e6
    whole.save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    del whole
    model = open_musicgen(dataclasses.replace(paper_entry("audio"), hub_id=str(tmp_path)))
    assert made(model, duration_s=2.0).shape == (64_000, 1)
    models.forget(model._key)
