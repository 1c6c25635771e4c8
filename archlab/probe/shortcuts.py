"""Finds the additions where a shortcut joins a branch, in the running forward of any model.

A torch-function mode sees every `+` of two activations. Of the two, the shortcut is the one with
fewer products with weights since their common origin: none for the identity, one for a projection.
Those steps are read from autograd's own graph, so functional code and in-place sums are found, too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

from archlab.probe.gradients import Batch
from archlab.probe.norm import has_gradient
from archlab.probe.running import after, before, members, run

_ADDS = frozenset({"add", "add_", "__add__", "__radd__", "__iadd__"})
_WRITES = frozenset({"add_", "__iadd__"})
_WEIGHTED = (
    "Convolution", "Addmm", "Mm", "Bmm", "Baddbmm", "Linear", "ScaledDotProduct", "MkldnnRnn",
    "CudnnRnn", "SlowConv",
)  # fmt: skip
_Step = Any  # a node of autograd's graph, for which torch publishes no type


@dataclass(frozen=True)
class Addition:
    """One sum: the path of the running module, and the values of shortcut and branch."""

    path: str
    shortcut: torch.Tensor
    branch: torch.Tensor


Decide = Callable[[Addition], bool]  # whether the shortcut stays


@contextlib.contextmanager
def watched_additions(module: nn.Module, decide: Decide) -> Iterator[None]:
    """Call `decide` at every residual addition of a forward inside; without a yes, F(x) remains.

    Run the module on inputs from `rooted`, with autograd on: only then is a first block found that
    works on the input itself.
    """
    running: list[str] = []
    with ExitStack() as hooks:
        for path, member in members(module):
            hooks.enter_context(before(member, partial(_enter, running, path), first=True))
            # Also after a forward that failed.
            hooks.enter_context(after(member, partial(_leave, running), always=True))
        with _Additions(running, decide):
            yield


def run_watched(module: nn.Module, batch: Batch, decide: Decide) -> None:
    """Run one forward with autograd on, and call `decide` at every residual addition."""
    with torch.enable_grad(), watched_additions(module, decide):
        inputs = rooted(batch)
        run(module, inputs.args, inputs.kwargs)


def rooted(batch: Batch) -> Batch:
    """Return the batch with inputs that autograd follows, so that they can be a common origin."""

    def root(value: Any) -> Any:
        if isinstance(value, torch.Tensor) and has_gradient(value):
            # The clone gives the input a step in autograd's graph, which leaves do not have.
            return value.detach().requires_grad_().clone()
        return value

    args, kwargs = tree_map(root, (batch.args, batch.kwargs))
    return replace(batch, args=args, kwargs=kwargs)


class _Additions(TorchFunctionMode):
    """Sees every call of a torch function."""

    def __init__(self, running: Sequence[str], decide: Decide) -> None:
        super().__init__()
        self.running, self.decide = running, decide

    def __torch_function__(self, func: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name not in _ADDS or len(args) < 2 or kwargs.get("alpha", 1) != 1 or "out" in kwargs:
            return func(*args, **kwargs)
        first, second = args[:2]
        # Outside the module, a loss may add terms of unequal depth: those are no shortcuts.
        position = _shortcut(first, second) if self.running else None
        if position is None:
            return func(*args, **kwargs)
        shortcut, branch = args[position], args[1 - position]
        if self.decide(Addition(self.running[-1], shortcut, branch)):
            return func(*args, **kwargs)
        # `x += F(x)` writes into the shortcut's tensor, which others hold: F(x) has to be in it.
        if position == 0 and name in _WRITES:
            return first.copy_(second)
        return branch


def _enter(running: list[str], path: str, *_: Any) -> None:
    running.append(path)


def _leave(running: list[str], *_: Any) -> None:
    if running:
        running.pop()


def _shortcut(first: Any, second: Any) -> int | None:
    """Return which of two operands, 0 or 1, is the shortcut past the other; None if neither is."""
    if not (isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor)):
        return None
    ends = (first.grad_fn, second.grad_fn)
    if first.shape != second.shape or None in ends or ends[0] is ends[1]:
        return None
    origin = _common_origin(ends)
    if origin is None:
        return None
    # Branches of equal length (two towers of an Inception block) have no shortcut.
    lengths = [_weighted_steps(end, origin) for end in ends]
    if lengths[0] == lengths[1]:
        return None
    return 0 if lengths[0] < lengths[1] else 1


def _common_origin(ends: Sequence[_Step]) -> _Step | None:
    """Walk back from both ends in turns until one reaches a step that the other has visited."""
    visited: list[set[_Step]] = [{ends[0]}, {ends[1]}]
    frontier: list[list[_Step]] = [[ends[0]], [ends[1]]]
    while frontier[0] or frontier[1]:
        for side in (0, 1):
            reached = [step for end in frontier[side] for step in _before(end)]
            frontier[side] = []
            for step in reached:
                if step in visited[1 - side]:
                    return step
                if step not in visited[side]:
                    visited[side].add(step)
                    frontier[side].append(step)
    return None


def _weighted_steps(end: _Step, origin: _Step) -> int:
    """Count the products with weights (or of activations) between two steps."""
    if end is origin:
        return 0
    between, frontier = {end}, [end]
    while frontier:
        for step in _before(frontier.pop()):
            if step is not origin and step not in between:
                between.add(step)
                frontier.append(step)
    return sum(step.name().startswith(_WEIGHTED) for step in between)


def _before(step: _Step) -> list[_Step]:
    """Return the steps that gave this one its inputs, without leaves, which are weights."""
    steps = (source for source, _ in step.next_functions if source is not None)
    return [source for source in steps if not source.name().endswith("AccumulateGrad")]
