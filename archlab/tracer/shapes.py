"""SHAPES: output tensors of the common operators, without torch's Python meta kernels.

The first call of a Python meta kernel imports sympy and torch._dynamo, which takes more than a
second; `torch.empty(shape, device="meta")` imports nothing. A rule returns None where it is not
sure (mixed dtypes, shapes that do not fit): torch's own kernel then answers, or raises its own
error. Where the meta kernel accepts what a real one refuses, the rule raises MisfitError. Layouts
are those of the CPU kernels, which the meta kernel of a convolution does not know.
`tests/tracer/test_shapes.py` compares every rule with torch's kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import torch

from archlab.tracer.layout import (
    FORMATS,
    MisfitError,
    broadcast,
    combined,
    contiguous_strides,
    empty,
    like,
    memory_format,
)
from archlab.tracer.windows import (
    adaptive_pool,
    avg_pool,
    convolution,
    max_pool,
    max_unpool,
    mirror_pad,
)

Values = Mapping[str, Any]
Rule = Callable[[Values], Any]
_HALF = (torch.float16, torch.bfloat16)
_NORMED = (torch.float32, torch.float64, *_HALF)


def pointwise(values: Values) -> torch.Tensor | None:
    """Any pointwise operator whose tensors are all floats of one dtype."""
    tensors = _tensors(values)
    dtype = tensors[0].dtype
    if not dtype.is_floating_point or any(tensor.dtype != dtype for tensor in tensors):
        return None
    shape = broadcast([tensor.shape for tensor in tensors])
    if shape is None or any(isinstance(value, complex) for value in values.values()):
        return None
    return combined(shape, tensors)


def _tensors(values: Values) -> list[torch.Tensor]:
    return [value for value in values.values() if isinstance(value, torch.Tensor)]


def in_place(values: Values) -> torch.Tensor | None:
    """A pointwise operator that writes its first tensor, a float one without repeated elements."""
    tensors = _tensors(values)
    target = tensors[0]
    if not target.is_floating_point() or 0 in target.stride():
        return None
    if any(tensor.is_complex() for tensor in tensors):
        return None
    if any(isinstance(value, complex) for value in values.values()):
        return None
    if len(tensors) > 1 and broadcast([x.shape for x in tensors]) != tuple(target.shape):
        return None
    return target


def clamp(values: Values) -> torch.Tensor | None:
    """A pointwise operator; torch refuses it without any bound."""
    return None if values["min"] is values["max"] is None else pointwise(values)


def comparison(values: Values) -> torch.Tensor | None:
    """A pointwise operator with a truth value for every element."""
    tensors = _tensors(values)
    shape = broadcast([tensor.shape for tensor in tensors])
    if shape is None or any(tensor.is_complex() for tensor in tensors):
        return None
    return None if isinstance(values["other"], complex) else combined(shape, tensors, torch.bool)


def masked_fill(values: Values) -> torch.Tensor | None:
    """The tensor, broadcast with its mask, where both are contiguous."""
    x, mask = values["self"], values["mask"]
    shape = broadcast([x.shape, mask.shape])
    if shape is None or mask.dtype != torch.bool or not x.is_floating_point():
        return None
    if not (x.is_contiguous() and mask.is_contiguous()) or isinstance(values["value"], complex):
        return None
    return empty(shape, x.dtype)


def created_like(values: Values) -> torch.Tensor | None:
    """A new tensor with the shape and layout of another."""
    x = values["self"]
    if values["layout"] is not None or values["pin_memory"]:
        return None
    dtype = values["dtype"] or x.dtype
    if values["memory_format"] in (None, torch.preserve_format):
        return like(x, dtype)
    return empty(x.shape, dtype, values["memory_format"])


def batch_norm(values: Values) -> tuple[torch.Tensor, ...] | None:
    """The output, and the statistics of the batch, which are empty in eval mode."""
    x = values["input"]
    weight = values["weight"]
    if x.dim() < 2 or (weight is not None and weight.shape[0] != x.shape[1]):
        return None
    running = values.get("running_mean")
    if running is not None and running.shape[0] != x.shape[1]:
        return None
    size = x.shape[1] if values.get("training", False) else 0
    stats = (empty((size,), statistics_dtype(values)) for _ in range(2))
    layout = FORMATS.get(x.dim(), torch.contiguous_format)
    if x.is_contiguous() or not x.is_contiguous(memory_format=layout):
        layout = torch.contiguous_format
    return (empty(x.shape, x.dtype, layout), *stats)


def layer_norm(values: Values) -> tuple[torch.Tensor, ...] | None:
    """Output, mean and reciprocal deviation per normalised vector."""
    x, axes = values["input"], tuple(values["normalized_shape"])
    outer = x.dim() - len(axes)
    if tuple(x.shape[outer:]) != axes or x.dtype not in _NORMED:
        return None
    for parameter in (values["weight"], values["bias"]):
        if parameter is not None and tuple(parameter.shape) != axes:
            return None
    shape = (*x.shape[:outer], *(1 for _ in axes))
    stats = (empty(shape, statistics_dtype(values)) for _ in range(2))
    return (empty(x.shape, x.dtype), *stats)


def statistics_dtype(values: Values) -> torch.dtype:
    """Return the dtype of a norm's statistics: that of its input, or float32 beside float32."""
    dtype: torch.dtype = values["input"].dtype
    beside = map(values.get, ("weight", "bias", "running_mean", "running_var"))
    mixed = dtype in _HALF and any(x is not None and x.dtype == torch.float32 for x in beside)
    return torch.float32 if mixed else dtype


def group_norm(values: Values) -> tuple[torch.Tensor, ...] | None:
    """Output, mean and reciprocal deviation per group."""
    x = values["input"]
    if x.dtype not in _NORMED:
        return None
    shape = (values["N"], values["group"])
    stats = (empty(shape, statistics_dtype(values)) for _ in range(2))
    out = empty(x.shape, x.dtype, memory_format(x))
    return (out, *stats)


def softmax(values: Values) -> torch.Tensor | None:
    """A contiguous tensor of the same shape; torch handles a conversion from half to float."""
    x = values["self"]
    if values.get("half_to_float") or not x.is_floating_point() or values.get("dtype") is not None:
        return None
    if not _axis_fits(values["dim"], x.dim()):
        raise MisfitError
    return empty(x.shape, x.dtype)


def _axis_fits(axis: int, rank: int) -> bool:
    return -rank <= axis < rank or (rank == 0 and axis in (-1, 0))


def addmm(values: Values) -> torch.Tensor | None:
    """(rows × inner) by (inner × columns), plus something that broadcasts."""
    out, added = mm({**values, "self": values["mat1"]}), values["self"]
    if added.dtype != out.dtype or broadcast([added.shape, out.shape]) != out.shape:
        raise MisfitError
    return out


def mm(values: Values) -> torch.Tensor:
    """(rows × inner) by (inner × columns)."""
    a, b = values["self"], values["mat2"]
    if a.dim() != 2 or b.dim() != 2 or a.shape[1] != b.shape[0] or a.dtype != b.dtype:
        raise MisfitError
    return empty((a.shape[0], b.shape[1]), a.dtype)


def bmm(values: Values) -> torch.Tensor | None:
    """(batch × rows × inner) by (batch × inner × columns)."""
    a, b = values["self"], values["mat2"]
    if a.dim() != 3 or b.dim() != 3 or a.shape[0] != b.shape[0]:
        raise MisfitError
    if a.shape[2] != b.shape[1] or a.dtype != b.dtype:
        raise MisfitError
    return empty((a.shape[0], a.shape[1], b.shape[2]), a.dtype)


def concat(values: Values) -> torch.Tensor | None:
    """Along one axis; all other sizes equal."""
    tensors = values["tensors"]
    first = tensors[0]
    if not first.dim() or not _axis_fits(values["dim"], first.dim()):
        return None
    axis = values["dim"] % first.dim()
    others = {(*x.shape[:axis], -1, *x.shape[axis + 1 :]) for x in tensors}
    if len(others) > 1 or any(x.dtype != first.dtype for x in tensors):
        return None
    shape = list(first.shape)
    shape[axis] = sum(tensor.shape[axis] for tensor in tensors)
    layout = memory_format(first)
    if any(memory_format(tensor) != layout for tensor in tensors):
        layout = torch.contiguous_format
    return empty(shape, first.dtype, layout)


def stack(values: Values) -> torch.Tensor | None:
    """Along a new axis; all sizes equal."""
    tensors = values["tensors"]
    first = tensors[0]
    if any(x.shape != first.shape or x.dtype != first.dtype for x in tensors):
        return None
    rank = first.dim() + 1
    if not _axis_fits(values["dim"], rank) or not all(x.is_contiguous() for x in tensors):
        return None
    shape = list(first.shape)
    shape.insert(values["dim"] % rank, len(tensors))
    return empty(shape, first.dtype)


def reduction(values: Values) -> torch.Tensor | None:
    """Mean or sum over axes."""
    x, axes = values["self"], values.get("dim")
    if not x.is_floating_point() or values.get("dtype") is not None:
        return None
    if not all(_axis_fits(axis, x.dim()) for axis in axes or ()):
        return None
    reduced = {axis % max(x.dim(), 1) for axis in axes} if axes else set(range(x.dim()))
    if axes and len(reduced) < len(axes):  # an axis twice: torch refuses it
        return None
    kept = [1 if i in reduced else size for i, size in enumerate(x.shape)]
    shape = [size for i, size in enumerate(kept) if values.get("keepdim") or i not in reduced]
    return empty(shape, x.dtype)


def flash_attention(values: Values) -> tuple[torch.Tensor, torch.Tensor]:
    """Output with the query's layout (batch, heads, queries, size), and the log-sum-exp."""
    query = values["query"]
    batch, heads, length, _ = query.shape
    dtype = torch.float64 if query.dtype == torch.float64 else torch.float32
    return like(query), empty((batch, length, heads), dtype).transpose(1, 2)


def embedding(values: Values) -> torch.Tensor | None:
    """One row of the weight per index."""
    weight, indices = values["weight"], values["indices"]
    if indices.dtype not in (torch.int64, torch.int32):
        raise MisfitError  # an older meta kernel lets it pass
    if weight.dim() != 2:
        return None
    return empty((*indices.shape, *weight.shape[1:]), weight.dtype)


def rolled(values: Values) -> torch.Tensor | None:
    """A new tensor like the one whose elements move around an axis."""
    x, axes = values["self"], values["dims"]
    if not axes or len(axes) != len(values["shifts"]):
        return None
    return like(x) if all(_axis_fits(axis, x.dim()) for axis in axes) else None


def channel_shuffle(values: Values) -> torch.Tensor | None:
    """A new tensor of the same shape, also where nothing changes its place."""
    x, groups = values["self"], values["groups"]
    if x.dim() < 3 or groups < 1 or x.shape[1] % groups:
        return None
    return empty(x.shape, x.dtype, memory_format(x))


def unsafe_view(values: Values) -> torch.Tensor | None:
    """A new tensor in another shape."""
    x, shape = values["self"], list(values["size"])
    known = prod(size for size in shape if size != -1)
    if -1 in shape:
        if not known:
            return None
        shape[shape.index(-1)] = x.numel() // known
    if prod(shape) != x.numel() or not x.is_contiguous():
        return None
    return torch.as_strided(x, shape, contiguous_strides(shape))


# Operator overload -> rule. Pointwise operators share `pointwise` and `in_place`, by their tag.
SHAPES: dict[str, Rule] = {
    **{
        f"aten.{name}.{operand}": comparison
        for name in ("eq", "ne", "lt", "le", "gt", "ge")
        for operand in ("Tensor", "Scalar")
    },
    **{
        f"aten.{name}_like.default": created_like
        for name in ("empty", "zeros", "ones", "full", "rand", "randn")
    },
    "aten.masked_fill.Scalar": masked_fill,
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
    "aten.stack.default": stack,
    "aten.mean.default": reduction,
    "aten.mean.dim": reduction,
    "aten.sum.default": reduction,
    "aten.sum.dim_IntList": reduction,
    "aten.max_pool2d_with_indices.default": max_pool,
    "aten.avg_pool2d.default": avg_pool,
    "aten._adaptive_avg_pool2d.default": adaptive_pool,
    "aten.max_unpool2d.default": max_unpool,
    "aten.reflection_pad2d.default": mirror_pad,
    "aten.reflection_pad3d.default": mirror_pad,
    "aten.replication_pad2d.default": mirror_pad,
    "aten.replication_pad3d.default": mirror_pad,
    "aten.roll.default": rolled,
    "aten.embedding.default": embedding,
    "aten.channel_shuffle.default": channel_shuffle,
    "aten._unsafe_view.default": unsafe_view,
    "aten._scaled_dot_product_flash_attention_for_cpu.default": flash_attention,
}
# Pointwise-tagged operators whose output dtype or arguments need torch's own answer.
NOT_FLOAT = frozenset(
    {
        "eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor",
        "logical_not", "isnan", "isinf", "isfinite", "isposinf", "isneginf", "signbit",
        "bitwise_not", "bitwise_and", "bitwise_or", "bitwise_xor", "where", "_to_copy",
        "nan_to_num", "polar", "complex", "view_as_real", "angle", "abs", "bernoulli", "clone",
        "copy", "frexp", "masked_fill", "copysign", "nextafter", "heaviside", "to_copy", "real",
        "imag", "equal", "clamp", "clip", "float_power", "lshift", "rshift", "ilshift", "irshift",
    }
)  # fmt: skip
