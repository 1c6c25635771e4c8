"""Bounds of a forward with real tensors: the memory that is free, and a time.

Such a forward runs where a trace without values is not possible. It must not take the machine down
with it: a net of a hundred billion weights is refused instead.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from math import prod
from typing import Any

import psutil
import torch

from archlab.result import size

SECONDS = 300.0
_SHARE = 0.9  # of the free memory
_EVERY = 64  # operators between two looks at the memory


class BoundsError(RuntimeError):
    """A forward with real tensors would take too long, or more memory than there is."""


class Bounds:
    """What one forward may take; `check` is called before every operator."""

    def __init__(self) -> None:
        self._end = time.monotonic() + SECONDS
        self._calls = 0

    def check(self, values: Mapping[str, Any]) -> None:
        """Raise if the time is over, or if an operator with these arguments needs too much memory.

        Raises:
            BoundsError: a bound is passed.
        """
        if time.monotonic() > self._end:
            raise BoundsError(f"the forward with real tensors took more than {SECONDS:g} s")
        self._calls += 1
        shape = values.get("size")
        elements = prod(shape) if isinstance(shape, list | tuple) else 0
        if elements > 2**24 or self._calls % _EVERY == 0:
            dtype = values.get("dtype") or torch.get_default_dtype()
            check_memory(elements * dtype.itemsize, "a tensor of the forward")


def check_memory(needed: int, what: str) -> None:
    """Raise unless so many bytes are free.

    Raises:
        BoundsError: they are not.
    """
    free = psutil.virtual_memory().available
    if needed > _SHARE * free or free < 2**28:
        raise BoundsError(f"{what} would take {size(needed)}, and {size(free)} are free")
