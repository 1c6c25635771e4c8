"""Gradient norms by depth as an answer: first ÷ last, growth per block, beside theory, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archlab.analyze.by_depth.answer import ByDepth, Spread, band, spread, stages
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


COLUMNS = (
    Column("net", "net"),
    Column("block", "block", Unit.COUNT),
    Column("path", "path"),
    Column("stage", "stage", Unit.COUNT),
    Column("activation_grad", "dL/da", Unit.NUMBER),
    Column("band", "min … max"),
    Column("weight_grad", "dL/dW", Unit.NUMBER),
    Column("grad_to_weight", "dL/dW ÷ W", Unit.NUMBER),
    Column("state", "state"),
)
_FEW = 3  # layers; fewer points than a line through two needs to be judged
QUANTITIES = ("activation_grad", "weight_grad", "grad_to_weight")


def gradients(
    measured: Sequence[Measured], header: Header, notes: Sequence[str] = ()
) -> ByDepth[GradientTotals, GradientRow]:
    """Return the answer for several nets, each measured with several seeds."""
    rows: list[GradientRow] = []
    shown: list[Mapping[str, Cell]] = []
    missing: list[Missing] = []
    for net in measured:
        numbers = stages([place.shape for place in net.profiles[0]], stem=net.stem)
        mine = [
            _row(net.net, seed, place, stage)
            for seed, profile in zip(net.seeds, net.profiles, strict=True)
            for place, stage in zip(profile, numbers, strict=True)
        ]
        rows += mine
        shown += joined(mine, QUANTITIES)
        missing += _not_finite(net)
    totals = {net.net: _totals(net) for net in measured}
    columns: tuple[Column, ...] = COLUMNS
    if not any(row.state for row in rows):
        columns = tuple(column for column in COLUMNS if column.name != "state")
    return ByDepth(
        name="gradients",
        header=header,
        totals=totals,
        rows=tuple(rows),
        shown=tuple(shown),
        columns=columns,
        missing=tuple(missing),
        footer=(*(_sentence(net, item) for net, item in totals.items()), *notes, _CAUTION),
    )


_CAUTION = "none of this decides whether a net trains: see docs/gradients.md"


def joined(rows: Sequence[GradientRow], names: Sequence[str]) -> list[dict[str, Cell]]:
    """Return one line a block: geometric means over the seeds, the band of the first quantity."""
    lines: list[dict[str, Cell]] = []
    blocks: dict[int, list[GradientRow]] = {}
    for row in rows:
        blocks.setdefault(row.block, []).append(row)
    for block, mine in blocks.items():
        found = [spread([getattr(row, name) for row in mine]) for name in names]
        line: dict[str, Cell] = {
            "net": mine[0].net,
            "block": block,
            "path": mine[0].path,
            "stage": mine[0].stage,
            "band": band(found[0]),
            "low": found[0].low,
            "high": found[0].high,
            "state": ", ".join(dict.fromkeys(row.state for row in mine if row.state)),
        }
        lines.append(line | {name: item.middle for name, item in zip(names, found, strict=True)})
    return lines


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


def _state(value: float | None) -> str:
    if value is None:
        return "none"
    if math.isfinite(value):
        return "" if value else "zero"
    return "nan" if math.isnan(value) else "inf"


def _totals(net: Measured) -> GradientTotals:
    numbers = stages([place.shape for place in net.profiles[0]], stem=net.stem)
    ratios = spread([_ratio(profile) for profile in net.profiles])
    places = len(net.profiles[0])
    few = not net.stem and places <= _FEW
    factor = (
        None
        if few
        else spread(
            [
                growth([place.activation_grad for place in profile], numbers)
                for profile in net.profiles
            ]
        ).middle
    )
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
    if not (math.isfinite(first) and math.isfinite(last)):
        return math.nan
    return first / last if last else None


def _sentence(net: str, item: GradientTotals) -> str:
    ratio = Spread(item.first_over_last, item.first_over_last_min, item.first_over_last_max).text()
    rate = "-" if item.growth_per_block is None else f"×{item.growth_per_block:.3f}"
    return (
        f"{net}: first ÷ last {ratio}, {rate} per block towards the input "
        f"(theory: {item.theory_text}): {item.verdict}"
    )


def _not_finite(net: Measured) -> list[Missing]:
    """Where values stop being finite: on the way forward, else on the way back."""
    found = []
    for seed, profile in zip(net.seeds, net.profiles, strict=True):
        wild = [place for place in profile if _state(place.activation_grad) in ("inf", "nan")]
        forward = next((place for place in profile if not place.finite), None)
        if forward is not None:
            why = f"seed {seed}: the forward value is not finite from here on"
            found.append(Missing(f"{net.net}, gradients", len(wild), forward.path, why))
        elif wild:
            why = f"seed {seed}: not finite from here on towards the input"
            found.append(Missing(f"{net.net}, gradients", len(wild), wild[-1].path, why))
    return found
