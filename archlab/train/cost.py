"""What a recipe would cost on this machine, from a second of measuring."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch
from torch.nn import functional

from archlab.runs.recipe import Recipe
from archlab.train import device
from archlab.train.build import build

_PROBE = 20  # the net that is timed; time grows with depth


def sweep_hours(recipe: Recipe, depths: Sequence[int], runs_a_depth: int, jobs: int) -> float:
    """Return a guess of the hours that a sweep on CIFAR-10 takes, `jobs` runs side by side."""
    seconds = _seconds_a_step(recipe.batch_size) * recipe.total_steps(50_000)
    return seconds * sum(depths) * runs_a_depth / _PROBE / jobs / 3600


def _seconds_a_step(batch: int) -> float:
    """Return the seconds of one step of ResNet-20 in float32 with one thread, from a short one."""
    small = min(batch, 32)
    threads = torch.get_num_threads()
    net = device.placed(build(f"resnet{_PROBE}", {}, seed=0), Recipe(name="probe", steps=1))
    images = torch.zeros(small, 3, 32, 32)
    labels = torch.zeros(small, dtype=torch.long)
    torch.set_num_threads(1)
    try:
        # The first of two warms up; only the second one counts.
        for _ in range(2):
            begin = time.perf_counter()
            functional.cross_entropy(net(images), labels).backward()  # type: ignore[no-untyped-call]
            seconds = time.perf_counter() - begin
    finally:
        torch.set_num_threads(threads)
    return seconds * batch / small
