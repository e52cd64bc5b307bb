import threading

import pytest
from hub_models import put_in_cache, use_cache
from tiny_blip import (
    BLUE,
    RED,
    feeling,
    plain,
    save_tiny_blip,
    tiny_processor,
)

from pipelines.catalogue import paper_entry
from pipelines.errors import ModelFailedError, ModelMissingError, StoppedError
from pipelines.models import forget
from pipelines.records import LABELS
from pipelines.waveform.caption import open_captioner
from pipelines.waveform.caption_blip import BlipCaptioner, tidy, without_repeats

ENTRY = paper_entry("caption")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub")
    put_in_cache(folder, ENTRY.hub_id, save_tiny_blip)
    return folder


@pytest.fixture
def captioner(cache, monkeypatch):
    use_cache(monkeypatch, cache)
    return open_captioner(ENTRY)


@pytest.fixture
def copied(cache, tmp_path, monkeypatch):
    """A snapshot of the tiny model that a test may break."""
    folder = put_in_cache(tmp_path, ENTRY.hub_id, lambda _: None)
    for file in next((cache / folder.parents[1].name / "snapshots").iterdir()).iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    use_cache(monkeypatch, tmp_path)
    return folder


def test_the_paper_s_captioner_says_what_it_sees_after_the_label(captioner):
    assert isinstance(captioner, BlipCaptioner)
    assert (captioner.made_by, captioner.licence) == ("BLIP large", "BSD-3-Clause")
    assert captioner.caption(plain(RED), feeling("Sad")).text == "Sad dog sitting near the red house."
    assert captioner.caption(plain(BLUE), feeling("Sad")).text == "Sad quiet boat on a blue sea."
    assert captioner.caption(plain(BLUE), feeling("Happy")).text == "Happy quiet boat on a blue sea."


@pytest.mark.parametrize("label", LABELS)
def test_every_label_heads_the_caption_once(captioner, label):
    text = captioner.caption(plain(RED), feeling(label)).text
    assert text == f"{label} dog sitting near the red house."


def test_the_same_picture_gives_the_same_caption_in_threads_too(captioner):
    found = []
    ask = lambda: found.append(captioner.caption(plain(BLUE), feeling("Fun")).text)  # noqa: E731
    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["Fun quiet boat on a blue sea."] * 3


def test_it_can_be_stopped_at_each_word(captioner):
    asked = []

    def stop() -> bool:
        asked.append(True)
        return len(asked) == 4

    with pytest.raises(StoppedError, match="Captioning was stopped"):
        captioner.caption(plain(RED), feeling("Sad"), cancelled=stop)
    assert len(asked) == 4
    with pytest.raises(StoppedError):
        captioner.caption(plain(RED), feeling("Sad"), cancelled=lambda: True)
    assert captioner.caption(plain(RED), feeling("Sad")).text == "Sad dog sitting near the red house."


def test_it_is_loaded_once(captioner):
    assert open_captioner(ENTRY).model is captioner.model


def test_any_shape_is_captioned(captioner):
    assert captioner.caption(plain(BLUE, (16, 300)), feeling("Fun")).text == "Fun quiet boat on a blue sea."


def test_a_model_that_is_not_here_is_said(tmp_path, monkeypatch):
    use_cache(monkeypatch, tmp_path)
    with pytest.raises(ModelMissingError, match=r"Salesforce/blip-image-captioning-large.*not on this machine"):
        open_captioner(ENTRY)


@pytest.mark.parametrize(
    ("name", "content"),
    [("model.safetensors", b"broken"), ("config.json", b"{"), ("config.json", b'{"model_type": "gpt2"}')],
)
def test_broken_files_are_said(copied, name, content):
    (copied / name).write_bytes(content)
    with pytest.raises(ModelFailedError, match=r"BLIP large cannot be loaded \(\w+\); fetch it again") as caught:
        open_captioner(ENTRY)
    assert caught.value.__cause__ is not None


def test_a_missing_tokenizer_is_said(copied):
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        (copied / name).unlink(missing_ok=True)
    with pytest.raises(ModelFailedError, match="cannot be loaded"):
        open_captioner(ENTRY)


def test_weights_with_holes_are_refused_rather_than_filled_with_noise(copied):
    from safetensors.torch import load_file, save_file

    tensors = load_file(copied / "model.safetensors")
    holed = {name: tensor for name, tensor in tensors.items() if "layer.1." not in name}
    assert len(holed) < len(tensors)
    save_file(holed, copied / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelFailedError, match="cannot be loaded") as caught:
        open_captioner(ENTRY)
    assert "weights are missing" in str(caught.value.__cause__)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "too little memory for BLIP large"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "too little memory for BLIP large"),
        (ValueError("shape"), r"BLIP large failed at this picture \(ValueError\)"),
    ],
)
def test_a_model_that_breaks_at_work_is_said(captioner, monkeypatch, error, message):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(captioner.model, "generate", fail)
    with pytest.raises(ModelFailedError, match=message) as caught:
        captioner.caption(plain(RED), feeling("Sad"))
    assert caught.value.__cause__ is error


def test_a_model_that_says_nothing_is_refused(captioner, monkeypatch):
    import torch

    monkeypatch.setattr(captioner.model, "generate", lambda **_: torch.tensor([[7, 3]]))
    with pytest.raises(ModelFailedError, match="no words for this picture"):
        captioner.caption(plain(RED), feeling("Sad"))


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("sad man in a sailor's hat sitting at a table", "Sad man in a sailor's hat sitting at a table."),
        ("sad sad man sitting on a bench.", "Sad man sitting on a bench."),
        ("a man sitting on a bench", "Sad a man sitting on a bench."),
        ("sad araffe dog in the snow", "Sad dog in the snow."),
        ("sad rafting boat on a river", "Sad rafting boat on a river."),
        ("sad man with a hat and a hat and a hat and", "Sad man with a hat."),
        ("Sad  MAN under   the tree of the", "Sad man under the tree."),
    ],
)
def test_captions_are_tidied(said, text):
    assert tidy(said, prefix="sad") == text


@pytest.mark.parametrize(
    "said", ["", "sad", "sad man", "sad man man man man", "sad ##ing . , 5 5", "sad a b c d e", "sad \u4e2d\u6587 x"]
)
def test_what_is_no_caption_is_refused(said):
    with pytest.raises(ModelFailedError, match="BLIP found no words"):
        tidy(said, prefix="sad")


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("a man and a man and a dog", "a man and a dog"),
        ("very very very quiet", "very quiet"),
        ("a dog and a cat", "a dog and a cat"),
    ],
)
def test_repeats_of_several_words_are_left_out(words, kept):
    assert without_repeats(words.split()) == kept.split()


def save_full_size_blip(folder):
    """Random weights of BLIP large's very architecture, and the tiny tokenizer."""
    from transformers import BlipConfig, BlipForConditionalGeneration

    processor = tiny_processor(folder)
    processor.image_processor.size = {"height": 384, "width": 384}
    processor.save_pretrained(folder)
    vision = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
    config = BlipConfig(vision_config=vision | {"image_size": 384}, text_config={"encoder_hidden_size": 1024})
    BlipForConditionalGeneration(config).save_pretrained(folder)


@pytest.mark.large
def test_a_full_size_blip_loads_and_speaks(tmp_path, monkeypatch):
    use_cache(monkeypatch, tmp_path)
    folder = put_in_cache(tmp_path, ENTRY.hub_id, save_full_size_blip)
    captioner = open_captioner(ENTRY)
    assert (
        round(sum(weight.numel() for weight in captioner.model.parameters()) / 1e6) == 446
    )  # the word embeddings, tied, count once
    said = captioner._say(plain(RED), "sad")  # noise, by random weights, but after the prefix
    assert said.startswith("sad")
    forget(f"caption:{folder}")
