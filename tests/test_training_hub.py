"""Data sets and models go to the hub, a stand-in for it on this machine, with their cards and in private."""

import io
from pathlib import Path

import pytest
import yaml
from hub_models import use_cache
from hub_repositories import serve_repositories
from hub_server import TOKEN, SpaceHub, StandInSpace, use_hub
from test_training_data_painting_music import lines, made, own  # noqa: F401 (fixtures)
from test_training_data_render import needs_fluidsynth

from pipelines.errors import HubError
from training.data.painting_music import main as build
from training.data.painting_music_card import push as push_data
from training.data.splits import SPLITS
from training.musicgen.export import push as push_model


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The stand-in hub, and somebody who is logged in there."""
    datasets = pytest.importorskip("datasets")
    from huggingface_hub import constants

    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # its storage speaks a protocol of its own
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")
    use_cache(monkeypatch, tmp_path / "cache")
    with serve_repositories(SpaceHub()) as hub:
        use_hub(monkeypatch, hub.url)
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", hub.url)
        yield hub


def header_and_body(readme: bytes) -> tuple[dict, str]:
    _, header, body = readme.decode().split("---\n", 2)
    return yaml.safe_load(header), body


def model_folder(path: Path) -> Path:
    """What an export leaves, in small."""
    path.mkdir()
    for name, data in (("config.json", b"{}"), ("model.safetensors", b"weights"), ("README.md", CARD)):
        (path / name).write_bytes(data)
    return path


CARD = b"---\nlicense: cc-by-nc-4.0\n---\n\nnot for commercial use\n"


@needs_fluidsynth
def test_a_data_set_goes_up_with_its_card_its_sound_and_its_pictures(hub, made):  # noqa: F811
    import pyarrow.parquet

    push_data(made, "me/pairs", private=True)
    repository = hub.spaces["datasets/me/pairs"]
    assert repository.private
    names = {split: f"data/{split}-00000-of-00001.parquet" for split in SPLITS}
    assert set(repository.files) == {"README.md", *names.values()}
    rows = lines(made)
    for split, name in names.items():
        table = pyarrow.parquet.read_table(io.BytesIO(repository.files[name])).to_pylist()
        assert len(table) == len(rows[split])
        for sent, row in zip(table, rows[split], strict=True):
            assert sent.pop("audio")["bytes"] == (made / split / str(row["file_name"])).read_bytes()
            assert sent.pop("image")["bytes"] == (made / str(row["picture_file"])).read_bytes()
            assert sent == {key: row[key] for key in row if key not in ("file_name", "picture_file")}
    header, body = header_and_body(repository.files["README.md"])
    assert (header["license"], header["pretty_name"]) == ("other", "Pictures and music of one feeling")
    assert [(each["split"], each["path"]) for each in header["configs"][0]["data_files"]] == [
        (split, f"data/{split}-*") for split in SPLITS
    ]
    assert [each["num_examples"] for each in header["dataset_info"]["splits"]] == [40, 5, 5]
    assert body.strip() == (made / "README.md").read_text().split("---\n", 2)[2].strip()
    assert all(words in body for words in ("| all | 40 | 5 | 5 | 50 |", "its owner's terms", "Check both terms"))


@needs_fluidsynth
def test_a_data_set_pushed_again_takes_the_place_of_the_former(hub, made):  # noqa: F811
    hub.spaces["datasets/me/pairs"] = StandInSpace(private=True, files={"data/train-00001-of-00002.parquet": b"former"})
    for _ in range(2):
        push_data(made, "me/pairs", private=True)
        files = hub.spaces["datasets/me/pairs"].files
        assert {path for path in files if path.startswith("data/train")} == {"data/train-00000-of-00001.parquet"}
        assert "its owner's terms" in files["README.md"].decode()


def test_a_model_goes_up_with_its_card(hub, tmp_path):
    push_model(model_folder(tmp_path / "model"), "me/tuned", private=True)
    repository = hub.spaces["models/me/tuned"]
    assert repository.private
    assert repository.files == {"config.json": b"{}", "model.safetensors": b"weights", "README.md": CARD}
    push_model(tmp_path / "model", "me/shown", private=False)
    assert not hub.spaces["models/me/shown"].private


@needs_fluidsynth
def test_what_is_public_already_is_not_filled_unless_that_is_said(hub, made, tmp_path):  # noqa: F811
    folder = model_folder(tmp_path / "model")
    for kind, push, what in (("datasets", push_data, made), ("models", push_model, folder)):
        hub.spaces[f"{kind}/me/there"] = StandInSpace(private=False, files={})
        with pytest.raises(HubError, match=r"me/there is there and public; .* or add --public"):
            push(what, "me/there", private=True)
        assert hub.spaces[f"{kind}/me/there"].files == {}
        push(what, "me/there", private=False)
        assert "README.md" in hub.spaces[f"{kind}/me/there"].files


@needs_fluidsynth
@pytest.mark.parametrize("end", ["/api/repos/create", "/commit/main", "/objects/batch"])
def test_a_hub_that_refuses_is_told(hub, made, tmp_path, end):  # noqa: F811
    hub.refuse[end] = 403
    folder = model_folder(tmp_path / "model")
    for push, what in ((push_data, made), (push_model, folder)):
        with pytest.raises(HubError, match="The hub did not take me/new; check the network and HF_TOKEN"):
            push(what, "me/new", private=True)
    assert TOKEN not in str(hub.asked)


@needs_fluidsynth
def test_the_command_builds_and_pushes_in_private(hub, own, made, tmp_path):  # noqa: F811
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".rendered").symlink_to(made / ".rendered")
    sources = ["--pictures", str(own / "pictures"), "--music", str(own / "music"), "--clip-s", "1", "--pairs", "50"]
    assert build([*sources, "--out", str(tmp_path / "out"), "--push", "me/built"]) == 0
    assert hub.spaces["datasets/me/built"].private
    assert "README.md" in hub.spaces["datasets/me/built"].files
