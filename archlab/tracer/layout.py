"""Sizes and strides of tensors on the meta device, worked out as torch's own kernels do.

Plain arithmetic, because torch's helpers for it (`empty_like`, `broadcast_shapes`) import sympy.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

META = torch.device("meta")
FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}
"""Number of axes -> the layout that has channels last."""


class MisfitError(Exception):
    """Inputs that torch's real kernels refuse, and its meta kernels may let pass."""


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
    if all(item.shape == shape and item.is_contiguous() for item in tensors):
        return empty(shape, dtype)
    strides = contiguous_strides(shape)
    if any(item.stride() != contiguous_strides(item.shape) for item in tensors):
        strides = _ordered_strides(shape, [_broadcast_strides(item, shape) for item in tensors])
    return torch.empty_strided(shape, strides, dtype=dtype, device=META)


def memory_format(x: torch.Tensor) -> torch.memory_format:
    """Return the layout that torch's kernels take a tensor for.

    It is c10's `suggest_memory_format`, the doubtful cases (axes of size 1) included.
    """
    strides = x.stride()
    if x.dim() not in FORMATS or strides[1] == 0 or strides[1] > strides[-1]:
        return torch.contiguous_format
    least = 0
    for axis in (1, *range(x.dim() - 1, 1, -1), 0):
        size, stride = x.shape[axis], strides[axis]
        if not size or stride < least or (axis == 0 and least == strides[1]):
            return torch.contiguous_format
        least = stride * size
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
    """Return one number per axis from aten's shorthand of one number for all."""
    items = (value,) if isinstance(value, int) else tuple(value)
    return items * rank if len(items) == 1 else items


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


def _broadcast_strides(x: torch.Tensor, shape: Sequence[int]) -> list[int]:
    """Strides of `x` seen in a broadcast shape: 0 where it repeats."""
    missing = len(shape) - x.dim()
    own = zip(x.shape, x.stride(), shape[missing:], strict=True)
    return [0] * missing + [0 if size != full else stride for size, stride, full in own]


def _ordered_strides(shape: Sequence[int], strides: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Dense strides in the order of axes that the operands have (TensorIterator's own sort)."""
    order = list(reversed(range(len(shape))))  # innermost first
    for start in range(1, len(order)):
        here = start
        for before in reversed(range(start)):
            verdict = _compare(order[before], order[here], shape, strides)
            if verdict < 0:
                break
            if verdict > 0:
                order[before], order[here] = order[here], order[before]
                here = before
    result, step = [1] * len(shape), 1
    for axis in order:
        result[axis] = step
        step *= max(shape[axis], 1)
    return tuple(result)


def _compare(inner: int, outer: int, shape: Sequence[int], strides: Sequence[Sequence[int]]) -> int:
    """1 if the two axes are to be swapped, -1 if they are in order, 0 if nothing tells."""
    for operand in strides:
        if operand[inner] and operand[outer]:
            if operand[inner] != operand[outer]:
                return 1 if operand[inner] > operand[outer] else -1
            if shape[inner] > shape[outer]:
                return 1
    return 0
