"""MusicGen through audiocraft: the second backend of the role "audio", for audiocraft's own checkpoints.

In and out as in musicgen.py. A checkpoint in transformers' layout plays as well, unconverted.

Conventions
-----------
A frame is one step of the codec: 1/50 s, 640 samples, `codebooks` tokens. audiocraft's own `generate` gives nothing
before its end, so its loop is written here anew over the same parts (pattern, cache, `_sample_next_token`), with the
same tokens for the same seed. Past what the model plays at once (30 s) it goes on from the last seconds of that, as
audiocraft does. Between bursts of about a second another request may use the same model: cache and dice are each
request's own. On a CPU it runs on one thread: the last bits of attention change with their number, and threads that
wait for each other on busy cores are many times slower.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.catalogue import ModelEntry
from pipelines.errors import ModelFailedError, ModelMissingError, StoppedError, WeightsError
from pipelines.models import compute_on_one_thread, forget, load_once
from pipelines.records import Audio, MusicPrompt
from pipelines.waveform.musicgen import CHUNK_FRAMES, FIRST_CHUNK_FRAMES, Samples, frame_count, with_sound
from pipelines.waveform.musicgen_checkpoint import checkpoint_folder
from pipelines.waveform.musicgen_configs import SAMPLE_RATE_HZ
from pipelines.waveform.musicgen_failures import failures_told

if TYPE_CHECKING:
    from torch import Tensor

    from pipelines.waveform.musicgen_sampling import SamplingSettings

UNKNOWN = -1


def open_audiocraft(entry: ModelEntry) -> AudiocraftMusicGen:
    """Open the MusicGen of a catalogue's entry, in audiocraft's layout or in transformers', loaded once a process.

    Raises:
        SettingsError: the entry names neither a folder nor a hub's id.
        ModelMissingError: the model is not on this machine, in neither layout.
        ModelFailedError: audiocraft is not installed, or the files are damaged or of another model.
    """
    folder = checkpoint_folder(entry.hub_id or "")
    if folder is None:
        raise ModelMissingError(f"{entry.name} is not on this machine; fetch it: `python -m pipelines fetch audio`.")
    with failures_told(entry.made_by, "being loaded"):
        _check_installed()
        from pipelines.waveform.musicgen_audiocraft_load import load

        key = f"musicgen audiocraft {folder}"
        try:
            model, lock = load_once(key, lambda: (load(folder), threading.Lock()))
        except WeightsError as cause:
            raise ModelFailedError(f"{entry.made_by} cannot be loaded: {cause}") from cause
    return AudiocraftMusicGen(model, f"{entry.made_by} (audiocraft)", entry.licence, lock, key)


def _check_installed() -> None:
    try:
        import audiocraft  # noqa: F401
    except ImportError as cause:
        raise ModelFailedError(
            "audiocraft is not installed here; make its environment with `make setup-audiocraft` and start the app "
            "from there, or choose the backend transformers."
        ) from cause


@dataclass(frozen=True, eq=False)
class AudiocraftMusicGen:
    """A loaded MusicGen that plays prompts. `model` is audiocraft's own; `lock` guards it, for several may ask at once.

    `key` is that under which it was loaded once, "" if it was not.
    """

    model: Any
    made_by: str
    licence: str
    lock: threading.Lock = field(default_factory=threading.Lock)
    key: str = ""

    def generate(
        self,
        prompt: MusicPrompt,
        *,
        duration_s: float,
        seed: int,
        cancelled: Callable[[], bool] = lambda: False,
        sampling: SamplingSettings | None = None,
    ) -> Iterator[Audio]:
        """Play a prompt: consecutive chunks of (frames, 1) float32 in -1 to 1, round(50 `duration_s`) * 640 in all.

        Raises:
            SettingsError: a length that is not 1 to 180 seconds.
            ModelFailedError: the model fails, runs out of memory, or makes no sound.
            StoppedError: `cancelled` answered True; it is asked for every token.
        """
        frames, sent = frame_count(duration_s), 0
        with failures_told(self.made_by, "making the music", free=lambda: forget(self.key)):
            codes = self.codes(prompt.text, frames, seed=seed, cancelled=cancelled, sampling=sampling)
            for samples in with_sound(self._decoded(codes, frames), self.made_by):
                yield Audio(samples, SAMPLE_RATE_HZ, start_s=sent / SAMPLE_RATE_HZ)
                sent += len(samples)

    def _decoded(self, codes: Iterator[Tensor], frames: int) -> Iterator[Samples]:
        from pipelines.waveform.musicgen_audiocraft_decode import StreamDecoder

        decoder = StreamDecoder(self.model.compression_model)
        for piece in codes:
            samples = decoder.feed(piece, last=decoder.fed + piece.shape[-1] == frames)
            if len(samples):
                yield np.clip(samples, -1.0, 1.0)

    def codes(
        self,
        text: str,
        frames: int,
        *,
        seed: int,
        cancelled: Callable[[], bool] = lambda: False,
        sampling: SamplingSettings | None = None,
    ) -> Iterator[Tensor]:
        """Tokens for a text, as they are made: int64 tensors (1, codebooks, n), `frames` in all along the last axis."""
        import torch

        from pipelines.waveform.musicgen_sampling import SamplingSettings

        how = sampling or SamplingSettings()
        dice, conditions = Dice(self.model.device, seed), self._conditions(text)
        window = round(min(how.window_s, self.model.max_duration) * self.model.frame_rate)
        kept = round(how.kept_s * self.model.frame_rate)
        start, made = torch.empty((1, self.model.lm.num_codebooks, 0), dtype=torch.long, device=self.model.device), 0
        while made < frames:
            length = min(window, start.shape[-1] + frames - made)
            drawn = _Window(self, how, conditions, start, length)
            while not drawn.done:
                piece = drawn.draw(CHUNK_FRAMES if made else FIRST_CHUNK_FRAMES, dice, cancelled)
                made += piece.shape[-1]
                if piece.shape[-1]:
                    yield piece
            start = drawn.codes()[..., -min(kept, window - 1) :]

    def _conditions(self, text: str) -> Any:
        """The text and the empty text (for guidance), encoded for attention by the language model."""
        import torch
        from audiocraft.modules.conditioners import ClassifierFreeGuidanceDropout, ConditioningAttributes

        attributes = [ConditioningAttributes(text={"description": text})]
        both = attributes + ClassifierFreeGuidanceDropout(p=1.0)(attributes)
        provider = self.model.lm.condition_provider
        with torch.no_grad(), self.lock, self.model.autocast:
            return provider(provider.tokenize(both))


class _Window:
    """The loop of audiocraft's `LMModel.generate`, to be run in pieces: `length` frames that begin with `start`."""

    def __init__(
        self, player: AudiocraftMusicGen, how: SamplingSettings, conditions: Any, start: Tensor, length: int
    ) -> None:
        import torch

        self.player, self.lm, self.how, self.conditions = player, player.model.lm, how, conditions
        self.length, self.given = length, start.shape[-1]
        codes = torch.full((*start.shape[:2], length), UNKNOWN, dtype=torch.long, device=start.device)
        codes[..., : self.given] = start
        self.pattern = self.lm.pattern_provider.get_pattern(length)
        self.sequence, _, self.mask = self.pattern.build_pattern_sequence(codes, self.lm.special_token_id)
        self.read, self.step = 0, self.pattern.get_first_step_with_timesteps(self.given)
        self.cache: dict[str, Any] = {}

    @property
    def done(self) -> bool:
        """Whether all frames are drawn."""
        return bool(self.step >= self.sequence.shape[-1])

    def codes(self) -> Tensor:
        """The tokens of the frames, (1, codebooks, length), :data:`UNKNOWN` where not drawn yet."""
        codes: Tensor = self.pattern.revert_pattern_sequence(self.sequence, special_token=UNKNOWN)[0]
        return codes[..., : self.length]

    def draw(self, steps: int, dice: Dice, cancelled: Callable[[], bool]) -> Tensor:
        """Take up to so many steps under the model's lock and give the frames that are whole since the last call.

        Raises StoppedError once `cancelled` answers True.
        """
        import torch

        compute_on_one_thread()
        with self.player.lock, torch.no_grad(), dice.thrown(), self.player.model.autocast, self.lm.streaming():
            self.lm.set_streaming_state(self.cache)
            for _ in range(min(steps, self.sequence.shape[-1] - self.step)):
                if cancelled():
                    raise StoppedError("Making the music was stopped.")
                self._take()
            self.cache = self.lm.get_streaming_state()
        codes = self.codes()
        known = (codes[0] != UNKNOWN).all(dim=0)
        begin, self.given = self.given, self.length if bool(known.all()) else int(known.int().argmin())
        return codes[..., begin : self.given]

    def _take(self) -> None:
        import torch

        here = slice(self.step, self.step + 1)
        token = self.lm._sample_next_token(
            self.sequence[..., self.read : self.step],
            self.conditions,
            {},
            use_sampling=self.how.temperature > 0,
            temp=self.how.temperature,
            top_k=min(self.how.top_k, self.lm.card),
            cfg_coef=self.how.guidance,
            two_step_cfg=False,
        )
        token[~self.mask[None, ..., here].expand_as(token)] = self.lm.special_token_id
        old = self.sequence[..., here]
        self.sequence[..., here] = torch.where(old == UNKNOWN, token, old)
        self.read, self.step = self.step, self.step + 1


class Dice:
    """A request's own random numbers, whatever else draws from torch's in between."""

    def __init__(self, device: Any, seed: int) -> None:
        self.devices = [device] if device.type == "cuda" else []
        self.seed = seed
        self.states: list[Any] | None = None

    @contextmanager
    def thrown(self) -> Iterator[None]:
        """Within, torch draws from here; after, from where it was."""
        import torch

        with torch.random.fork_rng(devices=self.devices):
            if self.states is None:
                torch.manual_seed(self.seed)
            else:
                torch.set_rng_state(self.states[0])
                for device, state in zip(self.devices, self.states[1:], strict=True):
                    torch.cuda.set_rng_state(state, device)
            yield
            self.states = [torch.get_rng_state(), *(torch.cuda.get_rng_state(device) for device in self.devices)]
