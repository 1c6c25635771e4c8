"""L2 norms, summed in float64: in float32 the squares of small numbers are zero."""

from __future__ import annotations

import torch


def norm(tensor: torch.Tensor) -> float:
    """Return the L2 norm of a tensor as a number.

    Example:
        >>> f"{norm(torch.full((4,), 1e-30)):.3g}"  # in float32 the squares are zero
        '2e-30'
    """
    return float(norm_in_place(tensor))


def norm_in_place(tensor: torch.Tensor) -> torch.Tensor:
    """Return the L2 norm as a float64 scalar on the tensor's device, without waiting for it."""
    tensor = tensor.detach()
    if tensor.is_sparse:
        tensor = tensor.coalesce().values()
    dtype = torch.complex128 if tensor.is_complex() else torch.float64
    size: torch.Tensor = torch.linalg.vector_norm(tensor, dtype=dtype)
    return size.real
