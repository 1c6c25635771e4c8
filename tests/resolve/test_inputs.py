"""Example inputs: what users write, and what each source publishes."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import archlab
from archlab.errors import OptionError, SpecError, TraceError
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


class TwoKinds(nn.Module):
    """An image and a sequence: each query of the image attends to the sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 4, stride=4)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)

    def forward(self, img, ctx):
        query = self.conv(img).flatten(2).transpose(1, 2)
        return self.attention(query, ctx, ctx, need_weights=False)[0]


class Nested(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 2)

    def forward(self, batch):
        return self.fc(batch["x"]) * batch["scale"] + sum(map(self.fc, batch["more"]))


def test_each_input_is_read_in_its_own_way() -> None:
    net = TwoKinds()
    text = "img=1x3x8x8 float32, ctx=1x4x16 float32"
    assert header(net, input={"img": "3x8x8", "ctx": "4x16"}) == text
    assert header(net, input=["img=[1x3x8x8]", "ctx=4x16"]) == text
    # 4 queries of 16 numbers (a 2×2 map) and 4 of the context, by four products with 16×16
    # weights, and two of 4×4 weights with 16 numbers.
    expected = 4 * 48 * 16 + 4 * 4 * 16 * 16 + 2 * 4 * 4 * 16
    loaded = archlab.load(net, input=["img=3x8x8", "ctx=4x16"])
    assert archlab.flops(loaded).totals.macs == expected
    with pytest.raises(TraceError, match=r"A shape in brackets, such as \[1x8x32\]"):
        header(net, input=["img=3x8x8", "ctx=4x15"])


@pytest.mark.parametrize(
    "inputs",
    [
        ["batch.x=4x8", "batch.scale=1", "batch.more.0=8", "batch.more.1=4x8"],
        {"batch": {"x": (4, 8), "scale": "1", "more": [(8,), torch.ones(4, 8)]}},
        [{"x": torch.ones(4, 8), "scale": torch.ones(1), "more": (torch.ones(8), "4x8")}],
    ],
    ids=["text", "keywords", "position"],
)
def test_dictionaries_and_lists_as_one_argument(inputs) -> None:
    result = archlab.flops(archlab.load(Nested(), input=inputs))
    assert result.totals.macs == (4 + 1 + 4) * 8 * 2
    assert archlab.responses(archlab.load(Nested(), input=inputs), seeds=1).totals


def test_a_list_of_images_is_one_argument() -> None:
    class Detector(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 1)

        def forward(self, images, targets):
            assert all(image.dim() == 3 for image in images)
            boxes = targets[0]["boxes"]
            assert bool((boxes[:, 2:] > boxes[:, :2]).all()), "degenerate boxes"
            return sum(self.conv(image).sum() for image in images)

    inputs = ["images.0=3x4x4", "images.1=3x2x2", "targets.0.boxes=2x4"]
    cost = archlab.flops(archlab.load(Detector(), input=inputs), mode="train")
    assert cost.totals.macs == (16 + 4) * 3 * 2


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (["xs.0=8", "xs.2=8"], "entries of xs are 0, 2; those of a list are 0, 1, 2"),
        (["xs.0=8", "xs.a=8"], "entries of xs are 0, a"),
        (["x=8", "x=9"], "Input x is given twice"),
        (["x=8", "x.a=9"], r"Input x\.a is given twice, or is both an input and a nest"),
        (["x.a=8", "x=9"], "Input x is given twice"),
        ([{"x": torch.full((2,), 0.125), "y": 3}], "^3 is no input"),
        ([object], "is no input"),
        ({"x": np.full((2, 3), 0.125)}, "^ndarray 2x3 float64 is no input"),
    ],
)
def test_nests_that_are_none(inputs, message) -> None:
    with pytest.raises(SpecError, match=message):
        given_inputs(inputs)


def test_an_example_that_a_model_brings_may_be_nested() -> None:
    net = Nested()
    net.example_input_array = {
        "batch": {"x": torch.ones(4, 8), "scale": torch.ones(1), "more": [torch.ones(8)]}
    }
    assert archlab.flops(net).totals.macs == 5 * 8 * 2
    # A spec is built without values: what its example held is made.
    answer = archlab.responses(f"{NETS}:NestedExample", seeds=1)
    assert answer.totals[f"{NETS}:NestedExample"].places == 1


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_an_input_has_the_dtype_of_the_weights(dtype) -> None:
    net = nn.Conv2d(3, 4, 3).to(getattr(torch, dtype))
    assert header(net, input="3x8x8") == f"1x3x8x8 {dtype}"
    assert header(net, input=(3, 8, 8)) == f"1x3x8x8 {dtype}"
    net.register_parameter("other", nn.Parameter(torch.zeros(1)))
    with pytest.raises(TraceError):  # weights of several dtypes tell none
        header(net, input="3x8x8")


def test_an_explicit_dtype_wins() -> None:
    class Casts(nn.Conv2d):
        def forward(self, x):
            return super().forward(x.half())

    net = Casts(3, 4, 3).half()
    assert header(net, input="3x8x8:float32") == "1x3x8x8 float32"


class Graph(nn.Module):
    """A step along the edges that refuses loops; `nodes` is told by the features alone."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x, edge_index):
        start, end = edge_index.tolist()
        assert len(set(zip(start, end, strict=True))) > 5, "the edges are all the same"
        return torch.zeros_like(x).index_add_(0, edge_index[1], self.fc(x)[edge_index[0]])


def test_edges_join_different_nodes() -> None:
    answer = archlab.flops(archlab.load(Graph(), input=["x=9x4", "edge_index=2x20:int64"]))
    assert answer.totals.macs == 9 * 4 * 4
    assert answer.header.build.endswith("whole numbers made below 9")


def test_tokens_are_those_of_the_smallest_vocabulary() -> None:
    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Embedding(50, 4), nn.EmbeddingBag(7, 4)

        def forward(self, ids):
            assert 3 < int(ids.max()) < 7
            return self.a(ids).sum(1) + self.b(ids)

    assert header(Words(), input="2x40:int64") == "2x40 int64"


def test_indices_of_a_table_that_nobody_tells_of_are_zero() -> None:
    class Table(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rows = nn.Parameter(torch.ones(1, 4))

        def forward(self, ids):
            return self.rows[ids] * int(ids.max() + 1)

    head = archlab.shapes(archlab.load(Table(), input="30:int64")).header
    assert head.build.endswith("whole numbers made below 1")
