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


# Not declared in the row: a line of the table is a net, over all its seeds and lags.
COLUMNS = (
    Column("net", "net"),
    Column("lag1", "lag 1", Unit.NUMBER),
    Column("lag5", "lag 5", Unit.NUMBER),
    Column("last", "lag 15", Unit.NUMBER),
    Column("mean", "mean, lags 1-15", Unit.NUMBER),
    Column("low", "smallest seed", Unit.NUMBER),
    Column("high", "largest seed", Unit.NUMBER),
)


# Seed -> the autocorrelation at each lag, from 0.
Curves = Mapping[int, Sequence[float]]


def shattered(
    measured: Mapping[str, Curves], header: Header
) -> ByDepth[ShatteredTotals, ShatteredRow]:
    """Return the answer from the autocorrelations of each net, by its name."""
    rows = tuple(
        ShatteredRow(net, seed, lag, value)
        for net, seeds in measured.items()
        for seed, values in seeds.items()
        for lag, value in enumerate(values)
    )
    return ByDepth(
        name="shattered",
        header=header,
        totals={
            net: ShatteredTotals(_at_lag(seeds, 1), statistics.fmean(_seed_means(seeds)))
            for net, seeds in measured.items()
        },
        rows=rows,
        shown=tuple(_line(net, seeds) for net, seeds in measured.items()),
        columns=COLUMNS,
        footer=("1: neighbours have the same gradient; 0: white noise, shattered",),
    )


def _at_lag(seeds: Curves, lag: int) -> float:
    """Return the autocorrelation at one lag, as the mean over the seeds."""
    return statistics.fmean(values[lag] for values in seeds.values())


def _seed_means(seeds: Curves) -> list[float]:
    # Lag 0 is left out: a gradient is 1 with itself in every net.
    return [statistics.fmean(values[1:]) for values in seeds.values()]


def _line(net: str, seeds: Curves) -> dict[str, Cell]:
    means = _seed_means(seeds)
    return {
        "net": net,
        "lag1": _at_lag(seeds, 1),
        "lag5": _at_lag(seeds, 5),
        "last": _at_lag(seeds, 15),
        "mean": statistics.fmean(means),
        "low": min(means),
        "high": max(means),
    }
