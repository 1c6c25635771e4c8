"""Additions with a shortcut are found however they are written."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn

from archlab.probe.branches import measure_branches
from archlab.probe.gradients import Batch
from archlab.probe.twin import measure_twin


def squared(output, _):
    return output.square().sum()


def image(size: int = 32, batch: int = 4) -> Batch:
    generator = torch.Generator().manual_seed(0)
    return Batch((torch.randn((batch, 3, size, size), generator=generator),))


class Odd(nn.Module):
    """Two branches: x + f(x) in several spellings, a projection, and sums that are no shortcut."""

    def __init__(self, spelling: str) -> None:
        super().__init__()
        self.spelling = spelling
        self.stem, self.f, self.g, self.way = (nn.Linear(4, 4) for _ in range(4))
        self.position = nn.Parameter(torch.ones(4))

    def join(self, x, y):
        if self.spelling == "plus":
            return x + y
        if self.spelling == "function":
            return torch.add(y, x)
        if self.spelling == "in place":
            y += x
            return y
        return x.clone().add_(y)

    def forward(self, x):
        x = self.stem(x) + self.position  # a sum with a weight: stays
        x = self.join(x, self.f(x))
        x = self.f(x) + self.g(x)  # branches of equal depth: stays
        return self.join(self.way(x), self.g(self.f(x).relu()))


@pytest.mark.parametrize("spelling", ["plus", "function", "in place", "method"])
def test_every_spelling_of_a_sum(spelling) -> None:
    torch.manual_seed(0)
    net, x = Odd(spelling), torch.randn(3, 4)
    assert [item.path for item in measure_branches(net, Batch((x,)))] == ["", ""]
    y = net.f(net.stem(x) + net.position)
    y = net.f(y) + net.g(y)
    expected = net.g(net.f(y).relu()).square().sum()
    assert measure_twin(net, Batch((x,)), squared).loss == pytest.approx(
        float(expected.detach()), rel=1e-5
    )


def test_a_block_on_the_input_itself() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.f = nn.Linear(4, 4)

        def forward(self, x):
            return x + self.f(x)

    net, x = Net(), torch.randn(2, 4)
    (branches,) = measure_branches(net, Batch((x,)))
    assert branches.ratio == pytest.approx(float(net.f(x).detach().norm() / x.norm()), rel=1e-5)


def test_transformers_have_two_additions_a_block() -> None:
    net = torchvision.models.VisionTransformer(
        image_size=32, patch_size=16, num_layers=3, num_heads=2, hidden_dim=16, mlp_dim=32
    )
    branches = measure_branches(net, image())
    assert len(branches) == 6
    assert len({item.path for item in branches}) == 3
