"""What a tensor is that is added to others or chooses among them: a mask, a causal one, or none.

A traced tensor has no values. So a mask is told by how it is made (of truth values, of one half of
a matrix), and where it is stored, by the name that its author gave it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from archlab.fold.flow import function
from archlab.ir.graph import Graph, Node
from archlab.ir.kinds import Kind

MASK, CAUSAL, BIAS = "mask", "causal mask", "bias"
_ORDER = frozenset({"gt", "lt", "ge", "le"})
_HALVES = frozenset({"tril", "triu"})
# What values only pass through on the way from where they are told apart.
_MADE = frozenset(
    {Kind.RESHAPE, Kind.SLICE, Kind.PERMUTE, Kind.COPY, Kind.GATHER, Kind.ELEMENTWISE, Kind.CONCAT}
)
_CAUSAL_NAME = re.compile(r"causal|tril|triu|autoregressive|subsequent", re.IGNORECASE)


def mask_of(graph: Graph, tensor: int) -> str:
    """Return what a tensor is: "mask", "causal mask" or an empty string.

    A causal mask is made of one half of a matrix, or of a comparison of positions in their order.
    """
    makers, sources = _history(graph, tensor)
    if any(graph.tensors[source].source == "param" for source in sources):
        return ""  # learned: a bias, or a gate
    halves = {function(node) for node in makers} & _HALVES
    orders = [node for node in makers if function(node) in _ORDER and _of_positions(graph, node)]
    # Both halves, or two comparisons, leave a band.
    if len(halves) + len(orders) == 1:
        return CAUSAL
    specs = [graph.tensors[source] for source in sources]
    names = [spec.name for spec in specs]
    if any(map(_CAUSAL_NAME.search, names)):
        return CAUSAL
    told = any(graph.tensors[made].dtype == "bool" for node in makers for made in node.outputs)
    told = told or any(spec.dtype == "bool" for spec in specs)
    named = any("mask" in name.lower() for name in names)
    return MASK if told or halves or named else ""


def added_to_scores(graph: Graph, tensor: int) -> str:
    """Return what a tensor is that is added to the scores of an attention: some mask, or a bias."""
    if mask := mask_of(graph, tensor):
        return mask
    _, sources = _history(graph, tensor)
    # A table without a name that no parameter takes part in is one of zeros and −∞.
    named = any(graph.tensors[source].name for source in sources)
    return BIAS if named or tensor in graph.dependent else MASK


def words(found: Collection[str]) -> list[str]:
    """Return what is said of an attention on whose scores such tensors act.

    Example:
        >>> words({MASK, BIAS}), words({MASK, CAUSAL}), words({""})
        (['bias', 'masked'], ['causal mask'], [])
    """
    masked = [CAUSAL] if CAUSAL in found else ["masked"] if MASK in found else []
    return [BIAS, *masked] if BIAS in found else masked


def _history(graph: Graph, tensor: int) -> tuple[list[Node], list[int]]:
    """Return the operators that made a tensor, and the tensors that no operator made.

    It ends at layers, whose outputs are what they have computed.
    """
    makers: dict[int, Node] = {}
    sources: list[int] = []
    for each in _upwards(graph, tensor):
        maker = graph.producer.get(each)
        if maker is not None:
            makers[maker.id] = maker
        else:
            sources.append(each)
    return list(makers.values()), sources


def _upwards(graph: Graph, tensor: int) -> Iterator[int]:
    waiting, seen = [tensor], {tensor}
    while waiting:
        each = waiting.pop()
        yield each
        maker = graph.producer.get(each)
        # What creates a tensor like another one reads that one for its size alone.
        if maker is not None and maker.kind in _MADE:
            before = [t for t in maker.inputs if t not in seen]
            seen.update(before)
            waiting += before


def _of_positions(graph: Graph, node: Node) -> bool:
    """Whether a comparison is one of positions with positions: 0, 1, 2 … along two axes."""
    if len(node.inputs) != 2:
        return False
    for tensor in node.inputs:
        makers, sources = _history(graph, tensor)
        if sources or not any(function(maker) == "arange" for maker in makers):
            return False
    return True
