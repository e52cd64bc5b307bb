import json
import sys

import numpy as np
import pytest
import torch
from tiny_musicgen import CODEBOOK_SIZE, CODEBOOKS, tiny_model

from training.musicgen import evaluate as command
from training.musicgen.evaluate import PairLosses, interval, losses_of, table, windows
from training.musicgen.model import TunedMusicGen

GENERATOR = torch.Generator().manual_seed(3)
CODES = torch.randint(CODEBOOK_SIZE, (3, CODEBOOKS, 25), generator=GENERATOR)
STATES = torch.randn(3, 5, 24, generator=GENERATOR)


class Rows(list):
    """Shards' rows in memory."""

    def row(self, number: int) -> dict[str, torch.Tensor]:
        return self[number]


class InMemory:
    """What was stored: three pairs of unlike length, each with a text of its own, moved on by `shift` pairs."""

    def __init__(self, shift: int = 0) -> None:
        self.states = STATES.roll(-shift, 0)

    def codes(self, split: str) -> Rows:
        return Rows({"codes": CODES[n].short(), "frames": torch.tensor(frames)} for n, frames in enumerate((25, 20, 7)))

    def texts(self, split: str, condition: str) -> Rows:
        return Rows({"states": states, "words": torch.ones(5, dtype=torch.uint8)} for states in self.states)


def test_windows_are_whole_and_a_short_piece_is_one():
    found = list(windows(CODES[0], 25, 10))
    assert [piece.shape for piece in found] == [(1, 4, 10)] * 2
    assert torch.equal(torch.cat(found, dim=2)[0], CODES[0, :, :20])
    assert [piece.shape for piece in windows(CODES[0], 7, 10)] == [(1, 4, 7)]


def test_a_loss_is_of_the_text_so_many_pairs_further_on():
    model = TunedMusicGen(tiny_model()).eval()
    own, other, none = (losses_of(model, InMemory(), "test", "x", clip_s=0.2, shift=shift) for shift in (0, 1, None))
    assert own.shape == (3,)
    assert np.abs(own - other).max() > 1e-2
    assert np.abs(own - none).max() > 1e-2
    assert losses_of(model, InMemory(1), "test", "x", clip_s=0.2, shift=0) == pytest.approx(other)
    assert losses_of(model, InMemory(1), "test", "x", clip_s=0.2, shift=None) == pytest.approx(none)


def test_the_interval_of_a_mean_is_that_of_its_standard_error():
    values = np.random.default_rng(1).normal(3.0, 2.0, size=400)
    low, high = interval(values)
    assert low == pytest.approx(values.mean() - 1.96 * 0.1 * values.std() / 2, abs=0.03)
    assert high == pytest.approx(values.mean() + 1.96 * 0.1 * values.std() / 2, abs=0.03)


def test_the_table_tells_gains_and_how_far_runs_are_below_the_first():
    first = PairLosses(*(np.full(4, value) for value in (2.0, 2.25, 2.5, 3.0)), tokens=100)
    second = PairLosses(*(np.full(4, value) for value in (1.5, 1.75, 2.0, 3.0)), tokens=100)
    lines = table({"emotive": first, "lyrical": second}).splitlines()
    assert (
        lines[2] == "| emotive | 2.0000 | 2.2500 | 2.5000 | 3.0000 | 25.00 (25.00 to 25.00) | 50.00 (50.00 to 50.00) |"
    )
    assert lines[-1] == "lyrical below emotive by 0.5000 nats a token (0.5000 to 0.5000)."


def test_runs_of_one_name_keep_their_rows_apart(tmp_path, monkeypatch, capsys):
    (tmp_path / "stored.json").write_text(json.dumps({"settings": {"base": "b"}, "pairs": {"test": 4}, "digest": "d"}))
    losses = {"a/lyrical": 2.0, "b/lyrical": 1.0}
    monkeypatch.setattr(command, "evaluate", lambda run, *_, **__: PairLosses(*[np.full(4, losses[str(run)])] * 4, 9))
    monkeypatch.setattr(sys, "argv", ["evaluate", *losses, "--stored", str(tmp_path)])
    assert command.main() == 0
    assert "b/lyrical below a/lyrical by 1.0000 nats" in capsys.readouterr().out
