"""Fake tensors: without values, as those on meta are, yet with a device that a forward can use.

Autocast, custom operators and code that asks for a tensor's device work on them. They are slower
than meta tensors and their module takes a second to start, so they are the second attempt.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode, unset_fake_temporarily
from torch.utils._pytree import tree_map_only

from archlab.tracer.isolate import copied
from archlab.tracer.shapes import statistics_dtype

# Norms whose kernels for fake tensors give statistics of the input's dtype, whatever is beside it.
_NORMS = frozenset(
    f"aten.{name}"
    for name in (
        *("native_layer_norm", "native_group_norm"),
        *("native_batch_norm", "_native_batch_norm_legit", "_batch_norm_with_update"),
    )
)
# Operators whose kernels for fake tensors may return their input, at the first call alone.
_COPIES = frozenset({"aten.channel_shuffle", "aten.native_channel_shuffle"})

__all__ = ["FakeTensor", "corrected", "fakes", "unset_fake_temporarily"]


def fakes(
    module: nn.Module, inputs: tuple[Sequence[Any], Mapping[str, Any]], device: str
) -> tuple[FakeTensorMode, nn.Module, tuple[Sequence[Any], Mapping[str, Any]]]:
    """Return a mode to run in, and copies of a module and inputs on meta as fake tensors."""
    # A forward may hold small constants with values, which join the fake tensors.
    mode = FakeTensorMode(allow_non_fake_inputs=True)

    def fake(tensor: torch.Tensor) -> torch.Tensor:
        # The memory is that of the tensor on meta: what shares it goes on sharing it.
        data = FakeTensor(mode, tensor.detach().to("meta"), torch.device(device))
        if isinstance(tensor, nn.Parameter):
            return nn.Parameter(data, requires_grad=tensor.requires_grad)
        return data.requires_grad_(tensor.requires_grad)

    # The mode logs every failure with its traceback, though another attempt may follow.
    logging.getLogger("torch._subclasses.fake_tensor").setLevel(logging.CRITICAL)
    return mode, copied(module, fake), tree_map_only(torch.Tensor, fake, inputs)


def corrected(op: str, values: Mapping[str, Any], out: Any) -> Any:
    """Return what an operator gave, with the memory and the dtypes that real kernels give."""
    if op in _COPIES and isinstance(out, FakeTensor):
        memory, of_input = out.untyped_storage(), values["self"].untyped_storage()
        return out.clone() if memory._cdata == of_input._cdata else out
    if op not in _NORMS or not isinstance(values["input"], FakeTensor):
        return out
    return (out[0], *(tensor.to(statistics_dtype(values)) for tensor in out[1:]))
