"""The way of a tensor between two boxes: the shape that leaves one, and that enters the other.

A module may reshape what its last operator made before it returns it, and slice what it is given
before its first operator reads it. Its box then shows the shapes that the module has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

from archlab.fold.emit import Canvas
from archlab.fold.flow import Operand
from archlab.ir.graph import ModuleCall
from archlab.ir.kinds import Kind

Shape = tuple[int, ...]
Way = tuple[int, ...]  # tensors, from the one that a source makes to the one that is read


@dataclass(slots=True)
class Ways:
    """The ways between the boxes of a canvas, which is finished."""

    canvas: Canvas
    _nodes: dict[str, frozenset[int]] = field(init=False)  # box -> all that it stands for
    _leaving: dict[int, list[ModuleCall]] = field(init=False)  # tensor -> calls that return it
    _entering: dict[int, list[ModuleCall]] = field(init=False)  # tensor -> calls that are given it
    _found: dict[int, dict[int, Way]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._nodes = {box.id: frozenset(box.nodes) for box in self.canvas.boxes}
        self._leaving, self._entering = {}, {}
        for call in self.canvas.graph.calls:
            for tensor in call.outputs:
                self._leaving.setdefault(tensor, []).append(call)
            for tensor in call.inputs:
                self._entering.setdefault(tensor, []).append(call)

    def tensors(self, operand: Operand, source: int, head: int) -> tuple[int, int]:
        """Return the tensor that leaves a source's box, and the one that enters the head's."""
        way = self._way(operand.tensor, source)
        return self._left(way, source), self._entered(way, head)

    def into(self, node: int) -> Shape:
        """Return the shape that a node's box, or the node itself, takes in; () for none."""
        operand = next(iter(self.canvas.flow.operands.get(node, ())), None)
        if operand is None:
            return ()
        way = self._way(operand.tensor, (operand.sources or (node,))[0])
        return self.canvas.axes.sample(self._entered(way, node))

    def _left(self, way: Way, source: int) -> int:
        """Return the last tensor that a module within the source's box returns."""
        inside = self._nodes.get(self.canvas.box_of.get(source, ""), frozenset())
        for tensor in reversed(way):
            if any(
                source in _range(call) and _within(call, inside)
                for call in self._leaving.get(tensor, ())
            ):
                return tensor
        # Of a matrix product torch flattens the axes and gives them back.
        flat = source >= 0 and len(way) > 1 and self._flattened(source, way[1], way[0])
        return way[1] if flat else way[0]

    def _entered(self, way: Way, head: int) -> int:
        """Return the first tensor that a module within the head's box is given."""
        inside = self._nodes.get(self.canvas.box_of.get(head, ""), frozenset())
        for tensor in way:
            if any(
                head in _range(call) and _within(call, inside)
                for call in self._entering.get(tensor, ())
            ):
                return tensor
        flat = head >= 0 and len(way) > 1 and self._flattened(head, way[-2], way[-1])
        return way[-2] if flat else way[-1]

    def _flattened(self, node: int, tensor: int, flat: int) -> bool:
        """Whether a flat tensor is what a matrix product makes of another one for its own use."""
        graph = self.canvas.graph
        before, after = graph.shape(flat), graph.shape(tensor)
        return (
            graph.nodes[node].kind in (Kind.LINEAR, Kind.MATMUL)
            and len(after) > len(before) > 1
            and after[-1] == before[-1]
            and prod(after) == prod(before)
            and 1 not in self.canvas.axes.sample(tensor)  # einsum puts such axes in
        )

    def _way(self, tensor: int, source: int) -> Way:
        """Return the tensors between a source and a reader, through undrawn operators."""
        if tensor not in self._found:
            self._found[tensor] = self._search(tensor)
        return self._found[tensor].get(source, (tensor,))

    def _search(self, tensor: int) -> dict[int, Way]:
        graph, drawn = self.canvas.graph, self.canvas.flow.drawn
        after = {tensor: -1}  # tensor -> the next one on its way
        ends: dict[int, int] = {}
        waiting = [tensor]
        inputs = {given: -1 - i for i, given in enumerate(graph.inputs)}
        while waiting:
            reached = waiting.pop()
            maker = graph.producer.get(reached)
            source = inputs.get(reached) if maker is None else maker.id
            if source is not None and (maker is None or maker.id in drawn):
                ends.setdefault(source, reached)
            elif maker is not None:
                before = [each for each in reversed(maker.inputs) if each not in after]
                after |= dict.fromkeys(before, reached)
                waiting += before
        ways: dict[int, Way] = {}
        for source, end in ends.items():
            way = [end]
            while after[way[-1]] >= 0:
                way.append(after[way[-1]])
            ways[source] = tuple(way)
        return ways


def _range(call: ModuleCall) -> range:
    return range(call.first, call.last)


def _within(call: ModuleCall, nodes: frozenset[int]) -> bool:
    """Whether all of a call is among the nodes; calls nest, so that its ends tell."""
    return call.first in nodes and call.last - 1 in nodes
