import pytest
import torch

from pipelines.emotion_head import EmotionHead, HeadConfig, head_from
from pipelines.errors import WeightsError


@pytest.mark.parametrize(("channels", "steps"), [(320, 49), (2048, 49), (560, 25)])
def test_any_backbone_can_go_under_the_head(channels, steps):
    head = EmotionHead(HeadConfig(channels=channels)).eval()
    output = head(torch.randn(2, steps, channels))
    assert output.label_logits.shape == (2, 5)
    assert output.va.shape == (2, 2)
    assert output.log_variance.shape == (2, 2)
    assert output.log_variance.abs().max() <= 3


def test_it_has_the_paper_s_layers():
    head = EmotionHead(HeadConfig(channels=16, width=32, heads=2))
    assert isinstance(head.gru, torch.nn.GRU)
    assert head.gru.num_layers == 2
    assert isinstance(head.attention, torch.nn.MultiheadAttention)
    assert head.attention.num_heads == 2
    assert isinstance(head.dropout, torch.nn.Dropout)
    assert head.connect.out_features == 9


def test_configuration_and_state_make_the_same_head():
    torch.manual_seed(0)
    head = EmotionHead(HeadConfig(channels=12, width=16)).eval()
    back = head_from(head.get_config(), head.state_dict())
    sequence = torch.randn(3, 7, 12)
    # Weights that do not learn take attention's fast path, which rounds otherwise.
    torch.testing.assert_close(back(sequence).va, head(sequence).va.detach(), rtol=1e-5, atol=1e-5)
    assert all(torch.equal(tensor, back.state_dict()[name]) for name, tensor in head.state_dict().items())
    assert not back.training


def test_one_step_of_training_moves_every_part():
    torch.manual_seed(0)
    head = EmotionHead(HeadConfig(channels=12, width=16))
    output = head(torch.randn(4, 7, 12))
    (output.va.square().mean() + output.label_logits.square().mean() + output.log_variance.square().mean()).backward()
    assert all(parameter.grad is not None for parameter in head.parameters())


def test_the_order_of_positions_matters():
    torch.manual_seed(0)
    head = EmotionHead(HeadConfig(channels=12, width=16)).eval()
    sequence = torch.randn(1, 7, 12)
    assert not torch.allclose(head(sequence).va, head(sequence.flip(1)).va, atol=1e-4)


def test_a_state_of_another_size_is_refused():
    head = EmotionHead(HeadConfig(channels=12, width=16))
    with pytest.raises(WeightsError, match="another version"):
        head_from(head.get_config() | {"width": 32}, head.state_dict())
    with pytest.raises(WeightsError, match="another version"):
        head_from({"channels": 12, "depth": 3}, head.state_dict())
