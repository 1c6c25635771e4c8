"""The global settings of a trace, as contexts that put everything back at the end.

One function of torch is replaced meanwhile: on meta tensors `scaled_dot_product_attention` would be
taken apart into matrix products and copies. As one fused operator it costs in the trace what it
costs on a device with a fused kernel.
"""

from __future__ import annotations

import contextlib
import gc
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from archlab.tracer.layout import broadcast


@contextlib.contextmanager
def settings(module: nn.Module, mode: str) -> Iterator[None]:
    """Set mode, autograd and kernels for one forward; restore them and all random states."""
    members = list(module.modules())
    flags = [member.training for member in members]
    train = mode == "train"
    # nn.Module sets an attribute slowly, so nothing is set where no flag differs.
    changed = flags != [train] * len(flags)
    fast_path = torch.backends.mha.get_fastpath_enabled()
    if changed:
        module.train(train)
    # The fast path of nn.TransformerEncoderLayer is one operator that hides the layer's products.
    torch.backends.mha.set_fastpath_enabled(value=False)
    try:
        with (
            no_collection(),
            same_random(),
            torch.set_grad_enabled(train),
            _fused_attention(),
        ):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(value=fast_path)
        for member, training in zip(members, flags, strict=True) if changed else ():
            member.training = training


@contextlib.contextmanager
def same_random() -> Iterator[None]:
    """Put the random states of torch, Python and NumPy back at the end."""
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        random.setstate(states[1])
        np.random.set_state(states[2])  # noqa: NPY002  the global state, which a forward may use


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """Pause the garbage collector: its walk over all of torch's objects can outlast a trace."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@contextlib.contextmanager
def _fused_attention() -> Iterator[None]:
    original = functional.scaled_dot_product_attention
    functional.scaled_dot_product_attention = _fuse(original)
    try:
        yield
    finally:
        functional.scaled_dot_product_attention = original


def _fuse(original: Callable[..., Any]) -> Callable[..., Any]:
    def scaled_dot_product_attention(  # noqa: PLR0913  torch's own signature
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        attn_mask: torch.Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,  # noqa: FBT001, FBT002
        scale: float | None = None,
        enable_gqa: bool = False,  # noqa: FBT001, FBT002
    ) -> Any:
        fits = query.is_meta and not enable_gqa and _fits(query, key, value)
        if fits and (attn_mask is None or (not is_causal and _mask_fits(attn_mask, query, key))):
            return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
                query, key, value, dropout_p, is_causal, attn_mask=attn_mask, scale=scale
            )[0]
        options = {"scale": scale, "enable_gqa": enable_gqa}
        return original(query, key, value, attn_mask, dropout_p, is_causal, **options)

    return scaled_dot_product_attention


def _fits(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> bool:
    """Whether the fused kernel takes these shapes: 4-D, equal batch, heads and head size."""
    return (
        query.dim() == key.dim() == value.dim() == 4
        and query.shape[:2] == key.shape[:2] == value.shape[:2]
        and query.shape[3] == key.shape[3] == value.shape[3]
        and key.shape[2] == value.shape[2]
        and query.dtype == key.dtype == value.dtype
    )


def _mask_fits(mask: torch.Tensor, query: torch.Tensor, key: torch.Tensor) -> bool:
    """Whether the fused kernel takes this mask: of the scores' shape, and without a gradient."""
    scores = (*query.shape[:3], key.shape[2])
    fits = mask.dtype in (torch.bool, query.dtype) and broadcast([mask.shape, scores]) == scores
    return fits and not mask.requires_grad
