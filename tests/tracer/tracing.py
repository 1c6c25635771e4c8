"""Small nets traced without the verbs: a forward given as a function, and its graph."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from archlab.ir.graph import Graph, Node
from archlab.tracer.record import record


class Net(nn.Module):
    """A forward given as a function."""

    def __init__(self, function: Callable[..., Any], **members: nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, member in members.items():
            self.add_module(name, member)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(self, *args, **kwargs)


def graph_of(net: nn.Module, *args: Any, mode: str = "eval", **kwargs: Any) -> Graph:
    recording = record(net, (args, kwargs), mode=mode, name="net", build="test")
    if recording.error is not None:
        raise recording.error
    return recording.graph


def traced(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Graph:
    return graph_of(Net(lambda _, *a, **k: function(*a, **k)), *args, **kwargs)


def meta(*shape: int) -> torch.Tensor:
    return torch.empty(shape, device="meta")


def node(graph: Graph, op: str, which: int = 0) -> Node:
    return [item for item in graph.nodes if item.op in (op, f"aten.{op}")][which]


class Calls(TorchDispatchMode):
    """The names of all operators that run."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(str(func))
        return func(*args, **(kwargs or {}))
