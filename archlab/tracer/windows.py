"""Shape rules of convolution and pooling, whose windows slide over a map (see `shapes`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import torch

from archlab.tracer.layout import (
    FORMATS,
    MisfitError,
    contiguous_strides,
    empty,
    like,
    memory_format,
    spread,
)

Values = Mapping[str, Any]
_FEW = 20_480  # elements, the last axis left out, up to which torch does without oneDNN


def convolution(values: Values) -> torch.Tensor | None:
    """(N, C, …) with (O, C/groups, …), or (C, O/groups, …) when transposed."""
    x, weight, bias = values["input"], values["weight"], values["bias"]
    rank = weight.dim() - 2
    if x.dim() != weight.dim() or x.dtype != weight.dtype or rank < 1:
        raise MisfitError
    channels, spatial = _channels(values), _conv_sizes(values, rank)
    if bias is not None and (tuple(bias.shape) != (channels,) or bias.dtype != x.dtype):
        raise MisfitError
    if min(spatial) < 1:
        if values["transposed"]:
            return None
        raise MisfitError  # a kernel larger than the map
    layout = torch.contiguous_format
    if rank > 1:  # the output has channels last where the input or the weight has
        layout = next((f for f in map(memory_format, (x, weight)) if f != layout), layout)
    if layout == FORMATS[5] and _own_kernel(x, weight, values["groups"]):
        layout = torch.contiguous_format
    if rank == 1 and x.is_contiguous() and x.stride() != contiguous_strides(x.shape):
        return None  # an image of height 1 whose axes of size 1 leave the layout in doubt
    return empty((x.shape[0], channels, *spatial), x.dtype, layout)


def _own_kernel(x: torch.Tensor, weight: torch.Tensor, groups: int) -> bool:
    """Whether torch runs a 3-D convolution by its own kernel, and not by that of oneDNN."""
    # This is `use_mkldnn` of aten/src/ATen/native/Convolution.cpp, with several threads.
    if x.dtype in (torch.float64, torch.float16):
        return True
    small = x.shape[0] == 1 and prod(x.shape[:4]) <= _FEW and min(weight.shape[-2:]) <= 3
    return small and groups == 1 and x.dtype != torch.bfloat16


def _channels(values: Values) -> int:
    """Return the output channels, after a check of the input's channels and the groups."""
    weight, groups = values["weight"], values["groups"]
    channels_in, channels_out = weight.shape[1] * groups, weight.shape[0]
    if values["transposed"]:
        channels_in, channels_out = channels_out, channels_in
    if groups < 1 or weight.shape[0] % groups or values["input"].shape[1] != channels_in:
        raise MisfitError
    return int(channels_out)


def _conv_sizes(values: Values, rank: int) -> list[int]:
    stride, padding = spread(values["stride"], rank), spread(values["padding"], rank)
    dilation, extra = spread(values["dilation"], rank), spread(values["output_padding"], rank)
    if min(*stride, *dilation) < 1 or min(padding) < 0:
        raise MisfitError
    size = values["input"].shape[2:]
    reach = [dilation[i] * (values["weight"].shape[2 + i] - 1) for i in range(rank)]
    if not values["transposed"]:
        return [(size[i] + 2 * padding[i] - reach[i] - 1) // stride[i] + 1 for i in range(rank)]
    if any(extra[i] >= max(stride[i], dilation[i]) for i in range(rank)):
        raise MisfitError
    return [
        (size[i] - 1) * stride[i] - 2 * padding[i] + reach[i] + extra[i] + 1 for i in range(rank)
    ]


def max_pool(values: Values) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Output and the position of each maximum."""
    out = _pool(values, spread(values["dilation"], 2))
    return None if out is None else (out, like(out, torch.int64))


def avg_pool(values: Values) -> torch.Tensor | None:
    """Average over windows."""
    return None if values["divisor_override"] == 0 else _pool(values, (1, 1))


def mirror_pad(values: Values) -> torch.Tensor | None:
    """A map with a border of its own pixels, reflected or repeated, in the layout of the map."""
    x, amounts = values["self"], values["padding"]
    rank = len(amounts) // 2
    # A reflection that is wider than the map is refused, and no border is taken away here.
    if x.dim() != rank + 2 or min(amounts) < 0 or max(amounts) >= min(x.shape[2:]):
        return None
    # From the last axis, before and after.
    added = [amounts[i] + amounts[i + 1] for i in reversed(range(0, 2 * rank, 2))]
    size = [x.shape[2 + i] + added[i] for i in range(rank)]
    return empty((*x.shape[:2], *size), x.dtype, memory_format(x))


def max_unpool(values: Values) -> torch.Tensor | None:
    """A map of the given size, in the layout of what is put into it."""
    x, size = values["self"], tuple(values["output_size"])
    if x.dim() != 4 or values["indices"].shape != x.shape or len(size) != 2 or min(size) < 1:
        return None
    return empty((*x.shape[:2], *size), x.dtype, memory_format(x))


def adaptive_pool(values: Values) -> torch.Tensor | None:
    """Average over as many windows as the output has positions."""
    x, size = values["self"], tuple(values["output_size"])
    if x.dim() != 4 or not x.is_contiguous() or len(size) != 2:
        return None
    if min(*size, *x.shape[1:]) < 1 or x.dtype not in (torch.float32, torch.float64):
        return None
    return empty((*x.shape[:2], *size), x.dtype)


def pooled_size(size: int, kernel: int, stride: int, padding: int, *, ceil: bool) -> int:
    """Return the number of windows along one axis, as torch's pooling counts them."""
    room = size + 2 * padding - kernel
    if not ceil:
        return room // stride + 1
    out = -(room // -stride) + 1
    # A last window must start inside the input or its left padding.
    return out - 1 if (out - 1) * stride >= size + padding else out


def _pool(values: Values, dilation: Sequence[int]) -> torch.Tensor | None:
    x = values["self"]
    if x.dim() != 4:
        return None
    kernel, padding = spread(values["kernel_size"], 2), spread(values["padding"], 2)
    stride = spread(values["stride"], 2) if values["stride"] else kernel
    if min(*kernel, *stride, *dilation) < 1 or min(padding) < 0:
        return None
    if any(2 * padding[i] > kernel[i] for i in range(2)):
        return None
    reach = [dilation[i] * (kernel[i] - 1) + 1 for i in range(2)]
    spatial = [
        pooled_size(x.shape[2 + i], reach[i], stride[i], padding[i], ceil=values["ceil_mode"])
        for i in range(2)
    ]
    if min(spatial) < 1:
        return None
    return empty((*x.shape[:2], *spatial), x.dtype, memory_format(x))
