"""Responses of layers and residual branches against the identity, by depth, as answers."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from archlab.analyze.by_depth.answer import ByDepth, Spread, band, spread, stages
from archlab.result import Cell, Column, Header, Unit
from archlab.result.by_depth import Branch, Response

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class DepthTotals:
    """One net over all seeds: how many places, their geometric mean, smallest and largest."""

    places: int
    mean: float | None
    smallest: float | None
    largest: float | None


@dataclass(frozen=True, slots=True)
class ResponseRow:
    """One layer: its standard deviation, and its rank from the largest (1) down."""

    net: str
    seed: int
    layer: int
    path: str
    stage: int
    response: float
    rank: int
    normed: bool
    shape: str


@dataclass(frozen=True, slots=True)
class IdentityRow:
    """One residual addition: ‖F(x)‖ ÷ ‖x‖ and both norms; None where x is zero."""

    net: str
    seed: int
    block: int
    path: str
    stage: int
    branch_to_input: float | None
    branch: float
    shortcut: float
    shape: str


RESPONSE_COLUMNS = (
    Column("net", "net"),
    Column("layer", "layer", Unit.COUNT),
    Column("path", "path"),
    Column("stage", "stage", Unit.COUNT),
    Column("response", "std", Unit.NUMBER),
    Column("band", "min … max"),
    Column("rank", "rank", Unit.COUNT),
)
IDENTITY_COLUMNS = (
    Column("net", "net"),
    Column("block", "block", Unit.COUNT),
    Column("path", "path"),
    Column("stage", "stage", Unit.COUNT),
    Column("branch_to_input", "F(x) ÷ x", Unit.NUMBER),
    Column("band", "min … max"),
    Column("branch", "F(x)", Unit.NUMBER),
    Column("shortcut", "x", Unit.NUMBER),
)
AT_START = (
    "right after batch norm every response is its scale, 1 at initialisation: give trained weights "
    "with --checkpoint, or --norm none"
)


def responses(
    found: Mapping[str, Sequence[tuple[int, Sequence[Response]]]], header: Header
) -> ByDepth[DepthTotals, ResponseRow]:
    """Return the responses of several nets: (seed, layers) pairs by the net's name."""
    rows: list[ResponseRow] = []
    for net, draws in found.items():
        for seed, layers in draws:
            numbers = stages([item.shape for item in layers], stem=False)
            order = sorted(range(len(layers)), key=lambda i: -layers[i].deviation)
            rank = {layer: place + 1 for place, layer in enumerate(order)}
            rows += [
                ResponseRow(net, seed, item.layer, item.path, stage, item.deviation, rank[i],
                            item.normed, "x".join(map(str, item.shape)))
                for i, (item, stage) in enumerate(zip(layers, numbers, strict=True))
            ]  # fmt: skip
    groups = _groups([(row.net, row.layer) for row in rows], rows)
    shown = [
        _line(mine[0].net, "layer", mine[0].layer, mine[0].path, mine[0].stage)
        | _spread("response", [row.response for row in mine])
        | {"rank": round(statistics.median(row.rank for row in mine))}
        for mine in groups
    ]
    flat = all(row.normed and 0.9 < row.response < 1.1 for row in rows if row.normed)
    return ByDepth(
        name="responses",
        header=header,
        totals={net: _totals([r.response for r in rows if r.net == net], draws)
                for net, draws in found.items()},
        rows=tuple(rows),
        shown=tuple(shown),
        columns=RESPONSE_COLUMNS,
        footer=(AT_START,) if flat and any(row.normed for row in rows) else (),
    )  # fmt: skip


def identity(
    found: Mapping[str, Sequence[tuple[int, Sequence[Branch]]]], header: Header
) -> ByDepth[DepthTotals, IdentityRow]:
    """Return ‖F(x)‖ ÷ ‖x‖ of several nets: (seed, additions) pairs by the net's name."""
    rows: list[IdentityRow] = []
    for net, draws in found.items():
        for seed, additions in draws:
            numbers = stages([item.shape for item in additions], stem=False)
            rows += [
                IdentityRow(net, seed, i + 1, item.path, stage, item.ratio, item.branch,
                            item.shortcut, "x".join(map(str, item.shape)))
                for i, (item, stage) in enumerate(zip(additions, numbers, strict=True))
            ]  # fmt: skip
    groups = _groups([(row.net, row.block) for row in rows], rows)
    shown = [
        _line(mine[0].net, "block", mine[0].block, mine[0].path, mine[0].stage)
        | _spread("branch_to_input", [row.branch_to_input for row in mine])
        | {name: spread([getattr(r, name) for r in mine]).middle for name in ("branch", "shortcut")}
        for mine in groups
    ]
    return ByDepth(
        name="identity",
        header=header,
        totals={net: _totals([r.branch_to_input for r in rows if r.net == net], draws)
                for net, draws in found.items()},
        rows=tuple(rows),
        shown=tuple(shown),
        columns=IDENTITY_COLUMNS,
        footer=("0: the block is the identity (before its last ReLU); 1: F(x) is as large as x",),
    )  # fmt: skip


def _groups(keys: Sequence[object], items: Sequence[Item]) -> list[list[Item]]:
    groups: dict[object, list[Item]] = {}
    for key, item in zip(keys, items, strict=True):
        groups.setdefault(key, []).append(item)
    return list(groups.values())


def _line(net: str, name: str, number: int, path: str, stage: int) -> dict[str, Cell]:
    return {"net": net, name: number, "path": path, "stage": stage}


def _spread(name: str, values: Sequence[float | None]) -> dict[str, Cell]:
    found: Spread = spread(values)
    return {name: found.middle, "band": band(found), "low": found.low, "high": found.high}


def _totals(
    values: Sequence[float | None], draws: Sequence[tuple[int, Sequence[object]]]
) -> DepthTotals:
    found = spread(values)
    return DepthTotals(len(draws[0][1]) if draws else 0, found.middle, found.low, found.high)
