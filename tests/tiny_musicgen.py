"""A tiny MusicGen: the real one's classes with random weights, saved as `from_pretrained` expects, 50 frames a second.

Use from a test::

    from tiny_musicgen import save_tiny_musicgen

    save_tiny_musicgen(folder)  # tokenizer, feature extractor, configuration, generation settings and weights
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import MusicgenForConditionalGeneration

TINY_SEED = 7
CODEBOOK_SIZE = 64
CODEBOOKS = 4
WORDS = ("happy", "sad", "calm", "angry", "fast", "slow", "piano", "violin", "drums", "music", "jazz", "rock", "with")


def tiny_codec_config(**changes: Any) -> Any:
    """EnCodec at 32 kHz with 50 frames of four codebooks a second, as MusicGen's own but for its width."""
    from transformers import EncodecConfig

    settings = {
        "target_bandwidths": [CODEBOOKS * 6 * 50 / 1000],  # 6 bits a token of 64, 50 frames a second
        "sampling_rate": 32_000,
        "upsampling_ratios": [8, 5, 4, 4],
        "num_filters": 2,
        "hidden_size": 16,
        "codebook_size": CODEBOOK_SIZE,
        "use_causal_conv": False,
        "use_conv_shortcut": False,
        "normalize": False,
    }
    return EncodecConfig(**(settings | changes))


def tiny_codec(**changes: Any) -> Any:
    """EnCodec with random weights and codebooks, loud enough to be heard."""
    import torch
    from transformers import EncodecModel

    torch.manual_seed(TINY_SEED)
    codec = EncodecModel(tiny_codec_config(**changes)).eval()
    with torch.no_grad():
        for number, layer in enumerate(codec.quantizer.layers):
            layer.codebook.embed.normal_(std=4 * 0.7**number)
        for name, weight in codec.decoder.named_parameters():
            if "bias" in name:  # small, so that the tokens shape the sound
                weight.mul_(0.1)
        if codec.config.norm_type != "weight_norm":
            return codec
        quiet = codec.decode(torch.randint(CODEBOOK_SIZE, (1, 1, CODEBOOKS, 100)), [None]).audio_values
        last = codec.decoder.layers[-1].conv
        last.weight = last.weight * (0.1 / quiet.std())
    return codec


def tiny_model(
    *, audio_channels: int = 1, max_positions: int = 2048, layers: int = 2
) -> "MusicgenForConditionalGeneration":
    """Make the model; two `audio_channels` make a stereo one, `max_positions` bounds the decoder's window."""
    import torch
    from transformers import (
        MusicgenDecoderConfig,
        MusicgenForCausalLM,
        MusicgenForConditionalGeneration,
        T5Config,
        T5EncoderModel,
    )

    torch.manual_seed(TINY_SEED)
    pad = CODEBOOK_SIZE
    text = T5Config(vocab_size=128, d_model=24, d_kv=8, d_ff=32, num_layers=2, num_heads=2, decoder_start_token_id=0)
    decoder = MusicgenDecoderConfig(
        vocab_size=CODEBOOK_SIZE,
        max_position_embeddings=max_positions,
        num_hidden_layers=layers,
        ffn_dim=64,
        num_attention_heads=4,
        hidden_size=32,
        num_codebooks=CODEBOOKS * audio_channels,
        audio_channels=audio_channels,
        pad_token_id=pad,
        bos_token_id=pad,
        initializer_factor=0.4,
    )
    model = MusicgenForConditionalGeneration(
        text_encoder=T5EncoderModel(text), audio_encoder=tiny_codec(), decoder=MusicgenForCausalLM(decoder)
    ).eval()
    torch.manual_seed(TINY_SEED)
    with torch.no_grad():
        for name, weight in model.decoder.named_parameters():
            if weight.dim() == 2:  # wide enough that logits differ and layers matter
                weight.normal_(std=0.6 if "lm_heads" in name else 0.3)
    model.decoder.set_attn_implementation("sdpa")  # as from_pretrained does; without it nothing masks the future
    _set_generation(model, pad)
    return model


def _set_generation(model: Any, pad: int) -> None:
    settings = model.generation_config
    settings.pad_token_id = settings.bos_token_id = settings.decoder_start_token_id = pad
    settings.do_sample, settings.guidance_scale, settings.max_length = True, 3.0, 1500


def tiny_tokenizer() -> Any:
    """T5's tokenizer with letters and a few words."""
    from transformers import T5Tokenizer

    letters = [(chr(code), -8.0) for code in range(ord("a"), ord("z") + 1)]
    words = [(f"▁{word}", -3.0) for word in WORDS]
    specials = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -4.0)]
    return T5Tokenizer(vocab=[*specials, *words, *letters], extra_ids=0)


def save_tiny_musicgen(folder: Path, **options: Any) -> Path:
    """Save a tiny MusicGen in `folder`, `options` those of :func:`tiny_model`; returns the folder."""
    from transformers import EncodecFeatureExtractor, MusicgenProcessor

    tiny_model(**options).save_pretrained(folder)
    extractor = EncodecFeatureExtractor(feature_size=1, sampling_rate=32_000)
    MusicgenProcessor(extractor, tiny_tokenizer()).save_pretrained(folder)
    return Path(folder)
