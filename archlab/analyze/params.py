"""Parameters by module: each tensor once, however many names it has.

Total = the sum over `model.parameters()`. Tied names, frozen tensors, buffers and parameters that
this forward never read are told apart.
"""

from __future__ import annotations

from dataclasses import dataclass

from archlab.analyze.flops import flops
from archlab.analyze.header import header
from archlab.analyze.tree import by_module, tree_order
from archlab.ir.graph import Graph, Param
from archlab.result import Column, Result, Unit, si, size


@dataclass(frozen=True, slots=True)
class ParamsTotals:
    """Whole model: element counts, and bytes of parameters and buffers."""

    params: int
    trainable: int
    frozen: int
    buffers: int
    unused: int
    tied_groups: int
    bytes: int
    buffer_bytes: int
    macs: int


@dataclass(frozen=True, slots=True)
class ParamsRow:
    """One module, everything below it included; `own` is what it holds itself."""

    path: str
    type: str
    params: int
    own: int
    trainable: int
    frozen: int
    buffers: int
    unused: int
    bytes: int
    share: float


COLUMNS = (
    Column("path", "module"),
    Column("type", "type"),
    Column("params", "params", Unit.COUNT),
    Column("trainable", "trainable", Unit.COUNT),
    Column("frozen", "frozen", Unit.COUNT),
    Column("buffers", "buffers", Unit.COUNT),
    Column("bytes", "size", Unit.BYTES),
    Column("share", "share", Unit.SHARE),
)


def params(graph: Graph) -> Result[ParamsTotals, ParamsRow]:
    """Return the parameters of the model by module.

    A tied parameter belongs to the module of its first name; the footer lists the other names.
    """
    amounts = [_amounts(graph, param) for param in graph.params]
    owners = [param.name.rpartition(".")[0] for param in graph.params]
    sums = by_module(graph, zip(owners, amounts, strict=True), 6)
    own: dict[str, int] = {}
    for owner, amount in zip(owners, amounts, strict=True):
        own[owner] = own.get(owner, 0) + amount[0]
    total = sums[""]
    cost = flops(graph)
    tied = [param for param in graph.params if param.aliases and not param.buffer]
    totals = ParamsTotals(
        params=total[0],
        trainable=total[1],
        frozen=total[0] - total[1],
        buffers=total[2],
        unused=total[3],
        tied_groups=len(tied),
        bytes=total[4],
        buffer_bytes=total[5],
        macs=cost.totals.macs,
    )
    rows = [
        _row(path, graph.module[path].type, sums[path], own.get(path, 0), total[0])
        for path in tree_order(graph)
    ]
    return Result(
        name="params",
        header=header(
            graph,
            "each parameter counted once by identity; buffers apart; MACs = multiply-adds of conv, "
            "linear, matmul, attention, RNN gates",
        ),
        totals=totals,
        rows=tuple(rows),
        columns=_columns(totals),
        missing=cost.missing,
        footer=_footer(graph, totals, tied),
        extra=(
            ("tied", [[param.name, *param.aliases] for param in tied]),
            ("never_executed", unused_names(graph)),
        ),
        tree=True,
    )


def unused_names(graph: Graph) -> list[str]:
    """Return the parameters that no node of this forward read."""
    return [
        param.name
        for param in graph.params
        if not param.buffer and param.tensor not in graph.executed
    ]


def _amounts(graph: Graph, param: Param) -> tuple[int, int, int, int, int, int]:
    if param.buffer:
        return 0, 0, param.numel, 0, 0, param.nbytes
    count = param.numel
    unused = 0 if param.tensor in graph.executed else count
    return count, count * param.trainable, 0, unused, param.nbytes, 0


def _row(path: str, kind: str, sums: list[int], own: int, total: int) -> ParamsRow:
    return ParamsRow(
        path=path,
        type=kind,
        params=sums[0],
        own=own,
        trainable=sums[1],
        frozen=sums[0] - sums[1],
        buffers=sums[2],
        unused=sums[3],
        bytes=sums[4],
        share=sums[0] / total if total else 0.0,
    )


def _columns(totals: ParamsTotals) -> tuple[Column, ...]:
    """Columns that would say the same on every line are left out of the picture."""
    hidden = set() if totals.frozen else {"frozen", "trainable"}
    return tuple(column for column in COLUMNS if column.name not in hidden)


def _footer(graph: Graph, totals: ParamsTotals, tied: list[Param]) -> tuple[str, ...]:
    lines = [
        f"params {totals.params:,} ({si(totals.params)}): {totals.trainable:,} trainable, "
        f"{totals.frozen:,} frozen; {size(totals.bytes)} · buffers {totals.buffers:,} · "
        f"MACs {totals.macs:,} ({si(totals.macs)})"
    ]
    lines += [f"tied: {' = '.join((param.name, *param.aliases))}" for param in tied]
    if totals.unused:
        names = unused_names(graph)
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        lines.append(
            f"never executed in {graph.mode} mode: {totals.unused:,} parameters "
            f"({', '.join(names[:3])}{more})"
        )
    return tuple(lines)
