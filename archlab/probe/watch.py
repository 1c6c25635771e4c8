"""Hooks on every module call: which ran, in what order, and the gradient that reached its output.

A tensor's hook is set while its value is fresh and keeps to that value when an operator overwrites
it in place later. The same value under two paths (a container and its last child) is hooked once.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import torch
from torch import nn

from archlab.probe.norm import norm_in_place
from archlab.tracer.modules import tensors_in


@dataclass(slots=True, eq=False)  # two that are still empty are not the same
class Slot:
    """One tensor on the way back: the norm of the gradient that arrived, None until then."""

    value: torch.Tensor | None = None

    def arrive(self, gradient: torch.Tensor) -> None:
        """Take the gradient (a tensor hook)."""
        self.value = norm_in_place(gradient)


@dataclass(slots=True)
class ModuleCall:
    """One finished call: its module, which call of it, its output, and where gradients arrive."""

    path: str
    call: int
    shape: tuple[int, ...]
    slots: tuple[Slot, ...]
    size: torch.Tensor | None = None  # norm of the value, of the calls that were asked for

    def gradient(self) -> float | None:
        """Return the L2 norm over all output tensors, None where no gradient arrived."""
        return joined(self.slots)

    def finite(self) -> bool:
        """Whether the output's value is finite."""
        return self.size is None or bool(torch.isfinite(self.size))


@dataclass
class Watch:
    """Watches one forward and backward of `module`, as a context; then tells what it saw.

    Attributes:
        paths: the calls of these modules are kept with the finiteness of their values, and the
            first tensor that the first of them receives is `stem`.
        calls: every finished call, in the order of ending.
        before: paths of the modules that had finished before the first of `paths` began.
    """

    module: nn.Module
    paths: Collection[str] = ()
    calls: list[ModuleCall] = field(default_factory=list)
    stem: ModuleCall | None = None
    before: tuple[str, ...] = ()
    _handles: list[Any] = field(default_factory=list)
    _counts: dict[str, int] = field(default_factory=dict)
    _slots: dict[tuple[Any, int], Slot] = field(default_factory=dict)

    def __enter__(self) -> Watch:
        """Set the hooks."""
        for path, member in self.module.named_modules():
            if path in self.paths:
                self._handles.append(
                    member.register_forward_pre_hook(self._begin, with_kwargs=True)
                )
            self._handles.append(member.register_forward_hook(self._ended(path)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the hooks."""
        for handle in self._handles:
            handle.remove()
        self._slots.clear()

    def selected(self) -> list[ModuleCall]:
        """Return the calls of `paths`, in the order of execution."""
        return [call for call in self.calls if call.path in self.paths]

    def by_path(self) -> dict[str, float | None]:
        """Return the norm of the gradient at the outputs of each module that ran, all its calls."""
        slots: dict[str, list[Slot]] = {}
        for call in self.calls:
            slots.setdefault(call.path, []).extend(call.slots)
        return {path: joined(found) for path, found in slots.items()}

    def _begin(self, _: nn.Module, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        """Note the tensor that the first block receives."""
        if self.stem is not None:
            return
        self.before = tuple(call.path for call in self.calls)
        first = next((t for t in tensors_in([*args, kwargs]) if t.is_floating_point()), None)
        if first is None:
            self.stem = ModuleCall("", 0, (), ())
            return
        slots = tuple(self._hooked([first]))
        maker = next((call for call in self.calls if slots and call.slots == slots), None)
        self.stem = ModuleCall(
            maker.path if maker else "", 0, tuple(first.shape[1:]), slots, norm_in_place(first)
        )

    def _ended(self, path: str) -> Any:
        def hook(_: nn.Module, __: Any, output: Any) -> None:
            tensors = list(tensors_in([output]))
            number = self._counts.get(path, 0)
            self._counts[path] = number + 1
            main = tensors[0] if tensors else None
            self.calls.append(
                ModuleCall(
                    path,
                    number,
                    tuple(main.shape[1:]) if main is not None else (),
                    tuple(self._hooked(tensors)),
                    norm_in_place(main) if main is not None and path in self.paths else None,
                )
            )

        return hook

    def _hooked(self, tensors: Sequence[torch.Tensor]) -> Iterator[Slot]:
        for tensor in tensors:
            if not tensor.requires_grad:
                continue
            # The step that made a value outlives the tensor's own name for it; leaves have none.
            key = (tensor.grad_fn if tensor.grad_fn is not None else tensor, tensor.output_nr)
            if key not in self._slots:
                self._slots[key] = Slot()
                tensor.register_hook(self._slots[key].arrive)  # type: ignore[no-untyped-call]
            yield self._slots[key]


def joined(slots: Sequence[Slot]) -> float | None:
    """Return the L2 norm over several tensors; a value under two names counts once."""
    unique = {id(slot): slot.value for slot in slots if slot.value is not None}
    return math.hypot(*map(float, unique.values())) if unique else None
