"""MusicGen's two layouts, without audiocraft: names, configurations, files. With it: test_audiocraft_backend.py."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hub_models import put_in_cache, use_cache
from safetensors.torch import load_file, save_file
from tiny_musicgen import save_tiny_musicgen, tiny_codec

from pipelines.catalogue import ModelEntry
from pipelines.errors import ModelFailedError, SettingsError, WeightsError
from pipelines.waveform import musicgen_checkpoint as checkpoint
from pipelines.waveform import musicgen_configs as configs
from pipelines.waveform import musicgen_tensors as names
from pipelines.waveform.musicgen_audiocraft import open_audiocraft
from pipelines.waveform.musicgen_convert import convert, main

# As audiocraft writes it, shortened to what shapes the model; sizes of a tiny one.
LM_YAML = """
sample_rate: 32000
channels: 1
lm_model: transformer_lm
transformer_lm: {dim: 32, num_heads: 4, num_layers: 2, hidden_scale: 2, n_q: 4, card: 64, dropout: 0.0, emb_lr: null,
  activation: gelu, norm_first: true, bias_ff: false, bias_attn: false, bias_proj: false, past_context: null,
  causal: true, custom: false, memory_efficient: true, attention_as_float32: false, layer_scale: null,
  positional_embedding: sin, weight_init: gaussian, depthwise_init: current, zero_bias_init: true, norm: layer_norm,
  cross_attention: false,
  qk_layer_norm: false, qk_layer_norm_cross: false, attention_dropout: null, kv_repeat: 1, two_step_cfg: false}
codebooks_pattern: {modeling: delay, delay: {delays: [0, 1, 2, 3], flatten_first: 0, empty_initial: 0}}
classifier_free_guidance: {training_dropout: 0.3, inference_coef: 3.0}
attribute_dropout: {}
fuser: {cross_attention_pos_emb: false, cross_attention_pos_emb_scale: 1, sum: [], prepend: [], cross: [description],
  input_interpolate: []}
conditioners:
  description: {model: t5, t5: {name: t5-base, finetune: false, word_dropout: 0.3, normalize_text: false}}
  args: {merge_text_conditions_p: 0.25, drop_desc_p: 0.5}
dataset: {segment_duration: 30}
interleave_stereo_codebooks: {use: false, per_timestep: false}
"""
CODEC_YAML = """
sample_rate: 32000
channels: 1
compression_model: encodec
encodec: {autoencoder: seanet, quantizer: rvq, sample_rate: '${sample_rate}', channels: '${channels}', causal: false,
  renormalize: false}
seanet: {dimension: 16, channels: '${channels}', causal: '${encodec.causal}', n_filters: 2, n_residual_layers: 1,
  ratios: [8, 5, 4, 4], activation: ELU, activation_params: {alpha: 1.0}, norm: weight_norm, norm_params: {},
  kernel_size: 7, residual_kernel_size: 3, last_kernel_size: 7, dilation_base: 2, pad_mode: constant, true_skip: true,
  compress: 2, lstm: 2, disable_norm_outer_blocks: 0, encoder: {},
  decoder: {trim_right_ratio: 1.0, final_activation: null, final_activation_params: null}}
rvq: {n_q: 4, q_dropout: false, bins: 64, decay: 0.99, kmeans_init: true, kmeans_iters: 50, threshold_ema_dead_code: 2,
  orthogonal_reg_weight: 0.0, orthogonal_reg_active_codes_only: false}
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny MusicGen of transformers."""
    return save_tiny_musicgen(tmp_path_factory.mktemp("original") / "musicgen")


@pytest.fixture(scope="module")
def crafted(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in audiocraft's layout."""
    return convert(original, tmp_path_factory.mktemp("crafted") / "musicgen")


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Threads that wait for each other make tiny models many times slower where the cores are busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_cache(monkeypatch, tmp_path / "cache")
    return tmp_path / "cache"


def package(path: Path) -> dict:
    return torch.load(path, map_location="cpu", weights_only=True)


def test_there_and_back_again_is_the_same_bits(original: Path, crafted: Path, tmp_path: Path) -> None:
    back = convert(crafted, tmp_path / "back")
    before, after = (load_file(folder / "model.safetensors") for folder in (original, back))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert len(before) == 179
    again = convert(back, tmp_path / "again")
    for name in ("state_dict.bin", "compression_state_dict.bin"):
        first, second = package(crafted / name), package(again / name)
        assert first["xp.cfg"] == second["xp.cfg"]
        assert first["best_state"].keys() == second["best_state"].keys()
        assert all(torch.equal(tensor, second["best_state"][key]) for key, tensor in first["best_state"].items())


def test_transformers_loads_what_was_converted_and_says_the_same(original: Path, crafted: Path, tmp_path: Path) -> None:
    from transformers import AutoProcessor, MusicgenForConditionalGeneration

    back = convert(crafted, tmp_path / "back")
    heard, tokens = [], torch.randint(64, (4, 9), generator=torch.Generator().manual_seed(1))
    for folder in (original, back):
        model, report = MusicgenForConditionalGeneration.from_pretrained(
            folder, local_files_only=True, output_loading_info=True
        )
        assert not any(report.values())
        inputs = AutoProcessor.from_pretrained(folder, local_files_only=True)(
            text=["sad piano music"], return_tensors="pt"
        )
        with torch.no_grad():
            heard.append(
                (
                    model(**inputs, decoder_input_ids=tokens).logits,
                    model.audio_encoder.decode(tokens[None, None], [None]).audio_values,
                )
            )
        assert model.generation_config.guidance_scale == 3.0
        assert model.generation_config.decoder_start_token_id == 64
        assert model.config.sampling_rate == 32_000
    assert torch.equal(heard[0][0], heard[1][0])
    assert torch.equal(heard[0][1], heard[1][1])
    assert heard[0][1].shape == (1, 1, 9 * 640)


def test_audiocrafts_files_hold_tensors_and_text_only(crafted: Path) -> None:
    assert sorted(path.name for path in crafted.iterdir()) == ["compression_state_dict.bin", "state_dict.bin", "t5"]
    lm, codec = package(crafted / "state_dict.bin"), package(crafted / "compression_state_dict.bin")
    assert {type(value) for value in lm["best_state"].values()} == {torch.Tensor}
    assert lm["best_state"]["transformer.layers.1.cross_attention.in_proj_weight"].shape == (96, 32)
    assert lm["best_state"]["condition_provider.conditioners.description.output_proj.weight"].shape == (32, 24)
    assert not [name for name in lm["best_state"] if ".t5." in name]
    assert codec["best_state"]["decoder.model.12.convtr.convtr.weight_g"].shape == (4, 1, 1)
    assert codec["best_state"]["quantizer.vq.layers.3._codebook.embed"].shape == (64, 16)
    assert {package["exported"] for package in (lm, codec)} == {True}
    assert json.loads((crafted / "t5" / "config.json").read_text())["d_model"] == 24
    assert (crafted / "t5" / "tokenizer.json").is_file()


def test_the_fused_projection_is_queries_keys_values_in_this_order() -> None:
    fused = torch.arange(12.0).reshape(6, 2)
    for name in ("self_attn.in_proj_weight", "self_attn.mha.in_proj_weight"):
        found = names.lm_to_transformers({f"transformer.layers.3.{name}": fused})
        place = "decoder.model.decoder.layers.3.self_attn"
        assert {key: value.tolist() for key, value in found.items()} == {
            f"{place}.q_proj.weight": [[0, 1], [2, 3]],
            f"{place}.k_proj.weight": [[4, 5], [6, 7]],
            f"{place}.v_proj.weight": [[8, 9], [10, 11]],
        }
        back = names.lm_to_audiocraft(found)
        assert list(back) == ["transformer.layers.3.self_attn.in_proj_weight"]
        assert torch.equal(back["transformer.layers.3.self_attn.in_proj_weight"], fused)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("emb.2.weight", "decoder.model.decoder.embed_tokens.2.weight"),
        ("linears.0.weight", "decoder.lm_heads.0.weight"),
        ("out_norm.bias", "decoder.model.decoder.layer_norm.bias"),
        ("condition_provider.conditioners.description.output_proj.bias", "enc_to_dec_proj.bias"),
        ("transformer.layers.11.norm1.weight", "decoder.model.decoder.layers.11.self_attn_layer_norm.weight"),
        ("transformer.layers.0.norm_cross.bias", "decoder.model.decoder.layers.0.encoder_attn_layer_norm.bias"),
        ("transformer.layers.0.norm2.weight", "decoder.model.decoder.layers.0.final_layer_norm.weight"),
        ("transformer.layers.0.linear1.weight", "decoder.model.decoder.layers.0.fc1.weight"),
        ("transformer.layers.0.linear2.weight", "decoder.model.decoder.layers.0.fc2.weight"),
        (
            "transformer.layers.0.cross_attention.out_proj.weight",
            "decoder.model.decoder.layers.0.encoder_attn.out_proj.weight",
        ),
    ],
)
def test_names_of_the_language_model(ours: str, theirs: str) -> None:
    tensor = torch.zeros(1)
    assert list(names.lm_to_transformers({ours: tensor})) == [theirs]
    assert list(names.lm_to_audiocraft({theirs: tensor})) == [ours]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("encoder.model.0.conv.conv.weight_g", "encoder.layers.0.conv.parametrizations.weight.original0"),
        ("encoder.model.4.block.3.conv.conv.bias", "encoder.layers.4.block.3.conv.bias"),
        (
            "encoder.model.4.shortcut.conv.conv.weight_v",
            "encoder.layers.4.shortcut.conv.parametrizations.weight.original1",
        ),
        ("encoder.model.13.lstm.weight_hh_l1", "encoder.layers.13.lstm.weight_hh_l1"),
        ("decoder.model.3.convtr.convtr.weight_v", "decoder.layers.3.conv.parametrizations.weight.original1"),
        ("decoder.model.3.convtr.convtr.bias", "decoder.layers.3.conv.bias"),
        ("decoder.model.15.conv.conv.bias", "decoder.layers.15.conv.bias"),
        ("quantizer.vq.layers.2._codebook.embed_avg", "quantizer.layers.2.codebook.embed_avg"),
    ],
)
def test_names_of_the_codec(ours: str, theirs: str) -> None:
    tensor = torch.zeros(1)
    assert list(names.codec_to_transformers({ours: tensor})) == [theirs]
    assert list(names.codec_to_audiocraft({theirs: tensor}, transposed=[3, 6, 9, 12])) == [ours]


def test_a_tensor_without_a_counterpart_is_named() -> None:
    for name in (
        "transformer.layers.0.layer_scale_1.scale",
        "condition_provider.conditioners.self_wav.output_proj.bias",
    ):
        with pytest.raises(WeightsError, match=name):
            names.lm_to_transformers({name: torch.zeros(1)})
    with pytest.raises(WeightsError, match=r"decoder\.lm_heads\.0\.bias|k_proj"):
        names.lm_to_audiocraft({"decoder.model.decoder.layers.0.self_attn.q_proj.weight": torch.zeros(2, 2)})
    with pytest.raises(WeightsError, match="discriminator"):
        names.codec_to_transformers({"discriminator.weight": torch.zeros(1)})


def test_the_configuration_of_audiocraft_is_read_with_its_references() -> None:
    codec = configs.codec_config(configs.read_cfg(CODEC_YAML))
    assert codec["sampling_rate"] == 32_000
    assert codec["audio_channels"] == 1
    assert codec["use_causal_conv"] is False
    assert codec["use_conv_shortcut"] is False
    assert codec["pad_mode"] == "constant"
    assert codec["target_bandwidths"] == [1.2]
    decoder = configs.decoder_config(configs.read_cfg(LM_YAML))
    assert decoder["ffn_dim"] == 64
    assert decoder["pad_token_id"] == decoder["vocab_size"] == 64
    assert configs.look_up(configs.read_cfg(LM_YAML), "conditioners.description.t5.name") == "t5-base"
    for text in ("a: [", "just words", ""):
        with pytest.raises(WeightsError, match=r"xp\.cfg"):
            configs.read_cfg(text)


@pytest.mark.parametrize("codebooks", [1, 3, 4, 8, 9, 32])
def test_as_many_codebooks_as_there_were(codebooks: int) -> None:
    from transformers import EncodecConfig

    codec = configs.read_cfg(CODEC_YAML)
    for bins in (64, 1024, 2048):
        codec["rvq"] |= {"bins": bins, "n_q": codebooks}
        config = configs.codec_config(codec)
        assert configs.codebooks_of(config) == codebooks
        assert EncodecConfig(**config).num_quantizers == codebooks


@pytest.mark.parametrize(
    ("dotted", "value"),
    [
        ("transformer_lm.positional_embedding", "rope"),
        ("transformer_lm.norm_first", None),
        ("transformer_lm.bias_attn", None),
        ("transformer_lm.layer_scale", 0.1),
        ("codebooks_pattern.modeling", "parallel"),
        ("codebooks_pattern.delay.delays", [0, 1, 1, 1]),
        ("fuser.prepend", ["self_wav"]),
        ("conditioners.description.model", "lut"),
        ("interleave_stereo_codebooks.use", True),
        ("lm_model", "transformer_lm_magnet"),
    ],
)
def test_a_form_that_transformers_has_not_is_refused_by_name(dotted: str, value: object) -> None:
    cfg = configs.read_cfg(LM_YAML)
    *path, last = dotted.split(".")
    place = configs.look_up(cfg, ".".join(path)) if path else cfg
    if value is None:
        del place[last]
    else:
        place[last] = value
    with pytest.raises(WeightsError, match=dotted):
        configs.decoder_config(cfg)


def test_a_t5_that_was_trained_along_goes_before_the_folders(crafted: Path) -> None:
    prefix = "condition_provider.conditioners.description.t5"
    own = {"shared.weight": torch.full((2, 3), 7.0), "encoder.final_layer_norm.weight": torch.ones(3)}
    state = names.under(prefix, own | {"encoder.embed_tokens.weight": own["shared.weight"]})
    text = checkpoint.read_text_encoder(crafted / "t5", state=state)
    assert text.tensors.keys() == own.keys()
    assert torch.equal(text.tensors["shared.weight"], own["shared.weight"])
    assert text.config["d_model"] == 24
    assert len(checkpoint.read_text_encoder(crafted / "t5", state={}).tensors) == 19


def test_where_the_t5_is_looked_for(original: Path, crafted: Path, tmp_path: Path, empty_cache: Path) -> None:
    def put(hub_id: str, source: Path) -> Path:
        def save(folder: Path) -> None:
            for path in source.iterdir():
                (folder / path.name).write_bytes(path.read_bytes())

        return put_in_cache(empty_cache, hub_id, save)

    assert checkpoint.text_encoder_folder(tmp_path, "t5-base") is None
    with pytest.raises(WeightsError, match="fetch google-t5/t5-base"):
        checkpoint.read_text_encoder(None)
    small = put("facebook/musicgen-small", original)
    assert checkpoint.text_encoder_folder(tmp_path, "t5-base") == small
    assert checkpoint.text_encoder_folder(tmp_path, "t5-large") is None
    bare = put("t5-base", crafted / "t5")
    assert checkpoint.text_encoder_folder(tmp_path, "t5-base") == bare
    full = put("google-t5/t5-base", crafted / "t5")
    assert checkpoint.text_encoder_folder(tmp_path, "t5-base") == full
    assert checkpoint.text_encoder_folder(crafted, "t5-base") == crafted / "t5"
    of_musicgen, alone = (checkpoint.read_text_encoder(folder) for folder in (small, full))
    assert of_musicgen.tensors.keys() == alone.tensors.keys()
    assert all(torch.equal(tensor, alone.tensors[name]) for name, tensor in of_musicgen.tensors.items())


def test_files_of_older_versions_of_transformers(original: Path, crafted: Path, tmp_path: Path) -> None:
    """Weight normalisation under its old names, position embeddings and the second copy of T5's embeddings kept."""
    old = tmp_path / "old"
    old.mkdir()
    for path in original.iterdir():
        (old / path.name).write_bytes(path.read_bytes())
    tensors = load_file(original / "model.safetensors")
    renamed = {
        name.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): tensor
        for name, tensor in tensors.items()
    }
    renamed["decoder.model.decoder.embed_positions.weights"] = torch.zeros(2048, 32)
    renamed["text_encoder.encoder.embed_tokens.weight"] = tensors["text_encoder.shared.weight"].clone()
    save_file(renamed, old / "model.safetensors")
    made = convert(old, tmp_path / "made")
    for name in ("state_dict.bin", "compression_state_dict.bin"):
        found, wanted = (package(folder / name)["best_state"] for folder in (made, crafted))
        assert found.keys() == wanted.keys()
        assert all(torch.equal(found[key], wanted[key]) for key in wanted)


def test_a_codec_that_is_only_named_is_taken_from_the_cache(crafted: Path, tmp_path: Path, empty_cache: Path) -> None:
    lean = tmp_path / "lean"
    lean.mkdir()
    (lean / "state_dict.bin").write_bytes((crafted / "state_dict.bin").read_bytes())
    torch.save({"pretrained": "facebook/encodec_32khz", "exported": True}, lean / "compression_state_dict.bin")
    with pytest.raises(WeightsError, match=r"facebook/encodec_32khz, which is not on this machine"):
        checkpoint.read_audiocraft(lean)

    def save(folder: Path) -> None:
        from transformers import EncodecModel

        codec = EncodecModel(tiny_codec().config)
        codec.load_state_dict(
            names.part_of("audio_encoder", load_file(checkpoint_of_original / "model.safetensors")), strict=True
        )
        codec.save_pretrained(folder)

    checkpoint_of_original = convert(crafted, tmp_path / "back")
    put_in_cache(empty_cache, "facebook/encodec_32khz", save)
    found, wanted = checkpoint.read_audiocraft(lean).codec, checkpoint.read_audiocraft(crafted).codec
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_nothing_is_overwritten_and_nothing_half_done_is_left(original: Path, crafted: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(SettingsError, match="nothing is overwritten"):
        convert(original, tmp_path / "there")
    with pytest.raises(SettingsError, match="holds no MusicGen"):
        convert(tmp_path / "there", tmp_path / "new")
    with pytest.raises(SettingsError, match="in the layout of transformers already"):
        convert(original, tmp_path / "new", to="transformers")
    broken = tmp_path / "broken"
    broken.mkdir()
    for name in ("state_dict.bin", "compression_state_dict.bin"):
        (broken / name).write_bytes((crafted / name).read_bytes())
    with pytest.raises(WeightsError, match="--t5"):
        convert(broken, tmp_path / "new")
    lm = package(broken / "state_dict.bin")
    del lm["best_state"]["transformer.layers.1.norm2.bias"]
    torch.save(lm, broken / "state_dict.bin")
    with pytest.raises(WeightsError, match=r"configuration \(1, decoder\.\S+\.1\.final_layer_norm\.bias first"):
        convert(broken, tmp_path / "new", t5=crafted / "t5")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken", "there"]


def test_both_layouts_in_one_folder_need_a_word(original: Path, crafted: Path, tmp_path: Path) -> None:
    both = tmp_path / "both"
    both.mkdir()
    for path in (*original.iterdir(), *crafted.glob("*.bin")):
        (both / path.name).write_bytes(path.read_bytes())
    assert checkpoint.layouts_of(both) == ["audiocraft", "transformers"]
    with pytest.raises(SettingsError, match="say --to audiocraft or --to transformers"):
        convert(both, tmp_path / "new")
    made = convert(both, tmp_path / "new", to="transformers")
    assert checkpoint.layouts_of(made) == ["transformers"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", None])
def test_files_that_are_damaged_or_could_run_code_are_refused(
    crafted: Path, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "state_dict.bin"
    (tmp_path / "compression_state_dict.bin").write_bytes((crafted / "compression_state_dict.bin").read_bytes())
    if content is None:
        torch.save({"best_state": {}, "xp.cfg": Path("an object of a class of its own")}, path)
    else:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"state_dict\.bin is damaged, or holds more than tensors"):
        checkpoint.read_audiocraft(tmp_path)


def test_a_training_checkpoint_is_to_be_exported_first(crafted: Path, tmp_path: Path) -> None:
    (tmp_path / "compression_state_dict.bin").write_bytes((crafted / "compression_state_dict.bin").read_bytes())
    torch.save({"best_state": {"model": {}}, "history": []}, tmp_path / "state_dict.bin")
    with pytest.raises(WeightsError, match=r"audiocraft\.utils\.export"):
        checkpoint.read_audiocraft(tmp_path)


def test_the_command_line(original: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(original), str(tmp_path / "new")]) == 0
    told = capsys.readouterr()
    size = (tmp_path / "new" / "state_dict.bin").stat().st_size / 1e6
    assert f"wrote state_dict.bin ({size:.1f} MB)" in told.out
    assert told.out.splitlines()[-1].startswith(f"{tmp_path / 'new'} is ready (")
    assert main([str(original), str(tmp_path / "new")]) == 1
    assert "nothing is overwritten" in capsys.readouterr().err
    assert main(["no/such/model", str(tmp_path / "newer")]) == 1


def test_without_audiocraft_the_error_names_the_cure(crafted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "audiocraft", None)  # as if it were not installed
    entry = ModelEntry("audio", "tiny", "tiny MusicGen", "CC-BY-NC-4.0", 1.0, hub_id=str(crafted))
    with pytest.raises(ModelFailedError, match="make setup-audiocraft"):
        open_audiocraft(entry)
