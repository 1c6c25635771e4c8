"""Gradient norms by depth as an answer: first ÷ last, growth per block, beside theory, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archlab.analyze.by_depth.answer import (
    ByDepth,
    Spread,
    grouped,
    seed_columns,
    seed_line,
    spread,
    stages,
)
from archlab.analyze.by_depth.growth import growth, verdict
from archlab.analyze.by_depth.theory import Theory
from archlab.result import Cell, Column, Header, Missing, Unit
from archlab.result.by_depth import GradientPoint


@dataclass(frozen=True)
class Measured:
    """One net: its places for each seed, whether place 0 is a stem, and what theory says."""

    net: str
    seeds: Sequence[int]
    profiles: Sequence[Sequence[GradientPoint]]
    stem: bool
    theory: Theory


@dataclass(frozen=True, slots=True)
class GradientTotals:
    """One net over all seeds; growth and theory are factors per block towards the input."""

    first_over_last: float | None
    growth_per_block: float | None
    theory: float | None
    first_over_last_min: float | None
    first_over_last_max: float | None
    blocks: int
    theory_text: str
    verdict: str


@dataclass(frozen=True, slots=True)
class GradientRow:
    """One net, seed and block; `state` is empty, zero, inf, nan, or none (no gradient arrives)."""

    net: str
    seed: int
    block: int
    path: str
    stage: int
    activation_grad: float | None
    weight_grad: float | None
    grad_to_weight: float | None
    shape: str
    call: int
    state: str


# Not declared in the row: a line of the table is a block, over all seeds and with their band. The
# last column says what is wrong: where nothing is, the table goes without it.
COLUMNS = (
    *seed_columns("block", "activation_grad", "dL/da"),
    Column("weight_grad", "dL/dW", Unit.NUMBER),
    Column("grad_to_weight", "dL/dW ÷ W", Unit.NUMBER),
    Column("state", "state"),
)
# Growth leaves out the last of the layers: three leave a line through two points, which proves
# nothing.
_FEW = 3
_CAUTION = "none of this decides whether a net trains: see docs/gradients.md"


def gradients(
    measured: Sequence[Measured], header: Header, notes: Sequence[str] = ()
) -> ByDepth[GradientTotals, GradientRow]:
    """Return the answer for several nets, each measured with several seeds."""
    rows = [row for net in measured for row in _rows(net)]
    totals = {net.net: _totals(net) for net in measured}
    columns = COLUMNS if any(row.state for row in rows) else COLUMNS[:-1]
    return ByDepth(
        name="gradients",
        header=header,
        totals=totals,
        rows=tuple(rows),
        shown=tuple(map(_line, grouped(rows, lambda row: (row.net, row.block)))),
        columns=columns,
        missing=tuple(gap for net in measured for gap in _not_finite(net)),
        footer=(*(_sentence(net, amounts) for net, amounts in totals.items()), *notes, _CAUTION),
        theories={net.net: net.theory for net in measured},
    )


def _line(seeds: Sequence[GradientRow]) -> dict[str, Cell]:
    """Return the table's line of one block: geometric means over the seeds, and the band."""
    return {
        **seed_line(seeds, "block", "activation_grad"),
        "weight_grad": spread([row.weight_grad for row in seeds]).middle,
        "grad_to_weight": spread([row.grad_to_weight for row in seeds]).middle,
        "state": ", ".join(dict.fromkeys(row.state for row in seeds if row.state)),
    }


def _rows(net: Measured) -> list[GradientRow]:
    # Seeds draw other weights for the same net, so that the stages of one are those of all.
    numbers = _stage_numbers(net)
    return [
        _row(net.net, seed, place, stage)
        for seed, profile in zip(net.seeds, net.profiles, strict=True)
        for place, stage in zip(profile, numbers, strict=True)
    ]


def _stage_numbers(net: Measured) -> list[int]:
    return stages([place.shape for place in net.profiles[0]], stem=net.stem)


def _row(net: str, seed: int, place: GradientPoint, stage: int) -> GradientRow:
    return GradientRow(
        net=net,
        seed=seed,
        block=place.block,
        path=place.path,
        stage=stage,
        activation_grad=place.activation_grad,
        weight_grad=place.weight_grad,
        grad_to_weight=place.grad_to_weight,
        shape="x".join(map(str, place.shape)),
        call=place.call,
        state=_state(place.activation_grad),
    )


# JSON has no infinity and no nan: there the value is null, and this word says what it was.
def _state(value: float | None) -> str:
    if value is None:
        return "none"
    if math.isfinite(value):
        return "" if value else "zero"
    return "nan" if math.isnan(value) else "inf"


def _totals(net: Measured) -> GradientTotals:
    ratios = spread([_ratio(profile) for profile in net.profiles])
    places = len(net.profiles[0])
    few = not net.stem and places <= _FEW
    numbers = _stage_numbers(net)
    norms = [[place.activation_grad for place in profile] for profile in net.profiles]
    factor = None if few else spread([growth(values, numbers) for values in norms]).middle
    # Where values are not finite the verdict says so, however few the layers are.
    words = verdict(ratios.middle, factor, net.theory)
    if few and ratios.middle is not None and math.isfinite(ratios.middle):
        words = f"{places} layer{'s' * (places > 1)}: too few to judge"
    return GradientTotals(
        first_over_last=ratios.middle,
        growth_per_block=factor,
        theory=net.theory.growth,
        first_over_last_min=ratios.low,
        first_over_last_max=ratios.high,
        blocks=places - net.stem,
        theory_text=net.theory.words,
        verdict=words,
    )


def _ratio(profile: Sequence[GradientPoint]) -> float | None:
    first, last = profile[0].activation_grad, profile[-1].activation_grad
    if first is None or last is None:
        return None
    # Not infinity, even where the first alone is infinite: a ratio of overflows says nothing.
    if not (math.isfinite(first) and math.isfinite(last)):
        return math.nan
    return first / last if last else None


def _sentence(net: str, totals: GradientTotals) -> str:
    ratio = Spread(totals.first_over_last, totals.first_over_last_min, totals.first_over_last_max)
    rate = "-" if totals.growth_per_block is None else f"×{totals.growth_per_block:.3f}"
    return (
        f"{net}: first ÷ last {ratio.text()}, {rate} per block towards the input "
        f"(theory: {totals.theory_text}): {totals.verdict}"
    )


def _not_finite(net: Measured) -> Iterator[Missing]:
    """Yield for each seed where values stop being finite: on the way forward, else back."""
    for seed, profile in zip(net.seeds, net.profiles, strict=True):
        lost = [place for place in profile if _state(place.activation_grad) in ("inf", "nan")]
        # An overflow of the forward makes every gradient behind it meaningless: it is the cause.
        forward = next((place for place in profile if not place.finite), None)
        if forward is not None:
            why = f"seed {seed}: the forward value is not finite from here on"
            yield Missing(f"{net.net}, gradients", len(lost), forward.path, why)
        elif lost:
            why = f"seed {seed}: not finite from here on towards the input"
            yield Missing(f"{net.net}, gradients", len(lost), lost[-1].path, why)
