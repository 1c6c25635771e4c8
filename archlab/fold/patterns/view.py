"""The drawn operators, as patterns ask for them."""

from __future__ import annotations

from dataclasses import dataclass

from archlab.fold.flow import Flow, function
from archlab.fold.heads import heads_text
from archlab.ir.graph import Graph, Node
from archlab.ir.kinds import Kind, MatmulAttrs


@dataclass(frozen=True, slots=True)
class View:
    """The drawn operators, as patterns ask for them."""

    graph: Graph
    flow: Flow

    def node(self, number: int) -> Node | None:
        """Return a drawn node, None for an input of the model."""
        return self.graph.nodes[number] if number >= 0 else None

    def does(self, number: int, *functions: str) -> bool:
        """Whether a drawn node is one of some functions."""
        node = self.node(number)
        return node is not None and function(node) in functions

    def only(self, number: int) -> int:
        """Return the one source of a node, or none: the node itself, which no pattern takes."""
        sources = self.sources(number)
        return sources[0] if len(sources) == 1 else number

    def sources(self, number: int) -> tuple[int, ...]:
        """Return what a node reads; an input reads nothing."""
        return self.flow.sources.get(number, ())

    def reader(self, number: int) -> int | None:
        """Return the one drawn reader of a node, if it has just one."""
        readers = self.flow.readers.get(number, ())
        return readers[0] if len(readers) == 1 and readers[0] >= 0 else None

    def learned(self, number: int) -> bool:
        """Whether a node reads a parameter besides data."""
        inputs = self.graph.nodes[number].inputs
        return any(self._root(tensor) == "param" for tensor in inputs)

    def _root(self, tensor: int) -> str:
        """Return the source of what a tensor was reshaped from."""
        while (maker := self.graph.producer.get(tensor)) is not None and maker.inputs:
            if maker.kind not in (Kind.RESHAPE, Kind.PERMUTE, Kind.COPY, Kind.SLICE, Kind.GATHER):
                return ""
            tensor = maker.inputs[0]
        return self.graph.tensors[tensor].source

    def heads(self, product: Node, scores: Node) -> str:
        """Return the title of an attention made of products."""
        shape = self.graph.shape(scores.inputs[0])
        known = shape[-3] if len(shape) > 3 else None
        size = product.attrs_as(MatmulAttrs).inner
        return heads_text(self.graph, product.inputs[0], product.inputs[1], size, known)
