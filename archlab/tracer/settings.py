"""The global settings of a trace, as contexts that put everything back at the end.

One operator of torch is replaced meanwhile: on meta tensors `scaled_dot_product_attention` would be
taken apart into matrix products and copies. As one fused operator it costs in the trace what it
costs on a device with a fused kernel.
"""

from __future__ import annotations

import contextlib
import gc
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn


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
    # Below Python, so that it holds however the forward came by the function, in scripts too.
    library = torch.library.Library("aten", "IMPL")
    for key in ("AutogradMeta", "AutogradCPU"):
        library.impl("scaled_dot_product_attention", _attention, key)
    try:
        yield
    finally:
        library._destroy()


def _attention(  # noqa: PLR0913  torch's own signature
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,  # noqa: FBT001, FBT002
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """Return scaled dot-product attention, as one operator where a fused kernel takes it."""
    if not _fuses(query, key, value, attn_mask, is_causal=is_causal, enable_gqa=enable_gqa):
        return torch.ops.aten.scaled_dot_product_attention.default.decompose(
            query, key, value, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa
        )
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        scores = (torch.scalar_tensor(x, dtype=query.dtype) for x in (0.0, -torch.inf))
        attn_mask = torch.where(attn_mask, *scores)
    # The kernel for CPUs knows no dropout. Those of GPUs do, inside the kernel: it is left out.
    heads_in_batch = query.dim() == 3
    if heads_in_batch:
        query, key, value = (tensor.unsqueeze(0) for tensor in (query, key, value))
        attn_mask = None if attn_mask is None else attn_mask.unsqueeze(0)
    out = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        query, key, value, 0.0, is_causal, attn_mask=attn_mask, scale=scale
    )[0]
    return out.squeeze(0) if heads_in_batch else out


def _fuses(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    *,
    is_causal: bool,
    enable_gqa: bool,
) -> bool:
    """Whether torch's fused kernel for CPUs takes these tensors, asked of torch itself."""
    if query.dim() not in (3, 4):
        return False
    # None of this is an operator of the model.
    with torch._C._DisableTorchDispatch():
        tensors = [None if x is None else _stand_in(x) for x in (query, key, value, mask)]
        try:
            choice = torch._fused_sdp_choice(*tensors, is_causal=is_causal, enable_gqa=enable_gqa)
        except RuntimeError:
            return False  # the tensors do not fit: the products complain in torch's own words
    return choice == torch.nn.attention.SDPBackend.FLASH_ATTENTION.value


def _stand_in(tensor: torch.Tensor) -> torch.Tensor:
    """Return a CPU tensor of the same shape, in the memory of its last axis alone."""
    last = torch.empty(tensor.shape[-1:], dtype=tensor.dtype)
    return last.expand(tensor.shape).requires_grad_(tensor.requires_grad)
