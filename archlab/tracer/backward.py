"""What a backward pass computes beyond the gradients of the forward's own operators.

Activation checkpointing runs parts of the forward again, and a `torch.autograd.Function` or a hook
of a tensor runs whatever it holds. None of them can be read off the forward, so that a net which
has one runs its backward pass under the recorder, too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch.autograd.graph import Node as AutogradNode

from archlab.ir.graph import Node
from archlab.tracer.alone import same_thread
from archlab.tracer.settings import replaced

Hook = Callable[[torch.Tensor], Any]


def foreign_hooks(own: Callable[[torch.Tensor], Any]) -> bool:
    """Whether somebody else's hooks keep what autograd saves now, as in a checkpointed part."""
    hooks = torch._C._autograd._top_saved_tensors_default_hooks(True)  # noqa: FBT003
    return hooks is not None and hooks[0] != own


def recomputing() -> bool:
    """Whether a checkpointed part runs again, rather than the gradient of an operator."""
    return torch._C._autograd._top_saved_tensors_default_hooks(True) is not None  # noqa: FBT003


def custom_functions(calls: Iterable[AutogradNode]) -> list[AutogradNode]:
    """Return the nodes of the autograd graph that are calls of a `torch.autograd.Function`."""
    kind: Any = torch.autograd.function.BackwardCFunction
    return [call for call in calls if isinstance(call, kind)]


def reached(
    nodes: Iterable[Node], functions: Mapping[int, set[int]], calls: Iterable[AutogradNode]
) -> tuple[Node, ...]:
    """Return the nodes without the gradients that the backward pass, of `calls`, never asks for.

    A layer can want gradients and get none: behind it is an argmax, a `detach`, or nothing.
    `functions` has the sequence numbers of the calls that each tensor comes from.
    """
    run = {call._sequence_nr() for call in calls}
    live = {tensor for tensor, numbers in functions.items() if not run.isdisjoint(numbers)}
    return tuple(
        node
        # A view that is written is not read again, although what it is a view of may be.
        if node.in_place or not any(node.grads) or not live.isdisjoint(node.outputs)
        else replace(node, grads=(False,) * len(node.grads))
        for node in nodes
    )


def autograd_nodes(
    outputs: Iterable[torch.Tensor], ended: Container[AutogradNode] = ()
) -> Iterator[AutogradNode]:
    """Yield the calls that the backward pass of the outputs goes through, up to those `ended`."""
    waiting = [tensor.grad_fn for tensor in outputs if tensor.grad_fn is not None]
    seen = set(waiting)
    while waiting:
        node = waiting.pop()
        if node in ended:
            continue
        yield node
        following = {child for child, _ in node.next_functions if child is not None} - seen
        seen |= following
        waiting.extend(following)


@contextlib.contextmanager
def ends(calls: Iterable[AutogradNode]) -> Iterator[set[AutogradNode]]:
    """Collect those of the calls that no gradient arrives at while the context lasts.

    A custom function may return None for an input, and then nothing before it is computed.
    """
    without = set(calls)

    def note(call: AutogradNode, gradients: Sequence[Any]) -> None:
        if any(gradient is not None for gradient in gradients):
            without.discard(call)

    handles = [call.register_prehook(partial(note, call)) for call in without]
    try:
        yield without
    finally:
        for handle in handles:
            handle.remove()


@contextlib.contextmanager
def watched_hooks(watched: Callable[[Hook], Hook]) -> Iterator[None]:
    """Let tensors take, for each hook that they are given, what `watched` makes of it."""
    register: Any = torch.Tensor.register_hook
    here = same_thread()

    def register_hook(tensor: torch.Tensor, hook: Hook) -> Any:
        return register(tensor, watched(hook) if here() else hook)

    with replaced(torch.Tensor, {"register_hook": register_hook}):
        yield


def run_backward(
    outputs: Sequence[torch.Tensor],
    leaves: Iterable[torch.Tensor],
    recorder: contextlib.AbstractContextManager[Any],
) -> None:
    """Run the backward pass of the outputs, and leave the gradients of the leaves as they were."""
    gradients = [(leaf, leaf.grad) for leaf in leaves if leaf.is_leaf]
    ones = [torch.ones_like(tensor) for tensor in outputs]
    try:
        with recorder:
            torch.autograd.backward(outputs, ones)
    finally:
        for leaf, gradient in gradients:
            leaf.grad = gradient
