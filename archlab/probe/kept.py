"""The memory that each function of autograd keeps for the backward pass.

A function names the tensors that it saves (`_saved_self`, `_saved_result` …), one of the user's own
has `saved_tensors` and what it hung on its `ctx`. A hook sees what is saved in the forward: what a
function has besides was moved or is computed again when it is asked for, so its size says nothing.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import torch
from torch.autograd.graph import saved_tensors_hooks

# Functions that torch writes itself say all that they save.
_OF_TORCH = re.compile(r"Backward\d+$|^AccumulateGrad$")


@contextlib.contextmanager
def saving() -> Iterator[set[int]]:
    """Yield a set that is filled with the storages that are saved inside of the `with`."""
    saved: set[int] = set()

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if (key := _storage(tensor)) is not None:
            saved.add(key)
        # Not the tensor itself: an output would keep the function that keeps it.
        return tensor.detach()

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        yield saved


def kept_bytes(
    functions: Iterable[Any], saved: Collection[int], apart: Iterable[torch.Tensor]
) -> dict[Any, int | None]:
    """Return the bytes that each function keeps; None where it does not tell.

    Args:
        functions: in the order of the forward. A storage that several of them keep counts at the
            first, whole, also where only a part of it is used.
        saved: the storages that were saved, as `saving` yields them.
        apart: tensors that do not count: parameters and buffers.
    """
    counted = {_storage(tensor) for tensor in apart}
    kept: dict[Any, int | None] = {}
    for function in functions:
        tensors = _tensors(function)
        if tensors is not None:  # a number of Python's, as in x * 0.5, is saved without a hook
            tensors = [each for each in tensors if each.dim() or _storage(each) in saved]
        if tensors is None or any(_is_lost(tensor, saved) for tensor in tensors):
            kept[function] = None
            continue
        size = 0
        for tensor in (*tensors, *_of_ctx(function)):
            if (key := _storage(tensor)) not in counted:
                counted.add(key)
                size += tensor.untyped_storage().nbytes()
        kept[function] = size
    return kept


def _tensors(function: Any) -> list[torch.Tensor] | None:
    """Return the tensors that a function saved, None for a function that does not say."""
    own = isinstance(function, torch.autograd.function.BackwardCFunction)
    if not own and not _OF_TORCH.search(type(function).__name__):
        return None
    names = [name for name in dir(function) if name.startswith("_saved_")]
    try:
        values = [getattr(function, name) for name in (["saved_tensors"] if own else names)]
    except Exception:  # noqa: BLE001  a hook of the model's code, a value that was written over
        return None
    lists = [value if isinstance(value, list | tuple) else (value,) for value in values]
    return [value for each in lists for value in each if isinstance(value, torch.Tensor)]


def _is_lost(tensor: torch.Tensor, saved: Collection[int]) -> bool:
    key = _storage(tensor)
    return key is None or key not in saved


def _of_ctx(function: Any) -> list[torch.Tensor]:
    """Return the tensors that a function of the user's keeps as attributes of its `ctx`."""
    own = isinstance(function, torch.autograd.function.BackwardCFunction)
    values = vars(function).values() if own else ()
    return [value for value in values if isinstance(value, torch.Tensor)]


def _storage(tensor: torch.Tensor) -> int | None:
    """Return what tells a tensor's memory from others, None for one without (sparse, nested)."""
    try:
        return int(tensor.untyped_storage()._cdata)
    except (NotImplementedError, RuntimeError):
        return None
