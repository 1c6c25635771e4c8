"""The symbolic receptive field against what gradients reach, layer by layer.

`image_shape` says how large an image must be, `plan` which units to measure, and `certify`
compares. The gradients come from `probe.gradient_support`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Annotated

from archlab.analyze.field.sight import sights
from archlab.analyze.field.sight.field import Field
from archlab.analyze.field.sight.sight import NAMES
from archlab.analyze.header import header
from archlab.ir.graph import Graph
from archlab.ir.kinds import Kind
from archlab.result import Result, Unit, columns
from archlab.result.field import Support

# Image sides are multiples of 64, so that strides divide them.
_GRAIN = 64
# The side along which nothing is measured: a square image as long as the largest field is slow.
_SHORT = 128


@dataclass(frozen=True, slots=True)
class CertifyTotals:
    """Units compared, and how many agree on first input, last input and holes."""

    checked: int
    agree: int
    layers: int


@dataclass(frozen=True, slots=True)
class CertifyRow:
    """One unit of one layer on one axis: what was predicted and what gradients reach."""

    path: Annotated[str, "layer"]
    axis: Annotated[str, "axis"]
    unit: Annotated[int, "unit", Unit.COUNT]
    predicted_low: Annotated[int | None, "predicted from", Unit.COUNT]
    predicted_high: Annotated[int | None, "to", Unit.COUNT]
    low: Annotated[int | None, "reached from", Unit.COUNT]
    high: Annotated[int | None, "to", Unit.COUNT]
    predicted_holes: int | None
    holes: Annotated[int, "holes", Unit.COUNT]
    agrees: Annotated[bool, "agrees"]


def image_shape(graph: Graph, axis: int) -> tuple[int, int]:
    """Return (height, width) of an image long enough on `axis` (0 = h) for every field to fit."""
    # Three steps more than the widest field, so that units beside the central one fit, too.
    fields = _convolutions(graph, axis).values()
    need = max((ceil(field.width + 3 * field.step) for field in fields), default=_SHORT)
    long = max(ceil(need / _GRAIN) * _GRAIN, _SHORT)
    return (long, _SHORT) if axis == 0 else (_SHORT, long)


def plan(graph: Graph, axis: int) -> dict[str, tuple[int, ...]]:
    """Return the units to measure of each convolution: the central one, or four around it."""
    # One is enough where all units see alike; up-sampling and windows make them differ by place.
    return {
        path: (field.size // 2,)
        if field.exact or field.size == 1
        else tuple(range(max(field.size // 2 - 2, 0), min(field.size // 2 + 2, field.size)))
        for path, field in _convolutions(graph, axis).items()
    }


def certify(
    graphs: Sequence[Graph], reached: Sequence[Sequence[Support]]
) -> Result[CertifyTotals, CertifyRow]:
    """Return the comparison; `graphs[i]` was traced at the image `reached[i]` was measured on.

    A unit agrees when first and last input are equal in the table and, where the affine form is
    exact, in it too, and when the holes are equal where they are known.
    """
    fields = [_convolutions(graph, axis) for axis, graph in enumerate(graphs)]
    rows = tuple(
        _row(support, axis, fields[axis][support.path])
        for axis, supports in enumerate(reached)
        for support in supports
    )
    agree = sum(row.agrees for row in rows)
    layers = len({row.path for row in rows})
    line = f"{agree} of {len(rows)} units of {layers} convolutions agree with the gradients"
    return Result(
        name="verify",
        header=header(
            graphs[0],
            "gradients of positive constant weights, norms and activations as identity, max pools "
            "as average pools, gates as one; float64; h and w on one long image each",
        ),
        totals=CertifyTotals(len(rows), agree, layers),
        rows=rows,
        columns=columns(CertifyRow),
        footer=(line,),
    )


def _convolutions(graph: Graph, axis: int) -> Mapping[str, Field]:
    by_tensor, _ = sights(graph)
    fields: dict[str, Field] = {}
    for node in graph.nodes:
        if node.kind in (Kind.CONV, Kind.CONV_TRANSPOSE) and node.call == 0:
            sight = by_tensor.get(node.outputs[0])
            field = sight.axes[axis] if sight else None
            if field is not None and node.path in graph.module:
                fields.setdefault(node.path, field)
    return fields


def _row(support: Support, axis: int, field: Field) -> CertifyRow:
    low, high = field.span(support.unit) or (None, None)
    reached = (support.low, support.high)
    agrees = (low, high) == reached
    if field.exact:
        last = field.extent - 1
        first_seen, last_seen = (field.step * support.unit + end for end in (field.lo, field.hi))
        inside = first_seen >= 0 and last_seen <= last
        # Holes are known of a unit that no border of the image cuts.
        same_holes = field.holes is None or not inside or field.holes == support.holes
        agrees = agrees and (max(first_seen, 0), min(last_seen, last)) == reached and same_holes
    return CertifyRow(
        path=support.path,
        axis=NAMES[axis],
        unit=support.unit,
        predicted_low=low,
        predicted_high=high,
        low=support.low,
        high=support.high,
        predicted_holes=field.holes,
        holes=support.holes,
        agrees=agrees,
    )
