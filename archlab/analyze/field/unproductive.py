"""Layers that can add no new context at a resolution, after Richter et al. 2021 (arXiv 2106.12307).

A layer whose units already see the whole image cannot widen what they see. Along the minimal path
(the narrowest branch everywhere) this is Richter's criterion; along the maximal path a weaker sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from archlab.analyze.field.sight import Sight, sights
from archlab.analyze.field.sight.field import Field
from archlab.analyze.header import header
from archlab.errors import OptionError
from archlab.ir.graph import Graph, Node
from archlab.ir.kinds import ConvAttrs, Kind
from archlab.result import Column, Result, Unit


@dataclass(frozen=True, slots=True)
class UnproductiveTotals:
    """Convolutions with a window, and how many are past the image along either path."""

    convolutions: int
    critical: int
    border: int
    past_max_path: int


@dataclass(frozen=True, slots=True)
class UnproductiveRow:
    """One convolution at one resolution: `verdict` is critical, border or productive."""

    path: str
    resolution: str
    min_path: float
    max_path: float
    verdict: str
    max_path_verdict: str


COLUMNS = (
    Column("path", "convolution"),
    Column("resolution", "image"),
    Column("min_path", "min path", Unit.NUMBER),
    Column("max_path", "max path", Unit.NUMBER),
    Column("verdict", "by min path"),
    Column("max_path_verdict", "by max path"),
)


def unproductive(
    graph: Graph, resolutions: Sequence[tuple[int, int]] = ()
) -> Result[UnproductiveTotals, UnproductiveRow]:
    """Return the verdict for every convolution at the traced size, or at other resolutions.

    Args:
        graph: a traced model.
        resolutions: image sizes (height, width) to ask about; fields do not depend on them.

    Raises:
        OptionError: the model has no spatial axis.
    """
    seen, _ = sights(graph)
    sizes = list(resolutions) or [_traced(graph)]
    convolutions = [node for node in graph.nodes if _widens(node, seen)]
    rows = tuple(_row(graph, node, seen, size) for size in sizes for node in convolutions)
    first = rows[: len(convolutions)]
    totals = UnproductiveTotals(
        convolutions=len(convolutions),
        critical=sum(row.verdict == "critical" for row in first),
        border=sum(row.verdict == "border" for row in first),
        past_max_path=sum(row.max_path_verdict == "past" for row in first),
    )
    return Result(
        name="unproductive",
        header=header(
            graph,
            "critical: the minimal path is wider than the image; border: its input's already was "
            "as wide; past: the maximal path is wider (Richter et al. 2021)",
        ),
        totals=totals,
        rows=rows,
        columns=COLUMNS,
        footer=tuple(_advice(rows, size) for size in sizes),
    )


def _traced(graph: Graph) -> tuple[int, int]:
    shape = graph.shape(graph.inputs[0]) if graph.inputs else ()
    if len(shape) < 4:
        raise OptionError(
            f"The input {graph.input_text() or '(none)'} has no height and width: unproductive "
            "layers are a question about images."
        )
    return shape[-2], shape[-1]


def _widens(node: Node, seen: dict[int, Sight]) -> bool:
    attrs = node.attrs
    if node.kind != Kind.CONV or not isinstance(attrs, ConvAttrs):
        return False
    sight = seen.get(node.outputs[0])
    return sight is not None and any(axis is not None for axis in sight.axes)


def _row(
    graph: Graph, node: Node, seen: dict[int, Sight], size: tuple[int, int]
) -> UnproductiveRow:
    after, before = seen[node.outputs[0]].axes, seen[node.inputs[0]].axes
    own = _beyond([axis.shortest if axis else None for axis in after], size, strict=True)
    fed = _beyond([axis.shortest if axis else None for axis in before], size, strict=False)
    longest = _beyond([axis.width if axis else None for axis in after], size, strict=True)
    verdict = "border" if own and fed else "critical" if own else "productive"
    return UnproductiveRow(
        path=node.path or graph.name,
        resolution=f"{size[0]}x{size[1]}",
        min_path=float(max(_widths(after, shortest=True))),
        max_path=float(max(_widths(after, shortest=False))),
        verdict=verdict,
        max_path_verdict="past" if longest else "within",
    )


def _widths(axes: Sequence[Field | None], *, shortest: bool) -> list[Fraction]:
    return [axis.shortest if shortest else axis.width for axis in axes if axis is not None]


def _beyond(widths: Sequence[Fraction | None], size: tuple[int, int], *, strict: bool) -> bool:
    """Whether the field spans the image on every axis that is still there."""
    pairs = [(width, side) for width, side in zip(widths, size, strict=True) if width is not None]
    return bool(pairs) and all(width > side if strict else width >= side for width, side in pairs)


def _advice(rows: Sequence[UnproductiveRow], size: tuple[int, int]) -> str:
    name = f"{size[0]}x{size[1]}"
    mine = [row for row in rows if row.resolution == name]
    past = sum(row.max_path_verdict == "past" for row in mine)
    stuck = sum(row.verdict != "productive" for row in mine)
    text = (
        f"{name}: {stuck} of {len(mine)} convolutions past the image by the minimal path, "
        f"{past} by the maximal"
    )
    if stuck:
        first = next(row.path for row in mine if row.verdict != "productive")
        return f"{text}; from {first} on: a larger input, or fewer layers there"
    if past:
        return f"{text}: shortcuts keep a narrow path, so none is unproductive for sure"
    return f"{text}: every convolution can still widen what it sees"
