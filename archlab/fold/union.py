"""Two graphs laid over each other: what both have, what only one has, and what differs.

Operators are matched in call order, by module path and kind; where the nets share few paths, by
kind and attributes alone. The union is a graph like any other, so it folds and draws like one.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from difflib import SequenceMatcher

from archlab.fold.drawing import SHORTCUTS, Role
from archlab.fold.flow import WEIGHTED, Flow, flow, function
from archlab.fold.names import title
from archlab.ir.graph import Graph, ModuleCall, Node
from archlab.ir.kinds import Kind

# How a reason begins that says only that sizes differ: of what is made, of weights.
MAKES, WEIGHTS = "makes ", "weights "
_SHARED = 0.5  # share of operators with a common path below which paths say nothing
Span = tuple[str, int, int, int, int]  # tag, and where it begins and ends in either sequence
Ends = tuple[int, int]  # of an edge: source and reader
Place = dict[tuple[int, int], int]  # (graph, node) -> node of the union


@dataclass(frozen=True, slots=True)
class Union:
    """The union of two graphs."""

    graph: Graph  # all nodes of the second, and those of the first that it lacks
    marks: dict[int, str]  # node -> added, removed, changed
    edges: dict[Ends, str]  # -> added, between nodes of the second graph
    gone: tuple[tuple[int, int, Role], ...]  # edges that only the first graph has
    reasons: dict[int, str]  # changed node -> what changed, in words
    places: tuple[tuple[int, ...], tuple[int, ...]]  # nodes of either graph -> of the union


def union(first: Graph, second: Graph) -> Union:
    """Return the union of two traces of the same mode."""
    order, pairs = _order(first, second)
    place: Place = {pair: i for i, pair in enumerate(order)}
    place |= {(0, a): place[1, b] for a, b in pairs.items()}
    # Tensors of the first graph come behind those of the second, except matched ones.
    tensors = {tensor: tensor + len(second.tensors) for tensor in range(len(first.tensors))}
    tensors.update(zip(first.inputs, second.inputs, strict=False))
    for a, b in pairs.items():
        tensors.update(zip(first.nodes[a].outputs, second.nodes[b].outputs, strict=False))
    nodes = []
    for i, (which, number) in enumerate(order):
        node = (first, second)[which].nodes[number]
        if which == 0:
            inputs, outputs = (
                tuple(tensors[t] for t in ends) for ends in (node.inputs, node.outputs)
            )
            node = replace(node, inputs=inputs, outputs=outputs)
        nodes.append(replace(node, id=i))
    marks = {place[0, a]: "removed" for a in range(len(first.nodes)) if a not in pairs}
    matched = set(pairs.values())
    marks |= {place[1, b]: "added" for b in range(len(second.nodes)) if b not in matched}
    reasons = {
        place[1, b]: reason
        for a, b in pairs.items()
        if (reason := _change(first, first.nodes[a], second, second.nodes[b]))
    }
    marks |= dict.fromkeys(reasons, "changed")
    graph = _graph(first, second, nodes, place, marks)
    edges, gone = _edges(first, second, place, marks)
    places = [
        tuple(place[which, i] for i in range(len(each.nodes)))
        for which, each in enumerate((first, second))
    ]
    return Union(graph, marks, edges, gone, reasons, (places[0], places[1]))


def _order(first: Graph, second: Graph) -> tuple[list[tuple[int, int]], dict[int, int]]:
    """Return all nodes as (graph, node), both call orders kept, and the matched pairs."""
    graphs = (first, second)
    # From what says the most of an operator to what says the least.
    keys: list[list[list[Hashable]]] = [
        [[key(graph, node) for node in graph.nodes] for graph in graphs]
        for key in (_name, _exact, _manner)
    ]
    distinct = list(map(set, keys[0]))
    if len(distinct[0] & distinct[1]) < _SHARED * min(map(len, distinct)):
        keys = keys[1:]
    order: list[tuple[int, int]] = []
    pairs: dict[int, int] = {}
    begins = [[node.kind in WEIGHTED for node in graph.nodes] for graph in graphs]
    spans = _spans(keys, begins, (0, len(first.nodes)), (0, len(second.nodes)))
    for tag, a, a_end, b, b_end in spans:
        if tag == "equal":
            pairs.update(zip(range(a, a_end), range(b, b_end), strict=True))
        else:
            order += [(0, i) for i in range(a, a_end)]
        order += [(1, i) for i in range(b, b_end)]
    return order, pairs


def _spans(
    keys: Sequence[Sequence[Sequence[Hashable]]], begins: Sequence[Sequence[bool]],
    first: tuple[int, int], second: tuple[int, int],
) -> Iterator[Span]:  # fmt: skip
    """Yield equal and different parts of two sequences; where one key differs, the next decides.

    `begins` says at which places a layer begins.
    """
    a, b = (side[slice(*part)] for side, part in zip(keys[0], (first, second), strict=True))
    # By default, difflib ignores what is frequent in long sequences: a net's convolutions.
    found = SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    starts = [side[slice(*part)] for side, part in zip(begins, (first, second), strict=True)]
    for tag, i, i_end, j, j_end in _settled(found, (a, b), starts):
        old, new = (first[0] + i, first[0] + i_end), (second[0] + j, second[0] + j_end)
        if tag == "replace" and len(keys) > 1:
            yield from _spans(keys[1:], begins, old, new)
        else:
            yield tag, *old, *new


def _settled(
    spans: Sequence[Span], keys: Sequence[Sequence[Hashable]], starts: Sequence[Sequence[bool]]
) -> list[Span]:
    """Let what is put in begin with a layer, where the same difference can be told that way.

    A convolution with its ReLU is put in, and not a ReLU with the convolution behind it.
    """
    settled = list(spans)
    for k in range(1, len(spans) - 1):
        tag, i, i_end, j, j_end = settled[k]
        if tag not in ("insert", "delete"):
            continue
        side, part = (1, (j, j_end)) if tag == "insert" else (0, (i, i_end))
        room = min(part[1] - part[0], settled[k + 1][2] - settled[k + 1][1])
        by = _to_start(keys[side], starts[side], part, room)
        if by:
            before, after = settled[k - 1], settled[k + 1]
            settled[k - 1] = (before[0], before[1], i + by, before[3], j + by)
            settled[k] = (tag, i + by, i_end + by, j + by, j_end + by)
            settled[k + 1] = (after[0], i_end + by, after[2], j_end + by, after[4])
    return settled


def _to_start(
    keys: Sequence[Hashable], starts: Sequence[bool], part: tuple[int, int], room: int
) -> int:
    """Return how far a part can move on to begin with a layer, and 0 where it cannot."""
    at, end = part
    for by in range(room + 1):
        if starts[at + by]:
            return by
        if by == room or keys[at + by] != keys[end + by]:
            break
    return 0


def _change(first: Graph, old: Node, second: Graph, new: Node) -> str:
    """Return what differs between matched nodes, in words; map sizes only with equal inputs."""
    titles = title(first, old), title(second, new)
    if (old.kind, function(old)) != (new.kind, function(new)):
        return " → ".join(titles)
    if old.attrs != new.attrs:
        if titles[0] != titles[1]:
            return " → ".join(titles)
        if type(old.attrs) is not type(new.attrs):
            return "other attributes"
        names = [part.name for part in fields(old.attrs)]
        values = [(name, getattr(old.attrs, name), getattr(new.attrs, name)) for name in names]
        return ", ".join(f"{name} {a} → {b}" for name, a, b in values if a != b)
    before, after = first.shape(old.outputs[0])[1:], second.shape(new.outputs[0])[1:]
    # Where the images differ in size, so do all maps: the channels alone are compared.
    sizes = [graph.shape(tensor)[1:] for graph in (first, second) for tensor in graph.inputs[:1]]
    if len(set(sizes)) > 1 and len(before) == len(after) and len(before) > 1:
        before, after = before[:1], after[:1]
    if before != after:
        return MAKES + _both(before, after)
    weights = zip(_weights(first, old), _weights(second, new), strict=False)
    return next((WEIGHTS + _both(a, b) for a, b in weights if a != b), "")


def _both(before: Sequence[int], after: Sequence[int]) -> str:
    return f"{'×'.join(map(str, before))} → {'×'.join(map(str, after))}"


def _name(_graph: Graph, node: Node) -> Hashable:
    return (node.path, node.kind, function(node))


def _exact(graph: Graph, node: Node) -> Hashable:
    return (_manner(graph, node), _weights(graph, node))


def _weights(graph: Graph, node: Node) -> tuple[tuple[int, ...], ...]:
    read = (graph.tensors[tensor] for tensor in node.inputs)
    return tuple(spec.shape for spec in read if spec.source == "param")


def _manner(graph: Graph, node: Node) -> Hashable:
    shapes = tuple(graph.shape(tensor)[1:] for tensor in node.outputs)
    own = (node.kind, function(node), node.attrs, shapes)
    if node.kind != Kind.CREATE or node.id + 1 == len(graph.nodes):
        return own
    # Buffers of one size are alike in any net: what is computed next tells them apart.
    after = graph.nodes[node.id + 1]
    return (own, None if after.kind == Kind.CREATE else _manner(graph, after))


def _graph(
    first: Graph, second: Graph, nodes: Sequence[Node], place: Place, marks: dict[int, str]
) -> Graph:
    shift, storages = len(second.tensors), len(second.storages)
    moved = [
        replace(spec, id=spec.id + shift, storage=spec.storage + storages) for spec in first.tensors
    ]
    gone = [call for call in first.calls if _all_gone(call, place, marks)]
    params = {param.name for param in second.params}
    lost = [param for param in first.params if param.name not in params]
    return replace(
        second,
        name=f"{first.name} → {second.name}",
        nodes=tuple(nodes),
        tensors=(*second.tensors, *moved),
        storages=(*second.storages, *first.storages),
        params=(*second.params, *(replace(p, tensor=p.tensor + shift) for p in lost)),
        modules=(*second.modules, *(m for m in first.modules if m.path not in second.module)),
        calls=(
            *(_moved(call, 0, place) for call in gone),
            *(_moved(call, 1, place) for call in second.calls if call.first < call.last),
        ),
        saved=None,
    )


def _all_gone(call: ModuleCall, place: Place, marks: dict[int, str]) -> bool:
    """Whether nothing of a call of the first graph is in the second, and it is still in one row."""
    if call.first >= call.last or not call.path:
        return False
    nodes = [place[0, i] for i in range(call.first, call.last)]
    gone = all(marks.get(node) == "removed" for node in nodes)
    return gone and nodes == list(range(nodes[0], nodes[0] + len(nodes)))


def _moved(call: ModuleCall, which: int, place: Place) -> ModuleCall:
    nodes = [place[which, i] for i in range(call.first, call.last)]
    return replace(call, first=min(nodes), last=max(nodes) + 1, inputs=(), outputs=())


def _edges(
    first: Graph, second: Graph, place: Place, marks: dict[int, str]
) -> tuple[dict[Ends, str], tuple[tuple[int, int, Role], ...]]:
    """Edges that only one graph has, by the nodes of the union; inputs are negative in both."""
    old, new = _drawn_edges(flow(first), 0, place), _drawn_edges(flow(second), 1, place)
    before, after = _ways(old), _ways(new)
    added = {
        edge: "added"
        for edge, role in new.items()
        if edge not in old
        # An edge of an added box is marked by the box, unless it is a way round that it ends.
        and (
            (role in SHORTCUTS and marks.get(edge[1]) == "added")
            or not {marks.get(end) for end in edge} & {"added", "removed"}
        )
        and not _through(edge, before, marks, "removed")
    }
    gone = tuple(
        (*edge, role)
        for edge, role in old.items()
        if edge not in new and not _through(edge, after, marks, "added")
    )
    return added, gone


def _ways(edges: Iterable[Ends]) -> dict[int, set[int]]:
    ways: dict[int, set[int]] = {}
    for source, reader in edges:
        ways.setdefault(source, set()).add(reader)
    return ways


def _drawn_edges(stream: Flow, which: int, place: Place) -> dict[Ends, Role]:
    # Inputs are negative numbers, and the same ones in both graphs.
    return {
        (place.get((which, source), source), place[which, reader]): stream.roles.get(
            (source, reader), Role.MAIN
        )
        for reader, sources in stream.sources.items()
        for source in sources
    }


def _through(edge: Ends, ways: Mapping[int, set[int]], marks: Mapping[int, str], mark: str) -> bool:
    """Whether the other graph leads from one end to the other through marked nodes alone."""
    start, end = edge
    waiting, visited = [start], {start}
    while waiting:
        for node in ways.get(waiting.pop(), ()):
            if node == end:
                return True
            if marks.get(node) == mark and node not in visited:
                visited.add(node)
                waiting.append(node)
    return False
