"""The backward pass as a graph: its order, its owners, its weights."""

import pytest
import torch
from torch import nn

from archlab.errors import TraceError
from archlab.probe.autograd import backward_pass


def test_the_backward_pass_of_two_layers() -> None:
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    computing = backward_pass(net, (torch.ones(3, 4),), {}, "net").graph.nodes
    assert [node.op for node in computing] == ["autograd.Addmm", "autograd.Relu", "autograd.Addmm"]
    assert [node.path for node in computing] == ["2", "1", "0"]
    # The first function gets the gradient of the output, and every other one that of the next.
    assert computing[0].inputs == (0,)
    assert computing[1].inputs == computing[0].outputs


def test_modules_are_stretches_of_neighbouring_nodes() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
            self.last = nn.Linear(4, 4)

        def forward(self, x):
            return self.block(self.last(self.block(x)))

    graph = backward_pass(Twice(), (torch.ones(3, 4),), {}, "net").graph
    spans = [(call.first, call.last) for call in graph.calls if call.path == "block"]
    assert len(spans) == 2
    for first, last in spans:
        assert all(node.path.startswith("block") for node in graph.nodes[first:last])
    inner = [call.path for call in graph.calls].index("block.0")
    assert inner < [call.path for call in graph.calls].index("block")


def test_a_frozen_net_has_no_backward_pass() -> None:
    net = nn.Linear(4, 2).requires_grad_(requires_grad=False)
    with pytest.raises(TraceError, match="Are all parameters frozen"):
        backward_pass(net, (torch.ones(1, 4),), {}, "net")


def titles(net: nn.Module, *inputs: torch.Tensor) -> list[str]:
    """Return what the functions are called, with the parameters whose gradients they make."""
    nodes = backward_pass(net, inputs, {}, "net").graph.nodes
    return [node.attrs.function for node in nodes]


def test_names_are_those_of_the_field_and_parameters_have_their_shapes() -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.ConvTranspose2d(4, 2, 2),
        nn.GroupNorm(1, 2), nn.GELU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.LayerNorm(8),
        nn.Linear(8, 5, bias=False), nn.SiLU(), nn.Dropout(0.5), nn.Linear(5, 3), nn.LogSoftmax(-1),
    )  # fmt: skip
    assert titles(net, torch.ones(2, 3, 8, 8)) == [
        "LogSoftmax backward",
        "Linear backward: gradient of bias 3, weight 3×5",
        "Multiply backward",  # on a CPU, dropout is a product
        "SiLU backward",
        "Linear backward: gradient of weight 5×8",
        "LayerNorm backward: gradient of weight 8, bias 8",
        "View backward",
        "Adaptive AvgPool backward",
        "GELU backward",
        "GroupNorm backward: gradient of weight 2, bias 2",
        "ConvT backward: gradient of weight 4×2×2×2, bias 2",
        "MaxPool backward",
        "ReLU backward",
        "BatchNorm backward: gradient of weight 4, bias 4",
        "Conv backward: gradient of weight 4×3×3×3, bias 4",
    ]


def test_a_name_that_nobody_gave_is_split_into_words() -> None:
    class Rolled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gain = nn.Parameter(torch.ones(4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.logcumsumexp(x * self.gain, 0).roll(1)

    assert titles(nn.Sequential(Rolled()), torch.ones(3, 4)) == [
        "Roll backward", "Logcumsumexp backward", "Multiply backward: gradient of gain 4",
    ]  # fmt: skip


def test_a_parameter_of_another_module_has_its_path() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(6, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen = self.table(x)
            return seen @ seen.T @ self.table.weight[:3]

    said = titles(Tied(), torch.tensor([0, 1, 2]))
    assert said[0] == "MatMul backward"
    assert "Slice backward: gradient of table.weight 6×4" in said
    assert "Embedding backward: gradient of weight 6×4" in said


def test_a_gradient_of_an_output_goes_to_each_function_that_made_one() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            x = torch.relu(self.a(x))
            return x, self.b(x)

    found = backward_pass(Two(), (torch.ones(3, 4),), {}, "net")
    assert [node.op for node in found.graph.nodes] == [
        "autograd.Addmm", "autograd.Relu", "autograd.Addmm",
    ]  # fmt: skip
    assert [node.inputs for node in found.graph.nodes] == [(0,), (0, 1), (2,)]
    assert found.received == {(-1, 0): (3, 2), (-1, 1): (3, 4), (0, 1): (3, 4), (1, 2): (3, 4)}
