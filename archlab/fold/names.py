"""What a box is called: the operator in the field's words, from its kind and attributes.

One namer a kind; a kind without one shows the operator's own name.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from archlab.fold.drawing import Shape
from archlab.fold.flow import Flow, function, is_product, is_sum
from archlab.fold.heads import heads_text
from archlab.ir.graph import Graph, Node
from archlab.ir.kinds import (
    AttentionAttrs,
    AxesAttrs,
    ConvAttrs,
    Kind,
    MatmulAttrs,
    NormAttrs,
    PermuteAttrs,
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
_SAME_VALUES = frozenset({Kind.RESHAPE, Kind.SLICE, Kind.PERMUTE, Kind.COPY, Kind.GATHER})
_NO_CHANNELS = frozenset(
    {Kind.MATMUL, Kind.ATTENTION, Kind.SOFTMAX, Kind.RESHAPE, Kind.PERMUTE, Kind.SLICE, Kind.CREATE}
)
_CHANNELS_FIRST = frozenset({Kind.CONV, Kind.CONV_TRANSPOSE, Kind.POOL, Kind.RESAMPLE})
_CHANNELS_LAST = frozenset({Kind.LINEAR, Kind.ATTENTION})
_ON_ONE = {
    "mul": "Scale", "div": "Scale", "add": "Shift", "sub": "Shift", "rsub": "Shift",
    "native_dropout": "Dropout", "neg": "Negate", "pow": "Power", "clamp": "Clamp",
    "clamp_min": "Clamp", "bernoulli": "Dropout",
}  # fmt: skip
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
    namer = NAMERS.get(node.kind)
    return namer(graph, node) if namer else _pretty(function(node))


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
    # With a number or a parameter it is a step of the path: a scale or a shift.
    if len(flow.operands.get(node.id, ())) > 1:
        joins = ((is_sum, Shape.SUM), (is_product, Shape.PRODUCT))
        return next((shape for test, shape in joins if test(node)), Shape.OPERATOR)
    return Shape.OPERATOR


def channels(graph: Graph, node: Node) -> int | None:
    """Return the size of the channel axis that a node makes, None where it has none."""
    on_one = node.kind == Kind.ELEMENTWISE and len(node.inputs) < 2
    if node.kind in _NO_CHANNELS or on_one or node.op.startswith("autograd."):
        return None
    shape = graph.shape(node.outputs[0])
    axis = _channel_axis(graph, node.outputs[0])
    if axis is not None:
        return shape[axis]
    # Axis 1 of a map, unless two equal axes come before a different one.
    if len(shape) in (4, 5) and not shape[1] == shape[2] != shape[-1]:
        return shape[1]
    return shape[-1] if len(shape) > 1 else None


def _channel_axis(graph: Graph, tensor: int, steps: int = 40) -> int | None:
    """Return the axis that holds the channels, as the nearest layer before says; None if none does.

    Convolutions, pools and batch norms have them on axis 1; linear layers, layer norms and
    embeddings on the last.
    """
    maker = graph.producer.get(tensor)
    rank = len(graph.shape(tensor))
    if maker is None or not maker.inputs or rank < 3 or not steps:
        return None
    norm = maker.attrs.norm if isinstance(maker.attrs, NormAttrs) else ""
    if maker.kind in _CHANNELS_FIRST or norm in ("batch", "group"):
        return 1
    if maker.kind in _CHANNELS_LAST or norm or "embedding" in maker.op:
        return rank - 1
    source = next((each for each in maker.inputs if graph.producer.get(each)), maker.inputs[0])
    axis = _channel_axis(graph, source, steps - 1)
    if axis is None:
        return None
    if isinstance(maker.attrs, PermuteAttrs):
        return maker.attrs.order.index(axis)
    before, after = graph.shape(source), graph.shape(tensor)
    # A reshape keeps the channels where their axis goes on, counted from its end of the shape.
    place = axis if axis == 1 else axis - len(before) + rank
    kept = len(before) == rank or before[axis] == after[place]
    return place if kept and maker.kind != Kind.REDUCE else None


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
    return f"{text}, causal" if attrs.causal else text


def _recurrent(_: Graph, node: Node) -> str:
    gates = getattr(node.attrs, "gates", 1)
    return f"{_GATES.get(gates, 'RNN')} · {getattr(node.attrs, 'hidden_size', '?')} hidden"


def _norm(_: Graph, node: Node) -> str:
    name: str = getattr(node.attrs, "norm", "norm")
    return _NORMS.get(name, name)


def _activation(_: Graph, node: Node) -> str:
    return _ACTIVATIONS.get(function(node), _pretty(function(node)))


def _pool(graph: Graph, node: Node) -> str:
    attrs = node.attrs
    assert isinstance(attrs, PoolAttrs)
    name = "MaxPool" if attrs.mode == "max" else "AvgPool"
    if not attrs.adaptive:
        return f"{name} {_sizes(attrs.kernel)}{_stride(attrs.stride or attrs.kernel)}"
    out = graph.shape(node.outputs[0])[2:]
    whole = "Global max pool" if attrs.mode == "max" else "Global average pool"
    return whole if prod(out) == 1 else f"Adaptive{name} to {_sizes(out)}"


def _reduce(graph: Graph, node: Node) -> str:
    axes = set(node.attrs.axes) if isinstance(node.attrs, AxesAttrs) else set()
    means = {(4, (2, 3)): "Global average pool", (3, (1,)): "Mean over tokens"}
    key = (len(graph.shape(node.inputs[0])), tuple(sorted(axes)))
    name = function(node)
    return means.get(key, "Mean") if name == "mean" else _pretty(name)


def _concat(graph: Graph, node: Node) -> str:
    name = "Stack" if "stack" in node.op else "Concat"
    return f"{name} learned" if _learned(graph, node) else name


def _learned(graph: Graph, node: Node) -> tuple[int, ...]:
    """Return the shape of the parameter that an operator joins in, axes of size 1 left out."""
    origins = (_origin(graph, tensor) for tensor in node.inputs)
    param = next((each for each in origins if graph.tensors[each].source == "param"), None)
    return () if param is None else tuple(size for size in graph.shape(param) if size > 1)


def _origin(graph: Graph, tensor: int) -> int:
    """Return where a tensor's values come from, which were only moved and picked on their way."""
    maker = graph.producer.get(tensor)
    while maker is not None and maker.kind in _SAME_VALUES and maker.inputs:
        if any(_from_data(graph, index) for index in maker.inputs[1:]):
            return tensor  # an embedding of the data is no learned constant
        tensor = maker.inputs[0]
        maker = graph.producer.get(tensor)
    return tensor


def _from_data(graph: Graph, tensor: int) -> bool:
    """Whether a tensor depends on an input of the model."""
    waiting, visited = [tensor], {tensor}
    while waiting:
        source = waiting.pop()
        if source in graph.inputs:
            return True
        maker = graph.producer.get(source)
        before = set(maker.inputs if maker else ()) - visited
        visited |= before
        waiting += before
    return False


def _resample(graph: Graph, node: Node) -> str:
    mode = getattr(node.attrs, "mode", "")
    before, after = graph.shape(node.inputs[0]), graph.shape(node.outputs[0])
    if mode == "roi_align":
        return f"RoIAlign {_sizes(after[2:])}"
    larger = len(before) == len(after) > 2 and 0 < before[2] < after[2]
    return f"Upsample ×{after[2] / before[2]:g} {mode}" if larger else f"Resample {mode}"


def _elementwise(graph: Graph, node: Node) -> str:
    name = function(node)
    data = [tensor for tensor in node.inputs if graph.tensors[tensor].source in ("", "input")]
    learned = _learned(graph, node)
    if learned and name in ("add", "mul"):
        return f"{'Add' if name == 'add' else 'Scale by'} learned {_sizes(learned)}"
    if len(data) < 2 and name in _ON_ONE:
        return _ON_ONE[name]
    # Two tensors are joined by a sign, a tensor with a number or a learned table by a word.
    return {"add": "+", "sub": "−", "mul": "×", "div": "÷"}.get(name, _pretty(name))


def _gather(graph: Graph, node: Node) -> str:
    name = function(node)
    if "embedding" in name:
        rows, *_ = graph.shape(node.inputs[0])
        return f"Embedding {rows} × {graph.shape(node.outputs[0])[-1]}"
    return _pretty(name)


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
    Kind.ELEMENTWISE: _elementwise,
    Kind.GATHER: _gather,
    Kind.OPAQUE: lambda _, node: f"{node.op} (not known)",
}


def _pretty(name: str) -> str:
    words = name.strip("_").replace("_", " ")
    return words[:1].upper() + words[1:]


def sample_shape(graph: Graph, tensor: int) -> tuple[int, ...]:
    """Return the shape of a tensor without the batch axis, if it has one."""
    shape = graph.shape(tensor)
    return shape[1:] if shape[:1] == _batch(graph) else shape


def _batch(graph: Graph) -> tuple[int, ...]:
    """Return the leading size of what is a batch, or nothing for a single sample without one."""
    if not graph.inputs:
        return (1,)
    sizes = {graph.shape(tensor)[:1] for tensor in (graph.inputs[0], *graph.outputs[:1])}
    alone = len(graph.shape(graph.inputs[0])) < 2 or len(sizes) > 1
    return () if alone and (1,) not in sizes else graph.shape(graph.inputs[0])[:1]
