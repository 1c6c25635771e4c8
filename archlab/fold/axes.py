"""Which axis of a tensor is the batch and which one holds its channels or features.

Both are followed from where they are known (the inputs; the layers that make channels) through all
operators. An axis may be merged with others and split off again: windows of an image lie in the
batch, heads in the features.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from math import prod

from archlab.fold.moves import Place, carried, mixes
from archlab.ir.graph import Graph, Node
from archlab.ir.kinds import AttentionAttrs, AxesAttrs, ConvAttrs, Kind, NormAttrs

Shape = tuple[int, ...]
Places = tuple[Place, ...]
CHANNELS, FEATURES, TOKENS = "ch", "features", "tokens"
_BY_MAP = frozenset({"batch", "group", "instance", "local_response"})  # norms: channels on axis 1
_NO_WIDTH = frozenset(
    {Kind.MATMUL, Kind.SOFTMAX, Kind.RESHAPE, Kind.PERMUTE, Kind.SLICE, Kind.CREATE}
)
_MIXED_AXES = 2  # axes that may be the batch: the first, or the second of (steps, batch, features)


@dataclass(frozen=True, slots=True)
class Width:
    """Where the channels or features of a tensor are (None: lost), and what they are called."""

    place: Place | None
    unit: str


@dataclass(frozen=True, slots=True)
class Axes:
    """The axes of all tensors of a graph that depend on its inputs."""

    graph: Graph
    batch: dict[int, Places]  # several only for a batch of one, which fits anywhere
    widths: dict[int, Width]

    def sample(self, tensor: int) -> Shape:
        """Return the shape of a tensor for a single sample: without the batch, if it has one."""
        shape, places = self.graph.shape(tensor), self.batch.get(tensor, ())
        axis = self.batch_axis(tensor)
        if axis is not None:
            return shape[:axis] + shape[axis + 1 :]
        if not places:
            return shape
        axis, size = places[0].axis, places[0].size
        return (*shape[:axis], shape[axis] // size, *shape[axis + 1 :])

    def batch_axis(self, tensor: int) -> int | None:
        """Return the axis that is the batch and nothing else."""
        shape, places = self.graph.shape(tensor), self.batch.get(tensor, ())
        alone = [place.axis for place in places if place.whole(shape)]
        # A batch of one that einsum has moved somewhere is the first axis again where it can be.
        moved = any(place.size == 1 for place in places) and shape[0] == 1
        return min(alone, default=0 if moved else None)

    def width(self, node: Node) -> tuple[int | None, str]:
        """Return how wide the output of a node is, and in what: channels, features or tokens."""
        tensor = node.outputs[0]
        shape, width = self.graph.shape(tensor), self.widths.get(tensor)
        on_one = node.kind == Kind.ELEMENTWISE and len(node.inputs) < 2
        if node.kind in _NO_WIDTH or on_one or node.op.startswith("autograd."):
            return None, ""
        if isinstance(node.attrs, AttentionAttrs):
            heads = shape[1] if len(shape) > 3 else 1
            return heads * shape[-1], FEATURES
        sample = self.sample(tensor)
        others = len(sample) - 1
        if others == 0:
            return shape[-1], FEATURES
        if width is None:
            # An image on which no layer has worked yet.
            image = others > 1 and self.batch_axis(tensor) == 0
            return (sample[0], CHANNELS) if image else (None, "")
        if width.place is None:
            kept = width.unit == CHANNELS and others > 1
            return (sample[0], CHANNELS) if kept else (None, "")
        axis = width.place.axis
        unit = CHANNELS if others > 1 else width.unit
        if isinstance(node.attrs, AxesAttrs) and node.kind == Kind.CONCAT and unit == FEATURES:
            joined = node.attrs.axes[0]
            return shape[joined], unit if joined == axis else TOKENS
        return shape[axis], unit

    def volume(self, tensor: int) -> Shape:
        """Return channels and sizes of a map, the features of a vector, or () of anything else.

        A map has one axis (a signal), two or three beside that of its channels.
        """
        sample, width = self.sample(tensor), self.widths.get(tensor)
        batch = self.batch_axis(tensor)
        if len(sample) < 2 or not (batch == 0 or tensor not in self.batch) or len(sample) > 4:
            return sample if len(sample) == 1 else ()
        if width is None:  # no layer has worked on it yet
            return sample if len(sample) > 2 or self._is_signal(tensor) else ()
        signal = len(sample) == 2
        if width.place is None:
            return sample if width.unit == CHANNELS and not signal else ()
        axis = width.place.axis - (batch == 0)
        # Features of tokens are the last axis of two, those of a map that has them last of three.
        if (signal and (width.unit != CHANNELS or axis)) or axis not in (0, len(sample) - 1):
            return ()
        return (sample[axis], *sample[:axis], *sample[axis + 1 :])

    def _is_signal(self, tensor: int) -> bool:
        """Whether a convolution reads a tensor."""
        return any(
            isinstance(node.attrs, ConvAttrs) and tensor in node.inputs[:1]
            for node in self.graph.nodes
        )


def unit_of(shape: Shape, width: int | None, unit: str) -> str:
    """Return what a width is of, told from the shape of a sample: the same word for equal shapes.

    A map has channels and a vector has features. Of two axes the last one holds features, the first
    one channels; where it can be either, or none, the unit stays what it was.

    Example:
        >>> unit_of((56, 56, 96), 96, FEATURES), unit_of((196, 96), 96, CHANNELS)
        ('ch', 'features')
        >>> unit_of((96, 400), 96, FEATURES), unit_of((3, 49, 32), 96, FEATURES)
        ('ch', 'features')
    """
    if unit not in (CHANNELS, FEATURES) or width not in shape:
        return unit
    if len(shape) != 2:
        return CHANNELS if len(shape) > 2 else FEATURES
    first, last = shape
    return unit if first == last else FEATURES if width == last else CHANNELS


def axes(graph: Graph) -> Axes:
    """Return the axes of a graph's tensors."""
    batch = _batch(graph)
    widths: dict[int, Width] = {}
    for node in graph.nodes:
        width = _width(graph, node, widths)
        if width is not None:
            widths |= dict.fromkeys(node.outputs, width)
    return Axes(graph, batch, widths)


def _batch(graph: Graph) -> dict[int, Places]:
    """Follow the batch: the first axis of all inputs that is not mixed with itself on the way."""
    shapes = [graph.shape(tensor) for tensor in graph.inputs]
    rank = len(shapes[0]) if shapes else 0
    # A row of several numbers may as well be one sample, and nothing tells of none what they are.
    if (rank == 1 and shapes[0] != (1,)) or any(0 in shape for shape in shapes):
        rank = 0
    for axis in range(min(rank, _MIXED_AXES)):
        sizes = {shape[axis] for shape in shapes if len(shape) > axis}
        found = _followed(graph, axis, sizes.pop()) if len(sizes) == 1 else None
        if found is not None:
            return found
    return _followed(graph, None, 1) or {}


def _followed(graph: Graph, axis: int | None, size: int) -> dict[int, Places] | None:
    """Return where a batch of a size is; None if a layer mixes it, so that it is none."""
    places: dict[int, Places] = {}
    for tensor in graph.inputs:
        if axis is not None and len(graph.shape(tensor)) > axis:
            places[tensor] = (Place(axis, size),)
    for node in graph.nodes:
        if _mixed(graph, node, places):
            return None
        for output in node.outputs:
            found = _found(graph, node, output, places)
            if found:
                places[output] = found
    return places


def _mixed(graph: Graph, node: Node, places: dict[int, Places]) -> bool:
    """Whether a node mixes what would be samples; one sample is mixed with no other one."""
    return any(
        place.size > 1 and place.whole(graph.shape(tensor)) and mixes(graph, node, i, place)
        for i, tensor in enumerate(node.inputs)
        for place in places.get(tensor, ())
    )


def _found(graph: Graph, node: Node, output: int, places: dict[int, Places]) -> Places:
    """Return where the batch may be in an output: as the first input with a batch says."""
    shape = graph.shape(output)
    for i, tensor in enumerate(node.inputs):
        moved = (carried(graph, node, i, place, shape) for place in places.get(tensor, ()))
        found = tuple(dict.fromkeys(p for each in moved for p in each if p.fits(shape)))
        if found:
            return found
    if isinstance(node.attrs, ConvAttrs) and shape[0] == 1:
        return (Place(0, 1),)  # a layer of maps has a batch, whoever has added it
    if (
        node.kind in (Kind.LINEAR, Kind.MATMUL)
        and shape
        and any(tensor in places for tensor in node.inputs)
    ):
        return (Place(0, 1, shape[0]),)  # einsum moves axes of size 1 out of the way
    return ()


def _makes_features(node: Node) -> bool:
    return node.kind == Kind.LINEAR or "embedding" in node.op


def _width(graph: Graph, node: Node, widths: dict[int, Width]) -> Width | None:
    """Return where the channels or features of a node's outputs are, and their name."""
    shape = graph.shape(node.outputs[0]) if node.outputs else ()
    rank = len(shape)
    if isinstance(node.attrs, ConvAttrs):
        axis = rank - len(node.attrs.kernel) - 1
        return Width(Place(axis, shape[axis]), CHANNELS)
    if rank and _makes_features(node):
        return Width(Place(rank - 1, shape[-1]), FEATURES)
    i, source = next(((i, widths[t]) for i, t in enumerate(node.inputs) if t in widths), (0, None))
    if isinstance(node.attrs, NormAttrs) and node.attrs.norm in _BY_MAP and rank > 1:
        return Width(Place(1, shape[1]), source.unit if source else CHANNELS)
    if isinstance(node.attrs, NormAttrs) and len(node.attrs.axes) == 1:
        return Width(Place(rank - 1, shape[-1]), source.unit if source else FEATURES)
    if source is None:
        spatial = re.search(r"([123])d", node.op)
        if spatial is None or node.kind not in (Kind.POOL, Kind.RESAMPLE):
            return None
        axis = rank - int(spatial[1]) - 1
        return Width(Place(axis, shape[axis]), CHANNELS)
    if source.place is None:
        return source
    return _carried_width(graph, node, i, source)


def _carried_width(graph: Graph, node: Node, i: int, source: Width) -> Width:
    """Follow the channels of an input; they may become more or fewer on their way."""
    before, after = graph.shape(node.inputs[i]), graph.shape(node.outputs[0])
    assert source.place is not None
    moved = carried(graph, node, i, source.place, after)
    # A map that is flattened is a row of tokens; one that loses an axis of 1 is the same map.
    squeezed = [n for n in before if n > 1] == [n for n in after if n > 1] and len(after) > 2
    flat = node.kind == Kind.RESHAPE and len(before) > len(after) and prod(before) == prod(after)
    flat = flat and not squeezed
    unit = FEATURES if flat and len(after) < 4 and len(before) > 3 else source.unit
    for place in moved:
        if place.inner == 1 and place.axis < len(after):
            resized = node.kind != Kind.RESHAPE or place.whole(after)
            if resized:
                return Width(replace(place, size=after[place.axis]), unit)
    return Width(None, unit)
