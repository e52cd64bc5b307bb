"""Builds audiocraft's MusicGen from files on this machine, by audiocraft's own builders.

In: a folder in either layout (musicgen_checkpoint.py). Out: an `audiocraft.models.MusicGen` that plays. audiocraft's
own loaders are not used: they would fetch the T5 and the codec from a hub, and read torch files that may hold code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.errors import WeightsError
from pipelines.waveform import musicgen_configs as configs
from pipelines.waveform import musicgen_tensors as names
from pipelines.waveform.musicgen_checkpoint import (
    AUDIOCRAFT,
    AudiocraftFiles,
    TextEncoder,
    layouts_of,
    read_audiocraft,
    read_text_encoder,
    read_transformers,
    text_encoder_folder,
    to_audiocraft,
)


def load(folder: Path, *, device: str | None = None) -> Any:
    """Build the MusicGen in a folder, ready to play, on CUDA (half precision) where there is one, else on the CPU.

    Raises:
        WeightsError: files are missing, damaged, or do not fit their configuration, or the model does not make mono
            music from text at 32,000 Hz and 50 frames a second.
    """
    import torch

    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    files = read_audiocraft(folder) if AUDIOCRAFT in layouts_of(folder) else to_audiocraft(read_transformers(folder))
    return build(files, folder, device=device)


def build(files: AudiocraftFiles, folder: Path, *, device: str) -> Any:
    """Build the MusicGen of what was read from `folder`; see :func:`load`."""
    from audiocraft.models import MusicGen

    cfg = configs.read_cfg(files.lm_yaml)
    codec = _codec(files, device)
    lm = _language_model(files, cfg, folder, device)
    longest_s = float(configs.look_up(cfg, "dataset.segment_duration", configs.LONGEST_S))
    return MusicGen(folder.name, codec, lm, max_duration=longest_s)


def _codec(files: AudiocraftFiles, device: str) -> Any:
    from audiocraft.models import builders
    from omegaconf import OmegaConf

    model = builders.get_compression_model(OmegaConf.create(configs.read_cfg(files.codec_yaml) | {"device": device}))
    rates = (model.sample_rate, model.frame_rate, model.channels)
    if rates != (configs.SAMPLE_RATE_HZ, configs.FRAME_RATE_HZ, 1):
        raise WeightsError(
            f"The codec plays {rates[2]} channels at {rates[0]} Hz in {rates[1]:g} frames a second, where MusicGen's "
            f"has 1, {configs.SAMPLE_RATE_HZ} and {configs.FRAME_RATE_HZ}; choose another model."
        )
    _fill(model, files.codec)
    return model.eval()


def _language_model(files: AudiocraftFiles, cfg: dict[str, Any], folder: Path, device: str) -> Any:
    """The language model by audiocraft's builder, its conditioner made here of a T5 on this machine."""
    from audiocraft.models import builders
    from audiocraft.modules.conditioners import ConditioningProvider
    from omegaconf import OmegaConf

    conditioners = dict(cfg.get("conditioners") or {})
    conditioners.pop("args", None)
    if configs.look_up(cfg, "conditioners.description.model") != "t5" or len(conditioners) != 1:
        raise WeightsError(
            f"This MusicGen is told by {', '.join(conditioners) or 'nothing'}, not by a text through T5."
        )
    if configs.look_up(cfg, "interleave_stereo_codebooks.use"):
        raise WeightsError("This MusicGen plays in stereo, which this lane does not; choose a mono one.")
    dtype = "float32" if device == "cpu" else "float16"
    bare = cfg | {"conditioners": None, "device": device, "dtype": dtype}
    lm = builders.get_lm_model(OmegaConf.create(bare))
    t5 = dict(conditioners["description"]["t5"])
    text = read_text_encoder(text_encoder_folder(folder, t5["name"]), state=files.lm)
    conditioner = _t5_conditioner(text, t5, output_width=lm.dim, device=device)
    lm.condition_provider = ConditioningProvider({"description": conditioner}, device=device)
    _fill(lm, {name: tensor for name, tensor in files.lm.items() if not name.startswith(f"{names.DESCRIPTION}.t5.")})
    return lm.to(device).eval()


def _t5_conditioner(text: TextEncoder, t5: dict[str, Any], *, output_width: int, device: str) -> Any:
    """Audiocraft's T5Conditioner over a T5 that is already here; its own `__init__` would ask a hub for one by name."""
    import torch
    from audiocraft.modules.conditioners import T5Conditioner, TextConditioner
    from audiocraft.utils.autocast import TorchAutocast
    from transformers import AutoTokenizer, T5Config, T5EncoderModel

    class LocalT5(T5Conditioner):
        def __init__(self) -> None:
            TextConditioner.__init__(self, text.config["d_model"], output_width)
            self.device, self.name = device, t5["name"]
            self.finetune, self.word_dropout, self.normalize_text = False, 0.0, False
            # In half precision T5 overflows, hence audiocraft's float32 here.
            self.autocast = TorchAutocast(enabled=device != "cpu", device_type=device, dtype=torch.float32)
            self.t5_tokenizer = AutoTokenizer.from_pretrained(text.folder, local_files_only=True)
            model: Any = T5EncoderModel(T5Config.from_dict(text.config))
            _fill(model, text.tensors)
            self.__dict__["t5"] = model.to(device).eval()  # no part of the state, as in audiocraft

    return LocalT5()


def _fill(model: Any, tensors: dict[str, Any]) -> None:
    """Load tensors into a model; WeightsError unless they are all that it has."""
    try:
        result = model.load_state_dict(tensors, strict=False)
    except RuntimeError as cause:
        raise WeightsError("The checkpoint's tensors are of other shapes than its configuration says.") from cause
    wrong = [name for name in (*result.missing_keys, *result.unexpected_keys) if name != names.EMBEDDED_TWICE]
    if wrong:
        raise WeightsError(
            f"The checkpoint's tensors do not fit its configuration ({len(wrong)}, {wrong[0]} first); take another."
        )
