"""The paper's classifier on a tiny ResNet of the real class: checkpoints by name, the hub's backbone, refusals."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hub_models import put_in_cache, use_cache
from transformers import ResNetConfig, ResNetModel

from pipelines import models
from pipelines.catalogue import paper_entry
from pipelines.chain import emotion_step
from pipelines.emotion import EmotionSource, open_readers
from pipelines.emotion_resnet import checkpoint_path, classifier_on, open_resnet, prepare, save_classifier
from pipelines.errors import ModelFailedError, ModelMissingError
from pipelines.records import LABELS, Picture

TINY = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")


def picture(seed: int = 0) -> Picture:
    return Picture(np.random.default_rng(seed).integers(0, 256, (40, 60, 3)).astype(np.uint8), "noise.png", "")


def tiny():
    torch.manual_seed(1)
    return classifier_on(ResNetModel(TINY)).eval()


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    save_classifier(tmp_path / "mine.safetensors", tiny(), with_backbone=True)
    return tmp_path / "mine.safetensors"


def test_a_checkpoint_reads_as_the_classifier_that_was_saved(checkpoint: Path) -> None:
    reader = open_resnet(str(checkpoint))
    read = reader.read(picture())
    with torch.inference_mode():
        said = tiny()(prepare(picture().rgb, side_px=224))
    assert read.valence == pytest.approx(float(said.va[:, 0].mean()), abs=0.02)  # the backbone was kept in 16 bits
    assert read.arousal == pytest.approx(float(said.va[:, 1].mean()), abs=0.02)
    assert sum(read.probabilities) == pytest.approx(1.0)
    assert read.label in LABELS
    assert reader.made_by == "ResNet-50 classifier mine"


def test_a_mirrored_picture_reads_the_same(checkpoint: Path) -> None:
    reader = open_resnet(str(checkpoint))
    mirrored = Picture(np.ascontiguousarray(picture().rgb[:, ::-1]), "mirrored.png", "")
    assert reader.read(mirrored).valence == pytest.approx(reader.read(picture()).valence, abs=1e-4)


def test_a_head_alone_sits_on_the_hubs_backbone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_cache(monkeypatch, tmp_path / "cache")
    whole = tiny()
    save_classifier(tmp_path / "head.safetensors", whole, with_backbone=False)
    cure = "backbone microsoft/resnet-50 is not .*; fetch it with `python -m pipelines fetch microsoft/resnet-50`"
    with pytest.raises(ModelFailedError, match=cure):
        open_resnet(str(tmp_path / "head.safetensors"))
    put_in_cache(tmp_path / "cache", paper_entry("emotion").hub_id or "", whole.backbone.save_pretrained)
    with torch.inference_mode():
        said = whole(prepare(picture().rgb, side_px=224))
    read = open_resnet(str(tmp_path / "head.safetensors")).read(picture())
    assert read.valence == pytest.approx(float(said.va[:, 0].mean()), abs=1e-4)


def test_a_trained_classifier_in_assets_is_taken_by_itself(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "WEIGHTS_DIR", checkpoint.parent)
    assert len(open_readers(EmotionSource("auto", "mine"))) == 2  # and the embedded one behind it
    with pytest.raises(
        ModelMissingError, match=r"emotion_resnet50 has not been trained.*emotion_resnet50\.safetensors"
    ):
        open_readers(EmotionSource("paper"))
    checkpoint.rename(checkpoint.with_stem("emotion_resnet50"))
    step = emotion_step(picture(), {}, EmotionSource("auto"))
    assert step is not None
    assert (step.made_by, step.licence) == ("ResNet-50 classifier", paper_entry("emotion").licence)
    assert checkpoint_path(None).name == paper_entry("emotion").weights  # one name in both places
    (embedded,) = open_readers(EmotionSource("embedded"))
    assert "embedded" in embedded().made_by


def test_a_checkpoint_is_found_with_its_suffix_and_without(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = str(checkpoint.with_suffix(""))
    assert checkpoint_path(bare) == checkpoint_path(str(checkpoint)) == checkpoint
    monkeypatch.setattr(models, "WEIGHTS_DIR", checkpoint.parent)
    assert checkpoint_path("mine") == checkpoint_path("mine.safetensors") == checkpoint
    for name in ("foo", "foo.safetensors"):
        with pytest.raises(ModelMissingError, match=r"no file foo\.safetensors, neither here nor in assets/weights"):
            checkpoint_path(name)


@pytest.mark.parametrize("backbone_id", ["a b", "a--b/c", "", 3, None])
def test_a_malformed_backbone_is_refused(tmp_path: Path, backbone_id: object) -> None:
    path = tmp_path / "odd.safetensors"
    save_classifier(path, tiny(), with_backbone=False)
    tensors, config = models.load_weights(path)
    models.save_weights(path, tensors, config | {"classifier": {"backbone_id": backbone_id}})
    with pytest.raises(ModelFailedError, match=r"odd\.safetensors cannot be loaded; train it again or name another"):
        open_resnet(str(path))


@pytest.mark.parametrize("odd", [{"backbone_id": 3}, {"side_px": 0}, {"side_px": "224"}, {"side_px": 10**6}])
def test_a_malformed_configuration_is_refused_even_with_the_backbone(checkpoint: Path, odd: dict[str, object]) -> None:
    tensors, config = models.load_weights(checkpoint)
    models.save_weights(checkpoint, tensors, config | {"classifier": config["classifier"] | odd})
    with pytest.raises(ModelFailedError, match=r"mine\.safetensors cannot be loaded; train it again or name another"):
        open_resnet(str(checkpoint))


def test_a_damaged_checkpoint_gives_way_to_the_embedded_reader_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "bad.safetensors").write_bytes(b"nothing")
    step = emotion_step(picture(), {}, EmotionSource("auto", str(tmp_path / "bad.safetensors")))
    assert step is not None
    assert step.made_by == "embedded EfficientNet-lite reader"
    assert "bad.safetensors (7 bytes) are damaged" in step.note
    with pytest.raises(ModelFailedError, match="damaged"):
        emotion_step(picture(), {}, EmotionSource("paper", str(tmp_path / "bad.safetensors")))


def test_weights_of_another_kind_are_refused(tmp_path: Path) -> None:
    models.save_weights(tmp_path / "other.safetensors", {"w": torch.zeros(2)}, {"kind": "composer"})
    with pytest.raises(ModelFailedError, match="holds no emotion classifier"):
        open_resnet(str(tmp_path / "other.safetensors"))


def test_a_network_that_gives_no_numbers_is_refused(tmp_path: Path) -> None:
    broken = tiny()
    with torch.no_grad():
        broken.head.connect.bias.fill_(float("nan"))
    save_classifier(tmp_path / "nan.safetensors", broken, with_backbone=True)
    with pytest.raises(ModelFailedError, match="gave no numbers"):
        open_resnet(str(tmp_path / "nan.safetensors")).read(picture())
