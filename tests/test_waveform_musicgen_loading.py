import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_musicgen import save_tiny_musicgen

from pipelines.errors import ModelFailedError, SettingsError
from pipelines.waveform.musicgen_loading import check_kind, load_parts

TEXT = "happy music with piano"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return save_tiny_musicgen(tmp_path_factory.mktemp("tiny") / "musicgen")


@pytest.fixture
def folder(saved, tmp_path):
    """A copy that a test may break."""
    return shutil.copytree(saved, tmp_path / "musicgen")


def change_weights(folder, change) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    changed = change(tensors)
    save_file(tensors if changed is None else changed, path, metadata={"format": "pt"})


def change_config(folder, change) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))


def head_row(parts) -> torch.Tensor:
    """Logits after the first position, which depend on every part but the sound decoder."""
    reading = parts.decoder.begin(parts.encode(TEXT), guided=True, capacity=1)
    return reading.read(torch.full((4, 1), 64))


def test_a_saved_model_computes_what_was_saved(saved):
    from transformers import AutoTokenizer, MusicgenForConditionalGeneration

    parts = load_parts(saved, name="tiny", precision="float32")
    model = MusicgenForConditionalGeneration.from_pretrained(saved, local_files_only=True)
    encoded = AutoTokenizer.from_pretrained(saved, local_files_only=True)(TEXT, return_tensors="pt")
    with torch.inference_mode():
        theirs = model(**encoded, decoder_input_ids=torch.full((4, 1), 64)).logits[:, -1]
    assert torch.allclose(head_row(parts)[0], theirs, atol=1e-4)
    assert parts.decoder.precision == "float32"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_checkpoint_in_half_precision_loads(folder, saved, dtype):
    change_weights(folder, lambda tensors: {key: tensor.to(dtype) for key, tensor in tensors.items()})
    change_config(folder, lambda config: config.update(dtype=str(dtype).removeprefix("torch.")))
    wanted = head_row(load_parts(saved, name="tiny", precision="float32"))
    got = head_row(load_parts(folder, name="tiny", precision="float32"))
    assert got.dtype == torch.float32
    assert 0 < (got - wanted).abs().max() < 0.1 * wanted.std()


def test_int8_comes_close_to_float32(saved):
    exact, rounded = (head_row(load_parts(saved, name="tiny", precision=name)) for name in ("float32", "auto"))
    assert (exact - rounded).pow(2).mean().sqrt() < 0.03 * exact.std()


def test_names_of_older_checkpoints_load(folder, saved):
    """The hub's own files still say weight_g and weight_v, and hold the table of positions."""
    news = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}

    def rename(tensors):
        for new, old in news.items():
            for key in [key for key in tensors if key.endswith(new)]:
                tensors[key.replace(new, old)] = tensors.pop(key)
        tensors["decoder.model.decoder.embed_positions.weights"] = torch.zeros(2048, 32)

    change_weights(folder, rename)
    old, new = (load_parts(path, name="tiny", precision="float32") for path in (folder, saved))
    assert torch.equal(head_row(old), head_row(new))
    codes = torch.randint(64, (4, 1, 20))
    with torch.inference_mode():
        sounds = [parts.codec.decoder(parts.codec.quantizer.decode(codes)) for parts in (old, new)]
    assert torch.equal(*sounds)


def test_a_pytorch_model_bin_loads_without_running_code(folder, saved):
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    wanted = head_row(load_parts(saved, name="tiny", precision="float32"))
    assert torch.equal(head_row(load_parts(folder, name="tiny", precision="float32")), wanted)


def test_what_only_encodes_sound_may_be_missing(folder):
    def drop(tensors):
        for key in [key for key in tensors if key.startswith("audio_encoder.encoder.") or "cluster_size" in key]:
            del tensors[key]

    change_weights(folder, drop)
    assert load_parts(folder, name="tiny").codec.config.sampling_rate == 32_000


@pytest.mark.parametrize(
    "key",
    [
        "decoder.lm_heads.2.weight",
        "decoder.model.decoder.layers.1.fc1.weight",
        "audio_encoder.decoder.layers.3.conv.bias",
        "audio_encoder.quantizer.layers.0.codebook.embed",
        "enc_to_dec_proj.bias",
        "text_encoder.shared.weight",
    ],
)
def test_a_missing_tensor_is_refused_and_named(folder, key):
    change_weights(folder, lambda tensors: {other: tensors[other] for other in tensors if other != key})
    with pytest.raises(ModelFailedError, match=r"tiny is broken: [12] tensors are missing.*fetch it anew") as refused:
        load_parts(folder, name="tiny")
    assert key.split(".")[0] in str(refused.value)


def test_a_tensor_of_another_shape_is_refused(folder):
    change_weights(folder, lambda tensors: tensors.update({"decoder.lm_heads.0.weight": torch.zeros(64, 16)}))
    with pytest.raises(ModelFailedError, match="tiny"):
        load_parts(folder, name="tiny")


@pytest.mark.parametrize("key", ["decoder.lm_heads.2.weight", "audio_encoder.decoder.layers.3.conv.bias"])
def test_weights_that_are_no_numbers_are_refused(folder, key):
    def spoil(tensors):
        tensors[key].view(-1)[0] = float("nan")

    change_weights(folder, spoil)
    with pytest.raises(ModelFailedError, match=f"{key} holds what is no number"):
        load_parts(folder, name="tiny")


def test_a_file_that_was_cut_short_is_refused(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ModelFailedError, match="tiny failed while being loaded"):
        load_parts(folder, name="tiny")


def test_a_model_without_tokenizer_is_refused(folder):
    for path in [*folder.glob("tokenizer*"), *folder.glob("processor*")]:
        path.unlink()
    with pytest.raises(ModelFailedError, match="tokenizer of tiny is missing"):
        load_parts(folder, name="tiny")


@pytest.mark.parametrize(("kind", "told"), [("musicgen_melody", "musicgen_melody"), ("gpt2", "gpt2"), (None, "None")])
def test_what_is_no_musicgen_is_refused(folder, kind, told):
    change_config(folder, lambda config: config.update(model_type=kind))
    with pytest.raises(ModelFailedError, match=f"of the type {told}, not musicgen"):
        load_parts(folder, name="tiny")


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_a_broken_configuration_is_refused(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ModelFailedError, match="configuration of tiny cannot be read"):
        check_kind(tmp_path, "tiny")


def test_another_sample_rate_is_refused(folder):
    change_config(folder, lambda config: config["audio_encoder"].update(sampling_rate=24_000))
    with pytest.raises(ModelFailedError, match="24000 Hz"):
        load_parts(folder, name="tiny")


def test_an_unknown_precision_is_refused(saved):
    with pytest.raises(SettingsError, match=r"'int3'.*auto, int8"):
        load_parts(saved, name="tiny", precision="int3")


def test_too_little_memory_is_told_in_plain_words(saved, monkeypatch):
    from transformers import MusicgenForConditionalGeneration

    def fail(*_, **__):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: 4 GB")

    monkeypatch.setattr(MusicgenForConditionalGeneration, "from_pretrained", fail)
    with pytest.raises(ModelFailedError, match=r"^There is not enough memory for tiny while being loaded\.$") as told:
        load_parts(saved, name="tiny")
    assert isinstance(told.value.__cause__, RuntimeError)
