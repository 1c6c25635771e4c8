"""What all results of a graph have in common: the header, and what the trace could not see."""

from __future__ import annotations

from archlab.ir.graph import Graph
from archlab.result import Header, Missing


def header(graph: Graph, *conventions: str) -> Header:
    """Return what a result of this graph holds for."""
    return Header(graph.name, graph.input_text(), graph.mode, graph.build, conventions)


def gaps(graph: Graph) -> tuple[Missing, ...]:
    """Return what the trace could not see: every result of the graph is a lower bound then."""
    return tuple(Missing(gap.what, path=gap.path, why=gap.why) for gap in graph.gaps)
