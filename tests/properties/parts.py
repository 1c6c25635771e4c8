"""Parts of random nets that take any tensor, and what is made of a part."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import strategies as st
from torch import nn
from torch.utils.checkpoint import checkpoint

Draw = Callable[[st.SearchStrategy[Any]], Any]


class Do(nn.Module):
    """A function of a tensor and of members; the text is what a failing net prints."""

    def __init__(self, text: str, function: Callable[..., Any], *members: nn.Module) -> None:
        super().__init__()
        self.text, self.function = text, function
        for i, member in enumerate(members):
            self.add_module(f"m{i}", member)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x, *self.children())

    def extra_repr(self) -> str:
        return self.text


class Weight(nn.Module):
    """A bare parameter, which a function reads by calling the module."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(shape) / math.sqrt(shape[-1]))

    def forward(self) -> torch.Tensor:
        return self.weight


def one_of(draw: Draw, *values: Any) -> Any:
    return draw(st.sampled_from(values))


def many(draw: Draw, rank: int, low: int, high: int) -> tuple[int, ...]:
    """Draw one number for all axes, or one for each."""
    if draw(st.booleans()):
        return (draw(st.integers(low, high)),) * rank
    return tuple(draw(st.integers(low, high)) for _ in range(rank))


def activation(draw: Draw, _: torch.Tensor) -> nn.Module:
    name = one_of(draw, "ReLU", "SiLU", "ELU", "Hardswish", "ReLU6", "LeakyReLU", "Mish", "CELU")
    plain = one_of(draw, nn.GELU, nn.Sigmoid, nn.Tanh, nn.Softplus, nn.PReLU, nn.LogSigmoid)
    return plain() if draw(st.booleans()) else getattr(nn, name)(inplace=draw(st.booleans()))


def dropout(draw: Draw, x: torch.Tensor) -> nn.Module:
    where = one_of(draw, nn.Dropout, nn.Dropout1d if x.dim() == 3 else nn.Dropout2d)
    return where(0.5, inplace=draw(st.booleans()))


ELEMENTARY: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "x[:, 1:]": lambda x: x[:, 1:],
    "x[:, ::2]": lambda x: x[:, ::2],
    "x[..., :-1]": lambda x: x[..., :-1],
    "x + x": lambda x: x + x,
    "x.clone().mul_(2)": lambda x: x.clone().mul_(2),
    "x * sigmoid(x)": lambda x: x * x.sigmoid(),
    "transpose": lambda x: x.transpose(-1, -2),
    "contiguous": lambda x: x.transpose(-1, -2).contiguous(),
    "flatten": lambda x: x.flatten(1).view(x.shape),
    "chunks": lambda x: torch.cat(x.chunk(2, 1)[::-1], 1),
    "stack": lambda x: torch.stack([x, 2 * x], 2).flatten(1, 2),
    "unbind": lambda x: torch.stack(x.unbind(1)[::-1], 1),
    "roll": lambda x: x.roll(1, -1),
    "flip": lambda x: x.flip(-1),
    "softmax": lambda x: x.softmax(-1),
    "where": lambda x: torch.where(x > 0, x, -x),
    "masked_fill": lambda x: x.masked_fill(x < 0, 0.0),
    "cumsum": lambda x: x.cumsum(-1),
    "x - mean": lambda x: x - x.mean(-1, keepdim=True),
    "x / norm": lambda x: x / (1 + x.norm(dim=1, keepdim=True)),
    "var": lambda x: x / (1 + x.var(-1, keepdim=True, unbiased=False)),
    "amax": lambda x: x - x.amax(1, keepdim=True),
    "topk": lambda x: x.topk(min(2, x.shape[-1]), -1).values,
    "sort": lambda x: x.sort(-1).values,
    "gather": lambda x: x.gather(-1, x.argsort(-1)),
    "logsumexp": lambda x: x - x.logsumexp(-1, keepdim=True),
    "index": lambda x: x[:, torch.arange(x.shape[1] - 1, -1, -1, device=x.device)],
    "repeat": lambda x: x.repeat(1, 2, *[1] * (x.dim() - 2)),
    "repeat_interleave": lambda x: x.repeat_interleave(2, -1),
    "expand": lambda x: (x[:, :1].expand(x.shape) + x).clamp(-1, 1),
    "glu": lambda x: F.glu(x, 1),
    "detach": lambda x: x * x.detach(),
    "pow": lambda x: (x**2 + 1).sqrt(),
    "half-precision": lambda x: x.to(torch.bfloat16).to(x.dtype),
    "float64": lambda x: x.double().exp().to(x.dtype),
    "fft": lambda x: torch.fft.rfft(x, dim=-1).real,
    "scatter": lambda x: torch.zeros_like(x).scatter_add(-1, x.argsort(-1), x),
}
# Those that move values along an axis of a map, or leave them where they are.
LOCAL = (
    "x[:, 1:]", "x[:, ::2]", "x[..., :-1]", "x + x", "chunks", "stack", "unbind", "roll", "flip",
    "repeat",
)  # fmt: skip


def elementary(draw: Draw, _: torch.Tensor) -> nn.Module:
    """Draw a view, a slice, or an operator without weights."""
    name = one_of(draw, *ELEMENTARY)
    return Do(name, ELEMENTARY[name])


def local(draw: Draw, _: torch.Tensor) -> nn.Module:
    name = one_of(draw, *LOCAL)
    return Do(name, ELEMENTARY[name])


class Product(torch.autograd.Function):
    """x · wᵀ with a backward of its own, which runs one of the two products twice."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x, w)
        return x @ w.T

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x, w = ctx.saved_tensors
        again = (x @ w.T).sign()
        return (grad * again) @ w, (grad.flatten(0, -2).T @ x.flatten(0, -2))


def custom(draw: Draw, x: torch.Tensor) -> nn.Module:
    return Do("Product", lambda x, w: Product.apply(x, w()), Weight(3, x.shape[-1]))


def no_grad(x: torch.Tensor, f: nn.Module) -> torch.Tensor:
    with torch.no_grad():
        return f(x)


def autocast(x: torch.Tensor, f: nn.Module) -> torch.Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        y = f(x)
    return y.to(x.dtype)


# What is made of a part, or of a chain of parts.
WRAPPERS: dict[str, Callable[..., torch.Tensor]] = {
    "f(f(x))": lambda x, f: f(f(x)),
    "f(x) + f(-x)": lambda x, f: f(x) + f(-x),
    "x + f(x)": lambda x, f: x + f(x),
    "y = f(x); y += x": lambda x, f: f(x).add_(x),
    "cat([x, f(x)])": lambda x, f: torch.cat([x, f(x)], 1),
    "f(x) * mean": lambda x, f: f(x) * x.mean(),
    "checkpoint": lambda x, f: checkpoint(f, x, use_reentrant=False),
    "reentrant": lambda x, f: checkpoint(f, x, use_reentrant=True),
    "no_grad": lambda x, f: x.mean() + no_grad(x, f),
    "autocast": autocast,
}
