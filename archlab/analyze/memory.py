"""Memory: parameters, activations, inference peak, what backward keeps, and a training total.

Counted by storage, so that views and in-place operators cost nothing. The inference peak is the
largest sum of storages alive at once, each from the node that allocates it to the last node that
reads it; an allocator that fragments, or a framework's workspace, comes on top.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from archlab.analyze.header import header
from archlab.analyze.tree import by_module, tree_order
from archlab.errors import check_one_of
from archlab.ir.graph import Graph, Node
from archlab.result import Column, Missing, Result, Unit, size

OPTIMIZERS = {"sgd": 0, "momentum": 1, "adam": 2}
"""Optimizer -> copies of the trainable parameters it keeps."""


@dataclass(frozen=True, slots=True)
class MemoryTotals:
    """Bytes; the training figures are None where the model has no train mode trace."""

    parameters: int
    buffers: int
    activations: int
    inference_peak: int
    saved_for_backward: int | None
    gradients: int
    optimizer_state: int
    training: int | None


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """One module in bytes, everything below it included."""

    path: str
    type: str
    parameters: int
    activations: int
    saved_for_backward: int | None
    share: float | None


@dataclass(frozen=True, slots=True)
class Peak:
    """The node during which most is alive, and the bytes and paths of what is."""

    bytes: int
    path: str
    op: str
    alive: tuple[tuple[str, int], ...]


COLUMNS = (
    Column("path", "module"),
    Column("type", "type"),
    Column("parameters", "parameters", Unit.BYTES),
    Column("activations", "activations", Unit.BYTES),
    Column("saved_for_backward", "saved for backward", Unit.BYTES),
    Column("share", "share of saved", Unit.SHARE),
)


def memory(
    graph: Graph,
    training: Graph | None = None,
    *,
    optimizer: str = "adam",
    why_untrained: str = "the model was traced in eval mode only",
) -> Result[MemoryTotals, MemoryRow]:
    """Return the memory of inference (`graph`, eval mode) and of training (`training`).

    Args:
        graph: an eval mode trace.
        training: a train mode trace of the same model, or None.
        optimizer: sgd, momentum or adam: keeps 0, 1 or 2 copies of the trainable parameters.
        why_untrained: what to say where there is no train mode trace.

    Raises:
        OptionError: an unknown optimizer.
    """
    check_one_of("optimizer", optimizer, OPTIMIZERS)
    outside = {param.tensor for param in graph.params}
    weights = sum(param.nbytes for param in graph.params if not param.buffer)
    buffers = sum(param.nbytes for param in graph.params if param.buffer)
    gradients = sum(param.nbytes for param in graph.params if param.trainable)
    state = OPTIMIZERS[optimizer] * gradients
    allocated = _allocations(graph, outside)
    peak = inference_peak(graph)
    saved = None if training is None else dict(saved_storages(training))
    kept = None if saved is None else sum(saved.values())
    totals = MemoryTotals(
        parameters=weights,
        buffers=buffers,
        activations=sum(graph.storages[storage] for storage in allocated),
        inference_peak=peak.bytes,
        saved_for_backward=kept,
        gradients=gradients,
        optimizer_state=state,
        training=None if kept is None else weights + buffers + gradients + state + kept,
    )
    lacking = () if saved is not None else (Missing("saved for backward", why=why_untrained),)
    return Result(
        name="memory",
        header=header(graph, _convention(optimizer, training)),
        totals=totals,
        rows=_rows(graph, training, allocated),
        columns=COLUMNS,
        missing=lacking,
        footer=_footer(totals, peak, optimizer),
        extra=(("peak", {"path": peak.path, "op": peak.op, "alive": peak.alive}),),
        tree=True,
    )


def inference_peak(graph: Graph) -> Peak:
    """Return where most activation bytes are alive at once; parameters and buffers are apart."""
    outside = {graph.tensors[param.tensor].storage for param in graph.params}
    first, last = _lifetimes(graph, outside)
    births: dict[int, list[int]] = {}
    deaths: dict[int, list[int]] = {}
    for storage, born in first.items():
        births.setdefault(born, []).append(storage)
        deaths.setdefault(last[storage], []).append(storage)
    alive, most, where = 0, 0, -1
    for step in range(-1, len(graph.nodes)):
        alive += sum(graph.storages[storage] for storage in births.get(step, ()))
        if alive > most:
            most, where = alive, step
        alive -= sum(graph.storages[storage] for storage in deaths.get(step, ()))
    held = [
        storage
        for storage in first
        if first[storage] <= where <= last[storage] and graph.storages[storage]
    ]
    makers = _makers(graph)
    ordered = sorted(held, key=lambda storage: -graph.storages[storage])
    alive_now = tuple((makers.get(item, "input"), graph.storages[item]) for item in ordered)
    node = graph.nodes[where] if where >= 0 else None
    return Peak(most, node.path if node else "input", node.op if node else "", alive_now)


def saved_storages(graph: Graph) -> Iterable[tuple[int, int]]:
    """Yield (storage, bytes) of what autograd keeps, parameters and buffers left out."""
    outside = {graph.tensors[param.tensor].storage for param in graph.params}
    for storage, _ in graph.saved or ():
        if storage not in outside:
            yield storage, graph.storages[storage]


def _lifetimes(graph: Graph, outside: set[int]) -> tuple[dict[int, int], dict[int, int]]:
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for tensor in graph.inputs:
        first[graph.tensors[tensor].storage] = last[graph.tensors[tensor].storage] = -1
    for node in graph.nodes:
        for tensor in (*node.inputs, *node.outputs):
            storage = graph.tensors[tensor].storage
            if storage not in outside:
                first.setdefault(storage, node.id)
                last[storage] = node.id
    for tensor in graph.outputs:  # the caller gets them: alive to the end
        storage = graph.tensors[tensor].storage
        if storage in last:
            last[storage] = len(graph.nodes)
    return first, last


def _makers(graph: Graph) -> dict[int, str]:
    """Storage -> path of the module that allocated it."""
    made: dict[int, str] = {}
    for node in graph.nodes:
        for tensor in node.outputs:
            made.setdefault(graph.tensors[tensor].storage, node.path or graph.name)
    return made


def _allocations(graph: Graph, outside: set[int]) -> dict[int, Node]:
    """Storage -> the node that allocated it, for everything made in the forward."""
    known = {graph.tensors[tensor].storage for tensor in (*outside, *graph.inputs)}
    made: dict[int, Node] = {}
    for node in graph.nodes:
        for tensor in node.outputs:
            storage = graph.tensors[tensor].storage
            if storage not in known:
                known.add(storage)
                made[storage] = node
    return made


def _rows(
    graph: Graph, training: Graph | None, allocated: dict[int, Node]
) -> tuple[MemoryRow, ...]:
    amounts = [
        (param.name.rpartition(".")[0], (param.nbytes, 0))
        for param in graph.params
        if not param.buffer
    ]
    amounts += [(node.path, (0, graph.storages[storage])) for storage, node in allocated.items()]
    sums = by_module(graph, amounts, 2)
    kept: dict[str, list[int]] = {}
    if training is not None:
        owners = dict(training.saved or ())
        kept = by_module(
            training, [(owners[key], (size,)) for key, size in saved_storages(training)], 1
        )
    total = kept[""][0] if kept else 0
    return tuple(
        MemoryRow(
            path=path,
            type=graph.module[path].type,
            parameters=sums[path][0],
            activations=sums[path][1],
            saved_for_backward=kept.get(path, [0])[0] if kept else None,
            share=kept.get(path, [0])[0] / total if total else None,
        )
        for path in tree_order(graph)
    )


def _convention(optimizer: str, training: Graph | None) -> str:
    trained = f"; train mode at {training.input_text()}" if training is not None else ""
    return (
        "activations by storage (views free), attention as one fused kernel; "
        f"optimizer {optimizer}{trained}"
    )


def _footer(totals: MemoryTotals, peak: Peak, optimizer: str) -> tuple[str, ...]:
    largest = ", ".join(f"{path} {size(count)}" for path, count in peak.alive[:3])
    op = peak.op.partition(".")[2]
    lines = [
        f"inference: parameters {size(totals.parameters)} + buffers {size(totals.buffers)} + "
        f"peak of activations {size(totals.inference_peak)} at {peak.path or 'the top'} ({op}): "
        f"{largest}"
    ]
    if totals.training is not None:
        lines.append(
            f"training: parameters and buffers {size(totals.parameters + totals.buffers)} + "
            f"gradients {size(totals.gradients)} + {optimizer} state "
            f"{size(totals.optimizer_state)} + saved for backward "
            f"{size(totals.saved_for_backward or 0)} = {size(totals.training)}"
        )
    return tuple(lines)
