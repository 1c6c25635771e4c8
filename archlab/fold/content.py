"""What is inside a box that stands for several modules or operators, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from archlab.fold import names
from archlab.fold.tree import CONTAINERS, RECURRENT, Block, Item, Leaf, Run
from archlab.ir.graph import Graph, Node

_KINDS = 3  # of operators that are counted by name


def content(graph: Graph, block: Block, inside: Sequence[Node]) -> str:
    """Return what is in a block that has no name of its own: modules, or operators by kind."""
    if any(isinstance(_first(child), Block) for child in block.children):
        return _sorts(graph, block)
    counts = Counter[str](node.kind for node in inside)
    kinds = sorted(counts, key=lambda kind: (-counts[kind], kind))
    named = len(kinds) if len(kinds) == _KINDS + 1 else _KINDS  # one more is as short as "other"
    listed = ", ".join(f"{counts[kind]} {kind}" for kind in kinds[:named])
    if others := sum(counts[kind] for kind in kinds[named:]):
        listed += f", {others} other"
    return f"{len(inside)} operators: {listed}"


def _first(item: Item) -> Item:
    return item.members[0] if isinstance(item, Run) else item


def holds(graph: Graph, block: Block) -> str:
    """Return what a container holds, up to three sorts of modules: `2 × SwinTransformerBlock`."""
    return _sorts(graph, block) if block.type in CONTAINERS else ""


def _sorts(graph: Graph, block: Block) -> str:
    counts = Counter(_kinds(graph, block))
    sorts = [f"{count} × {kind}" if count > 1 else kind for kind, count in counts.items()]
    return " + ".join(sorts[:3]) + (" + …" if len(sorts) > 3 else "")


def _kinds(graph: Graph, item: Item) -> Iterator[str]:
    """Yield the class names of the modules in a container and in the containers inside."""
    if isinstance(item, Run):
        for member in item.members:
            yield from _kinds(graph, member)
    elif isinstance(item, Leaf):
        if item.own:
            yield (
                item.type
                if item.type not in CONTAINERS
                else names.title(graph, graph.nodes[item.parts[0]])
            )
    elif item.type in CONTAINERS or not item.paths or (item.sealed and item.type not in RECURRENT):
        for child in item.children:
            yield from _kinds(graph, child)
    else:
        yield item.type
