"""MACs, FLOPs and other FLOPs by module and by kind, forward and (train mode) backward.

FLOPs = 2 × MACs. Everything that is no multiply-add of `costs.MACS` counts as `other_flops`, which
is never added to them. `convention="fvcore"` counts as fvcore does, with norms, adaptive pools and
resampling among the MACs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

from archlab.analyze.costs import FVCORE, MACS, OTHER, Rule, backward_macs, rerun_macs
from archlab.analyze.header import gaps, header
from archlab.analyze.tree import by_module, total, tree_order
from archlab.errors import check_one_of
from archlab.ir.graph import Graph, Node
from archlab.ir.kinds import COMPUTE_KINDS, Kind
from archlab.result import Column, Missing, Result, Unit, columns, si

TABLES = {"archlab": MACS, "fvcore": FVCORE}


@dataclass(frozen=True, slots=True)
class FlopsTotals:
    """Whole model; backward is None outside train mode, where autograd was not observed.

    `recomputed_macs` is the part of backward that it runs again (activation checkpointing), or that
    a custom autograd function runs.
    """

    macs: int
    flops: int
    other_flops: int
    params: int
    backward_macs: int | None
    backward_flops: int | None
    recomputed_macs: int | None


@dataclass(frozen=True, slots=True)
class FlopsRow:
    """One module (or one kind of node), everything below it included."""

    path: Annotated[str, "module"]
    type: Annotated[str, "type"]
    macs: Annotated[int, "MACs", Unit.SI]
    flops: Annotated[int, "FLOPs", Unit.SI]
    other_flops: Annotated[int, "other FLOPs", Unit.SI]
    share: Annotated[float, "share", Unit.SHARE]
    backward_macs: Annotated[int | None, "backward MACs", Unit.SI]


class Cost(NamedTuple):
    """What a node costs: multiply-adds, other FLOPs, multiply-adds of the backward pass."""

    macs: int = 0
    other: int = 0
    backward: int = 0


def flops(
    graph: Graph, *, convention: str = "archlab", by: str = "module"
) -> Result[FlopsTotals, FlopsRow]:
    """Return the cost of one forward of the graph, and of its backward if traced in train mode.

    `convention` is "archlab" (multiply-adds only) or "fvcore" (its norms and resampling too), and
    `by` makes one row a "module" or a "kind" of operation.

    Raises:
        OptionError: an unknown convention or grouping.
    """
    check_one_of("convention", convention, TABLES)
    check_one_of("by", by, ("module", "kind"))
    rules = TABLES[convention]
    costs = [_cost(graph, node, rules) for node in graph.nodes]
    again = [Cost(backward=rerun_macs(graph, node)) for node in graph.recomputed]
    nodes, costs = [*graph.nodes, *graph.recomputed], [*costs, *again]
    whole, recomputed = total(Cost, costs), total(Cost, again).backward
    rows = _module_rows(graph, nodes, costs) if by == "module" else _kind_rows(nodes, costs)
    # Autograd was watched in train mode alone: elsewhere no operand is known to need a gradient,
    # and a cost of 0 would be a claim that nobody has checked.
    train = graph.mode == "train"
    return Result(
        name="flops",
        header=header(graph, *_conventions(convention)),
        totals=FlopsTotals(
            macs=whole.macs,
            flops=2 * whole.macs,
            other_flops=whole.other,
            params=sum(param.numel for param in graph.params if not param.buffer),
            backward_macs=whole.backward if train else None,
            backward_flops=2 * whole.backward if train else None,
            recomputed_macs=recomputed if train else None,
        ),
        rows=tuple(_row(path, kind, cost, whole, train=train) for path, kind, cost in rows),
        columns=_columns(by, train=train),
        missing=uncounted(graph),
        footer=(coverage(graph), *_again(recomputed)),
        extra=(("coverage", coverage(graph)), ("convention", convention)),
        tree=by == "module",
    )


def _again(recomputed: int) -> tuple[str, ...]:
    if not recomputed:
        return ()
    return (
        f"backward MACs include {recomputed:,} ({si(recomputed)}) that the backward pass runs "
        "again (activation checkpointing) or in custom autograd functions",
    )


def _columns(by: str, *, train: bool) -> tuple[Column, ...]:
    shown = [column for column in columns(FlopsRow) if train or column.name != "backward_macs"]
    if by == "kind":
        shown[:2] = Column("path", "kind"), Column("type", "nodes")
    return tuple(shown)


def coverage(graph: Graph) -> str:
    """Return how many of the graph's compute operators were counted, as a sentence."""
    counted, of = compute_ops(graph)
    names = Counter(node.op.partition(".")[2] for node in graph.nodes if node.kind not in MACS)
    gaps = ", ".join(f"{name} ×{count}" for name, count in sorted(names.items()))
    return f"{counted} of {of} compute ops counted" + (f"; not counted: {gaps}" if gaps else "")


def compute_ops(graph: Graph) -> tuple[int, int]:
    """Return how many compute operators have a counting rule, and of how many."""
    compute = [node for node in graph.nodes if node.kind in COMPUTE_KINDS]
    return sum(node.kind in MACS for node in compute), len(compute)


def uncounted(graph: Graph) -> tuple[Missing, ...]:
    """Return the operators that have no rule, each once, and what the trace could not see."""
    # Gradients of torch's own operators hold no products, save those that have a rule.
    again = [n for n in graph.recomputed if not (n.op.startswith("aten.") and "backward" in n.op)]
    nodes = [node for node in (*graph.nodes, *again) if node.kind not in MACS]
    counts = Counter(node.op for node in nodes)
    # The earliest call is written last, so that it is the one that stays.
    first = {node.op: node.path for node in reversed(nodes)}
    operators = (
        Missing(op, count, first[op], "no counting rule for this operator")
        for op, count in sorted(counts.items())
    )
    return (*operators, *gaps(graph))


def _cost(graph: Graph, node: Node, rules: Mapping[Kind, Rule]) -> Cost:
    if node.kind not in rules:
        # This is no silent zero: `uncounted` lists the operator, and the result is partial.
        return Cost()
    macs = rules[node.kind](graph, node)
    # What the fvcore convention moved into MACs is not counted a second time.
    other = OTHER[node.kind](graph, node) if macs == MACS[node.kind](graph, node) else 0
    return Cost(macs, other, backward_macs(graph, node))


def _module_rows(
    graph: Graph, nodes: Sequence[Node], costs: Sequence[Cost]
) -> Iterator[tuple[str, str, Cost]]:
    paths = (node.path for node in nodes)
    sums = by_module(graph, Cost, zip(paths, costs, strict=True))
    for path in tree_order(graph):
        yield path, graph.module[path].type, sums[path]


def _kind_rows(nodes: Sequence[Node], costs: Sequence[Cost]) -> Iterator[tuple[str, str, Cost]]:
    members: dict[str, list[Cost]] = {}
    for node, cost in zip(nodes, costs, strict=True):
        members.setdefault(node.kind, []).append(cost)
    sums = {kind: total(Cost, inside) for kind, inside in members.items()}
    for kind in sorted(sums, key=lambda kind: (-sums[kind].macs, -sums[kind].other, kind)):
        yield kind, f"×{len(members[kind])}", sums[kind]


def _row(path: str, kind: str, cost: Cost, whole: Cost, *, train: bool) -> FlopsRow:
    return FlopsRow(
        path=path,
        type=kind,
        macs=cost.macs,
        flops=2 * cost.macs,
        other_flops=cost.other,
        share=cost.macs / whole.macs if whole.macs else 0.0,
        backward_macs=cost.backward if train else None,
    )


def _conventions(convention: str) -> tuple[str, ...]:
    if convention == "fvcore":
        return (
            "fvcore convention: norms (2 per element in eval, 5 in train; layer norm 5), adaptive "
            "average pools (1 per input) and resampling (4 per output, nearest 1) count as MACs",
        )
    return (
        "1 MAC = 1 multiply-add of conv, linear, matmul, attention, RNN gates; no bias, norm, "
        "activation, pool; FLOPs = 2 × MACs; other FLOPs apart",
    )
