import pytest
import torch
from tiny_musicgen import CODEBOOK_SIZE, CODEBOOKS, tiny_codec

from pipelines.errors import ModelFailedError
from pipelines.waveform.musicgen_stream import StreamingCodec, prepare_codec

FRAMES = 120
TOLERANCE = 1e-5  # -100 dB of full scale; float32 sums in another order


def tokens(frames: int = FRAMES, codebooks: int = CODEBOOKS) -> torch.Tensor:
    return torch.randint(CODEBOOK_SIZE, (codebooks, frames), generator=torch.Generator().manual_seed(1))


def one_shot(codec, codes: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return codec.decode(codes[None, None], [None]).audio_values[0, 0]


def streamed(codec, codes: torch.Tensor, sizes: list[int], *, channels: int = 1) -> list[torch.Tensor]:
    stream, chunks, start = StreamingCodec(codec, channels=channels), [], 0
    for size in sizes:
        start += size
        chunks.append(stream.push(codes[:, start - size : start], last=start == codes.shape[1]))
    return chunks


@pytest.fixture(scope="module")
def codec():
    return prepare_codec(tiny_codec())


@pytest.mark.parametrize("sizes", [[FRAMES], [25, 50, 45], [1] * FRAMES, [2, 3, 1, 114], [119, 1]])
def test_a_stream_makes_the_samples_of_one_shot(codec, sizes):
    codes = tokens()
    whole = torch.cat(streamed(codec, codes, sizes))
    assert whole.shape == (FRAMES * 640,)
    assert whole.std() > 0.05
    assert (whole - one_shot(codec, codes)).abs().max() < TOLERANCE


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5])
def test_the_shortest_streams_are_padded_as_one_shot_is(codec, frames):
    codes = tokens(frames)
    whole = torch.cat(streamed(codec, codes, [1] * frames))
    assert whole.shape == (frames * 640,)
    assert (whole - one_shot(codec, codes)).abs().max() < TOLERANCE


@pytest.mark.parametrize(
    "changes",
    [
        {"use_causal_conv": True},
        {"use_causal_conv": True, "trim_right_ratio": 0.5},
        {"use_conv_shortcut": True},
        {"num_residual_layers": 3, "dilation_growth_rate": 3},
        {"pad_mode": "constant"},
        {"upsampling_ratios": [5, 4, 8, 4], "num_lstm_layers": 1},
    ],
)
def test_other_shapes_of_encodec_stream_too(changes):
    codec = prepare_codec(tiny_codec(**changes))
    codes = tokens(40)
    whole = torch.cat(streamed(codec, codes, [7, 13, 20]))
    assert (whole - one_shot(codec, codes)).abs().max() < TOLERANCE


def test_sound_lags_less_than_five_frames_behind(codec):
    first, second, last = streamed(codec, tokens(), [25, 50, 45])
    assert 20 * 640 < len(first) < 25 * 640
    assert len(second) == 50 * 640
    assert len(last) == FRAMES * 640 - len(first) - len(second)


def test_preparing_changes_no_sample():
    codec, codes = tiny_codec(), tokens()
    before = one_shot(codec, codes)
    assert (one_shot(prepare_codec(codec), codes) - before).abs().max() < 1e-6
    assert prepare_codec(codec) is codec


def test_two_streams_do_not_disturb_each_other(codec):
    codes, others = tokens(), tokens().flip(1)
    stream, other = StreamingCodec(codec), StreamingCodec(codec)
    chunks = []
    for start in range(0, FRAMES, 30):
        chunks.append(stream.push(codes[:, start : start + 30], last=start == 90))
        other.push(others[:, start : start + 30])
    assert (torch.cat(chunks) - one_shot(codec, codes)).abs().max() < TOLERANCE


def test_stereo_is_mixed_from_alternating_codebooks(codec):
    codes = tokens(60, 2 * CODEBOOKS)
    mixed = torch.cat(streamed(codec, codes, [25, 35], channels=2))
    assert (mixed - (one_shot(codec, codes[::2]) + one_shot(codec, codes[1::2])) / 2).abs().max() < TOLERANCE


@pytest.mark.parametrize("changes", [{"norm_type": "time_group_norm"}, {"normalize": True}])
def test_a_codec_that_needs_all_of_the_sound_is_refused(changes):
    with pytest.raises(ModelFailedError, match="cannot stream"):
        prepare_codec(tiny_codec(**changes))
