"""The graph's calls as a tree of items, simplified step by step; every step returns new items.

A Leaf becomes one box, a Block can be open or closed, a Run is a row of equal items.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from archlab.ir.graph import Graph, ModuleCall

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
    sealed: bool = False  # opened on demand only: a recurrent layer step by step, a stretch


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Equal items in a row."""

    members: tuple[Leaf | Block, ...]
    wiring: str  # chain (each reads the one before), dense (each reads all before) or parallel

    @property
    def nodes(self) -> tuple[int, ...]:
        """Nodes of all members."""
        return nodes_of(self.members)

    @property
    def path(self) -> str:
        """Path of the first member."""
        return self.members[0].path


Item = Leaf | Block | Run


def call_tree(graph: Graph) -> Block:
    """Return the root of the module calls, by nesting; a node outside of inner calls is a Leaf."""
    calls = _calls(graph)
    root = calls[0]
    position = 1

    def block(call: ModuleCall) -> Block:
        nonlocal position
        children: list[Item] = []
        next_node = call.first
        while position < len(calls) and calls[position].first < call.last:
            inner = calls[position]
            if inner.last > call.last:  # cannot nest: a call that a caught exception ended
                position += 1
                continue
            children += [_leaf(graph, node) for node in range(next_node, inner.first)]
            position += 1
            children.append(block(inner))
            next_node = max(next_node, inner.last)
        children += [_leaf(graph, node) for node in range(next_node, call.last)]
        kind = module_type(graph, call.path) or "Module"
        gathered = tuple(_contained(graph, call.path, children))
        return Block(call.path, kind, gathered, tuple(range(call.first, call.last)), (call.path,))

    return block(root)


def _leaf(graph: Graph, node: int) -> Leaf:
    path = graph.nodes[node].path
    return Leaf((node,), (node,), path, module_type(graph, path), own=False)


def module_type(graph: Graph, path: str) -> str:
    """Return the class name of the module at a path, empty where the graph has no such module."""
    return graph.module[path].type if path in graph.module else ""


def _calls(graph: Graph) -> list[ModuleCall]:
    """Return the calls that ran something, parents first."""
    calls = [call for call in graph.calls if call.first < call.last]
    ended = {call.path for call in calls}
    size = len(graph.nodes)
    # A call that a failure cut short was never noted; it is made up from its nodes.
    running = graph.failure.path if graph.failure is not None else ""
    while running:
        inside = (node.id for node in graph.nodes if f"{node.path}.".startswith(f"{running}."))
        first = next(inside, None)
        if first is not None and running not in ended:
            calls.append(ModuleCall(running, 0, first, size, (), ()))
        running = running.rpartition(".")[0]
    if "" not in ended:
        calls.append(ModuleCall("", 0, 0, size, graph.inputs, graph.outputs))
    # A call is noted when it ends, so that of two with the same nodes the outer one comes later.
    ordered = sorted(enumerate(calls), key=lambda pair: (pair[1].first, -pair[1].last, -pair[0]))
    root = next(call for _, call in ordered if call.path == "")
    whole = ModuleCall("", 0, 0, size, root.inputs, root.outputs)
    return [whole, *(call for _, call in ordered if call is not root)]


def _contained(graph: Graph, path: str, children: list[Item]) -> Iterator[Item]:
    """Put the members of a ModuleList, which has no call of its own, into one block."""
    places: dict[str, list[int]] = {}
    prefix = f"{path}." if path else ""
    for i, child in enumerate(children):
        if isinstance(child, Block) and child.path.startswith(prefix):
            inner = child.path[len(prefix) :]
            container = prefix + inner.rpartition(".")[0] if "." in inner else ""
            places.setdefault(container, []).append(i)
    spans = {}
    for container, positions in places.items():
        module = graph.module.get(container)
        between = set(range(positions[0], positions[-1] + 1)) - set(positions)
        alone = all(isinstance(children[i], Leaf) for i in between)
        if container and module is not None and len(positions) > 1 and alone:
            spans[positions[0]] = (positions[-1] + 1, container, module.type)
    i = 0
    while i < len(children):
        if i in spans:
            end, container, kind = spans[i]
            inside = tuple(children[i:end])
            yield Block(container, kind, inside, nodes_of(inside), (container,))
            i = end
        else:
            yield children[i]
            i += 1


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
    kind = only.type if only.type not in CONTAINERS else block.type
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
