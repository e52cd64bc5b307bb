"""MusicGen: a music prompt in, sound out, a second at a time while the rest is still being drawn.

In: a :class:`~pipelines.records.MusicPrompt` and a length in seconds. Out: chunks of sound, (frames, 1) float32 at
32,000 Hz in -1 to 1, as the model made them (the chain brings the whole to its loudness at the end); the first lasts
less than half a second, each other about one. Together they have exactly round(50 seconds) * 640 frames.

The model is that of Copet et al. 2023, the waveform paper's last step (section III). Its parts: musicgen_loading.py
(folder to model), musicgen_sampling.py (text to tokens), musicgen_decoder.py (a step of that), musicgen_matrices.py
and musicgen_threads.py (its speed on a CPU), musicgen_stream.py (tokens to sound), musicgen_zero_gpu.py (where a Space
lends its GPU by the minute).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from pipelines.catalogue import MUSICGEN_BACKENDS, ModelEntry
from pipelines.errors import ModelFailedError, ModelMissingError, SettingsError, StoppedError
from pipelines.hub import local_folder
from pipelines.models import compute_on_one_thread, forget, load_once
from pipelines.records import Audio, MusicPrompt
from pipelines.waveform.musicgen_failures import failures_told
from pipelines.waveform.musicgen_loading import (
    SAMPLE_RATE_HZ,
    SAMPLES_PER_FRAME,
    MusicGenParts,
    free_memory,
    load_parts,
    load_whole,
)
from pipelines.waveform.musicgen_zero_gpu import lent_gpu

if TYPE_CHECKING:
    from torch import Tensor

    from pipelines.waveform.musicgen_sampling import SamplingSettings

SHORTEST_S, LONGEST_S = 1.0, 180.0
FRAMES_PER_S = SAMPLE_RATE_HZ // SAMPLES_PER_FRAME
FIRST_CHUNK_FRAMES, CHUNK_FRAMES = 25, 50
SILENCE = 1e-4  # -80 dBFS
PATIENCE_S = 5.0  # how long music may begin with silence

Samples = npt.NDArray[np.float32]


class MusicGen(Protocol):
    """Whatever makes sound of a prompt; both backends are one."""

    @property
    def made_by(self) -> str:
        """What the page shows beside the sound."""

    @property
    def licence(self) -> str:
        """The licence of the weights."""

    def generate(
        self, prompt: MusicPrompt, *, duration_s: float, seed: int, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[Audio]:
        """Yield consecutive chunks, (frames, 1) float32 at 32,000 Hz, round(50 `duration_s`) * 640 frames in all."""


def open_musicgen(entry: ModelEntry, *, backend: str = "transformers") -> MusicGen:
    """Open the MusicGen of a catalogue's entry, loaded once a process; `backend` is one of :data:`MUSICGEN_BACKENDS`.

    Raises:
        SettingsError: unknown backend.
        ModelMissingError: the model is not on this machine.
        ModelFailedError: it is, but cannot be loaded.
    """
    if backend not in MUSICGEN_BACKENDS:
        raise SettingsError(
            f"The MusicGen backend {backend!r} is unknown; choose one of {', '.join(MUSICGEN_BACKENDS)}."
        )
    if backend == "audiocraft":
        from pipelines.waveform.musicgen_audiocraft import open_audiocraft

        opened: MusicGen = open_audiocraft(entry)
        return opened
    folder = local_folder(entry.hub_id or "")
    if folder is None:
        raise ModelMissingError(f"{entry.name} is not on this machine; fetch it: `python -m pipelines fetch audio`.")
    model = TransformersMusicGen(entry.made_by, entry.licence, folder)
    model.load()
    return model


@dataclass(frozen=True)
class TransformersMusicGen:
    """MusicGen by transformers' classes; see :class:`MusicGen`."""

    made_by: str
    licence: str
    folder: Path
    precision: str = "auto"

    def load(self) -> None:
        """Load the model, once a process; raises ModelFailedError where that fails.

        Where a GPU is lent, it is made ready only in the process that has it.
        """
        if lent_gpu() is None:
            self.parts()
        else:
            load_once(self._key, lambda: load_whole(self.folder, name=self.made_by))

    def parts(self) -> MusicGenParts:
        """The loaded model; raises ModelFailedError where that fails."""
        return load_once(self._key, lambda: load_parts(self.folder, name=self.made_by, precision=self.precision))

    @property
    def _key(self) -> str:
        return f"musicgen {self.folder} {self.precision}"

    def generate(
        self,
        prompt: MusicPrompt,
        *,
        duration_s: float,
        seed: int,
        cancelled: Callable[[], bool] = lambda: False,
        sampling: SamplingSettings | None = None,
    ) -> Iterator[Audio]:
        """Yield the music of a prompt, chunk by chunk; the same seed makes the same tokens.

        Raises:
            SettingsError: a length that is not 1 to 180 seconds.
            ModelFailedError: the model fails, runs out of memory, or makes no sound.
            StoppedError: `cancelled` answered True; it is asked for every token.
        """
        frames = frame_count(duration_s)
        sent = 0
        with failures_told(self.made_by, "making the music", free=self._free):
            for samples in with_sound(self._chunks(prompt.text, frames, seed, cancelled, sampling), self.made_by):
                yield Audio(samples[:, None], SAMPLE_RATE_HZ, start_s=sent / SAMPLE_RATE_HZ)
                sent += len(samples)

    def _free(self) -> None:
        forget(self._key)
        free_memory()

    def _chunks(
        self, text: str, frames: int, seed: int, cancelled: Callable[[], bool], sampling: SamplingSettings | None
    ) -> Iterator[Samples]:
        self.load()
        gpu = lent_gpu()
        if gpu is None:
            return stream(self.parts(), text, frames, seed=seed, cancelled=cancelled, sampling=sampling)
        return _while(gpu(self._key, self.made_by, text, frames, seed, sampling), cancelled)


def frame_count(duration_s: float) -> int:
    """The number of MusicGen's frames in a length; raises SettingsError for one that is not 1 to 180 seconds."""
    if not SHORTEST_S <= duration_s <= LONGEST_S:
        raise SettingsError(
            f"MusicGen cannot make {duration_s:g} seconds; choose {SHORTEST_S:g} to {LONGEST_S:g} seconds."
        )
    return round(duration_s * FRAMES_PER_S)


def stream(
    parts: MusicGenParts,
    text: str,
    frames: int,
    *,
    seed: int,
    cancelled: Callable[[], bool] = lambda: False,
    sampling: SamplingSettings | None = None,
) -> Iterator[Samples]:
    """Yield chunks of samples (n,) float32 in -1 to 1 for a text, `frames` * 640 in all."""
    from pipelines.waveform.musicgen_sampling import draw_frames
    from pipelines.waveform.musicgen_stream import StreamingCodec

    codec = StreamingCodec(parts.codec, channels=parts.decoder.audio_channels)
    drawn = draw_frames(parts.decoder, parts.encode(text), frames, seed=seed, settings=sampling, cancelled=cancelled)
    for tokens, last in gathered(drawn, frames):
        compute_on_one_thread()  # another number of threads would round the sound's last bits otherwise
        samples: Samples = codec.push(tokens.to(parts.codec.device), last=last).float().cpu().numpy()
        yield np.clip(samples, -1.0, 1.0)


def gathered(drawn: Iterator[Tensor], frames: int) -> Iterator[tuple[Tensor, bool]]:
    """Frames of tokens in groups for a chunk each, (codebooks, n), the first group shorter; True with the last."""
    import torch

    waiting: list[Tensor] = []
    done, size = 0, FIRST_CHUNK_FRAMES
    for frame in drawn:
        waiting.append(frame)
        if len(waiting) >= size or done + len(waiting) == frames:
            done += len(waiting)
            yield torch.cat(waiting, dim=1), done == frames
            waiting, size = [], CHUNK_FRAMES


def with_sound(chunks: Iterator[Samples], name: str) -> Iterator[Samples]:
    """The same chunks, once one of them sounds: silence is held back and, where nothing follows it, an error.

    Raises ModelFailedError for samples that are no numbers, or :data:`PATIENCE_S` of silence at the beginning.
    """
    silent: list[Samples] = []
    heard = False
    for samples in chunks:
        if not np.isfinite(samples).all():
            raise ModelFailedError(f"{name} made sound that is no sound: its values are no numbers.")
        heard = heard or float(np.abs(samples).max(initial=0.0)) > SILENCE
        silent.append(samples)
        if heard:
            yield from silent
            silent = []
        elif sum(map(len, silent)) > PATIENCE_S * SAMPLE_RATE_HZ:
            break
    if not heard:
        raise ModelFailedError(f"{name} made silence instead of music.")


def _while(chunks: Any, cancelled: Callable[[], bool]) -> Iterator[Samples]:
    """The chunks that another process makes, until `cancelled` answers True, which is asked at each of them."""
    for samples in chunks:
        if cancelled():
            chunks.close()
            raise StoppedError("Making the music was stopped.")
        yield samples
