"""The overview: kernel, output shape, parameters and MACs of every module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from archlab.analyze.flops import flops
from archlab.analyze.header import header
from archlab.analyze.memory import inference_peak
from archlab.analyze.params import params
from archlab.ir.graph import Graph
from archlab.ir.kinds import ConvAttrs, PoolAttrs
from archlab.result import Result, Unit, columns, si, size


@dataclass(frozen=True, slots=True)
class SummaryTotals:
    """Whole model."""

    params: int
    trainable: int
    macs: int
    flops: int
    other_flops: int
    inference_peak: int
    layers: int


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """One module, everything below it included; `kernel` as 7x7/2 (size / stride)."""

    path: Annotated[str, "module"]
    type: Annotated[str, "type"]
    kernel: Annotated[str, "kernel"]
    output_shape: Annotated[str, "output"]
    params: Annotated[int, "params", Unit.COUNT]
    macs: Annotated[int, "MACs", Unit.SI]
    share: Annotated[float, "share of MACs", Unit.SHARE]


def summary(graph: Graph) -> Result[SummaryTotals, SummaryRow]:
    """Return the overview of a graph, one row a module in tree order."""
    # The numbers come from the analyzers of each question, so that no two tables can disagree.
    cost, weights = flops(graph), params(graph)
    kernels, outputs = _kernels(graph), _outputs(graph)
    counts = {row.path: row.params for row in weights.rows}
    layers = sum(node.kind in ("conv", "conv_transpose", "linear") for node in graph.nodes)
    peak = inference_peak(graph).bytes
    totals = SummaryTotals(
        params=weights.totals.params,
        trainable=weights.totals.trainable,
        macs=cost.totals.macs,
        flops=cost.totals.flops,
        other_flops=cost.totals.other_flops,
        inference_peak=peak,
        layers=layers,
    )
    rows = tuple(
        SummaryRow(
            path=row.path,
            type=row.type,
            kernel=kernels.get(row.path, ""),
            output_shape=outputs.get(row.path, "not executed"),
            params=counts[row.path],
            macs=row.macs,
            share=row.share,
        )
        for row in cost.rows
    )
    line = (
        f"params {totals.params:,} · MACs {totals.macs:,} ({si(totals.macs)}) · other FLOPs "
        f"{si(totals.other_flops)} · peak of activations {size(peak)} · {layers} weighted layers"
    )
    return Result(
        name="summary",
        header=header(graph, "1 MAC = 1 multiply-add; parameters once by identity"),
        totals=totals,
        rows=rows,
        columns=columns(SummaryRow),
        missing=cost.missing,
        footer=(line, *weights.footer[1:], *cost.footer),
        tree=True,
    )


def _kernels(graph: Graph) -> dict[str, str]:
    # Backwards, so that the first of several kernels in one module is the one that stays.
    return {
        node.path: _kernel(node.attrs)
        for node in reversed(graph.nodes)
        if isinstance(node.attrs, ConvAttrs | PoolAttrs) and node.attrs.kernel
    }


def _kernel(attrs: ConvAttrs | PoolAttrs) -> str:
    text = "x".join(map(str, attrs.kernel))
    if set(attrs.stride) != {1}:
        # One number stands for equal strides, as in papers: 7x7/2.
        text += f"/{'x'.join(map(str, dict.fromkeys(attrs.stride)))}"
    if isinstance(attrs, ConvAttrs) and attrs.groups > 1:
        text += f" g{attrs.groups}"
    if set(attrs.dilation) != {1}:
        text += f" d{attrs.dilation[0]}"
    return text


def _outputs(graph: Graph) -> dict[str, str]:
    texts: dict[str, str] = {}
    for call in graph.calls:
        # A module that is called again with another size is shown as it was first called.
        if call.call == 0:
            shapes = ["x".join(map(str, graph.shape(tensor))) for tensor in call.outputs]
            more = f" +{len(shapes) - 1}" if len(shapes) > 1 else ""
            texts[call.path] = (shapes[0] if shapes else "no tensor") + more
    return texts
