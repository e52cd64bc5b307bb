import copy

import pytest
import torch
from tiny_musicgen import CODEBOOK_SIZE, CODEBOOKS, tiny_model

from pipelines.errors import ModelFailedError, StoppedError
from pipelines.waveform.musicgen_decoder import StepDecoder
from pipelines.waveform.musicgen_sampling import SamplingSettings, TokenGrid, draw, draw_frames

GREEDY = SamplingSettings(temperature=0.0)
WORDS = torch.tensor([[4, 9, 20, 30, 1]])


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture(scope="module")
def decoder(model):
    return StepDecoder(copy.deepcopy(model.decoder), precision="float32")


def states(model, words: torch.Tensor = WORDS) -> torch.Tensor:
    with torch.inference_mode():
        return model.enc_to_dec_proj(model.text_encoder(input_ids=words).last_hidden_state)


def drawn(decoder, text, frames: int, **options) -> torch.Tensor:
    return torch.cat(list(draw_frames(decoder, text, frames, **({"seed": 0} | options))), dim=1)


def tokens_of_generate(model, frames: int, **options) -> torch.Tensor:
    """Tokens (codebooks, frames) that transformers' own `generate` hands to its sound decoder."""
    handed: list[torch.Tensor] = []
    decode = model.audio_encoder.decode

    def note(codes, **rest):
        handed.append(codes[0, 0])
        return decode(codes, **rest)

    model.audio_encoder.decode = note
    try:
        mask = torch.ones_like(WORDS)
        new = frames + model.decoder.num_codebooks // model.decoder.config.audio_channels - 1
        model.generate(input_ids=WORDS, attention_mask=mask, do_sample=False, max_new_tokens=new, **options)
    finally:
        model.audio_encoder.decode = decode
    return torch.stack(handed, dim=1).flatten(0, 1)


@pytest.mark.parametrize("guidance", [3.0, 1.0])
def test_greedy_tokens_equal_those_of_generate(model, decoder, guidance):
    settings = SamplingSettings(temperature=0.0, guidance=guidance)
    ours = drawn(decoder, states(model), 60, settings=settings)
    theirs = tokens_of_generate(model, 60, guidance_scale=guidance)
    assert ours.shape == (CODEBOOKS, 60)
    assert ours.tolist() == theirs.tolist()
    assert len(ours.unique()) > 10


def test_greedy_stereo_tokens_equal_those_of_generate():
    stereo = tiny_model(audio_channels=2)
    theirs = tokens_of_generate(stereo, 30, guidance_scale=3.0)
    ours = drawn(StepDecoder(copy.deepcopy(stereo.decoder), precision="float32"), states(stereo), 30, settings=GREEDY)
    assert ours.shape == (2 * CODEBOOKS, 30)
    assert ours.tolist() == theirs.tolist()


def test_reading_at_once_gives_the_logits_of_reading_one_by_one_and_of_transformers(model, decoder):
    tokens = torch.randint(CODEBOOK_SIZE, (CODEBOOKS, 17), generator=torch.Generator().manual_seed(1))
    text = states(model)
    at_once = decoder.begin(text, guided=True, capacity=17).read(tokens)
    reading = decoder.begin(text, guided=True, capacity=17)
    one_by_one = [reading.read(tokens[:, i : i + 1]) for i in range(17)][-1]
    with torch.inference_mode():
        both = torch.cat((text, torch.zeros_like(text)))
        theirs = model.decoder(input_ids=tokens.repeat(2, 1), encoder_hidden_states=both).logits[:, -1].view(2, 4, -1)
    assert torch.allclose(at_once, one_by_one, atol=1e-4)
    assert torch.allclose(at_once, theirs, atol=1e-4)
    assert float(at_once.std()) > 1


def reference(model, text: torch.Tensor, frames: int, window: int, kept: int) -> list[list[int]]:
    """Greedy tokens by windows, frame by frame and without any cache, from transformers' decoder."""
    tokens: list[dict[int, int]] = [{} for _ in range(CODEBOOKS)]
    both, first, position = torch.cat((text, torch.zeros_like(text))), 0, 0
    while len(tokens[-1]) < frames:
        if position == window + CODEBOOKS - 1:
            first, position = first + position - kept, kept
        shown = [
            [
                tokens[c].get(first + p - 1 - c, CODEBOOK_SIZE) if p - 1 - c >= 0 else CODEBOOK_SIZE
                for p in range(position + 1)
            ]
            for c in range(CODEBOOKS)
        ]
        with torch.inference_mode():
            logits = model.decoder(input_ids=torch.tensor(shown).repeat(2, 1), encoder_hidden_states=both).logits[:, -1]
        conditional, free = logits.view(2, CODEBOOKS, -1)
        best = (free + 3.0 * (conditional - free)).argmax(-1).tolist()
        for c in range(CODEBOOKS):
            place = first + position - c
            if first <= place < frames:
                tokens[c].setdefault(place, best[c])
        position += 1
    return [[row[place] for place in range(frames)] for row in tokens]


def test_music_longer_than_the_window_goes_on_without_gap(model, decoder):
    settings = SamplingSettings(temperature=0.0, window_s=0.4, kept_s=0.16)
    ours = drawn(decoder, states(model), 70, settings=settings)
    assert ours.tolist() == reference(model, states(model), 70, window=20, kept=8)
    assert ours.tolist() != drawn(decoder, states(model), 70, settings=GREEDY).tolist()


def test_a_decoder_with_few_positions_bounds_the_window():
    small = tiny_model(max_positions=23)
    decoder = StepDecoder(copy.deepcopy(small.decoder), precision="float32")
    ours = drawn(decoder, states(small), 70, settings=SamplingSettings(temperature=0.0, kept_s=0.16))
    assert ours.tolist() == reference(small, states(small), 70, window=20, kept=8)


def test_a_seed_draws_the_same_tokens_and_leaves_the_global_generator_alone(model, decoder):
    before = torch.random.get_rng_state()
    first, again, other = (drawn(decoder, states(model), 80, seed=seed) for seed in (5, 5, 6))
    assert first.tolist() == again.tolist()
    assert (first != other).float().mean() > 0.5
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_seed_draws_the_same_tokens_on_any_number_of_threads(model, monkeypatch):
    from pipelines.waveform import musicgen_sampling

    decoder, results = StepDecoder(copy.deepcopy(model.decoder), precision="int8"), []
    for count in (1, 2):
        monkeypatch.setattr(musicgen_sampling, "Threads", lambda trial, most, n=count: Fixed(n))
        results.append(drawn(decoder, states(model), 12, seed=3).tolist())
    assert results[0] == results[1]


class Fixed:
    def __init__(self, count: int) -> None:
        self.count = count

    def run(self, step):
        torch.set_num_threads(self.count)
        return step()


def test_frames_come_as_soon_as_they_are_whole(model, decoder):
    asked = []
    frames = draw_frames(decoder, states(model), 40, seed=0, cancelled=lambda: bool(asked.append(1)))
    next(frames)
    at_each_layer = 1 + len(decoder.layers)
    assert len(asked) == CODEBOOKS * at_each_layer
    next(frames)
    assert len(asked) == (CODEBOOKS + 1) * at_each_layer


def test_cancelling_stops_within_a_token(model, decoder, monkeypatch):
    reads = []
    monkeypatch.setattr(decoder, "head", lambda x, head=decoder.head: reads.append(1) or head(x))
    with pytest.raises(StoppedError):
        for _ in draw_frames(decoder, states(model), 200, seed=0, cancelled=lambda: len(reads) >= 30):
            pass
    assert len(reads) == 30


def test_cancelling_is_heard_while_a_window_begins_anew(model, decoder):
    reading, asked = decoder.begin(states(model), guided=True, capacity=50), []
    with pytest.raises(StoppedError):
        reading.read(
            torch.zeros(CODEBOOKS, 40, dtype=torch.long), cancelled=lambda: bool(asked.append(1)) or len(asked) == 2
        )
    assert len(asked) == 2


def test_the_delay_pattern_shows_each_codebook_one_position_later():
    grid = TokenGrid(5, codebooks=4, channels=1, pad=99)
    grid.tokens[:] = torch.arange(20).view(4, 5)
    assert grid.columns(0, 0, 9).tolist() == [
        [99, 0, 1, 2, 3, 4, 99, 99, 99],
        [99, 99, 5, 6, 7, 8, 9, 99, 99],
        [99, 99, 99, 10, 11, 12, 13, 14, 99],
        [99, 99, 99, 99, 15, 16, 17, 18, 19],
    ]
    assert grid.columns(2, 0, 4).tolist() == [[99, 2, 3, 4], [99, 99, 7, 8], [99, 99, 99, 12], [99, 99, 99, 99]]
    assert TokenGrid(5, codebooks=8, channels=2, pad=9).delays.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_what_is_known_is_not_drawn_again():
    grid = TokenGrid(6, codebooks=2, channels=1, pad=9)
    assert [grid.fill(0, p, torch.tensor([p, 10 + p])) for p in range(3)] == [0, 1, 2]
    assert grid.fill(1, 1, torch.tensor([7, 7])) == 2
    assert grid.tokens.tolist() == [[0, 1, 2, -1, -1, -1], [11, 12, -1, -1, -1, -1]]


def test_draw_takes_only_the_best_and_by_their_probability():
    logits = torch.log(torch.tensor([0.5, 0.3, 0.15, 0.05])).repeat(1, 20_000, 1)
    taken = draw(logits, SamplingSettings(top_k=3), torch.Generator().manual_seed(0))
    parts = torch.bincount(taken, minlength=4) / len(taken)
    assert parts[3] == 0
    assert torch.allclose(parts[:3], torch.tensor([0.5, 0.3, 0.15]) / 0.95, atol=0.012)


def test_guidance_goes_from_the_free_logits_past_the_conditional_ones():
    logits = torch.tensor([[[0.0, 1.0, 2.9]], [[0.0, 0.0, 3.0]]])
    assert draw(logits, GREEDY, torch.Generator()).tolist() == [1]  # 0 + 3·1 against 3 - 3·0.1
    assert draw(logits[:1], GREEDY, torch.Generator()).tolist() == [2]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_logits_that_are_no_numbers_are_refused(value):
    logits = torch.zeros(2, 4, 8)
    logits[0, 1, 3] = value
    with pytest.raises(ModelFailedError, match="no numbers"):
        draw(logits, SamplingSettings(), torch.Generator())
