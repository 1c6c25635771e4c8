"""The stock pipeline of torchvision normalises and crops as the resident loader does."""

import torch

from archlab.runs.recipe import Recipe
from archlab.train.data import ImageData

RECIPE = Recipe(name="small", steps=5, batch_size=16, pad=2, flip=True)


def test_the_stock_loader_normalises_alike(images) -> None:
    plain = Recipe(name="plain", steps=5, batch_size=16, pad=0, flip=False)
    ours = ImageData(images, plain)
    stock = ImageData(images, plain, loader="workers")
    resident = torch.cat([pixels for pixels, _ in ours.test_dataloader()])
    others = torch.cat([pixels for pixels, _ in stock.test_dataloader()])
    torch.testing.assert_close(resident, others, rtol=1e-3, atol=1e-3)
    cropped = next(iter(ImageData(images, RECIPE, loader="workers").train_dataloader()))
    assert cropped[0].shape == (16, 1, 16, 16)
