"""The additions where a shortcut joins: found in the running forward, of any model.

Above autograd every `+` of two activations passes here. Where one operand comes from the other's
input with fewer weighted steps (none: the identity; one: a projection), that operand is the
shortcut. The two are compared in autograd's own graph, so functional code and in-place sums work.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from archlab.probe.gradients import Batch

_ADDS = frozenset({"add", "add_", "__add__", "__radd__", "__iadd__"})
_WRITES = frozenset({"add_", "__iadd__"})
_WEIGHTED = (
    "Convolution", "Addmm", "Mm", "Bmm", "Baddbmm", "Linear", "ScaledDotProduct", "MkldnnRnn",
    "CudnnRnn", "SlowConv",
)  # fmt: skip
_Step = Any  # a node of autograd's graph: torch publishes no type that has `next_functions`


@dataclass(frozen=True)
class Addition:
    """One sum: the running module, the shortcut's value and the branch's."""

    path: str
    shortcut: torch.Tensor
    branch: torch.Tensor


Decide = Callable[[Addition], bool]  # whether the shortcut stays


@contextlib.contextmanager
def watched_additions(module: nn.Module, decide: Decide) -> Iterator[None]:
    """Ask `decide` at every residual addition of a forward inside; where it says no, F(x) alone.

    Run the module on inputs from `rooted`, with autograd on: a first block that works on the input
    itself is found only then.
    """
    running: list[str] = []
    handles = []
    for path, member in module.named_modules():
        handles.append(member.register_forward_pre_hook(_entering(running, path), prepend=True))
        handles.append(member.register_forward_hook(_leaving(running), always_call=True))
    try:
        with _Additions(running, decide):
            yield
    finally:
        for handle in handles:
            handle.remove()


def rooted(batch: Batch) -> Batch:
    """Return the batch with inputs that autograd follows, so that they can be a common origin."""

    def root(value: Any) -> Any:
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            return value.detach().requires_grad_().clone()
        return value

    return Batch(
        tuple(map(root, batch.args)), {k: root(v) for k, v in batch.kwargs.items()}, batch.targets
    )


class _Additions(TorchFunctionMode):
    """Sees every call of a torch function."""

    def __init__(self, running: Sequence[str], decide: Decide) -> None:
        super().__init__()
        self.running, self.decide = running, decide

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name not in _ADDS or len(args) < 2 or kwargs.get("alpha", 1) != 1 or "out" in kwargs:
            return func(*args, **kwargs)
        first, second = args[:2]
        # Outside the module, a loss may add terms of unequal depth.
        which = _shortcut(first, second) if self.running else None
        if which is None:
            return func(*args, **kwargs)
        if self.decide(Addition(self.running[-1], args[which], args[1 - which])):
            return func(*args, **kwargs)
        if which == 0 and name in _WRITES:
            return first.copy_(second)
        return args[1 - which]


def _entering(running: list[str], path: str) -> Callable[..., None]:
    def hook(_: nn.Module, __: Any) -> None:
        running.append(path)

    return hook


def _leaving(running: list[str]) -> Callable[..., None]:
    def hook(_: nn.Module, __: Any, ___: Any) -> None:
        if running:
            running.pop()

    return hook


def _shortcut(first: Any, second: Any) -> int | None:
    """Which of two operands is the shortcut round the other; None where neither is."""
    if not (isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor)):
        return None
    ends = (first.grad_fn, second.grad_fn)
    if first.shape != second.shape or None in ends or ends[0] is ends[1]:
        return None
    origin = _common_origin(ends)
    if origin is None:
        return None
    lengths = [_weighted_steps(end, origin) for end in ends]
    if lengths[0] == lengths[1]:
        return None
    return 0 if lengths[0] < lengths[1] else 1


def _common_origin(ends: Sequence[_Step]) -> _Step | None:
    """Walk back from both ends in turns until one comes to a step the other has seen."""
    seen: list[set[_Step]] = [{ends[0]}, {ends[1]}]
    edge: list[list[_Step]] = [[ends[0]], [ends[1]]]
    while edge[0] or edge[1]:
        for side in (0, 1):
            reached = [step for end in edge[side] for step in _before(end)]
            edge[side] = []
            for step in reached:
                if step in seen[1 - side]:
                    return step
                if step not in seen[side]:
                    seen[side].add(step)
                    edge[side].append(step)
    return None


def _weighted_steps(end: _Step, origin: _Step) -> int:
    """How many products with weights (or of activations) lie between."""
    if end is origin:
        return 0
    seen, edge = {end}, [end]
    while edge:
        for step in _before(edge.pop()):
            if step is not origin and step not in seen:
                seen.add(step)
                edge.append(step)
    return sum(step.name().startswith(_WEIGHTED) for step in seen)


def _before(step: _Step) -> list[_Step]:
    """The steps that gave this one its inputs; leaves, which are weights, left out."""
    return [
        item
        for item, _ in step.next_functions
        if item is not None and not item.name().endswith("AccumulateGrad")
    ]
