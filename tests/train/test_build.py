"""Nets with fresh weights: seeds, what fits the images, and what a constructor takes."""

import pytest
import torch
from torch import nn

from archlab.errors import BuildError
from archlab.train.build import build, fitting_options, input_channels, option_names

NET = """
from torch import nn

class Net(nn.Sequential):
    def __init__(self, num_classes=10, width=4, **others):
        super().__init__(nn.Conv2d(2, width, 3), nn.Flatten(), nn.Linear(width, num_classes))

def no_net(num_classes):
    return "no net"
"""


@pytest.fixture
def net(tmp_path) -> str:
    (tmp_path / "net.py").write_text(NET)
    return f"{tmp_path / 'net.py'}:"


def test_a_seed_gives_the_weights_and_leaves_the_stream() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one, same, other = (build("resnet8", {}, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(one.conv1.weight, same.conv1.weight)
    assert not torch.equal(one.conv1.weight, other.conv1.weight)
    torch.manual_seed(1)
    assert torch.equal(build("resnet8", {}).conv1.weight, one.conv1.weight)


def test_data_and_recipe_say_what_the_constructor_takes(net) -> None:
    sizes = {"classes": 7, "shape": (1, 16, 16), "widths": (4, 8, 16)}
    taken = {"num_classes": 7, "in_channels": 1, "widths": (4, 8, 16)}
    assert fitting_options("cifar_plain8", {}, **sizes) == taken
    assert fitting_options("resnet18", {"norm": "none"}, **sizes) == {
        "num_classes": 7, "norm": "none", "layout": "cifar",
    }  # fmt: skip
    assert fitting_options("resnet18", {"num_classes": 3}, **sizes)["num_classes"] == 3
    for spec in ("timm:resnet18", "torchvision:vgg11"):
        assert fitting_options(spec, {}, **sizes) == {"num_classes": 7}
    assert fitting_options(f"{net}Net", {"width": 2}, **sizes) == {"num_classes": 7, "width": 2}


@pytest.mark.parametrize(
    ("shape", "layout"),
    [((3, 32, 32), "cifar"), ((3, 64, 64), "cifar"), ((3, 64, 65), "imagenet"),
     ((3, 224, 224), "imagenet")],
)  # fmt: skip
def test_the_images_choose_the_layout_where_nobody_did(net, shape, layout) -> None:
    sizes = {"classes": 7, "shape": shape, "widths": (4, 8, 16)}
    for spec in ("googlenet", "zoo:resnet50", "plain34"):
        assert fitting_options(spec, {}, **sizes)["layout"] == layout
        for chosen in ("imagenet", "cifar"):
            assert fitting_options(spec, {"layout": chosen}, **sizes)["layout"] == chosen
    for spec in ("resnet20", "torchvision:resnet18", f"{net}Net"):
        assert "layout" not in fitting_options(spec, {}, **sizes)


def test_names_of_options(net) -> None:
    names = ("residual", "widths", "shortcut", "norm", "in_channels", "num_classes")
    assert option_names("resnet20") == names
    assert option_names("googlenet") == ("layout", "norm", "factorize", "aux", "num_classes")
    assert option_names(f"{net}no_net") == ("num_classes",)
    assert option_names(f"{net}Net") is None, "it takes any"


def test_what_is_no_net(net) -> None:
    with pytest.raises(BuildError, match=r"returned str, no torch\.nn\.Module"):
        build(f"{net}no_net", {"num_classes": 3})
    with pytest.raises(BuildError, match="cannot be built: RuntimeError"):
        build(f"{net}Net", {"width": -1})


def test_channels_are_those_of_the_first_convolution(net) -> None:
    assert input_channels(build(f"{net}Net", {}), 3) == 2
    assert input_channels(nn.Linear(4, 2), 3) == 3
