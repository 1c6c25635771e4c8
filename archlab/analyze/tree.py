"""Amounts by node, summed up the module tree in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from archlab.ir.graph import Graph, ModuleCall
from archlab.result import depth

Amount = TypeVar("Amount", bound=tuple[int, ...])


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


def total(kind: Callable[..., Amount], amounts: Iterable[Amount]) -> Amount:
    """Return the sum of amounts, field by field."""
    # `kind` is a named tuple of numbers with 0 as defaults: of no amounts, zip yields no field.
    return kind(*map(sum, zip(*amounts, strict=True)))


def by_module(
    graph: Graph, kind: Callable[..., Amount], amounts: Iterable[tuple[str, Amount]]
) -> dict[str, Amount]:
    """Return for every module path the sum of what the module and its children hold.

    `amounts` are (path, amount) pairs, any number of them for a path.
    """
    members: dict[str, list[Amount]] = {module.path: [] for module in graph.modules}
    for path, amount in amounts:
        for above in ancestors(path):
            # A functional call may stand under a path that is no module of the tree.
            members.setdefault(above, []).append(amount)
    return {path: total(kind, inside) for path, inside in members.items()}


def call_order(graph: Graph) -> list[ModuleCall]:
    """Return the calls in the order in which they begin, a module before its children."""
    # A module and its only child run the same nodes: there the depth of the path decides.
    return sorted(graph.calls, key=lambda call: (call.first, -call.last, depth(call.path)))


def tree_order(graph: Graph) -> list[str]:
    """Return the module paths, parents before children, siblings in the order they are held."""
    children: dict[str, list[str]] = {}
    for module in graph.modules:
        if module.path:
            children.setdefault(module.path.rpartition(".")[0], []).append(module.path)
    # A stack instead of recursion: the first child has to lie on top.
    order, waiting = [], [""]
    while waiting:
        path = waiting.pop()
        order.append(path)
        waiting.extend(reversed(children.get(path, ())))
    return order
