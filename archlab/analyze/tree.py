"""Amounts by node, summed up the module tree in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from archlab.ir.graph import Graph


def ancestors(path: str) -> Iterator[str]:
    """Yield a path and every path above it, the model's empty one last.

    Example:
        >>> list(ancestors("layer1.0.conv1"))
        ['layer1.0.conv1', 'layer1.0', 'layer1', '']
    """
    while path:
        yield path
        path = path.rpartition(".")[0]
    yield ""


def by_module(
    graph: Graph, amounts: Iterable[tuple[str, Sequence[int]]], width: int
) -> dict[str, list[int]]:
    """Return for every module path the sums of what it and its children hold."""
    sums = {module.path: [0] * width for module in graph.modules}
    for path, amount in amounts:
        for above in ancestors(path):
            target = sums.setdefault(above, [0] * width)
            for i, value in enumerate(amount):
                target[i] += value
    return sums


def tree_order(graph: Graph) -> list[str]:
    """Return the module paths, parents before children, siblings in the order they are held."""
    children: dict[str, list[str]] = {}
    for module in graph.modules:
        if module.path:
            children.setdefault(module.path.rpartition(".")[0], []).append(module.path)
    order, waiting = [], [""]
    while waiting:
        path = waiting.pop()
        order.append(path)
        waiting.extend(reversed(children.get(path, ())))
    return order
