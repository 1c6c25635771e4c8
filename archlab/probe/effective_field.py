"""The effective receptive field: how much each input pixel changes the central unit, on average.

After Luo et al. 2016 (arXiv 1701.04128): the gradient of the central unit, squared, averaged over
images, channels and random output directions; nothing is clamped.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from archlab.probe.watch import kept_outputs
from archlab.result.field import EffectiveField

# Of the largest value, as Luo et al. count: two standard deviations of a Gaussian hold 95.45 %.
THRESHOLD = 1 - 0.9545


def effective_fields(
    module: nn.Module,
    images: torch.Tensor,
    paths: Sequence[str],
    *,
    directions: int = 8,
    seed: int = 0,
) -> list[EffectiveField]:
    """Return the effective field of the central unit of each named module's output.

    `module` is a copy in eval mode on the CPU, with the weights to measure, and `images` are
    (N, C, H, W). A module whose output is no map of four axes is left out.
    """
    x = images.clone().requires_grad_()
    with torch.enable_grad(), kept_outputs(module, paths) as outputs:
        module(x)
    generator = torch.Generator().manual_seed(seed)
    return [
        _field(path, outputs[path], x, directions, generator)
        for path in paths
        if path in outputs and outputs[path].dim() == 4
    ]


def _field(
    path: str, output: torch.Tensor, x: torch.Tensor, directions: int, generator: torch.Generator
) -> EffectiveField:
    row, column = output.shape[2] // 2, output.shape[3] // 2
    total = torch.zeros(x.shape[2:], dtype=torch.float64)
    # A random direction over the channels instead of each channel alone: the mean of the squares is
    # the same, and a few backward passes are enough.
    for _ in range(directions):
        direction = torch.randn(output.shape[1], generator=generator)
        central = (output[:, :, row, column] * direction.to(output.dtype)).sum()
        (gradient,) = torch.autograd.grad(central, x, retain_graph=True)
        total += gradient.double().square().sum(dim=(0, 1))
    heat = total / (directions * x.shape[0])
    scaled = (heat / heat.max().clamp_min(torch.finfo(torch.float64).tiny)).numpy()
    return EffectiveField(
        path=path,
        heat=scaled,
        height=_span(scaled.max(axis=1)),
        width=_span(scaled.max(axis=0)),
        unit=(row, column),
    )


def _span(profile: NDArray[np.float64]) -> int:
    above = np.flatnonzero(profile >= THRESHOLD * profile.max())
    return int(above[-1] - above[0] + 1) if profile.max() > 0 else 0
