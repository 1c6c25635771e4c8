"""Copies of a user's module that a trace may do anything to.

`on_meta` copies the structure and replaces every tensor by one on the meta device, so that a model
of any size costs no memory; `with_values` copies the tensors too. The original is only read.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

_DEPTH = 4  # how deep tensors are looked for in lists and dictionaries of a module


def on_meta(module: nn.Module) -> nn.Module:
    """Return a structural copy of `module` whose tensors are on the meta device.

    Raises:
        Exception: whatever a member's `__deepcopy__` or pickling raises.
    """
    return _copied(module, _meta)


def with_values(module: nn.Module) -> nn.Module:
    """Return a deep copy of `module` on the CPU, values included."""
    return _copied(module, lambda tensor: _typed(tensor, tensor.detach().to("cpu", copy=True)))


def is_lazy(tensor: torch.Tensor) -> bool:
    """Whether a parameter or buffer has no shape yet."""
    return isinstance(tensor, UninitializedParameter | UninitializedBuffer)


def _copied(module: nn.Module, convert: Any) -> nn.Module:
    memo: dict[int, Any] = {}
    for tensor in _tensors(module):
        if id(tensor) not in memo:
            memo[id(tensor)] = convert(tensor)
    return copy.deepcopy(module, memo)


def _tensors(module: nn.Module) -> Iterator[torch.Tensor]:
    for member in module.modules():
        yield from _inside(vars(member), _DEPTH)


def _inside(value: Any, depth: int) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        # A lazy parameter has no shape yet: deepcopy knows how to copy it.
        if not is_lazy(value):
            yield value
    elif depth and isinstance(value, dict):
        for item in value.values():
            yield from _inside(item, depth - 1)
    elif depth and isinstance(value, list | tuple):
        for item in value:
            yield from _inside(item, depth - 1)


def _meta(tensor: torch.Tensor) -> torch.Tensor:
    empty = torch.empty_strided(
        tensor.shape, tensor.stride(), dtype=tensor.dtype, device=torch.device("meta")
    )
    return _typed(tensor, empty)


def _typed(tensor: torch.Tensor, data: torch.Tensor) -> torch.Tensor:
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(data, requires_grad=tensor.requires_grad)
    return data
