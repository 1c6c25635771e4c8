"""Items, of which a drawing is made, simplified step by step; every step returns new items.

A Leaf becomes one box, a Block can be open or closed, a Run is a row of equal items.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from archlab.ir.graph import Graph
from archlab.ir.kinds import Kind

CONTAINERS = frozenset({"Sequential", "ModuleList", "ModuleDict"})
RECURRENT = frozenset({"RNN", "LSTM", "GRU"})


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """One operator, and those fused behind it."""

    parts: tuple[int, ...]  # the drawn nodes, in order of the data
    nodes: tuple[int, ...]  # all nodes that it stands for
    path: str
    type: str  # class of the module that made the first
    own: bool  # the path names this leaf alone, not the module that it is one of many operators of


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A module call with items inside."""

    path: str
    type: str
    children: tuple[Item, ...]
    nodes: tuple[int, ...]
    paths: tuple[str, ...] = ()  # its own, and those of the wrappers merged into it
    sealed: bool = False  # opened on demand only: a recurrent layer, a stretch, small operators
    pattern: str = ""  # what it is by its structure: squeeze-excite; of small operators the title
    kind: Kind | None = None  # of small operators that are one thing together

    @property
    def is_unit(self) -> bool:
        """Whether it is no module, but modules that repeat together with what is between them."""
        plain = not self.paths and self.kind is None and not self.sealed
        return plain and any(isinstance(child, Block) for child in self.children)


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Equal items in a row."""

    members: tuple[Leaf | Block, ...]
    # chain (each reads the one before), dense (each reads all before), parallel (all read the
    # same), loop (the same code, each turn reads the one before) or apart (it reads others).
    wiring: str
    tied: bool = False  # the members have the same weights

    @property
    def nodes(self) -> tuple[int, ...]:
        """Nodes of all members."""
        return nodes_of(self.members)

    @property
    def path(self) -> str:
        """Path of the first member."""
        return self.members[0].path


Item = Leaf | Block | Run


def module_type(graph: Graph, path: str) -> str:
    """Return the class name of the module at a path, empty where the graph has no such module."""
    return graph.module[path].type if path in graph.module else ""


def nodes_of(items: Sequence[Item]) -> tuple[int, ...]:
    """Return the nodes of several items."""
    return tuple(node for item in items for node in item.nodes)


def unwrapped(block: Block) -> Item | None:
    """Return a block in its plainest form: None if nothing in it is drawn, its only item if alone.

    A wrapper gives its path to what it wraps, and its class name unless that says nothing.
    """
    if not block.children:
        return None
    if len(block.children) > 1 or block.path == "" or isinstance(block.children[0], Run):
        return block
    only = block.children[0]
    if isinstance(only, Leaf):
        kind = only.type if only.own else block.type
        return Leaf(only.parts, block.nodes, block.path, kind, own=True)
    assert isinstance(only, Block)
    kind = only.type if only.type and only.type not in CONTAINERS else block.type
    return replace(
        only, path=block.path, type=kind, nodes=block.nodes, paths=(*block.paths, *only.paths)
    )


def dissolved(block: Block, items: list[Item]) -> tuple[Block, list[Item]]:
    """Lift the items of a Sequential that is the only block among its neighbours."""
    inner = [item for item in items if isinstance(item, Block)]
    # A row of equal blocks and its frame are drawn as one.
    if len(inner) != 1 or inner[0].type not in CONTAINERS or len(inner[0].children) == 1:
        return block, items
    # A frame around nearly everything tells nothing. Its path still opens the block around it.
    at = items.index(inner[0])
    lifted = [*items[:at], *inner[0].children, *items[at + 1 :]]
    return replace(block, paths=(*block.paths, *inner[0].paths)), lifted
