"""Drawing MusicGen's tokens: a decoder and a text in, frames of tokens out, as many as are wanted.

Conventions
-----------
A frame is 1/50 s and holds a token of each codebook. The decoder reads them by the delay pattern (Copet et al. 2023,
section 2.2): at position p codebook c shows frame p - 1 - c, position 0 and all that lies outside are the pad token. A
stereo model has two codebooks to each delay. Music longer than the window goes on in a next one, which begins with the
last seconds of the one before; no frame is drawn twice and none is left out, as with audiocraft's `extend_stride`, but
a window that is not the last need not come to an end. Everything random comes from one torch.Generator on the CPU, so
that a seed draws the same on any device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from pipelines.chain import never
from pipelines.errors import ModelFailedError, StoppedError
from pipelines.waveform.musicgen_decoder import Reading, StepDecoder
from pipelines.waveform.musicgen_threads import Threads

FRAMES_PER_S = 50
UNKNOWN = -1


@dataclass(frozen=True)
class SamplingSettings:
    """How tokens are drawn: the paper's settings (section IV-C) and MusicGen's.

    `temperature` 0 takes the likeliest token; `guidance` 1 is none. A window is `window_s` long, and one that goes on
    begins with the last `kept_s`.
    """

    top_k: int = 250
    temperature: float = 1.0
    guidance: float = 3.0
    window_s: float = 30.0
    kept_s: float = 10.0


class TokenGrid:
    """The tokens of all frames, (codebooks, frames) int64, :data:`UNKNOWN` where not drawn yet; the delay pattern."""

    def __init__(self, frames: int, *, codebooks: int, channels: int, pad: int) -> None:
        self.tokens = torch.full((codebooks, frames), UNKNOWN)
        self.delays = torch.arange(codebooks) // channels
        self.longest_delay = int(self.delays[-1])
        self._pad = pad

    @property
    def frames(self) -> int:
        """Number of frames."""
        return self.tokens.shape[1]

    def columns(self, first_frame: int, start: int, end: int) -> Tensor:
        """What the decoder reads at positions `start` to `end` of a window that begins with a frame: (codebooks, n)."""
        frame = first_frame + torch.arange(start, end)[None] - 1 - self.delays[:, None]
        inside = (frame >= first_frame) & (frame < self.frames)
        return torch.where(inside, self.tokens.gather(1, frame.clamp(0, self.frames - 1)), self._pad)

    def fill(self, first_frame: int, position: int, drawn: Tensor) -> int:
        """Write down what was drawn, (codebooks,), after reading `position`; returns how many frames are whole now.

        Tokens that are known stay.
        """
        frame = first_frame + position - self.delays
        for book, place in enumerate(frame.tolist()):
            if first_frame <= place < self.frames and self.tokens[book, place] == UNKNOWN:
                self.tokens[book, place] = drawn[book]
        return max(0, min(self.frames, first_frame + position + 1 - self.longest_delay))


def draw(logits: Tensor, settings: SamplingSettings, generator: torch.Generator) -> Tensor:
    """Draw a token for each codebook from logits (rows, codebooks, vocabulary), with guidance if there are two rows.

    Raises ModelFailedError for logits that are no numbers.
    """
    logits = logits.float().cpu()
    if len(logits) == 2:
        logits = logits[1:] + (logits[:1] - logits[1:]) * settings.guidance
    logits = logits[0]
    if not bool(logits.isfinite().all()):
        raise ModelFailedError("The model computed values that are no numbers, so that it cannot go on.")
    if settings.temperature == 0:
        return logits.argmax(-1)
    best, which = logits.topk(min(settings.top_k, logits.shape[-1]))
    reached = (best / settings.temperature).softmax(-1).cumsum(-1)
    target = torch.rand((len(logits), 1), generator=generator) * reached[:, -1:]
    place = (reached <= target).sum(-1, keepdim=True).clamp(max=best.shape[-1] - 1)
    return which.gather(-1, place)[:, 0]


def draw_frames(
    decoder: StepDecoder,
    text: Tensor,
    frames: int,
    *,
    seed: int,
    settings: SamplingSettings | None = None,
    cancelled: Callable[[], bool] = never,
) -> Iterator[Tensor]:
    """Yield frames of tokens as they become whole, (codebooks, 1) int64 each, `frames` in all.

    `text` is what the text encoder made of the prompt, (1, words, width). Raises StoppedError once `cancelled` answers
    True (asked at every position), ModelFailedError for a model that computes no numbers.
    """
    chosen = settings or SamplingSettings()
    grid = TokenGrid(frames, codebooks=decoder.codebooks, channels=decoder.audio_channels, pad=decoder.pad)
    windows = Windows(grid, decoder, chosen)
    reading = decoder.begin(text, guided=chosen.guidance != 1, capacity=windows.capacity)
    generator = torch.Generator().manual_seed(seed)
    threads = Threads(decoder.trial, most=None if decoder.precision == "int8" else 1)
    sent = 0
    while sent < frames:
        if cancelled():
            raise StoppedError("Making the music was stopped.")
        whole = threads.run(lambda: windows.step(reading, lambda logits: draw(logits, chosen, generator), cancelled))
        for frame in range(sent, whole):
            yield grid.tokens[:, frame : frame + 1]
        sent = max(sent, whole)


class Windows:
    """The windows over a grid, one after the other; keeps where the present one begins and how far it was read."""

    def __init__(self, grid: TokenGrid, decoder: StepDecoder, settings: SamplingSettings) -> None:
        room = decoder.longest - grid.longest_delay
        window = max(2, min(round(settings.window_s * FRAMES_PER_S), room))
        self.capacity = min(window, grid.frames) + grid.longest_delay
        self._grid, self._first = grid, 0
        self._kept = min(round(settings.kept_s * FRAMES_PER_S), window // 2)

    def step(self, reading: Reading, choose: Callable[[Tensor], Tensor], cancelled: Callable[[], bool]) -> int:
        """Read the next position and write down what `choose` makes of the logits; how many frames are whole now."""
        position = reading.length
        if position == self.capacity:
            self._first += position - self._kept
            position = self._kept
            reading.forget()
        columns = self._grid.columns(self._first, reading.length, position + 1)
        logits = reading.read(columns, cancelled=cancelled)
        return self._grid.fill(self._first, position, choose(logits))
