"""The header of a graph's results."""

from __future__ import annotations

from archlab.ir.graph import Graph
from archlab.result import Header


def header(graph: Graph, *conventions: str) -> Header:
    """Return what a result of this graph holds for."""
    return Header(graph.name, graph.input_text(), graph.mode, graph.build, conventions)
