"""Growth with depth, beside He's formulas for nets of 6n + 2 layers."""

import pytest
import torch
from torch import nn

from archlab.api.field.growth import convolutions, curve, depths, growth_picture, image_size
from archlab.api.model import Model
from archlab.errors import OptionError


def test_a_plain_net_has_one_path() -> None:
    growth = curve(Model("plain8"), convolutions(Model("plain8")))
    # Two 3×3 a stage add 2 pixels each at jump 1, then 2 + 4 (stride 2 comes first), then 4 + 8.
    assert growth.longest == [3, 5, 7, 9, 13, 17, 25]
    assert growth.shortest == growth.longest


def test_a_shortcut_goes_round_the_blocks_before() -> None:
    growth = curve(Model("resnet8"), convolutions(Model("resnet8")))
    assert growth.longest == [3, 5, 7, 9, 13, 17, 25]
    # Shortcuts of type A subsample and add nothing: every block begins with the 3 of the stem.
    assert growth.shortest == [3, 5, 7, 5, 9, 7, 15]


def test_layers_without_height_and_width_are_left_out() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 9, 2))
    assert convolutions(Model(net, input="3x8x8")) == ["0", "1"]
    assert image_size(Model(net, input="3x8x8")) == (8, 8)


def test_a_net_that_reads_no_image_has_no_growth() -> None:
    model = Model(nn.Sequential(nn.Linear(4, 2)), input="4")
    with pytest.raises(OptionError, match="no image to draw on"):
        image_size(model)
    with pytest.raises(OptionError):
        growth_picture([model])


def test_a_net_with_hardly_a_convolution_has_its_layers_for_depth() -> None:
    class Mixer(nn.Module):
        """Patches by a convolution, and linear layers at each place."""

        def __init__(self) -> None:
            super().__init__()
            self.patches = nn.Conv2d(3, 8, 4, stride=4)
            self.head = nn.Sequential(nn.Linear(8, 8), nn.GELU(), nn.Linear(8, 8))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.patches(x).permute(0, 2, 3, 1))

    paths, layers = depths([Model(Mixer(), input="3x32x32")])
    assert (paths, layers) == ([["patches", "head.0", "head.1", "head.2"]], "layers")


def test_a_projection_is_a_branch_and_no_dent_in_the_line() -> None:
    model = Model("resnet18")
    growth = curve(model, convolutions(model))
    assert len(growth.longest) == 18
    assert list(growth.longest) == sorted(growth.longest)
    # The three projections stand beside the first convolution of their stage; before it, 1×1, a
    # stage ends with 43, 99 and 211 pixels: 7, then 11, then 4·8, 4·14 and 4·28 more.
    assert growth.branches == [(7, 43), (11, 99), (15, 211)]
