"""The composer's network: causality, cached reading equal to reading at once, shapes, one step of learning."""

import torch

from pipelines.symbolic.composer_model import PREFIX, Cache, ComposerConfig, ComposerModel
from pipelines.symbolic.events import FIELDS, HEADER_SIZES, SIZES

TINY = ComposerConfig(width=32, layers=2, heads=4, feed_forward=48, head_width=24)


def tiny(seed: int = 0) -> ComposerModel:
    torch.manual_seed(seed)
    return ComposerModel(TINY).eval()


def some_events(rows: int, count: int, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    events = torch.stack([torch.randint(0, SIZES[f], (rows, count), generator=generator) for f in FIELDS], dim=-1)
    events[..., 0] %= 2
    header = torch.stack(
        [torch.randint(0, size, (rows,), generator=generator) for size in HEADER_SIZES.values()], dim=-1
    )
    time = torch.cumsum(events[..., 0], 1) * 4.0 + events[..., 1] / 12
    return events, header, time


def condition_of(model: ComposerModel, rows: int) -> torch.Tensor:
    return model.condition(
        torch.linspace(1, 9, 2 * rows).view(rows, 2),
        torch.zeros(rows, dtype=torch.long),
        torch.ones(rows, dtype=torch.bool),
    )


def test_logits_have_the_fields_sizes() -> None:
    model = tiny()
    events, header, time = some_events(3, 7)
    header_logits, event_logits = model(condition_of(model, 3), header, events, time)
    assert [tuple(x.shape) for x in header_logits] == [(3, size) for size in HEADER_SIZES.values()]
    assert [tuple(x.shape) for x in event_logits] == [(3, 7, SIZES[name]) for name in FIELDS]


@torch.inference_mode()
def test_no_event_sees_a_later_one() -> None:
    model = tiny()
    events, header, time = some_events(1, 10)
    condition = condition_of(model, 1)
    _, before = model(condition, header, events, time)
    changed, later = events.clone(), time.clone()
    changed[:, 6:, 2], later[:, 6:] = 0, later[:, 6:] + 4
    _, after = model(condition, header, changed, later)
    for old, new in zip(before, after, strict=True):
        assert torch.allclose(old[:, :6], new[:, :6], atol=1e-5)
    assert not torch.allclose(before[0][:, 7:], after[0][:, 7:], atol=1e-5)


@torch.inference_mode()
def test_fields_see_those_before_them_only() -> None:
    model = tiny()
    events, header, time = some_events(1, 4)
    condition = condition_of(model, 1)
    _, before = model(condition, header, events, time)
    changed = events.clone()
    changed[:, 3, 2] = (changed[:, 3, 2] + 11) % SIZES["pitch"]
    _, after = model(condition, header, changed, time)
    same = [torch.allclose(old[:, 3], new[:, 3], atol=1e-6) for old, new in zip(before, after, strict=True)]
    assert same == [True, True, True, False, False]


@torch.inference_mode()
def test_reading_one_by_one_equals_reading_at_once() -> None:
    model = tiny()
    events, header, time = some_events(2, 9)
    x, index, when = model.inputs(condition_of(model, 2), header, events, time)
    whole = model.states(x, index, when)
    cache = Cache(TINY, 2, x.shape[1])
    model.states(x[:, :4], index[:, :4], when[:, :4], cache)
    steps = [
        model.states(x[:, i : i + 1], index[:, i : i + 1], when[:, i : i + 1], cache) for i in range(4, x.shape[1])
    ]
    assert cache.length == 9 + PREFIX
    assert torch.allclose(torch.cat(steps, dim=1), whole[:, 4:], atol=1e-5)


@torch.inference_mode()
def test_branches_of_a_trunk_read_as_if_each_had_it_to_itself() -> None:
    model = tiny()
    events, header, time = some_events(2, 9)
    x, index, when = model.inputs(condition_of(model, 2), header, events, time)
    trunk = Cache(TINY, 2, 5)
    model.states(x[:, :5], index[:, :5], when[:, :5], trunk)
    branches = Cache(TINY, 6, 3, trunk=trunk)
    steps = []
    for i in range(5, 8):
        rows = (t[:, i : i + 1].repeat_interleave(3, 0) for t in (x, index, when))
        steps.append(model.states(*rows, branches))
    whole = model.states(x, index, when)[:, 5:8]
    assert torch.allclose(torch.cat(steps, dim=1), whole.repeat_interleave(3, 0), atol=1e-5)
    assert (trunk.length, branches.length, branches.room) == (5, 8, 0)


@torch.inference_mode()
def test_an_unknown_emotion_makes_no_difference() -> None:
    model = tiny()
    source, nothing = torch.zeros(2, dtype=torch.long), torch.zeros(2, dtype=torch.bool)
    rows = model.condition(torch.tensor([[1.0, 1.0], [9.0, 9.0]]), source, nothing)
    assert torch.equal(rows[0], rows[1])


def test_one_step_of_learning_lowers_the_loss() -> None:
    from training.composer import Batch, loss_of

    model = tiny().train()
    events, header, time = some_events(4, 12)
    real = torch.ones(4, 12, dtype=torch.bool)
    batch = Batch(events, time, header, torch.full((4, 2), 5.0), torch.zeros(4, dtype=torch.long), real)
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(8):
        loss, _ = loss_of(model, batch, torch.ones(4, dtype=torch.bool))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] - 0.3
