"""The base class of the course: a net that reads its settings from a file and trains itself."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor
from torch.nn import functional

from archlab.runs import hparams
from archlab.runs.recipe import RECIPES, Recipe
from archlab.train import device
from archlab.train.batches import Batch
from archlab.train.module import logits_of, named, total_loss

_FILE = "config.yaml"
_CATEGORIES = 10  # of CIFAR-10, which the course trains on


def get_device() -> torch.device:
    """Return the device that nets and images are trained on: CUDA where it can be used, or the CPU.

    Raises:
        Nothing: a machine without CUDA has a CPU.

    Example:
        >>> get_device().type in ("cuda", "cpu")
        True
    """
    return device.place()


class ConfigModule(pl.LightningModule):
    """A base class for a net of yours, with loss, accuracy, optimizer and schedule from a file.

    The subclass builds its layers and has a `forward` that returns logits, alone or before those of
    auxiliary heads, whose losses count 0.3 each. Another loss is a `_calculate` of its own.

    Args:
        model_config: a YAML file of recipe entries, such as `categories: 10` and `learning_rate:
            0.05`, which change the recipe `lesson`; or a recipe, or its name. Without a config.yaml
            in the current folder, `lesson` is taken as it is, with a warning.

    Attributes:
        recipe: how it is optimized. How long and how precisely is the Trainer's to say.
        categories: the number of classes; 10 where the file says none.

    Raises:
        OptionError: an unknown recipe, or a file that is absent or has unknown entries.

    Example:
        >>> from torch import nn
        >>> class Net(ConfigModule):
        ...     def __init__(self, model_config="lesson"):
        ...         super().__init__(model_config)
        ...         self.fc = nn.Linear(3 * 32 * 32, self.categories)
        ...     def forward(self, x):
        ...         return self.fc(x.flatten(1))
        >>> Net()(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(self, model_config: str | Path | Recipe = _FILE) -> None:
        super().__init__()
        self.recipe = _recipe(model_config)
        self.categories = self.recipe.categories or _CATEGORIES
        self._tell()

    @property
    def learning_rate(self) -> float:
        """The recipe's rate. Lightning's `Tuner.lr_find` reads and sets it."""
        return self.recipe.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self.recipe = replace(self.recipe, learning_rate=float(rate))
        self._tell()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss of a batch; logs train_loss and train_acc."""
        return self._step("train", batch)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Log val_loss and val_acc."""
        self._step("val", batch)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Log test_loss and test_acc."""
        self._step("test", batch)

    def predict_step(self, batch: Batch | Tensor, batch_idx: int) -> Tensor:
        """Return the logits of images, alone or with labels; `softmax(1)` makes them shares."""
        return logits_of(self(batch if isinstance(batch, Tensor) else batch[0]))

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Return the recipe's optimizer and its schedule over the Trainer's steps."""
        total = int(self.trainer.estimated_stepping_batches)
        optimizer = device.optimizer(self.recipe, [{"params": list(self.parameters())}])
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: self.recipe.rate(step, total)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def configure_callbacks(self) -> list[pl.Callback]:
        """Return the moving average of the weights, where the recipe has one."""
        decay = self.recipe.ema_decay
        return [pl.callbacks.EMAWeightAveraging(decay=decay)] if decay else []

    def loss_fn(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the cross-entropy, in training with the recipe's smoothed labels.

        Args:
            logits: of images (N, classes).
            labels: the classes of the images (N,).
        """
        return functional.cross_entropy(logits, labels, label_smoothing=self._smoothing)

    @property
    def _smoothing(self) -> float:
        return self.recipe.label_smoothing if self.training else 0.0

    def _calculate(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of images, and the loss with their labels."""
        output: Any = self(x)
        return logits_of(output), total_loss(output, y, self._smoothing)

    def _step(self, part: str, batch: Batch) -> Tensor:
        images, labels = batch
        logits, loss = self._calculate(images, labels)
        accuracy = (logits.detach().argmax(1) == labels).float().mean()
        self.log_dict(
            {f"{part}_loss": loss.detach(), f"{part}_acc": accuracy}, prog_bar=True, on_step=False,
            on_epoch=True, batch_size=len(labels), sync_dist=self.trainer.world_size > 1,
        )  # fmt: skip
        return loss

    def _tell(self) -> None:
        """Tell Lightning's loggers what is trained, and how."""
        told = hparams.of_net(type(self).__name__, {"categories": self.categories}, self.recipe)
        self.save_hyperparameters(told)


def _recipe(choice: str | Path | Recipe) -> Recipe:
    if isinstance(choice, Recipe):
        return choice
    # The file that the course's classes have as a default, and that nobody may have written.
    if str(choice) == _FILE and not Path(_FILE).exists():
        warnings.warn(
            f"There is no {_FILE} in this folder: the recipe lesson is taken as it is, with "
            f"{_CATEGORIES} categories.",
            stacklevel=4,
        )
        return RECIPES["lesson"]
    return named(str(choice))
