"""A folder with a MusicGen, as the hub's or a fine-tuned one, checked and made ready for this machine.

In: a folder that `MusicgenForConditionalGeneration.save_pretrained` wrote, or the hub's. Out: :class:`MusicGenParts`.
A checkpoint that is no MusicGen, or whose weights are not whole, is refused: transformers itself would fill the gaps
with random numbers and only warn.

Precision: half on a GPU; on a CPU 8-bit weights where the CPU multiplies them exactly (musicgen_matrices.py), else
32-bit. The text encoder and the sound decoder stay in 32 bits: they are small, and T5 overflows in half.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import ModelFailedError, SettingsError
from pipelines.hub import how_to_fetch_again
from pipelines.models import compute_on_one_thread
from pipelines.waveform.musicgen_failures import failures_told

if TYPE_CHECKING:
    from torch import Tensor

    from pipelines.waveform.musicgen_decoder import StepDecoder

SAMPLE_RATE_HZ = 32_000
SAMPLES_PER_FRAME = 640
LONGEST_TOKENS = 256  # T5's tokens; a prompt has about 40
TOKENIZER_FILES = ("tokenizer.json", "spiece.model")
PRECISIONS = ("auto", "int8", "float32", "float16")
# Parts of the sound encoder: not used to make music, so a checkpoint may lack them.
NOT_NEEDED = re.compile(r"audio_encoder\.(encoder\.|quantizer\..*\.(inited|cluster_size|embed_avg)$)")

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class MusicGenParts:
    """What makes music: tokenizer, text encoder, the projection of its states, decoder, and EnCodec.

    Shared by all visitors, who only read it.
    """

    tokenizer: Any
    text_encoder: Any
    projection: Any
    decoder: StepDecoder
    codec: Any

    def encode(self, text: str) -> Tensor:
        """What the decoder hears of a text: (1, words, width) float32."""
        import torch

        compute_on_one_thread()
        with torch.inference_mode():
            encoded = self.tokenizer(text, return_tensors="pt", truncation=True, max_length=LONGEST_TOKENS)
            states = self.text_encoder(input_ids=encoded.input_ids.to(self.text_encoder.device)).last_hidden_state
            projected: Tensor = self.projection(states)
            return projected


@dataclass(frozen=True, eq=False)
class WholeModel:
    """A `MusicgenForConditionalGeneration` in 32 bits on the CPU, and its tokenizer."""

    model: Any
    tokenizer: Any


def load_parts(folder: Path, *, name: str, precision: str = "auto") -> MusicGenParts:
    """Load a MusicGen from a folder and make it ready; see :func:`load_whole` and :func:`ready_parts`."""
    whole = load_whole(folder, name=name)
    with failures_told(name, "being loaded", free=free_memory):
        return ready_parts(whole, name=name, precision=precision)


def load_whole(folder: Path, *, name: str) -> WholeModel:
    """Load a MusicGen from a folder; `name` is what people call it. The network is never touched.

    Raises:
        ModelFailedError: no MusicGen, broken or missing files, or too little memory.
    """
    check_kind(folder, name)
    with failures_told(name, "being loaded", free=free_memory):
        from transformers import AutoTokenizer

        if not any((folder / file).is_file() for file in TOKENIZER_FILES):  # transformers would make up an empty one
            raise ModelFailedError(f"The tokenizer of {name} is missing; {how_to_fetch_again(folder)}.")
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        compute_on_one_thread()
        model = _load_model(folder, name)
        _check_numbers(model, name, cure=how_to_fetch_again(folder))
        return WholeModel(model, tokenizer)


def free_memory() -> None:
    """Give back what nobody refers to any more, a GPU's memory too."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def check_kind(folder: Path, name: str) -> None:
    """Raise ModelFailedError for a folder whose configuration is not that of a MusicGen."""
    try:
        kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    except (OSError, ValueError, AttributeError) as cause:
        cure = how_to_fetch_again(folder)
        raise ModelFailedError(f"The configuration of {name} cannot be read; {cure}.") from cause
    if kind != "musicgen":
        raise ModelFailedError(f"{name} is a model of the type {kind}, not musicgen; choose another checkpoint.")


def _load_model(folder: Path, name: str) -> Any:
    """The whole model in 32 bits on the CPU, every weight of it from the checkpoint."""
    import torch
    from transformers import MusicgenConfig, MusicgenForConditionalGeneration

    config = MusicgenConfig.from_pretrained(folder, local_files_only=True)
    _check_codec(config.audio_encoder, name)
    loaded: Any = MusicgenForConditionalGeneration.from_pretrained(
        folder, config=config, local_files_only=True, dtype=torch.float32, output_loading_info=True
    )
    model, found = loaded
    missing = sorted(key for key in found["missing_keys"] if not NOT_NEEDED.match(key))
    wrong = sorted(str(key[0] if isinstance(key, tuple) else key) for key in found["mismatched_keys"])
    if missing or wrong:
        raise ModelFailedError(
            f"The checkpoint of {name} is broken: {len(missing)} tensors are missing and {len(wrong)} have another "
            f"shape, among them {(missing + wrong)[0]}; {how_to_fetch_again(folder)} or choose another."
        )
    return model.eval()


def _check_codec(codec: Any, name: str) -> None:
    """Raise ModelFailedError for a sound decoder of another sample rate or frame."""
    if (codec.sampling_rate, codec.hop_length) != (SAMPLE_RATE_HZ, SAMPLES_PER_FRAME):
        raise ModelFailedError(
            f"{name} makes sound at {codec.sampling_rate} Hz in frames of {codec.hop_length}; take a checkpoint "
            f"with {SAMPLE_RATE_HZ} Hz and {SAMPLES_PER_FRAME}."
        )


def ready_parts(whole: WholeModel, *, name: str, precision: str = "auto") -> MusicGenParts:
    """Take a model apart and bring each part to where and how it is to compute; the whole cannot be used after that.

    Raises SettingsError for an unknown `precision`, ModelFailedError for a sound decoder that cannot stream.
    """
    if precision not in PRECISIONS:
        raise SettingsError(f"The precision {precision!r} is unknown; choose one of {', '.join(PRECISIONS)}.")
    import torch

    from pipelines.waveform.musicgen_decoder import StepDecoder
    from pipelines.waveform.musicgen_stream import prepare_codec

    device = "cuda" if torch.cuda.is_available() else "cpu"
    chosen = best_precision(device) if precision == "auto" else precision
    log.info("%s computes in %s on %s", name, chosen, device)
    model = whole.model
    return MusicGenParts(
        tokenizer=whole.tokenizer,
        text_encoder=model.text_encoder.to(device),
        projection=getattr(model, "enc_to_dec_proj", torch.nn.Identity()).to(device),
        decoder=StepDecoder(model.decoder, precision=chosen, device=device),
        codec=prepare_codec(model.audio_encoder).to(device),
    )


def best_precision(device: str) -> str:
    """The fastest precision that keeps the quality: float16 on a GPU, else int8 where the CPU can, else float32."""
    if device != "cpu":
        return "float16"
    from pipelines.waveform.musicgen_matrices import int8_levels

    return "int8" if int8_levels() else "float32"


def _check_numbers(model: Any, name: str, *, cure: str) -> None:
    """Raise ModelFailedError for weights that are no numbers, which 8 bits would hide."""
    import torch

    for key, weight in model.named_parameters():
        if not NOT_NEEDED.match(key) and not bool(weight.detach().sum(dtype=torch.float64).isfinite()):
            raise ModelFailedError(f"The checkpoint of {name} is broken: {key} holds what is no number; {cure}.")
