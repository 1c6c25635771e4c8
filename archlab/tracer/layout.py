"""Sizes and strides of tensors on the meta device, worked out as torch's own kernels do.

Plain arithmetic, because torch's helpers for it (`empty_like`, `broadcast_shapes`) import sympy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

META = torch.device("meta")
# Torch's own answer: the fastest, and also there where what a forward asks is watched.
_IS_META: Any = vars(torch._C.TensorBase)["is_meta"]
is_meta: Callable[[torch.Tensor], bool] = _IS_META.__get__
# Number of axes -> the layout that has channels last.
FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}


class MisfitError(Exception):
    """Raised for inputs that torch's real kernels refuse and its meta kernels may accept."""


def empty(
    shape: Sequence[int],
    dtype: torch.dtype,
    layout: torch.memory_format = torch.contiguous_format,
) -> torch.Tensor:
    """Return a tensor without values on the meta device."""
    return torch.empty(shape, dtype=dtype, device=META, memory_format=layout)


def like(source: torch.Tensor, dtype: torch.dtype | None = None) -> torch.Tensor:
    """Return an empty tensor of the same shape and order of axes, by default of the same dtype."""
    return combined(source.shape, [source], dtype)


def combined(
    shape: Sequence[int], tensors: Sequence[torch.Tensor], dtype: torch.dtype | None = None
) -> torch.Tensor:
    """Return an empty tensor laid out as a pointwise operator lays out its result."""
    dtype = dtype or tensors[0].dtype
    # The common case, without the arithmetic below.
    if all(tensor.shape == shape and tensor.is_contiguous() for tensor in tensors):
        return empty(shape, dtype)
    strides = contiguous_strides(shape)
    if any(tensor.stride() != contiguous_strides(tensor.shape) for tensor in tensors):
        # `expand` gives the strides of a broadcast tensor: 0 along the axes on which it repeats.
        strides = _ordered_strides(shape, [x.expand(shape).stride() for x in tensors])
    return torch.empty_strided(shape, strides, dtype=dtype, device=META)


def memory_format(x: torch.Tensor) -> torch.memory_format:
    """Return the layout that torch's kernels assume for a tensor."""
    # This is `suggest_memory_format` of c10/core/TensorImpl.h, with its answers where axes of
    # size 1 leave the layout open.
    strides = x.stride()
    if x.dim() not in FORMATS or strides[1] == 0 or strides[1] > strides[-1]:
        return torch.contiguous_format
    smallest = 0  # stride that the next axis may have
    for axis in (1, *range(x.dim() - 1, 1, -1), 0):
        size, stride = x.shape[axis], strides[axis]
        if not size or stride < smallest or (axis == 0 and smallest == strides[1]):
            return torch.contiguous_format
        smallest = stride * size
    return FORMATS[x.dim()]


def broadcast(shapes: Sequence[Sequence[int]]) -> tuple[int, ...] | None:
    """Return the broadcast shape, or None if the shapes do not fit.

    Example:
        >>> broadcast([(2, 3, 4), (3, 1)])
        (2, 3, 4)
    """
    rank = max(map(len, shapes))
    result = [1] * rank
    for shape in shapes:
        for axis, size in enumerate(shape, rank - len(shape)):
            if result[axis] == 1:
                result[axis] = size
            elif size not in (1, result[axis]):
                return None
    return tuple(result)


def spread(value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """Return one number per axis, where aten allows one number for all axes."""
    numbers = (value,) if isinstance(value, int) else tuple(value)
    return numbers * rank if len(numbers) == 1 else numbers


def contiguous_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the strides of a freshly made tensor.

    Example:
        >>> contiguous_strides((2, 3, 4))
        (12, 4, 1)
    """
    strides, step = [1] * len(shape), 1
    for axis in reversed(range(len(shape))):
        strides[axis] = step
        step *= max(shape[axis], 1)
    return tuple(strides)


def _ordered_strides(shape: Sequence[int], strides: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Return dense strides in the order of axes that the operands have."""
    # This is the insertion sort of `TensorIteratorBase::reorder_dimensions` in aten. It leaves axes
    # alone whose order is ambiguous, so another sorting algorithm would give other strides.
    order = list(reversed(range(len(shape))))  # innermost first
    for start in range(1, len(order)):
        moving = start
        for earlier in reversed(range(start)):
            comparison = _compare(order[earlier], order[moving], shape, strides)
            if comparison < 0:
                break
            if comparison > 0:
                order[earlier], order[moving] = order[moving], order[earlier]
                moving = earlier
    result, step = [1] * len(shape), 1
    for axis in order:
        result[axis] = step
        step *= max(shape[axis], 1)
    return tuple(result)


def _compare(inner: int, outer: int, shape: Sequence[int], strides: Sequence[Sequence[int]]) -> int:
    """Return 1 if the two axes are to be swapped, -1 if they are in order, 0 if it is open."""
    for operand in strides:
        if operand[inner] and operand[outer]:
            if operand[inner] != operand[outer]:
                return 1 if operand[inner] > operand[outer] else -1
            if shape[inner] > shape[outer]:
                return 1
    return 0
