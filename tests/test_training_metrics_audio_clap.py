"""CLAP's similarity with a tiny random model of the same classes, saved and read by the real from_pretrained."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import ModelMissingError
from training.metrics.audio_clap import SAMPLE_RATE_HZ, load_clap

WORDS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>", "a", "slow", "sad", "happy", "fast", "piano", "tune")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel, ClapProcessor, PreTrainedTokenizerFast

    torch.manual_seed(0)
    text = {"vocab_size": len(WORDS), "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1}
    text |= {"num_attention_heads": 2, "max_position_embeddings": 40, "pad_token_id": 1, "projection_dim": 16}
    audio = {"hidden_size": 32, "patch_embeds_hidden_size": 4, "depths": [1, 1, 1, 1], "num_hidden_layers": 4}
    audio |= {"num_attention_heads": [1, 1, 2, 2], "window_size": 8, "spec_size": 256, "projection_dim": 16}
    config = ClapConfig(text_config=text, audio_config=audio, projection_dim=16)
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", None, [("<s>", 0), ("</s>", 2)])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>")
    fast.model_max_length = 32
    path = tmp_path_factory.mktemp("clap")
    ClapModel(config).save_pretrained(path)
    ClapProcessor(ClapFeatureExtractor(truncation="rand_trunc"), fast).save_pretrained(path)
    return path


def test_pieces_of_ten_seconds_have_embeddings_of_length_one(folder: Path) -> None:
    clap = load_clap(str(folder))
    sound = np.random.default_rng(0).normal(size=23 * SAMPLE_RATE_HZ).astype(np.float32) * 0.1
    embeddings, classes = clap.embed(sound)
    assert embeddings.shape == (3, 16)
    assert classes is None
    assert np.linalg.norm(embeddings, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert clap.embed(sound[: 10 * SAMPLE_RATE_HZ + 9])[0].shape == (1, 16)  # nine samples are no piece of their own


def test_similarity_is_the_cosine_of_the_two_embeddings(folder: Path) -> None:
    clap = load_clap(str(folder))
    sound = np.sin(np.arange(4 * SAMPLE_RATE_HZ) * 0.05).astype(np.float32)
    text = clap.embed_texts(["a slow sad piano tune"])[0]
    found = clap.similarity(sound, "a slow sad piano tune")
    assert found == pytest.approx(float(clap.embed(sound)[0][0] @ text), abs=1e-5)
    assert -1 <= found <= 1
    assert found != pytest.approx(clap.similarity(sound, "happy"), abs=1e-6)


def test_a_model_that_is_not_here_or_no_clap_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelMissingError, match="not on this machine"):
        load_clap("nobody/no-such-clap")
    with pytest.raises(ModelMissingError, match="not on this machine"):
        load_clap(str(tmp_path))
