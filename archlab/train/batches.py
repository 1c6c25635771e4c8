"""Batches from images that stay on the device: one gather crops, flips and picks; a loader resumes.

Every random number comes from (seed, epoch, step), never from the global stream, and is drawn for
the whole global batch before a rank takes its share: resuming, ranks and workers change nothing.
The numbers of an epoch go to the device at once, so that no step waits for a copy.
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

from archlab.errors import OptionError
from archlab.runs.recipe import Center
from archlab.train import device

Batch = tuple[Tensor, Tensor]
EVALUATED = 500  # images in a batch without gradients


@dataclass(frozen=True)
class Augment:
    """Random crops from a border of `pad` zero pixels, mirror images, squares cut out."""

    pad: int = 0
    flip: bool = False
    cutout: int = 0


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
        pad, cutout = self.augment.pad, self.augment.cutout
        if cutout >= min(images.shape[2:]):
            size = "x".join(map(str, images.shape[2:]))
            raise OptionError(
                f"cutout {cutout} would cut out the whole image of {size} pixels. Give a smaller "
                "side; half of the image's is usual."
            )
        self.images, self.labels = functional.pad(images, (pad,) * 4), labels
        self.normalizer, self.batch_size, self.seed = normalizer, batch_size, seed
        self.channels_last = channels_last
        self.dataset = labels  # Lightning's finder of batch sizes asks for its length
        self.rank, self.world = 0, 1
        self.epoch, self.step = 0, 0
        place, (height, width) = images.device, images.shape[2:]
        self._channel = torch.arange(images.shape[1], device=place)[None, :, None, None]
        self._rows = torch.arange(height, device=place)
        self._columns = torch.arange(width, device=place)
        self._mean = functional.pad(normalizer.mean, (pad,) * 4)
        self._epoch: tuple[int, Tensor] | None = None

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

    def size(self, step: int) -> int:
        """Return this rank's images in a batch, the last of an epoch being smaller."""
        whole = min(self.batch_size, len(self.labels) - step * self.batch_size)
        return whole // self.world

    def draws(self, epoch: int) -> Tensor:
        """Return what an epoch's batches are made of, int64 (steps, parts, images) on the device.

        The parts are the image, the crop's top and left, whether it is mirrored, and with cutout
        the square's middle. Rows of a batch smaller than the others end in zeros.
        """
        if self._epoch is None or self._epoch[0] != epoch:
            drawn = self._drawn(epoch)
            # From pinned memory the copy runs beside the host.
            if device.is_cuda(self.images.device):
                drawn = drawn.pin_memory()
            self._epoch = epoch, drawn.to(self.images.device, non_blocking=True)
        return self._epoch[1]

    def batch(self, epoch: int, step: int) -> Batch:
        """Return this rank's share of one batch: normalised images and labels."""
        return self.gathered(self.draws(epoch)[step, :, : self.size(step)])

    def gathered(self, draws: Tensor) -> Batch:
        """Return the images and labels of a batch's row of `draws`; the host waits for nothing."""
        chosen, top, left, mirrored, *middle = draws
        across = self._columns
        columns = torch.where(mirrored[:, None] > 0, len(across) - 1 - across, across)
        columns = columns + left[:, None]
        rows = self._rows + top[:, None]
        place = (self._channel, rows[:, None, :, None], columns[:, None, None, :])
        pixels = self.images[(chosen[:, None, None, None], *place)].float()
        # A mean image is cropped and mirrored as the image itself, from the same padded border.
        mean = self._mean[0][place] if self.normalizer.center == "pixel" else self.normalizer.mean
        pixels = (pixels - mean) / self.normalizer.spread
        if middle:
            pixels = pixels * self._kept(*middle)
        if self.channels_last:
            pixels = pixels.contiguous(memory_format=torch.channels_last)
        return pixels, self.labels[chosen]

    def _kept(self, middle_row: Tensor, middle_column: Tensor) -> Tensor:
        """Return 0 in each image's square, clipped at the borders, and 1 outside."""
        side = self.augment.cutout

        def inside(positions: Tensor, middle: Tensor) -> Tensor:
            away = positions - (middle[:, None] - side // 2)
            return (away >= 0) & (away < side)

        rows, columns = inside(self._rows, middle_row), inside(self._columns, middle_column)
        return ~(rows[:, None, :, None] & columns[:, None, None, :])

    def _drawn(self, epoch: int) -> Tensor:
        order = torch.randperm(len(self.labels), generator=_generator(self.seed, epoch))
        steps = len(self)
        drawn = torch.zeros(steps, 6 if self.augment.cutout else 4, self.size(0), dtype=torch.int64)
        for step in range(steps):
            count = self.size(step)
            share = slice(self.rank, count * self.world, self.world)
            drawn[step, 0, :count] = order[step * self.batch_size :][share]
            # Drawn for the whole global batch: the crops of an image do not depend on the ranks.
            for part, moves in enumerate(self._moves(epoch, step), start=1):
                drawn[step, part, :count] = moves[share]
        return drawn

    def _moves(self, epoch: int, step: int) -> tuple[Tensor, ...]:
        """Return corners, mirror images and squares of a whole global batch."""
        count, pad = self.batch_size, self.augment.pad
        numbers = _generator(self.seed, epoch, step + 1)
        corners = torch.randint(2 * pad + 1, (2, count), generator=numbers)
        mirrored = torch.rand(count, generator=numbers) < (0.5 if self.augment.flip else 0.0)
        if not self.augment.cutout:
            return corners[0], corners[1], mirrored
        middles = (
            torch.randint(len(side), (count,), generator=numbers)
            for side in (self._rows, self._columns)
        )
        return corners[0], corners[1], mirrored, *middles


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
