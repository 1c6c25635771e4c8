"""Why a module cannot be opened, in words."""

import pytest
import torch
from torch import nn

from archlab import load, render
from archlab.errors import OptionError


class Net(nn.Module):
    """One box of three modules, a block of two, a reshape, dropout, a module that never runs."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.act = nn.ReLU()
        self.block = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 1))
        self.other = nn.Sequential(nn.Conv2d(8, 4, 1), nn.MaxPool2d(2))
        self.flatten = nn.Flatten()
        self.drop = nn.Dropout()
        self.spare = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.other(self.block(self.act(self.norm(self.conv(x)))))
        return self.drop(self.flatten(x))


@pytest.fixture(scope="module")
def net():
    return load(Net(), input=(3, 8, 8))


def refusal(net, path: str) -> str:
    with pytest.raises(OptionError) as caught:
        render(net, expand=path)
    return str(caught.value)


@pytest.mark.parametrize("path", ["conv", "norm", "act"])
def test_a_box_says_what_it_is_and_what_can_be_opened_beside_it(net, path) -> None:
    assert refusal(net, path) == (
        f"expand={path!r}: {path} is one box already, Conv 3×3 · BN · ReLU: there is nothing in it "
        "to open. Beside it these can be opened: block, other."
    )


def test_the_neighbours_of_an_inner_box_are_those_of_the_module_around_it(net) -> None:
    said = refusal(net, "block.1")
    assert "block.1 is one box already, Conv 1×1:" in said
    assert said.endswith("Beside it these can be opened: block, other.")


def test_neighbours_are_the_nearest_that_can_be_opened() -> None:
    said = refusal(load("resnet18"), "layer2.1.conv1")
    assert said.endswith("Beside it these can be opened: layer2.0, layer2.1.")


def test_a_box_in_a_row_that_is_drawn_once_is_found_too() -> None:
    assert "layer1.2.conv1 is one box already, Conv 3×3" in refusal(
        load("resnet20"), "layer1.2.conv1"
    )


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("flatten", "nothing that flatten does is drawn, such as a reshape or a copy."),
        ("drop", "drop does nothing in eval mode."),
        ("spare", "spare does not run in eval mode."),
    ],
)
def test_a_module_without_a_box_says_why(net, path, why) -> None:
    assert why in refusal(net, path)


def test_a_path_that_is_nowhere_has_the_nearest_names(net) -> None:
    assert refusal(net, "blok") == (
        "expand='blok': no module of this picture has that path. Did you mean block? Modules that "
        "can be opened: block, other."
    )


def test_a_net_with_nothing_to_open_names_no_neighbours() -> None:
    net = load(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), input=(4,))
    assert refusal(net, "0").endswith("there is nothing in it to open.")
