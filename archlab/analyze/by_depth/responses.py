"""Responses of layers and residual branches against the identity, by depth, as answers."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from archlab.analyze.by_depth.answer import (
    ByDepth,
    grouped,
    seed_columns,
    seed_line,
    spread,
    stages,
)
from archlab.errors import keyword
from archlab.result import Cell, Column, Header, Unit
from archlab.result.by_depth import Branch, Response

Record = TypeVar("Record", Response, Branch)
# Net -> (seed, what the probe measured of each layer or addition).
Draws = Mapping[str, Sequence[tuple[int, Sequence[Record]]]]


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


def responses(draws: Draws[Response], header: Header) -> ByDepth[DepthTotals, ResponseRow]:
    """Return the responses of several nets: (seed, layers) pairs by the net's name."""
    rows = tuple(_response_rows(draws))
    at_start = (
        "right after batch norm every response is its scale, 1 at initialisation: give trained "
        f"weights with {keyword('checkpoint')}, or {keyword('norm', 'none')}"
    )
    # Batch norm puts out its scale: as long as that is 1 everywhere, depth is not what is seen.
    normed = [row.response for row in rows if row.normed]
    return ByDepth(
        name="responses",
        header=header,
        totals=_totals(rows, "response"),
        rows=rows,
        shown=tuple(map(_response_line, grouped(rows, lambda row: (row.net, row.layer)))),
        columns=(*seed_columns("layer", "response", "std"), Column("rank", "rank", Unit.COUNT)),
        footer=(at_start,) if normed and all(0.9 < value < 1.1 for value in normed) else (),
    )


def identity(draws: Draws[Branch], header: Header) -> ByDepth[DepthTotals, IdentityRow]:
    """Return ‖F(x)‖ ÷ ‖x‖ of several nets: (seed, additions) pairs by the net's name."""
    rows = tuple(_identity_rows(draws))
    return ByDepth(
        name="identity",
        header=header,
        totals=_totals(rows, "branch_to_input"),
        rows=rows,
        shown=tuple(map(_identity_line, grouped(rows, lambda row: (row.net, row.block)))),
        columns=(
            *seed_columns("block", "branch_to_input", "F(x) ÷ x"),
            Column("branch", "F(x)", Unit.NUMBER),
            Column("shortcut", "x", Unit.NUMBER),
        ),
        footer=("0: the block is the identity (before its last ReLU); 1: F(x) is as large as x",),
    )


def _response_rows(draws: Draws[Response]) -> Iterator[ResponseRow]:
    for net, seed, layers, numbers in _measured(draws):
        order = sorted(range(len(layers)), key=lambda i: -layers[i].deviation)
        for i, (layer, stage) in enumerate(zip(layers, numbers, strict=True)):
            yield ResponseRow(
                net=net,
                seed=seed,
                layer=layer.layer,
                path=layer.path,
                stage=stage,
                response=layer.deviation,
                rank=order.index(i) + 1,
                normed=layer.normed,
                shape="x".join(map(str, layer.shape)),
            )


def _response_line(seeds: Sequence[ResponseRow]) -> dict[str, Cell]:
    rank = round(statistics.median(row.rank for row in seeds))
    return {**seed_line(seeds, "layer", "response"), "rank": rank}


def _identity_rows(draws: Draws[Branch]) -> Iterator[IdentityRow]:
    for net, seed, additions, numbers in _measured(draws):
        for i, (addition, stage) in enumerate(zip(additions, numbers, strict=True)):
            yield IdentityRow(
                net=net,
                seed=seed,
                block=i + 1,
                path=addition.path,
                stage=stage,
                branch_to_input=addition.ratio,
                branch=addition.branch,
                shortcut=addition.shortcut,
                shape="x".join(map(str, addition.shape)),
            )


def _identity_line(seeds: Sequence[IdentityRow]) -> dict[str, Cell]:
    return {
        **seed_line(seeds, "block", "branch_to_input"),
        "branch": spread([row.branch for row in seeds]).middle,
        "shortcut": spread([row.shortcut for row in seeds]).middle,
    }


def _measured(draws: Draws[Record]) -> Iterator[tuple[str, int, Sequence[Record], list[int]]]:
    """Yield each net and seed with the records of the probe, and the stages that they are in."""
    for net, seeds in draws.items():
        for seed, records in seeds:
            yield net, seed, records, stages([record.shape for record in records], stem=False)


def _totals(rows: Sequence[Any], quantity: str) -> dict[str, DepthTotals]:
    totals = {}
    for members in grouped(rows, lambda row: row.net):
        # The seeds measure the same places.
        places = sum(row.seed == members[0].seed for row in members)
        total = spread([getattr(row, quantity) for row in members])
        totals[members[0].net] = DepthTotals(places, total.middle, total.low, total.high)
    return totals
