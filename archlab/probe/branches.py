"""Residual branches: how far each block is from the identity, and setting them to zero."""

from __future__ import annotations

import torch
from torch import nn

from archlab.errors import ProbeError
from archlab.probe.gradients import Batch
from archlab.probe.norm import norm
from archlab.probe.shortcuts import Addition, rooted, watched_additions
from archlab.probe.untouched import untouched
from archlab.result.by_depth import Branch


def measure_branches(
    module: nn.Module, batch: Batch, *, mode: str | None = "train"
) -> tuple[Branch, ...]:
    """Return every residual addition of one forward, in order: how far from the identity it is.

    Leaves the module as `measure_gradients` does; norms are over the whole batch, in float64.

    Raises:
        ProbeError: there is no residual addition.

    Example:
        >>> from archlab import zoo
        >>> found = measure_branches(zoo.build("resnet8"), Batch((torch.randn(4, 3, 32, 32),)))
        >>> [item.path for item in found]
        ['layer1.0', 'layer2.0', 'layer3.0']
    """
    found: list[Branch] = []
    counts: dict[str, int] = {}

    def keep(addition: Addition) -> bool:
        call = counts.get(addition.path, 0)
        counts[addition.path] = call + 1
        shape = tuple(addition.branch.shape[1:])
        sizes = norm(addition.branch), norm(addition.shortcut)
        found.append(Branch(addition.path, call, shape, *sizes))
        return True

    with untouched(module, mode), torch.enable_grad(), watched_additions(module, keep):
        given = rooted(batch)
        module(*given.args, **given.kwargs)
    if not found:
        raise ProbeError(no_additions(type(module).__name__))
    return tuple(found)


def zero_branches(module: nn.Module, batch: Batch) -> int:
    """Set the scale of the norm that ends each residual branch to 0; return how many there were.

    Raises:
        ProbeError: no branch ends in a norm with a scale.
    """
    ends: dict[object, nn.Module] = {}
    found: dict[int, nn.Module] = {}

    def note(member: nn.Module, _: object, output: object) -> None:
        if isinstance(output, torch.Tensor) and output.grad_fn is not None:
            ends[output.grad_fn] = member

    def look(addition: Addition) -> bool:
        member = ends.get(addition.branch.grad_fn)
        if member is not None:
            found[id(member)] = member
        return True

    norms = [member for member in module.modules() if _is_norm(member)]
    handles = [member.register_forward_hook(note) for member in norms]
    try:
        with untouched(module, "train"), torch.enable_grad(), watched_additions(module, look):
            given = rooted(batch)
            module(*given.args, **given.kwargs)
    finally:
        for handle in handles:
            handle.remove()
    if not found:
        raise ProbeError(
            f"No residual branch of {type(module).__name__} ends in a norm with a scale: there is "
            "no gamma to set to zero. Try --init kaiming."
        )
    with torch.no_grad():
        for member in found.values():
            nn.init.zeros_(member.weight)  # type: ignore[arg-type]
    return len(found)


def no_additions(name: str) -> str:
    """Return what to say where a model has no residual addition."""
    return (
        f"No shortcut was found in {name}: no sum joins x, or a projection of it, with a longer "
        "branch F(x). Concatenations (DenseNet, GoogLeNet) are no shortcuts, and what runs inside "
        "a scripted module cannot be seen."
    )


def _is_norm(member: nn.Module) -> bool:
    kinds = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)
    return isinstance(member, kinds) and member.weight is not None
