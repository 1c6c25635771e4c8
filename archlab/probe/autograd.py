"""The backward pass of a live module as a Graph: the functions that autograd will call.

Their boxes for single parameters (AccumulateGrad) are left out, and what only moves a weight on its
way into a function, too: such weights become names on the functions that use them. Every function
gets the path of the innermost module whose forward created it. The nodes stand in the order of the
backward pass.
"""

from __future__ import annotations

import contextlib
import heapq
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from graphlib import TopologicalSorter
from itertools import accumulate, groupby
from typing import Any

import torch
from torch import nn

from archlab.contain import contained, said
from archlab.errors import TraceError
from archlab.ir.graph import Graph, Module, ModuleCall, Node, TensorSpec
from archlab.ir.kinds import FunctionAttrs, Kind
from archlab.probe.kept import kept_bytes, saving
from archlab.probe.running import after, as_written, before, members
from archlab.tracer.modules import tensors_in

# Autograd's name of a function, or its beginning -> the field's name; and the kind, for its colour.
_NAMES = {
    "Add": ("Add", Kind.ELEMENTWISE), "Sub": ("Subtract", Kind.ELEMENTWISE),
    "Mul": ("Multiply", Kind.ELEMENTWISE), "Div": ("Divide", Kind.ELEMENTWISE),
    "Addmm": ("Linear", Kind.LINEAR), "Mm": ("MatMul", Kind.MATMUL),
    "Bmm": ("MatMul", Kind.MATMUL),
    "Cat": ("Concat", Kind.CONCAT), "Stack": ("Stack", Kind.CONCAT),
    "T": ("Transpose", Kind.PERMUTE),
    "Mean": ("Mean", Kind.REDUCE), "Sum": ("Sum", Kind.REDUCE), "Elu": ("ELU", Kind.ACTIVATION),
    "Relu": ("ReLU", Kind.ACTIVATION), "Gelu": ("GELU", Kind.ACTIVATION),
    "Silu": ("SiLU", Kind.ACTIVATION), "LeakyRelu": ("LeakyReLU", Kind.ACTIVATION),
    "PreluKernel": ("PReLU", Kind.ACTIVATION), "Sigmoid": ("Sigmoid", Kind.ACTIVATION),
    "Tanh": ("Tanh", Kind.ACTIVATION), "NativeDropout": ("Dropout", Kind.ELEMENTWISE),
    "Embedding": ("Embedding", Kind.GATHER), "ConstantPadNd": ("Pad", Kind.RESHAPE),
    "UnsafeView": ("View", Kind.RESHAPE), "FusedRmsNorm": ("RMSNorm", Kind.NORM),
}  # fmt: skip
_BEGINNINGS = {
    "Convolution": ("Conv", Kind.CONV), "NativeBatchNorm": ("BatchNorm", Kind.NORM),
    "CudnnBatchNorm": ("BatchNorm", Kind.NORM), "NativeLayerNorm": ("LayerNorm", Kind.NORM),
    "NativeGroupNorm": ("GroupNorm", Kind.NORM), "ScaledDotProduct": ("Attention", Kind.ATTENTION),
    "LogSoftmax": ("LogSoftmax", Kind.SOFTMAX), "Softmax": ("Softmax", Kind.SOFTMAX),
    "MaxPool": ("MaxPool", Kind.POOL), "AvgPool": ("AvgPool", Kind.POOL),
    "AdaptiveAvgPool": ("Adaptive AvgPool", Kind.POOL),
    "AdaptiveMaxPool": ("Adaptive MaxPool", Kind.POOL), "Upsample": ("Upsample", Kind.RESAMPLE),
    "Hard": ("", Kind.ACTIVATION),
}  # fmt: skip
# What moves a weight on its way into a function.
_VIEWS = frozenset({"T", "Transpose", "Permute", "View", "Unsqueeze", "Squeeze", "Expand", "Alias"})


@dataclass(frozen=True)
class Backward:
    """The backward pass of a model.

    Attributes:
        graph: its functions; tensor 0 is the gradient of the output, node i makes tensor i + 1.
        received: (node that passes a gradient on, -1 for the output; node) -> the shape of it.
        kept: node -> bytes that are kept for it; None where it does not tell.
    """

    graph: Graph
    received: Mapping[tuple[int, int], tuple[int, ...]]
    kept: Mapping[int, int | None]


def backward_pass(
    module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], name: str
) -> Backward:
    """Return the functions of the backward pass, from the output to the first layer.

    `module` has values and is in the mode to draw; its parameters are only read.

    Raises:
        TraceError: the forward failed, or no output depends on a parameter.
    """
    owners: dict[Any, str] = {}
    with torch.enable_grad(), as_written(), saving() as saved, _watched(module, owners):
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
    # Functions that run outside of every module have no owner yet: they belong to the model itself.
    _claim(outputs, owners)
    # In the order of the forward: whoever feeds a function comes before it.
    functions = sorted(
        (each for each in owners if not _is_leaf(each)), key=lambda each: each._sequence_nr()
    )
    kept = kept_bytes(functions, saved, (*module.parameters(), *module.buffers()))
    weights = _weights(functions, {tensor.grad_fn for tensor in outputs})
    used = [function for function in functions if weights[function] is not None]
    received = _received(used, outputs)
    sources: dict[Any, list[Any]] = {function: [] for function in used}
    for source, function in received:
        sources[function].append(source)
    order = _backward_order(sources)
    place = {None: -1, **{function: i for i, function in enumerate(order)}}
    names = {id(param): path for path, param in module.named_parameters()}
    nodes = []
    for i, function in enumerate(order):
        read = tuple(sorted(place[source] + 1 for source in sources[function]))
        params = {id(param): param for param in weights[function] or ()}.values()
        words = [_weight(names.get(id(param), ""), param, owners[function]) for param in params]
        title, kind = _title(function, learned=bool(words))
        attrs = FunctionAttrs(title + (f": gradient of {', '.join(words)}" if words else ""))
        op = f"autograd.{_name(function)}"
        nodes.append(Node(i, kind, op, owners[function], read, (i + 1,), attrs))
    return Backward(
        _graph(name, module, nodes),
        {(place[source], place[each]): shape for (source, each), shape in received.items()},
        {place[function]: kept[function] for function in order},
    )


def _is_leaf(function: Any) -> bool:
    """Whether a function adds a gradient to a parameter's, or to that of an input."""
    return hasattr(function, "variable")


def _name(function: Any) -> str:
    """Return autograd's name of a function: `Convolution` of `ConvolutionBackward0`."""
    return re.sub(r"Backward\d*$", "", function.name().rpartition("::")[2])


def _title(function: Any, *, learned: bool) -> tuple[str, Kind]:
    """Return what a function is called, and the kind that gives its box a colour."""
    name = _name(function)
    if name == "Mm" and learned:
        name = "Addmm"  # a linear layer without a bias
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).capitalize()
    known, kind = _NAMES.get(name) or next(
        (entry for start, entry in _BEGINNINGS.items() if name.startswith(start)),
        ("", Kind.RESHAPE),
    )
    if known == "Conv" and getattr(function, "_saved_transposed", False):
        known = "ConvT"
    return f"{known or words} backward", kind


def _weights(functions: Iterable[Any], last: set[Any]) -> dict[Any, list[Any] | None]:
    """Return the parameters of each function, None for one that only moves a weight.

    The parameters of that are those of the function that reads what it moved.
    """
    own: dict[Any, list[Any]] = {}
    weights: dict[Any, list[Any] | None] = {}
    for function in functions:
        feeding = [source for source, _ in function.next_functions if source is not None]
        found = [source.variable for source in feeding if _is_leaf(source)]
        moved = [source for source in feeding if weights.get(source, ()) is None]
        own[function] = found + [param for source in moved for param in own[source]]
        moves = _name(function) in _VIEWS and len(feeding) == 1 and bool(own[function])
        weights[function] = None if moves and function not in last else own[function]
    return weights


def _received(
    functions: Sequence[Any], outputs: Sequence[torch.Tensor]
) -> dict[tuple[Any, Any], tuple[int, ...]]:
    """Return the shape of each gradient by who passes it on (None: the output) and who gets it."""
    known = set(functions)
    received: dict[tuple[Any, Any], tuple[int, ...]] = {}
    for tensor in outputs:
        received.setdefault((None, tensor.grad_fn), tuple(tensor.shape))
    for function in functions:
        for source, slot in function.next_functions:
            if source in known:
                shape = tuple(source._input_metadata[slot].shape)
                received.setdefault((function, source), shape)
    return received


def _graph(name: str, module: nn.Module, nodes: Sequence[Node]) -> Graph:
    # Fold follows shapes by what operators do forward: `Backward.received` has those of gradients.
    gradients = (TensorSpec(i + 1, (1,), "float32", i + 1) for i in range(len(nodes)))
    return Graph(
        name=name,
        mode="train" if module.training else "eval",
        build="backward pass of autograd",
        nodes=tuple(nodes),
        tensors=(TensorSpec(0, (1,), "float32", 0, "input", "gradient of the output"), *gradients),
        storages=(4,) * (len(nodes) + 1),
        params=(),
        modules=tuple(Module(path, type(m).__name__) for path, m in module.named_modules()),
        calls=tuple(_calls(nodes)),
        inputs=(0,),
        outputs=(),
    )


def _weight(path: str, param: torch.Tensor, owner: str) -> str:
    """Return a parameter with its shape, without the path of the module that uses it."""
    sizes = "×".join(map(str, param.shape))
    inside = path.removeprefix(f"{owner}.") if owner else path
    return f"{inside or 'an input'} {sizes}".strip()


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


def _backward_order(sources: Mapping[Any, Sequence[Any]]) -> list[Any]:
    """Sort as autograd does: of the functions that are ready, the last one made runs first."""
    fed = {each: [s for s in feeding if s is not None] for each, feeding in sources.items()}
    sorter = TopologicalSorter(fed)
    sorter.prepare()
    ready: list[tuple[int, int, Any]] = []
    order = []
    while sorter.is_active():
        for function in sorter.get_ready():
            heapq.heappush(ready, (-function._sequence_nr(), id(function), function))
        *_, function = heapq.heappop(ready)
        order.append(function)
        sorter.done(function)
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
