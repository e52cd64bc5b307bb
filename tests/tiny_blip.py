"""A tiny BLIP: the real one's classes, taught to say one thing of red and another of blue pictures, after any label."""

from __future__ import annotations

import numpy as np

from pipelines.models import compute_on_one_thread
from pipelines.records import LABELS, Emotion, Picture

RED, BLUE = (200, 30, 30), (30, 60, 200)
SAID = {RED: "dog sitting near the red house", BLUE: "quiet boat on a blue sea"}
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
SIDE_PX = 32


def plain(colour, shape=(40, 60)):
    return Picture(np.full((*shape, 3), colour, np.uint8), "plain.png", "0" * 64)


def feeling(label):
    return Emotion(5.0, 5.0, 1.0, 1.0, tuple(float(name == label) for name in LABELS))


def tiny_processor(folder):
    from transformers import BertTokenizer, BlipImageProcessor, BlipProcessor

    words = sorted({word for text in SAID.values() for word in text.split()})
    (folder / "vocab.txt").write_text("\n".join([*SPECIAL, *(label.lower() for label in LABELS), *words]))
    images = BlipImageProcessor(size={"height": SIDE_PX, "width": SIDE_PX})
    return BlipProcessor(images, BertTokenizer(str(folder / "vocab.txt")))


def tiny_config(vocabulary):
    """As in the real one, the token that begins a caption lies beyond the tokenizer's vocabulary."""
    from transformers import BlipConfig

    width = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    tokens = {"pad_token_id": 0, "bos_token_id": vocabulary, "sep_token_id": 3, "eos_token_id": 3}
    return BlipConfig(
        vision_config=width | {"image_size": SIDE_PX, "patch_size": 16},
        text_config=width
        | tokens
        | {"vocab_size": vocabulary + 2, "encoder_hidden_size": 32, "hidden_dropout_prob": 0.0},
        projection_dim=16,
        image_text_hidden_size=16,
    )


def train(model, processor):
    """Teach it to say one thing of red and another of blue pictures, after whichever label."""
    import torch
    from PIL import Image

    texts = [f"{label.lower()} {text}" for label in LABELS for text in SAID.values()]
    images = [Image.fromarray(plain(colour).rgb) for _ in LABELS for colour in SAID]
    batch = processor(images=images, text=texts, return_tensors="pt", padding=True)
    batch["input_ids"][:, 0] = model.config.text_config.bos_token_id
    labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(60):
        optimiser.zero_grad()
        model(**batch, labels=labels).loss.backward()
        optimiser.step()


def save_tiny_blip(folder):
    import torch
    from transformers import BlipForConditionalGeneration

    compute_on_one_thread()
    torch.manual_seed(0)
    processor = tiny_processor(folder)
    model = BlipForConditionalGeneration(tiny_config(len(processor.tokenizer)))
    train(model, processor)
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
