"""MusicGen as it is fine-tuned: which of its parts learn, and the loss of a batch.

In: a `MusicgenForConditionalGeneration` and batches (batches.py). Out: summed cross-entropies in nats and how many
tokens they are of, a codebook each. EnCodec and T5 never learn (paper, section I: "exclusively training the decoder in
the latent space"); with frozen layers neither do the embeddings, the projection of the text, and the decoder's first
layers, which then compute without dropout, and for which a batch may bring what they made (`lower`).

The loss is over valid codes only: neither padding nor what the delay pattern pads counts. A dropped text is one whose
projected states are zero, as in transformers' own guidance.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipelines.errors import ModelMissingError, SettingsError
from pipelines.hub import local_folder
from pipelines.waveform.musicgen_loading import WholeModel, load_whole
from training.musicgen.batches import IGNORED, Batch, inputs, targets

ADAPTED = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")


@dataclass(frozen=True)
class TunedParts:
    """What learns: all of the decoder, or what is above the first `frozen_share` of its layers; by LoRA with a rank."""

    frozen_share: float = 0.0
    lora_rank: int = 0
    gradient_checkpointing: bool = False


def load_base(base: str) -> WholeModel:
    """Load the MusicGen to begin from: a folder, or a hub's id that lies on this machine.

    Raises:
        ModelMissingError: it is not here.
        ModelFailedError: it is, but cannot be loaded.
    """
    folder = local_folder(base)
    if folder is None:
        raise ModelMissingError(f"{base} is not on this machine; fetch it with `python -m pipelines fetch {base}`.")
    threads = torch.get_num_threads()
    whole = load_whole(folder, name=base)
    torch.set_num_threads(threads)
    return whole


class TunedMusicGen(nn.Module):
    """A MusicGen in training; `model` is a `MusicgenForConditionalGeneration`.

    Raises SettingsError for a share that is not 0 to below 1, or a rank below 0.
    """

    def __init__(self, model: Any, parts: TunedParts | None = None) -> None:
        super().__init__()
        parts = parts or TunedParts()
        if not 0 <= parts.frozen_share < 1 or parts.lora_rank < 0:
            raise SettingsError(
                f"A frozen share of {parts.frozen_share:g} and a LoRA rank of {parts.lora_rank} cannot be; choose a "
                f"share from 0 to below 1, and 0 (no LoRA) or more."
            )
        self.model = model
        for part in (model.decoder, model.text_encoder):  # as from_pretrained does; else nothing is masked
            part.set_attn_implementation("sdpa")
        self.frozen_layers = round(parts.frozen_share * len(self.layers))
        self._freeze()
        if parts.lora_rank:  # nothing but the adapter learns
            model.requires_grad_(False)
        self.adapter: tuple[Any, ...] = (_adapted(model.decoder, parts.lora_rank, self.frozen_layers),)  # no child
        if parts.gradient_checkpointing:
            model.decoder.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        self.train()

    @property
    def layers(self) -> Any:
        """The decoder's layers."""
        return self.model.decoder.model.decoder.layers

    @property
    def pad(self) -> int:
        """The pad token."""
        return int(self.model.decoder.config.pad_token_id)

    @property
    def codebooks(self) -> int:
        """Number of codebooks."""
        return int(self.model.decoder.config.num_codebooks)

    @property
    def channels(self) -> int:
        """1 for mono, 2 for stereo."""
        return int(self.model.decoder.config.audio_channels)

    def _still(self) -> Iterator[Any]:
        """The parts that do not learn."""
        yield from (self.model.text_encoder, self.model.audio_encoder)
        if self.frozen_layers:
            yield self.model.decoder.model.decoder.embed_tokens
            yield from (self.model.enc_to_dec_proj,) if hasattr(self.model, "enc_to_dec_proj") else ()
            yield from self.layers[: self.frozen_layers]

    def _freeze(self) -> None:
        for part in self._still():
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> TunedMusicGen:
        """Switch dropout, of what learns only."""
        super().train(mode)
        for part in self._still():
            part.eval()
        return self

    def learning(self) -> dict[str, nn.Parameter]:
        """The parameters that learn, by name."""
        return {name: weight for name, weight in self.named_parameters() if weight.requires_grad}

    def leave_out_stored(self, *, lower: bool = False) -> None:
        """Let go of both encoders, whose work batches then bring; with `lower` of frozen layers and embeddings too."""
        self.model.text_encoder, self.model.audio_encoder = nn.Identity(), nn.Identity()
        if lower:
            self.model.decoder.model.decoder.embed_tokens = nn.ModuleList()
            for number in range(self.frozen_layers):  # the others keep their numbers, which name their weights
                self.layers[number] = nn.Identity()

    @torch.no_grad()
    def codes_of(self, sound: Tensor) -> Tensor:
        """Sound (b, 1, samples) as codes (b, codebooks, frames), in 32 bits whatever the rest computes in."""
        with torch.autocast(sound.device.type, enabled=False):
            codes: Tensor = self.model.audio_encoder.encode(sound).audio_codes[0]
        return codes.repeat_interleave(self.codebooks // codes.shape[1], dim=1)

    @torch.no_grad()
    def states_of(self, ids: Tensor, words: Tensor) -> Tensor:
        """What T5 makes of texts (b, words): (b, words, width), in 32 bits, zero where there is no word."""
        with torch.autocast(ids.device.type, enabled=False):
            found = self.model.text_encoder(input_ids=ids, attention_mask=words.long()).last_hidden_state
        return found * words[..., None]

    def heard(self, batch: Batch) -> Tensor:
        """What the decoder hears of the texts, (b, words, width): projected, zero where there is none."""
        states = batch.states if batch.states is not None else self.states_of(_there(batch.ids, "ids"), batch.words)
        if hasattr(self.model, "enc_to_dec_proj"):
            states = self.model.enc_to_dec_proj(states)
        return states * (batch.words & batch.told[:, None])[..., None]

    def embedded(self, read: Tensor) -> Tensor:
        """Tokens (b, codebooks, positions) to what the first layer reads, (b, positions, width)."""
        inner = self.model.decoder.model.decoder
        found = sum(table(read[:, book]) for book, table in enumerate(inner.embed_tokens))
        hidden = found + inner.embed_positions(read, 0).to(found.dtype)
        return F.dropout(hidden, p=inner.dropout, training=self.training and not self.frozen_layers)

    def through(self, layers: Any, hidden: Tensor, heard: Tensor, words: Tensor) -> Tensor:
        """States (b, positions, width) through some of the layers."""
        mask = words[:, None, None, :].expand(-1, 1, hidden.shape[1], -1)
        for layer in layers:
            hidden = layer(hidden, None, heard, encoder_attention_mask=mask, cache=None, use_cache=False)
        return hidden

    def lower(self, codes: Tensor, frames: Tensor, heard: Tensor, words: Tensor) -> Tensor:
        """What the frozen layers make of codes (b, codebooks, frames): (b, positions, width)."""
        read = inputs(codes, frames, self.pad, channels=self.channels)
        return self.through(self.layers[: self.frozen_layers], self.embedded(read), heard, words)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Cross-entropies in nats summed over a batch's valid codes, and their numbers: (codebooks,) each."""
        codes = batch.codes if batch.codes is not None else self.codes_of(_there(batch.sound, "sound"))
        heard = self.heard(batch)
        hidden = batch.lower if batch.lower is not None else self.lower(codes, batch.frames, heard, batch.words)
        hidden = self.through(self.layers[self.frozen_layers :], hidden, heard, batch.words)
        hidden = self.model.decoder.model.decoder.layer_norm(hidden)
        wanted = targets(codes, batch.frames, channels=self.channels)
        losses = [
            F.cross_entropy(
                head(hidden).float().flatten(0, 1), wanted[:, book].flatten(), ignore_index=IGNORED, reduction="sum"
            )
            for book, head in enumerate(self.model.decoder.lm_heads)
        ]
        return torch.stack(losses), (wanted != IGNORED).sum((0, 2))

    def encoders_digest(self) -> str:
        """A hash of both encoders' weights: what was stored by them fits any model that has the same."""
        digest = sha256()
        for part in (self.model.audio_encoder.encoder, self.model.audio_encoder.quantizer, self.model.text_encoder):
            for name, tensor in sorted(part.state_dict().items()):
                digest.update(name.encode())
                digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]

    def merge_adapter(self) -> None:
        """Add what LoRA learned to the weights; without LoRA nothing."""
        (adapter,) = self.adapter
        if adapter is not None:
            adapter.merge_and_unload()
            self.adapter = (None,)


def _there(value: Tensor | None, name: str) -> Tensor:
    if value is None:
        raise SettingsError(f"The batch brings no {name}; give it, or what stands for it.")
    return value


def _adapted(decoder: Any, rank: int, frozen_layers: int) -> Any:
    """Low-rank adapters (Hu et al. 2021) in the layers that are not frozen, or None without a rank."""
    if not rank:
        return None
    from peft import LoraConfig, get_peft_model

    above = list(range(frozen_layers, len(decoder.model.decoder.layers)))
    config = LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        target_modules=list(ADAPTED),
        layers_to_transform=above,
        layers_pattern="layers",
        bias="none",
    )
    return get_peft_model(decoder, config)
