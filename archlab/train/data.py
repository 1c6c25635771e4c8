"""Images as LightningDataModules: resident on the device, or torchvision's stock workers.

`trainer.fit(model, datamodule=CIFAR10Data())`: the test images serve for validation too, since no
choice is made on them here; who chooses by validation sets `held_out`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytorch_lightning as pl
import torch
from torch import Tensor

from archlab.data.sets import Bytes, ImageSet, Labels, load_images
from archlab.errors import DataError, OptionError, check_one_of, keyword
from archlab.runs import hparams
from archlab.runs.recipe import Recipe
from archlab.train import device
from archlab.train.batches import (
    EVALUATED,
    Augment,
    Batch,
    Normalizer,
    ResidentLoader,
    whole_batches,
)
from archlab.train.stock import stock_loader

Loader = Literal["resident", "workers"]


class WholeLoader:
    """Evaluation batches in order; with several ranks each takes its share of every batch."""

    def __init__(
        self, part: tuple[Tensor, Tensor], normalizer: Normalizer, rank: int, world: int
    ) -> None:
        self.part, self.normalizer, self.share = part, normalizer, slice(rank, None, world)

    def __len__(self) -> int:
        """Return the batches."""
        return math.ceil(len(self.part[1]) / EVALUATED)

    def __iter__(self) -> Iterator[Batch]:
        """Yield normalised images and labels."""
        for images, labels in whole_batches(*self.part, self.normalizer):
            yield images[self.share], labels[self.share]


class ImageData(pl.LightningDataModule):
    """A set of labelled images for `pl.Trainer`.

    Args:
        images: the set, or what `load_images` takes.
        recipe: batch size, crop, flip and centring.
        seed: of the order of images and of the augmentation.
        loader: "resident" keeps all images as uint8 on the device; "workers" is the stock
            torchvision pipeline, for sets that do not fit.
        held_out: training images kept for validation (the paper's 45k/5k split is 5000).
        data_dir: where official archives are, or go.
        download: fetch an official archive that is absent.

    Raises:
        OptionError: an unknown loader; images held out that are not there, or all of them.
        DataError: the images are absent or corrupt, when they are first asked for.

    Attributes:
        channels: what the net takes; grey images are repeated for it. 0 leaves images as they are.

    Example:
        >>> data = ImageData("embedded")
        >>> data.images.shape, data.categories
        ((1, 16, 16), 10)
    """

    def __init__(  # noqa: PLR0913  the knobs of a data set, each with its default
        self,
        images: ImageSet | str = "embedded",
        recipe: Recipe | None = None,
        *,
        seed: int = 0,
        loader: Loader = "resident",
        held_out: int = 0,
        data_dir: str | Path = ".data",
        download: bool = False,
    ) -> None:
        super().__init__()
        check_one_of("loader", loader, ("resident", "workers"))
        self.recipe = recipe or Recipe(name="data", epochs=1)
        self.seed, self.loader, self.held_out = seed, loader, held_out
        self._source, self._data_dir, self._download = images, Path(data_dir), download
        self.channels = 0
        self._training: ResidentLoader | None = None
        self._ready: dict[str, tuple[Tensor, Tensor]] = {}
        self._tell()

    @property
    def batch_size(self) -> int:
        """Images of a training batch. Lightning's `Tuner.scale_batch_size` reads and sets it."""
        return self.recipe.batch_size

    @batch_size.setter
    def batch_size(self, size: int) -> None:
        self.recipe = replace(self.recipe, batch_size=int(size))
        self._tell()

    @property
    def images(self) -> ImageSet:
        """The set, read when first asked for."""
        if isinstance(self._source, str):
            self._source = load_images(self._source, self._data_dir, download=self._download)
            self._source.tell()
        return self._source

    @property
    def categories(self) -> int:
        """The number of classes."""
        return len(self.images.classes)

    def setup(self, stage: str | None = None) -> None:
        """Put the images on the device, once."""
        if self._ready:
            return
        images = self.images
        pixels, labels = self._tensors(images.train_images, images.train_labels)
        parts = {
            "train": (pixels, labels),
            "test": self._tensors(images.test_images, images.test_labels),
        }
        most = len(labels) - 1
        if not isinstance(self.held_out, int) or not 0 <= self.held_out <= most:
            raise OptionError(
                f"{keyword('held_out', self.held_out)}: a whole number from 0 to {most} is wanted, "
                f"for {len(labels)} training images of which some are left to train on."
            )
        if self.held_out:
            # The same images for every seed, so that runs of several seeds can be compared.
            order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
            train, held_out = order[: -self.held_out], order[-self.held_out :]
            parts |= {"train": (pixels[train], labels[train])}
            parts |= {"val": (pixels[held_out], labels[held_out])}
        place = self._device()
        self._ready = {name: (part[0].to(place), part[1].to(place)) for name, part in parts.items()}
        self._ready.setdefault("val", self._ready["test"])
        self.normalizer = Normalizer(self._ready["train"][0], self.recipe.center)

    def part(self, name: str) -> tuple[Tensor, Tensor]:
        """Return the resident images (uint8, N × C × H × W) and labels of train, val or test.

        Args:
            name: train, val or test.

        Raises:
            DataError: the images are absent or corrupt.
        """
        self.setup()
        return self._ready[name]

    def train_dataloader(self) -> Any:
        """Return the augmented batches: stateful, and this rank's share only."""
        self.setup()
        if self.loader == "workers":
            return stock_loader(
                self._ready["train"], self.normalizer, self.recipe, training=True, seed=self.seed
            )
        return self._training or self.resident()

    def resident(self) -> ResidentLoader:
        """Return the augmented batches of images that stay on the device."""
        self.setup()
        recipe, (images, labels) = self.recipe, self._ready["train"]
        loader = ResidentLoader(
            images, labels, self.normalizer, batch_size=recipe.batch_size, seed=self.seed,
            augment=Augment(recipe.pad, recipe.flip, recipe.cutout),
            channels_last=device.channels_last(recipe, images.device),
        )  # fmt: skip
        return loader.shard(*self._ranks())

    def begin_at(self, step: int) -> ResidentLoader:
        """Return the training batches from a step on; `train_dataloader` returns the same ones."""
        self._training = loader = self.resident()
        loader.epoch, loader.step = divmod(step, len(loader))
        return loader

    def val_dataloader(self) -> Any:
        """Return the validation images, whole."""
        return self._whole("val")

    def test_dataloader(self) -> Any:
        """Return the test images, whole."""
        return self._whole("test")

    def predict_dataloader(self) -> Any:
        """Return the test images, whole."""
        return self._whole("test")

    def _tell(self) -> None:
        """Tell Lightning's loggers which images, and how they are augmented."""
        name = self._source if isinstance(self._source, str) else self._source.name
        settings = {"seed": self.seed, "loader": self.loader, "held_out": self.held_out}
        self.save_hyperparameters(hparams.of_data(name, self.recipe, settings))

    def _whole(self, name: str) -> Any:
        self.setup()
        if self.loader == "workers":
            return stock_loader(self._ready[name], self.normalizer, self.recipe, training=False)
        return WholeLoader(self._ready[name], self.normalizer, *self._ranks())

    def _tensors(self, pixels: Bytes, labels: Labels) -> tuple[Tensor, Tensor]:
        """Return arrays as tensors, grey images repeated for a net of colour images."""
        images, has = torch.from_numpy(pixels), pixels.shape[1]
        if self.channels not in (0, has):
            if has != 1:
                raise DataError(
                    f"The net takes {self.channels} channels, and the images have {has}. Choose "
                    "another net or data; only images with one channel can be repeated."
                )
            images = images.repeat(1, self.channels, 1, 1)
        return images, torch.from_numpy(labels)

    def _device(self) -> torch.device:
        # The workers' processes make batches on the CPU, and Lightning moves them.
        if self.loader == "workers":
            return torch.device("cpu")
        return self.trainer.strategy.root_device if self.trainer else device.place()

    def _ranks(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)


class _OfficialData(ImageData):
    """An official set from `data_dir`, or the images by class that lie in that folder."""

    source: ClassVar[str]

    def __init__(
        self,
        data_dir: str | Path = ".data",
        recipe: Recipe | None = None,
        *,
        seed: int = 0,
        loader: Loader = "resident",
        held_out: int = 0,
        download: bool = False,
    ) -> None:
        # Many have the images as files by class, not as the archive that torchvision reads.
        by_class = (Path(data_dir) / "train").is_dir()
        super().__init__(
            str(data_dir) if by_class else self.source, recipe, seed=seed, loader=loader,
            held_out=held_out, data_dir=data_dir, download=download,
        )  # fmt: skip


class CIFAR10Data(_OfficialData):
    """CIFAR-10 from `data_dir` (cifar-10-batches-py, or train/CLASS and test/CLASS folders).

    Args:
        data_dir: where the images are, or go with `download=True`.
        recipe: as in `ImageData`, and so are `seed`, `loader`, `held_out` and `download`.

    Raises:
        DataError: the images are absent or corrupt, when they are first asked for.

    Example:
        >>> data = CIFAR10Data("data", held_out=5000)
        >>> data.images.shape  # doctest: +SKIP
        (3, 32, 32)
    """

    source = "cifar10"


class CIFAR100Data(_OfficialData):
    """CIFAR-100 from `data_dir` (cifar-100-python, or train/CLASS and test/CLASS folders).

    Arguments and errors as in `CIFAR10Data`.

    Example:
        >>> data = CIFAR100Data("data")
        >>> data.categories  # doctest: +SKIP
        100
    """

    source = "cifar100"


class FashionMNISTData(_OfficialData):
    """Fashion-MNIST from `data_dir`; 28×28 with one channel.

    Arguments and errors as in `CIFAR10Data`. Set `channels = 3` for a net of colour images.

    Example:
        >>> data = FashionMNISTData("data")
        >>> data.images.shape  # doctest: +SKIP
        (1, 28, 28)
    """

    source = "fashion-mnist"
