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
from typing import Any

import torch
from torch import nn

from archlab.errors import DependencyError, TraceError
from archlab.ir.graph import Graph, Module, ModuleCall, Node, TensorSpec
from archlab.ir.kinds import FunctionAttrs, Kind
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

    Args:
        module: a module with values, in the mode to draw; its parameters are only read.
        args: positional inputs.
        kwargs: named inputs.
        name: the name of the graph.

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
    with torch.enable_grad(), _watched(module, owners):
        try:
            result = module(*args, **kwargs)
        except Exception as error:
            raise TraceError(
                f"The forward of {name} failed: {type(error).__name__}: {error}"
            ) from error
    outputs = [tensor for tensor in tensors_in([result]) if tensor.grad_fn is not None]
    if not outputs:
        raise TraceError(
            f"No output of {name} depends on a parameter that wants a gradient: there is no "
            "backward pass to draw. Are all parameters frozen?"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torchviz reads versions by distutils
        drawing = make_dot(tuple(outputs), params=dict(module.named_parameters()))
    labels, edges = _read(drawing.body)
    functions = {
        key: function
        for function in _reachable(outputs)
        # torchviz names its nodes by the ids of the functions.
        if labels.get(key := str(id(function)), "AccumulateGrad") != "AccumulateGrad"
    }
    return _graph(name, module, _functions(labels, edges, functions, owners))


def _read(body: Iterable[str]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Return torchviz's labels by id, in one line each, and its edges."""
    labels: dict[str, str] = {}
    edges: list[tuple[str, str]] = []
    for line in body:
        edge, node = _EDGE.match(line), _NODE.match(line.rstrip())
        if edge:
            edges.append((edge[1], edge[2]))
        elif node:
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
        path = owners.get(functions[key], "")
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
    stretches: list[tuple[int, str, int, int]] = []
    paths = {path for node in nodes for path in _ancestors(node.path)}
    for path in paths:
        start = None
        for i, node in enumerate((*nodes, None)):
            inside = node is not None and (node.path == path or node.path.startswith(f"{path}."))
            if inside and start is None:
                start = i
            elif not inside and start is not None:
                stretches.append((-path.count("."), path, start, i))
                start = None
    for _, path, first, last in sorted(stretches):
        yield ModuleCall(path, 0, first, last, (), ())


def _ancestors(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition(".")[0]


def _backward_order(
    sources: Mapping[str, Sequence[str]], functions: Mapping[str, Any]
) -> list[str]:
    """Sort as autograd does: of the functions that are ready, the last one made runs first."""
    missing = {key: len(set(before)) for key, before in sources.items()}
    users: dict[str, set[str]] = {key: set() for key in sources}
    for key, before in sources.items():
        for source in before:
            users[source].add(key)

    def entry(key: str) -> tuple[int, str]:
        return -functions[key]._sequence_nr(), key

    ready = [entry(key) for key in sources if not missing[key]]
    heapq.heapify(ready)
    order = []
    while ready:
        _, key = heapq.heappop(ready)
        order.append(key)
        for user in sorted(users[key]):
            missing[user] -= 1
            if not missing[user]:
                heapq.heappush(ready, entry(user))
    return order


@contextlib.contextmanager
def _watched(module: nn.Module, owners: dict[Any, str]) -> Iterator[None]:
    """Fill `owners`: for each function of autograd the innermost module whose forward made it.

    The inputs of a module were made by the modules around it, its outputs by itself or by those
    inside; so whoever sees a function first owns it.
    """
    running: list[str] = []

    def claim(values: Any, path: str) -> None:
        pending = [tensor.grad_fn for tensor in tensors_in([values]) if tensor.grad_fn is not None]
        while pending:
            function = pending.pop()
            if function not in owners:
                owners[function] = path
                pending += [source for source, _ in function.next_functions if source is not None]

    def enter(path: str) -> Any:
        def hook(_: nn.Module, args: Any, kwargs: Any) -> None:
            claim((args, kwargs), running[-1] if running else "")
            running.append(path)

        return hook

    def leave(path: str) -> Any:
        def hook(_: nn.Module, __: Any, output: Any) -> None:
            claim(output, path)
            running.pop()

        return hook

    with contextlib.ExitStack() as hooks:
        for path, member in module.named_modules():
            before = member.register_forward_pre_hook(enter(path), with_kwargs=True)
            hooks.enter_context(before)
            hooks.enter_context(member.register_forward_hook(leave(path)))
        yield


def _reachable(outputs: Sequence[torch.Tensor]) -> list[Any]:
    reached: dict[Any, None] = {}
    pending = [tensor.grad_fn for tensor in outputs]
    while pending:
        function = pending.pop()
        if function is not None and function not in reached:
            reached[function] = None
            pending += [source for source, _ in function.next_functions]
    return list(reached)
