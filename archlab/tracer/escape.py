"""What leaves torch in a forward: a tensor's values, taken as a NumPy array or as a list."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import torch

# `numpy.asarray` and its like come to the first of them.
_METHODS = ("numpy", "tolist", "__dlpack__")


@contextlib.contextmanager
def escapes(note: Callable[[torch.Tensor], None]) -> Iterator[None]:
    """Call `note` with every tensor whose values are taken out of torch meanwhile."""
    # These methods are no operators: no dispatch mode sees them.
    inherited = [name for name in _METHODS if name not in vars(torch.Tensor)]
    own = {name: vars(torch.Tensor)[name] for name in _METHODS if name not in inherited}
    for name in _METHODS:
        setattr(torch.Tensor, name, _noted(getattr(torch.Tensor, name), note))
    try:
        yield
    finally:
        for name in inherited:
            delattr(torch.Tensor, name)
        for name, method in own.items():
            setattr(torch.Tensor, name, method)


def _noted(method: Callable[..., Any], note: Callable[[torch.Tensor], None]) -> Callable[..., Any]:
    @wraps(method)
    def noted(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        note(tensor)
        return method(tensor, *args, **kwargs)

    return noted
