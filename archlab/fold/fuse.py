"""Put what belongs together into one box: a convolution, its norm, its activation, a scale.

Only where each part is all that reads the part before it, so no other edge is hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from archlab.fold.flow import WEIGHTED, Flow
from archlab.fold.tree import Item, Leaf
from archlab.ir.graph import Graph
from archlab.ir.kinds import Kind

_TAILS = frozenset({Kind.NORM, Kind.ACTIVATION, Kind.ELEMENTWISE})
_HEADS = _TAILS | WEIGHTED - {Kind.ATTENTION} | {Kind.SOFTMAX}
# Between two parts of a box only what leaves each element as it is.
_STILL = frozenset({Kind.RESHAPE, Kind.PERMUTE, Kind.COPY})
_MOST = 4  # operators in a box


def fused(graph: Graph, flow: Flow, items: Sequence[Item]) -> tuple[Item, ...]:
    """Return the items of one module with chains of leaves joined into their first one."""
    result: list[Item | None] = list(items)
    place = {item.parts[0]: i for i, item in enumerate(items) if isinstance(item, Leaf)}
    for i, item in enumerate(items):
        if result[i] is None or not isinstance(item, Leaf):
            continue
        joined = item
        while (follower := _follower(graph, flow, joined, result, place)) is not None:
            j, tail = follower
            joined = replace(
                joined, parts=(*joined.parts, *tail.parts), nodes=(*joined.nodes, *tail.nodes)
            )
            result[j] = None
        result[i] = joined
    return tuple(item for item in result if item is not None)


def _follower(
    graph: Graph, flow: Flow, leaf: Leaf, items: Sequence[Item | None], place: dict[int, int]
) -> tuple[int, Leaf] | None:
    """Return the leaf that continues another one, and its place."""
    readers = flow.readers.get(leaf.parts[-1], ())
    if len(readers) != 1 or readers[0] not in place:
        return None
    j = place[readers[0]]
    tail = items[j]
    if not isinstance(tail, Leaf) or flow.sources[tail.parts[0]] != (leaf.parts[-1],):
        return None
    if not flow.operands[tail.parts[0]][0].passed <= _STILL:
        return None
    kinds = [graph.nodes[part].kind for part in (*leaf.parts, *tail.parts)]
    if kinds[0] not in _HEADS or len(kinds) > _MOST:
        return None
    # Arithmetic belongs into the box only where it has one tensor: a scale, not a sum.
    if any(len(flow.operands[part]) > 1 for part in tail.parts):
        return None
    if any(kind not in _TAILS for kind in kinds[len(leaf.parts) :]):
        return None
    if max(kinds.count(Kind.NORM), kinds.count(Kind.ACTIVATION)) > 1:
        return None
    return j, tail
