"""Put what belongs together into one box: a convolution, its norm and its activation.

Only where each part is all that reads the part before it, so no other edge is hidden.
"""

from __future__ import annotations

from collections.abc import Sequence

from archlab.fold.flow import Flow, is_product, is_sum
from archlab.fold.tree import Item, Leaf
from archlab.ir.graph import Graph, Node
from archlab.ir.kinds import Kind

_HEADS = frozenset({Kind.CONV, Kind.CONV_TRANSPOSE, Kind.LINEAR, Kind.NORM, Kind.RECURRENT})
_TAILS = (Kind.NORM, Kind.ACTIVATION)


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
    """The leaf that continues another one, and its place."""
    readers = flow.readers.get(leaf.parts[-1], ())
    if len(readers) != 1 or readers[0] not in place:
        return None
    j = place[readers[0]]
    tail = items[j]
    if not isinstance(tail, Leaf) or flow.sources[tail.parts[0]] != (leaf.parts[-1],):
        return None
    have = [graph.nodes[node] for node in leaf.parts]
    kinds = [graph.nodes[node].kind for node in tail.parts]
    return (j, tail) if _fits(have, kinds) else None


def _fits(have: Sequence[Node], tail: Sequence[Kind]) -> bool:
    head = have[0]
    if head.kind not in _HEADS and not is_sum(head) and not is_product(head):
        return False
    if any(kind not in _TAILS for kind in tail):
        return False
    seen = [node.kind for node in have[1:]] + list(tail)
    if head.kind == Kind.NORM:
        seen.insert(0, Kind.NORM)
    return len(seen) == len(set(seen))
