"""The backward pass of a live module as a Graph: torchviz's picture, cleaned and put into modules.

torchviz says which functions autograd will call and what feeds what. Its AccumulateGrad boxes go,
its parameters become names on the functions that use them, and every function gets the path of the
innermost module whose forward made it. The nodes stand in the order of the backward pass.
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

_NODE = re.compile(r"^\s*(\d+) \[label=(.*?)(?: (?:fillcolor|shape)=.*)?\]$", re.DOTALL)
_EDGE = re.compile(r"^\s*(\d+) -> (\d+)")
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
        module: a module with values, in the mode to look at; its parameters are only read.
        args: positional inputs.
        kwargs: named inputs.
        name: what the graph is called.

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
    outputs = [item for item in _tensors(result) if item.grad_fn is not None]
    if not outputs:
        raise TraceError(
            f"No output of {name} depends on a parameter that wants a gradient: there is no "
            "backward pass to draw. Are all parameters frozen?"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torchviz reads versions by distutils
        picture = make_dot(tuple(outputs), params=dict(module.named_parameters()))
    functions = {str(id(function)): function for function in _reachable(outputs)}
    labels, feeds = _read(picture.body)
    return _graph(name, module, labels, feeds, functions, owners)


def _read(body: Iterable[str]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Labels by torchviz's ids (without line breaks at the ends), and its edges."""
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


def _graph(
    name: str,
    module: nn.Module,
    labels: Mapping[str, str],
    feeds: Sequence[tuple[str, str]],
    functions: Mapping[str, Any],
    owners: Mapping[Any, str],
) -> Graph:
    kept = [key for key in functions if key in labels and labels[key] != "AccumulateGrad"]
    before: dict[str, list[str]] = {key: [] for key in kept}  # backward: what hands it a gradient
    held: dict[str, list[str]] = {}
    into: dict[str, list[str]] = {}
    for tail, head in feeds:
        into.setdefault(head, []).append(tail)
        if tail in before and head in before:
            before[tail].append(head)
    for key in kept:
        for tail in into.get(key, ()):
            if labels.get(tail) == "AccumulateGrad":
                held.setdefault(key, []).extend(labels[item] for item in into.get(tail, ()))
    order = _sorted(kept, before, functions)
    place = {key: i for i, key in enumerate(order)}
    tensors = [TensorSpec(0, (1,), "float32", 0, "input", "gradient of the output")]
    tensors += [TensorSpec(i + 1, (1,), "float32", i + 1) for i in range(len(order))]
    types = {path: type(item).__name__ for path, item in module.named_modules()}
    nodes = []
    for i, key in enumerate(order):
        words = re.sub(r"Backward\d*$", "", labels[key])
        spoken = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", words)
        weights = ", ".join(map(_weight, held.get(key, ())))
        title = f"{spoken} backward" + (f": {weights}" if weights else "")
        kind = next((kind for sign, kind in _KINDS if sign in words), Kind.RESHAPE)
        inputs = tuple(place[item] + 1 for item in dict.fromkeys(before[key])) or (0,)
        path = owners.get(functions[key], "")
        nodes.append(
            Node(i, kind, f"autograd.{words}", path, inputs, (i + 1,), FunctionAttrs(title))
        )
    last = len(order)
    return Graph(
        name=name,
        mode="train" if module.training else "eval",
        build="backward pass, drawn from torchviz",
        nodes=tuple(nodes),
        tensors=tuple(tensors),
        storages=(4,) * (last + 1),
        params=(),
        modules=tuple(Module(path, kind) for path, kind in types.items()),
        calls=tuple(_calls(nodes)),
        inputs=(0,),
        outputs=(),
    )


def _weight(label: str) -> str:
    """A parameter without its module's path: `weight 64×3×3×3`."""
    name, _, shape = label.partition(" ")
    sizes = "×".join(re.findall(r"\d+", shape))
    return f"{name.rpartition('.')[2]} {sizes}".strip()


def _calls(nodes: Sequence[Node]) -> Iterator[ModuleCall]:
    """Modules as stretches of neighbours below one path, the inner ones first."""
    found: list[tuple[int, str, int, int]] = []
    paths = {path for node in nodes for path in _above(node.path)}
    for path in paths:
        start = None
        for i, node in enumerate((*nodes, None)):
            inside = node is not None and (node.path == path or node.path.startswith(f"{path}."))
            if inside and start is None:
                start = i
            elif not inside and start is not None:
                found.append((-path.count("."), path, start, i))
                start = None
    for _, path, first, last in sorted(found):
        yield ModuleCall(path, 0, first, last, (), ())


def _above(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition(".")[0]


def _sorted(
    keys: Sequence[str], before: Mapping[str, Sequence[str]], functions: Mapping[str, Any]
) -> list[str]:
    """The order of the backward pass: what is ready, the last made in the forward first."""
    waiting = {key: len(set(before[key])) for key in keys}
    after: dict[str, set[str]] = {key: set() for key in keys}
    for key in keys:
        for item in before[key]:
            after[item].add(key)
    ready = [(-functions[key]._sequence_nr(), key) for key in keys if not waiting[key]]
    heapq.heapify(ready)
    order = []
    while ready:
        _, key = heapq.heappop(ready)
        order.append(key)
        for item in sorted(after[key]):
            waiting[item] -= 1
            if not waiting[item]:
                heapq.heappush(ready, (-functions[item]._sequence_nr(), item))
    return order


@contextlib.contextmanager
def _watched(module: nn.Module, owners: dict[Any, str]) -> Iterator[None]:
    """Note for each function of autograd the innermost module whose forward made it.

    What a module receives was made by those around it, what it returns by itself or those inside.
    """
    running: list[str] = []

    def note(values: Any, path: str) -> None:
        waiting = [item.grad_fn for item in _tensors(values) if item.grad_fn is not None]
        while waiting:
            function = waiting.pop()
            if function not in owners:
                owners[function] = path
                waiting += [item for item, _ in function.next_functions if item is not None]

    def enter(path: str) -> Any:
        def hook(_: nn.Module, args: Any, kwargs: Any) -> None:
            note((args, kwargs), running[-1] if running else "")
            running.append(path)

        return hook

    def leave(path: str) -> Any:
        def hook(_: nn.Module, __: Any, output: Any) -> None:
            note(output, path)
            running.pop()

        return hook

    handles = []
    for path, item in module.named_modules():
        handles.append(item.register_forward_pre_hook(enter(path), with_kwargs=True))
        handles.append(item.register_forward_hook(leave(path)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _reachable(outputs: Sequence[torch.Tensor]) -> list[Any]:
    found: dict[Any, None] = {}
    waiting = [item.grad_fn for item in outputs]
    while waiting:
        function = waiting.pop()
        if function is not None and function not in found:
            found[function] = None
            waiting += [item for item, _ in function.next_functions]
    return list(found)


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _tensors(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)
