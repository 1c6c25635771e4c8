"""One rule a kind: multiply-adds, other FLOPs, what fvcore would count, and the backward pass.

MACs are the multiply-adds of convolutions, matrix products, attention and recurrent gates; bias,
norm, activation and pooling are other FLOPs. Each rule takes the graph and a node. A kind without a
rule is reported as missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod

from archlab.ir.graph import Graph, Node
from archlab.ir.kinds import (
    AttentionAttrs,
    ConvAttrs,
    FunctionAttrs,
    Kind,
    MatmulAttrs,
    NormAttrs,
    PoolAttrs,
    RecurrentAttrs,
    ResampleAttrs,
)

Rule = Callable[[Graph, Node], int]


def _out(graph: Graph, node: Node) -> int:
    """Elements of the first output, when it is a floating-point one."""
    spec = graph.tensors[node.outputs[0]]
    return spec.numel if spec.floating else 0


def _in(graph: Graph, node: Node) -> int:
    spec = graph.tensors[(node.inputs or node.outputs)[0]]
    return spec.numel if spec.floating else 0


def conv_macs(graph: Graph, node: Node) -> int:
    """Multiply-adds of a convolution: outputs × kernel × input channels of a group."""
    attrs = node.attrs_as(ConvAttrs)
    x, out = graph.tensors[node.inputs[0]], graph.tensors[node.outputs[0]]
    if _is_third_of_complex(graph, node):
        attrs = replace(attrs, kernel=(2, *attrs.kernel))
    if node.kind == Kind.CONV_TRANSPOSE:
        # Each input element is multiplied by the whole kernel of every output channel.
        return x.numel * prod(attrs.kernel) * (out.shape[1] // attrs.groups)
    return out.numel * prod(attrs.kernel) * (x.shape[1] // attrs.groups)


def _is_third_of_complex(graph: Graph, node: Node) -> bool:
    """Whether a real convolution is the third of those that torch makes of a complex one.

    It takes the sum of real and imaginary part (Gauss's trick), and counts twice: a complex product
    is four real ones, in a convolution as in a matrix product.
    """
    added = graph.producer.get(node.inputs[0])
    if added is None or added.op != "aten.add" or len(added.inputs) != 2:
        return False
    parts = [graph.producer[tensor] for tensor in added.inputs if tensor in graph.producer]
    wholes = {part.inputs for part in parts if part.op == "aten.select"}
    if len(parts) != 2 or len(wholes) != 1:
        return False
    whole = graph.producer.get(wholes.pop()[0])
    return whole is not None and whole.op == "aten.view_as_real"


def matmul_macs(graph: Graph, node: Node) -> int:
    """Multiply-adds of a matrix product, of every sample of the batch; four of a complex one."""
    attrs = node.attrs_as(MatmulAttrs)
    real = 4 if graph.tensors[node.outputs[0]].dtype.startswith("complex") else 1
    return real * attrs.batch * attrs.rows * attrs.inner * attrs.columns


def attention_macs(_: Graph, node: Node) -> int:
    """Multiply-adds of attention: of the scores q·kᵀ and of their product with v."""
    attrs = node.attrs_as(AttentionAttrs)
    # A causal mask is not subtracted, as papers count the full square of scores.
    scores = attrs.batch * attrs.queries * attrs.keys
    return scores * (attrs.head_size + attrs.value_size)


def recurrent_macs(_: Graph, node: Node) -> int:
    """Multiply-adds of a recurrent layer: of its gates with input and state, at every step."""
    attrs = node.attrs_as(RecurrentAttrs)
    per_step = attrs.gates * attrs.hidden_size * (attrs.input_size + attrs.hidden_size)
    return attrs.steps * attrs.batch * per_step


def _norm_other(graph: Graph, node: Node) -> int:
    attrs = node.attrs_as(NormAttrs)
    if attrs.norm == "batch" and not attrs.batch_stats:
        # With running statistics a batch norm is one scale and one shift.
        return 2 * _in(graph, node)
    # fvcore's count for statistics of the activations: 4 operations an element, 5 with a weight.
    return (5 if attrs.affine else 4) * _in(graph, node)


def _norm_fvcore(graph: Graph, node: Node) -> int:
    attrs = node.attrs_as(NormAttrs)
    if attrs.norm == "rms":
        # fvcore has no handle for it.
        return 0
    if attrs.norm == "batch" and not attrs.batch_stats:
        return (2 if attrs.affine else 1) * _in(graph, node)
    return (5 if attrs.affine else 4) * _in(graph, node)


def _pool_other(graph: Graph, node: Node) -> int:
    attrs = node.attrs_as(PoolAttrs)
    return _in(graph, node) if attrs.adaptive else _out(graph, node) * prod(attrs.kernel)


def _pool_fvcore(graph: Graph, node: Node) -> int:
    attrs = node.attrs_as(PoolAttrs)
    return _in(graph, node) if attrs.adaptive and attrs.mode == "average" else 0


def _resample_other(graph: Graph, node: Node) -> int:
    attrs = node.attrs_as(ResampleAttrs)
    rank = len(graph.shape(node.outputs[0])) - 2
    # Values that one output position mixes along an axis: 2 for linear, 4 for cubic.
    taps = {"nearest": 0, "cubic": 4}.get(attrs.mode, 2)
    return _out(graph, node) * int(taps**rank)


def _resample_fvcore(graph: Graph, node: Node) -> int:
    attrs = node.attrs_as(ResampleAttrs)
    return {"nearest": 1, "linear": 4, "grid": 4}.get(attrs.mode, 0) * _out(graph, node)


def _attention_other(_: Graph, node: Node) -> int:
    attrs = node.attrs_as(AttentionAttrs)
    return 5 * attrs.batch * attrs.queries * attrs.keys


def _attention_elements(_: Graph, node: Node) -> int:
    attrs = node.attrs_as(AttentionAttrs)
    return attrs.batch * attrs.queries * (attrs.keys + attrs.value_size)


def _scatter_other(graph: Graph, node: Node) -> int:
    attrs = node.attrs
    adds = isinstance(attrs, FunctionAttrs) and "add" in attrs.function
    return _out(graph, node) if adds else 0


# OPAQUE has no rule in any table: it is reported as missing, never counted as zero.
_NOTHING: dict[Kind, Rule] = {kind: lambda _, __: 0 for kind in Kind if kind != Kind.OPAQUE}

MACS: dict[Kind, Rule] = {
    **_NOTHING,
    Kind.CONV: conv_macs,
    Kind.CONV_TRANSPOSE: conv_macs,
    Kind.LINEAR: matmul_macs,
    Kind.MATMUL: matmul_macs,
    Kind.ATTENTION: attention_macs,
    Kind.RECURRENT: recurrent_macs,
}
OTHER: dict[Kind, Rule] = {
    **_NOTHING,
    Kind.NORM: _norm_other,
    Kind.ACTIVATION: _out,
    Kind.ELEMENTWISE: _out,
    # Five operations an element: maximum, subtraction, exponential, sum and division.
    Kind.SOFTMAX: lambda graph, node: 5 * _out(graph, node),
    Kind.ATTENTION: _attention_other,
    Kind.POOL: _pool_other,
    Kind.REDUCE: _in,
    Kind.RESAMPLE: _resample_other,
    Kind.SCATTER: _scatter_other,
}
FVCORE: dict[Kind, Rule] = {
    **MACS,
    Kind.NORM: _norm_fvcore,
    Kind.POOL: _pool_fvcore,
    Kind.RESAMPLE: _resample_fvcore,
}
# What timm publishes as activations (`macts`) and fvcore's ActivationCountAnalysis counts: elements
# that convolutions and matrix products put out; attention puts out its scores and its values.
ACTIVATIONS: dict[Kind, Rule] = {
    **_NOTHING,
    Kind.CONV: _out,
    Kind.CONV_TRANSPOSE: _out,
    Kind.LINEAR: _out,
    Kind.MATMUL: _out,
    Kind.ATTENTION: _attention_elements,
}


def rerun_macs(graph: Graph, node: Node) -> int:
    """Multiply-adds of an operator that runs in the backward pass: the forward's, or a gradient."""
    if node.op == "aten.convolution_backward":
        # It gets the output's gradient, the input and the weight.
        out, x, weight = node.inputs[:3]
        forward = conv_macs(graph, replace(node, inputs=(x, weight), outputs=(out,)))
        return forward * sum(node.grads[:2])
    macs = MACS[node.kind](graph, node) if node.kind in MACS else 0
    return 2 * macs if "attention" in node.op and node.op.endswith("_backward") else macs


def _attention_backward(node: Node) -> int:
    attrs, (query, key, value, *mask) = node.attrs_as(AttentionAttrs), node.grads
    # The gradient of the scores is on the way to all that they are computed from. What a fused
    # kernel computes again (FlashAttention) is left out: it depends on the kernel, not on the net.
    through_scores = query or key or any(mask)
    scores = attrs.batch * attrs.queries * attrs.keys
    return scores * (attrs.head_size * (query + key) + attrs.value_size * (value + through_scores))


def backward_macs(graph: Graph, node: Node) -> int:
    """Multiply-adds of the backward pass: the forward's, once for each operand's gradient."""
    forward = MACS[node.kind](graph, node) if node.kind in MACS else 0
    if not forward or not any(node.grads):
        return 0
    if node.kind == Kind.ATTENTION:
        return _attention_backward(node)
    # addmm and baddbmm have the summand in front of their two factors, others a bias behind them.
    name = node.op.rpartition(".")[2].removeprefix("_sparse_")
    added = len(node.inputs) == 3 and name.startswith(("add", "badd"))
    operands = node.grads[1:] if added else node.grads[:2]
    return forward * sum(operands)
