"""The composer's fit on a handful of made-up pieces: it learns, stops, goes on where it stopped, and exports."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipelines.errors import SettingsError
from pipelines.models import load_weights
from pipelines.records import Note
from pipelines.symbolic.composer import ComposerSettings, load_composer
from pipelines.symbolic.composer_model import ComposerConfig
from pipelines.symbolic.events import Header, encode
from training.composer import CHECKPOINT, CORPUS, FitSettings, Run, batches, crop, evaluate, export, fit
from training.data.composer_corpus import Piece, load, mark_held_out, save

TINY = FitSettings(
    minutes=0.02,
    batch_events=256,
    check_every_steps=5,
    warmup_steps=2,
    model=ComposerConfig(width=32, layers=1, heads=2, feed_forward=32, head_width=16),
)


def piece(number: int) -> Piece:
    rng = np.random.default_rng(number)
    notes = [Note(beat / 2, int(rng.choice([60, 62, 64, 67])), 0.5, 79) for beat in range(32)]
    source = "eimg_steady" if number % 3 else "pop909"
    header = Header(4, "major", 100.0).ids()
    return Piece(f"set/{number}", source, encode(notes, 4), header, (float(rng.uniform(1, 9)), 5.0), held_out=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(mark_held_out(piece(i) for i in range(40)), tmp_path / CORPUS)
    return tmp_path


def test_the_corpus_is_read_back_as_written(tmp_path: Path) -> None:
    pieces = mark_held_out(piece(i) for i in range(20))
    save(pieces, tmp_path / "pieces.npz")
    back = load(tmp_path / "pieces.npz")
    assert sum(p.held_out for p in pieces) == 2
    for old, new in zip(pieces, back, strict=True):
        assert (old.name, old.source, old.header, old.held_out) == (new.name, new.source, new.header, new.held_out)
        assert old.emotion == pytest.approx(new.emotion)
        assert np.array_equal(old.events, new.events)


def test_segments_of_a_song_are_held_out_together() -> None:
    pieces = [
        Piece(f"song{i // 4}@{i % 4}", "pop909", piece(1).events, (0, 0, 5), (5.0, 5.0), False) for i in range(80)
    ]
    by_song: dict[str, set[bool]] = {}
    for p in mark_held_out(pieces):
        by_song.setdefault(p.name.split("@")[0], set()).add(p.held_out)
    assert all(len(kinds) == 1 for kinds in by_song.values())
    assert sum(kinds == {True} for kinds in by_song.values()) == 2


def test_crops_begin_at_a_bar_and_leave_the_piece_alone() -> None:
    whole = piece(4)
    before = whole.events.copy()
    rng = np.random.default_rng(0)
    for _ in range(50):
        events = crop(whole, 20, rng)
        assert len(events) <= 20
        assert events[0, 0] == 0
        assert events[0, 1] == 0
    assert np.array_equal(whole.events, before)


def test_batches_are_of_the_size_and_padded() -> None:
    pieces = [piece(i) for i in range(30)]
    for batch in itertools.islice(batches(pieces, TINY, np.random.default_rng(0)), 10):
        assert batch.events.shape[0] * (batch.events.shape[1] + 2) <= 256
        assert batch.real.any(1).all()
        assert batch.time.shape == batch.real.shape


def test_it_learns_and_goes_on_where_it_stopped(folder: Path) -> None:
    torch.manual_seed(0)
    held = [p for p in load(folder / CORPUS) if p.held_out]
    untaught = evaluate(Run(folder, TINY).model, held, TINY)["note"]
    run = fit(folder, TINY)
    assert run.step >= 5
    assert (folder / CHECKPOINT).exists()
    again = Run(folder, TINY)
    assert (again.step, again.spent_s) == (run.step, pytest.approx(run.spent_s))
    for old, new in zip(run.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(old, new)
    first = next(iter(run.model.parameters()))
    assert torch.equal(
        run.optimiser.state[first]["exp_avg"], again.optimiser.state[next(iter(again.model.parameters()))]["exp_avg"]
    )
    assert evaluate(again.averaged(), held, TINY)["note"] < untaught


def test_what_is_exported_composes(folder: Path) -> None:
    run = fit(folder, TINY)
    path = folder / "composer.safetensors"
    export(run, path)
    for growing in load_composer(path).compose(5.0, 5.0, ComposerSettings(duration_s=10.0, candidates=2)):
        score = growing
    assert score.duration_s == pytest.approx(10.0)


def test_the_exported_file_carries_config_and_steps(folder: Path) -> None:
    run = Run(folder, TINY)
    export(run, folder / "composer.safetensors")
    tensors, stored = load_weights(folder / "composer.safetensors")
    assert stored == {"config": TINY.model.to_dict(), "steps": 0}
    assert {str(value.dtype) for value in tensors.values()} == {"torch.float16"}


def test_no_minutes_only_load_the_run(folder: Path) -> None:
    assert fit(folder, replace(TINY, minutes=0.0)).step == 0
    assert not (folder / CHECKPOINT).exists()
    run = fit(folder, TINY)
    written = (folder / CHECKPOINT).read_bytes()
    again = fit(folder, replace(TINY, minutes=0.0))
    assert again.step == run.step
    assert torch.initial_seed() == TINY.seed + run.step
    assert (folder / CHECKPOINT).read_bytes() == written


def test_a_run_of_another_shape_is_told(folder: Path) -> None:
    fit(folder, TINY)
    wider = replace(TINY, model=replace(TINY.model, feed_forward=64))
    with pytest.raises(SettingsError, match=r"feed_forward 32, not feed_forward 64; use another folder with --run"):
        Run(folder, wider)


def test_the_corpus_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.composer.build", lambda: mark_held_out(piece(i) for i in range(20)))
    fit(tmp_path, replace(TINY, minutes=0.0))
    assert [path.name for path in tmp_path.iterdir()] == [CORPUS]
    assert len(load(tmp_path / CORPUS)) == 20
