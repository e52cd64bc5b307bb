"""EnCodec's decoder over a stream: the same samples as over the whole, a burst of frames at a time.

In: tokens (1, codebooks, n), burst after burst. Out: samples (640 n, 1) float32, late by :data:`REACH` frames at two
places until the last burst. The decoder is convolutions, an LSTM, and more convolutions (SEANet; Défossez et al. 2022,
section 3.1). A convolution only needs neighbours within its reach, so its input is kept that far back; the LSTM goes on
from its own state.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

REACH = 4  # frames; a kernel of 7 reaches 3, and all the upsampling after the LSTM less than 2


class StreamDecoder:
    """Decodes one piece of music; `codec` is audiocraft's EncodecModel."""

    def __init__(self, codec: Any) -> None:
        from audiocraft.modules.lstm import StreamableLSTM

        layers = list(codec.decoder.model)
        middle = next((i for i, layer in enumerate(layers) if isinstance(layer, StreamableLSTM)), None)
        hop = int(codec.decoder.hop_length)
        self.codec, self.fed, self.state = codec, 0, None
        self.lstm = None if middle is None else layers[middle]
        self.before = _Windowed(layers[: middle or 0], hop=1)
        self.after = _Windowed(layers[0 if middle is None else middle + 1 :], hop=hop)

    def feed(self, codes: Any, *, last: bool) -> npt.NDArray[np.float32]:
        """Decode what `codes` make sure of, all of it when they are the last; samples (n, 1), possibly none."""
        import torch

        self.fed += codes.shape[-1]
        with torch.no_grad():
            x = self.before.feed(self.codec.decode_latent(codes), last=last)
            x = None if x is None else self.after.feed(self._remembered(x), last=last)
        if x is None:
            return np.zeros((0, 1), np.float32)
        samples: npt.NDArray[np.float32] = x[0].T.float().cpu().numpy()
        return samples

    def _remembered(self, x: Any) -> Any:
        """The LSTM and its skip connection over x (1, channels, n), going on from its last state."""
        if self.lstm is None:
            return x
        steps = x.permute(2, 0, 1)
        y, self.state = self.lstm.lstm(steps, self.state)
        return (y + steps if self.lstm.skip else y).permute(1, 2, 0)


class _Windowed:
    """Layers of bounded reach over a stream, each frame of input giving `hop` of output."""

    def __init__(self, layers: list[Any], *, hop: int) -> None:
        from torch import nn

        self.net, self.hop = nn.Sequential(*layers), hop
        self.kept: Any = None  # input from REACH frames before what is still to come
        self.behind = 0  # how many of the kept frames have come out already

    def feed(self, x: Any, *, last: bool) -> Any:
        """Take input (1, channels, n) and give what no later input can change, (1, channels, m · hop), or None."""
        import torch

        if not len(self.net):
            return x
        kept = x if self.kept is None else torch.cat([self.kept, x], dim=-1)
        ready = kept.shape[-1] - (0 if last else REACH)
        if ready <= self.behind:
            self.kept = kept
            return None
        y = self.net(kept)[..., self.behind * self.hop : ready * self.hop]
        begin = max(0, ready - REACH)
        self.kept, self.behind = kept[..., begin:], ready - begin
        return y
