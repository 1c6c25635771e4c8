"""What a box is called: the operator in the field's words, from its kind and attributes.

One namer a kind; a kind without one shows the operator's own name.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from archlab.fold.arithmetic import elementwise, param_name, pretty
from archlab.fold.drawing import Shape
from archlab.fold.flow import Flow, function, is_product, is_sum
from archlab.fold.heads import heads_text
from archlab.fold.masks import CAUSAL, added_to_scores, words
from archlab.ir.graph import Graph, Node
from archlab.ir.kinds import (
    AttentionAttrs,
    AxesAttrs,
    ConvAttrs,
    Kind,
    MatmulAttrs,
    PoolAttrs,
)

_NORMS = {
    "batch": "BN", "layer": "LN", "group": "GN", "instance": "IN", "rms": "RMSNorm",
    "local_response": "LRN",
}  # fmt: skip
_ACTIVATIONS = {
    "relu": "ReLU", "gelu": "GELU", "silu": "SiLU", "sigmoid": "Sigmoid", "tanh": "Tanh",
    "hardtanh": "ReLU6", "hardswish": "Hardswish", "hardsigmoid": "Hardsigmoid",
    "leaky_relu": "LeakyReLU", "elu": "ELU", "softplus": "Softplus", "mish": "Mish",
    "_prelu_kernel": "PReLU", "log_sigmoid_forward": "LogSigmoid", "glu": "GLU", "relu6": "ReLU6",
    "selu": "SELU", "celu": "CELU", "erf": "Erf", "threshold": "Threshold",
}  # fmt: skip
_AVERAGE = "Global average pool"
_GATES = {3: "GRU", 4: "LSTM"}
# Classes of modules whose name says more than the operator's: hardtanh, threshold.
_OWN_NAMES = frozenset(
    {"ReLU", "ReLU6", "GELU", "SiLU", "PReLU", "LeakyReLU", "ELU", "Hardswish", "Mish", "Softplus"}
)


def title(graph: Graph, node: Node, module_type: str = "") -> str:
    """Return what stands on the box of a node.

    Example:
        >>> from archlab.ir.graph import Graph, TensorSpec
        >>> from archlab.ir.kinds import PoolAttrs
        >>> pool = Node(0, Kind.POOL, "aten.max_pool2d", "", (0,), (1,),
        ...             PoolAttrs("max", (3, 3), (2, 2), (1, 1), (1, 1)))
        >>> specs = tuple(TensorSpec(i, (1, 4, 8, 8), "float32", i) for i in (0, 1))
        >>> title(Graph("n", "eval", "", (pool,), specs, (), (), (), (), (0,), (1,)), pool)
        'MaxPool 3×3 /2'
    """
    if node.op.startswith("autograd."):
        return function(node).partition(":")[0]  # the backward pass: no attributes
    if node.kind == Kind.ACTIVATION and module_type in _OWN_NAMES:
        return module_type
    if node.kind == Kind.REDUCE and module_type.startswith("AdaptiveAvgPool"):
        return _AVERAGE  # of one value a channel, torch makes a mean
    namer = NAMERS.get(node.kind)
    return namer(graph, node) if namer else pretty(function(node))


def recurrent(graph: Graph, path: str, kind: str) -> str:
    """Return what stands on the box of an nn.LSTM and its kin, from its parameters' names."""
    params = [param for param in graph.params if param.name.rpartition(".")[0] == path]
    # torch calls them weight_hh_l0, weight_hh_l0_reverse, weight_hh_l1 …
    hidden = [param.shape[1] for param in params if "weight_hh" in param.name]
    layers = {param.name.rpartition("_l")[2].partition("_")[0] for param in params}
    both = any(param.name.endswith("_reverse") for param in params)
    parts = [f"{hidden[0]} hidden" if hidden else "", "bidirectional" if both else ""]
    parts.append(f"{len(layers)} layers" if len(layers) > 1 else "")
    return " · ".join(filter(None, (kind, *parts)))


def remark(node: Node) -> str:
    """Return what is said of an operator below its title: the weights of the backward pass."""
    return function(node).partition(": ")[2] if node.op.startswith("autograd.") else ""


def shape_of(node: Node, flow: Flow) -> Shape:
    """Return how the box of a node is drawn."""
    if node.op.startswith("autograd."):
        return Shape.OPERATOR
    if node.kind == Kind.CONCAT:
        return Shape.CONCAT
    if node.id in flow.joined:  # rows that are put into a tensor are no sum
        return Shape.OPERATOR if function(node) == "index_put" else Shape.SUM
    # With a number or a parameter it is a step of the path: a scale or a shift.
    if len(flow.operands.get(node.id, ())) > 1:
        joins = ((is_sum, Shape.SUM), (is_product, Shape.PRODUCT))
        return next((shape for test, shape in joins if test(node)), Shape.OPERATOR)
    return Shape.OPERATOR


def short(node: Node) -> str:
    """Return the operator's name as it stands in ids."""
    plain = (Kind.ATTENTION, Kind.LINEAR, Kind.MATMUL, Kind.NORM, Kind.CONV)
    if node.op.startswith("autograd."):
        return node.op.partition(".")[2]
    return str(node.kind) if node.kind in plain else function(node)


def _sizes(values: tuple[int, ...]) -> str:
    return "×".join(map(str, values))


def _stride(values: tuple[int, ...]) -> str:
    if not values or set(values) == {1}:
        return ""
    return f" /{values[0]}" if len(set(values)) == 1 else f" /{_sizes(values)}"


def _conv(graph: Graph, node: Node) -> str:
    attrs = node.attrs
    assert isinstance(attrs, ConvAttrs)
    depthwise = 1 < attrs.groups == graph.shape(node.inputs[0])[1]
    name = "DWConv" if depthwise else "DeformConv" if attrs.deformable else "ConvT"
    if name == "ConvT" and node.kind == Kind.CONV:
        name = "Conv"
    groups = f" g{attrs.groups}" if attrs.groups > 1 and not depthwise else ""
    dilation = f" d{attrs.dilation[0]}" if set(attrs.dilation) != {1} else ""
    return f"{name} {_sizes(attrs.kernel)}{groups}{dilation}{_stride(attrs.stride)}"


def _linear(graph: Graph, node: Node) -> str:
    attrs = node.attrs
    assert isinstance(attrs, MatmulAttrs)
    if node.kind == Kind.LINEAR:
        return f"Linear {attrs.inner} → {graph.shape(node.outputs[0])[-1]}"
    return f"MatMul {attrs.rows}×{attrs.inner}×{attrs.columns}"


def _attention(graph: Graph, node: Node) -> str:
    attrs = node.attrs
    assert isinstance(attrs, AttentionAttrs)
    query, key, *_ = node.inputs
    shape = graph.shape(query)
    text = heads_text(graph, query, key, attrs.head_size, shape[1] if len(shape) == 4 else 1)
    found = {added_to_scores(graph, tensor) for tensor in node.inputs[3:]}
    return ", ".join((text, *words(found | {CAUSAL} if attrs.causal else found)))


def _recurrent(_: Graph, node: Node) -> str:
    gates = getattr(node.attrs, "gates", 1)
    return f"{_GATES.get(gates, 'RNN')} · {getattr(node.attrs, 'hidden_size', '?')} hidden"


def _norm(_: Graph, node: Node) -> str:
    name: str = getattr(node.attrs, "norm", "norm")
    return _NORMS.get(name, name)


def _activation(_: Graph, node: Node) -> str:
    return _ACTIVATIONS.get(function(node), pretty(function(node)))


def _pool(graph: Graph, node: Node) -> str:
    attrs = node.attrs
    assert isinstance(attrs, PoolAttrs)
    name = "MaxPool" if attrs.mode == "max" else "AvgPool"
    if not attrs.adaptive:
        return f"{name} {_sizes(attrs.kernel)}{_stride(attrs.stride or attrs.kernel)}"
    out = graph.shape(node.outputs[0])[2:]
    whole = "Global max pool" if attrs.mode == "max" else _AVERAGE
    return whole if prod(out) == 1 else f"Adaptive{name} to {_sizes(out)}"


def _reduce(graph: Graph, node: Node) -> str:
    axes = set(node.attrs.axes) if isinstance(node.attrs, AxesAttrs) else set()
    means = {(4, (2, 3)): _AVERAGE, (5, (2, 3, 4)): _AVERAGE, (3, (1,)): "Mean over tokens"}
    key = (len(graph.shape(node.inputs[0])), tuple(sorted(axes)))
    name = function(node)
    return means.get(key, "Mean") if name == "mean" else pretty(name)


def _concat(graph: Graph, node: Node) -> str:
    name = "Stack" if "stack" in node.op else "Concat"
    fixed = (tensor for tensor in node.inputs if tensor not in graph.dependent)
    learned = (param_name(graph, tensor, node.path) for tensor in fixed)
    return " ".join((name, *dict.fromkeys(filter(None, learned))))


def _resample(graph: Graph, node: Node) -> str:
    mode = getattr(node.attrs, "mode", "")
    before, after = graph.shape(node.inputs[0]), graph.shape(node.outputs[0])
    if mode == "roi_align":
        return f"RoIAlign {_sizes(after[2:])}"
    larger = len(before) == len(after) > 2 and 0 < before[2] < after[2]
    return f"Upsample ×{after[2] / before[2]:g} {mode}" if larger else f"Resample {mode}"


def _gather(graph: Graph, node: Node) -> str:
    name = function(node)
    if "embedding" in name:
        rows, *_ = graph.shape(node.inputs[0])
        return f"Embedding {rows} × {graph.shape(node.outputs[0])[-1]}"
    return pretty(name)


NAMERS: dict[Kind, Callable[[Graph, Node], str]] = {
    Kind.CONV: _conv,
    Kind.CONV_TRANSPOSE: _conv,
    Kind.LINEAR: _linear,
    Kind.MATMUL: _linear,
    Kind.ATTENTION: _attention,
    Kind.RECURRENT: _recurrent,
    Kind.NORM: _norm,
    Kind.ACTIVATION: _activation,
    Kind.SOFTMAX: lambda _, node: "LogSoftmax" if "log" in function(node) else "Softmax",
    Kind.POOL: _pool,
    Kind.REDUCE: _reduce,
    Kind.CONCAT: _concat,
    Kind.RESAMPLE: _resample,
    Kind.ELEMENTWISE: elementwise,
    Kind.GATHER: _gather,
    Kind.OPAQUE: lambda _, node: f"{node.op} (not known)",
}
