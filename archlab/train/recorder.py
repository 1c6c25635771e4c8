"""What happens between steps of a recorded run: measure, write, checkpoint, stop.

Loss and wrong answers add up on the device; the host looks at them once a second at most.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from archlab import files
from archlab.errors import WriteError
from archlab.runs import record
from archlab.runs.record import Measurement
from archlab.train import device
from archlab.train.batches import Normalizer, whole_batches
from archlab.train.data import ImageData
from archlab.train.module import logits_of
from archlab.train.recorded import RecordedClassifier
from archlab.train.steps import Stepper
from archlab.verb import Progress

_TICK = 1.0  # seconds between looks at the clock's other duties


class Diverged(Exception):  # noqa: N818  an outcome of an experiment, not an error
    """The loss is no longer finite."""


class Recorder(pl.Callback):
    """Writes metrics.csv, last.ckpt and progress.json of one run of `total` steps.

    Errors are measured on `data`. Once a second `stop` is asked, where True saves and ends the run,
    and `progress` is called with the step, the last step, and both in words.
    """

    def __init__(
        self,
        folder: Path,
        data: ImageData,
        total: int,
        stop: Callable[[], bool] | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.folder, self.data, self.total = folder, data, total
        self.stop = stop or (lambda: False)
        self.progress = progress
        self.rows: list[Measurement] = []
        self.stopped = False
        self.numerics = ""  # in words, see `device.numerics`
        self._before, self._begin = 0.0, time.monotonic()
        self._tick = 0.0
        self._random: dict[str, Any] | None = None

    @property
    def seconds(self) -> float:
        """Time spent on the run, over all its sessions."""
        return self._before + time.monotonic() - self._begin

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs: rows, time, and the random streams."""
        return {
            "rows": [asdict(row) for row in self.rows],
            "seconds": self.seconds,
            "random": device.random_state(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue where a checkpoint was written."""
        self.rows = [Measurement(**row) for row in state_dict["rows"]]
        self._before = float(state_dict["seconds"])
        self._random = state_dict["random"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put the random streams back: a model's dropout draws from them."""
        if self._random is not None:
            device.set_random_state(self._random)
        self._begin = time.monotonic()

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Do what is due."""
        assert isinstance(pl_module, RecordedClassifier)
        step, recipe, stepper = trainer.global_step, pl_module.recipe, pl_module.stepper
        last = step >= self.total
        if last or step % recipe.measured_every(self.total) == 0:
            self._measure(trainer, pl_module, whole=last)
        # Each of these looks waits for the device, so not at every step.
        if time.monotonic() - self._tick >= _TICK:
            self._tick = time.monotonic()
            self._save_progress(stepper)
            self.stopped = self.stop()
        # Lightning ends the fit after this step: what is done is saved before.
        # So it does where another callback asks for the end of a run.
        self.stopped = (
            self.stopped or trainer.received_sigterm or (trainer.should_stop and not last)
        )
        if last or self.stopped or step % recipe.saved_every(self.total) == 0:
            _check_finite(stepper)
            save(trainer, self.folder / record.CHECKPOINT)
            self._save_progress(stepper)
        if self.stopped:
            trainer.should_stop = True

    def _save_progress(self, stepper: Stepper) -> None:
        _check_finite(stepper)
        step = stepper.step
        state = {"step": step, "total": self.total, "seconds": round(self.seconds, 2)}
        files.write_json(self.folder / record.PROGRESS, state)
        if self.progress is not None:
            self.progress(step, self.total, f"step {step:,} of {self.total:,}")

    def _measure(self, trainer: pl.Trainer, module: RecordedClassifier, *, whole: bool) -> None:
        """Add a row and write them all."""
        _check_finite(module.stepper)
        loss, wrong, steps = module.stepper.sums.tolist()
        module.stepper.sums.zero_()
        images, labels = self.data.part("train")
        normal = self.data.normalizer
        measured = (images, labels) if whole else sample(images, labels, module.recipe.eval_images)
        train_error, _ = error(module, measured, normal)
        test_error, test_loss = error(module, self.data.part("test"), normal)
        # Between, a net may recover; at the end such errors would be those of a guess.
        if whole and not math.isfinite(test_loss):
            raise Diverged(
                f"in eval mode the loss on the test images is not finite (NaN or infinite) at step "
                f"{trainer.global_step}, and in training it is: look at what the net does "
                "differently in eval mode, such as batch norm with its running statistics"
            )
        per_epoch = -(-len(labels) // module.recipe.batch_size)
        row = Measurement(
            step=trainer.global_step,
            epoch=round(trainer.global_step / per_epoch, 4),
            learning_rate=module.stepper.rate,
            loss=loss / max(steps, 1),
            running_error=100 * wrong / max(steps, 1),
            train_error=train_error,
            test_error=test_error,
            test_loss=test_loss,
            images=len(measured[1]),
            seconds=round(self.seconds, 2),
        )
        self.rows.append(row)
        record.write_metrics(self.folder, self.rows)
        metrics = {key: float(value) for key, value in asdict(row).items()}
        del metrics["step"], metrics["images"]
        for logger in trainer.loggers:
            logger.log_metrics(metrics, step=row.step)


def sample(images: Tensor, labels: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Return every n-th image, at most so many."""
    # Not the first ones: a folder's images are sorted by class.
    stride = math.ceil(len(labels) / most)
    return images[::stride], labels[::stride]


def error(
    module: RecordedClassifier, part: tuple[Tensor, Tensor], normalizer: Normalizer
) -> tuple[float, float]:
    """Return error in percent and mean loss in eval mode; modes are put back."""
    net, recipe, place = module.net, module.recipe, part[1].device
    # Module by module: a frozen batch norm is in eval mode in the middle of a net that trains.
    modes = [(inner, inner.training) for inner in net.modules()]
    net.eval()
    wrong = torch.zeros((), dtype=torch.int64, device=place)
    loss = torch.zeros((), dtype=torch.float64, device=place)
    in_order = torch.contiguous_format
    layout = torch.channels_last if device.channels_last(recipe, place) else in_order
    try:
        with torch.no_grad(), device.autocast(recipe, place):
            for images, labels in whole_batches(*part, normalizer, device.evaluated(place)):
                logits = logits_of(net(images.contiguous(memory_format=layout))).float()
                wrong += (logits.argmax(1) != labels).sum()
                loss += torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
    finally:
        for inner, mode in modes:
            inner.training = mode
    count = len(part[1])
    return 100 * int(wrong) / count, float(loss) / count


def _check_finite(stepper: Stepper) -> None:
    # A sum that once was NaN or infinite stays so: no step between two looks is missed.
    if not bool(torch.isfinite(stepper.sums).all()):
        raise Diverged(f"the loss is not finite (NaN or infinite) at or before step {stepper.step}")


def save(trainer: pl.Trainer, path: Path) -> None:
    """Write a checkpoint, whole or not at all: on a WriteError the one before stays."""
    try:
        with files.replaced(path) as temporary:
            trainer.save_checkpoint(temporary)
    # torch reports a full disk as RuntimeError.
    except (OSError, RuntimeError) as failure:
        why = getattr(failure, "strerror", None) or " ".join(str(failure).split())[:160]
        kept = "The checkpoint before it is kept: f" if path.exists() else "F"
        raise WriteError(
            f"{path} cannot be written: {why}. Is the disk full? {kept}ree some space and give "
            "the same command again."
        ) from failure
