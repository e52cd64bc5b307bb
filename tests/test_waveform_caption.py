import importlib.util
import json
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont

from pipelines.catalogue import entry_for
from pipelines.errors import StoppedError, WeightsError
from pipelines.models import load_weights, weights_path
from pipelines.records import LABELS, Emotion, Picture
from pipelines.waveform.caption import EmbeddedCaptioner, open_captioner
from pipelines.waveform.caption_concepts import CONCEPTS, NAMES, PATTERNS
from pipelines.waveform.caption_things import (
    MOST_CLAIMS,
    WEIGHTS,
    Knowledge,
    class_probabilities,
    class_scores,
    knowledge_from,
    load_knowledge,
)

EXAMPLES = Path(__file__).resolve().parent.parent / "assets" / "examples"
OASIS = Path(__file__).resolve().parents[2] / "shared" / "data" / "oasis" / "images"
ENTRY = entry_for("caption")
HAPPY = Emotion(7.5, 5.0, 1.0, 1.0, (1.0, 0.0, 0.0, 0.0, 0.0))


def picture_from(path):
    return Picture(np.asarray(Image.open(path).convert("RGB")).copy(), path.name, "0" * 64)


def plain(colour, shape=(60, 80)):
    return Picture(np.full((*shape, 3), colour, np.uint8), "plain.png", "0" * 64)


def knowledge(sure=0.5, perhaps=0.3):
    zeros = np.zeros((len(PATTERNS), 1000))
    limits = np.full(len(NAMES), sure), np.full(len(NAMES), perhaps)
    return Knowledge(zeros, np.zeros(len(PATTERNS)), *limits, np.zeros(1001))


def made(kind, seed, shape):
    """Pictures that show nothing, drawn here and not by the training's own code."""
    rng = np.random.default_rng(seed)
    height, width = shape
    y, x = np.mgrid[:height, :width] / max(shape)
    if kind == "colour noise":
        return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    if kind == "grey noise":
        return np.repeat(rng.integers(0, 256, (height, width, 1), dtype=np.uint8), 3, axis=2)
    if kind == "page":
        drawn = Image.new("RGB", (width, height), "white")
        pen, font = ImageDraw.Draw(drawn), ImageFont.load_default(13)
        for top in range(8, height - 16, 18):
            words = " ".join(rng.choice(["never", "music", "picture", "which", "is", "many"], width // 45))
            pen.text((8, top), words, fill="black", font=font)
        return np.asarray(drawn).copy()
    shares = {"gradient": x * rng.uniform() + y, "stripes": np.floor(x * rng.integers(4, 40)) % 2}[kind]
    shares = shares / shares.max()
    one, other = rng.uniform(0, 255, (2, 3))
    return np.rint(one + shares[..., None] * (other - one)).astype(np.uint8)


def told(scores, **options):
    values = np.zeros(len(NAMES))
    for name, score in scores.items():
        values[NAMES.index(name)] = score
    return [(thing.concept.name, thing.sure) for thing in knowledge(**options).things(values)]


@pytest.fixture(scope="module")
def captioner():
    return open_captioner(ENTRY)


def test_it_says_who_made_it(captioner):
    assert isinstance(captioner, EmbeddedCaptioner)
    assert (captioner.made_by, captioner.licence) == ("embedded captioner", ENTRY.licence)


@pytest.mark.parametrize(
    ("name", "claimed"), [("fun", "a balloon"), ("abstract", ""), ("neutral", ""), ("sad", ""), ("angry", "perhaps")]
)
def test_of_drawn_pictures_only_what_is_in_them_is_claimed(captioner, name, claimed):
    text = captioner.caption(picture_from(EXAMPLES / f"{name}.jpg"), HAPPY).text
    assert claimed in text
    named = [concept.phrase for concept in CONCEPTS if f"picture of {concept.phrase}." in text]
    assert named == ([claimed] if name == "fun" else [])


@pytest.mark.parametrize("label", LABELS)
def test_every_label_opens_the_caption(captioner, label):
    emotion = replace(HAPPY, probabilities=tuple(float(name == label) for name in LABELS))
    words = captioner.caption(picture_from(EXAMPLES / "happy.jpg"), emotion).text.split()
    assert words[0] in ("A", "An")
    assert label.lower() in [word.strip(",") for word in words[:5]]


def test_captions_are_sentences_of_15_to_45_words_for_any_picture(captioner):
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    pictures = [plain(0), plain(255), plain((200, 30, 30), (16, 900)), plain((10, 20, 90), (700, 40))]
    for picture in [*pictures, Picture(noise, "noise.png", "0" * 64)]:
        text = captioner.caption(picture, HAPPY).text
        assert 15 <= len(text.split()) <= 45
        assert text.endswith(".")
        assert all(sentence[0].isupper() for sentence in text.rstrip(".").split(". "))


@pytest.mark.parametrize("kind", ["colour noise", "grey noise", "gradient", "stripes", "page"])
def test_what_shows_nothing_is_neither_named_nor_guessed(captioner, kind):
    for seed, shape in enumerate([(200, 200), (224, 224), (200, 200), (300, 400)]):
        text = captioner.caption(Picture(made(kind, seed, shape), "made.png", "0" * 64), HAPPY).text
        assert [c.phrase for c in CONCEPTS if f"of {c.phrase}" in text or f"perhaps {c.phrase}" in text] == []
        assert " of " not in text.split(".")[0]


@pytest.mark.parametrize(
    ("colour", "words"),
    [
        (0, ", all black."),
        (255, ", all white."),
        (128, " picture, in one plain colour, grey."),
        ((200, 30, 30), " picture, in one plain colour, red."),
    ],
)
def test_one_plain_colour_is_told_as_such(captioner, colour, words):
    text = captioner.caption(plain(colour), HAPPY).text
    assert words in text
    assert "black and white" not in text
    assert "contrast" not in text
    assert "Nothing stands out from edge to edge" in text


def test_grey_noise_is_in_greys(captioner):
    for seed in range(3):
        text = captioner.caption(Picture(made("grey noise", seed, (200, 200)), "made.png", "0" * 64), HAPPY).text
        assert " in greys." in text


def test_captioning_can_be_stopped_between_views(captioner):
    asked = []

    def third_time() -> bool:
        asked.append(True)
        return len(asked) == 3

    with pytest.raises(StoppedError, match="Captioning was stopped"):
        captioner.caption(picture_from(EXAMPLES / "fun.jpg"), HAPPY, cancelled=third_time)
    assert len(asked) == 3


def test_the_format_is_told(captioner):
    assert "wide picture" in captioner.caption(plain((200, 30, 30), (16, 900)), HAPPY).text
    assert "upright picture" in captioner.caption(plain((10, 20, 90), (700, 40)), HAPPY).text


def test_the_same_picture_gives_the_same_caption_in_threads_too(captioner):
    picture = picture_from(EXAMPLES / "fun.jpg")
    found = []
    threads = [threading.Thread(target=lambda: found.append(captioner.caption(picture, HAPPY).text)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {captioner.caption(picture, HAPPY).text}


@pytest.mark.skipif(not OASIS.is_dir(), reason="OASIS is not beside the project")
@pytest.mark.parametrize(
    ("name", "claimed"),
    [
        ("dog_12", "a dog"),
        ("cat_8", "a cat"),
        ("snake_5", "a snake"),
        ("shark_3", "a shark"),
        ("neutral_face_2", "one or more people"),
        ("beach_1", "the sea"),
        ("galaxy_4", "a starry sky"),
        ("flowers_3", "flowers"),
    ],
)
def test_photographs_are_named(captioner, name, claimed):
    text = captioner.caption(picture_from(OASIS / f"{name}.jpg"), HAPPY).text
    assert claimed in text.split(".")[0]
    assert "perhaps" not in text.split(claimed)[0]


def test_groups_are_sums_of_classes_and_dogs_are_118_of_them():
    dog = CONCEPTS[NAMES.index("dog")]
    assert len(dog.classes) == 118
    logits = np.zeros((3, 1000))
    assert knowledge().scores(logits)[NAMES.index("dog")] == pytest.approx(0.118)
    assert knowledge().scores(logits)[NAMES.index("person")] == pytest.approx(0.5)
    assert class_probabilities(logits).sum() == pytest.approx(1)


def test_the_order_of_classes_is_that_of_imagenet():
    package = importlib.util.find_spec("gradio")
    path = Path(package.origin).parent / "media_assets" / "data" / "imagenet_labels.json" if package else Path("none")
    if not path.is_file():
        pytest.skip("gradio's list of ImageNet's classes is not installed")
    labels = json.loads(path.read_text())
    known = {
        "dog": ("Chihuahua", "Mexican hairless dog"), "cat": ("tabby cat", "Egyptian Mau"), "sea": ("seashore",),
        "lion": ("lion",), "snake": ("worm snake", "sidewinder"), "balloon": ("balloon",), "gun": ("revolver", "rifle"),
        "fence": ("picket fence", "split-rail fence"), "shark": ("great white shark", "hammerhead shark"),
        "sailing boat": ("yawl", "catamaran"), "car": ("convertible", "sports car"), "bird": ("cock", "king penguin"),
        "mountain": ("alp", "valley"), "candle": ("candle",), "fruit": ("Granny Smith", "pomegranate"),
    }  # fmt: skip
    for name, expected in known.items():
        assert set(expected) <= {labels[index] for index in CONCEPTS[NAMES.index(name)].classes}
    assert "grey wolf" not in {labels[index] for index in CONCEPTS[NAMES.index("dog")].classes}


def test_concepts_are_well_formed():
    assert len(set(NAMES)) == len(NAMES)
    for concept in CONCEPTS:
        assert set(concept.over) <= set(NAMES) - {concept.name}
        assert len(set(concept.classes)) == len(concept.classes)
        assert all(0 <= index < 1000 for index in concept.classes)


def test_where_nothing_is_shown_nothing_is_seen():
    logits = np.zeros((3, 1000))
    logits[:, 160] = 20
    some, none = knowledge(), replace(knowledge(), nothing=np.append(np.zeros(1000), 1.0))
    assert ("dog", True) in [(thing.concept.name, thing.sure) for thing in some.seen(logits)]
    assert none.seen(logits) == []


def test_what_says_more_makes_the_rest_needless():
    assert told({"dog": 0.8, "animal": 0.9}) == [("dog", True)]
    assert told({"sailing boat": 0.6, "boat": 0.7, "water": 0.9, "sunset": 0.8}) == [
        ("sunset", True),
        ("sailing boat", True),
    ]


def test_a_guess_lies_between_the_thresholds():
    assert told({"dog": 0.29}) == []
    assert told({"dog": 0.3}) == [("dog", False)]
    assert told({"dog": 0.5}) == [("dog", True)]
    assert told({"dog": 0.4, "animal": 0.9}) == [("animal", True), ("dog", False)]
    assert told({"dog": 0.45, "cat": 0.4}) == [("dog", False)]


def test_no_more_than_three_things_are_claimed():
    found = told({"person": 0.9, "dog": 0.8, "sunset": 0.7, "sea": 0.6, "tent": 0.4})
    assert found == [("person", True), ("dog", True), ("sunset", True)]
    assert len(found) == MOST_CLAIMS


def test_the_shipped_thresholds_are_in_order():
    shipped = load_knowledge()
    assert (shipped.perhaps <= shipped.sure).all()
    assert shipped.perhaps.min() >= 0.25 - 1e-6
    assert shipped.sure.min() >= 0.42 - 1e-6
    assert load_knowledge() is shipped


def test_class_scores_have_a_row_for_each_view_and_ignore_mirroring():
    picture = picture_from(EXAMPLES / "fun.jpg")
    scores = class_scores(picture.rgb)
    assert scores.shape == (3, 1000)
    np.testing.assert_allclose(class_scores(picture.rgb[:, ::-1].copy()), scores, atol=0.3)


def test_weights_of_another_version_are_refused(tmp_path):
    tensors, config = load_weights(weights_path(WEIGHTS))
    with pytest.raises(WeightsError, match="other concepts or views"):
        knowledge_from(tensors, config | {"concepts": list(NAMES[1:])})
    with pytest.raises(WeightsError, match="other concepts or views"):
        knowledge_from(tensors, config | {"views": [[0, 224]]})
    with pytest.raises(WeightsError, match=r"other shapes.*python -m training\.caption"):
        knowledge_from(tensors | {"bias": torch.zeros(1)}, config)
    with pytest.raises(WeightsError, match=r"none\.safetensors are not in"):
        load_knowledge(weights=tmp_path / "none.safetensors")
