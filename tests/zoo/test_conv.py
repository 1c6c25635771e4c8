"""Convolutions of the zoo: parameters by hand, map sizes, He's initial values."""

import pytest
import torch
from torch import nn

from archlab.zoo.blocks import conv_block
from archlab.zoo.conv import conv


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_a_1x1_before_the_3x3_saves_parameters() -> None:
    # The course chapter's sum: 1*1*192*32 + 3*3*32*32 = 6,144 + 9,216 against 3*3*192*32.
    assert count(conv(192, 32, 1)) + count(conv(32, 32, 3)) == 15_360
    assert count(conv(192, 32, 3)) == 55_296


def test_a_conv_has_a_bias_iff_no_norm_follows() -> None:
    assert count(conv_block(3, 8, 3)) == 3 * 8 * 9 + 2 * 8
    assert count(conv_block(3, 8, 3, norm="none")) == 3 * 8 * 9 + 8
    names = [name for name, _ in conv_block(3, 8, 3, norm="none").named_children()]
    assert names == ["conv", "relu"]


@pytest.mark.parametrize("kernel", [1, 3, 5, 7, (1, 5), (5, 1)])
def test_a_conv_keeps_the_map_size(kernel: int | tuple[int, int]) -> None:
    assert conv(1, 2, kernel)(torch.zeros(1, 1, 6, 9)).shape == (1, 2, 6, 9)


def test_weights_are_he_normal_over_fan_in() -> None:
    torch.manual_seed(0)
    layer = conv(64, 128, 3, norm="none")
    # He et al. 2015, arXiv:1502.01852, eq. 10: std = sqrt(2 / (9 * 64)).
    assert layer.weight.std().item() == pytest.approx((2 / 576) ** 0.5, rel=0.02)
    assert layer.bias is not None
    assert not layer.bias.any()
