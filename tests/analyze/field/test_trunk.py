"""The trunk by hand: through the branch that sees most, and of equal ones through more layers."""

import pytest
import torch
from torch import nn

from archlab.analyze.field.trunk import trunk
from archlab.api.field.growth import convolutions
from archlab.api.model import Model


class Inception(nn.Module):
    """A stem, then 1×1 beside 1×1 and 5×5 beside two 1×1, and a 3×3 behind them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.one = nn.Conv2d(4, 4, 1)
        self.reduce, self.wide = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 5, padding=2)
        self.first, self.second = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)
        self.last = nn.Conv2d(12, 4, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        parts = [self.one(x), self.wide(self.reduce(x)), self.second(self.first(x))]
        return self.last(torch.cat(parts, 1))


def test_the_widest_branch_is_the_trunk_and_the_others_have_their_own_depth() -> None:
    model = Model(Inception(), input="3x16x16")
    found = trunk(model.trace(), convolutions(model))
    assert found.paths == ("stem", "reduce", "wide", "last")
    assert found.depth == {
        "stem": 1, "one": 2, "reduce": 2, "wide": 3, "first": 2, "second": 3, "last": 4
    }  # fmt: skip


def test_of_branches_that_see_the_same_the_one_with_more_layers() -> None:
    class Net(nn.Module):
        """A sum of the image, of one 1×1 and of two."""

        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.three = (nn.Conv2d(3, 3, 1) for _ in range(3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.one(x) + self.three(self.two(x))

    found = trunk(Model(Net(), input="3x8x8").trace(), ["one", "two", "three"])
    assert found.paths == ("two", "three")


@pytest.mark.parametrize(("net", "layers"), [("resnet18", 18), ("resnet50", 50), ("plain18", 18)])
def test_a_resnets_trunk_leaves_its_projections_out(net, layers) -> None:
    # The name counts the convolutions but for the projections, and one linear layer; with the pool
    # of the stem in the place of that layer, the numbers are the same.
    model = Model(net)
    found = trunk(model.trace(), convolutions(model))
    assert len(found.paths) == layers
    assert not any("downsample" in path or "shortcut" in path for path in found.paths)


def test_googlenet_has_the_layers_of_its_name() -> None:
    # 22 with weights, of which the last is linear, and four pools between the stages.
    model = Model("googlenet")
    assert len(trunk(model.trace(), convolutions(model)).paths) == 22 - 1 + 4


def test_a_layer_that_is_not_chosen_is_on_no_way() -> None:
    model = Model(Inception(), input="3x16x16")
    assert trunk(model.trace(), ["last"]).paths == ("last",)
    assert trunk(model.trace(), []).paths == ()


def test_a_linear_layer_is_as_deep_as_its_output() -> None:
    # Its weights are transposed first, which is an operator of the layer that sees no image.
    class Net(nn.Module):
        """A convolution, and two linear layers at each place."""

        def __init__(self) -> None:
            super().__init__()
            self.conv, self.one, self.two = nn.Conv2d(3, 4, 3), nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.conv(x).permute(0, 2, 3, 1).reshape(36, 4)
            return self.two(self.one(x)).reshape(1, 6, 6, 4)

    found = trunk(Model(Net(), input="3x8x8").trace(), ["conv", "one", "two"])
    assert found.depth == {"conv": 1, "one": 2, "two": 3}
