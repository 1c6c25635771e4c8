"""The plain twin of a residual model: the same module, run with its shortcuts dropped."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from archlab.errors import ProbeError
from archlab.probe.branches import no_additions
from archlab.probe.gradients import Batch, Loss, measure_gradients
from archlab.probe.shortcuts import Addition, rooted, watched_additions
from archlab.result.by_depth import GradientProfile


def measure_twin(
    module: nn.Module,
    batch: Batch,
    loss: Loss,
    *,
    blocks: Sequence[str] = (),
    mode: str | None = "train",
) -> GradientProfile:
    """Return what `measure_gradients` returns, with every shortcut dropped: relu(F(x)) alone.

    Raises:
        ProbeError: there is no shortcut to drop; and as `measure_gradients`.
    """
    dropped = 0

    def drop(_: Addition) -> bool:
        nonlocal dropped
        dropped += 1
        return False

    with watched_additions(module, drop):
        profile = measure_gradients(module, rooted(batch), loss, blocks=blocks, mode=mode)
    if not dropped:
        raise ProbeError(no_additions(type(module).__name__))
    return profile
