"""The LightningModule of a recorded run: many steps a Lightning batch, by a `Stepper`.

Lightning keeps what it is for (loggers, callbacks, checkpoints, devices) and costs nothing a step.
Where somebody's callbacks look at batches it is given one step a batch, with the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from archlab.runs.recipe import Recipe
from archlab.train import device
from archlab.train.batches import Batch, ResidentLoader
from archlab.train.finetune import Freeze
from archlab.train.module import Classifier
from archlab.train.steps import Stepper, averaged

STRETCH = "a stretch of steps"  # what Lightning gets for a batch


class Stretches:
    """A loader of as many stretches as there may be: the module knows how long each is."""

    def __init__(self, most: int) -> None:
        self.most = most

    def __len__(self) -> int:
        """Return how many stretches there are at most, of one step each."""
        return self.most

    def __iter__(self) -> Iterator[str]:
        """Yield the same word each time."""
        for _ in range(self.most):
            yield STRETCH


class RecordedClassifier(Classifier):
    """A classifier whose steps are taken by a `Stepper`.

    Args:
        model: the net, in its memory format.
        recipe: how it is trained.
        total: steps of the whole run.
        freeze: what is fine-tuned when.
        careful: begin with a tenth of the rate (He et al. 2015, section 4.2).

    Attributes:
        loader: the images; set before the fit.
        due: periods in steps at whose multiples the host has something to do.
        first_is_due: whether it has after the first step, too.
    """

    def __init__(
        self,
        model: nn.Module,
        recipe: Recipe,
        *,
        total: int,
        freeze: Freeze | None = None,
        careful: bool = False,
    ) -> None:
        super().__init__(model, recipe, total_steps=total, log=False, freeze=freeze)
        self.automatic_optimization = False
        self.total, self.careful = total, careful
        self.loader: ResidentLoader | None = None
        self.due: Sequence[int] = ()
        self.first_is_due = False
        self.average = averaged(model) if recipe.ema_decay else None
        self._stepper: Stepper | None = None
        self._state: dict[str, Any] | None
        self._begun, self._state = 0, None  # of a checkpoint: steps, and the stepper's state

    @property
    def net(self) -> nn.Module:
        """What is measured and kept: the average of the weights where the recipe has one."""
        return self.model if self.average is None else self.average

    @property
    def stepper(self) -> Stepper:
        """What takes the steps, from the start of the training on."""
        assert self._stepper is not None
        return self._stepper

    def _tell(self) -> None:
        """Tell Lightning's loggers nothing: the run tells them its whole plan."""

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the recipe's optimizer, whose rates the stepper sets."""
        optimizer = device.optimizer(self.recipe, self._groups())
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
        return optimizer

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the place from the steps that are done; Lightning's loops count other batches."""
        checkpoint.pop("loops", None)
        self._begun = int(checkpoint["global_step"])
        self._state = checkpoint.get("steps") or _of_before(checkpoint)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the stepper's state."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["steps"] = self.stepper.state_dict()

    def on_train_start(self) -> None:
        """Make the stepper, once Lightning has put weights and optimizer back."""
        assert self.loader is not None
        optimizer = self.trainer.optimizers[0]
        self._stepper = Stepper(
            self, optimizer, self.loader, self.total, step=self._begun, careful=self.careful
        )
        if self._state is not None:
            self._stepper.load_state_dict(self._state)
        self._count(self._begun)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Freeze what the step says is frozen."""
        self.stepper.freeze()

    def training_step(self, batch: Batch | str, batch_idx: int) -> dict[str, Tensor]:
        """Take the steps up to the next that is due, or the one of a batch."""
        stepper = self.stepper
        if isinstance(batch, str):
            self._count(stepper.run(self._next_due(stepper.step)))
            return {}
        optimizer = self.optimizers()
        for callback in self.trainer.callbacks:  # type: ignore[attr-defined]
            callback.on_before_zero_grad(self.trainer, self, optimizer)
        return stepper.take(batch, self.manual_backward, optimizer.step)  # type: ignore[union-attr]

    def last_batch(self, batch: Batch | str) -> Batch:
        """Return images and labels of the step just taken."""
        if isinstance(batch, str):
            assert self.loader is not None
            return self.loader.batch(*divmod(self.stepper.step - 1, len(self.loader)))
        return batch

    def _next_due(self, step: int) -> int:
        if step == 0 and self.first_is_due:
            return 1
        return min(self.total, *((step // period + 1) * period for period in self.due))

    def _count(self, steps: int) -> None:
        """Tell Lightning of steps that it has not seen, which `max_steps` and callbacks count."""
        progress = self.trainer.fit_loop.epoch_loop.manual_optimization.optim_step_progress
        for tracker in (progress.total, progress.current):
            tracker.ready += steps
            tracker.completed += steps


def _of_before(checkpoint: dict[str, Any]) -> dict[str, Tensor] | None:
    """Return the stepper's state of an earlier version, which kept it in other places."""
    weights, callbacks = checkpoint["state_dict"], checkpoint["callbacks"].values()
    kept = {name: weights.pop(name) for name in ("released", "seen") if name in weights}
    sums = [state["sums"][:3] for state in callbacks if state.get("sums") is not None]
    return {**kept, "sums": sums[0]} if len(kept) == 2 and sums else None
