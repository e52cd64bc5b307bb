import os
import signal

import pytest
import torch

from pipelines.errors import SettingsError, WeightsError
from training.run_folder import (
    append_line,
    folder_in_place_of,
    load_checkpoint,
    optimiser_tensors,
    read_lines,
    restore_optimiser,
    save_checkpoint,
    stop_signal,
    write_lines,
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_first_signal_asks_and_a_second_does_what_it_always_does(number):
    before = signal.getsignal(number)
    with stop_signal() as stop:
        assert not stop()
        os.kill(os.getpid(), number)
        assert stop()
        assert signal.getsignal(number) is before
    assert signal.getsignal(number) is before


def test_a_checkpoint_is_read_as_it_was_written(tmp_path):
    tensors = {"m.a": torch.arange(6.0).view(2, 3).T, "m.b": torch.tensor(3)}
    save_checkpoint(tmp_path / "run" / "c.safetensors", tensors, {"step": 4, "best": float("inf")})
    found, state = load_checkpoint(tmp_path / "run" / "c.safetensors")
    assert state == {"step": 4, "best": float("inf")}
    assert torch.equal(found["m.a"], tensors["m.a"])
    assert torch.equal(found["m.b"], tensors["m.b"])
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["c.safetensors"]
    with pytest.raises(WeightsError, match="missing or damaged"):
        load_checkpoint(tmp_path / "other.safetensors")


def test_an_optimiser_goes_on_with_its_moments():
    weights = [torch.nn.Parameter(torch.ones(3)) for _ in range(2)]
    optimisers = [torch.optim.AdamW([weight], lr=0.1) for weight in weights]
    for weight, optimiser in zip(weights, optimisers, strict=True):
        weight.grad = torch.tensor([1.0, -2.0, 3.0])
        optimiser.step()
    fresh = torch.optim.AdamW([weights[1]], lr=0.1)
    restore_optimiser(fresh, optimiser_tensors(optimisers[1]))
    for optimiser in (optimisers[0], fresh):
        optimiser.step()
    assert torch.equal(weights[0], weights[1])


def test_a_folder_takes_the_place_of_one_of_its_kind_and_of_no_other(tmp_path):
    out, others = tmp_path / "out", tmp_path / "others"
    out.mkdir()  # an empty one may go
    for text in ("first", "second"):
        with folder_in_place_of(out, "mark") as part:
            (part / "mark").write_text(text)
    assert (out / "mark").read_text() == "second"
    with pytest.raises(ZeroDivisionError), folder_in_place_of(out, "mark") as part:
        (part / "mark").write_text(str(1 // 0))
    assert (out / "mark").read_text() == "second"
    others.mkdir()
    (others / "photo.jpg").write_text("of a life")
    with pytest.raises(SettingsError, match="holds no mark"), folder_in_place_of(others, "mark"):
        pass
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["mark", "others", "out", "photo.jpg"]


def test_lines_are_read_up_to_one_that_was_cut_off(tmp_path):
    path = tmp_path / "log.jsonl"
    assert read_lines(path) == []
    append_line(path, {"step": 1})
    append_line(path, {"step": 2, "text": "é"})
    with path.open("a") as file:
        file.write('{"step"')
    rows = read_lines(path)
    assert rows == [{"step": 1}, {"step": 2, "text": "é"}]
    write_lines(path, rows)
    append_line(path, {"step": 3})
    assert [row["step"] for row in read_lines(path)] == [1, 2, 3]
