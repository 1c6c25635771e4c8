"""Arithmetic in words: with a number, a parameter, random zeros; a sign where tensors join."""

import pytest
import torch
from hand_made_graphs import Maker
from torch import nn

import archlab
from archlab.fold import fold
from archlab.fold.names import title
from archlab.ir.kinds import FunctionAttrs, Kind


def test_arithmetic_tells_tensors_numbers_and_learned_tables_apart() -> None:
    make = Maker()
    x, index = make.input((1, 9, 4)), make.input((1, 9))
    table = make.param("table", (20, 4))
    fixed = make.tensor((1, 9), "buffer", "positions")
    by_position, by_data = (
        make.node(Kind.GATHER, "embedding", "", [table, each], (1, 9, 4)) for each in (fixed, index)
    )
    mask = make.node(Kind.CREATE, "zeros", "", [], (9, 4))
    two = make.node(Kind.LINEAR, "mm", "", [make.param("a", (9, 4)), make.param("b", (4, 4))])
    bias = make.param("block.0.bias", (1, 9, 4))
    for other in ([x], [], [by_data], [by_position], [bias], [two], [fixed], [mask]):
        out = make.node(Kind.ELEMENTWISE, "add", "", [x, *other], (1, 9, 4))
    graph = make.graph([out])
    assert [title(graph, node) for node in graph.nodes[4:]] == [
        "+", "Shift", "+", "Add table", "Add bias", "Add learned", "Add positions",
        "Add a constant",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("function", "number", "words"),
    [
        ("add", 1.0, "+ 1"), ("add", -0.5, "− 0.5"), ("sub", 0.5, "− 0.5"), ("rsub", 1.0, "1 − x"),
        ("mul", 0.125, "× 0.125"), ("div", 3.0, "÷ 3"), ("pow", 2.0, "Power 2"),
        ("native_dropout", 0.7, "Dropout 0.7"), ("mul", None, "Scale"),
    ],
)  # fmt: skip
def test_a_number_is_written(function: str, number: float | None, words: str) -> None:
    make = Maker()
    attrs = FunctionAttrs(function, scalar=True, number=number)
    make.node(Kind.ELEMENTWISE, function, "", [make.input()], attrs=attrs)
    graph = make.graph([])
    assert title(graph, graph.nodes[0]) == words


@pytest.mark.parametrize(
    ("shape", "words"), [((2, 8, 4, 4), "Dropout 0.7"), ((2, 8, 1, 1), "Dropout 0.7"),
                         ((2, 1, 1, 1), "Stochastic depth 0.7")],
)  # fmt: skip
def test_a_factor_of_random_zeros_is_a_dropout(shape: tuple[int, ...], words: str) -> None:
    make = Maker()
    x = make.input((2, 8, 4, 4))
    kept = FunctionAttrs("bernoulli", scalar=True, number=0.3)
    noise = make.node(Kind.CREATE, "bernoulli_", "", [x], shape, kept)
    noise = make.node(Kind.ELEMENTWISE, "div_", "", [noise], shape)
    graph = make.graph([make.node(Kind.ELEMENTWISE, "mul", "", [x, noise], (2, 8, 4, 4))])
    assert title(graph, graph.nodes[-1]) == words


class Steps(nn.Module):
    """Arithmetic of all sorts, each sort behind a layer of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(7))
        self.gamma, self.drop = nn.Parameter(torch.ones(4)), nn.Dropout(0.7)
        self.register_buffer("mask", torch.ones(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shift, scale, turn, learned, masked, drop, last = self.layers
        x = scale(shift(x) + 1) * 0.125
        x = learned(1 - turn(x)) * self.gamma
        x = masked(x) - self.mask
        return last(self.drop(drop(x))) / x


def test_what_a_trace_tells_of_a_number_a_parameter_and_a_dropout() -> None:
    graph = archlab.trace(archlab.load(Steps(), input=(2, 4)), mode="train")
    boxes = {box.id: box for box in fold(graph).boxes}
    assert [boxes[f"layers.{i}"].fused for i in range(6)] == [
        ("+ 1",), ("× 0.125",), ("1 − x",), ("Scale by gamma",), ("Subtract mask",),
        ("Dropout 0.7",),
    ]  # fmt: skip
    assert boxes["/div"].title == "÷"


class Positions(nn.Module):
    """What is added is a parameter, an embedding's, one of several parts, a mask of zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(6))
        self.pos = nn.Parameter(torch.zeros(8, 4))
        self.where, self.stack = nn.Embedding(8, 4), nn.Sequential(nn.Embedding(8, 4))
        self.weight = nn.Parameter(torch.zeros(8, 4))
        self.register_buffer("shift_mask", torch.zeros(8, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        row = torch.arange(8, device=x.device)
        blank = x.new_zeros(8, 4)  # torchvision's Swin makes its mask so
        added = (
            self.pos, self.where(row), self.where.weight, self.stack(row), self.weight,
            blank.masked_fill(blank != 0, -100.0),
        )  # fmt: skip
        for layer, each in zip(self.layers, added, strict=True):
            x = layer(x) + each
        return x + self.shift_mask


def test_what_is_added_has_the_name_that_its_author_gave_it() -> None:
    graph = archlab.trace(archlab.load(Positions(), input="[8x4]"))
    fused = [box.fused for box in fold(graph).boxes[1:-1]]
    assert fused == [
        ("Add pos",), ("Add where",), ("Add where",), ("Add weight",), ("Add weight",),
        ("Add mask", "Add shift_mask"),
    ]  # fmt: skip


def test_the_bias_of_a_linear_layer_is_no_step_of_its_own() -> None:
    class Biased(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight, self.bias = nn.Parameter(torch.ones(4, 4)), nn.Parameter(torch.ones(4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(x @ self.weight + self.bias)

    graph = archlab.trace(archlab.load(nn.Sequential(Biased()), input=(2, 4)))
    assert [(box.title, box.fused) for box in fold(graph).boxes[1:-1]] == [
        ("Linear 4 → 4", ("ReLU",))
    ]
