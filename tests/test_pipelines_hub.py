"""The model hub: what lies here is found without the network, and fetching, against a stand-in of the hub."""

import errno
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from hub_models import put_in_cache, use_cache
from hub_server import serve_hub, use_hub
from huggingface_hub import constants
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.torch import save as tensors_saved

from pipelines import hub as hub_module
from pipelines.errors import HubError, SettingsError, StoppedError
from pipelines.hub import (
    Progress,
    check_model_id,
    fetch,
    how_to_fetch_again,
    local_folder,
    needed,
    problem_of,
    whole_folder,
)
from pipelines.hub_files import safetensors_header
from pipelines.hub_trouble import sentence_for, told_as_hub_errors

MODEL = "somebody/tiny"
WEIGHTS = tensors_saved({"w": torch.arange(250_000, dtype=torch.float32)})
FILES = {"config.json": b"{}", "model.safetensors": WEIGHTS, "tokenizer.json": b'{"a": 1}', "README.md": b"read"}
SHARDED = "somebody/sharded"
SHARDS = {
    "config.json": b"{}",
    "model-1.safetensors": WEIGHTS,
    "model-2.safetensors": tensors_saved({"v": torch.ones(250_000)}),
    "model.safetensors.index.json": b'{"weight_map": {"w": "model-1.safetensors", "v": "model-2.safetensors"}}',
}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_cache(monkeypatch, tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def hub(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The stand-in hub; the list of what was asked of it."""
    with serve_hub({MODEL: FILES, SHARDED: SHARDS}) as (url, asked):
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


@pytest.mark.parametrize(
    "index",
    ["{broken", "[]", "7", "{}", '{"weight_map": [1]}', '{"weight_map": {"a": 7}}', '{"weight_map": {"a": ["b"]}}']
    + ['{"weight_map": {"a": ""}}', '{"weight_map": null}', "[" * 9999],
)
def test_a_damaged_index_is_no_model_and_no_error(cache: Path, index: str) -> None:
    folder = put_in_cache(cache, MODEL, save("config.json", text="{}"))
    (folder / "model.safetensors.index.json").write_text(index)
    assert (local_folder(MODEL), whole_folder(MODEL)) == (None, None)
    assert problem_of(MODEL) == "has no weights that can be loaded safely"


def whole(folder: Path) -> None:
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(WEIGHTS)


@pytest.mark.parametrize("kind", ["by its id", "by its configuration"])
@pytest.mark.parametrize(
    ("model_id", "model_type", "parts"),
    [
        (
            "Salesforce/blip-image-captioning-large",
            "blip",
            ["tokenizer.json or vocab.txt", "preprocessor_config.json or"],
        ),
        ("tiiuae/falcon-rw-1b", "falcon", ["tokenizer.json or vocab.json"]),
        ("facebook/musicgen-small", "musicgen", ["tokenizer.json or spiece.model"]),
        ("microsoft/resnet-50", "resnet", []),
    ],
)
def test_what_a_kind_of_model_needs_beside_its_weights_must_be_there(
    cache: Path, kind: str, model_id: str, model_type: str, parts: list[str]
) -> None:
    if kind == "by its configuration":
        model_id = MODEL
    folder = put_in_cache(cache, model_id, whole)
    if kind == "by its configuration":
        (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
    for part in parts:
        assert whole_folder(model_id) is None
        assert problem_of(model_id).startswith(f"lacks {part}")
        name = part.split()[0]
        (folder / name).write_text("")
        assert whole_folder(model_id) is None  # an empty file is none
        (folder / name).write_text("{}")
    assert whole_folder(model_id) == folder


def test_the_header_of_safetensors_is_held_against_the_files_length(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(WEIGHTS)
    assert list(safetensors_header(path) or {}) == ["w"]
    path.write_bytes(tensors_saved({}))
    assert safetensors_header(path) is not None
    header = b'{"w": {"data_offsets": ["x"]}}'
    bad = [WEIGHTS[:7], b"\xff" * 100, len(header).to_bytes(8, "little") + header, (2).to_bytes(8, "little") + b"[]"]
    for data in (*bad, b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n"):
        path.write_bytes(data)
        assert safetensors_header(path) is None


def test_pickled_weights_must_only_hold_something(cache: Path) -> None:
    folder = put_in_cache(cache, MODEL, save("config.json", text="{}"))
    (folder / "pytorch_model.bin").write_bytes(b"")
    assert (local_folder(MODEL), problem_of(MODEL)) == (folder, "has a damaged pytorch_model.bin")
    (folder / "pytorch_model.bin").write_bytes(b"x")
    assert whole_folder(MODEL) == folder


def test_a_damaged_configuration_is_said(cache: Path) -> None:
    folder = put_in_cache(cache, MODEL, whole)
    (folder / "config.json").write_text("{broken")
    assert (whole_folder(MODEL), problem_of(MODEL)) == (None, "has a damaged config.json")


def test_the_cure_names_a_real_command_or_the_folder(cache: Path, tmp_path: Path) -> None:
    folder = put_in_cache(cache, MODEL, whole)
    assert how_to_fetch_again(folder) == "fetch it again with `python -m pipelines fetch somebody/tiny --again`"
    assert how_to_fetch_again(tmp_path) == f"fetch it anew into {tmp_path}"


def test_a_folder_of_this_machine_is_a_model_too(tmp_path: Path) -> None:
    save("config.json", "model.safetensors")(tmp_path)
    assert local_folder(str(tmp_path)) == tmp_path


@pytest.mark.parametrize(
    "model_id",
    [
        "",
        "tiny",
        "a/b/c",
        "../x/y",
        "http://a/b",
        "a--b/c",
        "a..b/c",
        "a/-b",
        "é/ü",
        "a/b.git",
        "a/" + "b" * 5000,
        "a\0/b",
    ],
)
def test_what_is_no_id_is_said(cache: Path, model_id: str) -> None:
    for ask in (check_model_id, local_folder, whole_folder, fetch):
        with pytest.raises(SettingsError, match="such as facebook/musicgen-small"):
            ask(model_id)


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


def test_a_cancelled_fetch_keeps_whole_files_and_begins_the_one_under_way_anew(
    hub: list[str], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client of today keeps nothing of a file that was cut short; what it keeps are the files before it."""
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 100_000)
    told: list[Progress] = []

    def stop() -> bool:
        return bool(told) and told[-1].file == "model-2.safetensors" and told[-1].done_bytes > len(WEIGHTS) + 300_000

    with pytest.raises(StoppedError):
        fetch(SHARDED, progress=told.append, cancelled=stop)
    assert told[-1].file == "model-2.safetensors"
    assert len(WEIGHTS) + 300_000 < told[-1].done_bytes < 2 * len(WEIGHTS)  # midway
    assert local_folder(SHARDED) is None
    assert list(cache.rglob("*.incomplete")) == []
    before = len(hub)
    told.clear()
    assert fetch(SHARDED, progress=told.append).is_dir()
    gets = [line.partition("/main/")[2] for line in hub[before:] if line.startswith("GET") and "/resolve/" in line]
    assert gets == ["model-2.safetensors", "model.safetensors.index.json", "config.json"]
    assert min(p.done_bytes for p in told if p.file == "model-2.safetensors") == len(WEIGHTS)
    assert told[-1].part == 1.0


def test_a_fetch_stopped_before_it_begins_asks_for_no_file(hub: list[str]) -> None:
    with pytest.raises(StoppedError):
        fetch(MODEL, cancelled=lambda: True)
    assert [line for line in hub if "/resolve/" in line] == []


def test_again_brings_even_what_is_here(hub: list[str]) -> None:
    folder = fetch(MODEL)
    changed = tensors_saved({"w": torch.zeros(250_000)})
    (folder / "model.safetensors").write_bytes(changed)  # whole to look at
    asked = len(hub)
    assert fetch(MODEL) == folder
    assert len(hub) == asked
    told: list[Progress] = []
    assert fetch(MODEL, force=True, progress=told.append) == folder
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert [p.part for p in told] == sorted(p.part for p in told)


@pytest.mark.parametrize("damaged", [bytes(range(100)), b"", WEIGHTS[:-1], WEIGHTS + b"x"])
def test_a_damaged_file_is_fetched_without_being_asked_again(hub: list[str], damaged: bytes) -> None:
    folder = fetch(MODEL)
    blob = (folder / "model.safetensors").resolve()
    blob.write_bytes(damaged)
    assert (local_folder(MODEL), whole_folder(MODEL)) == (folder, None)
    assert problem_of(MODEL) == "has a damaged model.safetensors"
    assert fetch(MODEL) == folder
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert (whole_folder(MODEL), problem_of(MODEL)) == (folder, "")


def test_what_the_hub_itself_has_damaged_is_said(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_hub({MODEL: FILES | {"model.safetensors": b"x" * 100}}) as (url, _):
        use_hub(monkeypatch, url)
        with pytest.raises(
            HubError, match=r"At the hub, somebody/tiny has a damaged model\.safetensors; choose another"
        ):
            fetch(MODEL)


def test_two_bars_for_one_file_count_once_and_never_run_backwards(
    hub: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the client makes them for Xet: one for the file, one for the bytes on the wire."""
    real = huggingface_hub.hf_hub_download
    xet: list[bool] = []

    def two_bars(*arguments: Any, tqdm_class: Any, **options: Any) -> str:
        xet.append(constants.HF_HUB_DISABLE_XET)
        file_bar, wire_bar = tqdm_class(total=900), tqdm_class(total=300)
        for file_bytes, wire_bytes in ((400, 100), (300, 200), (-100, 0)):
            file_bar.update(file_bytes)
            wire_bar.update(wire_bytes)
        return real(*arguments, **options)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", two_bars)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    told: list[Progress] = []
    fetch(MODEL, progress=told.append)
    first = [p.done_bytes for p in told if p.file == "model.safetensors"]
    assert first == [0, 400, 700, 700]
    done = [p.done_bytes for p in told]
    assert done == sorted(done)
    assert xet == [True] * 3  # while it fetches
    assert constants.HF_HUB_DISABLE_XET is False  # and not after it


def test_xet_stays_off_until_the_last_of_several_fetches_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    first, second = hub_module._plain_http(), hub_module._plain_http()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert constants.HF_HUB_DISABLE_XET is True
    second.__exit__(None, None, None)
    assert constants.HF_HUB_DISABLE_XET is False


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


def test_the_client_is_given_our_limit_of_time(hub: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float] = []
    real_info, real_download = huggingface_hub.HfApi.model_info, huggingface_hub.hf_hub_download

    def info(*arguments: Any, timeout: float, **options: Any) -> Any:
        limits.append(timeout)
        return real_info(*arguments, timeout=timeout, **options)

    def download(*arguments: Any, etag_timeout: float, **options: Any) -> Any:
        limits.append(etag_timeout)
        return real_download(*arguments, etag_timeout=etag_timeout, **options)

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", info)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    fetch(MODEL)
    assert limits == [hub_module.WAIT_S] * 4  # the list, and three files
    assert hub_module.WAIT_S <= 5


def test_a_machine_kept_off_the_network_is_not_blamed_on_the_hub(
    hub: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for force in (False, True):
        with pytest.raises(HubError, match=r"switched off on this machine \(HF_HUB_OFFLINE\); unset that variable"):
            fetch(MODEL, force=force)
    assert hub == []


def test_a_folder_cannot_be_fetched(hub: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=r"^\. is a folder; the hub has models such as"):
        fetch(".")
    whole(tmp_path)
    assert fetch(".") == Path()
    with pytest.raises(SettingsError, match="is a folder"):
        fetch(".", force=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_cache_that_may_not_be_written_to_is_said(hub: list[str], cache: Path) -> None:
    cache.mkdir()
    cache.chmod(0o500)
    with pytest.raises(HubError, match="may not be written to, so that somebody/tiny cannot be kept; set HF_HOME"):
        fetch(MODEL)


def test_a_cache_that_is_a_file_is_said(hub: list[str], cache: Path) -> None:
    cache.write_text("")
    with pytest.raises(HubError, match=r"cannot be used \(.*\), so that somebody/tiny cannot be kept"):
        fetch(MODEL)


def wrapped(cause: Exception) -> Exception:
    error = LocalEntryNotFoundError("not here")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/models"), "/models may not be written to"),
        (wrapped(PermissionError(errno.EACCES, "Permission denied")), "The folder of models may not be written to"),
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full"),
        (OSError(errno.EROFS, "Read-only file system", "/m"), "/m cannot be used (Read-only file system)"),
        (OSError("Consistency check failed"), "What came of somebody/tiny is not whole"),
        (TimeoutError(), "does not answer"),
        (ConnectionResetError(), "does not answer"),
        (socket.gaierror(-2, "Name or service not known"), "does not answer"),
        (wrapped(TimeoutError()), "does not answer"),
        (LocalEntryNotFoundError("not here"), "does not answer"),
    ],
)
def test_every_trouble_has_its_own_sentence(cause: Exception, said: str) -> None:
    assert said in (sentence_for(MODEL, cause) or "")


def test_a_mistake_in_a_program_passes_as_it_is() -> None:
    for mistake in (TypeError("no"), ValueError("no"), AttributeError("no"), KeyError("no")):
        with pytest.raises(type(mistake)), told_as_hub_errors(MODEL):
            raise mistake


def test_a_hub_that_answers_with_an_error_is_said(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_hub({}) as (url, _):
        use_hub(monkeypatch, f"{url}/elsewhere")  # where the stand-in knows no address
        with pytest.raises(HubError, match=r"answers for somebody/tiny with an error \(HTTP 404\); try again later"):
            fetch(MODEL)


def test_nothing_at_the_hubs_address_is_said(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    use_hub(monkeypatch, f"http://127.0.0.1:{port}")
    with pytest.raises(HubError, match="try again when the network is there"):
        fetch(MODEL)
