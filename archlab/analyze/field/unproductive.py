"""Layers that can add no new context at a resolution, after Richter et al. 2021 (arXiv 2106.12307).

A layer whose units already see the whole image cannot widen what they see. Richter's criterion asks
along the minimal path (the narrowest branch everywhere); the maximal path is a weaker sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from archlab.analyze.field.receptive_field import local_size
from archlab.analyze.field.sight import Sight, sights
from archlab.analyze.header import header
from archlab.errors import OptionError
from archlab.ir.graph import Graph, Node
from archlab.ir.kinds import Kind
from archlab.result import Result, Unit, columns


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

    path: Annotated[str, "convolution"]
    resolution: Annotated[str, "image"]
    min_path: Annotated[float, "min path", Unit.NUMBER]
    max_path: Annotated[float, "max path", Unit.NUMBER]
    verdict: Annotated[str, "by min path"]
    max_path_verdict: Annotated[str, "by max path"]


def unproductive(
    graph: Graph, resolutions: Sequence[tuple[int, int]] = ()
) -> Result[UnproductiveTotals, UnproductiveRow]:
    """Return the verdict for every convolution at the traced size, or at other (height, width).

    Raises:
        OptionError: the model has no spatial axis.
    """
    by_tensor, _ = sights(graph)
    if any(tensor in by_tensor and by_tensor[tensor].axes[2] for tensor in graph.inputs):
        raise OptionError(
            f"The input {graph.input_text()} has steps of time: unproductive layers are a question "
            "about images."
        )
    # Fields do not depend on the size of the image, so that one trace answers for all sizes.
    sizes = list(resolutions) or [_traced(graph)]
    convolutions = [
        node
        for node in graph.nodes
        if node.kind == Kind.CONV
        and {node.inputs[0], node.outputs[0]} <= by_tensor.keys()
        and any(by_tensor[node.outputs[0]].axes)
    ]
    rows = tuple(_row(graph, node, by_tensor, size) for size in sizes for node in convolutions)
    # The totals are those of the first size; the footer has a sentence for each.
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
        columns=columns(UnproductiveRow),
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


def _row(
    graph: Graph, node: Node, by_tensor: dict[int, Sight], size: tuple[int, int]
) -> UnproductiveRow:
    # An axis that is gone (averaged away) does not count; the other one decides alone.
    after, before = by_tensor[node.outputs[0]].axes[:2], by_tensor[node.inputs[0]].axes[:2]
    min_paths = [(field.shortest, side) for field, side in zip(after, size, strict=True) if field]
    sizes = [(local_size(field), side) for field, side in zip(after, size, strict=True)]
    max_paths = [(width, side) for width, side in sizes if width is not None]
    inputs = [(field.shortest, side) for field, side in zip(before, size, strict=True) if field]
    past = all(width > side for width, side in min_paths)
    fed_past = bool(inputs) and all(width >= side for width, side in inputs)
    return UnproductiveRow(
        path=node.path or graph.name,
        resolution=f"{size[0]}x{size[1]}",
        min_path=float(max(width for width, _ in min_paths)),
        max_path=float(max(width for width, _ in max_paths)),
        verdict="productive" if not past else "border" if fed_past else "critical",
        max_path_verdict="past" if all(width > side for width, side in max_paths) else "within",
    )


def _advice(rows: Sequence[UnproductiveRow], size: tuple[int, int]) -> str:
    name = f"{size[0]}x{size[1]}"
    at_size = [row for row in rows if row.resolution == name]
    past = sum(row.max_path_verdict == "past" for row in at_size)
    unproductive = [row.path for row in at_size if row.verdict != "productive"]
    text = (
        f"{name}: {len(unproductive)} of {len(at_size)} convolutions past the image by the minimal "
        f"path, {past} by the maximal"
    )
    if unproductive:
        return f"{text}; from {unproductive[0]} on: a larger input, or fewer layers there"
    if past:
        return f"{text}: shortcuts keep a narrow path, so none is unproductive for sure"
    return f"{text}: every convolution can still widen what it sees"
