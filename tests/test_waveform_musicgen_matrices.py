import pytest
import torch

from pipelines.errors import ModelFailedError
from pipelines.waveform import musicgen_threads
from pipelines.waveform.musicgen_matrices import FULL_RANGE, SAFE_RANGE, Int8Matrix, int8_levels, matrix
from pipelines.waveform.musicgen_threads import STEPS_BETWEEN_TRIALS, Threads

needs_int8 = pytest.mark.skipif(not int8_levels(), reason="this CPU or build of torch multiplies no 8-bit numbers")


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def rounded(weight: torch.Tensor) -> torch.Tensor:
    """The weight as 8 bits and a scale for each row can say it."""
    scale = weight.abs().amax(1, keepdim=True) / 127
    return (weight / scale).round() * scale


@needs_int8
@pytest.mark.parametrize("levels", [FULL_RANGE, SAFE_RANGE])
def test_only_the_weights_are_rounded_whatever_the_activations(levels):
    if levels > int8_levels():
        pytest.skip("this CPU saturates")
    weight, x = normal(96, 128), normal(2, 128, seed=1)
    x[:, 7] *= 100  # an outlier, and two rows of very different size
    x[1] *= 1e-3
    product = Int8Matrix(weight, levels=levels)(x)
    wanted = x @ rounded(weight).T
    error = (product - wanted).norm(dim=1) / wanted.norm(dim=1)
    assert error.max() < (2e-4 if levels == FULL_RANGE else 8e-4)


@needs_int8
def test_int8_keeps_shape_and_does_without_values():
    product = matrix(normal(6, 16), "int8")
    assert product(normal(2, 3, 16)).shape == (2, 3, 6)
    assert product(torch.zeros(1, 16)).tolist() == [[0.0] * 6]


@needs_int8
def test_making_a_matrix_leaves_torchs_engine_as_it_was():
    before = torch.backends.quantized.engine
    matrix(normal(4, 8), "int8")
    assert torch.backends.quantized.engine == before


def test_other_precisions_multiply_by_the_weight_as_it_is():
    weight, x = normal(6, 16), normal(2, 16, seed=1)
    assert torch.equal(matrix(weight, "float32")(x), torch.nn.functional.linear(x, weight))
    assert matrix(weight, "float16")(x.half()).dtype == torch.float16


@pytest.mark.parametrize("precision", ["int8", "float32"])
def test_weights_that_are_no_numbers_are_refused(precision):
    weight = normal(6, 16)
    weight[2, 3] = float("nan")
    with pytest.raises(ModelFailedError, match="no numbers"):
        matrix(weight, precision)


def test_a_build_without_8_bit_engines_is_told(monkeypatch):
    from pipelines.waveform import musicgen_loading, musicgen_matrices

    monkeypatch.setattr(musicgen_matrices, "ENGINES", ("none such",))
    assert int8_levels.__wrapped__() == 0
    monkeypatch.setattr(musicgen_matrices, "int8_levels", lambda: 0)
    assert musicgen_loading.best_precision("cpu") == "float32"
    assert musicgen_loading.best_precision("cuda") == "float16"


class Machine:
    """A clock and a machine on which a step or a trial takes as long as `seconds(threads)` says."""

    def __init__(self, monkeypatch, seconds):
        self.now, self.seconds, self.threads = 0.0, seconds, 1
        monkeypatch.setattr(musicgen_threads.time, "perf_counter", lambda: self.now)
        monkeypatch.setattr(torch, "set_num_threads", lambda count: setattr(self, "threads", count))
        monkeypatch.setattr(torch, "get_num_threads", lambda: self.threads)
        monkeypatch.setattr(musicgen_threads.os, "cpu_count", lambda: 2)

    def work(self) -> int:
        self.now += self.seconds(self.threads)
        return self.threads


def test_two_threads_are_taken_where_they_are_faster(monkeypatch):
    machine = Machine(monkeypatch, lambda threads: 1.0 / threads)
    threads = Threads(machine.work)
    assert [threads.run(machine.work) for _ in range(60)] == [2] * 60


def test_one_thread_is_taken_where_two_wait_for_each_other(monkeypatch):
    machine = Machine(monkeypatch, lambda threads: 1.0 if threads == 1 else 50.0)
    threads = Threads(machine.work)
    assert {threads.run(machine.work) for _ in range(60)} == {1}


def test_a_machine_that_grows_busy_costs_one_slow_step_and_is_used_again_when_quiet(monkeypatch):
    busy = []
    machine = Machine(monkeypatch, lambda threads: 50.0 if threads > 1 and busy else 1.0 / threads)
    threads = Threads(machine.work)
    assert [threads.run(machine.work) for _ in range(10)] == [2] * 10
    busy.append(True)
    assert [threads.run(machine.work) for _ in range(10)] == [2] + [1] * 9
    busy.clear()
    assert 2 in [threads.run(machine.work) for _ in range(STEPS_BETWEEN_TRIALS)]


def test_a_machine_of_one_core_is_not_tried(monkeypatch):
    machine = Machine(monkeypatch, lambda threads: 1.0 / threads)
    threads = Threads(machine.work, most=1)
    assert threads.run(machine.work) == 1
    assert machine.now == 1.0
