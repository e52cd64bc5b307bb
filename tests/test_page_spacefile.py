"""The Spacefile: that it agrees with the rest of the project, and that what a Space would stumble over is said."""

import re
from pathlib import Path

import pytest
import yaml

from page.spacefile import (
    LONGEST_SHORT_DESCRIPTION,
    ZERO_GPU,
    front_matter,
    has_gpu,
    header_for,
    parse_spacefile,
    read_spacefile,
    with_front_matter,
)
from pipelines.catalogue import PAPER
from pipelines.errors import SettingsError
from pipelines.hub import CONFIG, needed
from pipelines.models import MODELS_VARIABLE, check_models

ROOT = Path(__file__).resolve().parent.parent
LEAST = {"title": "Ekphonia", "sdk": "gradio", "sdk_version": "6.31.0", "app_file": "app.py"}


def spacefile_with(**changes: object) -> str:
    return yaml.safe_dump(LEAST | changes, allow_unicode=True)


def header_of(readme: str) -> dict[str, object]:
    _, header, _ = readme.split("---\n", 2)
    return yaml.safe_load(header)


def test_the_sdk_is_the_gradio_that_was_tried() -> None:
    tried = re.search(r"^gradio==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert tried is not None
    assert read_spacefile(ROOT / "Spacefile").header["sdk_version"] == tried[1]


def test_the_models_are_the_papers_that_play_without_training() -> None:
    header = read_spacefile(ROOT / "Spacefile").header
    papers = [entry.hub_id for role, entry in PAPER.items() if role != "emotion"]
    assert header["models"] == papers
    assert [item.split()[0] for item in header["preload_from_hub"]] == papers


def test_what_is_preloaded_is_what_fetching_would_take() -> None:
    for item in read_spacefile(ROOT / "Spacefile").header["preload_from_hub"]:
        files = item.split()[1].split(",")
        assert sorted(needed(files)) == files
        assert CONFIG in files
        assert any(name in files for name in ("model.safetensors", "pytorch_model.bin"))


def test_the_variables_choose_models_that_there_are() -> None:
    check_models(read_spacefile(ROOT / "Spacefile").variables[MODELS_VARIABLE])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"colour": "red"}, "'colour' is unknown; use one of title, "),
        ({"colorFrom": "orange"}, "colorFrom is 'orange', but it must be one of red, yellow"),
        ({"sdk": "docker"}, "write sdk: gradio"),
        ({"sdk_version": 6.31}, "sdk_version is 6.31, but it must be a text such as 6.31.0"),
        ({"python_version": 3.1}, r'python_version is 3.1, but it must be a text such as "3.12"; put it in quotation'),
        ({"suggested_hardware": "gpu"}, "suggested_hardware is 'gpu', but it must be one of cpu-basic, "),
        ({"license": "Apache 2"}, "license is 'Apache 2', but it must be an id that the hub knows, such as apache-2.0"),
        ({"emoji": "piano"}, "it must be one emoji"),
        ({"emoji": ""}, "it must be one emoji"),
        ({"title": "  "}, "title is '  ', but it must be a text of 1 to 100 characters"),
        ({"short_description": "x" * 61}, "a text of 1 to 60 characters, it has 61"),
        ({"short_description": "two\nlines"}, "short_description"),
        ({"startup_duration_timeout": "soon"}, "a time such as 30m or 1h"),
        ({"pinned": "yes"}, "pinned is 'yes', but it must be true or false"),
        ({"tags": "music"}, "a line with a dash for each"),
        ({"tags": [3]}, "tags is 3, but each must be a word"),
        ({"models": ["facebook"]}, "such as facebook/musicgen-small"),
        ({"models": ["facebook/musicgen-large"]}, "the page uses no such model; choose among microsoft/resnet-50, "),
        ({"preload_from_hub": ["facebook/musicgen-small"]}, "models does not name it"),
        ({"preload_from_hub": ["facebook/musicgen-small a.json, b.json"]}, "no blanks between them"),
        ({"datasets": ["no id"]}, "owner/name"),
        ({"thumbnail": "http://x/y.png"}, "a picture's path or address"),
        ({"app_file": "app.sh"}, "a file in Python"),
        ({"variables": {"A": 1}}, "variable A is 1, but it must be text"),
        ({"variables": {"A-B": "x"}}, "letters, digits and underscores"),
        ({"variables": {"HF_TOKEN": "x"}}, "would be public; set a secret"),
        ({"leave_out": ["a b"]}, "leave_out is 'a b'"),
        ({"variables": "x"}, "a list of names and values"),
    ],
)
def test_what_a_space_would_stumble_over_is_said(changes: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(said) if "\\" not in said else said):
        parse_spacefile(spacefile_with(**changes))


@pytest.mark.parametrize("key", sorted(LEAST))
def test_a_setting_that_must_be_there_is_said(key: str) -> None:
    with pytest.raises(SettingsError, match=f"has no {key}; add a line such as {key}: {LEAST[key]}"):
        parse_spacefile(yaml.safe_dump({name: value for name, value in LEAST.items() if name != key}))


@pytest.mark.parametrize(
    ("text", "said"), [("a: [", "no YAML in line"), ("- a", "no list of settings"), ("", "no list of settings")]
)
def test_what_is_no_spacefile_is_said(text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        parse_spacefile(text)


def test_a_spacefile_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_spacefile(tmp_path / "Spacefile")


def test_the_longest_short_description_is_allowed() -> None:
    text = "ü" * LONGEST_SHORT_DESCRIPTION
    assert parse_spacefile(spacefile_with(short_description=text)).header["short_description"] == text


def test_only_hardware_with_a_gpu_preloads() -> None:
    spacefile = read_spacefile(ROOT / "Spacefile")
    assert [has_gpu(name) for name in ("cpu-basic", "cpu-upgrade", "t4-small", ZERO_GPU)] == [False, False, True, True]
    for hardware in ("cpu-basic", "t4-small"):
        header = header_for(spacefile, hardware=hardware, python_version="3.12", thumbnail=None)
        assert header["suggested_hardware"] == hardware
        assert ("preload_from_hub" in header, "models" in header) == (has_gpu(hardware),) * 2
        assert not {"variables", "leave_out"} & set(header)


def test_the_header_is_read_back_as_it_was_and_the_readme_follows_it() -> None:
    header = {"title": "A: b", "emoji": "🎹", "python_version": "3.10", "tags": ["x", "y"]}
    readme = with_front_matter("# Title\n\n---\n\nText\n", front_matter(header))
    assert header_of(readme) == header
    assert readme.endswith("---\n\n# Title\n\n---\n\nText\n")
    assert "🎹" in readme


def test_a_header_that_is_there_already_is_replaced() -> None:
    once = with_front_matter("# Title\n", front_matter({"title": "old"}))
    twice = with_front_matter(once, front_matter({"title": "new"}))
    assert header_of(twice) == {"title": "new"}
    assert twice.count("---\n") == 2
    assert with_front_matter("\ufeff---\nno end\n", "---\na: b\n---\n") == "---\na: b\n---\n\n---\nno end\n"
