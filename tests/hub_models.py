"""Puts tiny models where the hub's cache would have them, so that tests load them as they would load the real ones.

Use from a test (pytest puts the folder of tests on the path)::

    from hub_models import put_in_cache, use_cache

    @pytest.fixture
    def tiny_blip(tmp_path, monkeypatch):
        use_cache(monkeypatch, tmp_path)
        return put_in_cache(tmp_path, paper_entry("caption").hub_id, save_tiny_blip)

where `save_tiny_blip(folder)` calls `model.save_pretrained(folder)` and that of the tokenizer or processor.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest


def use_cache(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """Make `cache` the hub's cache of this process, and of those that it starts, until the test ends.

    huggingface_hub reads the environment when it is imported, hence its constant too.
    """
    from huggingface_hub import constants

    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))


def put_in_cache(cache: Path, hub_id: str, save: Callable[[Path], None]) -> Path:
    """Save a model, with `save(folder)`, in the cache's layout as `hub_id`; returns its snapshot's folder."""
    repository = Path(cache) / f"models--{hub_id.replace('/', '--')}"
    commit = hashlib.sha1(hub_id.encode()).hexdigest()
    snapshot = repository / "snapshots" / commit
    snapshot.mkdir(parents=True, exist_ok=True)
    save(snapshot)
    (repository / "refs").mkdir(exist_ok=True)
    (repository / "refs" / "main").write_text(commit)
    return snapshot
