"""Shape and dtype flow by module call, and the ladder of resolutions."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Annotated, Any

from archlab.analyze.header import header
from archlab.analyze.tree import call_order
from archlab.ir.graph import Graph, ModuleCall
from archlab.result import Result, Unit, columns


@dataclass(frozen=True, slots=True)
class ShapesTotals:
    """Nodes and module calls of the trace, and how much smaller the last map is than the input."""

    nodes: int
    calls: int
    downsampling: float | None


@dataclass(frozen=True, slots=True)
class ShapesRow:
    """One module call; several tensors are joined by a comma."""

    path: Annotated[str, "module"]
    type: Annotated[str, "type"]
    call: int
    input_shape: Annotated[str, "input"]
    output_shape: Annotated[str, "output"]
    dtype: Annotated[str, "dtype"]
    elements: Annotated[int, "output elements", Unit.COUNT]


def shapes(graph: Graph) -> Result[ShapesTotals, ShapesRow]:
    """Return the shapes that go into and come out of every module call, in call order."""
    ladder = _ladder(graph)
    image = _spatial(graph.shape(graph.inputs[0])) if graph.inputs else ()
    steps = [f"{'×'.join(map(str, step['size']))} ({step['modules']})" for step in ladder]
    return Result(
        name="shapes",
        header=header(graph, "shapes as batch x channels x height x width, or as the layer has it"),
        totals=ShapesTotals(
            nodes=len(graph.nodes),
            calls=len(graph.calls),
            downsampling=image[-1] / ladder[-1]["size"][-1] if image and ladder else None,
        ),
        rows=tuple(_row(graph, call) for call in call_order(graph)),
        columns=columns(ShapesRow),
        footer=(f"ladder (module calls at each size): {' → '.join(steps)}",) if steps else (),
        extra=(("ladder", ladder),),
        tree=True,
    )


def _row(graph: Graph, call: ModuleCall) -> ShapesRow:
    specs = [graph.tensors[tensor] for tensor in call.outputs]
    return ShapesRow(
        path=call.path,
        type=graph.module[call.path].type,
        call=call.call,
        input_shape=_joined(graph, call.inputs),
        output_shape=_joined(graph, call.outputs),
        dtype=", ".join(dict.fromkeys(spec.dtype for spec in specs)),
        elements=sum(spec.numel for spec in specs),
    )


def _joined(graph: Graph, tensors: tuple[int, ...]) -> str:
    texts = ["x".join(map(str, graph.shape(tensor))) or "scalar" for tensor in tensors]
    more = f", +{len(texts) - 3}" if len(texts) > 3 else ""
    return ", ".join(texts[:3]) + more


def _spatial(shape: tuple[int, ...]) -> tuple[int, ...]:
    # (N, C, H, W) or (N, C, T, H, W); tokens (N, T, C) have no map.
    return shape[2:] if len(shape) in (4, 5) else ()


def _ladder(graph: Graph) -> list[dict[str, Any]]:
    """Return the runs of equal map size over the innermost module calls, in call order."""
    parents = {call.path.rpartition(".")[0] for call in graph.calls if call.path}
    # A container repeats the size of its last child; counting both would count the map twice.
    sized = [
        (size, call)
        for call in sorted(graph.calls, key=lambda call: call.first)
        if call.outputs and call.path not in parents
        if (size := _spatial(graph.shape(call.outputs[0])))
    ]
    return [
        {"size": list(size), "from": run[0][1].path, "to": run[-1][1].path, "modules": len(run)}
        for size, group in groupby(sized, key=lambda pair: pair[0])
        for run in [list(group)]
    ]
