"""The names of MusicGen's tensors in audiocraft's layout and in transformers', and the way from each to the other.

In and out: tensors by name. audiocraft keeps the language model and the codec (EnCodec) apart, transformers keeps both
and the text encoder (T5) in one. No value is changed, so that there and back again is the same bits.

Conventions
-----------
audiocraft's attention holds the projections of queries, keys and values as one matrix (3 · width, width), in that
order; transformers holds three. Weight normalisation is `weight_g`, `weight_v` in audiocraft (and in older files of
transformers), `parametrizations.weight.original0`, `original1` in transformers. Both write a codec's layers in the same
order with the same numbers. Both layouts: "Simple and Controllable Music Generation" (Copet et al. 2023).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from pipelines.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

DESCRIPTION = "condition_provider.conditioners.description"
PROJECTION = "enc_to_dec_proj"
TEXT_ENCODER, CODEC = "text_encoder", "audio_encoder"
EMBEDDED_TWICE = "encoder.embed_tokens.weight"  # T5's encoder shares it with `shared.weight`
# transformers computes these anew; older files hold them all the same.
COMPUTED = ("decoder.model.decoder.embed_positions.weights", f"{TEXT_ENCODER}.{EMBEDDED_TWICE}")

LM_LAYERS, DECODER_LAYERS = "transformer.layers", "decoder.model.decoder.layers"
LM_PLACES = (
    ("emb", "decoder.model.decoder.embed_tokens"),
    ("out_norm", "decoder.model.decoder.layer_norm"),
    ("linears", "decoder.lm_heads"),
    (f"{DESCRIPTION}.output_proj", PROJECTION),
)
ATTENTIONS = (("self_attn", "self_attn"), ("cross_attention", "encoder_attn"))
LAYER_PLACES = (
    *((f"{ours}.out_proj", f"{theirs}.out_proj") for ours, theirs in ATTENTIONS),
    ("norm1", "self_attn_layer_norm"),
    ("norm_cross", "encoder_attn_layer_norm"),
    ("norm2", "final_layer_norm"),
    ("linear1", "fc1"),
    ("linear2", "fc2"),
)
FUSED, PARTS = "in_proj_weight", ("q_proj.weight", "k_proj.weight", "v_proj.weight")
WEIGHT_NORM = (
    ("weight_g", "parametrizations.weight.original0"),
    ("weight_v", "parametrizations.weight.original1"),
)
CODEC_LAYER = re.compile(r"(encoder|decoder)\.(model|layers)\.(\d+)\.(.+)")
CODEBOOK = re.compile(r"quantizer\.(?:vq\.)?layers\.(\d+)\._?codebook\.(.+)")


def lm_to_transformers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The language model of audiocraft (its conditioner's projection included, a T5 left out) as transformers names it.

    Raises:
        WeightsError: a tensor that transformers' MusicGen has no place for.
    """
    tensors: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if name.startswith(f"{DESCRIPTION}.t5."):
            continue
        index, part = _in_layer(name.replace(".mha.", "."), LM_LAYERS)  # what torch's own attention is wrapped in
        for ours, theirs in ATTENTIONS:
            if index and part == f"{ours}.{FUSED}":
                split = [f"{DECODER_LAYERS}.{index}.{theirs}.{each}" for each in PARTS]
                tensors |= dict(zip(split, (rows.clone() for rows in tensor.chunk(3)), strict=True))
                break
        else:
            places = LAYER_PLACES if index else LM_PLACES
            tensors[f"{DECODER_LAYERS}.{index}." * bool(index) + _moved(part, places, name)] = tensor
    return tensors


def lm_to_audiocraft(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The way back of :func:`lm_to_transformers`; takes the language model's tensors among all of a MusicGen's.

    Raises:
        WeightsError: a tensor that audiocraft's language model has no place for, or a projection without the other two.
    """
    import torch

    state: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if not name.startswith(("decoder.", f"{PROJECTION}.")) or name in COMPUTED:
            continue
        index, part = _in_layer(name, DECODER_LAYERS)
        attention, _, last = part.partition(".")
        if index and last in PARTS:
            prefix = name.removesuffix(last)
            missing = [each for each in PARTS if prefix + each not in tensors]
            if missing:
                raise WeightsError(
                    f"The weights hold {name} but not {prefix}{missing[0]}; take them from another copy."
                )
            fused = f"{LM_LAYERS}.{index}.{_moved(attention, _back(ATTENTIONS), name)}.{FUSED}"
            if last == PARTS[0]:
                state[fused] = torch.cat([tensors[prefix + each] for each in PARTS])
            continue
        places = _back(LAYER_PLACES if index else LM_PLACES)
        state[f"{LM_LAYERS}.{index}." * bool(index) + _moved(part, places, name)] = tensor
    return state


def codec_to_transformers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The EnCodec of audiocraft as transformers names an EncodecModel's own (no `audio_encoder.` before the names).

    Raises:
        WeightsError: a tensor that transformers' EnCodec has no place for.
    """
    tensors: dict[str, Tensor] = {}
    for name, tensor in state.items():
        layer, codebook = CODEC_LAYER.fullmatch(name), CODEBOOK.fullmatch(name)
        if codebook:
            tensors[f"quantizer.layers.{codebook[1]}.codebook.{codebook[2]}"] = tensor
        elif layer and layer[2] == "model":
            part = layer[4].replace("convtr.convtr.", "conv.").replace("conv.conv.", "conv.")
            tensors[f"{layer[1]}.layers.{layer[3]}.{_renamed_end(part, WEIGHT_NORM)}"] = tensor
        else:
            raise _no_place(name)
    return tensors


def codec_to_audiocraft(tensors: Mapping[str, Tensor], *, transposed: Iterable[int]) -> dict[str, Tensor]:
    """The way back of :func:`codec_to_transformers`; `transposed` are the numbers of the decoder's upsampling layers.

    Raises:
        WeightsError: a tensor that audiocraft's EnCodec has no place for.
    """
    state: dict[str, Tensor] = {}
    upsampling = {("decoder", str(number)) for number in transposed}
    for name, tensor in tensors.items():
        layer, codebook = CODEC_LAYER.fullmatch(name), CODEBOOK.fullmatch(name)
        if codebook:
            state[f"quantizer.vq.layers.{codebook[1]}._codebook.{codebook[2]}"] = tensor
        elif layer and layer[2] == "layers":
            kind = "convtr" if (layer[1], layer[3]) in upsampling else "conv"
            part = _renamed_end(layer[4], _back(WEIGHT_NORM))
            part = re.sub(r"(^|\.)conv\.", rf"\1{kind}.{kind}.", part)
            state[f"{layer[1]}.model.{layer[3]}.{part}"] = tensor
        else:
            raise _no_place(name)
    return state


def text_encoder_in(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """A T5's encoder among tensors, by its own names: what stands behind `prefix` ("" for a T5's own file).

    Empty where there is none; a T5's decoder is left out.
    """
    found = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
    if EMBEDDED_TWICE in found:
        found.setdefault("shared.weight", found.pop(EMBEDDED_TWICE))
    return {name: tensor for name, tensor in found.items() if name == "shared.weight" or name.startswith("encoder.")}


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors, their names behind `prefix` and a dot."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def part_of(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The way back of :func:`under`: the tensors whose names stand behind `prefix` and a dot, without them."""
    return {name[len(prefix) + 1 :]: tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}.")}


def as_transformers_writes_now(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A MusicGen's tensors of any version of transformers under today's names, without what it computes anew."""
    codec = f"{CODEC}."
    return {
        _renamed_end(name, WEIGHT_NORM) if name.startswith(codec) else name: tensor
        for name, tensor in tensors.items()
        if name not in COMPUTED
    }


def _in_layer(name: str, layers: str) -> tuple[str, str]:
    """The number of the layer that a tensor belongs to and its name there; "" and the whole name outside of layers."""
    if not name.startswith(f"{layers}."):
        return "", name
    index, _, part = name[len(layers) + 1 :].partition(".")
    return index, part


def _moved(part: str, places: Iterable[tuple[str, str]], name: str) -> str:
    """A name with its beginning replaced as the first of the places that fits says."""
    for old, new in places:
        if part == old or part.startswith(f"{old}."):
            return new + part[len(old) :]
    raise _no_place(name)


def _renamed_end(name: str, ends: Iterable[tuple[str, str]]) -> str:
    for old, new in ends:
        if name.endswith(f".{old}"):
            return name.removesuffix(old) + new
    return name


def _back(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(new, old) for old, new in pairs]


def _no_place(name: str) -> WeightsError:
    return WeightsError(
        f"The weights hold {name}, which the other library's MusicGen has no place for; only text-to-music models of "
        f"the published form (such as facebook/musicgen-small) can be converted."
    )
