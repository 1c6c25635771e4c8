"""Hooks on module calls: which ran, in what order, and the gradient that reached each output.

A tensor's hook is set as soon as the value exists, and stays with that value when an operator
overwrites it in place later. The same value under two paths (a container and its last child) gets
one hook.
"""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import nn

from archlab.probe.norm import has_gradient, norm_in_place, seen
from archlab.probe.running import after, before, members
from archlab.tracer.modules import tensors_in


@dataclass(slots=True, eq=False)  # compared by identity: two empty slots are not the same
class Slot:
    """The norm of the gradient that arrived at one tensor, None until then."""

    value: torch.Tensor | None = None

    def arrive(self, gradient: torch.Tensor | None) -> None:
        """Keep the norm of the gradient (a tensor hook); torch passes None where there is none."""
        if gradient is not None:
            self.value = norm_in_place(gradient)


@dataclass(slots=True)
class WatchedCall:
    """One finished call of a module: its number, its output's shape, and where gradients arrive."""

    path: str
    call: int
    shape: tuple[int, ...]
    slots: tuple[Slot, ...]
    size: torch.Tensor | None = None  # norm of the output, for the modules of `Watch.paths`

    def gradient(self) -> float | None:
        """Return the L2 norm over all output tensors, None where no gradient arrived."""
        return joined(self.slots)

    def finite(self) -> bool:
        """Whether the output's value is finite."""
        return self.size is None or bool(torch.isfinite(self.size))


@dataclass
class Watch:
    """Watches one forward of `module`, as a context; gradients arrive also after its end.

    A backward pass inside would add the calls that activation checkpointing repeats.
    """

    module: nn.Module
    # Modules for whose calls the norm of the output is kept, too: the places to measure.
    paths: Collection[str] = ()
    # Every finished call, in the order in which they end.
    calls: list[WatchedCall] = field(default_factory=list)
    # The first tensor that the first of `paths` receives, as an output of what made it.
    stem: WatchedCall | None = None
    # Paths of the modules that had finished before the first of `paths` began.
    before: tuple[str, ...] = ()
    _hooks: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _counts: Counter[str] = field(default_factory=Counter)
    _slots: dict[tuple[Any, int], Slot] = field(default_factory=dict)

    def __enter__(self) -> Watch:
        """Set the hooks."""
        for path, member in members(self.module):
            if path in self.paths:
                self._hooks.enter_context(before(member, self._begin))
            self._hooks.enter_context(after(member, partial(self._ended, path)))
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the hooks."""
        self._hooks.close()
        self._slots.clear()

    def selected(self) -> list[WatchedCall]:
        """Return the calls of `paths`, in the order of execution."""
        return [call for call in self.calls if call.path in self.paths]

    def by_path(self) -> dict[str, float | None]:
        """Return the norm of the gradient at the outputs of each module, over all its calls."""
        slots: dict[str, list[Slot]] = {}
        for call in self.calls:
            slots.setdefault(call.path, []).extend(call.slots)
        return {path: joined(slots_of_path) for path, slots_of_path in slots.items()}

    def _begin(self, _: nn.Module, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        """Note the tensor that the first block receives."""
        # A block that runs again, or a later one, is no beginning.
        if self.stem is not None:
            return
        self.before = tuple(call.path for call in self.calls)
        received = filter(has_gradient, tensors_in([*args, kwargs]))
        tensor = next(received, None)
        if tensor is None:
            self.stem = WatchedCall("", 0, (), ())
            return
        slots = tuple(self._hooked([tensor]))
        # The module whose output shares the slot made the tensor; none did where it is the input.
        maker = next((call.path for call in self.calls if slots and call.slots == slots), "")
        self.stem = WatchedCall(maker, 0, sample_shape(tensor), slots, norm_in_place(tensor))

    def _ended(self, path: str, _: nn.Module, __: Any, output: Any) -> None:
        tensors = list(tensors_in([output]))
        shape = sample_shape(tensors[0]) if tensors else ()
        # A norm is kept, not the tensor: that would hold the memory of the whole forward.
        size = norm_in_place(tensors[0]) if tensors and path in self.paths else None
        slots = tuple(self._hooked(tensors))
        self.calls.append(WatchedCall(path, self._counts[path], shape, slots, size))
        self._counts[path] += 1

    def _hooked(self, tensors: Sequence[torch.Tensor]) -> Iterator[Slot]:
        for tensor in tensors:
            if not seen(tensor).requires_grad:
                continue
            # The step of autograd that made a value identifies it, also where two tensor objects
            # hold it; leaves have no step.
            key = (tensor.grad_fn if tensor.grad_fn is not None else tensor, tensor.output_nr)
            if key not in self._slots:
                self._slots[key] = Slot()
                tensor.register_hook(self._slots[key].arrive)  # type: ignore[no-untyped-call]
            yield self._slots[key]


def sample_shape(tensor: torch.Tensor) -> tuple[int, ...]:
    """Return the shape without the batch; that of a nested tensor, whose samples differ, is ()."""
    return () if tensor.is_nested else tuple(tensor.shape[1:])


@contextlib.contextmanager
def kept_outputs(module: nn.Module, paths: Iterable[str]) -> Iterator[dict[str, torch.Tensor]]:
    """Fill a dictionary with the first output of each named module that returns a tensor."""
    outputs: dict[str, torch.Tensor] = {}

    def keep(path: str, _: nn.Module, __: Any, output: Any) -> None:
        if isinstance(output, torch.Tensor):
            outputs.setdefault(path, output)

    with contextlib.ExitStack() as hooks:
        for path in paths:
            member = module.get_submodule(path)
            hooks.enter_context(after(member, partial(keep, path)))
        yield outputs


def joined(slots: Sequence[Slot]) -> float | None:
    """Return the L2 norm over several tensors; one that is listed twice counts once."""
    unique = {id(slot): slot.value for slot in slots if slot.value is not None}
    return math.hypot(*map(float, unique.values())) if unique else None
