"""The paper's networks as composers: tiny real ones, saved and loaded, asked by the chain."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipelines import catalogue
from pipelines.errors import ModelFailedError, SettingsError, StoppedError, WeightsError
from pipelines.hearing import hear_points
from pipelines.records import Emotion, Picture, Score
from pipelines.symbolic import SymbolicSettings, paper_composer, run
from pipelines.symbolic.paper_composer import PaperSettings, compose
from pipelines.symbolic.paper_model import Size, build, model_spec
from pipelines.symbolic.tokens import END, PAD, START

pytest.importorskip("tensorflow", reason="the paper's networks run on it")
VOCABULARY = (
    PAD,
    START,
    END,
    "100.0@tempo",
    "4/4@time",
    "C4@0.5",
    "E4@0.5",
    "G4@1.0",
    "0.4.7@2.0",
    "9.0.4@2.0",
    "r@0.5",
)
HAPPY = Emotion.at(7.5, 6.5)
ROWS = {"paper": "Trans_enc2_dec2", "causal": "Causal_enc3"}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    import keras

    keras.utils.set_random_seed(0)
    folder = tmp_path_factory.mktemp("networks")
    size = Size(width=16, heads=2, dropout=0.0, longest=48)
    found = {}
    for name, row in ROWS.items():
        model = build(model_spec(row), VOCABULARY, image_encoder="lite0", image_width=1280, size=size)
        found[name] = folder / f"{name}.keras"
        model.save(found[name])
    return found


@pytest.fixture(autouse=True)
def tiny(weights: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, path in weights.items():
        entry = replace(catalogue.COMPOSERS[name], weights=str(path))
        monkeypatch.setitem(catalogue.COMPOSERS, name, entry)


@pytest.fixture(scope="module")
def picture() -> Picture:
    rgb = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    return Picture(rgb, "noise.png", "0" * 64)


@pytest.mark.parametrize("name", ROWS)
def test_the_piece_heard_nearest_to_the_emotion_is_played(name: str, picture: Picture) -> None:
    settings = PaperSettings(composer=name, seed=3, candidates=4)
    chosen = compose(picture, HAPPY, settings)
    network = paper_composer.load_network(name)
    drawn = paper_composer._draw(network, picture, HAPPY, settings, lambda: False)
    music = [score for score in drawn if len(score.notes) >= paper_composer.LEAST_NOTES]
    distances = np.hypot(*(hear_points(music) - [HAPPY.valence, HAPPY.arousal]).T)
    assert chosen.notes == music[int(distances.argmin())].notes
    assert len(music) > 1
    assert compose(picture, HAPPY, settings).notes == chosen.notes  # the same seed, the same piece
    assert compose(picture, HAPPY, replace(settings, seed=4)).notes != chosen.notes


def test_only_the_causal_network_does_without_a_picture() -> None:
    assert compose(None, HAPPY, PaperSettings(composer="causal", candidates=2)).notes
    with pytest.raises(SettingsError, match="plays from a picture"):
        compose(None, HAPPY, PaperSettings(composer="paper"))


def test_the_causal_network_hears_the_emotion_that_was_moved(picture: Picture) -> None:
    network, settings = paper_composer.load_network("causal"), PaperSettings(composer="causal", candidates=3, seed=1)
    happy, sad = (
        [score.notes for score in paper_composer._draw(network, picture, emotion, settings, lambda: False)]
        for emotion in (HAPPY, Emotion.at(2.0, 2.0))
    )
    assert happy != sad


def test_the_chain_plays_it_and_names_who_composed(picture: Picture) -> None:
    settings = SymbolicSettings(duration_s=10, composer="causal", seed=2)
    steps = list(run(picture, settings, {"emotion": HAPPY}))
    final = {step.name: step for step in steps if step.final}
    score: Score = final["score"].value
    assert final["score"].made_by == "a causal variant of the symbolic paper's network, trained here"
    assert "EIMG" in final["score"].licence
    assert final["audio"].value.duration_s >= score.duration_s
    assert 1 <= final["heard"].value.valence <= 9
    assert (score.tonic, score.mode) in ((0, "major"), (9, "minor"))


def test_the_papers_models_take_the_papers_network() -> None:
    assert SymbolicSettings(models="paper").chosen_composer == "paper"
    assert SymbolicSettings(models="paper", composer="causal").chosen_composer == "causal"
    assert SymbolicSettings(models="auto").chosen_composer == "composer"
    with pytest.raises(SettingsError, match="choose one of composer, paper, causal"):
        SymbolicSettings(composer="nobody").check()


def test_it_stops_when_asked_and_refuses_what_it_cannot(
    picture: Picture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(StoppedError):
        compose(picture, HAPPY, PaperSettings(candidates=1), cancelled=lambda: True)
    with pytest.raises(SettingsError, match="at least 1"):
        compose(picture, HAPPY, PaperSettings(candidates=0))
    monkeypatch.setattr(paper_composer, "LEAST_NOTES", 1000)
    with pytest.raises(ModelFailedError, match="hardly a note"):
        compose(picture, HAPPY, PaperSettings(candidates=1))
    missing = replace(catalogue.COMPOSERS["causal"], weights=str(tmp_path / "none.keras"))
    monkeypatch.setitem(catalogue.COMPOSERS, "causal", missing)
    with pytest.raises(WeightsError, match=r"none\.keras is not in"):
        compose(picture, HAPPY, PaperSettings(candidates=1))
