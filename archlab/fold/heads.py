"""How many heads an attention has: where the channels were split, or which axis the heads have."""

from __future__ import annotations

from archlab.ir.graph import Graph
from archlab.ir.kinds import Kind

_PASSED = frozenset(
    {Kind.RESHAPE, Kind.PERMUTE, Kind.SLICE, Kind.COPY, Kind.ELEMENTWISE, Kind.CONCAT, Kind.NORM}
)
_STEPS = 40  # operators between the projection of a query and its product


def heads_text(graph: Graph, query: int, key: int, size: int, known: int | None = None) -> str:
    """Return `Attention · 8 heads, 2 kv groups` for the query and key tensors of a product.

    `size` is the length of a query in one head; `known` is the number of heads where an axis of
    the product tells it.
    """
    heads = _heads(graph, query, size) or known
    shape = graph.shape(key)
    # One head is no split; a fused attention has an axis for it.
    groups = _heads(graph, key, size) or (shape[1] if known and len(shape) == 4 else None)
    if heads is None:
        return "Attention"
    text = f"Attention · {heads} head{'s' * (heads > 1)}"
    if groups is None or groups >= heads:
        return text
    return f"{text}, {groups} kv group{'s' * (groups > 1)}"


def _heads(graph: Graph, tensor: int, size: int) -> int | None:
    """Return in how many heads the channels were split on the way to a query or key."""
    for _ in range(_STEPS):
        maker = graph.producer.get(tensor)
        if maker is None or maker.kind not in _PASSED or not maker.inputs:
            return None
        before, after = graph.shape(maker.inputs[0]), graph.shape(tensor)
        if maker.kind == Kind.RESHAPE and before and len(after) > 1:
            split = after[-1] and before[-1] > after[-1] and before[-1] % after[-1] == 0
            if split and after[-1] % size == 0:
                return after[-2]
        tensor = maker.inputs[0]
    return None
