import threading

import pytest
import torch
from hub_models import put_in_cache, use_cache

from pipelines import models
from pipelines.catalogue import EMBEDDED, PAPER, entry_for, paper_entry
from pipelines.errors import ModelMissingError, SettingsError, WeightsError


def test_every_role_of_the_symbolic_chain_has_an_embedded_model():
    for role in ("emotion", "hearing", "hearing_audio", "composer"):
        entry = entry_for(role)
        assert entry.role == role
        assert entry.embedded
        assert entry.weights.endswith(".safetensors")
        assert 0 < entry.size_mb <= 25


def test_every_step_of_the_waveform_chain_has_a_papers_model_and_an_embedded_one():
    for role in ("emotion", "caption", "prompt", "audio"):
        assert paper_entry(role).hub_id
        assert not paper_entry(role).embedded
        assert entry_for(role).embedded


def test_every_entry_says_who_makes_it_and_under_which_licence():
    for role, entry in (*EMBEDDED.items(), *PAPER.items()):
        assert entry.role == role
        assert entry.made_by
        assert entry.licence
    names = [entry.made_by for entry in (*EMBEDDED.values(), *PAPER.values())]
    assert len(set(names)) == len(names)  # a stand-in never passes for the real model


def test_auto_takes_the_papers_model_only_where_it_is_here(tmp_path, monkeypatch):
    use_cache(monkeypatch, tmp_path)
    assert models.choose("caption", "auto") == entry_for("caption")
    assert models.choose("caption", "embedded") == entry_for("caption")
    with pytest.raises(ModelMissingError, match=r"BLIP large \(Salesforce/.*`python -m pipelines fetch caption`"):
        models.choose("caption", "paper")
    save = lambda folder: [(folder / name).write_text("x") for name in ("config.json", "model.safetensors")]  # noqa: E731
    put_in_cache(tmp_path, paper_entry("caption").hub_id, save)
    for wish in ("auto", "paper"):
        assert models.choose("caption", wish) == paper_entry("caption")
    assert models.choose("caption", "embedded") == entry_for("caption")
    assert models.is_here(paper_entry("caption"))
    assert not models.is_here(paper_entry("audio"))


def test_unknown_models_are_said():
    with pytest.raises(SettingsError, match="auto, embedded, paper"):
        models.choose("caption", "best")


def test_the_environment_says_which_models(monkeypatch):
    monkeypatch.delenv("EKPHONIA_MODELS", raising=False)
    assert models.default_models() == "auto"
    monkeypatch.setenv("EKPHONIA_MODELS", "embedded")
    assert models.default_models() == "embedded"


def test_unknown_role_names_the_known_ones():
    with pytest.raises(SettingsError, match=r"'painter'.*emotion, caption, prompt"):
        entry_for("painter")


def test_load_once_calls_the_loader_once_for_many_threads():
    calls, results = [], []
    barrier = threading.Barrier(8)

    def ask():
        barrier.wait()
        results.append(models.load_once("test-many", lambda: calls.append(1) or object()))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert len({id(result) for result in results}) == 1
    models.forget("test-many")


def test_a_loader_that_failed_is_tried_again_and_none_counts_as_loaded():
    def fail():
        raise WeightsError("no")

    with pytest.raises(WeightsError):
        models.load_once("test-fail", fail)
    assert models.load_once("test-fail", lambda: 7) == 7
    assert models.load_once("test-fail", lambda: 8) == 7
    models.forget("test-fail")
    assert models.load_once("test-fail", lambda: 9) == 9
    models.forget("test-fail")
    assert models.load_once("test-none", lambda: None) is None


def test_weights_and_config_read_back(tmp_path):
    path = tmp_path / "deep" / "tiny.safetensors"
    tensors = {"w": torch.arange(6, dtype=torch.float32).reshape(2, 3), "b": torch.tensor([1, 2])}
    models.save_weights(path, tensors, {"size": 3, "names": ["a", "ö"]})
    read, config = models.load_weights(path)
    assert config == {"size": 3, "names": ["a", "ö"]}
    assert read["w"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert read["b"].dtype == torch.int64
    assert [file.name for file in path.parent.iterdir()] == ["tiny.safetensors"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_missing_weights_name_the_file_and_the_cure(tmp_path):
    with pytest.raises(WeightsError, match=r"none\.safetensors are not in .*git checkout"):
        models.load_weights(tmp_path / "none.safetensors")


@pytest.mark.parametrize("content", [b"", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", b"\x10" * 64])
def test_damaged_weights_are_refused(tmp_path, content):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=rf"bad\.safetensors \({len(content)} bytes\) are damaged"):
        models.load_weights(path)


def test_the_cure_is_a_command_from_the_repositorys_root():
    with pytest.raises(WeightsError, match=r"`git checkout -- assets/weights/none\.safetensors`"):
        models.load_weights(models.weights_path("none.safetensors"))


def test_licences_name_the_training_data():
    assert entry_for("emotion").licence == "Apache-2.0; trained on OASIS"
    assert entry_for("composer").licence.endswith("EIMG (no licence stated) and POP909 (MIT)")
    for role in ("hearing", "hearing_audio"):
        assert entry_for(role).licence.endswith("trained on EIMG (no licence stated)")


def test_truncated_weights_are_refused(tmp_path):
    path = tmp_path / "short.safetensors"
    models.save_weights(path, {"w": torch.zeros(100)}, {})
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(WeightsError, match="damaged"):
        models.load_weights(path)


def test_weights_path_is_under_assets():
    path = models.weights_path("emotion.safetensors")
    assert path.parts[-3:] == ("assets", "weights", "emotion.safetensors")
