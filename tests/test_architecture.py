"""Imports run one way: records and errors, models, steps, the chains, then the page and the command lines."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {
    "torch",
    "transformers",
    "tensorflow",
    "keras",
    "fluidsynth",
    "matplotlib",
    "sklearn",
    "miditok",
    "symusic",
    "scipy",
}


def imported(path: Path, *, top_level_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def test_only_the_page_imports_gradio() -> None:
    outside = [*files("pipelines"), *files("training")]
    assert [p.name for p in outside if any(n.split(".")[0] == "gradio" for n in imported(p))] == []


def test_pipelines_never_import_training_or_the_page() -> None:
    forbidden = {"training", "page", "app"}
    assert {p.name: imported(p) for p in files("pipelines") if {n.split(".")[0] for n in imported(p)} & forbidden} == {}


def test_one_pipeline_imports_no_step_of_the_other() -> None:
    for folder, other in (("symbolic", "waveform"), ("waveform", "symbolic")):
        found = [
            path.name
            for path in files(f"pipelines/{folder}")
            if path.name != "ensemble.py" and any(n.startswith(f"pipelines.{other}") for n in imported(path))
        ]
        assert found == []


def test_records_import_nothing_of_the_project_but_errors_and_errors_nothing() -> None:
    for name, allowed in (("records.py", {"pipelines.errors"}), ("errors.py", set())):
        found = {n for n in imported(ROOT / "pipelines" / name) if n.startswith("pipelines")}
        assert found == allowed


def test_importing_the_package_imports_nothing() -> None:
    assert imported(ROOT / "pipelines" / "__init__.py") == set()


@pytest.mark.parametrize(
    "module",
    [
        "pipelines.symbolic",
        "pipelines.symbolic.composer",
        "pipelines.waveform",
        "pipelines.waveform.caption",
        "pipelines.waveform.prompt",
        "pipelines.waveform.musicgen",
        "pipelines.waveform.ensemble",
        "pipelines.emotion",
        "pipelines.hearing",
        "app",
    ],
)
def test_importing_a_step_loads_no_model_library(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == ""


def test_nothing_is_pickled() -> None:
    sources = [*files("pipelines"), *files("training"), *files("page"), ROOT / "app.py"]
    loads = [p.name for p in sources if {"pickle", "joblib", "dill"} & {n.split(".")[0] for n in imported(p)}]
    assert loads == []
    unsafe = [p.name for p in sources if "torch.load(" in p.read_text() and "weights_only=True" not in p.read_text()]
    assert unsafe == []


def test_the_top_level_is_as_designed() -> None:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    allowed = {
        "app.py",
        "requirements.txt",
        "pipelines",
        "training",
        "assets",
        "soundfonts",
        "tests",
        "Spacefile",
        "page",
    }
    allowed |= {"README.md", "packages.txt", "Makefile", "pyproject.toml", "LICENSE", "CHANGELOG.md", "constraints.txt"}
    allowed |= {"requirements-audiocraft.txt"}
    allowed |= {".ci", ".gitignore"}
    assert {line.split("/")[0] for line in done.stdout.splitlines()} <= allowed


def test_no_file_is_too_large_for_the_repository() -> None:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    sizes = {name: (ROOT / name).stat().st_size for name in done.stdout.splitlines() if (ROOT / name).is_file()}
    assert max(sizes.values(), default=0) <= 25 * 2**20
    assert sum(sizes.values()) <= 100 * 2**20
