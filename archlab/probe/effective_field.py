"""The effective receptive field: how much each input pixel changes the central unit, on average.

After Luo et al. 2016 (arXiv 1701.04128): the gradient of the central unit, squared, averaged over
images, channels and random output directions; nothing is clamped.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from archlab.result.field import EffectiveField, Place

# Of the largest value, as Luo et al. count: two standard deviations of a Gaussian hold 95.45 %.
THRESHOLD = 1 - 0.9545


def effective_fields(
    module: nn.Module,
    images: torch.Tensor,
    places: Mapping[str, Place],
    *,
    directions: int = 8,
    seed: int = 0,
) -> list[EffectiveField]:
    """Return the effective field of the central unit of each named module's output.

    `module` is a copy in eval mode on the CPU, with the weights to measure, and `images` are
    (N, C, H, W). `places` says where the central unit is in the output of one image; modules whose
    output is of another shape are left out.
    """
    generator = torch.Generator().manual_seed(seed)
    chosen: dict[str, torch.Tensor] = {}
    heat: dict[str, torch.Tensor] = {}
    # Image by image: a module may put windows, or frames, on the axis of the batch.
    for image in images.clone():
        x = image[None].requires_grad_()
        with torch.enable_grad(), _central_units(module, places) as units:
            module(x)
        for path in filter(units.__contains__, places):
            # A random direction over the channels instead of each channel alone: the mean of the
            # squares is the same, and a few backward passes are enough.
            if path not in chosen:
                shape = (directions, *units[path].shape)
                chosen[path] = torch.randn(shape, generator=generator)
            for direction in chosen[path]:
                central = (units[path] * direction.to(units[path].dtype)).sum()
                (gradient,) = torch.autograd.grad(central, x, retain_graph=True)
                squares = gradient.double().square().sum(dim=(0, 1))
                heat[path] = heat[path] + squares if path in heat else squares
    return [_field(path, heat[path].numpy(), places[path]) for path in places if path in heat]


@contextlib.contextmanager
def _central_units(
    module: nn.Module, places: Mapping[str, Place]
) -> Iterator[dict[str, torch.Tensor]]:
    """Fill a dictionary with the central unit of each named module's first output."""
    units: dict[str, torch.Tensor] = {}

    def keep(path: str, _: nn.Module, __: Any, output: Any) -> None:
        place = places[path]
        if isinstance(output, torch.Tensor) and tuple(output.shape) == place.shape:
            # A copy, because the next operator may work in place.
            index = tuple(slice(None) if at is None else at for at in place.index)
            units.setdefault(path, output[index].clone())

    with contextlib.ExitStack() as hooks:
        for path in places:
            member = module.get_submodule(path)
            hooks.enter_context(member.register_forward_hook(partial(keep, path)))
        yield units


def _field(path: str, heat: NDArray[np.float64], place: Place) -> EffectiveField:
    scaled = heat / max(float(heat.max()), float(np.finfo(np.float64).tiny))
    return EffectiveField(
        path=path,
        heat=scaled,
        height=_span(scaled.max(axis=1)),
        width=_span(scaled.max(axis=0)),
        unit=place.unit,
    )


def _span(profile: NDArray[np.float64]) -> int:
    above = np.flatnonzero(profile >= THRESHOLD * profile.max())
    return int(above[-1] - above[0] + 1) if profile.max() > 0 else 0
