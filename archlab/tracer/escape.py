"""What leaves torch in a forward: a tensor's values, taken as a NumPy array or as a list."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import torch

from archlab.tracer.alone import same_thread
from archlab.tracer.settings import replaced

# `numpy.asarray` and its like come to the first of them.
_METHODS = ("numpy", "tolist", "__dlpack__")


@contextlib.contextmanager
def escapes(note: Callable[[torch.Tensor], None]) -> Iterator[None]:
    """Call `note` with every tensor whose values are taken out of torch meanwhile."""
    # These methods are no operators: no dispatch mode sees them.
    methods = {name: _noted(getattr(torch.Tensor, name), note) for name in _METHODS}
    with replaced(torch.Tensor, methods):
        yield


def _noted(method: Callable[..., Any], note: Callable[[torch.Tensor], None]) -> Callable[..., Any]:
    here = same_thread()

    @wraps(method)
    def noted(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        if here():
            note(tensor)
        return method(tensor, *args, **kwargs)

    return noted
