"""How data flows between the operators worth drawing, and which joins end a shortcut.

Reshapes, slices, copies and whatever only prepares weights are passed through: a drawn node's
sources are the drawn nodes (or inputs, as negative numbers) that its operands come from.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass, field, replace
from itertools import pairwise

from archlab.fold.drawing import Role
from archlab.ir.graph import Graph, Node
from archlab.ir.kinds import AxesAttrs, FunctionAttrs, Kind

OUTPUT = -1_000_000  # the model's result as a consumer
WEIGHTED = frozenset(
    {Kind.CONV, Kind.CONV_TRANSPOSE, Kind.LINEAR, Kind.ATTENTION, Kind.RECURRENT, Kind.MATMUL}
)
_DRAWN = WEIGHTED | {
    Kind.NORM, Kind.ACTIVATION, Kind.SOFTMAX, Kind.POOL, Kind.CONCAT, Kind.RESAMPLE, Kind.REDUCE,
    Kind.OPAQUE,
}  # fmt: skip
_GATHERED = frozenset(
    {"embedding", "_embedding_bag", "_embedding_bag_forward_only", "im2col", "unfold", "nms",
     "topk", "sort", "channel_shuffle", "native_channel_shuffle", "pixel_shuffle",
     "pixel_unshuffle", "scatter", "index_put", "index_add", "scatter_add", "max_unpool2d", "roll",
     "flip", "cumsum"}
)  # fmt: skip
_CHAIN = frozenset(
    {Kind.CONV, Kind.LINEAR, Kind.NORM, Kind.ACTIVATION, Kind.POOL, Kind.ELEMENTWISE, Kind.GATHER,
     Kind.SLICE, Kind.PAD, Kind.COPY, Kind.RESHAPE}
)  # fmt: skip
SAME = frozenset({Kind.COPY, Kind.RESHAPE})  # passed by, a tensor keeps its values and their order
_PADDED = SAME | {Kind.PAD, Kind.SLICE}  # a way round that subsamples and adds zero channels
_FORMULA = frozenset({Kind.ELEMENTWISE, Kind.ACTIVATION, Kind.SOFTMAX})
_ENLARGING = frozenset({Kind.RESAMPLE, Kind.CONV_TRANSPOSE})
_STEPS = 6  # operators on the way round that still count as a shortcut


def function(node: Node) -> str:
    """Return the function's name, without namespace."""
    attrs = node.attrs
    if isinstance(attrs, FunctionAttrs | AxesAttrs):
        return attrs.function
    return node.op.rpartition(".")[2].rstrip("_")


@dataclass(frozen=True, slots=True)
class Flow:
    """The nodes that are drawn, and how data flows between them."""

    drawn: frozenset[int]
    operands: dict[int, tuple[Operand, ...]]
    sources: dict[int, tuple[int, ...]]  # node -> distinct drawn sources
    readers: dict[int, tuple[int, ...]]  # node -> drawn readers, OUTPUT among them
    roles: dict[tuple[int, int], Role]  # (source, reader) -> role, where it is no main path
    outputs: tuple[Operand, ...]
    joined: dict[int, tuple[int, ...]] = field(default_factory=dict)  # Σ -> its sums


@dataclass(frozen=True, slots=True)
class Operand:
    """A tensor that a node reads, where it comes from, and what it passed on its way."""

    tensor: int
    sources: tuple[int, ...]
    passed: frozenset[Kind]
    # The passed operators with their attributes: equal blocks are equally connected, too.
    trail: Hashable = ()


def is_sum(node: Node) -> bool:
    """Whether the node adds or subtracts tensors."""
    return node.kind == Kind.ELEMENTWISE and function(node) in ("add", "sub", "rsub")


def is_product(node: Node) -> bool:
    """Whether the node multiplies tensors element by element."""
    return node.kind == Kind.ELEMENTWISE and function(node) in ("mul", "div")


def flow(
    graph: Graph,
    *,
    every: bool = False,
    states: Collection[int] = (),
    later: Collection[int] = (),
) -> Flow:
    """Return the flow between drawn nodes; `every`: all that depend on the input are drawn.

    `states` are tensors with which a loop begins: its first turn is drawn like the later ones.
    What joins in `later` turns has no roles, which are those of the first turn.
    """
    origin: dict[int, Operand] = {
        tensor: Operand(tensor, (-1 - i,), frozenset()) for i, tensor in enumerate(graph.inputs)
    }
    if not graph.inputs:
        # Without inputs no node depends on data; then every node counts as one that does.
        outside = {t for node in graph.nodes for t in node.inputs} - set(graph.producer)
        origin = {tensor: Operand(tensor, (), frozenset()) for tensor in outside}
    origin |= {t: Operand(t, (), frozenset()) for t in states if t not in origin}
    drawn: set[int] = set()
    operands: dict[int, tuple[Operand, ...]] = {}
    for node in graph.nodes:
        read = tuple(
            replace(origin[tensor], tensor=tensor) for tensor in node.inputs if tensor in origin
        )
        if node.kind == Kind.CREATE or (not read and graph.inputs):
            continue  # new_zeros(x) is no exception: it reads x for its size alone
        if every or _worth(graph, node, read):
            drawn.add(node.id)
            operands[node.id] = read
            for tensor in node.outputs:
                origin[tensor] = Operand(tensor, (node.id,), frozenset())
        else:
            reached = distinct_sources(read)
            passed = frozenset().union(*(operand.passed for operand in read), (node.kind,))
            trail = (node.id, node.op, node.attrs, tuple(operand.trail for operand in read))
            for tensor in node.outputs:
                origin[tensor] = Operand(tensor, reached, passed, trail)
    sources = {node: distinct_sources(read) for node, read in operands.items()}
    outputs = tuple(origin[tensor] for tensor in graph.outputs if tensor in origin)
    return Flow(
        frozenset(drawn),
        operands,
        sources,
        readers(sources, outputs),
        _roles(graph, {node: operands[node] for node in operands if node not in later}, sources),
        outputs,
    )


def distinct_sources(operands: tuple[Operand, ...]) -> tuple[int, ...]:
    """Return what the operands come from, each once."""
    return tuple(dict.fromkeys(source for operand in operands for source in operand.sources))


def _worth(graph: Graph, node: Node, read: tuple[Operand, ...]) -> bool:
    """Whether a node that depends on the input is drawn."""
    if node.kind == Kind.ELEMENTWISE:
        # Comparisons and index arithmetic on integers prepare something else.
        floats = all(graph.tensors[t].floating for t in (*node.inputs, *node.outputs[:1]))
        return floats or len({operand.tensor for operand in read}) > 1
    # Whether any element is true decides which code runs, and is no step of the data.
    asked = function(node) in ("any", "all")
    return (node.kind in _DRAWN and not asked) or function(node) in _GATHERED


def readers(
    sources: dict[int, tuple[int, ...]], outputs: tuple[Operand, ...]
) -> dict[int, tuple[int, ...]]:
    """Return by node, or input, who reads it."""
    found: dict[int, list[int]] = {}
    for node, read in sources.items():
        for source in read:
            found.setdefault(source, []).append(node)
    for operand in outputs:
        for source in operand.sources:
            if OUTPUT not in found.setdefault(source, []):
                found[source].append(OUTPUT)
    return {node: tuple(nodes) for node, nodes in found.items()}


def _roles(
    graph: Graph, operands: dict[int, tuple[Operand, ...]], sources: dict[int, tuple[int, ...]]
) -> dict[tuple[int, int], Role]:
    roles: dict[tuple[int, int], Role] = {}
    takers: dict[int, list[int]] = {}  # tensor -> the nodes that read it as it is
    for node, read in operands.items():
        for operand in read:
            takers.setdefault(operand.tensor, []).append(node)
    for node, read in operands.items():
        if is_sum(graph.nodes[node]) and len(read) == 2:
            _mark_sum(graph, node, operands, sources, roles, takers)
        elif graph.nodes[node].kind == Kind.CONCAT and len(read) > 1:
            # What another operand is made from is joined in behind it: a skip.
            before = ancestors(list(sources[node]), sources)
            for operand in read:
                if len(operand.sources) == 1 and operand.sources[0] in before:
                    roles[operand.sources[0], node] = Role.CONCAT
    return roles


def ancestors(nodes: list[int], sources: dict[int, tuple[int, ...]]) -> set[int]:
    """Return what the nodes depend on, as far back as the first of them; not the nodes themselves.

    One of the nodes is in the set if another depends on it.
    """
    if not nodes:
        return set()
    first = min(nodes)
    reached: set[int] = set()
    waiting = list(nodes)
    while waiting:
        for source in sources.get(waiting.pop(), ()):
            if source >= first and source not in reached:
                reached.add(source)
                waiting.append(source)
    return reached


def _mark_sum(
    graph: Graph,
    node: int,
    operands: dict[int, tuple[Operand, ...]],
    sources: dict[int, tuple[int, ...]],
    roles: dict[tuple[int, int], Role],
    takers: dict[int, list[int]],
) -> None:
    """Mark the edges of the way round: identity, padded, pooled, or through one projection."""
    read = operands[node]
    pairs = [(a, b) for a, b in (read, read[::-1]) if len(a.sources) == 1 and b.sources]
    for way, main in pairs:
        start = way.sources[0]
        inside = ancestors([start, *main.sources], sources)
        if start in inside and _is_way(graph, way, inside.union(main.sources), operands):
            padded = Kind.PAD in way.passed and way.passed <= _PADDED
            changed = Role.PAD if padded else Role.BYPASS
            # What was done before the fork is done to both: a norm of channels permutes and back.
            both = not inside.union(main.sources).isdisjoint(takers[way.tensor])
            roles[start, node] = Role.IDENTITY if way.passed <= SAME or both else changed
            return
    for way, main in pairs:
        chain = _way_round(graph, way.sources[0], main.sources, sources)
        if chain:
            kinds = {graph.nodes[item].kind for item in chain[1:]}
            pooled = Role.POOL if Kind.POOL in kinds else Role.BYPASS
            role = Role.PROJECTION if kinds & WEIGHTED else pooled
            if kinds <= _PADDED:  # only where every operator is drawn
                role = Role.PAD if Kind.PAD in kinds else Role.BYPASS
            roles |= dict.fromkeys(pairwise((*chain, node)), role)
            return


def _is_way(
    graph: Graph, way: Operand, around: set[int], operands: dict[int, tuple[Operand, ...]]
) -> bool:
    """Whether a sum's operand is a way around layers, and no part of a formula."""
    start = way.sources[0]
    inner = [node for node in around if node >= 0 and node != start]
    if {graph.nodes[node].kind for node in inner} <= _FORMULA:
        return False  # n + z·(h − n), as in a gate
    # Scale and shift are two parts of one tensor.
    parts = (operand.passed for node in inner for operand in operands[node]
             if start in operand.sources)  # fmt: skip
    return Kind.SLICE not in way.passed or not any(Kind.SLICE in passed for passed in parts)


def _way_round(
    graph: Graph, end: int, main: tuple[int, ...], sources: dict[int, tuple[int, ...]]
) -> list[int]:
    """Return the fork and the chain from it to `end`, or nothing where that is no shortcut.

    A shortcut has at most one layer with weights, and the main path more of them.
    """
    chain, weighted = [end], 0
    while chain[0] >= 0 and len(chain) <= _STEPS:
        kind = graph.nodes[chain[0]].kind
        weighted += kind in WEIGHTED
        before = sources.get(chain[0], ())
        if kind not in _CHAIN or weighted > 1 or len(before) != 1:
            return []
        fork = before[0]
        chain.insert(0, fork)
        inside = ancestors([fork, *main], sources)
        if fork in inside:
            inner = [graph.nodes[node].kind for node in (inside | set(main)) - {fork} if node >= 0]
            # What meets a map that was enlarged on its way is a lateral of a pyramid.
            if not _ENLARGING.isdisjoint(inner):
                return []
            layers = sum(kind in WEIGHTED for kind in inner)
            return chain if layers > weighted else []
    return []
