"""The totals of every result by a second way: its parts, its files, a counter that really runs."""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
import torchvision
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

import archlab
from archlab.analyze.tree import ancestors
from archlab.picture.annotate import MEASURES
from archlab.view.table import render as as_text


class Net(nn.Module):
    """A forward given as a function of the members."""

    def __init__(self, function: Callable[..., Any], *members: nn.Module) -> None:
        super().__init__()
        self.function = function
        for i, member in enumerate(members):
            self.add_module(f"member{i}", member)

    def forward(self, x: torch.Tensor) -> Any:
        return self.function(x, *self.children())


def frozen() -> nn.Module:
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3))
    net[0].requires_grad_(requires_grad=False)
    return net


def tied() -> nn.Module:
    table, head = nn.Embedding(32, 16), nn.Linear(16, 32)
    head.weight.data = table.weight.data
    return Net(lambda x, a, b: b(a(x.long().abs() % 32)), table, head)


def slices(x: torch.Tensor, f: nn.Module, g: nn.Module) -> torch.Tensor:
    y = torch.zeros_like(x)
    y[:, :2] = f(x[:, :2])
    y[:, 2:] = x[:, 2:]
    return g(y)


def grouped(x: torch.Tensor, q: nn.Module, kv: nn.Module) -> torch.Tensor:
    heads = q(x).unflatten(-1, (4, 8)).transpose(1, 2)
    key, value = kv(x).unflatten(-1, (2, 2, 8)).permute(2, 0, 3, 1, 4)
    return F.scaled_dot_product_attention(heads, key, value, enable_gqa=True)


IMAGE, WORDS = (2, 4, 12, 12), (2, 6, 16)
NETS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "resnet20": (lambda: archlab.load("resnet20").seeded(0), (2, 3, 32, 32)),
    "plain20": (lambda: archlab.load("plain20").seeded(0), (2, 3, 32, 32)),
    "resnet18": (torchvision.models.resnet18, (2, 3, 64, 64)),
    "squeezenet": (torchvision.models.squeezenet1_1, (2, 3, 64, 64)),
    "shufflenet": (torchvision.models.shufflenet_v2_x0_5, (2, 3, 64, 64)),
    "frozen": (frozen, (2, 3, 12, 12)),
    "tied": (tied, (2, 6)),
    "twice": (lambda: Net(lambda x, f: f(f(x)), nn.Linear(16, 16)), WORDS),
    "slices": (lambda: Net(slices, nn.Conv2d(2, 2, 1), nn.Conv2d(4, 4, 3)), IMAGE),
    "circular": (lambda: nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"), IMAGE),
    "attention": (lambda: Net(grouped, nn.Linear(16, 32), nn.Linear(16, 32)), WORDS),
    "encoder": (lambda: nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), WORDS),
    "gru": (lambda: nn.GRU(16, 8, batch_first=True), WORDS),
    "checkpoint": (
        lambda: Net(
            lambda x, f, g: g(checkpoint(f, x, use_reentrant=False)),
            nn.Sequential(nn.Linear(16, 16), nn.GELU()),
            nn.Linear(16, 16),
        ),
        WORDS,
    ),
}
VERBS = {
    "params": archlab.params,
    "flops": archlab.flops,
    "flops in train mode": lambda model: archlab.flops(model, mode="train"),
    "memory": archlab.memory,
}
# What a row has, and the total that all rows' own parts sum to.
PARTS = {
    "params": ("params", "trainable", "frozen", "buffers", "unused", "bytes"),
    "flops": ("macs", "flops", "other_flops"),
    "flops in train mode": ("macs", "flops", "other_flops", "backward_macs"),
    "memory": ("parameters", "activations", "saved_for_backward"),
}


@cache
def net_and_input(name: str) -> tuple[nn.Module, torch.Tensor]:
    make, shape = NETS[name]
    torch.manual_seed(0)
    return make(), torch.randn(shape)


@cache
def model_of(name: str) -> archlab.Model:
    net, x = net_and_input(name)
    return archlab.load(net, input=x)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("verb", VERBS)
def test_own_parts_sum_to_the_totals(verb: str, name: str) -> None:
    result = VERBS[verb](model_of(name))
    for column in PARTS[verb]:
        own = {row.path: getattr(row, column) for row in result.rows}
        for row in result.rows:
            if row.path:
                own[next(path for path in [*ancestors(row.path)][1:])] -= getattr(row, column)
        assert min(own.values()) >= 0, column
        assert sum(own.values()) == getattr(result.totals, column), column
        # What is left of a container is what its forward does itself: nothing, in a Sequential.
        for row in result.rows:
            assert row.type != "Sequential" or own[row.path] == 0, (row.path, column)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("verb", VERBS)
def test_files_say_what_the_result_says(verb: str, name: str) -> None:
    result = VERBS[verb](model_of(name))
    record = json.loads(as_text(result, "json"))
    rows = list(csv.DictReader(io.StringIO(as_text(result, "csv"))))
    for column in PARTS[verb]:
        total = getattr(result.totals, column)
        assert record["totals"][column] == total
        assert record["rows"][0][column] == total
        assert int(rows[0][column]) == total
    assert len(record["rows"]) == len(rows) == len(result.rows)


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize("name", NETS)
def test_kinds_sum_to_what_modules_sum_to(name: str, mode: str) -> None:
    model = model_of(name)
    kinds = archlab.flops(model, mode=mode, by="kind")
    assert kinds.totals == archlab.flops(model, mode=mode).totals
    for column in ("macs", "flops", "other_flops"):
        assert sum(getattr(row, column) for row in kinds.rows) == getattr(kinds.totals, column)
    if mode == "train":
        backward = sum(row.backward_macs or 0 for row in kinds.rows)
        assert backward == kinds.totals.backward_macs


def counted(net: nn.Module, x: torch.Tensor) -> tuple[FlopCounterMode, int]:
    """Count a forward by module, and its backward, while both run on the CPU."""
    forward, backward = FlopCounterMode(display=False), FlopCounterMode(display=False)
    with sdpa_kernel(SDPBackend.MATH):
        with forward:
            out = net.train()(x)
        with backward:
            (out[0] if isinstance(out, tuple) else out).sum().backward()
    net.zero_grad()
    return forward, backward.get_total_flops()


# Torch's counter does not divide the backward pass of a convolution by its groups.
GROUPED = {"shufflenet"}


@pytest.mark.parametrize("name", NETS)
def test_flops_are_those_of_a_counter_that_runs(name: str) -> None:
    net, x = net_and_input(name)
    cost = archlab.flops(model_of(name), mode="train")
    forward, backward = counted(net, x)
    assert cost.totals.flops == forward.get_total_flops()
    if name not in GROUPED:
        assert cost.totals.backward_flops == backward
    root = type(net).__name__
    by_module = {
        key.removeprefix(root).removeprefix("."): sum(counts.values())
        for key, counts in forward.get_flop_counts().items()
        if key != "Global"
    }
    said = {row.path: row.flops for row in cost.rows if row.flops}
    assert said == {path: count for path, count in by_module.items() if count}


@pytest.mark.parametrize("name", NETS)
def test_shapes_list_every_call(name: str) -> None:
    net, x = net_and_input(name)
    result = archlab.shapes(model_of(name))
    calls = Counter[str]()
    handles = [
        member.register_forward_hook(lambda *_, path=path: calls.update([path]))
        for path, member in net.eval().named_modules()
    ]
    with torch.no_grad():
        net(x)
    for handle in handles:
        handle.remove()
    assert Counter(row.path for row in result.rows) == calls
    assert result.totals.calls == calls.total()


@pytest.mark.parametrize("boxes", [5, 60])
@pytest.mark.parametrize("name", NETS)
def test_a_drawing_has_the_numbers_of_the_tables(name: str, boxes: int) -> None:
    model = model_of(name)
    params = archlab.params(model).totals
    totals = {
        "macs": archlab.flops(model).totals.macs,
        "params": params.params - params.unused,
        "memory": archlab.memory(model).totals.activations,
    }
    for measure, total in totals.items():
        drawing = archlab.render(model, boxes=boxes, color_by=measure).drawing
        drawn = sum(box.amounts.heat or 0 for box in drawing.boxes)
        inside = {node for box in drawing.boxes for node in box.nodes}
        values = MEASURES[measure].values(model.trace())
        hidden = sum(value or 0 for node, value in values.items() if node not in inside)
        assert drawn + hidden == total, measure
        # What only moves data, such as padding, may have no box; what has a cost has one.
        assert measure == "memory" or not hidden, measure
    assert sum(box.amounts.macs or 0 for box in drawing.boxes) == totals["macs"]
