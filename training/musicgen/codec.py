"""Make a small EnCodec: `python -m training.musicgen.codec SOUND_FOLDER --out runs/musicgen_small/codec`.

In: a folder of WAV files, 32 kHz. Out: a folder that `EncodecModel.from_pretrained` loads, of the form that MusicGen
needs (32 kHz, 640 samples a frame, four codebooks). Without a hub this is what makes tokens for a small MusicGen
(small.py); the paper's own is in facebook/musicgen-small.

It is a lapped transform (lapped.py), in which quiet coefficients are made to count, with codebooks by k-means
(quantiser.py). In a trial of seven minutes training its decoder on with spectral losses made waveforms nearer (0.2 dB)
and spectra farther (0.5 dB), so nothing is trained on. What is told at the end is measured on
files that k-means has not seen.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipelines.command_line import BAD_INPUT, complain
from pipelines.errors import EkphoniaError, SettingsError
from pipelines.waveform.musicgen_loading import SAMPLE_RATE_HZ, SAMPLES_PER_FRAME
from training.musicgen.lapped import begin_as_transform, emphasis
from training.musicgen.quantiser import begin_codebooks, used_share
from training.musicgen.sound import piece_of, read_sound, sound_files
from training.run_folder import folder_in_place_of, use_threads

BATCH, HEARD_FILES, HEARD_S = 4, 20, 5
SPECTRUM, FLOOR = 1024, 1e-5


@dataclass(frozen=True)
class CodecSettings:
    """The codec's shape, the seconds of sound that its codebooks are made of, and the share of files held out."""

    num_filters: int = 32
    hidden_size: int = 256
    codebook_size: int = 1024
    codebooks: int = 4
    seconds: int = 640
    held_out: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("seconds", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise SettingsError(f"The {name} cannot be {getattr(self, name)}; choose {least} or more.")


def small_codec(settings: CodecSettings) -> Any:
    """An `EncodecModel` of MusicGen's form (Copet et al. 2023, section 3.1) with random weights, but narrow."""
    from transformers import EncodecConfig, EncodecModel

    frames_per_s = SAMPLE_RATE_HZ / SAMPLES_PER_FRAME
    bits = int(math.log2(settings.codebook_size))
    torch.manual_seed(settings.seed)
    return EncodecModel(
        EncodecConfig(
            target_bandwidths=[settings.codebooks * bits * frames_per_s / 1000],
            sampling_rate=SAMPLE_RATE_HZ,
            upsampling_ratios=[8, 5, 4, 4],
            num_filters=settings.num_filters,
            num_lstm_layers=1,
            hidden_size=settings.hidden_size,
            codebook_size=settings.codebook_size,
            codebook_dim=settings.hidden_size,
            use_causal_conv=False,
            use_conv_shortcut=False,
            normalize=False,
        )
    )


@dataclass(frozen=True)
class Distance:
    """How far decoded sound is from the original: signal to noise and log spectra in dB, codes used from 0 to 1."""

    snr_db: float
    spectral_db: float
    used: float


def spectra(sound: Tensor) -> Tensor:
    """Magnitudes (513, n) of sound (samples,), Hann windows of 1,024 samples that overlap by three quarters."""
    window = torch.hann_window(SPECTRUM)
    return torch.stft(sound, SPECTRUM, SPECTRUM // 4, window=window, return_complex=True).abs().clamp(min=FLOOR)


@torch.no_grad()
def distance(codec: Any, sounds: Sequence[Tensor]) -> Distance:
    """Measure a codec on sounds (samples,) each, through its tokens: means over them.

    `snr_db` is 10 log10 of signal over error power; `spectral_db` the root mean square difference of log magnitudes,
    down to 60 dB below the loudest.
    """
    codec.eval()
    snr, spectral, codes = [], [], []
    for sound in sounds:
        tokens = codec.encode(sound[None, None]).audio_codes
        made = codec.decode(tokens, [None]).audio_values[0, 0, : len(sound)]
        snr.append(float(10 * torch.log10(sound.square().sum() / (sound - made).square().sum())))
        wanted, mine = spectra(sound), spectra(made)
        floor = float(wanted.max()) * 1e-3
        spectral.append(float((20 * (wanted.clamp(min=floor) / mine.clamp(min=floor)).log10()).square().mean().sqrt()))
        codes.append(tokens[0, 0])
    count = codec.config.codebook_size
    used = [used_share(torch.cat([each[book] for each in codes]), count) for book in range(len(codes[0]))]
    return Distance(float(np.mean(snr)), float(np.mean(spectral)), float(np.mean(used)))


def split(files: Sequence[Path], settings: CodecSettings) -> tuple[list[Path], list[Path]]:
    """Files to learn from and at least one that is only listened to; SettingsError for fewer than two files."""
    if len(files) < 2:
        raise SettingsError(f"A codec needs 2 sound files or more, not {len(files)}; give more.")
    order = np.random.default_rng(settings.seed).permutation(len(files))
    count = max(1, round(settings.held_out * len(files)))
    return [files[i] for i in order[count:]], [files[i] for i in order[:count]]


@torch.no_grad()
def fit_codec(files: Sequence[Path], settings: CodecSettings) -> Any:
    """An `EncodecModel` whose gains and codebooks are those of random seconds of the files.

    Raises:
        SettingsError: its shape cannot carry a transform.
        SoundError: a file cannot be read or is not of 32 kHz.
    """
    codec = small_codec(settings).eval()
    begin_as_transform(codec)
    rng, generator = np.random.default_rng([settings.seed, 0]), torch.Generator().manual_seed(settings.seed)
    states = []
    for _ in range(-(-settings.seconds // BATCH)):
        chosen = rng.integers(len(files), size=BATCH)
        sound = np.stack([piece_of(files[number], SAMPLE_RATE_HZ, SAMPLE_RATE_HZ, rng) for number in chosen])
        states.append(codec.encoder(torch.from_numpy(sound)[:, None]).transpose(1, 2).flatten(0, 1))
    gains = emphasis(torch.cat(states))
    begin_as_transform(codec, gains)
    begin_codebooks(codec.quantizer, torch.cat(states) * gains, generator)
    return codec


def make_codec(files: Sequence[Path], folder: Path, settings: CodecSettings) -> Distance:
    """Write a codec's folder, whole or not at all; how far it is from the files that it has not seen.

    Raises:
        SettingsError: fewer than two files, a shape that cannot be, or `folder` holds something else than a codec.
        SoundError: a file cannot be read or is not of 32 kHz.
    """
    learnt, held = split(files, settings)
    frames = HEARD_S * SAMPLE_RATE_HZ
    with folder_in_place_of(folder, "config.json") as part:
        codec = fit_codec(learnt, settings)
        found = distance(
            codec, [torch.from_numpy(read_sound(path, SAMPLE_RATE_HZ, frames=frames)) for path in held[:HEARD_FILES]]
        )
        codec.save_pretrained(part)
        (part / "made.json").write_text(json.dumps(asdict(settings) | asdict(found), indent=1), encoding="utf-8")
    return found


def main() -> int:
    """Run the command; 0 when the codec is written, 2 when it could not be."""
    parser = argparse.ArgumentParser(prog="python -m training.musicgen.codec", description="Make a small EnCodec.")
    parser.add_argument("sounds", type=Path, help="folder of WAV files, 32 kHz")
    parser.add_argument("--out", type=Path, default=Path("runs/musicgen_small/codec"))
    parser.add_argument("--seconds", type=int, default=CodecSettings.seconds, help="of sound to learn from")
    parser.add_argument("--seed", type=int, default=CodecSettings.seed)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    try:
        use_threads(options.threads)
        settings = CodecSettings(seconds=options.seconds, seed=options.seed)
        found = make_codec(sound_files(options.sounds), options.out, settings)
    except EkphoniaError as error:
        return complain(error, BAD_INPUT)
    print(f"signal to noise {found.snr_db:.2f} dB, log spectra {found.spectral_db:.2f} dB, codes used {found.used:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
