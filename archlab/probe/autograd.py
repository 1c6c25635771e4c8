"""The backward pass of a live module as a Graph, from torchviz's drawing of it.

torchviz lists the functions that autograd will call, and which one feeds which. Its AccumulateGrad
boxes are left out, its parameters become names on the functions that use them, and every function
gets the path of the innermost module whose forward created it. The nodes stand in the order of the
backward pass.
"""

from __future__ import annotations

import contextlib
import heapq
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from graphlib import TopologicalSorter
from itertools import accumulate, groupby
from typing import Any

import torch
from torch import nn

from archlab.contain import contained, said
from archlab.errors import DependencyError, TraceError
from archlab.ir.graph import Graph, Module, ModuleCall, Node, TensorSpec
from archlab.ir.kinds import FunctionAttrs, Kind
from archlab.probe.running import after, as_written, before, members
from archlab.tracer.modules import tensors_in

# Lines of torchviz's DOT text: a node with its label, and an edge.
_NODE = re.compile(r"^\s*(\d+) \[label=(.*?)(?: (?:fillcolor|shape)=.*)?\]$", re.DOTALL)
_EDGE = re.compile(r"^\s*(\d+) -> (\d+)")
# The first part of a function's name that fits decides its kind, which gives the box its colour.
_KINDS = (
    ("Convolution", Kind.CONV), ("Addmm", Kind.LINEAR), ("Mm", Kind.LINEAR), ("Bmm", Kind.MATMUL),
    ("BatchNorm", Kind.NORM), ("LayerNorm", Kind.NORM), ("GroupNorm", Kind.NORM),
    ("Attention", Kind.ATTENTION), ("Softmax", Kind.SOFTMAX), ("Pool", Kind.POOL),
    ("Mean", Kind.REDUCE), ("Cat", Kind.CONCAT), ("Add", Kind.ELEMENTWISE),
    ("Sub", Kind.ELEMENTWISE), ("Mul", Kind.ELEMENTWISE), ("Upsample", Kind.RESAMPLE),
    ("Relu", Kind.ACTIVATION), ("Gelu", Kind.ACTIVATION), ("Silu", Kind.ACTIVATION),
    ("Hard", Kind.ACTIVATION), ("Sigmoid", Kind.ACTIVATION), ("Tanh", Kind.ACTIVATION),
)  # fmt: skip


def backward_graph(
    module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], name: str
) -> Graph:
    """Return the functions of the backward pass, from the output to the first layer.

    `module` has values and is in the mode to draw; its parameters are only read.

    Raises:
        DependencyError: torchviz is not installed.
        TraceError: the forward failed, or no output depends on a parameter.
    """
    try:
        from torchviz import make_dot
    except ImportError as error:
        raise DependencyError(
            f"torchviz is not installed: pip install torchviz ({error})."
        ) from error
    owners: dict[Any, str] = {}
    with torch.enable_grad(), as_written(), _watched(module, owners):
        try:
            with contained():
                result = module(*args, **kwargs)
        except Exception as error:
            raise TraceError(f"The forward of {name} failed: {said(error)}") from error
    outputs = [tensor for tensor in tensors_in([result]) if tensor.grad_fn is not None]
    if not outputs:
        raise TraceError(
            f"No output of {name} depends on a parameter that wants a gradient: there is no "
            "backward pass to draw. Are all parameters frozen?"
        )
    with warnings.catch_warnings():
        # torchviz compares versions by distutils.
        warnings.simplefilter("ignore", DeprecationWarning)
        drawing = make_dot(tuple(outputs), params=dict(module.named_parameters()))
    labels, edges = _read(drawing.body)
    # Functions that run outside of every module have no owner yet: they belong to the model itself.
    _claim(outputs, owners)
    functions = {
        key: function
        for function in owners
        # torchviz names its nodes by the ids of the functions.
        if labels.get(key := str(id(function)), "AccumulateGrad") != "AccumulateGrad"
    }
    return _graph(name, module, _functions(labels, edges, functions, owners))


def _read(body: Iterable[str]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Return torchviz's labels by id, in one line each, and its edges."""
    labels: dict[str, str] = {}
    edges: list[tuple[str, str]] = []
    for line in body:
        if edge := _EDGE.match(line):
            edges.append((edge[1], edge[2]))
        elif node := _NODE.match(line.rstrip()):
            # DOT writes a line break inside a label as a backslash and an n.
            words = node[2].strip().strip('"').replace("\\n", "\n")
            labels[node[1]] = " ".join(words.split())
    return labels, edges


def _functions(
    labels: Mapping[str, str],
    edges: Sequence[tuple[str, str]],
    functions: Mapping[str, Any],
    owners: Mapping[Any, str],
) -> list[Node]:
    """Return the functions of autograd as nodes, in the order of the backward pass.

    Tensor 0 is the gradient of the output; node i produces tensor i + 1.
    """
    # An edge of torchviz's runs as in the forward; a gradient goes from its head to its tail.
    sources: dict[str, list[str]] = {key: [] for key in functions}
    feeding: dict[str, list[str]] = {}
    for tail, head in edges:
        feeding.setdefault(head, []).append(tail)
        if tail in sources and head in sources:
            sources[tail].append(head)
    order = _backward_order(sources, functions)
    position = {key: i for i, key in enumerate(order)}
    nodes = []
    for i, key in enumerate(order):
        function = re.sub(r"Backward\d*$", "", labels[key])
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", function)
        leaves = [leaf for leaf in feeding.get(key, ()) if labels.get(leaf) == "AccumulateGrad"]
        weights = [_weight(labels[weight]) for leaf in leaves for weight in feeding.get(leaf, ())]
        title = f"{words} backward" + (f": {', '.join(weights)}" if weights else "")
        kind = next((kind for part, kind in _KINDS if part in function), Kind.RESHAPE)
        inputs = tuple(position[source] + 1 for source in dict.fromkeys(sources[key])) or (0,)
        path = owners[functions[key]]
        attrs = FunctionAttrs(title)
        nodes.append(Node(i, kind, f"autograd.{function}", path, inputs, (i + 1,), attrs))
    return nodes


def _graph(name: str, module: nn.Module, nodes: Sequence[Node]) -> Graph:
    # The sizes of gradients are unknown to torchviz, so each counts as one float.
    gradients = (TensorSpec(i + 1, (1,), "float32", i + 1) for i in range(len(nodes)))
    return Graph(
        name=name,
        mode="train" if module.training else "eval",
        build="backward pass, drawn from torchviz",
        nodes=tuple(nodes),
        tensors=(TensorSpec(0, (1,), "float32", 0, "input", "gradient of the output"), *gradients),
        storages=(4,) * (len(nodes) + 1),
        params=(),
        modules=tuple(Module(path, type(m).__name__) for path, m in module.named_modules()),
        calls=tuple(_calls(nodes)),
        inputs=(0,),
        outputs=(),
    )


def _weight(label: str) -> str:
    """Return a parameter without its module's path, such as `weight 64×3×3×3`."""
    name, _, shape = label.partition(" ")
    sizes = "×".join(re.findall(r"\d+", shape))
    return f"{name.rpartition('.')[2]} {sizes}".strip()


def _calls(nodes: Sequence[Node]) -> Iterator[ModuleCall]:
    """Yield modules as stretches of neighbouring nodes below one path, inner modules first."""
    members: dict[str, list[int]] = {}
    for node in nodes:
        # `a.b.c` lies below `a`, `a.b` and `a.b.c`; the pass as a whole is no stretch.
        for path in accumulate(node.path.split("."), "{}.{}".format) if node.path else ():
            members.setdefault(path, []).append(node.id)
    for path in sorted(members, key=lambda path: (-path.count("."), path)):
        # Numbers that follow each other keep their distance from their places in the list.
        for _, run in groupby(enumerate(members[path]), lambda pair: pair[1] - pair[0]):
            stretch = [i for _, i in run]
            yield ModuleCall(path, 0, stretch[0], stretch[-1] + 1, (), ())


def _backward_order(
    sources: Mapping[str, Sequence[str]], functions: Mapping[str, Any]
) -> list[str]:
    """Sort as autograd does: of the functions that are ready, the last one made runs first."""
    sorter = TopologicalSorter(sources)
    sorter.prepare()
    ready: list[tuple[int, str]] = []
    order = []
    while sorter.is_active():
        for key in sorter.get_ready():
            heapq.heappush(ready, (-functions[key]._sequence_nr(), key))
        _, key = heapq.heappop(ready)
        order.append(key)
        sorter.done(key)
    return order


@contextlib.contextmanager
def _watched(module: nn.Module, owners: dict[Any, str]) -> Iterator[None]:
    """Fill `owners`: for each function of autograd the innermost module whose forward made it."""
    # The inputs of a module were made by the modules around it, its outputs by itself or by those
    # inside; so whoever sees a function first owns it.
    running: list[str] = []

    def enter(path: str, _: nn.Module, args: Any, kwargs: Any) -> None:
        _claim(tensors_in([args, kwargs]), owners, running[-1] if running else "")
        running.append(path)

    def leave(path: str, _: nn.Module, __: Any, output: Any) -> None:
        _claim(tensors_in([output]), owners, path)
        running.pop()

    with contextlib.ExitStack() as hooks:
        for path, member in members(module):
            hooks.enter_context(before(member, partial(enter, path)))
            hooks.enter_context(after(member, partial(leave, path)))
        yield


def _claim(tensors: Iterable[torch.Tensor], owners: dict[Any, str], path: str = "") -> None:
    """Give the functions that led to the tensors to a path, those that have no owner yet."""
    pending = [tensor.grad_fn for tensor in tensors]
    while pending:
        function = pending.pop()
        if function is not None and function not in owners:
            owners[function] = path
            pending += [source for source, _ in function.next_functions]
