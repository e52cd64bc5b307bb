"""The model hub: what lies here is found without the network, and fetching, against a stand-in of the hub."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_models import put_in_cache, use_cache
from hub_server import serve_hub, use_hub

from pipelines import hub as hub_module
from pipelines.errors import HubError, SettingsError, StoppedError
from pipelines.hub import Progress, fetch, local_folder, needed

MODEL = "somebody/tiny"
WEIGHTS = bytes(range(256)) * 4000
FILES = {"config.json": b"{}", "model.safetensors": WEIGHTS, "tokenizer.json": b'{"a": 1}', "README.md": b"read"}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_cache(monkeypatch, tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def hub(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The stand-in hub; the list of what was asked of it."""
    with serve_hub({MODEL: FILES, "somebody/old": {"config.json": b"{}", "pytorch_model.bin": b"x" * 10}}) as (
        url,
        asked,
    ):
        use_hub(monkeypatch, url)
        yield asked


def save(*names: str, text: str = "x"):
    def write(folder: Path) -> None:
        for name in names:
            (folder / name).write_text(text)

    return write


def test_a_whole_model_is_found_and_a_part_of_one_is_not(cache: Path) -> None:
    assert local_folder(MODEL) is None
    folder = put_in_cache(cache, MODEL, save("config.json"))
    assert local_folder(MODEL) is None
    (folder / "model.safetensors").write_text("x")
    assert local_folder(MODEL) == folder
    (folder / "config.json").unlink()
    assert local_folder(MODEL) is None


def test_a_model_in_shards_is_whole_with_all_of_them(cache: Path) -> None:
    index = json.dumps({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}})
    folder = put_in_cache(cache, MODEL, save("config.json", "model-1.safetensors"))
    (folder / "model.safetensors.index.json").write_text(index)
    assert local_folder(MODEL) is None
    (folder / "model-2.safetensors").write_text("x")
    assert local_folder(MODEL) == folder
    (folder / "model.safetensors.index.json").write_text("{broken")
    assert local_folder(MODEL) is None


def test_a_folder_of_this_machine_is_a_model_too(tmp_path: Path) -> None:
    save("config.json", "model.safetensors")(tmp_path)
    assert local_folder(str(tmp_path)) == tmp_path


@pytest.mark.parametrize("model_id", ["", "tiny", "a/b/c", "../x/y", "http://a/b"])
def test_what_is_no_id_is_said(cache: Path, model_id: str) -> None:
    with pytest.raises(SettingsError, match="such as facebook/musicgen-small"):
        local_folder(model_id)


def test_the_configuration_comes_last_and_pickles_only_where_there_is_nothing_else() -> None:
    both = [
        "config.json",
        "model.safetensors",
        "pytorch_model.bin",
        "tf_model.h5",
        "vocab.txt",
        "onnx/model.safetensors",
    ]
    assert needed(both) == ["model.safetensors", "vocab.txt", "config.json"]
    assert needed(["config.json", "pytorch_model.bin", "merges.txt"]) == [
        "pytorch_model.bin",
        "merges.txt",
        "config.json",
    ]
    shards = ["config.json", "model-00001-of-00002.safetensors", "model.safetensors.index.json"]
    assert needed(shards) == ["model-00001-of-00002.safetensors", "model.safetensors.index.json", "config.json"]


def test_fetching_brings_what_is_needed_and_tells_how_far(hub: list[str]) -> None:
    told: list[Progress] = []
    folder = fetch(MODEL, progress=told.append)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors", "tokenizer.json"]
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    parts = [progress.part for progress in told]
    assert parts == sorted(parts)
    assert (parts[0], parts[-1]) == (0.0, 1.0)
    assert told[0].total_bytes == sum(len(FILES[name]) for name in FILES if name != "README.md")
    asked = len(hub)
    assert fetch(MODEL) == folder  # what is here is not asked for again
    assert len(hub) == asked


def test_a_cancelled_fetch_stops_and_can_go_on(hub: list[str]) -> None:
    with pytest.raises(StoppedError):
        fetch(MODEL, cancelled=lambda: True)
    assert local_folder(MODEL) is None
    assert fetch(MODEL).is_dir()


def test_an_unknown_model_is_said(hub: list[str]) -> None:
    with pytest.raises(HubError, match="has no model somebody/nothing"):
        fetch("somebody/nothing")


def test_a_hub_that_never_answers_is_given_up(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as silent:  # accepts, and says nothing
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        use_hub(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr(hub_module, "WAIT_S", 0.3)
        with pytest.raises(HubError, match="does not answer"):
            fetch(MODEL)  # that it comes back at all


def test_nothing_at_the_hubs_address_is_said(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    use_hub(monkeypatch, f"http://127.0.0.1:{port}")
    with pytest.raises(HubError, match="try again when the network is there"):
        fetch(MODEL)
