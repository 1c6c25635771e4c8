"""What a backward pass computes beyond the gradients of the forward's own operators.

Activation checkpointing runs parts of the forward again, and a `torch.autograd.Function` runs
whatever its `backward` holds. Neither can be read off the forward, so that a net which has one of
them runs its backward pass under the recorder, too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch.autograd.graph import Node as AutogradNode


def foreign_hooks(own: Callable[[torch.Tensor], Any]) -> bool:
    """Whether somebody else's hooks keep what autograd saves now, as in a checkpointed part."""
    hooks = _top_hooks(True)  # noqa: FBT003  torch's own signature
    return hooks is not None and hooks[0] != own


# torch before 2.8 cannot be asked.
_top_hooks = getattr(
    torch._C._autograd, "_top_saved_tensors_default_hooks", lambda _ignore_tracing: None
)


def custom_functions(outputs: Iterable[torch.Tensor]) -> list[AutogradNode]:
    """Return the nodes of the autograd graph that are calls of a `torch.autograd.Function`."""
    kind: Any = torch.autograd.function.BackwardCFunction
    return [node for node in _autograd_nodes(outputs) if isinstance(node, kind)]


def _autograd_nodes(outputs: Iterable[torch.Tensor]) -> Iterator[AutogradNode]:
    waiting = [tensor.grad_fn for tensor in outputs if tensor.grad_fn is not None]
    seen = set(waiting)
    while waiting:
        node = waiting.pop()
        yield node
        following = {child for child, _ in node.next_functions if child is not None} - seen
        seen |= following
        waiting.extend(following)


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
