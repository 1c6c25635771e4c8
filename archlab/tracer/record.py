"""Runs one forward of a module under the recorder, and returns its Graph.

In train mode the backward pass runs, too, where the forward alone does not tell what it computes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from archlab.contain import contained, line_of_others, said
from archlab.ir.graph import Failure, Gap, Graph, Node
from archlab.ir.kinds import Kind
from archlab.tracer.backward import (
    autograd_nodes,
    custom_functions,
    ends,
    reached,
    run_backward,
    watched_hooks,
)
from archlab.tracer.bounds import Bounds
from archlab.tracer.devices import refused_questions
from archlab.tracer.escape import escapes
from archlab.tracer.isolate import is_lazy
from archlab.tracer.modules import tensors_in
from archlab.tracer.recorder import Recorder
from archlab.tracer.settings import python_draws, refused_autocast, same_attributes, settings

Inputs = tuple[Sequence[Any], Mapping[str, Any]]  # args, kwargs


@dataclass(frozen=True, slots=True)
class Recording:
    """A graph, the exception that ended its forward early, and whose fault that was."""

    graph: Graph
    error: Exception | None
    refused: bool  # torch's CPU kernel refuses the same inputs


def record(
    module: nn.Module,
    inputs: Inputs,
    *,
    mode: str,
    name: str,
    build: str,
    bounds: Bounds | None = None,
) -> Recording:
    """Return the recording of one forward, within `bounds` where the tensors are real.

    The module's mode and all global settings are put back; a train mode forward updates the
    module's buffers and any forward may set attributes, so pass a module that may change.
    """
    args, kwargs = inputs
    # Several times faster than parameters() and buffers(), which build every name.
    weights = [
        tensor
        for member in module.modules()
        for tensor in (*member._parameters.values(), *member._buffers.values())
        if tensor is not None
    ]
    meta = all(tensor.is_meta for tensor in tensors_in([*weights, *args, kwargs]))
    if any(map(is_lazy, weights)):
        # A forward gives lazy parameters their shapes. What it raises is raised again, and
        # reported, in the forward that is recorded.
        with settings(module, mode, grad=False), contextlib.suppress(Exception), contained():
            module(*args, **kwargs)
    facts = {"name": name, "mode": mode, "build": build}
    leaves = [*weights, *tensors_in([args, kwargs])]

    def once(*, saving: bool, grad: bool) -> Recording:
        recorder = Recorder(module, meta=meta, train=mode == "train", saving=saving)
        recorder.bounds = bounds
        watching = watched_hooks(recorder.watched_hook)
        with same_attributes(module), settings(module, mode, grad=grad), watching:
            before = python_draws()
            ids, outputs, error = _observe(recorder, module, args, kwargs)
            if recorder.decided or python_draws() != before:
                facts["build"] = f"{build}, holds for one draw of the forward's random numbers"
            graph = _graph(recorder, ids, outputs, error, **facts)
            if error is None and recorder.saving:
                graph = _with_backward(graph, recorder, outputs, leaves)
        return Recording(graph, error, refused=recorder.refusal is not None)

    train = mode == "train"
    recording = once(saving=train, grad=train)
    # torch.func.grad and its like refuse to run where hooks watch what autograd saves.
    if train and "saved tensor hooks" in str(recording.error):
        return once(saving=False, grad=True)
    # A net whose result is a gradient, such as a force, needs autograd in eval mode, too.
    if not train and "does not require grad" in str(recording.error):
        return once(saving=False, grad=True)
    return recording


def _graph(
    recorder: Recorder,
    inputs: tuple[int, ...],
    outputs: Sequence[torch.Tensor],
    error: Exception | None,
    **facts: Any,
) -> Graph:
    """Return what was recorded, as a Graph; `facts` are its name, mode and build."""
    stack, tensors = recorder.stack, recorder.tensors
    failure = None
    if error is not None:
        failure = Failure(stack.path, said(error), stack.failing_shapes(), line_of_others(error))
    ids = tuple(map(recorder.tensor_id, outputs))  # may add the node that joins writes
    graph = Graph(
        **facts,
        nodes=tuple(recorder.nodes),
        tensors=tuple(tensors.specs),
        storages=tuple(tensors.sizes),
        params=stack.params,
        modules=stack.modules,
        calls=tuple(stack.calls),
        inputs=inputs,
        outputs=ids,
        saved=tuple(recorder.saved.items()) if recorder.saving else None,
        failure=failure,
        released=() if recorder.train else tensors.releases(len(recorder.nodes)),
    )
    return graph if failure is not None else replace(graph, gaps=_gaps(graph, recorder))


def _gaps(graph: Graph, recorder: Recorder) -> tuple[Gap, ...]:
    """Return what the trace could not see of how the outputs come from the inputs."""
    dependent = _dependent(graph.nodes, graph.inputs)
    gaps = [gap for gap, tensor in recorder.escapes.items() if tensor in dependent]
    gaps += [*recorder.unseen.values(), *recorder.stack.made()]
    if graph.inputs and dependent.isdisjoint(graph.outputs):
        why = "the output does not depend on the input, as far as torch's operators show"
        gaps.append(Gap("what leads from the input to the output", "", why))
    if recorder.train and not recorder.saving:
        why = "torch.func, which the forward uses, lets nobody watch it"
        gaps.append(Gap("what the backward pass keeps and computes", "", why))
    return tuple(gaps)


def _dependent(nodes: Iterable[Node], inputs: Iterable[int]) -> set[int]:
    """Return the inputs and all tensors whose values are computed from them."""
    tensors = set(inputs)
    for node in nodes:
        # `zeros_like` takes a shape, and no value.
        if node.kind != Kind.CREATE and not tensors.isdisjoint(node.inputs):
            tensors.update(node.outputs)
    return tensors


def _with_backward(
    graph: Graph,
    recorder: Recorder,
    outputs: Sequence[torch.Tensor],
    leaves: Sequence[torch.Tensor],
) -> Graph:
    """Return the graph with what its backward pass runs: which gradients, and what beyond them."""
    results = [tensor for tensor in outputs if tensor.requires_grad]
    calls = list(autograd_nodes(results))
    for number, tensor in zip(graph.outputs, outputs, strict=True):
        recorder.note_function(number, tensor)
    functions = custom_functions(calls)
    if not (recorder.checkpointed or recorder.hooked or functions):
        return replace(graph, nodes=reached(graph.nodes, recorder.functions, calls))
    recorder.begin_backward(functions)
    try:
        with contained(), recorder.stack.hooks(), ends(calls) as ended:
            run_backward(results, leaves, recorder)
    except Exception as error:  # noqa: BLE001  a function of the user's can raise anything
        names = ", ".join(sorted({type(function).__name__ for function in functions}))
        why = f"it cannot be run: {str(error).partition(chr(10))[0]}"
        gap = Gap(f"the backward pass of {names or 'a checkpointed part'}", "", why)
        nodes = reached(graph.nodes, recorder.functions, calls)
        return replace(graph, nodes=nodes, gaps=(*graph.gaps, gap))
    return replace(
        graph,
        nodes=reached(graph.nodes, recorder.functions, autograd_nodes(results, ended)),
        recomputed=tuple(recorder.nodes),
        tensors=tuple(recorder.tensors.specs),
        storages=tuple(recorder.tensors.sizes),
    )


def _observe(
    recorder: Recorder,
    module: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> tuple[tuple[int, ...], list[torch.Tensor], Exception | None]:
    """Run the forward; return the ids of inputs, the outputs, and the exception that ended it."""
    with recorder.stack.hooks(), escapes(recorder.note_escape), _saving(recorder):
        inputs = recorder.stack.register_outside(args, kwargs)
        try:
            with contained(), recorder, _refused(recorder):
                result = module(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  a forward can raise anything: it is reported
            return inputs, [], error
        # The forward may have caught it, and gone on in a way in which it goes on nowhere else.
        if recorder.withheld is not None:
            return inputs, [], recorder.withheld
        return inputs, list(tensors_in([result])), None


@contextlib.contextmanager
def _refused(recorder: Recorder) -> Iterator[None]:
    """Refuse what the meta device cannot answer, or do, as another device would."""
    if not recorder.meta:
        yield
        return
    with refused_autocast(), refused_questions() as refused:
        try:
            yield
        finally:
            recorder.withheld = recorder.withheld or next(iter(refused), None)


def _saving(recorder: Recorder) -> contextlib.AbstractContextManager[Any]:
    """Return the context in which the recorder hears of what autograd saves."""
    if not recorder.saving:
        return contextlib.nullcontext()
    return torch.autograd.graph.saved_tensors_hooks(recorder.save, lambda tensor: tensor)
