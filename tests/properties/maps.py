"""Parts of random nets that take a map: (batch, channels, …) with one to three axes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import strategies as st
from parts import Do, Draw, many, one_of
from tokens import attention, encoder, linear, mixing
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm


def kind(name: str, rank: int) -> Callable[..., nn.Module]:
    return getattr(nn, f"{name}{rank}d")


def conv(draw: Draw, x: torch.Tensor, channels: int | None = None) -> nn.Module:
    rank, inside = x.dim() - 2, x.shape[1]
    outside = channels or draw(st.integers(1, 8))
    groups = one_of(draw, 1, 1, math.gcd(inside, outside))
    kernel, dilation = many(draw, rank, 1, 3), many(draw, rank, 1, 2)
    same = draw(st.booleans())
    return kind("Conv", rank)(
        inside, outside, kernel,
        stride=1 if same else many(draw, rank, 1, 2),
        padding="same" if same else many(draw, rank, 0, 2),
        dilation=dilation, groups=groups, bias=draw(st.booleans()),
        padding_mode=one_of(draw, "zeros", "zeros", "reflect", "replicate", "circular"),
    )  # fmt: skip


def keeping(draw: Draw, x: torch.Tensor) -> nn.Module:
    """Draw a convolution whose output has the input's shape."""
    kernel = one_of(draw, 1, 3)
    mode = one_of(draw, "zeros", "circular", "replicate")
    return kind("Conv", x.dim() - 2)(
        x.shape[1], x.shape[1], kernel, padding=kernel // 2, padding_mode=mode
    )


def transposed(draw: Draw, x: torch.Tensor) -> nn.Module:
    rank, inside, outside = x.dim() - 2, x.shape[1], draw(st.integers(1, 8))
    stride, extra = many(draw, rank, 1, 2), many(draw, rank, 0, 1)
    return kind("ConvTranspose", rank)(
        inside, outside, many(draw, rank, 1, 3), stride=stride, padding=many(draw, rank, 0, 1),
        output_padding=tuple(min(e, s - 1) for e, s in zip(extra, stride, strict=True)),
        groups=one_of(draw, 1, math.gcd(inside, outside)), bias=draw(st.booleans()),
        dilation=many(draw, rank, 1, 2),
    )  # fmt: skip


def pool(draw: Draw, x: torch.Tensor) -> nn.Module:
    rank = x.dim() - 2
    kernel = draw(st.integers(1, 3))
    stride, ceil = draw(st.integers(1, 3)), draw(st.booleans())
    padding = draw(st.integers(0, kernel // 2))
    if draw(st.booleans()):
        # Of a window that sees padding alone, torch writes the gradient outside of its memory.
        dilation = draw(st.integers(1, 1 if padding else 2))
        return kind("MaxPool", rank)(kernel, stride, padding, dilation, ceil_mode=ceil)
    include = draw(st.booleans())
    return kind("AvgPool", rank)(kernel, stride, padding, ceil, count_include_pad=include)


def average(draw: Draw, x: torch.Tensor) -> nn.Module:
    """Draw a pool that passes a gradient to all of its window."""
    kernel = draw(st.integers(1, 3))
    how = {"padding": draw(st.integers(0, kernel // 2)), "ceil_mode": draw(st.booleans())}
    return kind("AvgPool", x.dim() - 2)(kernel, draw(st.integers(1, 3)), **how)


def adaptive(draw: Draw, x: torch.Tensor) -> nn.Module:
    rank = x.dim() - 2
    name = one_of(draw, "AdaptiveAvgPool", "AdaptiveMaxPool")
    return kind(name, rank)(many(draw, rank, 1, 4))


def unpool(draw: Draw, x: torch.Tensor) -> nn.Module:
    rank = x.dim() - 2
    pool = kind("MaxPool", rank)(2, return_indices=True)
    undo = kind("MaxUnpool", rank)(2)
    return Do("unpool(pool(x))", lambda x, p, u: u(*p(x), output_size=x.shape), pool, undo)


def norm(draw: Draw, x: torch.Tensor) -> nn.Module:
    rank, channels = x.dim() - 2, x.shape[1]
    affine = draw(st.booleans())
    return one_of(
        draw,
        lambda: kind("BatchNorm", rank)(channels, affine=affine),
        lambda: kind("BatchNorm", rank)(channels, track_running_stats=False),
        lambda: kind("InstanceNorm", rank)(channels, affine=affine),
        lambda: nn.GroupNorm(math.gcd(channels, 4), channels, affine=affine),
        lambda: nn.LayerNorm(x.shape[-2:], elementwise_affine=affine),
        lambda: nn.RMSNorm(x.shape[-1:], elementwise_affine=affine),
        lambda: nn.LocalResponseNorm(3),
    )()


def resize(draw: Draw, x: torch.Tensor) -> nn.Module:
    rank = x.dim() - 2
    linear = {1: ["linear"], 2: ["bilinear", "bicubic"], 3: ["trilinear"]}[rank]
    mode = one_of(draw, "nearest", "nearest-exact", "area", *linear)
    how: dict[str, Any] = {"mode": mode}
    if draw(st.booleans()):
        how["scale_factor"] = one_of(draw, 2, 0.5, 1.5)
    else:
        how["size"] = many(draw, rank, 2, 9)
    if mode in linear:
        how["align_corners"] = draw(st.booleans())
    return Do(f"interpolate({how})", lambda x: F.interpolate(x, **how))


def pad(draw: Draw, x: torch.Tensor) -> nn.Module:
    rank = x.dim() - 2
    low = one_of(draw, 0, 0, -1)
    amounts = [draw(st.integers(low, 2)) for _ in range(2 * rank)]
    mode = "constant" if low else one_of(draw, "constant", "reflect", "replicate", "circular")
    return Do(f"pad({amounts}, {mode})", lambda x: F.pad(x, amounts, mode=mode))


def shuffle(draw: Draw, x: torch.Tensor) -> nn.Module:
    groups = math.gcd(x.shape[1], 4)
    return one_of(
        draw,
        nn.PixelShuffle(2),
        nn.PixelUnshuffle(2),
        nn.ChannelShuffle(groups),
        Do("shuffle by hand", lambda x: x.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2)),
    )


def channel_writes(draw: Draw, x: torch.Tensor) -> nn.Module:
    """Draw a part that writes slices: of a copy of its input, or of a fresh tensor."""
    half = max(x.shape[1] // 2, 1)
    member = keeping(draw, x[:, :half])

    def on_copy(x: torch.Tensor, f: nn.Module) -> torch.Tensor:
        y = x.clone()
        y[:, :half] = f(y[:, :half])
        return y

    def on_fresh(x: torch.Tensor, f: nn.Module) -> torch.Tensor:
        y = torch.zeros_like(x)
        y[:, :half] = f(x[:, :half])
        y[:, half:] = x[:, half:]
        return y

    def own_zeros(x: torch.Tensor, f: nn.Module) -> torch.Tensor:
        y = torch.zeros(x.shape, dtype=x.dtype, device=x.device)
        y[:, :half] += f(x[:, :half])
        return y

    def shifted(x: torch.Tensor, f: nn.Module) -> torch.Tensor:
        y = x.new_zeros(x.shape)
        y[..., 1:] = x[..., :-1]
        y[:, :half] = f(y[:, :half])
        return y

    def interleaved(x: torch.Tensor, f: nn.Module) -> torch.Tensor:
        y = torch.empty_like(x)
        y[..., ::2] = x[..., ::2]
        y[..., 1::2] = 2 * x[..., 1::2]
        y[:, :half].add_(f(x[:, :half]))
        return y

    write = one_of(draw, on_copy, on_fresh, own_zeros, shifted, interleaved)
    return Do(write.__name__, write, member)


def on_channels_last(draw: Draw, x: torch.Tensor) -> nn.Module:
    order = (0, *range(2, x.dim()), 1)
    back = (0, x.dim() - 1, *range(1, x.dim() - 1))
    member = one_of(
        draw,
        nn.Linear(x.shape[1], x.shape[1]),
        nn.LayerNorm(x.shape[1]),
        nn.Sequential(nn.Linear(x.shape[1], 8), nn.GELU(), nn.Linear(8, x.shape[1])),
    )
    return Do("channels last", lambda x, f: f(x.permute(order)).permute(back), member)


def on_tokens(draw: Draw, x: torch.Tensor) -> nn.Module:
    """Draw a part of token models, which sees the map as a sequence."""
    tokens = x.flatten(2).transpose(1, 2)
    member = one_of(draw, attention, linear, mixing, encoder)(draw, tokens)

    def through(x: torch.Tensor, f: nn.Module) -> torch.Tensor:
        y = f(x.flatten(2).transpose(1, 2))
        return y.transpose(1, 2).reshape(x.shape[0], -1, *x.shape[2:])

    return Do("as tokens", through, member)


def gate(draw: Draw, x: torch.Tensor) -> nn.Module:
    """Draw a squeeze-and-excitation."""
    axes = tuple(range(2, x.dim()))
    member = kind("Conv", x.dim() - 2)(x.shape[1], x.shape[1], 1)
    return Do("x * s(f(mean))", lambda x, f: x * f(x.mean(axes, keepdim=True)).sigmoid(), member)


def as_map(draw: Draw, x: torch.Tensor) -> nn.Module:
    """Draw a convolution along the sequence."""
    member = conv(draw, x.transpose(1, 2))
    return Do("along the sequence", lambda x, f: f(x.transpose(1, 2)).transpose(1, 2), member)


def tied(draw: Draw, x: torch.Tensor) -> nn.Module:
    """Draw two layers of one weight: one parameter, or two of the same elements."""
    make = keeping if x.dim() > 3 else (lambda _, x: nn.Linear(x.shape[-1], x.shape[-1]))
    first, second = make(draw, x), make(draw, x)
    if first.weight.shape == second.weight.shape:
        if draw(st.booleans()):
            second.weight = first.weight
        else:
            second.weight.data = first.weight.data
    return nn.Sequential(first, nn.Tanh(), second)


def parametrized(draw: Draw, x: torch.Tensor) -> nn.Module:
    make = conv if x.dim() > 3 else linear
    return one_of(draw, weight_norm, spectral_norm)(make(draw, x))
