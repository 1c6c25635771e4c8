"""The zoo's blocks against sums done by hand."""

import pytest
import torch
from torch import nn

from archlab.zoo.blocks import Bottleneck, Inception, ResidualUnit

# GoogLeNet's block 3a: input, then a row of table 1 of Szegedy et al. 2014, arXiv:1409.4842.
ROW_3A = (192, 64, 96, 128, 16, 32, 32)


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def silence(unit: nn.Module) -> None:
    for module in unit.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.zeros_(module.weight)


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
