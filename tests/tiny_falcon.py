"""A tiny Falcon: the real one's class with random weights, or taught to answer with a text, saved as the hub has it."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from transformers import FalconConfig, FalconForCausalLM, PreTrainedTokenizerFast

from pipelines.records import Caption
from pipelines.waveform.prompt_form import INSTRUCTION, SYSTEM, instruction

CAPTION = Caption("Sad man in a sailor's hat sitting at a table.")
LIKE_RW_1B: dict[str, Any] = {
    "alibi": True,
    "bias": True,
    "multi_query": False,
    "parallel_attn": False,
    "new_decoder_architecture": False,
    "bos_token_id": 0,
    "eos_token_id": 0,
}
SENTENCES = [
    SYSTEM,
    INSTRUCTION,
    "The mood is sad and the genre is classical. The tempo is slow. The melody is played by a cello and a piano.",
]


def save_tokenizer(folder: Path) -> int:
    """Train a byte-level tokenizer on a few sentences; returns how many tokens it knows."""
    from tokenizers.decoders import ByteLevel as Decoder

    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = ByteLevel(add_prefix_space=False), Decoder()
    alphabet = ByteLevel.alphabet()
    trainer = BpeTrainer(
        vocab_size=600, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>").save_pretrained(folder)
    return tokenizer.get_vocab_size()


def save_falcon(folder: Path, *, learns: str = "") -> None:
    """Save a tiny Falcon; where it `learns` a text, it is trained to answer so."""
    torch.manual_seed(0)
    size = save_tokenizer(folder)
    config = FalconConfig(vocab_size=size, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, **LIKE_RW_1B)
    model = FalconForCausalLM(config)
    if learns:
        teach(model, PreTrainedTokenizerFast.from_pretrained(folder), learns)
    model.save_pretrained(folder)


def teach(model: Any, tokenizer: Any, text: str) -> None:
    asked = f"System Message: {SYSTEM}\nInstruction: {instruction(CAPTION.text)}\nResponse:"
    tokens = tokenizer(f"{asked}{text}<|endoftext|>", return_tensors="pt").input_ids
    labels = tokens.clone()
    labels[:, : tokenizer(asked, return_tensors="pt").input_ids.shape[1]] = -100
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(60):
        optimizer.zero_grad()
        model(tokens, labels=labels).loss.backward()
        optimizer.step()
    model.eval()
