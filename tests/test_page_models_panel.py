"""The list of models, and fetching one from a stand-in of the hub."""

import json
from pathlib import Path

import pytest
from hub_models import use_cache
from hub_server import serve_hub, use_hub

from page.models_panel import fetch_model, table_value
from pipelines.catalogue import paper_entry

FILES = {"config.json": b"{}", "model.safetensors": bytes(2_000_000)}


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_cache(monkeypatch, tmp_path)
    monkeypatch.delenv("SPACE_ID", raising=False)


def test_each_step_says_the_papers_model_its_licence_and_the_stand_in() -> None:
    rows = {row["role"]: row for row in table_value()["rows"]}
    assert list(rows) == ["emotion", "caption", "prompt", "audio"]
    assert (rows["audio"]["name"], rows["audio"]["licence"]) == ("MusicGen-small", "CC-BY-NC-4.0")
    assert (rows["audio"]["here"], rows["audio"]["stand_in"]) == (False, "embedded ensemble")
    assert rows["caption"]["size"] == "1.9 GB"
    assert all(row["may_fetch"] for row in rows.values())
    json.dumps(table_value())


def test_fetching_shows_progress_and_ends_with_the_model_here(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_hub({paper_entry("caption").hub_id or "": FILES}) as (url, _):
        use_hub(monkeypatch, url)
        values = list(fetch_model("caption"))
    parts = [value["fetch"]["part"] for value in values if value["fetch"]]
    assert parts[0] == 0.0
    assert parts == sorted(parts)
    assert values[-1]["fetch"] is None
    (row,) = [row for row in values[-1]["rows"] if row["role"] == "caption"]
    assert (row["here"], row["may_fetch"]) == (True, False)


def test_a_hub_without_the_model_is_told_in_the_row(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_hub({}) as (url, _):
        use_hub(monkeypatch, url)
        values = list(fetch_model("caption"))
    assert values[-1]["fetch"]["role"] == "caption"
    assert values[-1]["fetch"]["part"] is None
    assert "has no model Salesforce/blip" in values[-1]["fetch"]["text"]


@pytest.mark.parametrize("role", [None, "hearing", "../x", 3])
def test_only_what_is_listed_can_be_fetched(role: object) -> None:
    assert [value["fetch"] for value in fetch_model(role)] == [None]


def test_visitors_of_a_space_fetch_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_ID", "somebody/ekphonia")
    assert not any(row["may_fetch"] for row in table_value()["rows"])
    assert [value["fetch"] for value in fetch_model("caption")] == [None]
