"""One row of a scan: a model measured in a worker process, from at most two traces."""

from __future__ import annotations

import gc
import time
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import torch

from archlab.analyze.field.receptive_field import FieldTotals, receptive_field as analyze_field
from archlab.analyze.flops import compute_ops, flops as analyze_flops
from archlab.analyze.layers import activations, depth
from archlab.api.cost import memory
from archlab.api.model import Model
from archlab.resolve.accuracy import published_accuracy
from archlab.survey.row import Request, ScanRow
from archlab.version import __version__

_NAMED = 3  # things that are missing, by name; an ellipsis stands for more


def measure(request: Request) -> dict[str, Any]:
    """Return the row of a model as a dictionary (it goes through a pipe, or over a network).

    Example:
        >>> measure(Request(model="resnet20"))["depth"]
        20
    """
    begin = time.perf_counter()
    try:
        return asdict(_row(request, begin))
    finally:
        # Modules and graphs are full of cycles, and the next model wants the memory. The oldest
        # generation is left alone: it holds all of torch, and none of it is garbage.
        gc.collect(1)


def _row(request: Request, begin: float) -> ScanRow:
    model = Model(
        request.model,
        input=list(request.input) or None,
        batch=request.batch,
        options=dict(request.options),
    )
    graph = model.trace("eval")
    cost_answer = analyze_flops(graph, convention=request.convention)
    field = analyze_field(graph)
    memory_answer = memory(model, optimizer=request.optimizer)
    # Coverage is the share of operators with a counting rule among those that compute something.
    counted, of = compute_ops(graph)
    missing = [str(item) for item in (*cost_answer.missing, *memory_answer.missing, *field.missing)]
    return ScanRow(
        model=request.model,
        asked=request.asked,
        source=model.family,
        input=graph.input_text(),
        params=cost_answer.totals.params,
        macs=cost_answer.totals.macs,
        other_flops=cost_answer.totals.other_flops,
        activations=activations(graph),
        inference_peak=memory_answer.totals.inference_peak,
        training=memory_answer.totals.training,
        **_pixels(field.totals),
        global_from=field.totals.global_from or "",
        depth=depth(graph),
        coverage=counted / of if of else 1.0,
        missing="; ".join(missing[:_NAMED]) + (" …" if len(missing) > _NAMED else ""),
        accuracy=published_accuracy(model.name, model.family),
        build=graph.build,
        seconds=round(time.perf_counter() - begin, 3),
        versions=versions(model.family),
    )


def _pixels(seen: FieldTotals) -> dict[str, Any]:
    image = seen.rf_h is not None
    sizes = {
        "rf": seen.rf_h if image else seen.rf_t,
        "rf_w": seen.rf_w,
        "jump": seen.stride_h if image else seen.stride_t,
        "jump_w": seen.stride_w,
    }
    # A column of a file has one type, and a size is a whole number for some nets only.
    return {name: None if value is None else float(value) for name, value in sizes.items()}


def versions(family: str) -> str:
    """Return the versions that a row depends on."""
    library = family.partition(".")[0]
    more = f", {library} {version(library)}" if library in ("torchvision", "timm") else ""
    return f"archlab {__version__}, torch {torch.__version__}{more}"
