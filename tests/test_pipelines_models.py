import threading

import pytest
import torch
from hub_models import put_in_cache, use_cache
from safetensors.torch import save_file

from pipelines import models
from pipelines.catalogue import EMBEDDED, PAPER, entry_for, paper_entry
from pipelines.errors import ModelMissingError, SettingsError, WeightsError
from pipelines.waveform import WaveformSettings, musicgen_entry


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
    put_in_cache(tmp_path, paper_entry("caption").hub_id, save_whole)
    for wish in ("auto", "paper"):
        assert models.choose("caption", wish) == paper_entry("caption")
    assert models.choose("caption", "embedded") == entry_for("caption")
    assert models.is_here(paper_entry("caption"))
    assert not models.is_here(paper_entry("audio"))


def save_whole(folder):
    (folder / "config.json").write_text("{}")
    save_file({"w": torch.zeros(10)}, folder / "model.safetensors")
    for name in ("tokenizer.json", "preprocessor_config.json"):
        (folder / name).write_text("{}")


def test_a_damaged_model_is_not_here_yet_chosen_so_that_loading_it_says_why(tmp_path, monkeypatch):
    use_cache(monkeypatch, tmp_path)
    folder = put_in_cache(tmp_path, paper_entry("caption").hub_id, save_whole)
    assert (models.note_on(paper_entry("caption")), models.may_be_fetched(paper_entry("caption"))) == ("", False)
    (folder / "tokenizer.json").unlink()
    assert not models.is_here(paper_entry("caption"))
    assert models.note_on(paper_entry("caption")).startswith("what is on this machine lacks tokenizer.json")
    assert models.may_be_fetched(paper_entry("caption"))
    assert models.choose("caption", "auto") == paper_entry("caption")


def test_a_model_that_is_named_insists(tmp_path, monkeypatch):
    use_cache(monkeypatch, tmp_path)
    medium = musicgen_entry("facebook/musicgen-medium")
    cure = (
        r"^facebook/musicgen-medium is not on this machine; fetch it with `python -m pipelines fetch facebook/musicgen-"
    )
    for wish in ("auto", "paper"):
        with pytest.raises(ModelMissingError, match=cure + "medium`, or name another model"):
            models.choose("audio", wish, paper=medium)
    assert models.choose("audio", "embedded", paper=medium) == entry_for("audio")
    assert models.choose("audio", "auto") == entry_for("audio")
    put_in_cache(tmp_path, "facebook/musicgen-medium", save_whole)
    assert models.choose("audio", "auto", paper=medium) == medium
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelMissingError, match=r"The folder .*empty holds no whole model; name another"):
        models.choose("audio", "auto", paper=musicgen_entry(str(tmp_path / "empty")))


def test_the_settings_of_the_chain_insist_on_a_named_musicgen(tmp_path, monkeypatch):
    use_cache(monkeypatch, tmp_path)
    with pytest.raises(ModelMissingError, match="fetch facebook/musicgen-medium"):
        WaveformSettings(models="auto", musicgen="facebook/musicgen-medium").check()
    WaveformSettings(models="auto").check()


def test_the_papers_classifier_needs_its_checkpoint_and_its_backbone(tmp_path, monkeypatch):
    use_cache(monkeypatch, tmp_path / "cache")
    monkeypatch.setattr(models, "WEIGHTS_DIR", tmp_path)
    entry = paper_entry("emotion")
    put_in_cache(tmp_path / "cache", entry.hub_id, save_whole)
    assert not models.is_here(entry)
    assert not models.may_be_fetched(entry)
    assert models.choose("emotion", "auto") == entry_for("emotion")
    with pytest.raises(ModelMissingError, match="has not been trained on this machine"):
        models.choose("emotion", "paper")
    save_file({"head.w": torch.zeros(1)}, tmp_path / entry.weights)
    assert models.is_here(entry)
    assert models.choose("emotion", "auto") == entry


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
