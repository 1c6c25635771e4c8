"""Residual branches: how far each block is from the identity, and how to set them to zero."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack

import torch
from torch import nn

from archlab.errors import ProbeError, keyword
from archlab.probe.gradients import Batch
from archlab.probe.norm import norm
from archlab.probe.responses import NORMS
from archlab.probe.running import after, members
from archlab.probe.shortcuts import Addition, run_watched
from archlab.probe.untouched import untouched
from archlab.probe.watch import sample_shape
from archlab.result.by_depth import Branch


def measure_branches(
    module: nn.Module, batch: Batch, *, mode: str | None = "train"
) -> tuple[Branch, ...]:
    """Return the norms of branch and shortcut at every residual addition of one forward, in order.

    Norms are over the whole batch. The module is left as it was, as by `measure_gradients`.

    Raises:
        ProbeError: there is no residual addition.

    Example:
        >>> from archlab import zoo
        >>> branches = measure_branches(zoo.build("resnet8"), Batch((torch.randn(4, 3, 32, 32),)))
        >>> [branch.path for branch in branches]
        ['layer1.0', 'layer2.0', 'layer3.0']
    """
    branches: list[Branch] = []
    calls: Counter[str] = Counter()

    def measure(addition: Addition) -> bool:
        shape = sample_shape(addition.branch)
        sizes = norm(addition.branch), norm(addition.shortcut)
        branches.append(Branch(addition.path, calls[addition.path], shape, *sizes))
        calls[addition.path] += 1
        return True

    with untouched(module, mode):
        run_watched(module, batch, measure)
    if not branches:
        raise ProbeError(no_additions(type(module).__name__))
    return tuple(branches)


def zero_branches(module: nn.Module, batch: Batch) -> int:
    """Set the scale of the norm that ends each residual branch to 0; return how many there were.

    Raises:
        ProbeError: no branch ends in a norm with a scale.
    """
    # By the step of autograd that made a norm's output: an in-place sum changes the tensor itself.
    norm_of: dict[object, nn.Module] = {}
    last_norms: set[nn.Module] = set()

    def norm_ended(member: nn.Module, _: object, output: object) -> None:
        if isinstance(output, torch.Tensor) and output.grad_fn is not None:
            norm_of[output.grad_fn] = member

    def keep_last_norm(addition: Addition) -> bool:
        if addition.branch.grad_fn in norm_of:
            last_norms.add(norm_of[addition.branch.grad_fn])
        return True

    with ExitStack() as hooks:
        for _, member in members(module):
            if isinstance(member, NORMS) and member.weight is not None:
                hooks.enter_context(after(member, norm_ended))
        hooks.enter_context(untouched(module, "train"))
        run_watched(module, batch, keep_last_norm)
    if not last_norms:
        raise ProbeError(
            f"No residual branch of {type(module).__name__} ends in a norm with a scale: there is "
            f"no gamma to set to zero. Try {keyword('init', 'kaiming')}."
        )
    for member in last_norms:
        nn.init.zeros_(member.weight)  # type: ignore[arg-type]
    return len(last_norms)


def no_additions(name: str) -> str:
    """Return the message for a model without a residual addition."""
    return (
        f"No shortcut was found in {name}: no sum joins x, or a projection of it, with a longer "
        "branch F(x). Concatenations (DenseNet, GoogLeNet) are no shortcuts, and what runs without "
        "autograd or inside a scripted module cannot be seen."
    )
