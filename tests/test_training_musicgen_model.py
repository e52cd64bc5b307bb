import dataclasses

import numpy as np
import pytest
import torch
from tiny_musicgen import tiny_model

from pipelines.errors import ModelMissingError, SettingsError
from training.musicgen.batches import IGNORED, Batch, delayed, epoch_order, in_parts, inputs, step_draws, targets
from training.musicgen.model import TunedMusicGen, TunedParts, load_base

PAD = 64


def codes_like(books: int = 4, frames: int = 9, rows: int = 2) -> torch.Tensor:
    return torch.randint(PAD, (rows, books, frames), generator=torch.Generator().manual_seed(1))


def batch_of(codes, frames=None, *, told=None, ids=None) -> Batch:
    ids = torch.tensor([[5, 6, 7, 1], [8, 1, 0, 0]])[: len(codes)] if ids is None else ids
    frames = torch.full((len(codes),), codes.shape[2]) if frames is None else frames
    told = torch.ones(len(codes), dtype=torch.bool) if told is None else told
    return Batch(frames, ids != 0, told, codes=codes, ids=ids)


@pytest.mark.parametrize(("channels", "books"), [(1, 4), (2, 8)])
def test_the_delay_pattern_is_that_of_transformers(channels, books):
    decoder = tiny_model(audio_channels=channels).decoder
    codes = codes_like(books)
    ours = delayed(codes, PAD, channels=channels)
    begun = torch.cat((torch.full((2, books, 1), PAD), codes), dim=-1)
    length = codes.shape[2] + books // channels
    _, theirs = decoder.build_delay_pattern_mask(begun.reshape(-1, begun.shape[-1]), PAD, max_length=length)
    assert torch.equal(ours, theirs.view(2, books, -1))


def test_targets_are_the_inputs_one_position_on_where_they_are_music():
    codes = codes_like()
    read, wanted = inputs(codes, torch.tensor([9, 5]), PAD), targets(codes, torch.tensor([9, 5]))
    assert read.shape == wanted.shape == (2, 4, 12)
    assert (wanted[0] != IGNORED).sum() == 36
    assert (wanted[1] != IGNORED).sum() == 20
    assert wanted[1, 2].tolist() == [IGNORED] * 2 + codes[1, 2, :5].tolist() + [IGNORED] * 5
    known = wanted[0, :, :-1] != IGNORED
    assert torch.equal(read[0, :, 1:][known], wanted[0, :, :-1][known])
    assert (read[1, :, 1:][wanted[1, :, :-1] == IGNORED] == PAD).all()


@pytest.mark.parametrize("channels", [1, 2])
def test_the_loss_is_that_of_transformers(channels):
    model = tiny_model(audio_channels=channels)
    codes = codes_like(4 * channels)
    batch = batch_of(codes)
    sums, counts = TunedMusicGen(model).eval()(batch)
    labels = targets(codes, batch.frames, channels=channels)
    logits = model(
        input_ids=batch.ids,
        attention_mask=batch.words.long(),
        decoder_input_ids=inputs(codes, batch.frames, PAD, channels=channels).reshape(-1, labels.shape[-1]),
    ).logits.view(2, 4 * channels, labels.shape[-1], -1)
    wanted = torch.nn.functional.cross_entropy(logits.flatten(0, 2), labels.flatten(), ignore_index=IGNORED)
    assert counts.tolist() == [18] * 4 * channels
    torch.testing.assert_close(sums.sum() / counts.sum(), wanted, rtol=1e-5, atol=1e-5)


def test_frames_past_the_end_count_for_nothing():
    model = TunedMusicGen(tiny_model()).eval()
    codes = codes_like()
    other = codes.clone()
    other[1, :, 5:] = 3
    frames = torch.tensor([9, 5])
    for ours, theirs in zip(model(batch_of(codes, frames)), model(batch_of(other, frames)), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_dropped_text_is_what_guidance_takes_for_none():
    model = TunedMusicGen(tiny_model()).eval()
    codes = codes_like()
    told = torch.tensor([False, True])
    some, _ = model(batch_of(codes, told=told))
    unheard = dataclasses.replace(batch_of(codes, told=told), ids=torch.tensor([[9, 9, 9, 1], [8, 1, 0, 0]]))
    torch.testing.assert_close(some, model(unheard)[0])
    assert not torch.allclose(some, model(batch_of(codes))[0])
    heard = model.heard(batch_of(codes, told=told))
    assert heard[0].abs().max() == 0
    assert heard[1, :2].abs().min() > 0


def test_padding_of_texts_changes_nothing():
    model = TunedMusicGen(tiny_model()).eval()
    codes = codes_like(rows=1)
    short, _ = model(batch_of(codes, ids=torch.tensor([[8, 1]])))
    long, _ = model(batch_of(codes, ids=torch.tensor([[8, 1, 0, 0, 0]])))
    torch.testing.assert_close(short, long, rtol=1e-5, atol=1e-5)


def test_frozen_layers_get_no_gradient_and_can_be_stored():
    model = TunedMusicGen(tiny_model(layers=4), TunedParts(frozen_share=0.5))
    assert model.frozen_layers == 2
    batch = batch_of(codes_like())
    lower = model.lower(batch.codes, batch.frames, model.heard(batch), batch.words)
    assert not lower.requires_grad
    model.eval()
    stored = dataclasses.replace(batch, lower=lower)
    torch.testing.assert_close(model(batch)[0], model(stored)[0])
    model(batch)[0].sum().backward()
    names = set(model.learning())
    assert not any(".layers.0." in name or ".layers.1." in name or "embed_tokens" in name for name in names)
    assert not any("text_encoder" in name or "audio_encoder" in name or "enc_to_dec" in name for name in names)
    assert all(weight.grad is not None for weight in model.learning().values())
    assert all(weight.grad is None for name, weight in model.named_parameters() if name not in names)
    before, states = model(stored)[0], model.states_of(batch.ids, batch.words)
    model.leave_out_stored(lower=True)
    assert set(model.learning()) == names
    assert not any("_encoder." in name or ".layers.1." in name or "embed" in name for name in model.state_dict())
    torch.testing.assert_close(model(dataclasses.replace(stored, ids=None, states=states))[0], before)


def test_without_frozen_layers_the_whole_decoder_learns_and_neither_encoder():
    model = TunedMusicGen(tiny_model())
    decoder = {name for name, _ in model.named_parameters() if ".decoder.model." in name and "audio_enc" not in name}
    assert decoder <= set(model.learning())
    assert not any("_encoder." in name for name in model.learning())
    assert model.model.decoder.training
    assert not model.model.text_encoder.training


def test_gradient_checkpointing_changes_no_gradient():
    grads = []
    for checkpointing in (False, True):
        model = TunedMusicGen(tiny_model(), TunedParts(gradient_checkpointing=checkpointing))
        model(batch_of(codes_like()))[0].sum().backward()
        grads.append({name: weight.grad for name, weight in model.learning().items()})
    for name, grad in grads[0].items():
        torch.testing.assert_close(grad, grads[1][name])


@pytest.mark.parametrize(("share", "layers"), [(0.0, {0, 1, 2, 3}), (0.5, {2, 3})])
def test_an_adapter_alone_learns_and_is_merged(share, layers):
    model = TunedMusicGen(tiny_model(layers=4), TunedParts(frozen_share=share, lora_rank=2)).eval()
    assert all("lora_" in name for name in model.learning())
    assert {int(name.split(".layers.")[1][0]) for name in model.learning()} == layers
    batch = batch_of(codes_like())
    before = model(batch)[0]
    with torch.no_grad():
        for weight in model.learning().values():
            weight.add_(0.05)
    changed = model(batch)[0]
    assert not torch.allclose(before, changed)
    model.merge_adapter()
    assert not any("lora" in name for name, _ in model.named_parameters())
    torch.testing.assert_close(model(batch)[0], changed, rtol=1e-4, atol=1e-4)


def test_a_step_draws_the_same_whatever_its_parts():
    draws = step_draws(10, 4, seed=3, step=2, dropped=0.5)
    again = step_draws(10, 4, seed=3, step=2, dropped=0.5)
    assert [(d.pair, d.told) for d in draws] == [(d.pair, d.told) for d in again]
    assert [d.dice.integers(1000) for d in draws] == [d.dice.integers(1000) for d in again]
    assert [d.pair for d in draws] == [*epoch_order(10, 3, 0)[8:], *epoch_order(10, 3, 1)[:2]]
    assert [len(part) for part in in_parts(draws, 3)] == [3, 1]


def test_texts_are_dropped_as_often_as_asked():
    told = np.mean([d.told for step in range(500) for d in step_draws(8, 8, seed=0, step=step, dropped=0.2)])
    assert told == pytest.approx(0.8, abs=0.02)
    assert all(draw.told for draw in step_draws(8, 8, seed=0, step=0, dropped=0.0))


@pytest.mark.parametrize(
    "parts", [TunedParts(frozen_share=1.0), TunedParts(frozen_share=-0.1), TunedParts(lora_rank=-1)]
)
def test_parts_that_cannot_be_are_refused(parts):
    with pytest.raises(SettingsError, match="choose a share"):
        TunedMusicGen(tiny_model(), parts)


def test_a_base_that_is_not_here_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelMissingError, match="pipelines fetch nobody/nothing-here"):
        load_base("nobody/nothing-here")
