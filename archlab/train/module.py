"""Any classifier as a LightningModule: loss, accuracy, auxiliary heads, the recipe's optimizer.

Models that return (logits, aux, aux …) in training, as GoogLeNet does, pay 0.3 of each auxiliary
loss (Szegedy et al. 2014, arXiv:1409.4842, section 5).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.nn import functional

from archlab.errors import DataError, OptionError, keyword
from archlab.runs import hparams
from archlab.runs.layout import fitting_layout, has_layouts
from archlab.runs.recipe import RECIPES, Recipe, from_record, recipe
from archlab.train import checkpoint as checkpoints, device
from archlab.train.batches import Batch
from archlab.train.build import build, input_channels
from archlab.train.finetune import Freeze

AUXILIARY = 0.3


class Classifier(pl.LightningModule):
    """A classifier for `pl.Trainer`.

    Args:
        model: a spec such as "resnet18", or a module that maps images to logits.
        recipe: a recipe, the name of one, or a YAML file that changes `lesson`.
        options: constructor arguments, where `model` is a spec; {"layout": "cifar"} for the net
            of small images, since the module is built before it has seen any.
        total_steps: length of the schedule; None asks the Trainer.
        log: log train_loss, train_acc, val_loss and val_acc.
        freeze: what is fine-tuned when; None trains everything.

    Raises:
        SpecError, BuildError: no such model, or one that cannot be built.
        OptionError: an unknown recipe, or a file of one with unknown keys.
        DataError: in training, images of other channels than the net takes.

    Example:
        >>> model = Classifier("resnet20")
        >>> model(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        model: str | nn.Module,
        recipe: Recipe | str = "lesson",
        *,
        options: Mapping[str, object] | None = None,
        total_steps: int | None = None,
        log: bool = True,
        freeze: Freeze | None = None,
    ) -> None:
        super().__init__()
        self.recipe = named(recipe)
        self.spec = model if isinstance(model, str) else ""
        self.options = dict(options or {})
        if isinstance(model, str) and self.recipe.categories is not None:
            self.options.setdefault("num_classes", self.recipe.categories)
        # Named in any case, because a checkpoint says how its net is built.
        chosen = not self.spec or "layout" in self.options
        self.layout_by_default = not chosen and has_layouts(self.spec)
        if self.layout_by_default:
            self.options["layout"] = "imagenet"
        self.model = build(model, self.options) if isinstance(model, str) else model
        self.total_steps, self.logged, self.freeze_plan = total_steps, log, freeze
        self.average: nn.Module | None = None
        self._tell()

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]
        cls,
        checkpoint_path: str | Path,
        map_location: str | torch.device | None = None,
        *,
        strict: bool = True,
        weights_only: bool = True,
        model: str | nn.Module | None = None,
        **settings: Any,
    ) -> Classifier:
        """Return the classifier of a Trainer's checkpoint, or of a run of archlab's.

        The file is read as tensors and plain values, and runs no code.

        Args:
            checkpoint_path: a file, or a run's folder.
            map_location: the device to move it to; the CPU by default.
            strict: refuse a checkpoint that lacks weights of the model, or has others.
            weights_only: nothing else is possible; Lightning's own method has this argument.
            model: the module whose weights these are, or its spec; needed where the checkpoint was
                made from a module of yours, or names a file or package.
            **settings: arguments of `Classifier` to change, such as `recipe`.

        Raises:
            RunError: the checkpoint is absent, truncated, or of another model, or it does not say
                how its model is built.
            OptionError: `weights_only=False`.

        Example:
            >>> Classifier.load_from_checkpoint("runs/mine/last.ckpt")  # doctest: +SKIP
        """
        if not weights_only:
            raise OptionError(
                f"{keyword('weights_only', weights_only)}: a checkpoint is read as tensors and "
                "plain values alone. Leave it out."
            )
        path = Path(checkpoint_path)
        content = checkpoints.read(path)
        origin = content["archlab"]
        if not isinstance(model, nn.Module):
            model, options = checkpoints.spec_of(path, origin, model)
            settings.setdefault("options", options)
        if "recipe" in origin:
            settings.setdefault("recipe", from_record(origin["recipe"]))
        module = cls(model, **settings)
        if strict:
            name = module.spec or type(model).__name__
            checkpoints.check_weights(path, content, name, module.model)
        module.model.load_state_dict(checkpoints.weights(content), strict=strict)
        return module.to(map_location)

    @property
    def learning_rate(self) -> float:
        """The recipe's rate. Lightning's `Tuner.lr_find` reads and sets it."""
        return self.recipe.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self.recipe = replace(self.recipe, learning_rate=float(rate))
        self._tell()

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of images (N, C, H, W), one row an image."""
        return logits_of(self.output(images))

    def training_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Return the loss, and how many images were wrong, both on the device."""
        images, labels = batch
        output = self.output(images)
        loss = total_loss(output, labels, self.recipe.label_smoothing)
        wrong = (logits_of(output).detach().argmax(1) != labels).sum()
        if self.logged:
            self._log("train", loss.detach(), wrong, len(labels))
        return {"loss": loss, "wrong": wrong}

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Log loss and accuracy on validation images."""
        self._evaluate("val", batch)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Log loss and accuracy on test images."""
        self._evaluate("test", batch)

    def predict_step(self, batch: Batch | Tensor, batch_idx: int) -> Tensor:
        """Return the logits of images, alone or with labels; `softmax(1)` makes them shares."""
        logits: Tensor = self(batch if isinstance(batch, Tensor) else batch[0])
        return logits

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig | torch.optim.Optimizer:
        """Return the recipe's optimizer and its schedule, in steps."""
        total = self.total_steps or int(self.trainer.estimated_stepping_batches)
        optimizer = device.optimizer(self.recipe, self._groups())
        # A function: of any other callable the schedule puts the attributes into checkpoints.
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: self.recipe.rate(step, total)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _groups(self) -> list[dict[str, Any]]:
        """Return the optimizer's groups: one, or in fine-tuning one a part of the net."""
        if self.freeze_plan:
            return self.freeze_plan.groups(self.model, self.recipe.learning_rate)
        return [{"params": list(self.model.parameters())}]

    def configure_callbacks(self) -> list[pl.Callback]:
        """Return the moving average of the weights, where the recipe has one."""
        if self.automatic_optimization and self.recipe.ema_decay:
            return [pl.callbacks.EMAWeightAveraging(decay=self.recipe.ema_decay)]
        return []

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Freeze what the step says is frozen."""
        if batch_idx == 0 and self.layout_by_default:
            _warn_of_layout(self.spec, batch[0])
        # Every step anew: what is not remembered cannot be forgotten by a resumed run.
        if self.freeze_plan is not None:
            self.freeze_plan.apply(self.model, self.global_step)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Say in the checkpoint how the model is built again."""
        checkpoint["archlab"] = {
            "spec": self.spec,
            "options": self.options,
            "recipe": asdict(self.recipe),
            "type": type(self.model).__name__,
        }

    def _tell(self) -> None:
        """Tell Lightning's loggers what is trained, and how."""
        name = self.spec or type(self.model).__name__
        self.save_hyperparameters(hparams.of_net(name, self.options, self.recipe))

    def output(self, images: Tensor) -> Any:
        """Return what the model returns, or say clearly that it takes images of other channels."""
        # Afterwards, not before: a net may take images whose channels its first convolution lacks.
        try:
            return self.model(images)
        except RuntimeError as error:
            has = images.shape[1] if images.dim() == 4 else 0
            takes = input_channels(self.model, has)
            if takes == has:
                raise
            raise DataError(
                f"The net takes {takes} channels, and the images have {has}. Set "
                f"`channels = {takes}` on the data, which repeats the one channel of grey images, "
                f"or build the net for {has}, such as Classifier('resnet20', "
                f"options={{'in_channels': {has}}})."
            ) from error

    def _evaluate(self, part: str, batch: Batch) -> None:
        images, labels = batch
        logits = self(images)
        loss = functional.cross_entropy(logits, labels)
        self._log(part, loss, (logits.argmax(1) != labels).sum(), len(labels))

    def _log(self, part: str, loss: Tensor, wrong: Tensor, count: int) -> None:
        values = {f"{part}_loss": loss, f"{part}_acc": 1 - wrong.float() / count}
        several = self.trainer.world_size > 1
        self.log_dict(
            values, prog_bar=True, on_step=False, on_epoch=True, batch_size=count, sync_dist=several
        )


def named(choice: Recipe | str) -> Recipe:
    """Return a recipe that is given as itself, by name, or as a YAML file."""
    if isinstance(choice, str) and choice.endswith((".yaml", ".yml")):
        return recipe("lesson", Path(choice))
    if not isinstance(choice, str | Recipe):
        raise OptionError(
            f"{keyword('recipe', choice)}: a recipe, its name ({', '.join(RECIPES)}) or a YAML "
            "file is wanted."
        )
    return recipe(choice) if isinstance(choice, str) else choice


def _warn_of_layout(spec: str, images: Tensor) -> None:
    """Warn where a net for large images, which nobody asked for by name, trains on small ones."""
    height, width = images.shape[2:]
    if fitting_layout((images.shape[1], height, width)) == "cifar":
        warnings.warn(
            f"{spec} is built for images of 224x224 pixels, and these have {height}x{width}: "
            f"Classifier({spec!r}, options={{'layout': 'cifar'}}) is the net for small ones.",
            stacklevel=2,
        )


def total_loss(output: Any, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    """Return the cross-entropy of the logits, and 0.3 of that of each auxiliary head.

    `smoothing` is the share of each target that is spread over all classes.
    """
    logits, others = _split(output)
    loss = functional.cross_entropy(logits, labels, label_smoothing=smoothing)
    for other in others:
        auxiliary = functional.cross_entropy(other, labels, label_smoothing=smoothing)
        loss = loss + AUXILIARY * auxiliary
    return loss


def logits_of(output: Any) -> Tensor:
    """Return the logits of what a classifier returned, auxiliary ones left out."""
    return _split(output)[0]


def _split(output: Any) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Return the logits, and the auxiliary logits where a model has any.

    Raises:
        OptionError: the output holds anything but tensors.
    """
    parts = output if isinstance(output, tuple | list) else (output,)
    logits, *others = [part for part in parts if part is not None] or [None]
    if not all(isinstance(part, Tensor) for part in (logits, *others)):
        raise OptionError(
            f"The net returns {type(output).__name__}, and a classifier returns scores "
            "(N, classes), alone or before those of auxiliary heads."
        )
    return logits, tuple(others)
