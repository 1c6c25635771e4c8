"""Memory: parameters, activations, inference peak, what backward keeps, and a training total.

Counted by storage, so that views and in-place operators cost nothing. The inference peak is the
largest sum of storages alive at once, each from the node that allocates it to the last node that
reads it: what a runtime that frees at once needs. Eager PyTorch needs more, as the caller and the
frames of Python hold tensors longer; `eager_peak` is what they held in this forward. An allocator
that fragments, or a kernel's workspace, comes on top of both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, NamedTuple

from archlab.analyze.header import gaps, header
from archlab.analyze.tree import by_module, tree_order
from archlab.errors import check_one_of
from archlab.ir.graph import Graph, Node
from archlab.ir.kinds import Kind
from archlab.result import Missing, Result, Unit, columns, size

_RECURRENT = frozenset({"LSTM", "GRU", "RNN"})  # classes of torch
# How many copies of the trainable parameters each optimizer keeps: momentum has one running mean,
# Adam one of the gradients and one of their squares.
OPTIMIZERS = {"sgd": 0, "momentum": 1, "adam": 2}


@dataclass(frozen=True, slots=True)
class MemoryTotals:
    """Bytes; the training figures are None where the model has no train mode trace.

    `inference_peak` is the least that a forward needs, `eager_peak` what eager PyTorch needs.
    """

    parameters: int
    buffers: int
    activations: int
    inference_peak: int
    eager_peak: int | None
    saved_for_backward: int | None
    gradients: int
    optimizer_state: int
    training: int | None


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """One module in bytes, everything below it included."""

    path: Annotated[str, "module"]
    type: Annotated[str, "type"]
    parameters: Annotated[int, "parameters", Unit.BYTES]
    activations: Annotated[int, "activations", Unit.BYTES]
    saved_for_backward: Annotated[int | None, "saved for backward", Unit.BYTES]
    share: Annotated[float | None, "share of saved", Unit.SHARE]


@dataclass(frozen=True, slots=True)
class Peak:
    """The node during which most is alive, and the bytes and paths of what is."""

    bytes: int
    path: str
    op: str
    alive: tuple[tuple[str, int], ...]


def memory(
    graph: Graph,
    training: Graph | None = None,
    *,
    optimizer: str = "adam",
    why_untrained: str = "the model was traced in eval mode only",
) -> Result[MemoryTotals, MemoryRow]:
    """Return the memory of inference (`graph`, an eval mode trace) and of training.

    `training` is a train mode trace of the same model; where it is None, the result is partial and
    `why_untrained` says why.

    Raises:
        OptionError: an unknown optimizer.
    """
    check_one_of("optimizer", optimizer, OPTIMIZERS)
    # Buffers (running means of a batch norm) get no gradient and no optimizer state.
    held = graph.param_bytes
    weights = sum(held[param.name] for param in graph.params if not param.buffer)
    buffers = sum(held[param.name] for param in graph.params if param.buffer)
    gradients = sum(param.nbytes for param in graph.params if param.trainable)
    state = OPTIMIZERS[optimizer] * gradients
    allocated = _allocations(graph)
    peak = inference_peak(graph)
    if training is not None and training.saved is None:
        training, why_untrained = None, "nobody could watch what autograd keeps"
    saved = None if training is None else dict(saved_storages(training))
    kept = None if saved is None else sum(saved.values())
    totals = MemoryTotals(
        parameters=weights,
        buffers=buffers,
        activations=sum(graph.storages[storage] for storage in allocated),
        inference_peak=peak.bytes,
        eager_peak=eager_peak(graph),
        saved_for_backward=kept,
        gradients=gradients,
        optimizer_state=state,
        training=None if kept is None else weights + buffers + gradients + state + kept,
    )
    trained_at = "" if training is None else f"; train mode at {training.input_text()}"
    untrained = Missing("saved for backward", why=why_untrained)
    return Result(
        name="memory",
        header=header(
            graph,
            f"activations by storage (views free), {_attention_path(training or graph)}; "
            f"optimizer {optimizer}{trained_at}",
            *_recurrent_path(graph),
        ),
        totals=totals,
        rows=_rows(graph, training, allocated),
        columns=columns(MemoryRow),
        missing=((untrained,) if saved is None else ()) + gaps(graph),
        footer=_footer(totals, peak, optimizer),
        extra=(("peak", {"path": peak.path, "op": peak.op, "alive": peak.alive}),),
        tree=True,
    )


def _attention_path(graph: Graph) -> str:
    """Return how attention runs: as one kernel, or as products where no kernel takes it."""
    # Only attention that is taken apart has this operator.
    products = [node for node in graph.nodes if node.op == "aten._safe_softmax"]
    if not products:
        return "attention as one fused kernel"
    fused = any(node.kind == Kind.ATTENTION for node in graph.nodes)
    count = f"{len(products)} calls of attention" if fused else "attention"
    path = products[0].path or "the model itself"
    return f"{count} as products and a softmax, as no fused kernel takes it (first in {path})"


def _recurrent_path(graph: Graph) -> tuple[str, ...]:
    """Return the sentence about recurrent layers, where there are any."""
    if any(node.kind == Kind.RECURRENT for node in graph.nodes):
        return ("recurrent layers as oneDNN runs them, whose workspace for backward is not here",)
    called = {graph.module[call.path].type for call in graph.calls if call.path in graph.module}
    if called.isdisjoint(_RECURRENT):
        return ()
    return (
        "recurrent layers step by step, as torch runs them without a fused kernel: the CPU holds "
        "the gates of all steps at once, and oneDNN and cuDNN keep a workspace for backward",
    )


def inference_peak(graph: Graph) -> Peak:
    """Return where most activation bytes are alive at once; parameters and buffers are apart."""
    lifetimes = _lifetimes(graph)
    most, step = _most_alive(graph, lifetimes)
    held = [
        storage
        for storage, (first, last) in lifetimes.items()
        if first <= step <= last and graph.storages[storage]
    ]
    held.sort(key=lambda storage: -graph.storages[storage])
    makers = {s: node.path or graph.name for s, node in _allocations(graph).items()}
    tensors = tuple((makers.get(storage, "input"), graph.storages[storage]) for storage in held)
    if step < 0:
        return Peak(most, "input", "", tensors)
    return Peak(most, graph.nodes[step].path, graph.nodes[step].op, tensors)


def eager_peak(graph: Graph) -> int | None:
    """Return the most activation bytes that eager PyTorch holds at once; None if not observed."""
    if not graph.released:
        return None
    spans = {
        storage: (first, max(first, graph.released[storage] - 1))
        for storage, (first, _) in _lifetimes(graph).items()
    }
    return _most_alive(graph, spans)[0]


def _most_alive(graph: Graph, lifetimes: Mapping[int, tuple[int, int]]) -> tuple[int, int]:
    """Return the most bytes alive at once, and the first node during which they are."""
    # Bytes more than at the step before, so that one pass over the nodes finds the peak. A sum over
    # all storages at every node would take quadratic time.
    change = Counter[int]()
    for storage, (first, last) in lifetimes.items():
        change[first] += graph.storages[storage]
        change[last + 1] -= graph.storages[storage]
    # Step −1 is the moment before the first node, at which the inputs alone are alive.
    alive, most, step = 0, 0, -1
    for i in range(-1, len(graph.nodes)):
        alive += change[i]
        if alive > most:
            most, step = alive, i
    return most, step


def saved_storages(graph: Graph) -> Iterable[tuple[int, int]]:
    """Yield (storage, bytes) of what autograd keeps, parameters and buffers left out."""
    weights = _weight_storages(graph)
    for storage, _ in graph.saved or ():
        if storage not in weights:
            yield storage, graph.storages[storage]


def _weight_storages(graph: Graph) -> set[int]:
    return {graph.tensors[param.tensor].storage for param in graph.params}


def _lifetimes(graph: Graph) -> dict[int, tuple[int, int]]:
    """Return storage -> the node that makes it (-1: an input) and the last one that reads it."""
    weights = _weight_storages(graph)
    spans = {graph.tensors[tensor].storage: (-1, -1) for tensor in graph.inputs}
    for node in graph.nodes:
        for tensor in (*node.inputs, *node.outputs):
            storage = graph.tensors[tensor].storage
            if storage not in weights:
                spans[storage] = (spans.get(storage, (node.id, 0))[0], node.id)
    # The caller gets the outputs, so that they are alive to the end.
    for tensor in graph.outputs:
        storage = graph.tensors[tensor].storage
        if storage in spans:
            spans[storage] = (spans[storage][0], len(graph.nodes))
    return spans


def _allocations(graph: Graph) -> dict[int, Node]:
    """Return storage -> the node that allocated it, for everything made in the forward."""
    known = _weight_storages(graph) | {graph.tensors[tensor].storage for tensor in graph.inputs}
    makers: dict[int, Node] = {}
    for node in graph.nodes:
        for tensor in node.outputs:
            storage = graph.tensors[tensor].storage
            # A later node that writes into the storage, or a view of it, allocates nothing.
            if storage not in known:
                makers.setdefault(storage, node)
    return makers


class Held(NamedTuple):
    """Bytes that a module holds: parameters, activations, and what is saved for backward."""

    parameters: int = 0
    activations: int = 0
    saved: int = 0


def _rows(
    graph: Graph, training: Graph | None, allocated: dict[int, Node]
) -> tuple[MemoryRow, ...]:
    amounts = [
        (param.name.rpartition(".")[0], Held(parameters=graph.param_bytes[param.name]))
        for param in graph.params
        if not param.buffer
    ]
    amounts += [
        (node.path, Held(activations=graph.storages[storage]))
        for storage, node in allocated.items()
    ]
    if training is not None:
        owners = dict(training.saved or ())
        amounts += [
            (owners[storage], Held(saved=size)) for storage, size in saved_storages(training)
        ]
    sums = by_module(graph, Held, amounts)
    saved = sums[""].saved
    return tuple(
        MemoryRow(
            path=path,
            type=graph.module[path].type,
            parameters=sums[path].parameters,
            activations=sums[path].activations,
            saved_for_backward=None if training is None else sums[path].saved,
            share=sums[path].saved / saved if saved else None,
        )
        for path in tree_order(graph)
    )


def _footer(totals: MemoryTotals, peak: Peak, optimizer: str) -> tuple[str, ...]:
    largest = ", ".join(f"{path} {size(count)}" for path, count in peak.alive[:3])
    op = peak.op.partition(".")[2]
    lines = [
        f"inference: parameters {size(totals.parameters)} + buffers {size(totals.buffers)} + "
        f"peak of activations {size(totals.inference_peak)} at {peak.path or 'the top'} ({op}): "
        f"{largest}"
    ]
    if totals.eager_peak is not None:
        lines.append(
            f"eager PyTorch holds up to {size(totals.eager_peak)} of activations: Python's frames "
            "and the caller keep tensors longer than the forward needs them"
        )
    if totals.training is not None:
        lines.append(
            f"training: parameters and buffers {size(totals.parameters + totals.buffers)} + "
            f"gradients {size(totals.gradients)} + {optimizer} state "
            f"{size(totals.optimizer_state)} + saved for backward "
            f"{size(totals.saved_for_backward or 0)} = {size(totals.training)}"
        )
    return tuple(lines)
