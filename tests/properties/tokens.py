"""Parts of random nets that take a sequence: (batch, length, width)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import strategies as st
from parts import Do, Draw, Weight, one_of
from torch import nn


def linear(draw: Draw, x: torch.Tensor) -> nn.Module:
    return nn.Linear(x.shape[-1], draw(st.integers(1, 12)), bias=draw(st.booleans()))


def mixing(draw: Draw, x: torch.Tensor) -> nn.Module:
    """Draw a product with a bare weight, in one of torch's many spellings."""
    n, t, e = x.shape
    w, v, b = Weight(e, e), Weight(e), Weight(t, e)
    named: dict[str, tuple[Callable[..., Any], list[nn.Module]]] = {
        "x @ w": (lambda x, w: x @ w(), [w]),
        "einsum": (lambda x, w: torch.einsum("nte,ef->ntf", x, w()), [w]),
        "einsum of tokens": (lambda x, w: torch.einsum("nte,nse,nsf->ntf", x, x, x @ w()), [w]),
        "baddbmm": (lambda x, w: torch.baddbmm(x, x, w().expand(n, e, e)), [w]),
        "addbmm": (lambda x, w: x + torch.addbmm(x[0], x, w().expand(n, e, e)), [w]),
        "mv": (lambda x, v: x * torch.mv(x[0], v()).unsqueeze(-1), [v]),
        "addmv": (lambda x, v: x + torch.addmv(x[0, :, 0], x[0], v()).unsqueeze(-1), [v]),
        "dot": (lambda x, v: x * torch.dot(x[0, 0], v()), [v]),
        "matmul with a vector": (lambda x, v: x + (x @ v()).unsqueeze(-1), [v]),
        "addmm": (lambda x, w, b: x + torch.addmm(b(), x[0], w()), [w, b]),
        "outer": (lambda x, v: x + torch.outer(x[0, :, 0], v()), [v]),
        "tensordot": (lambda x, w: torch.tensordot(x, w(), dims=([2], [1])), [w]),
        "bilinear": (lambda x, f: f(x, x), [nn.Bilinear(e, e, 3)]),
        "chain": (lambda x, w: torch.linalg.multi_dot([x[0], w(), w()]) + x, [w]),
        "cdist": (lambda x: torch.cdist(x, x), []),
    }
    name = one_of(draw, *named)
    function, members = named[name]
    return Do(name, function, *members)


def attention(draw: Draw, x: torch.Tensor) -> nn.Module:
    """Draw attention as one call: by any name, with any mask, grouped, or with heads in batch."""
    n, t, e = x.shape
    heads, size = one_of(draw, 1, 2, 4), one_of(draw, 2, 4)
    groups = one_of(draw, heads, heads, 1) if heads > 1 else 1
    q, kv = nn.Linear(e, heads * size), nn.Linear(e, 2 * groups * size)
    call = one_of(draw, F.scaled_dot_product_attention, "attribute")
    how: dict[str, Any] = {}
    masked = one_of(draw, "no", "causal", "bool", "float", "learned", "scale")
    if masked == "causal":
        how["is_causal"] = True
    elif masked == "scale":
        how["scale"] = 0.5
    if groups != heads:
        how["enable_gqa"] = True
    flat = groups == heads and draw(st.booleans())
    bias = [Weight(t, t)] if masked == "learned" else []

    def forward(x: torch.Tensor, q: nn.Module, kv: nn.Module, *bias: nn.Module) -> torch.Tensor:
        query = q(x).view(n, t, heads, size).transpose(1, 2)
        key, value = kv(x).view(n, t, 2, groups, size).permute(2, 0, 3, 1, 4)
        if flat:
            query, key, value = (a.flatten(0, 1) for a in (query, key, value))
        more = dict(how)
        if masked == "bool":
            more["attn_mask"] = torch.ones(t, t, dtype=torch.bool, device=x.device).tril()
        elif masked == "float":
            more["attn_mask"] = torch.zeros(t, t, device=x.device, dtype=query.dtype)
        elif bias:
            more["attn_mask"] = bias[0]()
        attend = F.scaled_dot_product_attention if call == "attribute" else call
        y = attend(query, key, value, **more)
        return y.view(n, heads, t, size).transpose(1, 2).flatten(2)

    text = f"attention({heads=}, {size=}, {groups=}, {masked=}, {flat=})"
    return Do(text, forward, q, kv, *bias)


def encoder(draw: Draw, x: torch.Tensor) -> nn.Module:
    """Draw nn.MultiheadAttention, or a whole layer with it."""
    _, t, e = x.shape
    heads = math.gcd(e, 4)
    if draw(st.booleans()):
        return nn.TransformerEncoderLayer(
            e, heads, 8, dropout=0.0, batch_first=True, norm_first=draw(st.booleans()),
            activation=one_of(draw, "relu", "gelu"),
        )  # fmt: skip
    options = {name: draw(st.booleans()) for name in ("bias", "add_bias_kv", "add_zero_attn")}
    need, mask = draw(st.booleans()), draw(st.booleans())
    member = nn.MultiheadAttention(e, heads, batch_first=True, **options)

    def forward(x: torch.Tensor, f: nn.Module) -> torch.Tensor:
        triangle = torch.zeros(t, t, device=x.device, dtype=x.dtype) if mask else None
        return f(x, x, x, need_weights=need, attn_mask=triangle)[0]

    return Do(f"mha({need=}, {mask=})", forward, member)


def recurrent(draw: Draw, x: torch.Tensor) -> nn.Module:
    name = one_of(draw, "RNN", "LSTM", "GRU")
    options: dict[str, Any] = {"num_layers": draw(st.integers(1, 2)), "batch_first": True}
    options["bidirectional"], options["bias"] = draw(st.booleans()), draw(st.booleans())
    if name == "LSTM" and draw(st.booleans()):
        options["proj_size"] = 2
    member = getattr(nn, name)(x.shape[-1], draw(st.integers(3, 6)), **options)
    return Do("sequence", lambda x, f: f(x)[0], member)


def cells(draw: Draw, x: torch.Tensor) -> nn.Module:
    name = one_of(draw, "RNNCell", "LSTMCell", "GRUCell")

    def forward(x: torch.Tensor, cell: nn.Module) -> torch.Tensor:
        state, out = None, []
        for step in x.unbind(1):
            state = cell(step, state)
            out.append(state[0] if isinstance(state, tuple) else state)
        return torch.stack(out, 1)

    return Do("steps", forward, getattr(nn, name)(x.shape[-1], draw(st.integers(2, 6))))


def embedding(draw: Draw, x: torch.Tensor) -> nn.Module:
    table = nn.Embedding(x.shape[-1], draw(st.integers(2, 8)), padding_idx=one_of(draw, None, 0))
    return Do("embed(argmax)", lambda x, f: f(x.argmax(-1)), table)


def norm(draw: Draw, x: torch.Tensor) -> nn.Module:
    return one_of(draw, nn.LayerNorm, nn.RMSNorm)(x.shape[-1])
