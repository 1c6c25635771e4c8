"""The zoo's blocks against sums done by hand."""

import pytest
import torch
from torch import nn

from archlab.errors import OptionError
from archlab.zoo.blocks import Bottleneck, Inception, ResidualUnit, conv_block
from archlab.zoo.conv import conv
from archlab.zoo.shortcut import PadShortcut, shortcut_path

# GoogLeNet's block 3a: input, then a row of table 1 of Szegedy et al. 2014, arXiv:1409.4842.
ROW_3A = (192, 64, 96, 128, 16, 32, 32)


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def silence(unit: nn.Module) -> None:
    for module in unit.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.zeros_(module.weight)


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


def test_inception_has_the_widths_of_table_1() -> None:
    block = Inception(*ROW_3A)
    x = torch.randn(2, 192, 7, 7)
    parts = [block.branch1(x), block.branch2(x), block.branch3(x), block.branch4(x)]
    assert [part.shape[1] for part in parts] == [64, 128, 32, 32]
    block.eval()
    parts = [block.branch1(x), block.branch2(x), block.branch3(x), block.branch4(x)]
    assert torch.equal(block(x), torch.cat(parts, 1))
    five = block.branch3[1].conv
    assert (five.kernel_size, five.padding) == ((5, 5), (2, 2))


# Weights and biases by hand; the 1x1 convolutions are the same in all three:
# 192*64+64 + 192*96+96 + 192*16+16 + 192*32+32 = 12,352 + 18,528 + 3,088 + 6,176 = 40,144
@pytest.mark.parametrize(
    ("factorize", "square3", "square5"),
    [
        ("none", 9 * 96 * 128 + 128, 25 * 16 * 32 + 32),
        ("v2", 9 * 96 * 128 + 128, (9 * 16 * 16 + 16) + (9 * 16 * 32 + 32)),
        (
            "v3",
            (3 * 96 * 96 + 96) + (3 * 96 * 128 + 128),
            (5 * 16 * 16 + 16) + (5 * 16 * 32 + 32),
        ),
    ],
)
def test_factorized_parameters(factorize: str, square3: int, square5: int) -> None:
    block = Inception(*ROW_3A, norm="none", factorize=factorize)  # type: ignore[arg-type]
    assert count(block) == 40_144 + square3 + square5
    assert block(torch.zeros(1, 192, 5, 6)).shape == (1, 256, 5, 6)


def test_factorized_kernels() -> None:
    def kernels(branch: nn.Module) -> list[tuple[int, ...]]:
        return [module.kernel_size for module in branch.modules() if isinstance(module, nn.Conv2d)]

    second, third = Inception(*ROW_3A, factorize="v2"), Inception(*ROW_3A, factorize="v3")
    assert kernels(second.branch2) == [(1, 1), (3, 3)]
    assert kernels(second.branch3) == [(1, 1), (3, 3), (3, 3)]
    assert kernels(third.branch2) == [(1, 1), (1, 3), (3, 1)]
    assert kernels(third.branch3) == [(1, 1), (1, 5), (5, 1)]


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_the_shortcut_adds_the_input(norm: str) -> None:
    x = torch.randn(2, 16, 6, 6)
    for unit in (
        ResidualUnit(16, 16, norm=norm),  # type: ignore[arg-type]
        Bottleneck(16, 4, norm=norm),  # type: ignore[arg-type]
    ):
        silence(unit)
        before = x.clone()
        assert torch.equal(unit(x), x.relu())
        assert torch.equal(x, before)


def test_a_plain_unit_adds_nothing() -> None:
    x = torch.randn(2, 16, 6, 6)
    for unit in (ResidualUnit(16, 16, residual=False), Bottleneck(16, 4, residual=False)):
        silence(unit)
        assert not unit(x).any()


def test_unit_parameters() -> None:
    basic = 16 * 32 * 9 + 32 * 32 * 9 + 2 * 2 * 32
    projection = 16 * 32 + 2 * 32
    assert count(ResidualUnit(16, 32, 2)) == basic + projection
    assert count(ResidualUnit(16, 32, 2, shortcut="A")) == basic
    assert count(ResidualUnit(16, 32, 2, residual=False)) == basic
    assert count(ResidualUnit(32, 32)) == 2 * (32 * 32 * 9 + 2 * 32)
    assert count(ResidualUnit(32, 32, shortcut="C")) == 2 * (32 * 32 * 9 + 64) + 32 * 32 + 64
    # He et al. 2015, figure 5, right: 256 -> 64 -> 64 -> 256.
    bottleneck = 256 * 64 + 64 * 64 * 9 + 64 * 256 + 2 * (64 + 64 + 256)
    assert count(Bottleneck(256, 64)) == bottleneck
    assert count(Bottleneck(256, 64, 2)) == bottleneck + 256 * 256 + 2 * 256
    assert count(Bottleneck(256, 64, 2, residual=False)) == bottleneck


def test_the_bottleneck_strides_in_the_3x3() -> None:
    unit = Bottleneck(64, 16, 2)
    strides = [unit.conv1.stride, unit.conv2.stride, unit.conv3.stride]
    assert strides == [(1, 1), (2, 2), (1, 1)]


def test_option_a_subsamples_and_appends_zero_channels() -> None:
    x = torch.arange(2 * 3 * 5 * 5, dtype=torch.float32).reshape(2, 3, 5, 5)
    out = PadShortcut(3, 7, 2)(x)
    assert out.shape == (2, 7, 3, 3)
    assert torch.equal(out[:, :3], x[:, :, [0, 2, 4]][..., [0, 2, 4]])
    assert not out[:, 3:].any()
    assert not list(PadShortcut(3, 7, 2).state_dict())


def test_which_shapes_need_a_shortcut_module() -> None:
    assert shortcut_path(8, 8, 1, shortcut="A") is None
    assert shortcut_path(8, 8, 1, shortcut="B") is None
    assert isinstance(shortcut_path(8, 8, 1, shortcut="C"), nn.Sequential)
    assert isinstance(shortcut_path(8, 8, 2, shortcut="A"), PadShortcut)
    assert isinstance(shortcut_path(8, 16, 1, shortcut="B"), nn.Sequential)
    with pytest.raises(OptionError, match="do not shrink"):
        shortcut_path(16, 8, 1, shortcut="A")
