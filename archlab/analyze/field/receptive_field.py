"""Receptive fields: what each layer sees of the image, local and global, exact where it can be.

Convention: unit j of a layer sees input rows j·stride − pad … j·stride − pad + rf − 1; the centre
of unit 0 is (rf − 1)/2 − pad. Height, width and time (the steps of a video, of a sound or of any
other sequence) are apart. The local field leaves gates aside
(squeeze-excite, attention over all tokens, norms over positions); `global_from` names the first
such layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archlab.analyze.field.sight import other_images, sights
from archlab.analyze.field.sight.field import Field
from archlab.analyze.field.sight.layout import repeated
from archlab.analyze.field.sight.sight import NAMES, Misalignment, Sight
from archlab.analyze.header import gaps, header
from archlab.analyze.tree import call_order
from archlab.ir.graph import Graph, ModuleCall
from archlab.ir.kinds import ConvAttrs, Kind
from archlab.result import Column, Missing, Result, Unit

Number = int | float | None
CONVENTION = (
    "unit j sees rows j·jump − pad … j·jump − pad + rf − 1; centre of unit 0 = (rf − 1)/2 − pad; "
    "rf is the longest path, min path the shortest; gates over the whole image are left aside and "
    "named in global from"
)


@dataclass(frozen=True, slots=True)
class FieldTotals:
    """The last layer with a local field, and the first one that sees everything."""

    path: str
    rf_h: Number
    rf_w: Number
    stride_h: Number
    stride_w: Number
    global_from: str | None
    misaligned: int
    rf_t: Number
    stride_t: Number


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One module call's output. Pixels of the input; None where there is no such axis (any more).

    `phases` lists the widths of rf_h (of rf_t where there is no h) where units differ, as after
    up-sampling or in windows; `exact` is False for a bound. `coverage` and `worst_coverage` are
    the share of the image that the central unit and the one that sees least see.
    """

    path: str
    type: str
    rf_h: Number
    rf_w: Number
    stride_h: Number
    stride_w: Number
    pad_h: Number
    pad_w: Number
    center_h: Number
    center_w: Number
    holes_h: int | None
    holes_w: int | None
    min_path_h: Number
    min_path_w: Number
    coverage: float | None
    worst_coverage: float | None
    phases: str
    exact: bool
    global_from: str | None
    rf_t: Number
    stride_t: Number
    pad_t: Number
    center_t: Number
    holes_t: int | None
    min_path_t: Number


# Not declared in the row: the table has `min path` before `holes`, JSON after it.
COLUMNS = (
    Column("path", "layer"),
    Column("type", "type"),
    Column("rf_t", "rf t", Unit.NUMBER),
    Column("rf_h", "rf h", Unit.NUMBER),
    Column("rf_w", "rf w", Unit.NUMBER),
    Column("stride_t", "jump t", Unit.NUMBER),
    Column("stride_h", "jump", Unit.NUMBER),
    Column("center_t", "centre t", Unit.NUMBER),
    Column("center_h", "centre", Unit.NUMBER),
    Column("min_path_t", "min path t", Unit.NUMBER),
    Column("min_path_h", "min path", Unit.NUMBER),
    Column("holes_t", "holes t", Unit.NUMBER),
    Column("holes_h", "holes", Unit.NUMBER),
    Column("coverage", "sees, centre", Unit.SHARE),
    Column("worst_coverage", "worst", Unit.SHARE),
    Column("global_from", "global from"),
)

EXACT = Column("exact", "exact")
PHASES = Column("phases", "phases")


def receptive_field(graph: Graph) -> Result[FieldTotals, FieldRow]:
    """Return the receptive field of every module call's output, in call order."""
    # Intervals: Araujo et al. 2019 (distill.pub/2019/computing-receptive-fields). Minimal path:
    # Richter et al. 2021 (arXiv 2106.12307).
    by_tensor, misaligned = sights(graph)
    rows = tuple(_row(graph, call, by_tensor) for call in call_order(graph) if call.call == 0)
    local = [row for row in rows if _sizes(row)]
    # The last feature map is the innermost of the calls with the largest field: a head behind it
    # (dropout, a linear layer at each position) sees no more.
    last = max(local, key=lambda row: (prod(_sizes(row)), row.path), default=None)
    first_global = next((row.global_from for row in rows if row.global_from), None)
    lost = dict.fromkeys(sight.lost for sight in by_tensor.values() if sight.lost)
    notes = [_sentence(join) for join in misaligned[:3]]
    if len(misaligned) > 3:
        notes.append(f"… and {len(misaligned) - 3} more misaligned joins (JSON lists them)")
    if not local:
        notes.append("no spatial axis: this model's input is no image, or nothing reads it as one")
    layout = stride_layout(graph)
    return Result(
        name="receptive_field",
        header=header(graph, CONVENTION),
        totals=FieldTotals(
            last.path if last else "",
            *((last.rf_h, last.rf_w, last.stride_h, last.stride_w) if last else (None,) * 4),
            global_from=first_global,
            misaligned=len(misaligned),
            rf_t=last.rf_t if last else None,
            stride_t=last.stride_t if last else None,
        ),
        rows=rows,
        columns=_columns(local),
        missing=tuple(
            Missing(name, why="no receptive-field rule: a lower bound from here on")
            for name in lost
        )
        + tuple(
            Missing(
                f"what is seen of the input {graph.tensors[tensor].name}",
                why="it is an image of another size; fields are in pixels of the first",
            )
            for tensor in other_images(graph)
        )
        + gaps(graph),
        footer=(*_summary(last, first_global), *([layout] if layout else []), *notes),
        extra=(("misaligned", [_record(join) for join in misaligned]), ("layout", layout)),
        tree=True,
    )


def _sizes(row: FieldRow) -> list[int | float]:
    """Return the sizes of the local field along the axes that there are, in the order t, h, w."""
    return [size for size in (row.rf_t, row.rf_h, row.rf_w) if size is not None]


def _columns(local: list[FieldRow]) -> tuple[Column, ...]:
    """Return the columns of the axes that any row has; all of an image where there is no row."""
    rows_have = {axis for axis in NAMES if any(getattr(row, f"rf_{axis}") for row in local)}
    shown = tuple(
        column
        for column in COLUMNS
        if column.name[-2:] not in ("_t", "_h", "_w") or column.name[-1] in (rows_have or "hw")
    )
    return shown if all(row.exact for row in local) else (*shown, EXACT, PHASES)


def _row(graph: Graph, call: ModuleCall, by_tensor: dict[int, Sight]) -> FieldRow:
    sight = next((by_tensor[tensor] for tensor in call.outputs if tensor in by_tensor), None)
    axes = dict(zip(NAMES, sight.axes if sight else (), strict=False))
    present = [field for field in axes.values() if field is not None]
    shares = [_coverage(field) for field in present]
    first = axes.get("h") or axes.get("t")
    return FieldRow(
        path=call.path,
        type=graph.module[call.path].type,
        **{key: value for name in NAMES for key, value in _cells(name, axes.get(name)).items()},
        coverage=_product([centre for centre, _ in shares]),
        worst_coverage=_product([worst for _, worst in shares]),
        phases="|".join(map(str, phases(first))) if first and not first.exact else "",
        exact=sight is not None
        and not sight.lost
        and not (sight.layout and any(map(repeated, sight.layout)))
        and all(map(_known, present)),
        global_from=(sight.global_from or None) if sight else None,
    )


def _known(axis: Field) -> bool:
    """Whether what the units of an axis see is known, at any size or at least at this one."""
    return axis.sure and (axis.exact or (bool(phases(axis)) and _bounded(axis)))


def _bounded(axis: Field) -> bool:
    """Whether units that no border cuts see no more than the affine interval holds.

    It is no bound of a map that is laid over its mirror image, of which each unit sees two places.
    """
    start = float(axis.step) * np.arange(axis.size) + float(axis.lo)
    end = start + float(axis.hi - axis.lo)
    # A step may be a third.
    inside = (axis.low > start - 1e-6) & (axis.high < end + 1e-6)
    return bool(inside[_free(axis)].all())


def _cells(name: str, axis: Field | None) -> dict[str, Any]:
    """Return the fields of a row that describe one image axis; all None where it is gone."""
    cells = {
        "rf": local_size(axis),
        "stride": axis and _number(axis.step),
        "pad": axis and _number(-axis.lo),
        "center": axis and _number(axis.centre),
        "holes": axis and axis.holes,
        "min_path": axis and _number(axis.shortest),
    }
    return {f"{quantity}_{name}": value for quantity, value in cells.items()}


def local_size(axis: Field | None) -> Number:
    """Return how many pixels of one axis a unit sees, or None where it sees no local part."""
    if axis is None:
        return None
    # A bound gives way to the widest unit that no border cuts.
    widths = () if axis.exact else phases(axis)
    return widths[-1] if widths else _number(axis.width)


def phases(axis: Field) -> tuple[int, ...]:
    """Return the widths that units away from the border have, from the table of this input size.

    None of them is told where the image is too small for a unit of each phase.
    """
    (free,) = _free(axis).nonzero()
    period = axis.period
    if len(free) < period or len(set((free % period).tolist())) < period:
        return ()
    return tuple(np.unique((axis.high - axis.low + 1)[free]).tolist())


def _free(axis: Field) -> NDArray[np.bool_]:
    """Return which units no border cuts."""
    low, high = axis.low, axis.high
    # A unit that touches the first or the last pixel may be cut; one whose interval is empty sees
    # padding alone.
    return (low > 0) & (high < axis.extent - 1) & (high >= low)


def _coverage(axis: Field) -> tuple[float, float]:
    widths = (axis.high - axis.low + 1).clip(min=0)
    return float(widths[axis.size // 2]) / axis.extent, float(widths.min()) / axis.extent


def _product(shares: list[float]) -> float | None:
    return min(prod(shares), 1.0) if shares else None


def _number(value: Fraction) -> Number:
    return int(value) if value.denominator == 1 else float(value)


def stride_layout(graph: Graph) -> str:
    """Name where the strides of a residual bottleneck are, or an empty text.

    The same depth has other fields: stride in the 3×3 (torchvision) makes ResNet-50 see 427,
    stride in the first 1×1 (the paper, v1) 483.
    """
    kernels = set()  # of the convolutions that stride inside a block
    for node in graph.nodes:
        attrs, name = node.attrs, node.path.rpartition(".")[2]
        if node.kind != Kind.CONV or not isinstance(attrs, ConvAttrs) or max(attrs.stride) == 1:
            continue
        if name in ("conv1", "conv2") and node.path.count(".") > 1 and len(attrs.kernel) == 2:
            kernels.add("x".join(map(str, attrs.kernel)))
    bottleneck = any(row.type == "Bottleneck" for row in graph.modules)
    if not bottleneck or not kernels:
        return ""
    if kernels == {"3x3"}:
        return "layout: stride in the 3×3 of the bottleneck (torchvision, v1.5)"
    if kernels == {"1x1"}:
        return "layout: stride in the first 1×1 of the bottleneck (the paper, v1)"
    return f"layout: strides in {', '.join(sorted(kernels))} convolutions"


def _summary(last: FieldRow | None, first_global: str | None) -> tuple[str, ...]:
    lines = []
    if last is not None:
        size = " × ".join(map(str, _sizes(last)))
        strides = (last.stride_t, last.stride_h, last.stride_w)
        jump = " × ".join(str(stride) for stride in strides if stride is not None)
        where = last.path or "the output"
        lines.append(f"largest local field: {size} at {where}, jump {jump}")
    if first_global:
        lines.append(
            f"global from {first_global}: later units depend on the whole image through it"
        )
    return tuple(lines)


def _sentence(join: Misalignment) -> str:
    centres = ", ".join(f"{centre:g}" for centre in dict.fromkeys(join.centres))
    return f"misaligned on {NAMES[join.axis]} in {join.path}: branches centred at {centres}"


def _record(join: Misalignment) -> dict[str, object]:
    return {
        "path": join.path,
        "axis": NAMES[join.axis],
        "centers": list(join.centres),
        "strides": list(join.steps),
    }
