"""The pipeline most people write: torchvision transforms in a DataLoader, image by image.

For sets that do not fit on the device, and as what the resident loader is measured against.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from archlab.runs.recipe import Recipe
from archlab.train.batches import Normalizer


class _Images(Dataset[tuple[Tensor, Tensor]]):
    def __init__(self, images: Tensor, labels: Tensor, transform: Any) -> None:
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.transform(self.images[index]), self.labels[index]


def stock_loader(
    part: tuple[Tensor, Tensor],
    normalizer: Normalizer,
    recipe: Recipe,
    *,
    training: bool,
    seed: int = 0,
    workers: int = 0,
) -> DataLoader[tuple[Tensor, Tensor]]:
    """Return a DataLoader with the recipe's crop and flip by torchvision; it cannot resume."""
    from torchvision.transforms import v2  # here: 1.5 s

    images, labels = part
    # Transforms subtract one number a channel: a mean image becomes its mean.
    mean = normalizer.mean.mean(dim=(0, 2, 3)) / 255
    spread = normalizer.spread.flatten().expand(len(mean)) / 255
    steps: list[Any] = []
    if training and recipe.pad:
        steps.append(v2.RandomCrop(tuple(images.shape[2:]), padding=recipe.pad))
    if training and recipe.flip:
        steps.append(v2.RandomHorizontalFlip())
    steps += [v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean.tolist(), spread.tolist())]
    return DataLoader(
        _Images(images, labels, v2.Compose(steps)),
        batch_size=recipe.batch_size,
        shuffle=training,
        num_workers=workers,
        generator=torch.Generator().manual_seed(seed),
    )
