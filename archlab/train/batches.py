"""Batches from images that stay on the device: one gather crops, flips and picks; a loader resumes.

Every random number comes from (seed, epoch, step), never from the global stream, and is drawn for
the whole global batch before a rank takes its share: resuming, ranks and workers change nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from archlab.runs.recipe import Center

Batch = tuple[Tensor, Tensor]
EVALUATED = 500  # images in a batch without gradients


@dataclass(frozen=True)
class Augment:
    """Random crops from a border of `pad` zero pixels, and mirror images."""

    pad: int = 0
    flip: bool = False


class Normalizer:
    """Turns uint8 images into centred floats, with the statistics of the training images.

    `pixel` subtracts the mean image (so that the border of a crop is zero after it), `channel`
    subtracts each channel's mean and divides by its standard deviation.
    """

    def __init__(self, images: Tensor, center: Center) -> None:
        self.center = center
        # Sums over counts of the 256 levels are exact, and need no copy of all images as floats.
        channels = [channel.flatten().long() for channel in images.transpose(0, 1)]
        counts = torch.stack([torch.bincount(each, minlength=256) for each in channels]).double()
        levels = torch.arange(256, dtype=torch.float64, device=images.device)
        mean = (counts * levels).sum(1) / counts.sum(1)
        spread = ((counts * levels**2).sum(1) / counts.sum(1) - mean**2).clamp(min=0).sqrt()
        self.mean = mean.float().view(1, -1, 1, 1)
        # A channel of one value has no deviation to divide by.
        self.spread = spread.clamp(min=1).float().view(1, -1, 1, 1)
        if center == "pixel":
            total = images.sum(dim=0, dtype=torch.int64)
            self.mean = (total.double() / len(images)).float().unsqueeze(0)
            self.spread = torch.tensor(255.0, device=images.device)

    def __call__(self, images: Tensor) -> Tensor:
        """Return whole images, centred."""
        return (images.float() - self.mean) / self.spread


class ResidentLoader:
    """An iterable of augmented training batches that knows where it is, and can be put back there.

    With several ranks each takes every `world`-th image of the global batch, which keeps its size
    `batch_size`; batch norm then sees `batch_size / world` images. A last batch that the ranks
    cannot share evenly loses the rest.
    """

    def __init__(  # noqa: PLR0913  the images and how they are made batches of
        self,
        images: Tensor,
        labels: Tensor,
        normalizer: Normalizer,
        *,
        batch_size: int,
        seed: int = 0,
        augment: Augment | None = None,
        channels_last: bool = False,
    ) -> None:
        self.augment = augment or Augment()
        pad = self.augment.pad
        self.images, self.labels = functional.pad(images, (pad,) * 4), labels
        self.normalizer, self.batch_size, self.seed = normalizer, batch_size, seed
        self.channels_last = channels_last
        self.dataset = labels  # Lightning's finder of batch sizes asks for its length
        self.rank, self.world = 0, 1
        self.epoch, self.step = 0, 0
        self._channel = torch.arange(images.shape[1], device=images.device)[None, :, None, None]
        self._mean = functional.pad(normalizer.mean, (pad,) * 4)
        self._order: tuple[int, Tensor] | None = None

    def shard(self, rank: int, world: int) -> ResidentLoader:
        """Take this rank's share of every batch; returns the loader."""
        self.rank, self.world = rank, world
        return self

    def __len__(self) -> int:
        """Return the batches of an epoch."""
        return math.ceil(len(self.labels) / self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches from the position on, to the end of its epoch."""
        last = False
        while not last:
            epoch, step = self.epoch, self.step
            last = step + 1 == len(self)
            # The position moves *before* a batch is handed out: Lightning never asks a generator
            # again after the last batch of an epoch, so the next epoch would be empty.
            self.epoch, self.step = (epoch + 1, 0) if last else (epoch, step + 1)
            yield self.batch(epoch, step)

    def state_dict(self) -> dict[str, Any]:
        """Return the position of the next batch."""
        return {"epoch": self.epoch, "step": self.step}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where another loader was."""
        self.epoch, self.step = int(state["epoch"]), int(state["step"])

    def indices(self, epoch: int, step: int) -> Tensor:
        """Return this rank's images of a batch, on the CPU."""
        if self._order is None or self._order[0] != epoch:
            order = torch.randperm(len(self.labels), generator=_generator(self.seed, epoch))
            self._order = epoch, order
        whole = self._order[1][step * self.batch_size : (step + 1) * self.batch_size]
        return whole[: len(whole) - len(whole) % self.world][self.rank :: self.world]

    def batch(self, epoch: int, step: int) -> Batch:
        """Return this rank's share of one batch: normalised images and labels."""
        device, pad = self.images.device, self.augment.pad
        chosen = self.indices(epoch, step)
        # Drawn for the whole global batch: the crops of an image do not depend on the ranks.
        top, left, mirrored = (
            moves[: len(chosen) * self.world][self.rank :: self.world]
            for moves in self._moves(epoch, step)
        )
        height, width = (size - 2 * pad for size in self.images.shape[2:])
        across = torch.arange(width)
        columns = torch.where(mirrored[:, None], width - 1 - across, across) + left[:, None]
        rows = torch.arange(height) + top[:, None]
        chosen, rows, columns = (part.to(device) for part in (chosen, rows, columns))
        place = (self._channel, rows[:, None, :, None], columns[:, None, None, :])
        pixels = self.images[(chosen[:, None, None, None], *place)].float()
        # A mean image is cropped and mirrored as the image itself, from the same padded border.
        mean = self._mean[0][place] if self.normalizer.center == "pixel" else self.normalizer.mean
        pixels = (pixels - mean) / self.normalizer.spread
        if self.channels_last:
            pixels = pixels.contiguous(memory_format=torch.channels_last)
        return pixels, self.labels[chosen]

    def _moves(self, epoch: int, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return the crops' corners and the mirrored images of a whole global batch."""
        count, pad = self.batch_size, self.augment.pad
        numbers = _generator(self.seed, epoch, step + 1)
        corners = torch.randint(2 * pad + 1, (2, count), generator=numbers)
        mirrored = torch.rand(count, generator=numbers) < (0.5 if self.augment.flip else 0.0)
        return corners[0], corners[1], mirrored


def _generator(*key: int) -> torch.Generator:
    # SeedSequence mixes the numbers: seed + epoch would give run 2 the order of run 1 an epoch on.
    seed = np.random.SeedSequence(key).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(seed >> np.uint64(1)))


def whole_batches(
    images: Tensor, labels: Tensor, normalizer: Normalizer, batch_size: int = EVALUATED
) -> Iterator[Batch]:
    """Yield images as they are, in order, normalised: for evaluation."""
    for first in range(0, len(labels), batch_size):
        part = slice(first, first + batch_size)
        yield normalizer(images[part]), labels[part]
