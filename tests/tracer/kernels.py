"""What a shape rule says beside what a kernel of torch says, as comparable facts."""

from collections.abc import Sequence
from typing import Any

import torch

from archlab.tracer.modules import tensors_in
from archlab.tracer.overloads import operator

ATEN = torch.ops.aten
Facts = list[tuple[tuple[int, ...], tuple[int, ...], torch.dtype]]


def t(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.zeros(shape, dtype=dtype)


def last(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    layout = torch.channels_last if len(shape) == 4 else torch.channels_last_3d
    return t(*shape, dtype=dtype).contiguous(memory_format=layout)


def turned(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Axes in memory in the opposite order."""
    return t(*reversed(shape), dtype=dtype).permute(*reversed(range(len(shape))))


def thinned(*shape: int) -> torch.Tensor:
    """Every second element of the last axis of a larger tensor."""
    return t(*shape[:-1], 2 * shape[-1])[..., ::2]


def on_meta(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")
    if isinstance(value, list | tuple):
        return type(value)(on_meta(item) for item in value)
    return value


def facts(out: Any) -> Facts:
    """Shape, strides (of the axes above 1, the others mean nothing), dtype of each output."""
    outputs = tensors_in(out if isinstance(out, list | tuple) else (out,))
    return [
        (
            tuple(item.shape),
            tuple(s for s, size in zip(item.stride(), item.shape, strict=True) if size != 1)
            if item.numel()
            else (),
            item.dtype,
        )
        for item in outputs
    ]


def shaped(outputs: Facts) -> list[tuple[tuple[int, ...], torch.dtype]]:
    return [(shape, dtype) for shape, _, dtype in outputs]


def rule_answer(func: Any, args: Sequence[Any]) -> Any:
    op = operator(func)
    assert op.shape is not None, f"{func} has no rule"
    return op.shape(op.bind(on_meta(list(args)), {}))


def conv(
    x: torch.Tensor, weight: torch.Tensor, stride: Any = 1, padding: Any = 0, **more: Any
) -> tuple[Any, ...]:
    """Arguments of aten.convolution; whole numbers become one number for all axes."""
    rank = weight.dim() - 2
    spread = [
        [value] * rank if isinstance(value, int) else value
        for value in (stride, padding, more.get("dilation", 1), more.get("extra", 0))
    ]
    transposed = more.get("transposed", False)
    return (x, weight, more.get("bias"), *spread[:3], transposed, spread[3], more.get("groups", 1))
