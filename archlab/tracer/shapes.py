"""SHAPES: output tensors of the common operators, without torch's Python meta kernels.

Why: the first call of a Python meta kernel imports sympy and torch._dynamo, more than a second;
`torch.empty(shape, device="meta")` imports nothing. A rule returns None where it is not sure
(mixed dtypes, shapes that do not fit): torch's own kernel then answers, or raises its own error.
`tests/trace/test_shapes.py` holds every rule against torch's kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import torch

Values = Mapping[str, Any]
Rule = Callable[[Values], Any]

META = torch.device("meta")
_FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}


def like(source: torch.Tensor, shape: Sequence[int] | None = None) -> torch.Tensor:
    """Return an empty tensor; with the same shape it keeps the memory layout of `source`."""
    if shape is None or tuple(shape) == tuple(source.shape):
        if source.is_contiguous():
            return torch.empty(source.shape, dtype=source.dtype, device=META)
        return torch.empty_like(source, device=META)
    return torch.empty(shape, dtype=source.dtype, device=META)


def broadcast(shapes: Sequence[Sequence[int]]) -> tuple[int, ...] | None:
    """Return the broadcast shape, or None if the shapes do not fit."""
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


def pointwise(values: Values) -> torch.Tensor | None:
    """Any pointwise operator whose tensors are all floats of one dtype."""
    tensors = [item for item in values.values() if isinstance(item, torch.Tensor)]
    if len(tensors) == 1:
        return like(tensors[0]) if tensors[0].is_floating_point() else None
    dtype = tensors[0].dtype
    if not dtype.is_floating_point or any(item.dtype != dtype for item in tensors):
        return None
    shape = broadcast([item.shape for item in tensors])
    if shape is None:
        return None
    same = [item for item in tensors if tuple(item.shape) == shape]
    return like(same[0] if same else tensors[0], shape)


def in_place(values: Values) -> torch.Tensor | None:
    """A pointwise operator that writes its first tensor."""
    tensors = [item for item in values.values() if isinstance(item, torch.Tensor)]
    target = tensors[0]
    if len(tensors) > 1 and broadcast([item.shape for item in tensors]) != tuple(target.shape):
        return None
    return target


def convolution(values: Values) -> torch.Tensor | None:
    """(N, C, …) with (O, C/groups, …), or (C, O/groups, …) when transposed."""
    x, weight = values["input"], values["weight"]
    rank = weight.dim() - 2
    if x.dim() != weight.dim() or x.dtype != weight.dtype or rank < 1:
        return None
    stride, padding = spread(values["stride"], rank), spread(values["padding"], rank)
    dilation, groups = spread(values["dilation"], rank), values["groups"]
    kernel, size = weight.shape[2:], x.shape[2:]
    if values["transposed"]:
        if x.shape[1] != weight.shape[0]:
            return None
        extra = spread(values["output_padding"], rank)
        channels = weight.shape[1] * groups
        spatial = [
            (size[i] - 1) * stride[i]
            - 2 * padding[i]
            + dilation[i] * (kernel[i] - 1)
            + extra[i]
            + 1
            for i in range(rank)
        ]
    else:
        if x.shape[1] != weight.shape[1] * groups or weight.shape[0] % groups:
            return None
        channels = weight.shape[0]
        spatial = [
            (size[i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1
            for i in range(rank)
        ]
    bias = values["bias"]
    if min(spatial) < 1 or (bias is not None and tuple(bias.shape) != (channels,)):
        return None
    shape = (x.shape[0], channels, *spatial)
    layout = _FORMATS.get(x.dim())
    last = layout is not None and not x.is_contiguous() and x.is_contiguous(memory_format=layout)
    memory = layout if last else torch.contiguous_format
    return torch.empty(shape, dtype=x.dtype, device=META, memory_format=memory)


def batch_norm(values: Values) -> tuple[torch.Tensor, ...] | None:
    """Output, and the statistics that training keeps (empty in eval mode)."""
    x = values["input"]
    weight = values["weight"]
    if x.dim() < 2 or (weight is not None and weight.shape[0] != x.shape[1]):
        return None
    running = values.get("running_mean")
    if running is not None and running.shape[0] != x.shape[1]:
        return None
    size = x.shape[1] if values.get("training", False) else 0
    dtype = torch.float32 if x.dtype in (torch.float16, torch.bfloat16) else x.dtype
    stats = (torch.empty((size,), dtype=dtype, device=META) for _ in range(2))
    return (like(x), *stats)


def layer_norm(values: Values) -> tuple[torch.Tensor, ...] | None:
    """Output, mean and reciprocal deviation per normalised vector."""
    x, axes = values["input"], tuple(values["normalized_shape"])
    if tuple(x.shape[x.dim() - len(axes) :]) != axes or x.dtype not in (
        torch.float32,
        torch.float64,
    ):
        return None
    kept = (*x.shape[: x.dim() - len(axes)], *(1 for _ in axes))
    stats = (torch.empty(kept, dtype=x.dtype, device=META) for _ in range(2))
    return (torch.empty(x.shape, dtype=x.dtype, device=META), *stats)


def group_norm(values: Values) -> tuple[torch.Tensor, ...] | None:
    """Output, mean and reciprocal deviation per group."""
    x = values["input"]
    if x.dtype not in (torch.float32, torch.float64):
        return None
    stats = (
        torch.empty((values["N"], values["group"]), dtype=x.dtype, device=META) for _ in range(2)
    )
    return (like(x), *stats)


def softmax(values: Values) -> torch.Tensor | None:
    """Same shape; a half-to-float conversion is left to torch."""
    x = values["self"]
    if values.get("half_to_float") or not x.is_floating_point() or values.get("dtype") is not None:
        return None
    return like(x)


def addmm(values: Values) -> torch.Tensor | None:
    """(rows × inner) by (inner × columns), plus something that broadcasts."""
    return _matmul(values["mat1"], values["mat2"], values["self"])


def mm(values: Values) -> torch.Tensor | None:
    """(rows × inner) by (inner × columns)."""
    return _matmul(values["self"], values["mat2"], None)


def bmm(values: Values) -> torch.Tensor | None:
    """(batch × rows × inner) by (batch × inner × columns)."""
    a, b = values["self"], values["mat2"]
    if a.dim() != 3 or b.dim() != 3 or a.shape[0] != b.shape[0]:
        return None
    if a.shape[2] != b.shape[1] or a.dtype != b.dtype:
        return None
    return torch.empty((a.shape[0], a.shape[1], b.shape[2]), dtype=a.dtype, device=META)


def _matmul(a: torch.Tensor, b: torch.Tensor, added: torch.Tensor | None) -> torch.Tensor | None:
    if a.dim() != 2 or b.dim() != 2 or a.shape[1] != b.shape[0] or a.dtype != b.dtype:
        return None
    shape = (a.shape[0], b.shape[1])
    if added is not None and (added.dtype != a.dtype or broadcast([added.shape, shape]) != shape):
        return None
    return torch.empty(shape, dtype=a.dtype, device=META)


def concat(values: Values) -> torch.Tensor | None:
    """Along one axis; all other sizes equal."""
    tensors = values["tensors"]
    first = tensors[0]
    axis = values["dim"] % max(first.dim(), 1)
    rest = [size for i, size in enumerate(first.shape) if i != axis]
    for item in tensors:
        if item.dim() != first.dim() or item.dtype != first.dtype:
            return None
        if [size for i, size in enumerate(item.shape) if i != axis] != rest:
            return None
    shape = list(first.shape)
    shape[axis] = sum(item.shape[axis] for item in tensors)
    layout = _FORMATS.get(first.dim())
    if layout is not None and not first.is_contiguous():
        if all(item.is_contiguous(memory_format=layout) for item in tensors):
            return torch.empty(shape, dtype=first.dtype, device=META, memory_format=layout)
        return None
    return torch.empty(shape, dtype=first.dtype, device=META)


def reduction(values: Values) -> torch.Tensor | None:
    """Mean or sum over axes."""
    x, axes = values["self"], values.get("dim")
    if not x.is_floating_point() or values.get("dtype") is not None:
        return None
    gone = {axis % max(x.dim(), 1) for axis in axes} if axes else set(range(x.dim()))
    if values.get("keepdim"):
        shape = [1 if i in gone else size for i, size in enumerate(x.shape)]
    else:
        shape = [size for i, size in enumerate(x.shape) if i not in gone]
    return torch.empty(shape, dtype=x.dtype, device=META)


def max_pool(values: Values) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Output and the position of each maximum."""
    out = _pool(values, values["dilation"])
    return None if out is None else (out, torch.empty(out.shape, dtype=torch.int64, device=META))


def avg_pool(values: Values) -> torch.Tensor | None:
    """Average over windows."""
    return _pool(values, 1)


def pooled_size(size: int, kernel: int, stride: int, padding: int, *, ceil: bool) -> int:
    """Return the number of windows along one axis, as torch's pooling counts them."""
    out = (
        -((size + 2 * padding - kernel) // -stride) + 1
        if ceil
        else ((size + 2 * padding - kernel) // stride + 1)
    )
    # A last window must start inside the input or its left padding.
    return out - 1 if ceil and (out - 1) * stride >= size + padding else out


def _pool(values: Values, dilation: int | Sequence[int]) -> torch.Tensor | None:
    x = values["self"]
    kernel = tuple(values["kernel_size"])
    rank = len(kernel) if len(kernel) > 1 else 2
    if x.dim() != rank + 2 or not x.is_contiguous():
        return None
    kernel = spread(kernel, rank)
    stride = spread(values["stride"], rank) if values["stride"] else kernel
    padding, spacing = spread(values["padding"], rank), spread(dilation, rank)
    if any(2 * padding[i] > kernel[i] for i in range(rank)):
        return None
    spatial = [
        pooled_size(
            x.shape[2 + i],
            spacing[i] * (kernel[i] - 1) + 1,
            stride[i],
            padding[i],
            ceil=values["ceil_mode"],
        )
        for i in range(rank)
    ]
    return None if min(spatial) < 1 else like(x, (*x.shape[:2], *spatial))


def flash_attention(values: Values) -> tuple[torch.Tensor, torch.Tensor]:
    """Output with the value's layout (batch, heads, queries, size), and the log-sum-exp."""
    query, value = values["query"], values["value"]
    batch, heads, length, _ = query.shape
    # The kernel writes (batch, queries, heads, size) and returns a transposed view of it.
    out = torch.empty((batch, length, heads, value.shape[-1]), dtype=query.dtype, device=META)
    sums = torch.empty((batch, length, heads), dtype=torch.float32, device=META)
    return out.transpose(1, 2), sums.transpose(1, 2)


def embedding(values: Values) -> torch.Tensor:
    """One row of the weight per index."""
    weight, indices = values["weight"], values["indices"]
    return torch.empty((*indices.shape, *weight.shape[1:]), dtype=weight.dtype, device=META)


def unsafe_view(values: Values) -> torch.Tensor | None:
    """A fresh tensor seen in another shape."""
    x, shape = values["self"], list(values["size"])
    known = prod(size for size in shape if size != -1)
    if -1 in shape:
        if not known:
            return None
        shape[shape.index(-1)] = x.numel() // known
    if prod(shape) != x.numel() or not x.is_contiguous():
        return None
    return torch.as_strided(x, shape, _contiguous_strides(shape))


def _contiguous_strides(shape: Sequence[int]) -> list[int]:
    strides, step = [1] * len(shape), 1
    for axis in reversed(range(len(shape))):
        strides[axis] = step
        step *= max(shape[axis], 1)
    return strides


SHAPES: dict[str, Rule] = {
    "aten.convolution.default": convolution,
    "aten.native_batch_norm.default": batch_norm,
    "aten.native_layer_norm.default": layer_norm,
    "aten.native_group_norm.default": group_norm,
    "aten._softmax.default": softmax,
    "aten._log_softmax.default": softmax,
    "aten._safe_softmax.default": softmax,
    "aten.addmm.default": addmm,
    "aten.mm.default": mm,
    "aten.bmm.default": bmm,
    "aten.cat.default": concat,
    "aten.mean.dim": reduction,
    "aten.sum.dim_IntList": reduction,
    "aten.max_pool2d_with_indices.default": max_pool,
    "aten.avg_pool2d.default": avg_pool,
    "aten.embedding.default": embedding,
    "aten._unsafe_view.default": unsafe_view,
    "aten._scaled_dot_product_flash_attention_for_cpu.default": flash_attention,
}
"""Operator overload -> rule. Pointwise operators share `pointwise` and `in_place`, by their tag."""

NOT_FLOAT = frozenset(
    {
        "eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor",
        "logical_not", "isnan", "isinf", "isfinite", "isposinf", "isneginf", "signbit",
        "bitwise_not", "bitwise_and", "bitwise_or", "bitwise_xor", "where", "_to_copy",
        "nan_to_num", "polar", "complex", "view_as_real", "angle", "abs", "bernoulli", "clone",
        "copy", "frexp", "masked_fill", "copysign", "nextafter", "heaviside", "to_copy", "real",
        "imag",
    }
)  # fmt: skip
"""Pointwise-tagged operators whose output dtype or arguments need torch's own answer."""
