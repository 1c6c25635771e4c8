"""The autocorrelation of input gradients as an answer: by lag, and one number a net."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archlab.analyze.by_depth.answer import ByDepth
from archlab.result import Cell, Column, Header, Unit


@dataclass(frozen=True, slots=True)
class ShatteredTotals:
    """One net: the mean autocorrelation at lag 1, and over all lags from 1."""

    lag1: float
    mean: float


@dataclass(frozen=True, slots=True)
class ShatteredRow:
    """One net, seed and lag; `path` is the net's name."""

    path: str
    seed: int
    lag: int
    autocorrelation: float


COLUMNS = (
    Column("net", "net"),
    Column("lag1", "lag 1", Unit.NUMBER),
    Column("lag5", "lag 5", Unit.NUMBER),
    Column("last", "lag 15", Unit.NUMBER),
    Column("mean", "mean, lags 1-15", Unit.NUMBER),
    Column("low", "smallest seed", Unit.NUMBER),
    Column("high", "largest seed", Unit.NUMBER),
)


def shattered(
    found: Mapping[str, Mapping[int, Sequence[float]]], header: Header
) -> ByDepth[ShatteredTotals, ShatteredRow]:
    """Return the answer from autocorrelations by net, seed and lag (from 0)."""
    rows = tuple(
        ShatteredRow(net, seed, lag, value)
        for net, seeds in found.items()
        for seed, values in seeds.items()
        for lag, value in enumerate(values)
    )
    return ByDepth(
        name="shattered",
        header=header,
        totals={net: _totals(seeds) for net, seeds in found.items()},
        rows=rows,
        shown=tuple(_line(net, seeds) for net, seeds in found.items()),
        columns=COLUMNS,
        footer=("1: neighbours have the same gradient; 0: white noise, shattered",),
    )


def at_lag(seeds: Mapping[int, Sequence[float]], lag: int) -> list[float]:
    """Return the autocorrelation at one lag, one value a seed."""
    return [values[lag] for values in seeds.values()]


def _totals(seeds: Mapping[int, Sequence[float]]) -> ShatteredTotals:
    means = [statistics.fmean(values[1:]) for values in seeds.values()]
    return ShatteredTotals(statistics.fmean(at_lag(seeds, 1)), statistics.fmean(means))


def _line(net: str, seeds: Mapping[int, Sequence[float]]) -> dict[str, Cell]:
    means = [statistics.fmean(values[1:]) for values in seeds.values()]
    return {
        "net": net,
        "lag1": statistics.fmean(at_lag(seeds, 1)),
        "lag5": statistics.fmean(at_lag(seeds, 5)),
        "last": statistics.fmean(at_lag(seeds, 15)),
        "mean": statistics.fmean(means),
        "low": min(means),
        "high": max(means),
    }
