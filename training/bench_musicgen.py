"""Speed of MusicGen-small on this machine, and what 8 bits cost: `python -m training.bench_musicgen`.

The model has the sizes of facebook/musicgen-small and random weights, so nothing is downloaded: speed does not depend
on the values. Every way draws the same number of frames for the same text; 50 frames a second are real time. How far 8
bits stray is measured on the logits of one and the same row of tokens (teacher forcing), once with plain random weights
and once with the outliers among the channels that trained transformers have, here made by scaling a few gains of the
layer norms by 20 (after LLM.int8(), Dettmers et al. 2022, section 4).
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

OUTLIERS, OUTLIER_GAIN = 8, 20.0
WORDS = 40


def small_model(*, seed: int = 0) -> Any:
    """A `MusicgenForConditionalGeneration` of the sizes of facebook/musicgen-small with random weights."""
    import torch
    from transformers import EncodecConfig, MusicgenConfig, MusicgenForConditionalGeneration, T5Config

    torch.manual_seed(seed)
    codec = EncodecConfig(
        target_bandwidths=[2.2],
        sampling_rate=32_000,
        upsampling_ratios=[8, 5, 4, 4],
        num_filters=64,
        codebook_size=2048,
        use_causal_conv=False,
        use_conv_shortcut=False,
    )
    text = T5Config(d_model=768, d_ff=3072, num_layers=12, num_heads=12, vocab_size=32_128)
    config = MusicgenConfig(text_encoder=text.to_dict(), audio_encoder=codec.to_dict(), decoder={})
    model = MusicgenForConditionalGeneration(config).eval()
    model.decoder.set_attn_implementation("sdpa")  # as from_pretrained does; without it nothing masks the future
    with torch.no_grad():
        for layer in model.audio_encoder.quantizer.layers:
            layer.codebook.embed.normal_()
    return model


def add_outliers(model: Any) -> None:
    """Give a few channels of every layer norm a gain far above the others'."""
    import torch

    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, weight in model.decoder.named_parameters():
            if name.endswith("layer_norm.weight"):
                weight[torch.randperm(len(weight), generator=generator)[:OUTLIERS]] *= OUTLIER_GAIN


def text_states() -> Any:
    """What stands for the text encoder's output: (1, words, width) float32."""
    import torch

    return torch.randn(1, WORDS, 1024, generator=torch.Generator().manual_seed(2))


@dataclass(frozen=True)
class Rate:
    """Something a second: by the clock, and by the seconds that this process computed, which other programs spare."""

    by_clock: float
    by_processor: float

    def __str__(self) -> str:
        return f"{self.by_clock:.1f} | {self.by_processor:.1f}"


def rate(count: float, work: Callable[[], object]) -> Rate:
    """How much of `count` a second of the work does."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return Rate(count / (time.perf_counter() - clock), count / (time.process_time() - processor))


def stock_rate(model: Any, frames: int) -> Rate:
    """Frames a second of transformers' own `generate`, without the sound decoder."""
    import torch

    ids = torch.ones(1, WORDS, dtype=torch.long)
    options: dict[str, Any] = {"do_sample": True, "guidance_scale": 3.0, "pad_token_id": 2048, "bos_token_id": 2048}
    options |= {"decoder_start_token_id": 2048, "eos_token_id": None}
    decode = model.audio_encoder.decode
    model.audio_encoder.decode = lambda *_, **__: SimpleNamespace(audio_values=ids)
    with torch.inference_mode():
        result = rate(frames, lambda: model.generate(ids, max_new_tokens=frames + 3, **options))
    model.audio_encoder.decode = decode
    return result


def our_rate(decoder: Any, frames: int) -> Rate:
    """Frames a second of this project's loop, from the first frame of a take."""
    from pipelines.waveform.musicgen_sampling import draw_frames

    next(draw_frames(decoder, text_states(), 1, seed=0))
    return rate(frames, lambda: list(draw_frames(decoder, text_states(), frames, seed=0)))


def late_rates(decoder: Any, frames: int, *, before: int) -> tuple[Rate, Rate]:
    """Frames a second that are read at once, `before` of them, and one by one after those; both on one thread."""
    import torch

    torch.set_num_threads(1)
    reading = decoder.begin(text_states(), guided=True, capacity=before + frames)
    tokens = torch.randint(2048, (4, before + frames))
    at_once = rate(before, lambda: reading.read(tokens[:, :before]))
    one = rate(frames, lambda: [reading.read(tokens[:, :1]) for _ in range(frames)])
    return at_once, one


def logits_of(decoder: Any, steps: int) -> Any:
    """Logits (steps, 2, codebooks, vocabulary) after each position of one and the same random tokens."""
    import torch

    tokens = torch.randint(2048, (4, steps), generator=torch.Generator().manual_seed(3))
    reading = decoder.begin(text_states(), guided=True, capacity=steps)
    return torch.stack([reading.read(tokens[:, step : step + 1]) for step in range(steps)])


def strays(exact: Any, other: Any) -> tuple[float, float]:
    """Root mean square error of guided logits relative to their spread, and the part of argmaxes that agree."""
    guided = [logits[:, 1] + 3.0 * (logits[:, 0] - logits[:, 1]) for logits in (exact, other)]
    error = (guided[0] - guided[1]).pow(2).mean().sqrt() / guided[0].std()
    return float(error), float((guided[0].argmax(-1) == guided[1].argmax(-1)).float().mean())


def dynamic(model: Any) -> Any:
    """The decoder with torch's own dynamic quantisation, the naive way to 8 bits."""
    import torch

    quantised = copy.deepcopy(model)
    quantised.decoder = torch.ao.quantization.quantize_dynamic(quantised.decoder, {torch.nn.Linear}, dtype=torch.qint8)
    return quantised


def stock_logits(model: Any, steps: int) -> Any:
    """As :func:`logits_of`, of a model that transformers computes."""
    import torch

    tokens = torch.randint(2048, (4, steps), generator=torch.Generator().manual_seed(3))
    text = torch.cat((text_states(), torch.zeros(1, WORDS, 1024)))
    with torch.inference_mode():
        out = model.decoder(input_ids=tokens.repeat(2, 1), encoder_hidden_states=text, use_cache=False).logits
    return out.view(2, 4, steps, -1).permute(2, 0, 1, 3)


def codec_rate(model: Any, *, seconds: int = 10) -> Rate:
    """Seconds of music that the streaming sound decoder makes a second."""
    import torch

    from pipelines.waveform.musicgen_stream import StreamingCodec, prepare_codec

    stream = StreamingCodec(prepare_codec(model.audio_encoder))
    stream.push(torch.randint(2048, (4, 50)))
    return rate(seconds, lambda: [stream.push(torch.randint(2048, (4, 50))) for _ in range(seconds)])


def quality(model: Any, steps: int) -> list[tuple[str, tuple[float, float]]]:
    """How far each way to 8 bits strays from 32 bits; see :func:`strays`."""
    from pipelines.waveform.musicgen_decoder import StepDecoder

    exact = logits_of(StepDecoder(copy.deepcopy(model.decoder), precision="float32"), steps)
    ours = logits_of(StepDecoder(copy.deepcopy(model.decoder), precision="int8"), steps)
    return [
        ("transformers, float32", strays(exact, stock_logits(model, steps))),
        ("ours, int8", strays(exact, ours)),
        ("torch's dynamic int8", strays(exact, stock_logits(dynamic(model), steps))),
    ]


def speeds(model: Any, options: argparse.Namespace) -> Iterator[tuple[str, Rate]]:
    """Every way's speed."""
    import torch

    from pipelines.waveform.musicgen_decoder import StepDecoder

    if not options.without_stock:
        for count in (1, torch.get_num_threads()):
            torch.set_num_threads(count)
            yield f"transformers, float32, {count} threads", stock_rate(model, options.frames)
            yield f"transformers, torch's dynamic int8, {count} threads", stock_rate(dynamic(model), options.frames)
    for precision in ("float32", "int8"):
        decoder = StepDecoder(copy.deepcopy(model.decoder), precision=precision)
        yield f"ours, {precision}", our_rate(decoder, options.frames)
    for before in (500, options.late):
        at_once, one = late_rates(decoder, options.frames, before=before)
        yield f"ours, int8, after {before} frames, 1 thread", one
        yield f"ours, int8, {before} frames read at once, 1 thread", at_once
    yield "sound decoder, seconds of music, 1 thread", codec_rate(model)


def main() -> None:
    """Print two Markdown tables."""
    parser = argparse.ArgumentParser(prog="python -m training.bench_musicgen", description="Time MusicGen-small.")
    parser.add_argument("--frames", type=int, default=100, help="frames to draw for each way")
    parser.add_argument("--late", type=int, default=1350, help="after how many frames a late one is timed")
    parser.add_argument("--steps", type=int, default=64, help="positions whose logits are compared")
    parser.add_argument("--without-stock", action="store_true", help="leave out transformers' own ways")
    parser.add_argument("--without-speed", action="store_true", help="compare logits only")
    options = parser.parse_args()
    model = small_model()
    if not options.without_speed:
        print("| frames a second | by the clock | by the processor |\n|---|---|---|")
        for name, value in speeds(model, options):
            print(f"| {name} | {value} |", flush=True)
    print("\n| 8 bits against 32 | error | argmax agrees |\n|---|---|---|")
    for kind in ("plain weights", "weights with outliers"):
        for name, (error, agree) in quality(model, options.steps):
            print(f"| {kind}: {name} | {error:.4f} | {agree:.1%} |", flush=True)
        add_outliers(model)


if __name__ == "__main__":
    main()
