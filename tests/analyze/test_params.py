"""Parameters by identity: trainable, frozen, buffers, tied names, never executed, bytes."""

import pytest
import torch
import torchvision
from torch import nn

import archlab
from archlab.analyze.params import params


def test_totals_and_bytes(build) -> None:
    x = build.input(2, 6)
    build.linear(x, 4, path="a.fc")  # 24
    build.param("a.half", 10, dtype="float16")  # 20 bytes
    build.param("frozen", 5, trainable=False)
    build.param("running_mean", 7, buffer=True)
    totals = params(build.graph()).totals
    assert (totals.params, totals.trainable, totals.frozen, totals.buffers) == (39, 34, 5, 7)
    assert (totals.bytes, totals.buffer_bytes) == (24 * 4 + 10 * 2 + 5 * 4, 7 * 4)
    assert totals.macs == 2 * 6 * 4
    assert totals.unused == 15  # `half` and `frozen` are read by no node


def test_rows_hold_own_and_inherited(build) -> None:
    x = build.input(2, 6)
    x = build.linear(x, 4, path="a.b")
    build.linear(x, 3, path="a.c")
    build.param("a.scale", 2)
    rows = {row.path: (row.params, row.own) for row in params(build.graph()).rows}
    assert rows == {"": (24 + 12 + 2, 0), "a": (38, 2), "a.b": (24, 24), "a.c": (12, 12)}


def test_rows_come_in_tree_order(build) -> None:
    x = build.input(2, 6)
    for path in ("z", "a.y", "a.x", "a.x.w"):
        build.param(f"{path}.weight", 1)
    build.same("activation", x)
    paths = [row.path for row in params(build.graph()).rows]
    assert paths == ["", "z", "a", "a.y", "a.x", "a.x.w"]


def test_a_tied_parameter_counts_once(build) -> None:
    build.input(2, 6)
    build.param("embed.weight", 100, 8, aliases=("head.weight",))
    result = params(build.graph())
    assert (result.totals.params, result.totals.tied_groups) == (800, 1)
    assert "tied: embed.weight = head.weight" in result.footer


def test_frozen_columns_show_only_where_they_say_something(build) -> None:
    build.input(2, 6)
    build.param("w", 3)
    assert "frozen" not in {column.name for column in params(build.graph()).columns}
    build.param("v", 3, trainable=False)
    assert "frozen" in {column.name for column in params(build.graph()).columns}


def test_never_executed_parameters_are_named(build) -> None:
    x = build.input(2, 6)
    build.linear(x, 4, path="used")
    for i in range(4):
        build.param(f"aux{i}.weight", 10)
    result = params(build.graph())
    assert result.totals.unused == 40
    assert result.footer[-1] == (
        "never executed in eval mode: 40 parameters (aux0, aux1, aux2 and 1 more); 24 (24) without "
        "them"
    )
    assert {row.path: row.unused for row in result.rows}["aux2"] == 10


def test_idle_modules_are_named_once_and_parameters_of_used_ones_one_by_one(build) -> None:
    x = build.input(2, 6)
    build.linear(x, 4, path="body.used")
    build.param("body.spare", 5)
    build.param("head.inner.weight", 3)
    build.param("head.bias", 2)
    footer = params(build.graph()).footer[-1]
    assert "10 parameters (body.spare, head); 24 (24) without them" in footer


def test_a_model_that_reads_no_parameter(build) -> None:
    build.same("activation", build.input(2, 6))
    build.param("weight", 5)
    assert params(build.graph()).footer[-1].endswith("5 parameters (weight); 0 (0) without them")


def test_googlenet_of_2014_without_its_heads() -> None:
    """The sum over table 1 of Szegedy et al. 2014, a bias for every output channel.

    The paper lays the stem out as 7×7, 1×1 and 3×3, and each block by six widths.
    """
    blocks = [
        (192, 64, 96, 128, 16, 32, 32), (256, 128, 128, 192, 32, 96, 64),
        (480, 192, 96, 208, 16, 48, 64), (512, 160, 112, 224, 24, 64, 64),
        (512, 128, 128, 256, 24, 64, 64), (512, 112, 144, 288, 32, 64, 64),
        (528, 256, 160, 320, 32, 128, 128), (832, 256, 160, 320, 32, 128, 128),
        (832, 384, 192, 384, 48, 128, 128),
    ]  # fmt: skip
    convolutions = [(7, 3, 64), (1, 64, 64), (3, 64, 192)]  # side, channels in, channels out
    for inputs, one, three_reduce, three, five_reduce, five, pool in blocks:
        convolutions += [(1, inputs, one), (1, inputs, three_reduce), (3, three_reduce, three)]
        convolutions += [(1, inputs, five_reduce), (5, five_reduce, five), (1, inputs, pool)]
    whole = sum((side * side * inputs + 1) * out for side, inputs, out in convolutions)
    whole += (1024 + 1) * 1000  # the linear layer
    assert whole == 6_998_552  # also the weights of BVLC's Caffe model without its two heads
    # Section 5: a 1×1 convolution of 128 on 512 and 528 channels, 4×4 maps into 1024, 1000 classes.
    heads = sum((width + 1) * 128 for width in (512, 528))
    heads += 2 * ((4 * 4 * 128 + 1) * 1024 + (1024 + 1) * 1000)
    result = archlab.params(archlab.load("googlenet", norm="none"))
    assert (result.totals.params, result.totals.unused) == (whole + heads, heads)
    assert result.footer[-1].endswith("(aux1, aux2); 6,998,552 (6.999 M) without them")


def test_a_model_without_parameters(build) -> None:
    build.same("activation", build.input(2, 6))
    result = params(build.graph())
    assert (result.totals.params, result.rows[0].share) == (0, 0.0)


def count(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def make_tied() -> nn.Module:
    net = nn.Sequential(nn.Embedding(50, 8), nn.Linear(8, 50, bias=False))
    net[1].weight = net[0].weight
    return net


def make_shared_module() -> nn.Module:
    layer = nn.Linear(8, 8)
    return nn.Sequential(layer, nn.ReLU(), layer)


def make_frozen() -> nn.Module:
    net = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))
    net[0].requires_grad_(requires_grad=False)
    return net


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (make_tied, "2x5:int64"),
        (make_shared_module, "2x8"),
        (make_frozen, "2x8"),
        (lambda: nn.LSTM(8, 16, 2, bidirectional=True, proj_size=4), "5x2x8"),
        (lambda: nn.MultiheadAttention(16, 2, kdim=8, vdim=8), ["3x2x16", "4x2x8", "4x2x8"]),
        (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(8, 8)), "2x8"),
    ],
    ids=["tied", "shared module", "frozen", "lstm", "attention", "weight norm"],
)
def test_torch_modules_equal_the_sum_over_parameters(make, shape) -> None:
    net = make()
    totals = archlab.params(archlab.load(net, input=shape)).totals
    trainable = sum(item.numel() for item in net.parameters() if item.requires_grad)
    assert (totals.params, totals.trainable) == (count(net), trainable)
    assert totals.buffers == sum(buffer.numel() for buffer in net.buffers())


def test_auxiliary_heads_are_never_executed_in_eval_mode() -> None:
    model = archlab.load("torchvision:googlenet", init_weights=False, batch=2)
    with torch.device("meta"):
        heads = torchvision.models.googlenet(init_weights=False)
        expected = count(heads.aux1) + count(heads.aux2)
    assert archlab.params(model).totals.unused == expected
    assert archlab.params(model, mode="train").totals.unused == 0
