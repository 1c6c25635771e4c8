"""Parameters by module: each tensor once, however many names it has.

The total is the sum over `model.parameters()`. Tied names, frozen tensors, buffers, and parameters
that this forward never read are listed apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, NamedTuple

from archlab.analyze.flops import flops
from archlab.analyze.header import header
from archlab.analyze.tree import ancestors, by_module, tree_order
from archlab.ir.graph import Graph, Param
from archlab.result import Result, Unit, columns, si, size


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

    path: Annotated[str, "module"]
    type: Annotated[str, "type"]
    params: Annotated[int, "params", Unit.COUNT]
    own: int
    trainable: Annotated[int, "trainable", Unit.COUNT]
    frozen: Annotated[int, "frozen", Unit.COUNT]
    buffers: Annotated[int, "buffers", Unit.COUNT]
    unused: int
    bytes: Annotated[int, "size", Unit.BYTES]
    share: Annotated[float, "share", Unit.SHARE]


class Held(NamedTuple):
    """What a module holds itself: elements, and bytes of parameters and of buffers."""

    params: int = 0
    trainable: int = 0
    buffers: int = 0
    unused: int = 0
    bytes: int = 0
    buffer_bytes: int = 0


def params(graph: Graph) -> Result[ParamsTotals, ParamsRow]:
    """Return the parameters of the model by module.

    A tied parameter belongs to the module of its first name; the footer lists the other names.
    """
    amounts = [(param.name.rpartition(".")[0], _amount(graph, param)) for param in graph.params]
    sums = by_module(graph, Held, amounts)
    own = Counter[str]()
    for owner, amount in amounts:
        own[owner] += amount.params
    whole, cost = sums[""], flops(graph)
    tied = [param for param in graph.params if param.aliases and not param.buffer]
    sharing = _sharing(graph)
    totals = ParamsTotals(
        **whole._asdict(),
        frozen=whole.params - whole.trainable,
        tied_groups=len(tied),
        macs=cost.totals.macs,
    )
    return Result(
        name="params",
        header=header(
            graph,
            "each parameter counted once by identity; buffers apart; MACs = multiply-adds of conv, "
            "linear, matmul, attention, RNN gates",
        ),
        totals=totals,
        rows=tuple(
            _row(path, graph.module[path].type, sums[path], own[path], whole.params)
            for path in tree_order(graph)
        ),
        # Without frozen weights these columns would repeat `params` on every line.
        columns=tuple(
            column
            for column in columns(ParamsRow)
            if totals.frozen or column.name not in ("frozen", "trainable")
        ),
        missing=cost.missing,
        footer=_footer(graph, totals, tied, sharing, _idle_parts(graph, sums)),
        extra=(
            ("tied", [[param.name, *param.aliases] for param in tied]),
            ("never_executed", unused_names(graph)),
            ("same_memory", sharing),
        ),
        tree=True,
    )


def unused_names(graph: Graph) -> list[str]:
    """Return the parameters that no node of this forward read."""
    weights = [param for param in graph.params if not param.buffer]
    return [param.name for param in weights if param.tensor not in graph.executed]


def _sharing(graph: Graph) -> list[list[str]]:
    """Return the names of different parameters of the same elements, group by group."""
    groups: dict[int, list[Param]] = {}
    for param in graph.params:
        if not param.buffer:
            groups.setdefault(graph.tensors[param.tensor].storage, []).append(param)
    return [
        [param.name for param in group]
        for group in groups.values()
        if len(group) > 1 and any(graph.param_bytes[param.name] < param.nbytes for param in group)
    ]


def _idle_parts(graph: Graph, sums: Mapping[str, Held]) -> list[str]:
    """Return the modules of which no parameter was read, or the parameters of modules used in part.

    An idle module inside another one is not named apart.
    """
    parts = dict[str, None]()
    for name in unused_names(graph):
        # From the outermost module down; the model itself is not called a part.
        modules = [*ancestors(name.rpartition(".")[0])][-2::-1]
        idle = (path for path in modules if sums[path].params == sums[path].unused)
        parts[next(idle, name)] = None
    return list(parts)


def _amount(graph: Graph, param: Param) -> Held:
    size, nbytes = param.numel, graph.param_bytes[param.name]
    if param.buffer:
        return Held(buffers=size, buffer_bytes=nbytes)
    return Held(
        params=size,
        trainable=size * param.trainable,
        unused=0 if param.tensor in graph.executed else size,
        bytes=nbytes,
    )


def _row(path: str, kind: str, inside: Held, own: int, total: int) -> ParamsRow:
    return ParamsRow(
        path=path,
        type=kind,
        params=inside.params,
        own=own,
        trainable=inside.trainable,
        frozen=inside.params - inside.trainable,
        buffers=inside.buffers,
        unused=inside.unused,
        bytes=inside.bytes,
        share=inside.params / total if total else 0.0,
    )


def _footer(
    graph: Graph,
    totals: ParamsTotals,
    tied: list[Param],
    sharing: list[list[str]],
    idle: list[str],
) -> tuple[str, ...]:
    lines = [
        f"params {totals.params:,} ({si(totals.params)}): {totals.trainable:,} trainable, "
        f"{totals.frozen:,} frozen; {size(totals.bytes)} · buffers {totals.buffers:,} · "
        f"MACs {totals.macs:,} ({si(totals.macs)})"
    ]
    lines += [f"tied: {' = '.join((param.name, *param.aliases))}" for param in tied]
    lines += [
        f"of the same memory: {', '.join(names)}; each is a parameter of its own, and counts, but "
        "their bytes count once"
        for names in sharing
    ]
    if totals.unused:
        more = f" and {len(idle) - 3} more" if len(idle) > 3 else ""
        used = totals.params - totals.unused
        lines.append(
            f"never executed in {graph.mode} mode: {totals.unused:,} parameters "
            f"({', '.join(idle[:3])}{more}); {used:,} ({si(used)}) without them"
        )
    return tuple(lines)
