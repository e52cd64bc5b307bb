"""Train a small EnCodec: `python -m training.musicgen.codec SOUND_FOLDER --out runs/musicgen_small/codec`.

In: a folder of WAV files, 32 kHz. Out: a folder that `EncodecModel.from_pretrained` loads, of the form that MusicGen
needs (32 kHz, 640 samples a frame, four codebooks), and `log.jsonl` beside the weights. Without a hub this is what
makes tokens for a small MusicGen (small.py); the paper's own is in facebook/musicgen-small.

It begins as a lapped transform (lapped.py) with codebooks by k-means, which carries sound at once; what learns are the
codebooks, by moving averages, and the decoder's residual blocks, which mend what quantising spoiled. Loss: L1 of the
samples over their mean size, spectral convergence and log magnitudes of short-time spectra at four sizes (Yamamoto et
al. 2020, equations 4 to 6); no discriminator. The weights kept are those of the best signal to noise on held-out files.
The length is set in minutes; started again, a run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipelines.command_line import BAD_INPUT, complain
from pipelines.errors import EkphoniaError, SettingsError
from training.musicgen.lapped import begin_as_transform
from training.musicgen.quantiser import begin_codebooks, quantised, used_share
from training.musicgen.sound import piece_of, read_sound, sound_files
from training.run_folder import (
    MODEL,
    append_line,
    load_checkpoint,
    optimiser_tensors,
    restore_optimiser,
    save_checkpoint,
    stop_signal,
)

CHECKPOINT, LOG = "checkpoint.safetensors", "log.jsonl"
SAMPLE_RATE_HZ, FRAME = 32_000, 640
WINDOWS = (2048, 1024, 512, 128)
FLOOR = 1e-5
STATES = 60
NEVER = bool  # bool() is False


@dataclass(frozen=True)
class CodecSettings:
    """The codec's shape and its training; `held_out` of the files are only listened to."""

    minutes: float = 6.0
    batch: int = 4
    piece_s: float = 1.0
    learning_rate: float = 1e-4
    warmup_steps: int = 50
    waveform_weight: float = 1.0
    num_filters: int = 16
    hidden_size: int = 128
    codebook_size: int = 256
    codebooks: int = 4
    held_out: float = 0.1
    check_every_steps: int = 50
    seed: int = 0


def small_codec(settings: CodecSettings) -> Any:
    """An `EncodecModel` of MusicGen's form (Copet et al. 2023, section 3.1) with random weights, but narrow."""
    from transformers import EncodecConfig, EncodecModel

    frames_per_s = SAMPLE_RATE_HZ / FRAME
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


def spectra(sound: Tensor, size: int) -> Tensor:
    """Magnitudes (b, size / 2 + 1, n) of sound (b, samples), Hann windows that overlap by three quarters."""
    window = torch.hann_window(size, device=sound.device)
    found = torch.stft(sound, size, size // 4, window=window, return_complex=True)
    return (found.real**2 + found.imag**2 + FLOOR**2).sqrt()


def spectral_loss(made: Tensor, wanted: Tensor) -> Tensor:
    """Spectral convergence plus mean difference of log magnitudes, averaged over :data:`WINDOWS`."""
    total = made.new_zeros(())
    for size in WINDOWS:
        mine, theirs = spectra(made, size), spectra(wanted, size)
        total = total + torch.linalg.norm(theirs - mine) / torch.linalg.norm(theirs).clamp(min=FLOOR)
        total = total + (theirs.clamp(min=1e-3).log() - mine.clamp(min=1e-3).log()).abs().mean()
    return total / len(WINDOWS)


@dataclass(frozen=True)
class Distance:
    """How far decoded sound is from the original: signal to noise and log spectra in dB, codes used from 0 to 1."""

    snr_db: float
    spectral_db: float
    used: float


@torch.no_grad()
def distance(codec: Any, sounds: Sequence[Tensor]) -> Distance:
    """Measure a codec on sounds (samples,) each, through its tokens: means over them.

    `snr_db` is 10 log10 of signal over error power; `spectral_db` the root mean square difference of log magnitudes at
    1024 samples, down to 60 dB below the loudest.
    """
    codec.eval()
    snr, spectral, codes = [], [], []
    for sound in sounds:
        tokens = codec.encode(sound[None, None]).audio_codes
        made = codec.decode(tokens, [None]).audio_values[0, 0, : len(sound)]
        snr.append(float(10 * torch.log10(sound.square().sum() / (sound - made).square().sum())))
        wanted, mine = spectra(sound[None], 1024), spectra(made[None], 1024)
        floor = float(wanted.max()) * 1e-3
        spectral.append(float((20 * (wanted.clamp(min=floor) / mine.clamp(min=floor)).log10()).square().mean().sqrt()))
        codes.append(tokens[0, 0])
    count = codec.config.codebook_size
    used = [used_share(torch.cat([each[book] for each in codes]), count) for book in range(len(codes[0]))]
    codec.train()
    return Distance(float(np.mean(snr)), float(np.mean(spectral)), float(np.mean(used)))


class CodecRun:
    """A codec in training: model, optimiser, generators and the clock, saved and resumed together."""

    def __init__(self, folder: Path, settings: CodecSettings, files: Sequence[Path]) -> None:
        self.folder, self.settings, self.files = folder, settings, files
        self.codec = small_codec(settings).train()
        self.learners = [
            p for layer in self.codec.decoder.layers if hasattr(layer, "block") for p in layer.parameters()
        ]
        self.codec.requires_grad_(False)
        for weight in self.learners:
            weight.requires_grad_(True)
        self.optimiser = torch.optim.AdamW(
            self.learners, lr=settings.learning_rate, betas=(0.8, 0.99), weight_decay=0.0
        )
        self.best_db = -math.inf
        self.step, self.spent_s = 0, 0.0
        if (folder / CHECKPOINT).is_file():
            self._resume()
        self.rng = np.random.default_rng([settings.seed, self.step])
        self.generator = torch.Generator().manual_seed(settings.seed + self.step)
        if not self.step:
            begin_as_transform(self.codec)
            self.begin_codebooks()

    def _resume(self) -> None:
        tensors, state = load_checkpoint(self.folder / CHECKPOINT)
        shape = ("num_filters", "hidden_size", "codebook_size", "codebooks")
        other = [key for key in shape if state["settings"][key] != getattr(self.settings, key)]
        if other:
            raise SettingsError(
                f"The run in {self.folder} has {other[0]} {state['settings'][other[0]]}, not "
                f"{getattr(self.settings, other[0])}; name another folder with --out."
            )
        self.step, self.spent_s, self.best_db = state["step"], state["spent_s"], state["best_db"]
        self.codec.load_state_dict({k[len(MODEL) :]: v for k, v in tensors.items() if k.startswith(MODEL)})
        restore_optimiser(self.optimiser, tensors)

    def save(self) -> None:
        """Write the checkpoint."""
        tensors = {MODEL + name: tensor for name, tensor in self.codec.state_dict().items()}
        state = {"step": self.step, "spent_s": self.spent_s, "best_db": self.best_db, "settings": asdict(self.settings)}
        save_checkpoint(self.folder / CHECKPOINT, tensors | optimiser_tensors(self.optimiser), state)

    def keep(self, snr_db: float) -> None:
        """Write the model's folder if it is the best so far."""
        if snr_db > self.best_db:
            self.best_db = snr_db
            part = self.folder / "best.part"
            self.codec.save_pretrained(part)
            for path in part.iterdir():
                path.replace(self.folder / path.name)
            part.rmdir()

    def rate(self) -> float:
        """Learning rate now: linear warm-up, then a cosine down to a twentieth over the minutes."""
        done = min(1.0, self.spent_s / max(1e-9, 60 * self.settings.minutes))
        cosine = 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * done))
        return self.settings.learning_rate * cosine * min(1.0, (self.step + 1) / self.settings.warmup_steps)

    def batch(self, count: int) -> Tensor:
        """Random pieces of the files, (count, 1, samples)."""
        frames = round(self.settings.piece_s * SAMPLE_RATE_HZ)
        chosen = self.rng.integers(len(self.files), size=count)
        pieces = [piece_of(self.files[number], SAMPLE_RATE_HZ, frames, self.rng) for number in chosen]
        return torch.from_numpy(np.stack(pieces))[:, None]

    @torch.no_grad()
    def begin_codebooks(self) -> None:
        """K-means over the states of :data:`STATES` batches."""
        states = [
            self.codec.encoder(self.batch(self.settings.batch)).transpose(1, 2).flatten(0, 1) for _ in range(STATES)
        ]
        begin_codebooks(self.codec.quantizer, torch.cat(states), self.generator)

    def learn(self) -> dict[str, float]:
        """One step; the parts of its loss."""
        settings, started = self.settings, time.monotonic()
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        sound = self.batch(settings.batch)
        with torch.no_grad():
            hidden = quantised(self.codec.quantizer, self.codec.encoder(sound), self.generator, learn=True)
        made = self.codec.decoder(hidden)[..., : sound.shape[-1]]
        waveform = (made - sound).abs().mean() / sound.abs().mean().clamp(min=1e-3)
        spectral = spectral_loss(made[:, 0], sound[:, 0])
        loss = settings.waveform_weight * waveform + spectral
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.learners, 1.0)
        self.optimiser.step()
        self.step += 1
        self.spent_s += time.monotonic() - started
        return {"waveform": float(waveform.detach()), "spectral": float(spectral.detach())}


def split(files: Sequence[Path], settings: CodecSettings) -> tuple[list[Path], list[Path]]:
    """Files to learn from and at least one that is only listened to; SettingsError for fewer than two files."""
    if len(files) < 2:
        raise SettingsError(f"A codec needs 2 sound files or more, not {len(files)}; give more.")
    order = np.random.default_rng(settings.seed).permutation(len(files))
    count = max(1, round(settings.held_out * len(files)))
    return [files[i] for i in order[count:]], [files[i] for i in order[:count]]


def train_codec(
    files: Sequence[Path], folder: Path, settings: CodecSettings, *, stop: Callable[[], bool] = NEVER
) -> CodecRun:
    """Train until the minutes are spent or `stop` answers True; a check on held-out files every so many steps.

    Raises:
        SettingsError: fewer than two files, or the folder's run is of another shape.
        SoundError: a file cannot be read or is not of 32 kHz.
        WeightsError: the folder's checkpoint is damaged.
    """
    training, held = split(files, settings)
    heard = [torch.from_numpy(read_sound(path, SAMPLE_RATE_HZ, frames=5 * SAMPLE_RATE_HZ)) for path in held[:20]]
    run = CodecRun(folder, settings, training)
    recent: list[dict[str, float]] = []
    if run.step == 0:
        _check(run, heard, recent)
    while run.spent_s < 60 * settings.minutes and not stop():
        recent.append(run.learn())
        if run.step % settings.check_every_steps == 0:
            _check(run, heard, recent)
            recent = []
            run.save()
    run.save()
    return run


def _check(run: CodecRun, heard: Sequence[Tensor], recent: list[dict[str, float]]) -> None:
    """Note the means of recent losses and the distance on held-out sounds; keep the weights if they are the best."""
    names = recent[0] if recent else {}
    means = {name: float(np.mean([parts[name] for parts in recent])) for name in names}
    found = distance(run.codec, heard)
    row = {"step": run.step, "minutes": run.spent_s / 60, **means, **asdict(found)}
    append_line(run.folder / LOG, row)
    print(" ".join(f"{name} {value:.4g}" for name, value in row.items()), file=sys.stderr, flush=True)
    run.keep(found.snr_db)


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.musicgen.codec", description="Train a small EnCodec.")
    parser.add_argument("sounds", type=Path, help="folder of WAV files, 32 kHz")
    parser.add_argument("--out", type=Path, default=Path("runs/musicgen_small/codec"))
    parser.add_argument("--minutes", type=float, default=CodecSettings.minutes)
    parser.add_argument("--seed", type=int, default=CodecSettings.seed)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    try:
        settings = CodecSettings(minutes=options.minutes, seed=options.seed)
        with stop_signal() as stop:
            train_codec(sound_files(options.sounds), options.out, settings, stop=stop)
    except EkphoniaError as error:
        return complain(error, BAD_INPUT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
