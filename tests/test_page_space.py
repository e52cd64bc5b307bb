"""Putting the page on Spaces: what would be uploaded, and doing it with the real client at a stand-in hub."""

import hashlib
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hub_models import use_cache
from hub_server import TOKEN, SpaceHub, StandInSpace, serve_spaces, use_hub

from page import space, space_hub
from page.space_files import choose, make_plan, python_for, requirements_for
from page.spacefile import ZERO_GPU, parse_spacefile, read_spacefile
from pipelines.errors import HubError, SettingsError

ROOT = Path(__file__).resolve().parent.parent
ME = "me/ekphonia"
SETTINGS = """
title: Small
emoji: 🎹
sdk: gradio
sdk_version: 6.31.0
python_version: "3.12"
app_file: app.py
license: apache-2.0
thumbnail: shot.png
models: [facebook/musicgen-small]
preload_from_hub: [facebook/musicgen-small]
variables: {EKPHONIA_MODELS: auto}
leave_out: [tests/]
"""
SMALL = {
    "Spacefile": SETTINGS.encode(),
    "README.md": b"# Small\n",
    "app.py": b"print('up')\n",
    "requirements.txt": b"gradio>=6.31\ntorch>=2.9,<2.14\ntorchvision\n",
    "weights.safetensors": bytes(range(256)) * 4000,
    "shot.png": b"\x89PNG",
    "ünïcode name.txt": b"x",
    "tests/test_app.py": b"",
}


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=me", "-c", "user.email=me@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, timeout=60)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project in git, in the place of this one."""
    folder = tmp_path / "project"
    for name, data in SMALL.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    monkeypatch.setattr(space, "ROOT", folder)
    return folder


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SpaceHub]:
    """The stand-in hub, and somebody who is logged in there."""
    from huggingface_hub import constants

    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(space_hub, "POLL_S", 0.01)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # its storage speaks a protocol of its own
    use_cache(monkeypatch, tmp_path / "cache")
    with serve_spaces(SpaceHub()) as hub:
        use_hub(monkeypatch, hub.url)
        yield hub


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = space.main(arguments)
    told = capsys.readouterr()
    assert TOKEN not in told.out + told.err
    return code, told.out, told.err


def header_of(readme: bytes) -> dict[str, object]:
    return yaml.safe_load(readme.decode().split("---\n", 2)[1])


# What would be uploaded of this project


@pytest.mark.parametrize("hardware", ["cpu-basic", "t4-small", ZERO_GPU])
def test_the_project_itself_makes_a_space(hardware: str) -> None:
    plan = make_plan(ROOT, read_spacefile(ROOT / "Spacefile"), hardware=hardware, variables={})
    assert {"app.py", "README.md", "packages.txt", "pyproject.toml", "page/layout.py"} <= set(plan.files)
    assert {"pipelines/chain.py", "assets/weights/emotion.safetensors", "assets/ui/page.css"} <= set(plan.files)
    assert not [name for name in plan.files if name.startswith(("tests/", ".ci/")) or name.endswith(".gitignore")]
    assert [name for name in plan.files if name.startswith("training/") and not name.endswith(".md")] == []
    assert 20e6 < plan.size_bytes < 100e6
    header = header_of(plan.files["README.md"])
    assert header == plan.header
    assert header["sdk_version"] == "6.31.0"
    assert header["python_version"] == ("3.12.12" if hardware == ZERO_GPU else "3.12")
    assert plan.files["README.md"].decode().endswith((ROOT / "README.md").read_text())
    assert plan.variables == {"EKPHONIA_MODELS": "auto"}


def test_nothing_that_is_uploaded_imports_what_is_not() -> None:
    plan = make_plan(ROOT, read_spacefile(ROOT / "Spacefile"), hardware="cpu-basic", variables={})
    code = "\n".join(data.decode() for name, data in plan.files.items() if name.endswith(".py"))
    modules = set(re.findall(r"^\s*(?:from|import) ((?:page|pipelines|training|tests)[\w.]*)", code, re.MULTILINE))
    files = set(plan.files) | {str(path.relative_to(ROOT)) for path in ROOT.glob("p*/**/*.py")} - set(plan.left_out)
    assert len(modules) > 50
    assert [
        name for name in modules if not files & {f"{name.replace('.', '/')}{end}" for end in (".py", "/__init__.py")}
    ] == []


def test_the_uploaded_readme_links_to_what_is_uploaded() -> None:
    plan = make_plan(ROOT, read_spacefile(ROOT / "Spacefile"), hardware="cpu-basic", variables={})
    links = re.findall(r"\]\(([^)#:]+)\)", plan.files["README.md"].decode())
    assert len(links) >= 4
    assert [link for link in links if link not in plan.files] == []


def test_packages_are_a_debian_package_a_line() -> None:
    lines = (ROOT / "packages.txt").read_text().splitlines()
    assert {"fluidsynth", "ffmpeg"} <= set(lines)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", line) for line in lines)


# The parts


def test_of_two_patterns_the_later_counts() -> None:
    names = ["a.md", "docs/a.md", "docs/b.txt", "x/.gitignore", ".gitignore", "docs.txt"]
    assert choose(names, ["docs/", "!docs/*.md", "*.gitignore"]) == ["a.md", "docs/a.md", "docs.txt"]
    assert choose(names, []) == names


def test_requirements_suit_the_hardware() -> None:
    ours = "gradio\ntorch>=2.9,<2.14  # why\ntorchvision\n"
    assert requirements_for(ours, "t4-small") == ours
    assert requirements_for(ours, "cpu-basic") == f"--extra-index-url https://download.pytorch.org/whl/cpu\n{ours}"
    assert requirements_for(ours, ZERO_GPU) == "gradio\ntorch==2.11.0\ntorchvision\nspaces\n"
    assert requirements_for("torch<2.11", ZERO_GPU) == "torch==2.10.0\nspaces\n"
    assert requirements_for("torch", ZERO_GPU) == "torch==2.11.0\nspaces\n"
    with pytest.raises(SettingsError, match=r"ZeroGPU has no torch >=2.12, but 2.11.0"):
        requirements_for("torch>=2.12", ZERO_GPU)
    with pytest.raises(SettingsError, match="does not ask for torch"):
        requirements_for("torchvision\n# torch\n", "cpu-basic")


def test_python_suits_the_hardware() -> None:
    assert [python_for(version, "cpu-basic") for version in ("3.11", None)] == ["3.11", "3.12"]
    assert [python_for(version, ZERO_GPU) for version in ("3.12", "3.12.12", None)] == ["3.12.12"] * 3
    with pytest.raises(SettingsError, match=r"ZeroGPU has no Python 3.11; set python_version to 3.12.12"):
        python_for("3.11", ZERO_GPU)


def test_zero_gpu_needs_a_function_that_asks_for_it(checkout: Path) -> None:
    settings = parse_spacefile(SETTINGS)
    with pytest.raises(SettingsError, match=r"Nothing calls spaces.GPU"):
        make_plan(checkout, settings, hardware=ZERO_GPU, variables={})
    (checkout / "app.py").write_text("import spaces\n\n@spaces.GPU\ndef f(): ...\n")
    plan = make_plan(checkout, settings, hardware=ZERO_GPU, variables={})
    assert plan.files["requirements.txt"] == b"gradio>=6.31\ntorch==2.11.0\ntorchvision\nspaces\n"


def test_what_a_space_needs_must_be_there(checkout: Path) -> None:
    (checkout / "requirements.txt").unlink()
    with pytest.raises(SettingsError, match=r"A Space needs requirements.txt"):
        make_plan(checkout, parse_spacefile(SETTINGS), hardware="cpu-basic", variables={})


def test_a_thumbnail_must_be_there(checkout: Path) -> None:
    with pytest.raises(SettingsError, match=r"thumbnail other.png is not among the files"):
        make_plan(checkout, parse_spacefile(SETTINGS.replace("shot", "other")), hardware="cpu-basic", variables={})


def test_a_folder_without_git_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "bare").mkdir()
    with pytest.raises(SettingsError, match="no git checkout"):
        make_plan(tmp_path / "bare", parse_spacefile(SETTINGS), hardware="cpu-basic", variables={})


# The dry run


def test_a_dry_run_says_all_and_asks_no_network(
    checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    (checkout / "app.py").write_bytes(b"print('changed')\n")
    (checkout / "new.py").write_bytes(b"")
    code, out, _ = run(capsys, "--dry-run", "--to", ME, "--hardware", "t4-small", "--variable", "A=b")
    assert code == 0
    listed = re.findall(r"^ +[\d.]+ [kM]B  (.+)$", out, re.MULTILINE)
    assert listed == sorted(set(SMALL) - {"tests/test_app.py"})
    assert "Files      7, 1.0 MB" in out
    assert "Variables  EKPHONIA_MODELS=auto, A=b" in out
    assert "Hardware   t4-small, asked for" in out
    assert "Largest    weights.safetensors (1.0 MB)" in out
    assert "Left out of what git tracks: 1 files." in out
    assert "uploaded as they are here: app.py." in out
    assert "not uploaded (`git add` them if the page needs them): new.py." in out
    header = header_of(out[out.index("---\n") :].encode())
    assert header["preload_from_hub"] == ["facebook/musicgen-small"]
    assert header["thumbnail"] == f"https://huggingface.co/spaces/{ME}/resolve/main/shot.png"


def test_the_command_runs_by_itself_without_loading_the_page() -> None:
    code = (
        "import sys; sys.argv = ['space', '--dry-run']\nfrom page.space import main\ncode = main()\n"
        "print(sorted({'gradio', 'torch', 'transformers'} & set(sys.modules))); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.endswith("Nothing was uploaded, and the network was not asked.\n[]\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Which Space? Give --to OWNER/NAME"),
        (("--to", "ekphonia"), "must be owner/name"),
        (("--to", "me/a--b"), "must be owner/name"),
        (("--to", "spaces/me/x"), "must be owner/name"),
        (("--to", ME, "--hardware", "h100"), "hardware is 'h100', but it must be one of cpu-basic"),
        (("--to", ME, "--variable", "A"), "has no value; write NAME=VALUE"),
        (("--to", ME, "--variable", "A=hf_abc"), "would be public"),
    ],
)
def test_bad_arguments_end_in_a_line_and_code_2(
    hub: SpaceHub, checkout: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert hub.asked == []


# The upload


def test_a_space_is_made_filled_and_waited_for(
    hub: SpaceHub, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "--to", ME, "--private", "--hardware", "t4-small", "--wait", "--variable", "A=b")
    assert code == 0, err
    assert out == f"{hub.url}/spaces/{ME}\n"
    made = hub.spaces[ME]
    assert (made.sdk, made.private, made.hardware) == ("gradio", True, "t4-small")
    assert made.variables == {"EKPHONIA_MODELS": "auto", "A": "b"}
    assert set(made.files) == set(SMALL) - {"tests/test_app.py"} | {".gitattributes"}
    as_here = set(made.files) - {"README.md", ".gitattributes"}
    assert {name: made.files[name] for name in as_here} == {name: SMALL[name] for name in as_here}
    header = header_of(made.files["README.md"])
    assert header == {
        "title": "Small",
        "emoji": "🎹",
        "sdk": "gradio",
        "sdk_version": "6.31.0",
        "python_version": "3.12",
        "app_file": "app.py",
        "license": "apache-2.0",
        "thumbnail": f"{hub.url}/spaces/{ME}/resolve/main/shot.png",
        "models": ["facebook/musicgen-small"],
        "preload_from_hub": ["facebook/musicgen-small"],
        "suggested_hardware": "t4-small",
    }
    assert made.files["README.md"].endswith(b"---\n\n# Small\n")
    assert not [data for data in made.files.values() if TOKEN.encode() in data]
    assert err.splitlines()[-3:] == ["BUILDING", "APP_STARTING", "RUNNING"]


def test_all_comes_in_one_commit_after_what_is_set(
    hub: SpaceHub, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "--to", ME, "--hardware", "cpu-upgrade")[0] == 0
    posts = [line.removeprefix("POST ") for line in hub.asked if line.startswith("POST")]
    assert [post.rpartition("/")[2] for post in posts[:3]] == ["create", "hardware", "variables"]
    assert [post for post in posts if "/commit/" in post] == [posts[-1]]
    assert hub.spaces[ME].files["requirements.txt"].startswith(b"--extra-index-url ")


def test_a_second_upload_sends_what_is_new_and_removes_what_is_gone(
    hub: SpaceHub, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "--to", ME)[0] == 0
    assert "nothing has changed since" in run(capsys, "--to", ME)[2]
    assert len(hub.spaces[ME].commits) == 2
    git(checkout, "rm", "-q", "ünïcode name.txt")
    (checkout / "app.py").write_bytes(b"print('new')\n")
    hub.asked.clear()
    told = run(capsys, "--to", ME)[2]
    assert "removed 1" in told
    assert told.startswith("Note: Not committed, but uploaded as they are here: app.py, ünïcode name.txt.\n")
    assert hub.spaces[ME].files["app.py"] == b"print('new')\n"
    assert set(hub.spaces[ME].files) == set(SMALL) - {"tests/test_app.py", "ünïcode name.txt"} | {".gitattributes"}
    assert not [line for line in hub.asked if line.startswith("PUT") or line == f"POST /api/spaces/{ME}/variables"]


def test_large_files_go_to_xet_where_its_client_is_installed(
    hub: SpaceHub,
    checkout: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    from huggingface_hub import constants

    pytest.importorskip("hf_xet")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    hub.xet = tmp_path / "xet"
    code, _, err = run(capsys, "--to", ME)
    assert code == 0, err
    assert hub.blobs == {}
    made = hub.spaces[ME]
    for name in ("weights.safetensors", "shot.png"):
        assert made.files[name].decode() == hashlib.sha256(SMALL[name]).hexdigest()
    stored = sum(path.stat().st_size for path in hub.xet.rglob("*") if path.is_file())
    assert stored > 0
    assert made.files["app.py"] == SMALL["app.py"]


def test_another_app_is_replaced_only_when_told_to(
    hub: SpaceHub, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.spaces[ME] = StandInSpace(files={"README.md": b"", "streamlit_app.py": b""})
    code, _, err = run(capsys, "--to", ME)
    assert (code, "holds another app" in err) == (1, True)
    assert set(hub.spaces[ME].files) == {"README.md", "streamlit_app.py"}
    assert hub.spaces[ME].variables == {}
    assert run(capsys, "--to", ME, "--replace")[0] == 0
    assert "streamlit_app.py" not in hub.spaces[ME].files


def test_a_public_space_is_not_taken_for_a_private_one(
    hub: SpaceHub, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.spaces[ME] = StandInSpace()
    code, _, err = run(capsys, "--to", ME, "--private")
    assert (code, "exists and is public" in err) == (1, True)
    assert len(hub.spaces[ME].commits) == 1


def test_files_for_other_hardware_than_the_space_has_are_not_sent(
    hub: SpaceHub, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.spaces[ME] = StandInSpace(hardware="a10g-small")
    code, _, err = run(capsys, "--to", ME)
    assert (code, "has a10g-small, but the files are for cpu-basic; add --hardware a10g-small" in err) == (1, True)
    assert run(capsys, "--to", ME, "--hardware", "a10g-small")[0] == 0
    assert f"POST /api/spaces/{ME}/hardware" not in hub.asked  # it has that already


# What goes wrong


def test_nobody_logged_in_is_said_before_anything_is_asked(
    hub: SpaceHub, checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from huggingface_hub import constants

    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no token"))
    code, _, err = run(capsys, "--to", ME)
    assert (code, hub.asked) == (1, [])
    assert "You are not logged in at the hub; set HF_TOKEN" in err


def test_a_token_that_the_hub_does_not_know_is_said(
    hub: SpaceHub, checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    code, _, err = run(capsys, "--to", ME)
    assert (code, "does not accept the token" in err, "hf_other" in err) == (1, True, False)


def test_a_token_that_may_only_read_is_said(hub: SpaceHub, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hub.role = "read"
    code, _, err = run(capsys, "--to", ME)
    assert (code, "token of me may only read" in err, hub.spaces) == (1, True, {})


@pytest.mark.parametrize(
    ("end", "status", "said"),
    [
        ("/create", 402, "asks for a subscription"),
        ("/hardware", 402, "asks for a subscription"),
        ("/hardware", 400, "The hub refused me/ekphonia (HTTP 400: not today)"),
        ("/variables", 403, "no right to write me/ekphonia"),
        ("/commit/main", 412, "Somebody else has changed me/ekphonia"),
        ("/validate-yaml", 400, "Invalid metadata in README.md"),
        ("/objects/batch", 403, "no right to write me/ekphonia"),
    ],
)
def test_what_the_hub_refuses_is_said(
    hub: SpaceHub, checkout: Path, capsys: pytest.CaptureFixture[str], end: str, status: int, said: str
) -> None:
    hub.refuse = {end: status}
    code, out, err = run(capsys, "--to", ME, "--hardware", "t4-small")
    assert (code, out) == (1, "")
    assert said in err.splitlines()[-1]
    assert "Traceback" not in err
    assert all(len(made.commits) == 1 for made in hub.spaces.values())


def test_what_somebody_else_changes_meanwhile_is_not_overwritten(
    hub: SpaceHub, checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.spaces[ME] = StandInSpace()
    monkeypatch.setattr(space_hub, "_set_variables", lambda *_: hub.spaces[ME].commits.append("a" * 40))
    code, _, err = run(capsys, "--to", ME)
    assert (code, f"Somebody else has changed {ME} meanwhile" in err) == (1, True)
    assert set(hub.spaces[ME].files) == {".gitattributes"}


def test_a_name_of_somebody_else_is_said(hub: SpaceHub, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "--to", "you/ekphonia")
    assert (code, "no right to write you/ekphonia" in err) == (1, True)


def test_a_space_that_fails_says_why(hub: SpaceHub, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hub.spaces[ME] = StandInSpace(stages=["BUILDING", "BUILD_ERROR"], error="no torch\nhere")
    code, out, err = run(capsys, "--to", ME, "--wait")
    assert (code, out) == (1, f"{hub.url}/spaces/{ME}\n")
    assert err.endswith(f"{ME} came to BUILD_ERROR (no torch here); read `hf spaces logs {ME} --build`.\n")


def test_a_space_that_never_runs_is_given_up(
    hub: SpaceHub, checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.spaces[ME] = StandInSpace(stages=["APP_STARTING"])
    monkeypatch.setattr(space, "LONGEST_WAIT_S", 0.1)
    code, _, err = run(capsys, "--to", ME, "--wait")
    assert (code, "does not run after 0 s" in err) == (1, True)


def test_a_hub_that_never_answers_is_given_up(
    hub: SpaceHub, checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import get_session

    with socket.socket() as silent:  # accepts, and says nothing
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        use_hub(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr(space_hub, "WAIT_S", 0.3)
        before = get_session().timeout
        code, _, err = run(capsys, "--to", ME)  # that it comes back at all
    assert (code, "The hub does not answer for the login" in err) == (1, True)
    assert get_session().timeout == before


def test_nothing_at_the_hubs_address_is_said(
    hub: SpaceHub, checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        use_hub(monkeypatch, f"http://127.0.0.1:{probe.getsockname()[1]}")
    code, _, err = run(capsys, "--to", ME)
    assert (code, "try again when the network is there" in err) == (1, True)


def test_waiting_does_not_take_the_old_program_for_the_new(hub: SpaceHub, monkeypatch: pytest.MonkeyPatch) -> None:
    old = StandInSpace(stages=["RUNNING"], commits=["a" * 40, "b" * 40])
    hub.spaces[ME] = old
    told: list[str] = []
    with pytest.raises(HubError, match="does not run after"):
        space_hub.wait_until_running(space_hub.Uploaded(ME, hub.url, "c" * 40), longest_s=0.1, tell=told.append)
    assert told == ["RUNNING"]
