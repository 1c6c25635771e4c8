"""Example inputs: what users write, and what each source publishes."""

import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

import archlab
from archlab.errors import OptionError, SpecError
from archlab.resolve import given_inputs
from archlab.spec import InputSpec

NETS = Path(__file__).parent / "nets.py"


def header(spec, **options) -> str:
    return archlab.shapes(archlab.load(spec, **options)).header.input


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("googlenet", "1x3x224x224 float32"),
        ("torchvision:resnet50", "1x3x224x224 float32"),
        ("torchvision:inception_v3", "1x3x299x299 float32"),
        ("torchvision:efficientnet_b1", "1x3x240x240 float32"),
        ("torchvision:fcn_resnet50", "1x3x520x520 float32"),
        ("torchvision:r3d_18", "1x3x16x112x112 float32"),
        ("torchvision:mvit_v1_b", "1x3x16x224x224 float32"),
        ("torchvision:raft_small", "image1=1x3x512x512 float32, image2=1x3x512x512 float32"),
        ("torchvision:ssdlite320_mobilenet_v3_large", "3x800x800 float32"),
        ("timm:resnet50", "1x3x224x224 float32"),
        ("timm:levit_128", "1x3x224x224 float32"),
        ("timm:tf_efficientnet_b4", "1x3x380x380 float32"),
    ],
)
def test_published_sizes(spec, text) -> None:
    if spec.startswith("timm:"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pytest.importorskip("timm")
    assert header(spec) == text


def test_the_size_follows_the_constructor() -> None:
    assert header("torchvision:vit_b_16", image_size=384) == "1x3x384x384 float32"
    assert header("googlenet", layout="cifar") == "1x3x32x32 float32"


@pytest.mark.parametrize(
    ("member", "text", "guessed"),
    [
        ("Declares", "1x3x20x20 float32", False),
        ("Lightning", "2x7 int64", False),
        ("Net", "1x3x224x224 float32", True),
        ("Half", "1x3x224x224 float16", True),
        ("Tokens", "1x16 int64", True),
        ("Recurrent", "1x16x8 float32", True),
        ("Signal", "1x2x1024 float32", True),
        ("instance", "1x8 float32", True),
    ],
)
def test_what_a_users_module_says(member, text, guessed) -> None:
    head = archlab.shapes(f"{NETS}:{member}").header
    assert head.input == text
    assert ("guessed from the first layer; choose it with input" in head.build) == guessed


@pytest.mark.parametrize("member", ["Passes", "NoParameters", "Empty"])
def test_nothing_to_guess_from(member) -> None:
    with pytest.raises(
        SpecError, match=r"says nothing about its input\. Give one with input, .*input='3x224x224'"
    ):
        archlab.load(f"{NETS}:{member}")


def test_a_lazy_layer_is_nothing_to_guess_from() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "lazy modules are a new feature"
        net = nn.LazyLinear(4)
    with pytest.raises(SpecError, match="says nothing"):
        archlab.load(net)


@pytest.mark.parametrize(
    ("member", "batch", "text"),
    [
        ("Net", 8, "8x3x224x224 float32"),
        ("Declares", 8, "8x3x20x20 float32"),
        ("Tokens", 8, "8x16 int64"),
        ("Recurrent", 8, "8x16x8 float32"),
        ("Signal", 8, "8x2x1024 float32"),
    ],
)
def test_the_batch_of_a_default_input(member, batch, text) -> None:
    assert header(f"{NETS}:{member}", batch=batch) == text


def test_the_batch_of_published_inputs() -> None:
    assert header("resnet20", batch=4) == "4x3x32x32 float32"
    assert header("torchvision:r3d_18", batch=2) == "2x3x16x112x112 float32"
    two = header("torchvision:raft_small", batch=2)
    assert two == "image1=2x3x512x512 float32, image2=2x3x512x512 float32"


@pytest.mark.parametrize("batch", [0, -1])
def test_no_batch_of_nothing(batch) -> None:
    with pytest.raises(OptionError, match="one sample or more"):
        archlab.load("resnet20", batch=batch)


@pytest.mark.parametrize(
    "inputs",
    [
        "3x8x8", "1x3x8x8", (1, 3, 8, 8), [1, 3, 8, 8], (3, 8, 8), torch.Size([1, 3, 8, 8]),
        torch.zeros(1, 3, 8, 8), [torch.zeros(1, 3, 8, 8)], ["3x8x8"], [(1, 3, 8, 8)],
        {"x": "3x8x8"}, {"x": (1, 3, 8, 8)}, {"x": torch.zeros(1, 3, 8, 8)},
        InputSpec((1, 3, 8, 8)), "x=3x8x8",
    ],
    ids=str,
)  # fmt: skip
def test_ways_to_write_one_input(inputs) -> None:
    assert header(f"{NETS}:Net", input=inputs) == "1x3x8x8 float32"


@pytest.mark.parametrize(
    "inputs",
    [
        ["2x8", "2x6"], [(2, 8), (2, 6)], (torch.zeros(2, 8), torch.zeros(2, 6)),
        ["2x8", "y=2x6"], {"x": "2x8", "y": "2x6"}, ["x=2x8", "y=2x6"],
    ],
    ids=str,
)  # fmt: skip
def test_several_inputs(inputs) -> None:
    result = archlab.flops(archlab.load(f"{NETS}:TwoInputs", input=inputs))
    assert result.header.input == "x=2x8 float32, y=2x6 float32"
    assert result.totals.macs == 2 * 4 * (8 + 6)


def test_integers_and_keywords() -> None:
    inputs = {"ids": "2x7:int64", "mask": "2x7"}
    result = archlab.flops(archlab.load(f"{NETS}:KeywordOnly", input=inputs))
    assert result.header.input == "ids=2x7 int64, mask=2x7 float32"
    assert result.totals.macs == 2 * 7 * 16 * 4
    assert header(f"{NETS}:Tokens", input="2x7:int64") == "2x7 int64"


def test_a_forward_without_inputs() -> None:
    assert archlab.flops(archlab.load(f"{NETS}:NoInput", input=())).totals.macs == 27


@pytest.mark.parametrize("inputs", [3.5, [3.5], object(), (1, -3, 8, 8), (1, 0), [None], {"x": 3}])
def test_what_is_no_input(inputs) -> None:
    with pytest.raises(SpecError, match=r"is no input\. Allowed: a text"):
        given_inputs(inputs)


def test_tensors_are_repeated_to_the_batch() -> None:
    one, two = torch.zeros(1, 3, 8, 8), torch.zeros(2, 3, 8, 8)
    assert header(f"{NETS}:Net", input=one, batch=4) == "4x3x8x8 float32"
    assert header(f"{NETS}:Net", input=two, batch=2) == "2x3x8x8 float32"
    with pytest.raises(OptionError, match="batch is given twice: batch=4 and an input of 2x3x8x8"):
        header(f"{NETS}:Net", input=two, batch=4)


def test_the_users_tensor_is_not_touched() -> None:
    x = torch.ones(1, 3, 8, 8, requires_grad=True)
    net = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(3, 4, 3))
    archlab.flops(archlab.load(net, input=x), mode="train")
    assert torch.equal(x.detach(), torch.ones(1, 3, 8, 8))
    assert x.grad is None


def test_an_image_is_tried_before_a_sequence() -> None:
    assert header(f"{NETS}:Net", input="3x8x8") == "1x3x8x8 float32"
    assert header(f"{NETS}:Recurrent", input="3x5x8") == "3x5x8 float32"
    assert header("torchvision:r3d_18", input="3x16x112x112") == "1x3x16x112x112 float32"


def test_values_decide_where_the_forward_reads_them() -> None:
    class Sign(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.plus, self.minus = nn.Linear(4, 1), nn.Linear(4, 9)

        def forward(self, x):
            return self.plus(x) if x.sum().item() > 0 else self.minus(x)

    assert archlab.flops(archlab.load(Sign(), input=torch.ones(1, 4))).totals.macs == 4
    assert archlab.flops(archlab.load(Sign(), input=-torch.ones(1, 4))).totals.macs == 36
