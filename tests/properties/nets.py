"""Random nets, drawn part by part; a part is kept if plain torch runs it on what comes before."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import maps
import parts
import tokens
import torch
from hypothesis import HealthCheck, Phase, assume, reject, settings, strategies as st
from parts import WRAPPERS, Do, Draw, one_of
from torch import nn
from torch.utils._pytree import tree_leaves

Part = Callable[[Draw, torch.Tensor], nn.Module]

ANY: list[Part] = [
    parts.activation, parts.activation, parts.dropout, parts.elementary, parts.elementary,
    parts.custom, maps.tied, maps.parametrized,
]  # fmt: skip
MAPS: list[Part] = [
    maps.conv, maps.conv, maps.keeping, maps.transposed, maps.pool, maps.adaptive, maps.unpool,
    maps.norm, maps.norm, maps.resize, maps.pad, maps.channel_writes, maps.on_channels_last,
    maps.on_tokens, maps.gate,
]  # fmt: skip
TOKENS: list[Part] = [
    tokens.linear, tokens.mixing, tokens.mixing, tokens.attention, tokens.attention,
    tokens.encoder, tokens.recurrent, tokens.cells, tokens.embedding, tokens.norm, maps.as_map,
]  # fmt: skip
# What is linear, so that a gradient shows all that a unit sees.
SEEING: list[Part] = [
    maps.conv, maps.conv, maps.keeping, maps.transposed, maps.average, maps.resize, maps.pad,
    maps.channel_writes, parts.local,
]  # fmt: skip
SUMS = ("f(f(x))", "x + f(x)", "y = f(x); y += x", "cat([x, f(x)])")
SIDES = {1: (5, 14), 2: (4, 8), 3: (3, 5)}
FUZZ = int(os.environ.get("ARCHLAB_FUZZ", "0"))
PROPERTY = settings(
    max_examples=(FUZZ or 200) // 4,
    phases=[Phase.generate],  # the nets are small, and to shrink one runs thousands: minutes
    derandomize=not FUZZ,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
MUCH = 6_000  # elements
REFUSED = (RuntimeError, ValueError, IndexError, AssertionError)


class Net(nn.Module):
    """A chain of parts; the output of some comes out, too."""

    def __init__(self, parts: list[nn.Module], *, both: bool) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.both = both

    def forward(self, x: torch.Tensor) -> Any:
        outputs = []
        for part in self.parts:
            x = part(x)
            outputs.append(x)
        return {"last": x, "middle": outputs[len(outputs) // 2]} if self.both else x


def chain(
    draw: Draw,
    x: torch.Tensor,
    choice: list[Part],
    length: int,
    depth: int = 0,
    wrappers: Sequence[str] = tuple(WRAPPERS),
) -> tuple[list[nn.Module], torch.Tensor]:
    """Draw a chain of parts that run on x; return them, and what comes out."""
    kept: list[nn.Module] = []
    for _ in range(length):
        if depth < 2 and draw(st.integers(0, 2)) == 0:
            inside, _ = chain(draw, x, choice, draw(st.integers(1, 2)), depth + 1, wrappers)
            if not inside:
                continue
            name = one_of(draw, *wrappers)
            part: nn.Module = Do(name, WRAPPERS[name], nn.Sequential(*inside))
        else:
            try:
                part = one_of(draw, *choice)(draw, x)
            except REFUSED:
                continue
        out = tried(part, x)
        if out is not None:
            kept.append(part)
            x = out
    return kept, x


def tried(part: nn.Module, x: torch.Tensor) -> torch.Tensor | None:
    """Return what comes out in train mode, or None where torch refuses, or where it is too much."""
    given = x.clone().requires_grad_()
    try:
        train_step(part, given.clone())
        with torch.no_grad():
            out = part.eval()(x.clone())
    except REFUSED:
        return None
    finally:
        part.train()
    fits = out.dim() == x.dim() and 0 < out.numel() <= MUCH and out.dtype == x.dtype
    return out if fits else None


def train_step(net: nn.Module, x: torch.Tensor) -> None:
    """Run a forward and a backward pass."""
    outputs = [y for y in tree_leaves(net.train()(x)) if y.requires_grad]
    if outputs:
        torch.autograd.backward(outputs, [torch.ones_like(y) for y in outputs])
    for parameter in net.parameters():
        parameter.grad = None


@st.composite
def nets(draw: Draw, rank: int) -> tuple[nn.Module, torch.Tensor]:
    """Draw a net and its input: of maps with 1, 2 or 3 axes, or of tokens (rank 0)."""
    torch.manual_seed(draw(st.integers(0, 3)))
    batch = draw(st.integers(1, 2))
    if rank:
        low, high = SIDES[rank]
        sides = [draw(st.integers(low, high)) for _ in range(rank)]
        x = torch.randn(batch, draw(st.integers(1, 6)), *sides)
        choice = [*MAPS, *ANY, *([maps.shuffle] if rank == 2 else [])]
    else:
        x = torch.randn(batch, draw(st.integers(2, 6)), one_of(draw, 2, 4, 8, 12))
        choice = [*TOKENS, *ANY]
    kept, _ = chain(draw, x, choice, draw(st.integers(1, 5)))
    assume(kept)
    net = Net(kept, both=draw(st.booleans()))
    parameters = list(net.parameters())
    if parameters and draw(st.integers(0, 3)) == 0:
        one_of(draw, *parameters).requires_grad_(requires_grad=False)
    try:
        train_step(net, x)
    except REFUSED:
        # A value that one part writes in place may be needed in the backward pass of another.
        reject()
    return net, x


@st.composite
def fields(draw: Draw, rank: int) -> tuple[nn.Module, torch.Tensor]:
    """Draw a linear net of maps with all weights 1, and its input."""
    low, high = SIDES[rank]
    sides = [draw(st.integers(low + 3, high + 3)) for _ in range(rank)]
    x = torch.randn(1, draw(st.integers(2, 4)), *sides)
    kept, _ = chain(draw, x, SEEING, draw(st.integers(2, 5)), wrappers=SUMS)
    assume(kept)
    net = Net(kept, both=False)
    for parameter in net.parameters():
        parameter.data.fill_(1.0)
    return net, x
