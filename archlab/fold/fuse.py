"""Put what belongs together into one box: a convolution, its norm, its activation, a scale.

Only where each part is all that reads the part before it, so no other edge is hidden.
"""

from __future__ import annotations

from collections.abc import Sequence

from archlab.fold.flow import Flow
from archlab.fold.tree import Item, Leaf
from archlab.ir.graph import Graph, Node
from archlab.ir.kinds import Kind

_HEADS = frozenset(
    {Kind.CONV, Kind.CONV_TRANSPOSE, Kind.LINEAR, Kind.MATMUL, Kind.NORM, Kind.RECURRENT,
     Kind.ACTIVATION, Kind.SOFTMAX, Kind.ELEMENTWISE}
)  # fmt: skip
_TAILS = (Kind.NORM, Kind.ACTIVATION, Kind.ELEMENTWISE)
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
            joined = Leaf(
                (*joined.parts, *tail.parts),
                (*joined.nodes, *tail.nodes),
                joined.path,
                joined.type,
                own=joined.own,
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
    before = [graph.nodes[node] for node in leaf.parts]
    after = [graph.nodes[node] for node in tail.parts]
    return (j, tail) if _fits(flow, before, after) else None


def _fits(flow: Flow, before: Sequence[Node], after: Sequence[Node]) -> bool:
    """Whether a box holds both: norm and activation once each, arithmetic on one tensor."""
    head = before[0]
    if head.kind not in _HEADS or len(before) + len(after) > _MOST:
        return False
    if any(node.kind not in _TAILS or len(flow.operands[node.id]) > 1 for node in after):
        return False
    kinds = [node.kind for node in (*before, *after) if node.kind in (Kind.NORM, Kind.ACTIVATION)]
    return len(kinds) == len(set(kinds))
