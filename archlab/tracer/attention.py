"""Attention as one operator, as it costs on a device with a fused kernel.

On meta tensors torch takes `scaled_dot_product_attention` apart into matrix products and copies.
While a model is traced, the fused kernel of the CPU stands for it wherever torch would choose that.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch

from archlab.tracer.alone import same_thread


@contextlib.contextmanager
def fused_attention() -> Iterator[None]:
    """Replace the attention of torch while the context lasts."""
    # Below Python, so that it holds however the forward came by the function, in scripts too.
    library: Any = torch.library.Library("aten", "IMPL")  # type: ignore[no-untyped-call]
    here = same_thread()

    def attention(*args: Any, **kwargs: Any) -> Any:
        # To other threads it is what it always was.
        return (_attention if here() else _original())(*args, **kwargs)

    for key in ("AutogradMeta", "AutogradCPU"):
        library.impl("scaled_dot_product_attention", attention, key)
    try:
        yield
    finally:
        library._destroy()


def _original() -> Any:
    return torch.ops.aten.scaled_dot_product_attention.default.decompose


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
        return _original()(
            query, key, value, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa
        )
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        zero, never = (torch.scalar_tensor(x, dtype=query.dtype) for x in (0.0, -torch.inf))
        attn_mask = torch.where(attn_mask, zero, never)
    # The kernel for CPUs knows no dropout. Those of GPUs do, inside the kernel: it is left out.
    heads_in_batch = query.dim() == 3
    if heads_in_batch:
        query, key, value = (tensor.unsqueeze(0) for tensor in (query, key, value))
        if attn_mask is not None and attn_mask.dim() == 3:
            attn_mask = attn_mask.unsqueeze(0)
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
    # What torch refuses, it refuses before it chooses a kernel.
    types = {tensor.dtype for tensor in (query, key, value)}
    fits = mask is None or (not is_causal and mask.dtype in (torch.bool, query.dtype))
    if query.dim() not in (3, 4) or len(types) > 1 or not fits:
        return False
    # None of this is an operator of the model.
    with torch._C._DisableTorchDispatch():
        tensors = [None if t is None else _stand_in(t) for t in (query, key, value, mask)]
        rounds: list[list[Any]] = [tensors]
        if query.dim() == 3:
            # Torch gives them a batch of one, and then chooses once more, by other rules.
            with torch.enable_grad():  # which tensors want gradients matters outside it, too
                rounds.append([None if t is None else t[(None,) * (4 - t.dim())] for t in tensors])
        options: dict[str, Any] = {"is_causal": is_causal, "enable_gqa": enable_gqa}
        try:
            choices = {torch._fused_sdp_choice(*round_, **options) for round_ in rounds}
        except RuntimeError:
            return False  # the tensors do not fit: the products complain in torch's own words
    return choices == {torch.nn.attention.SDPBackend.FLASH_ATTENTION.value}


def _stand_in(tensor: torch.Tensor) -> torch.Tensor:
    """Return a CPU tensor of the same shape, in the memory of its last axis alone."""
    last = torch.empty(tensor.shape[-1:], dtype=tensor.dtype)
    return last.expand(tensor.shape).requires_grad_(tensor.requires_grad)
