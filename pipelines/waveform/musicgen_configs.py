"""MusicGen's configuration as audiocraft writes it (`xp.cfg`) and as transformers does, and the way between them.

In and out: nested dictionaries. audiocraft's packages carry the YAML of the Hydra configuration that they were trained
with; only what shapes the model is read, and only that is written. What one library can do and the other cannot is
refused, by name, rather than lost.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pipelines.errors import WeightsError

Config = dict[str, Any]

LONGEST_S = 30  # what MusicGen was trained on, and plays at once
FRAME_RATE_HZ, SAMPLE_RATE_HZ = 50, 32_000
T5_WIDTHS = {512: "t5-small", 768: "t5-base", 1024: "t5-large"}
REFERENCE = re.compile(r"\$\{([\w.]+)\}")

# What a checkpoint's configuration must say, or leave to its default, to have a counterpart in transformers.
LM_FORM = {
    "lm_model": "transformer_lm",
    "transformer_lm.norm_first": True,
    "transformer_lm.bias_proj": False,
    "transformer_lm.bias_ff": False,
    "transformer_lm.bias_attn": False,
    "transformer_lm.activation": "gelu",
    "transformer_lm.causal": True,
    "transformer_lm.past_context": None,
    "transformer_lm.layer_scale": None,
    "transformer_lm.positional_embedding": "sin",
    "transformer_lm.qk_layer_norm": False,
    "transformer_lm.qk_layer_norm_cross": False,
    "transformer_lm.kv_repeat": 1,
    "codebooks_pattern.modeling": "delay",
    "fuser.cross": ["description"],
    "fuser.sum": [],
    "fuser.prepend": [],
    "fuser.input_interpolate": [],
    "fuser.cross_attention_pos_emb": False,
    "conditioners.description.model": "t5",
    "interleave_stereo_codebooks.use": False,
}
# What audiocraft itself takes for settings that are left out, where that is something else.
LEFT_OUT = {
    "transformer_lm.norm_first": False,
    "transformer_lm.bias_proj": True,
    "transformer_lm.bias_ff": True,
    "transformer_lm.bias_attn": True,
    "transformer_lm.activation": "relu",
    "transformer_lm.causal": False,
}
CODEC_FORM = {
    "compression_model": "encodec",
    "encodec.autoencoder": "seanet",
    "encodec.quantizer": "rvq",
    "encodec.renormalize": False,
    "seanet.norm": "weight_norm",
    "seanet.activation": "ELU",
    "seanet.disable_norm_outer_blocks": 0,
    "seanet.decoder.final_activation": None,
}
# EnCodec's settings by their names in audiocraft's `seanet` and in transformers' EncodecConfig.
SEANET = {
    "channels": "audio_channels",
    "dimension": "hidden_size",
    "n_filters": "num_filters",
    "n_residual_layers": "num_residual_layers",
    "ratios": "upsampling_ratios",
    "norm": "norm_type",
    "kernel_size": "kernel_size",
    "last_kernel_size": "last_kernel_size",
    "residual_kernel_size": "residual_kernel_size",
    "dilation_base": "dilation_growth_rate",
    "causal": "use_causal_conv",
    "pad_mode": "pad_mode",
    "compress": "compress",
    "lstm": "num_lstm_layers",
}


def read_cfg(text: str) -> Config:
    """Read the YAML of an `xp.cfg`, its references such as `${sample_rate}` followed.

    Raises:
        WeightsError: it is no such YAML.
    """
    import yaml

    try:
        cfg = yaml.safe_load(text)
    except yaml.YAMLError as cause:
        raise WeightsError("The checkpoint's xp.cfg cannot be read as YAML; export it anew with audiocraft.") from cause
    if not isinstance(cfg, dict):
        raise WeightsError("The checkpoint's xp.cfg holds no settings; export it anew with audiocraft.")
    return dict(_followed(cfg, cfg))


def write_cfg(cfg: Mapping[str, Any]) -> str:
    """The YAML of a configuration, as audiocraft's packages carry it."""
    import yaml

    return str(yaml.safe_dump(dict(cfg), sort_keys=False))


def _followed(value: Any, root: Config) -> Any:
    if isinstance(value, dict):
        return {key: _followed(each, root) for key, each in value.items()}
    if isinstance(value, list):
        return [_followed(each, root) for each in value]
    reference = REFERENCE.fullmatch(value) if isinstance(value, str) else None
    return _followed(look_up(root, reference[1]), root) if reference else value


def look_up(cfg: Mapping[str, Any], dotted: str, default: Any = None) -> Any:
    """A value by its path, such as "transformer_lm.dim"; `default` where the path leads nowhere."""
    value: Any = cfg
    for key in dotted.split("."):
        if not isinstance(value, Mapping) or key not in value:
            return default
        value = value[key]
    return value


def _check_form(cfg: Config, form: Mapping[str, Any], said_by_default: Mapping[str, Any] | None = None) -> None:
    """Raise WeightsError for the first setting whose value differs from the form's."""
    for dotted, wanted in form.items():
        value = look_up(cfg, dotted, (said_by_default or {}).get(dotted, wanted))
        if value != wanted:
            raise WeightsError(
                f"This MusicGen has {dotted} {value!r}, where transformers can only play {wanted!r}; play it with the "
                f"backend audiocraft, unconverted."
            )


def _needed(cfg: Config, dotted: str) -> Any:
    value = look_up(cfg, dotted)
    if value is None:
        raise WeightsError(f"The checkpoint's configuration does not say {dotted}; export it anew with audiocraft.")
    return value


def decoder_config(cfg: Config) -> Config:
    """The settings in transformers of the decoder for the language model of an `xp.cfg`.

    Raises:
        WeightsError: transformers has no such language model, or a setting is missing.
    """
    _check_form(cfg, LM_FORM, LEFT_OUT)
    codebooks, card = _needed(cfg, "transformer_lm.n_q"), _needed(cfg, "transformer_lm.card")
    delay = {"delays": list(range(codebooks)), "flatten_first": 0, "empty_initial": 0}
    _check_form(cfg, {f"codebooks_pattern.delay.{key}": value for key, value in delay.items()})
    width = _needed(cfg, "transformer_lm.dim")
    return {
        "model_type": "musicgen_decoder",
        "vocab_size": card,
        "num_codebooks": codebooks,
        "hidden_size": width,
        "ffn_dim": int(look_up(cfg, "transformer_lm.hidden_scale", 4) * width),
        "num_attention_heads": _needed(cfg, "transformer_lm.num_heads"),
        "num_hidden_layers": _needed(cfg, "transformer_lm.num_layers"),
        "activation_function": "gelu",
        "audio_channels": 1,
        "pad_token_id": card,
        "bos_token_id": card,
    }


def codec_config(cfg: Config) -> Config:
    """The settings in transformers of the EnCodec of an `xp.cfg`.

    Raises:
        WeightsError: transformers has no such codec, or a setting is missing.
    """
    _check_form(cfg, CODEC_FORM)
    settings = {theirs: _needed(cfg, f"seanet.{ours}") for ours, theirs in SEANET.items()}
    sample_rate_hz, bins, codebooks = (_needed(cfg, key) for key in ("encodec.sample_rate", "rvq.bins", "rvq.n_q"))
    hop = 1
    for ratio in settings["upsampling_ratios"]:
        hop *= ratio
    bits = (bins - 1).bit_length()  # transformers counts codebooks by the bits a second that they take
    return settings | {
        "model_type": "encodec",
        "sampling_rate": sample_rate_hz,
        "codebook_size": bins,
        "codebook_dim": settings["hidden_size"],
        "target_bandwidths": [codebooks * bits * -(-sample_rate_hz // hop) / 1000],
        "trim_right_ratio": look_up(cfg, "seanet.decoder.trim_right_ratio", 1.0),
        "use_conv_shortcut": not look_up(cfg, "seanet.true_skip", True),
        "normalize": False,
        "chunk_length_s": None,
        "overlap": None,
    }


def lm_cfg(config: Config) -> Config:
    """The `xp.cfg` of the language model of transformers' MusicGen, complete for audiocraft's builders.

    Raises:
        WeightsError: audiocraft has no such model.
    """
    decoder, text = config.get("decoder", {}), config.get("text_encoder", {})
    wanted = {"scale_embedding": False, "activation_function": "gelu", "audio_channels": 1}
    other = [key for key, value in wanted.items() if decoder.get(key, value) != value]
    if config.get("model_type") != "musicgen" or text.get("model_type") != "t5" or other:
        raise WeightsError(
            f"This is no MusicGen that is told by T5 and plays in mono "
            f"({', '.join(other) or config.get('model_type')}); choose one such as facebook/musicgen-small."
        )
    codebooks, width = decoder["num_codebooks"], decoder["hidden_size"]
    return {
        "lm_model": "transformer_lm",
        "transformer_lm": {
            "dim": width,
            "num_heads": decoder["num_attention_heads"],
            "num_layers": decoder["num_hidden_layers"],
            "hidden_scale": decoder["ffn_dim"] / width,
            "n_q": codebooks,
            "card": decoder["vocab_size"],
            "dropout": 0.0,
            "activation": "gelu",
            "norm_first": True,
            "bias_proj": False,
            "bias_ff": False,
            "bias_attn": False,
            "causal": True,
            "memory_efficient": True,
            "positional_embedding": "sin",
        },
        "codebooks_pattern": {"modeling": "delay", "delay": {"delays": list(range(codebooks))}},
        "classifier_free_guidance": {"training_dropout": 0.3, "inference_coef": 3.0},
        "attribute_dropout": {},
        "fuser": {"cross": ["description"], "sum": [], "prepend": [], "input_interpolate": []},
        "conditioners": {"description": {"model": "t5", "t5": _t5_cfg(text)}},
        "dataset": {"segment_duration": LONGEST_S},
    }


def _t5_cfg(text: Config) -> Config:
    name = T5_WIDTHS.get(text["d_model"], T5_WIDTHS[768])
    return {"name": name, "finetune": False, "word_dropout": 0.0, "normalize_text": False}


def codec_cfg(config: Config) -> Config:
    """The `xp.cfg` of the EnCodec with transformers' settings (an EncodecConfig's), complete for audiocraft's builders.

    Raises:
        WeightsError: audiocraft has no such codec.
    """
    if (
        config.get("model_type") != "encodec"
        or config.get("normalize")
        or config.get("chunk_length_s")
        or config.get("norm_type") != "weight_norm"
    ):
        raise WeightsError(
            "The codec is not of MusicGen's form (weight normalisation, sound as it is); choose another model."
        )
    seanet = {ours: config[theirs] for ours, theirs in SEANET.items()}
    rate, causal = config["sampling_rate"], config["use_causal_conv"]
    return {
        "compression_model": "encodec",
        "encodec": {
            "autoencoder": "seanet",
            "quantizer": "rvq",
            "sample_rate": rate,
            "channels": config["audio_channels"],
            "causal": causal,
            "renormalize": False,
        },
        "seanet": seanet
        | {
            "true_skip": not config["use_conv_shortcut"],
            "activation": "ELU",
            "encoder": {},
            "decoder": {"trim_right_ratio": config["trim_right_ratio"]},
        },
        "rvq": {"n_q": codebooks_of(config), "bins": config["codebook_size"], "kmeans_init": False},
    }


def codebooks_of(config: Config) -> int:
    """How many codebooks an EnCodec of transformers' settings has."""
    hop = 1
    for ratio in config["upsampling_ratios"]:
        hop *= ratio
    bits_a_second = (config["codebook_size"] - 1).bit_length() * -(-config["sampling_rate"] // hop)
    return int(1000 * config["target_bandwidths"][-1] // bits_a_second)


def upsampling_layers(config: Config) -> list[int]:
    """The numbers of the upsampling layers in the decoder of an EnCodec of transformers' settings.

    They follow the first convolution, the LSTM and, each, a nonlinearity and the residual blocks of the one before.
    """
    return [3 + (2 + config["num_residual_layers"]) * number for number in range(len(config["upsampling_ratios"]))]
