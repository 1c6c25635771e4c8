"""Everything global that a trace sets, inside `with`, and put back afterwards.

Also the one function that is replaced: `scaled_dot_product_attention` on meta tensors would fall
apart into its matrix products and their copies; as one fused operator it costs what it costs on a
device with a fused kernel.
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
    wanted = mode == "train"
    changed = flags != [wanted] * len(flags)  # setting a flag costs: only where it is another
    fast_path = torch.backends.mha.get_fastpath_enabled()
    if changed:
        module.train(wanted)
    torch.backends.mha.set_fastpath_enabled(value=False)
    try:
        with (
            no_collection(),
            same_random(),
            torch.set_grad_enabled(mode == "train"),
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
    """Pause the garbage collector: walking all of torch's objects can cost more than the work."""
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
        plain = query.is_meta and not enable_gqa and _fits(query, key, value)
        if not plain or (attn_mask is not None and not _masks(attn_mask, query, key, is_causal)):
            return original(
                query, key, value, attn_mask, dropout_p, is_causal, scale=scale,
                enable_gqa=enable_gqa,
            )  # fmt: skip
        fused = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            query, key, value, dropout_p, is_causal, attn_mask=attn_mask, scale=scale
        )
        return fused[0]

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


def _masks(mask: torch.Tensor, query: torch.Tensor, key: torch.Tensor, causal: bool) -> bool:  # noqa: FBT001
    """Whether the fused kernel takes this mask: it fits, and nothing else is to be learnt."""
    scores = (*query.shape[:3], key.shape[2])
    return (
        not causal
        and not mask.requires_grad
        and mask.dtype in (torch.bool, query.dtype)
        and broadcast([mask.shape, scores]) == scores
    )
