"""Where an operator takes an axis of its input: shifted, permuted, merged or split off."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from archlab.ir.graph import Graph, Node
from archlab.ir.kinds import (
    AttentionAttrs,
    AxesAttrs,
    ConvAttrs,
    Kind,
    NormAttrs,
    PermuteAttrs,
    RecurrentAttrs,
    SliceAttrs,
)

Shape = tuple[int, ...]
_PRODUCTS = (Kind.LINEAR, Kind.MATMUL)
_SAME_AXES = ("pixel_shuffle", "pixel_unshuffle", "view_as_real", "view_as_complex")


@dataclass(frozen=True, slots=True)
class Place:
    """An axis of `size` within an axis of a tensor, which is outer × size × inner."""

    axis: int
    size: int
    inner: int = 1

    def whole(self, shape: Shape) -> bool:
        """Whether it is an axis of its own."""
        return shape[self.axis] == self.size

    def fits(self, shape: Shape) -> bool:
        """Whether the tensor's axis can hold it."""
        return self.axis < len(shape) and shape[self.axis] % (self.size * self.inner or 1) == 0


def carried(graph: Graph, node: Node, i: int, place: Place, after: Shape) -> tuple[Place, ...]:
    """Return where a place in a node's input `i` is in an output of shape `after`; () if lost."""
    before, attrs = graph.shape(node.inputs[i]), node.attrs
    if node.kind == Kind.RESHAPE and prod(before) == prod(after):
        if isinstance(attrs, AxesAttrs):
            return _at(place, _squeezed(attrs, place.axis))
        if not node.op.endswith(_SAME_AXES):
            return _reshaped(before, after, place)
    return _at(place, _axis(node, i, place.axis, before, after))


def _at(place: Place, axis: int | None) -> tuple[Place, ...]:
    return () if axis is None else (Place(axis, place.size, place.inner),)


def _axis(node: Node, i: int, axis: int, before: Shape, after: Shape) -> int | None:
    """Return the axis of the output that holds an input's axis, or None."""
    attrs = node.attrs
    if node.kind in _PRODUCTS:
        return _of_product(node, i, axis, len(before), len(after))
    if isinstance(attrs, PermuteAttrs):
        return attrs.order.index(axis)
    if isinstance(attrs, SliceAttrs):
        gone = attrs.drop and attrs.axis == axis
        return None if gone else axis - (attrs.drop and attrs.axis < axis)
    if isinstance(attrs, AxesAttrs) and len(after) != len(before):
        if node.kind == Kind.CONCAT:
            return axis + (attrs.axes[0] <= axis)
        return None if axis in attrs.axes else axis - sum(other < axis for other in attrs.axes)
    if isinstance(attrs, ConvAttrs) and axis == len(before) - len(attrs.kernel) - 1:
        return None
    grown = len(after) > len(before) and node.kind == Kind.ELEMENTWISE
    if node.kind == Kind.RESHAPE or grown:
        return axis + len(after) - len(before)  # expanded, as torch aligns shapes: at their ends
    return axis if axis < len(after) else None


def _of_product(node: Node, i: int, axis: int, rank: int, after: int) -> int | None:
    """Return the axis of a matrix product's output; what is added has the output's axes."""
    matrices = len(node.inputs) - 2
    if i < matrices or rank < 2:
        return axis + after - rank if axis + after >= rank else None
    contracted = rank - 1 if i == matrices else rank - 2
    return None if axis == contracted or axis >= after else axis


def _squeezed(attrs: AxesAttrs, axis: int) -> int | None:
    if attrs.function == "unsqueeze":
        return axis + (attrs.axes[0] <= axis)
    return None if axis in attrs.axes else axis - sum(other < axis for other in attrs.axes)


def _reshaped(before: Shape, after: Shape, place: Place) -> tuple[Place, ...]:
    """Find an axis again by its step in memory; an axis of size 1 fits in several places."""
    step = place.inner * prod(before[place.axis + 1 :])
    if not prod(after):
        return ()
    found: list[Place] = []
    alone: list[Place] = []
    below = 1  # the step of the axis
    for axis in range(len(after) - 1, -1, -1):
        above = below * after[axis]
        inside = below <= step and step * place.size <= above and step % below == 0
        if inside and above % (step * place.size) == 0:
            (alone if above == step * place.size and below == step else found).append(
                Place(axis, place.size, step // below)
            )
        below = above
    near = [other for other in alone if other.axis == place.axis]
    return tuple(near or alone[::-1] or found[::-1])


def mixes(graph: Graph, node: Node, i: int, place: Place) -> bool:
    """Whether a node computes across an axis, as nothing does across the samples of a batch."""
    shape, attrs, axis = graph.shape(node.inputs[i]), node.attrs, place.axis
    rank = len(shape)
    if node.kind in _PRODUCTS and i >= len(node.inputs) - 2:
        return axis == (rank - 1 if i == len(node.inputs) - 2 else max(rank - 2, 0))
    if isinstance(attrs, ConvAttrs):
        return axis >= rank - len(attrs.kernel) - 1
    if isinstance(attrs, AttentionAttrs):
        return axis >= rank - 2
    if isinstance(attrs, RecurrentAttrs):
        return axis == 0
    if isinstance(attrs, NormAttrs):
        return axis in attrs.axes or (axis == 1 and not attrs.axes)
    if isinstance(attrs, SliceAttrs):
        return axis == attrs.axis and (
            attrs.drop or graph.shape(node.outputs[0])[axis] < shape[axis]
        )
    if node.kind in (Kind.REDUCE, Kind.SOFTMAX) and isinstance(attrs, AxesAttrs):
        return axis in attrs.axes and len(attrs.axes) < rank
    after = graph.shape(node.outputs[0]) if node.outputs else ()
    picked = node.kind == Kind.GATHER and "embedding" not in node.op and i == 0
    return picked and len(after) == rank and after[axis] != shape[axis]
