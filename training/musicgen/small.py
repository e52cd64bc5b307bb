"""Make a small MusicGen to train here: `python -m training.musicgen.small --codec CODEC --texts DATASET --out BASE`.

In: an EnCodec that codec.py made, and the texts whose words its tokenizer is to know. Out: a folder as the hub's,
of transformers' own classes: T5's encoder (random and frozen), EnCodec, and a decoder of a few million parameters with
random weights. It learns music without texts first (`finetune --dropped-text 1`), which stands for MusicGen-small's
pretraining, and is then fine-tuned like it.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any

import torch

from pipelines.command_line import BAD_INPUT, complain
from pipelines.errors import DataMissingError, EkphoniaError
from training.musicgen.pairs import CONDITIONS, load_texts
from training.run_folder import folder_in_place_of

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,;:!?'\"()-"


@dataclass(frozen=True)
class SmallSettings:
    """The small model's shape."""

    width: int = 256
    layers: int = 6
    heads: int = 4
    text_width: int = 128
    text_layers: int = 2
    seed: int = 0


def word_tokenizer(texts: Iterable[str]) -> Any:
    """T5's tokenizer with a piece for each word of the texts, and letters for what is not among them."""
    from transformers import T5Tokenizer

    counts = Counter(word for text in texts for word in text.split())
    total = sum(counts.values()) or 1
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -4.0)]
    pieces += [(f"▁{word}", log(count / total)) for word, count in sorted(counts.items())]
    known = {piece for piece, _ in pieces}
    return T5Tokenizer(vocab=pieces + [(letter, -20.0) for letter in LETTERS if letter not in known], extra_ids=0)


def small_musicgen(codec: Any, words: int, settings: SmallSettings) -> Any:
    """A `MusicgenForConditionalGeneration` around an `EncodecModel`, its other weights random.

    `words` is the size of the tokenizer's vocabulary.
    """
    from transformers import (
        MusicgenDecoderConfig,
        MusicgenForCausalLM,
        MusicgenForConditionalGeneration,
        T5Config,
        T5EncoderModel,
    )

    torch.manual_seed(settings.seed)
    pad = codec.config.codebook_size
    text = T5Config(
        vocab_size=words,
        d_model=settings.text_width,
        d_kv=settings.text_width // 4,
        d_ff=2 * settings.text_width,
        num_layers=settings.text_layers,
        num_heads=4,
    )
    decoder = MusicgenDecoderConfig(
        vocab_size=codec.config.codebook_size,
        num_hidden_layers=settings.layers,
        ffn_dim=4 * settings.width,
        num_attention_heads=settings.heads,
        hidden_size=settings.width,
        num_codebooks=codec.config.num_quantizers,
        pad_token_id=pad,
        bos_token_id=pad,
        dropout=0.0,
    )
    model = MusicgenForConditionalGeneration(
        text_encoder=T5EncoderModel(text), audio_encoder=codec, decoder=MusicgenForCausalLM(decoder)
    )
    generation = model.generation_config
    generation.pad_token_id = generation.bos_token_id = generation.decoder_start_token_id = pad
    generation.do_sample, generation.guidance_scale, generation.max_length = True, 3.0, 1500
    return model.eval()


def save_small(codec_folder: Path, texts: Iterable[str], out: Path, settings: SmallSettings) -> Path:
    """Write the model with its processor to a folder, whole or not at all; returns it.

    Raises DataMissingError for a folder without a codec, SettingsError where `out` holds something else than a model.
    """
    from transformers import EncodecFeatureExtractor, EncodecModel, MusicgenProcessor

    if not (codec_folder / "config.json").is_file():
        raise DataMissingError(
            f"The folder {codec_folder} holds no codec; make it with `python -m training.musicgen.codec`."
        )
    with folder_in_place_of(out, "generation_config.json") as part:
        codec = EncodecModel.from_pretrained(codec_folder, local_files_only=True).eval()
        tokenizer = word_tokenizer(texts)
        small_musicgen(codec, len(tokenizer), settings).save_pretrained(part)
        extractor = EncodecFeatureExtractor(feature_size=1, sampling_rate=codec.config.sampling_rate)
        MusicgenProcessor(extractor, tokenizer).save_pretrained(part)
    return out


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.musicgen.small", description="Make a small MusicGen.")
    parser.add_argument("--codec", type=Path, required=True)
    parser.add_argument("--texts", type=Path, required=True, help="the data set")
    parser.add_argument("--out", type=Path, default=Path("runs/musicgen_small/base"))
    options = parser.parse_args()
    try:
        texts = [text for condition in CONDITIONS for text in load_texts(options.texts, condition).values()]
        save_small(options.codec, texts, options.out, SmallSettings())
    except EkphoniaError as error:
        return complain(error, BAD_INPUT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
