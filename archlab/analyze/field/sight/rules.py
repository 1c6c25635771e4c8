"""The walk over a graph: one rule a kind turns what a node's inputs see into what its outputs see.

A gate that depends on the whole image (squeeze-excite, attention over all tokens, a norm over
positions) leaves the local field as it is and is remembered as `global_from`.
"""

from __future__ import annotations

from collections.abc import Callable

from archlab.analyze.field.sight import field as fields
from archlab.analyze.field.sight.join import join
from archlab.analyze.field.sight.layout import of_input
from archlab.analyze.field.sight.mix import attention, everything, matmul, norm, softmax
from archlab.analyze.field.sight.move import copy, gather, permute, reshape, take_slice
from archlab.analyze.field.sight.place import concat, place
from archlab.analyze.field.sight.sight import (
    NAMES,
    Misalignment,
    Sight,
    Step,
    lost,
    same,
    settled,
)
from archlab.analyze.field.sight.windows import convolution, pad, pool, reduce, resample, scatter
from archlab.ir.graph import Graph, Node
from archlab.ir.kinds import ConvAttrs, Kind, PlaceAttrs, PoolAttrs

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
    Kind.SCATTER: scatter,
    Kind.CREATE: lambda _: None,
    Kind.COPY: copy,
    Kind.OPAQUE: lost,
}


def sights(graph: Graph) -> tuple[dict[int, Sight], tuple[Misalignment, ...]]:
    """Return what every tensor of the graph sees, and the branches that do not line up."""
    by_tensor: dict[int, Sight] = {}
    misaligned: list[Misalignment] = []
    others = other_images(graph)
    for tensor in graph.inputs:
        shape, images = graph.shape(tensor), image_axes(graph, tensor)
        if images and tensor not in others:
            axis = {image: fields.image(shape[i]) for i, image in images.items()}
            by_tensor[tensor] = Sight(
                of_input(shape, images), tuple(map(axis.get, range(len(NAMES))))
            )
    for node in graph.nodes:
        _propagate(graph, node, by_tensor, misaligned)
    return by_tensor, tuple(misaligned)


def other_images(graph: Graph) -> list[int]:
    """Return the inputs that are images of another size, or on other axes, than the first image.

    Their pixels are not those of the first, in whose pixels all fields are.
    """
    sizes = {
        tensor: {image: graph.shape(tensor)[i] for i, image in images.items()}
        for tensor in graph.inputs
        if (images := image_axes(graph, tensor))
    }
    first = next(iter(sizes.values()), {})
    return [tensor for tensor, size in sizes.items() if size != first]


def _propagate(
    graph: Graph, node: Node, by_tensor: dict[int, Sight], misaligned: list[Misalignment]
) -> None:
    """Add what the outputs of a node see, if its inputs see anything."""
    # Weights and constants see nothing, and what is computed of them alone sees nothing.
    inputs = tuple(by_tensor.get(tensor) for tensor in node.inputs)
    if not any(inputs):
        return
    step = Step(graph, node, inputs, misaligned)
    # A written tensor is what was placed in it, however the node is counted.
    answer = (place if isinstance(node.attrs, PlaceAttrs) else RULES[node.kind])(step)
    # A rule gives one sight for all outputs, or a list where they differ.
    by_output = answer if isinstance(answer, list) else [answer] * len(node.outputs)
    for i, (tensor, sight) in enumerate(zip(node.outputs, by_output, strict=True)):
        if sight is not None:
            by_tensor[tensor] = settled(step, sight, i)


def image_axes(graph: Graph, tensor: int) -> dict[int, int]:
    """Return which image axis each axis of an input is; empty where it is no image."""
    spec = graph.tensors[tensor]
    rank, last = len(spec.shape), len(spec.shape) - 1
    read = sorted(_windowed_axes(graph, tensor))
    # Of an image whose convolutions cannot be followed, height and width come last.
    if rank >= 4 and len(read) < 2 and spec.floating:
        read = [last - 1, last]
    names = {1: "t", 2: "hw"}.get(len(read), "thw")
    return dict(zip(read[-3:], map(NAMES.index, names), strict=True)) if read else {}


def _windowed_axes(graph: Graph, tensor: int) -> set[int]:
    """Return the axes of an input along which windows slide, in itself or in what is made of it."""
    windows = [node for node in graph.nodes if _window(node)]
    shape = graph.shape(tensor)
    if not windows or not shape:
        return set()
    # Each axis is followed as if it were an axis of an image.
    layout = of_input(shape, {i: i for i in range(len(shape))})
    by_tensor = {tensor: Sight(layout, tuple(map(fields.image, shape)))}
    axes: set[int] = set()
    for node in graph.nodes[: windows[-1].id + 1]:
        sight = by_tensor.get(node.inputs[0]) if node.inputs else None
        if sight is not None and sight.layout is not None:
            window = sight.layout[len(sight.layout) - _window(node) :]
            axes.update(image for axis in window for image in axis.images)
        # All but the batch and the channels: nothing more is to be found.
        if axes and len(axes) >= len(shape) - 2:
            break
        _propagate(graph, node, by_tensor, [])
    return axes


def _window(node: Node) -> int:
    """Return along how many axes windows slide in a node."""
    return len(node.attrs.kernel) if isinstance(node.attrs, ConvAttrs | PoolAttrs) else 0
