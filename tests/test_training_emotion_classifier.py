"""The paper's classifier trained on pictures whose colour is their label, on a tiny ResNet of the real class."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import ResNetConfig, ResNetModel

from pipelines.emotion_features import _stages, load_backbone
from pipelines.emotion_features import prepare as prepare_lite
from pipelines.emotion_resnet import ClassifierConfig, classifier_on, open_resnet, prepare, save_classifier
from pipelines.errors import DataMissingError, ModelMissingError, SettingsError
from pipelines.picture import read_picture
from pipelines.records import LABELS, Picture
from training import emotion_classifier_run
from training.data.label_folders import PICTURE_SUFFIXES, load_label_folders, unrated
from training.data.pair_plan import _by_cell
from training.emotion_backbones import EfficientNetLite, classifier_config, open_backbone
from training.emotion_classifier import main
from training.emotion_classifier_fit import ClassifierSettings, calibrate, label_weights, loss_of, predict
from training.emotion_classifier_run import open_run
from training.emotion_pictures import Batch, look, split_pictures, vary

TINY = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
COLOURS = {
    "Happy": (230, 200, 40),
    "Angry": (200, 30, 30),
    "Sad": (30, 50, 160),
    "Fun": (220, 60, 200),
    "Neutral": 3 * (128,),
}
SMALL = ClassifierSettings(
    backbone="resnet50", looks=2, frozen_epochs=2, tuned_epochs=2, batch_size=16, head_rate=5e-3, mixup=0.2
)
NEVER = bool  # bool() is False


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """In the place of ResNet-50 one of 16 channels, always of the same weights, on pictures of 32 pixels a side."""
    small = ClassifierConfig(side_px=32)
    monkeypatch.setattr(emotion_classifier_run, "open_backbone", lambda *args, **options: ResNetModel(TINY))
    monkeypatch.setattr(emotion_classifier_run, "classifier_config", lambda *args, **options: small)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for label, colour in COLOURS.items():
        (root / label).mkdir()
        for i in range(14):
            noisy = np.clip(np.array(colour) + rng.normal(0, 30, (24, 32, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(noisy).save(root / label / f"{i}.png")
    return root


@pytest.fixture(scope="module")
def sets(folder):
    return split_pictures(load_label_folders(folder, suffixes=PICTURE_SUFFIXES), seed=0)


def tensors(run) -> torch.Tensor:
    return torch.cat([t.flatten().float() for t in run.classifier.state_dict().values()])


def test_pictures_are_split_by_label(sets):
    assert {split: len(own) for split, own in sets.items()} == {"train": 60, "validation": 5, "test": 5}
    assert sorted(sets["test"].labels) == [0, 1, 2, 3, 4]
    glad = [item for own in sets.values() for item in own.items if item.label != "Sad"]
    with pytest.raises(DataMissingError, match="validation pictures lack Sad"):
        split_pictures([*glad, unrated(glad[0].path, "Sad", origin="the only one")], seed=0)


def test_the_splits_are_those_of_the_pairs(folder, sets):
    items = load_label_folders(folder, suffixes=PICTURE_SUFFIXES)
    cells = _by_cell(items, [1.0] * len(items), seed=0)
    for split, own in sets.items():
        assert {item.path for label in LABELS for item in cells[label, split]} == {item.path for item in own.items}


def test_the_loop_learns_and_its_checkpoint_reads_pictures(folder, tmp_path, capsys):
    options = ["--backbone", "resnet50", "--pictures", str(folder), "--run", str(tmp_path), "--seed", "0"]
    more = ["--frozen-epochs", "8", "--tuned-epochs", "2", "--batch-size", "8", "--head-rate", "0.005"]
    assert main([*options, *more]) == 0
    assert "| true \\ said | Happy |" in capsys.readouterr().out
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert log[-1]["stage"] == "tuned"
    assert min(row["validation"] for row in log) < 0.6 * log[0]["validation"]
    reader = open_resnet(str(tmp_path / "classifier.safetensors"))
    right = [reader.read(read_picture(folder / label / "0.png")).label == label for label in LABELS]
    assert sum(right) >= 4


def test_a_run_that_was_stopped_goes_on_with_the_same_numbers(sets, tmp_path):
    whole = open_run(tmp_path / "whole", SMALL, sets)
    whole.fit(NEVER)
    assert (whole.epochs_done, whole.done) == (4, True)
    for asked in (2, 7, 11, 14):  # batches until the process is asked to end: within an epoch, in both stages
        run = open_run(tmp_path / "parts", SMALL, sets)
        left = iter(range(asked))
        run.fit(lambda left=left: next(left, None) is None)
    last = open_run(tmp_path / "parts", SMALL, sets)
    last.fit(NEVER)
    assert torch.equal(tensors(last), tensors(whole))
    logs = [(tmp_path / name / "log.jsonl").read_text() for name in ("whole", "parts")]
    assert logs[0] == logs[1]


def test_a_run_of_other_settings_is_refused(sets, tmp_path):
    open_run(tmp_path, SMALL, sets).save()
    with pytest.raises(SettingsError, match=r"has mixup 0\.2; use another folder"):
        open_run(tmp_path, replace(SMALL, mixup=0.0), sets)


def test_a_run_on_other_pictures_is_refused(sets, tmp_path):
    open_run(tmp_path, SMALL, sets).save()
    open_run(tmp_path, SMALL, sets)
    with pytest.raises(SettingsError, match="is of other pictures; use another folder"):
        open_run(tmp_path, SMALL, sets | {"train": sets["test"], "test": sets["train"]})


def test_where_tuning_did_not_help_the_backbone_is_as_it_came(sets, tmp_path):
    run = open_run(tmp_path, replace(SMALL, backbone_rate=1.0), sets)
    before = {name: tensor.clone() for name, tensor in run.classifier.backbone.state_dict().items()}
    run.fit(NEVER)
    assert not all(torch.equal(before[n], t) for n, t in run.classifier.backbone.state_dict().items())
    again = open_run(tmp_path, replace(SMALL, backbone_rate=1.0), sets)
    for each in (run, again):
        each.take_best()
        assert not each.tuned
        assert all(torch.equal(before[n], t) for n, t in each.classifier.backbone.state_dict().items())
        assert each.validation_loss() == pytest.approx(each.best_loss, rel=0.02)  # features were kept in 16 bits


def test_the_frozen_stage_leaves_the_backbone_and_the_tuned_stage_moves_it(sets, tmp_path):
    run = open_run(tmp_path, replace(SMALL, tuned_epochs=1), sets)
    before = {name: tensor.clone() for name, tensor in run.classifier.backbone.state_dict().items()}
    counted = iter(range(10))
    run.fit(lambda: run.stage == "tuned" or next(counted, None) is None)
    assert all(torch.equal(before[n], t) for n, t in run.classifier.backbone.state_dict().items())
    run.fit(NEVER)
    after = run.classifier.backbone.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert any("convolution" in name for name in moved)
    assert not any("running" in name for name in moved)  # the statistics stay


def test_early_stopping_ends_a_stage(sets, tmp_path):
    run = open_run(tmp_path, replace(SMALL, frozen_epochs=30, tuned_epochs=0, patience=2, head_rate=1.0), sets)
    run.fit(NEVER)
    log = [json.loads(line)["validation"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert len(log) == int(np.argmin(log)) + 1 + 2 < 30
    assert run.best_loss == min(log)


def test_weights_of_labels_are_by_rarity_with_a_mean_of_1(sets):
    items = [item for item in sets["train"].items if item.label in ("Happy", "Sad")][:20]
    pictures = replace(sets["train"], items=tuple(items), images=sets["train"].images[:20])
    happy, sad = (pictures.labels == 0).sum(), (pictures.labels == 2).sum()
    weights = label_weights(pictures, rarity=1.0)
    assert weights[[1, 3, 4]].tolist() == [0, 0, 0]
    assert float(weights[0] * happy) == pytest.approx(float(weights[2] * sad))
    assert float(weights[pictures.labels].mean()) == pytest.approx(1)


def test_the_loss_passes_over_points_that_nobody_rated():
    from pipelines.emotion_head import HeadOutput

    said = HeadOutput(torch.zeros(2, 5), torch.full((2, 2), 5.0), torch.zeros(2, 2))
    va = torch.tensor([[7.0, 5.0], [1.0, 1.0]])
    batch = Batch(torch.zeros(2, 1), torch.eye(5)[[0, 1]], va, torch.tensor([1.0, 0.0]))
    chance = np.log(5)
    assert float(loss_of(said, batch, torch.ones(5), SMALL)) == pytest.approx(
        chance + 0.5 * (4 / 2) / 4 + 0.1 * 0.5 * 4 / 2, rel=1e-5
    )
    unrated_batch = replace(batch, rated=torch.zeros(2))
    assert float(loss_of(said, unrated_batch, torch.ones(5), SMALL)) == pytest.approx(chance, rel=1e-5)


def test_mixing_keeps_sums_and_none_changes_nothing():
    batch = Batch(torch.randn(6, 3), torch.eye(5)[[0, 1, 2, 3, 4, 0]], torch.rand(6, 2), torch.ones(6))
    mixed = batch.mixed(0.4, np.random.default_rng(0))
    assert torch.allclose(mixed.shares.sum(1), torch.ones(6))
    assert torch.allclose(mixed.seen.sum(0), batch.seen.sum(0), atol=1e-5)
    assert batch.mixed(0, np.random.default_rng(0)) is batch


def test_variations_are_mild_and_drawn_by_the_seed():
    rgb = np.full((60, 80, 3), 120, np.uint8)
    first, again = (vary(rgb, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first, again)
    for seed in range(20):
        varied = vary(rgb, np.random.default_rng(seed))
        assert 0.68 <= varied.shape[0] * varied.shape[1] / 4800 <= 1
        assert 100 <= varied.mean() <= 140


def test_the_first_look_is_at_the_pictures_as_they_are(sets):
    seen = look(sets["test"], lambda x: x.flatten(2), looks=2, size=2, side_px=8, rng=np.random.default_rng(0))
    assert seen.features.shape == (2, 5, 3, 64)
    plain = next(sets["test"].batches(5, side_px=8, rng=None)).seen.flatten(2)
    assert torch.equal(next(seen.batches(5, rng=None)).seen, plain.half().float())
    assert not torch.equal(seen.features[0], seen.features[1])


def test_calibration_is_kept_in_the_head(sets, tmp_path):
    run = open_run(tmp_path, SMALL, sets)
    cpu = torch.device("cpu")
    logits = predict(run.classifier, sets["test"], SMALL, device=cpu)
    temperature = calibrate(run.classifier, logits, sets["test"].labels)
    after = predict(run.classifier, sets["test"], SMALL, device=cpu)
    odds = [np.exp(x - x.max(1, keepdims=True)) for x in (logits / temperature, after)]
    np.testing.assert_allclose(*(x / x.sum(1, keepdims=True) for x in odds), atol=1e-4)


def test_efficientnet_gives_the_embedded_networks_own_stages():
    rgb = np.random.default_rng(0).integers(0, 256, (50, 70, 3)).astype(np.uint8)
    backbone = EfficientNetLite(0).eval()
    with torch.no_grad():
        found = backbone(prepare(rgb, side_px=224)).last_hidden_state
        stages, _ = _stages(load_backbone(0), prepare_lite(rgb, side_px=224))
    torch.testing.assert_close(found, torch.cat(stages[-2:], dim=1), atol=2e-3, rtol=2e-3)
    assert backbone.config.to_dict() == {"variant": 0, "hidden_sizes": [512], "model_type": "efficientnet-lite"}
    assert not any(parameter.requires_grad for parameter in load_backbone(0).parameters())  # the app's is left alone
    assert classifier_config("efficientnet", variant=2).side_px == 260


def test_backbones_that_are_not_there_are_named(tmp_path):
    with pytest.raises(SettingsError, match="choose one of resnet50, efficientnet"):
        open_backbone("vgg")
    with pytest.raises(ModelMissingError, match=r"fetch owner/none`, or choose --backbone efficientnet"):
        open_backbone("resnet50", weights="owner/none")
    with pytest.raises(SettingsError, match="takes no other weights; choose resnet50 for 'random'"):
        open_backbone("efficientnet", weights="random")
    ResNetModel(TINY).save_pretrained(tmp_path)
    assert open_backbone("resnet50", weights=str(tmp_path)).config.hidden_sizes == [8, 16]
    assert classifier_config("resnet50", weights=str(tmp_path)).backbone_id == tmp_path.name  # no path of this machine


def test_a_command_that_was_stopped_says_so(folder, tmp_path, monkeypatch, capsys):
    options = ["--pictures", str(folder), "--run", str(tmp_path), "--weights", "random", "--backbone", "resnet50"]
    monkeypatch.setattr(emotion_classifier_run.ClassifierRun, "fit", lambda run, stop: None)  # as after a signal
    assert main(options) == 130
    assert json.loads(capsys.readouterr().err.splitlines()[-1]) == {"stopped": str(tmp_path), "epochs": 0}
    assert not (tmp_path / "report.md").exists()


def test_mistakes_are_said_and_exit_with_2(folder, tmp_path, capsys):
    assert main(["--pictures", str(folder), "--run", str(tmp_path), "--patience", "0"]) == 2
    assert "patience cannot be 0" in capsys.readouterr().err
    assert main(["--pictures", str(folder), "--run", str(tmp_path), "--head-rate", "-1"]) == 2
    assert "head rate cannot be -1" in capsys.readouterr().err
    assert main(["--pictures", "nowhere", "--run", str(tmp_path)]) == 2
    assert "'nowhere'" in capsys.readouterr().err


@pytest.mark.large
def test_full_size_resnet_50_of_random_weights_goes_through_both_stages(sets, tmp_path, monkeypatch):
    monkeypatch.setattr(emotion_classifier_run, "open_backbone", open_backbone)
    few = {split: replace(own, items=own.items[:8], images=own.images[:8]) for split, own in sets.items()}
    settings = ClassifierSettings(
        backbone="resnet50", looks=1, frozen_epochs=2, tuned_epochs=1, batch_size=4, mixup=0.0
    )
    run = open_run(tmp_path, settings, few, weights="random")
    assert sum(parameter.numel() for parameter in run.classifier.backbone.parameters()) == 23_508_032
    run.fit(NEVER)
    assert (run.epochs_done, run.done) == (3, True)
    assert np.isfinite(run.best_loss)


def test_a_classifier_on_the_embedded_backbone_is_read_by_the_pipeline(tmp_path: Path) -> None:
    """Head alone, and with a tuned backbone: the pipeline's reader says what the trained network says."""
    torch.manual_seed(0)
    classifier = classifier_on(open_backbone("efficientnet"), classifier_config("efficientnet")).eval()
    rgb = np.random.default_rng(0).integers(0, 255, (120, 90, 3), dtype=np.uint8)
    for with_backbone in (False, True):
        path = tmp_path / f"lite_{with_backbone}.safetensors"
        save_classifier(path, classifier, with_backbone=with_backbone)
        reader = open_resnet(str(path))
        assert reader.made_by == f"EfficientNet-lite classifier under the paper's head {path.stem}"
        with torch.inference_mode():
            valence = float(classifier(prepare(rgb, side_px=224)).va.mean(0)[0])
        assert reader.read(Picture(rgb, "noise", "0")).valence == pytest.approx(min(9.0, max(1.0, valence)), abs=0.02)
