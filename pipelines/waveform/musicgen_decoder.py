"""MusicGen's decoder, a step at a time: tokens of one or more positions in, logits for the next position out.

It takes the weights of transformers' `MusicgenForCausalLM` and computes what that class computes, with what a stream on
a CPU wants: a cache of keys and values that is written in place, one product for query, key and value, the text's keys
and values computed once, and 8-bit weights (musicgen_matrices.py).

For classifier-free guidance two rows are read at once, the second without text. There transformers sets the text's
states to zero, and as no projection has a bias, cross-attention adds exactly nothing: it is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pipelines.chain import never
from pipelines.errors import StoppedError
from pipelines.waveform.musicgen_matrices import Matrix, matrix

Norm = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Layer:
    """The weights of a layer: self-attention, attention to the text, and the feed-forward part."""

    before_self: Norm
    self_in: Matrix  # query, key and value below each other
    self_out: Matrix
    before_text: Norm
    text_query: Matrix
    text_key: Matrix
    text_value: Matrix
    text_out: Matrix
    before_wide: Norm
    wide: Matrix
    narrow: Matrix
    activation: Callable[[Tensor], Tensor]


class StepDecoder:
    """The decoder's weights, shared by all who read with them; see :meth:`begin`.

    `language_model` is a `MusicgenForCausalLM`, which is emptied: its weights move over. `precision` is one of
    :data:`pipelines.waveform.musicgen_matrices.PRECISIONS`, `device` where to compute.
    """

    def __init__(self, language_model: Any, *, precision: str, device: str = "cpu") -> None:
        config, inner = language_model.config, language_model.model.decoder
        self.precision, self.device = precision, torch.device(device)
        self.dtype = torch.float16 if precision == "float16" else torch.float32
        self.codebooks, self.vocabulary, self.pad = config.num_codebooks, config.vocab_size, config.vocab_size
        self.audio_channels, self.heads, self.width = (
            config.audio_channels,
            config.num_attention_heads,
            config.hidden_size,
        )
        self.longest = config.max_position_embeddings
        with torch.inference_mode():
            self.positions = inner.embed_positions.weights.to(self.device, self.dtype)
            self.embeddings = torch.cat([table.weight for table in inner.embed_tokens]).to(self.device, self.dtype)
            self.offsets = torch.arange(self.codebooks, device=self.device)[:, None] * (self.vocabulary + 1)
            self.layers = [self._layer(module) for module in inner.layers]
            self.last_norm = self._norm(inner.layer_norm)
            self.head = self._matrix(*language_model.lm_heads)

    def _matrix(self, *modules: Any) -> Matrix:
        """One matrix of all the modules' weights below each other, which are freed."""
        weight = torch.cat([module.weight.detach() for module in modules]).to(self.device)
        for module in modules:
            module.weight = None
        return matrix(weight, self.precision)

    def _norm(self, module: Any) -> Norm:
        weight, bias = (part.detach().to(self.device, self.dtype, copy=True) for part in (module.weight, module.bias))
        return lambda x: F.layer_norm(x, (self.width,), weight, bias, module.eps)

    def _layer(self, module: Any) -> Layer:
        own, text = module.self_attn, module.encoder_attn
        return Layer(
            before_self=self._norm(module.self_attn_layer_norm),
            self_in=self._matrix(own.q_proj, own.k_proj, own.v_proj),
            self_out=self._matrix(own.out_proj),
            before_text=self._norm(module.encoder_attn_layer_norm),
            text_query=self._matrix(text.q_proj),
            text_key=self._matrix(text.k_proj),
            text_value=self._matrix(text.v_proj),
            text_out=self._matrix(text.out_proj),
            before_wide=self._norm(module.final_layer_norm),
            wide=self._matrix(module.fc1),
            narrow=self._matrix(module.fc2),
            activation=module.activation_fn,
        )

    def trial(self) -> Tensor:
        """A small part of a step's work, to time."""
        with torch.inference_mode():
            return self.layers[0].wide(torch.ones((2, self.width), dtype=self.dtype, device=self.device))

    def begin(self, text: Tensor, *, guided: bool, capacity: int) -> Reading:
        """Begin to read up to `capacity` positions under a text, (1, words, width); `guided` adds the second row."""
        with torch.inference_mode():
            return Reading(self, text.to(self.device, self.dtype), rows=2 if guided else 1, capacity=capacity)

    def split(self, x: Tensor) -> Tensor:
        """(rows, n, width) to (rows, heads, n, width of a head)."""
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)

    def join(self, x: Tensor) -> Tensor:
        """The inverse of :meth:`split`."""
        return x.transpose(1, 2).reshape(x.shape[0], x.shape[2], self.width)


class Reading:
    """What one visitor's decoder has read so far; made by :meth:`StepDecoder.begin`.

    Holds keys and values, (rows, heads, capacity, width of a head) for each layer, and those of the text.
    """

    def __init__(self, decoder: StepDecoder, text: Tensor, *, rows: int, capacity: int) -> None:
        self.decoder, self.rows, self.length = decoder, rows, 0
        shape = (rows, decoder.heads, capacity, decoder.width // decoder.heads)
        self.capacity = capacity
        self._keys, self._values = (
            [torch.empty(shape, dtype=decoder.dtype, device=decoder.device) for _ in decoder.layers] for _ in range(2)
        )
        self._text = [
            (decoder.split(layer.text_key(text)), decoder.split(layer.text_value(text))) for layer in decoder.layers
        ]

    def forget(self) -> None:
        """Begin anew at position 0, under the same text."""
        self.length = 0

    def read(self, tokens: Tensor, *, cancelled: Callable[[], bool] = never) -> Tensor:
        """Read the next n positions' tokens, (codebooks, n) int64; logits after the last (rows, codebooks, vocabulary).

        More than one position can only be read at the beginning. Raises StoppedError once `cancelled` answers True,
        which is asked before each layer.
        """
        decoder, count = self.decoder, tokens.shape[1]
        with torch.inference_mode():
            index = tokens.to(decoder.device) + decoder.offsets
            x = decoder.embeddings[index].sum(0) + decoder.positions[self.length : self.length + count]
            x = x.expand(self.rows, -1, -1)
            for number, layer in enumerate(decoder.layers):
                if cancelled():
                    raise StoppedError("Making the music was stopped.")
                x = self._through(layer, number, x)
            self.length += count
            logits = decoder.head(decoder.last_norm(x[:, -1]))
            return logits.view(self.rows, decoder.codebooks, decoder.vocabulary)

    def _through(self, layer: Layer, number: int, x: Tensor) -> Tensor:
        x = x + self._attend_to_itself(layer, number, x)
        heard = x[:1] + self._attend_to_text(layer, number, x[:1])
        x = heard if self.rows == 1 else torch.cat((heard, x[1:]))
        return x + layer.narrow(layer.activation(layer.wide(layer.before_wide(x))))

    def _attend_to_itself(self, layer: Layer, number: int, x: Tensor) -> Tensor:
        split, start, end = self.decoder.split, self.length, self.length + x.shape[1]
        query, key, value = layer.self_in(layer.before_self(x)).chunk(3, dim=-1)
        keys, values = self._keys[number], self._values[number]
        keys[:, :, start:end], values[:, :, start:end] = split(key), split(value)
        attended = F.scaled_dot_product_attention(
            split(query), keys[:, :, :end], values[:, :, :end], is_causal=x.shape[1] > 1
        )
        return layer.self_out(self.decoder.join(attended))

    def _attend_to_text(self, layer: Layer, number: int, x: Tensor) -> Tensor:
        query = self.decoder.split(layer.text_query(layer.before_text(x)))
        return layer.text_out(self.decoder.join(F.scaled_dot_product_attention(query, *self._text[number])))
