"""The effective receptive field beside the theoretical one, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from archlab.analyze.field.receptive_field import FieldRow
from archlab.analyze.field.sight import Sight, sights
from archlab.analyze.field.sight.layout import NOWHERE
from archlab.analyze.header import header
from archlab.ir.graph import Graph
from archlab.result import Missing, Result, Unit, columns
from archlab.result.field import EffectiveField, Place


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


def central_units(graph: Graph) -> dict[str, Place]:
    """Return where the central unit of each module's output is, if it has rows and columns.

    The layout says so, whatever the order of the axes: channels last, tokens, windows.
    """
    by_tensor, _ = sights(graph)
    places: dict[str, Place] = {}
    for call in graph.calls:
        for tensor in call.outputs[:1] if call.call == 0 else ():
            sight = by_tensor.get(tensor)
            if sight is not None and sight.layout is not None and all(sight.axes[:2]):
                places[call.path] = _place(sight, graph.shape(tensor))
    return places


def _place(sight: Sight, shape: tuple[int, ...]) -> Place:
    centre = [0 if field is None else field.size // 2 for field in sight.axes]
    index: list[int | None] = []
    for axis in sight.layout or ():
        at = 0
        for digit in axis.digits:
            place = 0 if digit.axis == NOWHERE else centre[digit.axis] // digit.stride % digit.size
            at = at * digit.size + place
        index.append(axis.lead + at if axis.spatial else None)
    return Place((centre[0], centre[1]), shape, tuple(index))


def effective(
    graph: Graph, rows: Sequence[FieldRow], measured: Sequence[EffectiveField], images: str
) -> Result[EffectiveTotals, EffectiveRow]:
    """Return the measured layers beside their theoretical rows; `images` says what was measured.

    A gradient outside of the theoretical field would mean that one of the two is wrong: the answer
    is partial then, and says where.
    """
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
        missing=tuple(_beyond(graph, measured)),
    )


def _beyond(graph: Graph, measured: Sequence[EffectiveField]) -> Iterator[Missing]:
    """Yield the layers whose central unit has a gradient where theory says that it sees nothing."""
    by_tensor, _ = sights(graph)
    calls = {call.path: call for call in graph.calls if call.call == 0}
    for field in measured:
        sight = by_tensor[calls[field.path].outputs[0]]
        tall, wide = sight.axes[:2]
        # A gate sees the whole image, and behind an operator without a rule nothing is known.
        if sight.global_from or sight.lost or tall is None or wide is None:
            continue
        outside = field.heat.copy()
        (row, column) = field.unit
        outside[tall.low[row] : tall.high[row] + 1, wide.low[column] : wide.high[column] + 1] = 0
        if outside.any():
            why = "its gradients reach beyond the theoretical field: one of the two is wrong"
            yield Missing(f"effective field of {field.path}", path=field.path, why=why)


def _row(field: EffectiveField, theory: FieldRow, height: int, width: int) -> EffectiveRow:
    rf_h, rf_w = theory.rf_h, theory.rf_w
    # Behind a gate, or a layer that sums over all places, the local field bounds nothing.
    if rf_h and rf_w and theory.global_from and (field.height > rf_h or field.width > rf_w):
        rf_h, rf_w = height, width
    # Pixels outside of the image have no gradient: the ratio is to what the image holds.
    clipped = bool(rf_h and rf_w and (rf_h > height or rf_w > width))
    # The square root of a ratio of areas is a ratio of sides.
    ratio = None
    if rf_h and rf_w:
        area = min(rf_h, height) * min(rf_w, width)
        ratio = (field.height * field.width / area) ** 0.5
    return EffectiveRow(field.path, field.height, field.width, rf_h, rf_w, ratio, clipped)
