"""The backward pass as a graph: its order, its owners, its weights."""

import pytest
import torch
from torch import nn

from archlab.errors import TraceError
from archlab.ir.kinds import Kind
from archlab.probe.autograd import backward_graph

pytest.importorskip("torchviz")


def test_the_backward_pass_of_two_layers() -> None:
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    nodes = backward_graph(net, (torch.ones(3, 4),), {}, "net").nodes
    computing = [node for node in nodes if node.kind != Kind.RESHAPE]
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

    graph = backward_graph(Twice(), (torch.ones(3, 4),), {}, "net")
    spans = [(call.first, call.last) for call in graph.calls if call.path == "block"]
    assert len(spans) == 2
    for first, last in spans:
        assert all(node.path.startswith("block") for node in graph.nodes[first:last])
    inner = [call.path for call in graph.calls].index("block.0")
    assert inner < [call.path for call in graph.calls].index("block")


def test_a_frozen_net_has_no_backward_pass() -> None:
    net = nn.Linear(4, 2).requires_grad_(requires_grad=False)
    with pytest.raises(TraceError, match="Are all parameters frozen"):
        backward_graph(net, (torch.ones(1, 4),), {}, "net")
