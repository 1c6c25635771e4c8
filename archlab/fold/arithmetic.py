"""What arithmetic is called: a sign where two tensors are joined, else what it does to the one."""

from __future__ import annotations

from math import prod

from archlab.fold.flow import function, is_sum
from archlab.fold.masks import mask_of
from archlab.ir.graph import Graph, Node
from archlab.ir.kinds import FunctionAttrs, Kind

_SAME_VALUES = frozenset({Kind.RESHAPE, Kind.SLICE, Kind.PERMUTE, Kind.COPY, Kind.GATHER})
_SIGNS = {"add": "+", "sub": "−", "mul": "×", "div": "÷"}
# With something that does not depend on the data it is a step of the path, told in words.
_VERBS = {"add": "Add", "sub": "Subtract", "rsub": "Subtract from", "mul": "Scale by",
          "div": "Divide by"}  # fmt: skip
_ON_ONE = {
    "mul": "Scale", "div": "Scale", "add": "Shift", "sub": "Shift", "rsub": "Shift",
    "native_dropout": "Dropout", "neg": "Negate", "pow": "Power", "clamp": "Clamp",
    "clamp_min": "Clamp", "bernoulli": "Dropout",
}  # fmt: skip


def elementwise(graph: Graph, node: Node) -> str:
    """Return what stands on the box of an elementwise operator."""
    name = function(node)
    number = node.attrs.number if isinstance(node.attrs, FunctionAttrs) else None
    others = [tensor for tensor in node.inputs if tensor not in graph.dependent]
    data = len(node.inputs) - len(others)
    # Where nothing depends on data, as in a model without inputs, tensors are joined all the same.
    if name in _SIGNS and (data > 1 or (len(others) > 1 and not data)):
        return _SIGNS[name]
    if others and data and name in _VERBS:
        return _dropout(graph, others[0]) or f"{_VERBS[name]} {_constant(graph, node, others[0])}"
    if number is not None:
        return _with_number(name, number)
    return _ON_ONE.get(name, pretty(name))


def _with_number(name: str, number: float) -> str:
    """Return an operator on one tensor and a number: `× 0.125`, `+ 1`, `1 − x`, `Dropout 0.7`."""
    if name in ("add", "sub") and number < 0:
        name, number = ("sub" if name == "add" else "add"), -number
    if name == "rsub":
        return f"{number:.4g} − x"
    return f"{_SIGNS.get(name) or _ON_ONE.get(name, pretty(name))} {number:.4g}"


def _dropout(graph: Graph, factor: int) -> str:
    """Return the name of a random factor of zeros and ones, with the share of zeros, or nothing."""
    shape, maker = graph.shape(factor), graph.producer.get(factor)
    while maker is not None and maker.kind != Kind.CREATE and maker.inputs:
        maker = graph.producer.get(maker.inputs[0])
    if maker is None or function(maker) != "bernoulli":
        return ""
    kept = getattr(maker.attrs, "number", None)
    # Torchvision and timm drop whole branches, by one number a sample.
    name = "Stochastic depth" if len(shape) > 1 and prod(shape[1:]) == 1 else "Dropout"
    return name if kept is None else f"{name} {1 - kept:.3g}"


def _constant(graph: Graph, node: Node, tensor: int) -> str:
    """Return what a tensor that does not depend on the data is called."""
    spec = graph.tensors[_origin(graph, tensor)]
    if learned := param_name(graph, tensor, node.path):
        return learned
    if spec.source == "buffer" and spec.name:
        return _own_name(spec.name)
    return mask_of(graph, tensor) or "a constant"


def _origin(graph: Graph, tensor: int) -> int:
    """Return where a tensor's values come from, which were only moved and picked on their way."""
    maker = graph.producer.get(tensor)
    while maker is not None and maker.kind in _SAME_VALUES and maker.inputs:
        tensor = maker.inputs[0]
        maker = graph.producer.get(tensor)
    return tensor


def is_bias(graph: Graph, node: Node) -> bool:
    """Whether a node adds the bias of a linear layer, which torch may do on its own."""
    makers = (graph.producer.get(_origin(graph, tensor)) for tensor in node.inputs)
    layer = any(m is not None and m.kind == Kind.LINEAR and m.path == node.path for m in makers)
    added = (graph.tensors[tensor].name for tensor in node.inputs)
    return is_sum(node) and layer and f"{node.path}.bias" in added


def param_name(graph: Graph, tensor: int, reader: str = "") -> str:
    """Return the name of the parameter that a tensor is made from, "learned" for several of them.

    It is empty for a tensor that no parameter takes part in. `reader` is the path of the module
    that reads it: the weight of another one is called after that one.
    """
    names: set[str] = set()
    waiting, visited = [tensor], {tensor}
    while waiting:
        spec = graph.tensors[waiting.pop()]
        if spec.source == "param":
            path, _, last = spec.name.rpartition(".")
            # An embedding's parameter is `weight`, and what it is of is the module's name.
            others = last == "weight" and path != reader and not path.rpartition(".")[2].isdigit()
            names.add(_own_name(path if path and others else spec.name))
        maker = graph.producer.get(spec.id)
        # new_zeros(x) reads x for its size alone.
        read = maker.inputs if maker and maker.kind != Kind.CREATE else ()
        before = set(read) - visited
        visited |= before
        waiting += before
    return names.pop() if len(names) == 1 else "learned" * bool(names)


def _own_name(path: str) -> str:
    """Return the last part of a path that is no number."""
    return next((part for part in reversed(path.split(".")) if not part.isdigit()), path)


def pretty(name: str) -> str:
    """Return an operator's own name as words."""
    words = name.strip("_").replace("_", " ")
    return words[:1].upper() + words[1:]
