"""SHAPES: output tensors of the common operators, without torch's Python meta kernels.

Why: the first call of a Python meta kernel imports sympy and torch._dynamo, more than a second;
`torch.empty(shape, device="meta")` imports nothing. A rule returns None where it is not sure
(mixed dtypes, shapes that do not fit): torch's own kernel then answers, or raises its own error.
Layouts are those of the CPU kernels, which the meta kernel of a convolution does not know.
`tests/tracer/test_shapes.py` holds every rule against torch's kernels.
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


def memory_format(x: torch.Tensor) -> torch.memory_format:
    """Return the layout that torch's kernels take a tensor for.

    It is c10's `suggest_memory_format`, the doubtful cases (axes of size 1) included.
    """
    if x.dim() not in _FORMATS or x.stride(1) == 0:
        return torch.contiguous_format
    least = 0
    for axis in (1, *range(x.dim() - 1, 1, -1), 0):
        size, stride = x.shape[axis], x.stride(axis)
        if not size or stride < least or (axis == 0 and least == x.stride(1)):
            return torch.contiguous_format
        least = stride * size
    return _FORMATS[x.dim()]


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
    dtype = tensors[0].dtype
    if not dtype.is_floating_point or any(item.dtype != dtype for item in tensors):
        return None
    shape = broadcast([item.shape for item in tensors])
    if shape is None or any(isinstance(item, complex) for item in values.values()):
        return None
    if all(item.is_contiguous() for item in tensors):
        return torch.empty(shape, dtype=dtype, device=META)
    # The order of axes comes from the tensors with two axes or more; here they must agree on it.
    ordered = [item for item in tensors if sum(size != 1 for size in item.shape) > 1]
    if any(item.shape != shape or item.stride() != ordered[0].stride() for item in ordered):
        return None
    return like(ordered[0]) if ordered else torch.empty(shape, dtype=dtype, device=META)


def in_place(values: Values) -> torch.Tensor | None:
    """A pointwise operator that writes its first tensor, a float one without repeated elements."""
    tensors = [item for item in values.values() if isinstance(item, torch.Tensor)]
    target = tensors[0]
    if not target.is_floating_point() or any(item.is_complex() for item in tensors):
        return None
    if 0 in target.stride() or any(isinstance(item, complex) for item in values.values()):
        return None
    if len(tensors) > 1 and broadcast([item.shape for item in tensors]) != tuple(target.shape):
        return None
    return target


def clamp(values: Values) -> torch.Tensor | None:
    """Pointwise, with one bound at least."""
    return None if values["min"] is values["max"] is None else pointwise(values)


def convolution(values: Values) -> torch.Tensor | None:
    """(N, C, …) with (O, C/groups, …), or (C, O/groups, …) when transposed."""
    x, weight, bias = values["input"], values["weight"], values["bias"]
    rank = weight.dim() - 2
    if x.dim() != weight.dim() or x.dtype != weight.dtype or rank < 1:
        return None
    channels = _conv_channels(values)
    spatial = _conv_spatial(values, rank) if channels else None
    if not channels or not spatial or min(spatial) < 1:
        return None
    if bias is not None and (tuple(bias.shape) != (channels,) or bias.dtype != x.dtype):
        return None
    shape = (x.shape[0], channels, *spatial)
    if rank == 1:  # computed as an image of height 1
        layout = _conv_format(x.unsqueeze(2), weight.unsqueeze(2))
        flat = (*shape[:2], 1, *spatial)
        return torch.empty(flat, dtype=x.dtype, device=META, memory_format=layout).squeeze(2)
    return torch.empty(shape, dtype=x.dtype, device=META, memory_format=_conv_format(x, weight))


def _conv_channels(values: Values) -> int | None:
    """Output channels, or None where the input's channels or the groups do not fit."""
    given, weight, groups = values["input"].shape[1], values["weight"], values["groups"]
    if groups < 1 or weight.shape[0] % groups:
        return None
    if values["transposed"]:
        return int(weight.shape[1]) * groups if given == weight.shape[0] else None
    return int(weight.shape[0]) if given == weight.shape[1] * groups else None


def _conv_spatial(values: Values, rank: int) -> list[int] | None:
    stride, padding = spread(values["stride"], rank), spread(values["padding"], rank)
    dilation, extra = spread(values["dilation"], rank), spread(values["output_padding"], rank)
    if min(*stride, *dilation) < 1 or min(padding) < 0:
        return None
    size = values["input"].shape[2:]
    reach = [dilation[i] * (values["weight"].shape[2 + i] - 1) for i in range(rank)]
    if not values["transposed"]:
        return [(size[i] + 2 * padding[i] - reach[i] - 1) // stride[i] + 1 for i in range(rank)]
    if any(extra[i] >= max(stride[i], dilation[i]) for i in range(rank)):
        return None
    return [
        (size[i] - 1) * stride[i] - 2 * padding[i] + reach[i] + extra[i] + 1 for i in range(rank)
    ]


def _conv_format(x: torch.Tensor, weight: torch.Tensor) -> torch.memory_format:
    """Channels last where the input or the weight is."""
    found = memory_format(x)
    return memory_format(weight) if found == torch.contiguous_format else found


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
    return (_formatted(x), *stats)


def _formatted(x: torch.Tensor) -> torch.Tensor:
    """An empty tensor of the same shape, channels last where `x` is, else contiguous."""
    return torch.empty(x.shape, dtype=x.dtype, device=META, memory_format=memory_format(x))


def layer_norm(values: Values) -> tuple[torch.Tensor, ...] | None:
    """Output, mean and reciprocal deviation per normalised vector."""
    x, axes = values["input"], tuple(values["normalized_shape"])
    if tuple(x.shape[x.dim() - len(axes) :]) != axes or x.dtype not in (
        torch.float32,
        torch.float64,
    ):
        return None
    if any(item is not None and tuple(item.shape) != axes for item in _affine(values)):
        return None
    kept = (*x.shape[: x.dim() - len(axes)], *(1 for _ in axes))
    stats = (torch.empty(kept, dtype=x.dtype, device=META) for _ in range(2))
    return (torch.empty(x.shape, dtype=x.dtype, device=META), *stats)


def _affine(values: Values) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    return values["weight"], values["bias"]


def group_norm(values: Values) -> tuple[torch.Tensor, ...] | None:
    """Output, mean and reciprocal deviation per group."""
    x = values["input"]
    if x.dtype not in (torch.float32, torch.float64):
        return None
    stats = (
        torch.empty((values["N"], values["group"]), dtype=x.dtype, device=META) for _ in range(2)
    )
    return (_formatted(x), *stats)


def softmax(values: Values) -> torch.Tensor | None:
    """Same shape, contiguous; a half-to-float conversion is left to torch."""
    x = values["self"]
    if values.get("half_to_float") or not x.is_floating_point() or values.get("dtype") is not None:
        return None
    if not _axis_fits(values["dim"], x.dim()):
        return None
    return torch.empty(x.shape, dtype=x.dtype, device=META)


def _axis_fits(axis: int, rank: int) -> bool:
    return -rank <= axis < rank or (rank == 0 and axis in (-1, 0))


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
    if not first.dim() or not _axis_fits(values["dim"], first.dim()):
        return None
    axis = values["dim"] % first.dim()
    rest = [size for i, size in enumerate(first.shape) if i != axis]
    for item in tensors:
        if item.dim() != first.dim() or item.dtype != first.dtype:
            return None
        if [size for i, size in enumerate(item.shape) if i != axis] != rest:
            return None
    shape = list(first.shape)
    shape[axis] = sum(item.shape[axis] for item in tensors)
    layout = memory_format(first)
    if any(memory_format(item) != layout for item in tensors):
        layout = torch.contiguous_format
    return torch.empty(shape, dtype=first.dtype, device=META, memory_format=layout)


def reduction(values: Values) -> torch.Tensor | None:
    """Mean or sum over axes."""
    x, axes = values["self"], values.get("dim")
    if not x.is_floating_point() or values.get("dtype") is not None:
        return None
    if not all(_axis_fits(axis, x.dim()) for axis in axes or ()):
        return None
    gone = {axis % max(x.dim(), 1) for axis in axes} if axes else set(range(x.dim()))
    if axes and len(gone) < len(axes):
        return None
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
    if min(*kernel, *stride, *spacing) < 1 or min(padding) < 0:
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
    """Output with the query's layout (batch, heads, queries, size), and the log-sum-exp."""
    query = values["query"]
    batch, heads, length, _ = query.shape
    sums = torch.empty((batch, length, heads), dtype=torch.float32, device=META)
    return like(query), sums.transpose(1, 2)


def embedding(values: Values) -> torch.Tensor | None:
    """One row of the weight per index."""
    weight, indices = values["weight"], values["indices"]
    if weight.dim() != 2 or indices.dtype not in (torch.int64, torch.int32):
        return None
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
    "aten.clamp.default": clamp,
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
        "imag", "clamp", "clip", "float_power", "lshift", "rshift", "ilshift", "irshift",
    }
)  # fmt: skip
"""Pointwise-tagged operators whose output dtype or arguments need torch's own answer."""
