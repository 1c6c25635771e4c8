"""The effective receptive field beside the theoretical one, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from archlab.analyze.field.receptive_field import FieldRow
from archlab.analyze.header import header
from archlab.ir.graph import Graph
from archlab.result import Result, Unit, columns
from archlab.result.field import EffectiveField


@dataclass(frozen=True, slots=True)
class EffectiveTotals:
    """The layers measured, and the ratio of the last one."""

    layers: int
    last_ratio: float | None


@dataclass(frozen=True, slots=True)
class EffectiveRow:
    """Pixels: the span above the threshold, the theoretical field, and effective ÷ theoretical.

    `clipped`: the theoretical field is larger than the image, so the ratio is to the image side.
    """

    path: Annotated[str, "layer"]
    effective_h: Annotated[int, "effective h", Unit.COUNT]
    effective_w: Annotated[int, "effective w", Unit.COUNT]
    rf_h: Annotated[float | None, "theoretical h", Unit.NUMBER]
    rf_w: Annotated[float | None, "theoretical w", Unit.NUMBER]
    ratio: Annotated[float | None, "ratio", Unit.NUMBER]
    clipped: Annotated[bool, "cut by the image"]


def effective(
    graph: Graph, rows: Sequence[FieldRow], measured: Sequence[EffectiveField], images: str
) -> Result[EffectiveTotals, EffectiveRow]:
    """Return the measured layers beside their theoretical rows; `images` says what was measured."""
    theory = {row.path: row for row in rows}
    height, width = graph.shape(graph.inputs[0])[-2:]
    compared = tuple(_row(field, theory[field.path], height, width) for field in measured)
    return Result(
        name="effective",
        header=header(
            graph,
            "mean squared gradient of the central unit over images, channels, random "
            "output directions (Luo et al. 2016); span of pixels at 4.55 % of the largest or more",
            images,
        ),
        totals=EffectiveTotals(len(compared), compared[-1].ratio if compared else None),
        rows=compared,
        columns=columns(EffectiveRow),
    )


def _row(field: EffectiveField, theory: FieldRow, height: int, width: int) -> EffectiveRow:
    rf_h, rf_w = theory.rf_h, theory.rf_w
    # Pixels outside of the image have no gradient: the ratio is to what the image holds.
    clipped = bool(rf_h and rf_w and (rf_h > height or rf_w > width))
    # The square root of a ratio of areas is a ratio of sides.
    ratio = None
    if rf_h and rf_w:
        area = min(rf_h, height) * min(rf_w, width)
        ratio = (field.height * field.width / area) ** 0.5
    return EffectiveRow(field.path, field.height, field.width, rf_h, rf_w, ratio, clipped)
