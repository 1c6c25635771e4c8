"""Where an operator of a trace on meta runs: on meta, or on the CPU where few values are known.

A forward makes tensors of its own, often on the CPU: positions, masks, fresh maps to write into.
Few elements keep their values, so that a forward may ask for them; more would only cost memory.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Any

import torch

from archlab.tracer.fake import FakeTensor, unset_fake_temporarily
from archlab.tracer.layout import META, is_meta
from archlab.tracer.overloads import Operator
from archlab.tracer.tensors import TensorTable

FEW = 2**20  # elements, 8 MiB of integers
_LARGE = 2**26


def keeps_values(
    op: Operator, values: Mapping[str, Any], sources: Sequence[torch.Tensor], table: TensorTable
) -> bool:
    """Whether an operator runs on the CPU: on known values, without making many of them."""
    if any(map(is_meta, sources)):
        return False
    # A view stays a view of the same memory, whether its values are known or not.
    if op.view:
        return True
    if any(map(table.without_values, sources)):
        return False
    size = values.get("size")
    if isinstance(size, list | tuple) and prod(size) > FEW:
        return False
    # What is broadcast, or multiplied, is no larger than the product of the operands' sizes.
    return bool(op.writes) or prod(tensor.numel() for tensor in sources) <= FEW


def moved(
    func: Any, args: Iterable[Any], kwargs: Mapping[str, Any], sources: Sequence[torch.Tensor]
) -> Any:
    """Return what an operator gives on meta, wherever its tensors are."""
    if "device" in kwargs or not sources:
        kwargs = {**kwargs, "device": META}
    if not all(map(is_meta, sources)):
        args = map(_to_meta, args)
        kwargs = {name: _to_meta(value) for name, value in kwargs.items()}
    imported = "torch._dynamo" in sys.modules
    out = func(*args, **kwargs)
    if not imported and "torch._dynamo" in sys.modules:
        # Some of torch's kernels import it at their first call, and leave a frame that refers to
        # itself. Until it is collected it holds all frames below it, and their tensors.
        gc.collect(0)
    return out


def _to_meta(value: Any) -> Any:
    """Move a CPU tensor that joins meta ones; lists of tensors too."""
    if isinstance(value, torch.Tensor):
        return value if value.is_meta else value.to(META)
    if isinstance(value, list | tuple):
        return type(value)(_to_meta(part) for part in value)
    return value


def complain(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Let torch's CPU kernel refuse inputs in its own words.

    Every tensor on meta is replaced by zeros, in memory that no kernel which refuses will touch; a
    very large one by a single zero, expanded.
    """

    def stand_in(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return type(value)(stand_in(part) for part in value)
        if isinstance(value, torch.device):
            return torch.device("cpu")
        if not isinstance(value, torch.Tensor):
            return value
        if not value.is_meta and not isinstance(value, FakeTensor):
            return value.clone()  # its values are known, and an operator may write them
        if value.numel() > _LARGE:
            return torch.zeros((), dtype=value.dtype).expand(value.shape)
        elements = 1 + sum((n - 1) * s for n, s in zip(value.shape, value.stride(), strict=True))
        zeros = torch.zeros(max(elements, 0), dtype=value.dtype)
        return zeros.as_strided(value.shape, value.stride())

    with unset_fake_temporarily():
        func(*map(stand_in, args), **{name: stand_in(value) for name, value in kwargs.items()})
