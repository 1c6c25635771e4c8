"""The walk over a graph: one rule a kind turns what a node's inputs see into what its outputs see.

A gate that depends on the whole image (squeeze-excite, attention over all tokens, a norm over
positions) leaves the local field as it is and is remembered as `global_from`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from archlab.analyze.field.sight import field as fields
from archlab.analyze.field.sight.join import concat, join
from archlab.analyze.field.sight.layout import of_image
from archlab.analyze.field.sight.mix import attention, everything, matmul, norm, softmax
from archlab.analyze.field.sight.move import gather, permute, reshape, take_slice
from archlab.analyze.field.sight.sight import Misalignment, Sight, Step, lost, same
from archlab.analyze.field.sight.windows import convolution, pad, pool, reduce, resample
from archlab.ir.graph import Graph
from archlab.ir.kinds import ConvAttrs, Kind

Rule = Callable[[Step], Sight | list[Sight | None] | None]

# An unknown operator is OPAQUE, and makes everything behind it a lower bound.
RULES: dict[Kind, Rule] = {
    Kind.CONV: convolution,
    Kind.CONV_TRANSPOSE: convolution,
    Kind.LINEAR: matmul,
    Kind.MATMUL: matmul,
    Kind.ATTENTION: attention,
    Kind.RECURRENT: everything,
    Kind.NORM: norm,
    Kind.ACTIVATION: same,
    Kind.SOFTMAX: softmax,
    Kind.POOL: pool,
    Kind.ELEMENTWISE: join,
    Kind.REDUCE: reduce,
    Kind.CONCAT: concat,
    Kind.RESHAPE: reshape,
    Kind.PERMUTE: permute,
    Kind.SLICE: take_slice,
    Kind.PAD: pad,
    Kind.RESAMPLE: resample,
    Kind.GATHER: gather,
    Kind.SCATTER: join,
    Kind.CREATE: lambda _: None,
    Kind.COPY: same,
    Kind.OPAQUE: lost,
}


def sights(graph: Graph) -> tuple[dict[int, Sight], tuple[Misalignment, ...]]:
    """Return what every tensor of the graph sees, and the branches that do not line up."""
    by_tensor: dict[int, Sight] = {}
    misaligned: list[Misalignment] = []
    for tensor in filter(partial(_is_image, graph), graph.inputs):
        shape = graph.shape(tensor)
        tall = fields.image(shape[-2]) if len(shape) >= 4 else None
        by_tensor[tensor] = Sight(of_image(shape), (tall, fields.image(shape[-1])))
    for node in graph.nodes:
        # Weights and constants see nothing, and what is computed of them alone sees nothing.
        inputs = tuple(by_tensor.get(tensor) for tensor in node.inputs)
        if not any(inputs):
            continue
        answer = RULES[node.kind](Step(graph, node, inputs, misaligned))
        # A rule gives one sight for all outputs, or a list where they differ.
        by_output = answer if isinstance(answer, list) else [answer] * len(node.outputs)
        pairs = zip(node.outputs, by_output, strict=True)
        by_tensor.update({tensor: sight for tensor, sight in pairs if sight is not None})
    return by_tensor, tuple(misaligned)


def _is_image(graph: Graph, tensor: int) -> bool:
    spec = graph.tensors[tensor]
    if not spec.floating or len(spec.shape) < 3:
        return False
    if len(spec.shape) > 3:
        return True
    # (N, C, L) or (N, L, C)? A sequence is spatial where a 1-d convolution reads it.
    return any(
        isinstance(node.attrs, ConvAttrs) and len(node.attrs.kernel) == 1
        for node in graph.consumers.get(tensor, ())
    )
