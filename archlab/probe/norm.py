"""L2 norms, summed in float64: in float32 the squares of small numbers are zero."""

from __future__ import annotations

import torch

from archlab.errors import ProbeError


def norm(tensor: torch.Tensor) -> float:
    """Return the L2 norm of a tensor as a number; of a complex one, that of its absolute values.

    Example:
        >>> f"{norm(torch.full((4,), 1e-30)):.3g}"  # in float32 the squares are zero
        '2e-30'
    """
    return float(norm_in_place(tensor))


def norm_in_place(tensor: torch.Tensor) -> torch.Tensor:
    """Return the L2 norm as a float64 scalar on the tensor's device, without waiting for it."""
    values = plain(tensor)
    dtype = torch.complex128 if values.is_complex() else torch.float64
    size: torch.Tensor = torch.linalg.vector_norm(values, dtype=dtype)
    return size.real


def plain(tensor: torch.Tensor) -> torch.Tensor:
    """Return the values of any tensor, detached; of a sparse or nested one those that it holds.

    Example:
        >>> plain(torch.eye(2).to_sparse())
        tensor([1., 1.])
    """
    tensor = seen(tensor).detach()
    if tensor.layout == torch.sparse_coo:
        tensor = tensor.coalesce()
    if tensor.layout != torch.strided or tensor.is_nested:
        tensor = tensor.values()
    return tensor if has_gradient(tensor) else tensor.double()


def seen(tensor: torch.Tensor) -> torch.Tensor:
    """Return the tensor, if its values and gradients can be read.

    Raises:
        ProbeError: a tensor inside a transform of torch.func.
    """
    if torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        raise ProbeError(
            "A layer runs inside torch.func (vmap, grad …), where its values cannot be read."
        )
    return tensor


def has_gradient(tensor: torch.Tensor) -> bool:
    """Whether a tensor is of a type that gradients have: floating-point or complex."""
    return tensor.is_floating_point() or tensor.is_complex()
