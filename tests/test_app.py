"""The server's program: short, quick to import, no word to the outside."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import app
from page.layout import LONGEST_QUEUE
from page.models_panel import FETCH_VARIABLE, HOST_VARIABLE, may_fetch
from page.theme import head

ROOT = Path(app.__file__).resolve().parent
HEAVY = ("torch", "matplotlib", "fluidsynth", "transformers", "tensorflow", "keras", "sklearn", "symusic", "miditok")


def test_app_is_short() -> None:
    assert len((ROOT / "app.py").read_text(encoding="utf-8").splitlines()) < 150


def test_nothing_heavy_is_imported_before_the_page_is_up() -> None:
    code = f"import sys, app; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_queue_has_an_end_and_files_do_not_stay() -> None:
    assert app.demo._queue.max_size == LONGEST_QUEUE
    assert app.demo.delete_cache is not None
    assert app.demo.delete_cache[1] <= 24 * 3600


def test_launching_shares_nothing_and_keeps_no_history() -> None:
    options = app.launch_options()
    assert (options["share"], options["run_history"], options["show_error"]) == (False, False, False)
    assert options["footer_links"] == []
    assert options["max_file_size"] == "64mb"
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"


def test_the_head_asks_for_nothing_from_outside() -> None:
    text = head()
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in text
    assert "@import" not in text


def test_the_command_line_takes_host_and_port() -> None:
    options = app.parser().parse_args(["--host", "0.0.0.0", "--port", "8123", "--no-warm-up"])
    assert (options.host, options.port, options.no_warm_up) == ("0.0.0.0", 8123, True)
    assert options.allow_fetch is False


@pytest.mark.parametrize(("models", "said"), [("foo", "The models 'foo' are unknown"), ("paper", "cannot insist on")])
def test_models_that_the_page_cannot_use_end_it_with_a_sentence(models: str, said: str) -> None:
    line = [sys.executable, "app.py", "--port", "1", "--no-warm-up"]
    environment = {**os.environ, "EKPHONIA_MODELS": models}
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"ekphonia: {said}") or said in last
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "allowed"),
    [([], True), (["--host", "0.0.0.0"], False), (["--host", "0.0.0.0", "--allow-fetch"], True)],
)
def test_visitors_of_other_machines_fetch_only_where_it_is_allowed(
    monkeypatch: pytest.MonkeyPatch, words: list[str], allowed: bool
) -> None:
    for name in ("SPACE_ID", "EKPHONIA_MODELS", FETCH_VARIABLE, HOST_VARIABLE):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    seen: list[bool] = []
    monkeypatch.setattr(app.demo, "launch", lambda **_: seen.append(may_fetch()))
    monkeypatch.setattr(app.demo, "block_thread", lambda: None)
    app.main([*words, "--no-warm-up"])
    assert seen == [allowed]
