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
        "never executed in eval mode: 40 parameters "
        "(aux0.weight, aux1.weight, aux2.weight and 1 more)"
    )
    assert {row.path: row.unused for row in result.rows}["aux2"] == 10


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
