"""The graph's calls as a tree of items, with loops and lists of modules put together."""

from __future__ import annotations

from collections.abc import Iterator

from archlab.fold.tree import Block, Item, Leaf, module_type, nodes_of
from archlab.fold.turns import Turns
from archlab.ir.graph import Graph, ModuleCall


def call_tree(graph: Graph, turns: Turns | None = None) -> Block:
    """Return the root of the module calls, by nesting; a node outside of inner calls is a Leaf.

    `turns` puts together what a forward does again and again with the same weights.
    """
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
        if turns is not None:
            children = turns.folded(children, lambda part: list(_contained(graph, call.path, part)))
        gathered = tuple(_contained(graph, call.path, children))
        return Block(call.path, kind, gathered, tuple(range(call.first, call.last)), (call.path,))

    return block(root)


def _leaf(graph: Graph, node: int) -> Leaf:
    path = graph.nodes[node].path
    return Leaf((node,), (node,), path, module_type(graph, path), own=False)


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
        if not isinstance(child, Leaf) and child.path.startswith(prefix):
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
