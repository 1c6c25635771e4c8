"""The shapes on the arrows of a backward pass: those of the gradients."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from archlab.fold.drawing import Drawing, Edge, Shape

Sizes = tuple[int, ...]


def gradient_shapes(
    drawing: Drawing, received: Mapping[tuple[int, int], Sizes], batch: Collection[Sizes]
) -> tuple[Edge, ...]:
    """Return the edges with the shapes of the gradients, each written where it is a new one.

    Args:
        drawing: of the backward pass.
        received: (node that passes a gradient on, -1 for the output; node that gets it) -> shape.
        batch: the first axis of each of the model's inputs, which is left out of the shapes.
    """
    home = {node: box.id for box in drawing.boxes for node in box.nodes}
    home[-1] = next(box.id for box in drawing.boxes if box.shape == Shape.INPUT)
    shapes: dict[tuple[str, str], Sizes] = {}
    for (source, node), whole in received.items():
        ends = home.get(source, ""), home.get(node, "")
        shapes.setdefault(ends, whole[1:] if whole[:1] in batch else whole)
    into: dict[str, set[Sizes]] = {}
    for (_, head), shape in shapes.items():
        into.setdefault(head, set()).add(shape)
    written: set[tuple[str, Sizes]] = set()
    edges = []
    for edge in drawing.edges:
        shape = shapes.get((edge.tail, edge.head), ())
        new = (edge.tail, shape) not in written and shape not in into.get(edge.tail, ())
        written.add((edge.tail, shape))
        edges.append(replace(edge, shape=shape, changed=new, read=()))
    return tuple(edges)
