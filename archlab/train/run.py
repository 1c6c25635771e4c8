"""One run, from its folder's plan to done.json; started again it goes on where it was.

On the CPU of one machine, with the same number of threads, a run that was killed and resumed ends
with exactly the weights of one that was not.
"""

from __future__ import annotations

import logging
import platform
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities.exceptions import SIGTERMException

from archlab import files, zoo
from archlab.contain import EndingError, contained
from archlab.data.sets import ImageSet, load_images
from archlab.errors import NoMemoryError, OptionError, RunError, keyword
from archlab.lock import locked
from archlab.runs import hparams, record
from archlab.runs.record import Outcome, Plan
from archlab.spec import is_of_library
from archlab.train import checkpoint, device
from archlab.train.build import build, fitting_options, input_channels
from archlab.train.data import ImageData
from archlab.train.finetune import Freeze, replace_head
from archlab.train.fits import too_small
from archlab.train.gradients import GradientProfiles
from archlab.train.recorded import RecordedClassifier, Stretches
from archlab.train.recorder import Diverged, Recorder
from archlab.train.trainable import check_scores, check_trainable
from archlab.verb import Progress
from archlab.version import __version__

_OF_A_TRAINER = (
    pl.callbacks.LearningRateFinder, pl.callbacks.BatchSizeFinder, pl.callbacks.EarlyStopping,
)  # fmt: skip


def execute(  # noqa: PLR0913  what a run needs besides its folder
    folder: Path,
    *,
    trusted: str | None = None,
    stop: Callable[[], bool] | None = None,
    progress: Progress | None = None,
    images: ImageSet | None = None,
    loggers: Iterable[Logger] = (),
    extra: Iterable[pl.Callback] = (),
) -> Outcome:
    """Train the run planned in a folder, from its last checkpoint if there is one.

    Args:
        folder: it holds run.json, whoever wrote it.
        trusted: the spec that the user gave; a run.json may name no other file or package.
        stop: asked about once a second; True saves and ends, to be resumed later.
        progress: called about once a second with (step, last step, both in words).
        images: the images, if they are read already.
        loggers: Lightning loggers that get every row of metrics.csv.
        extra: further Lightning callbacks.

    Raises:
        RunError: another process trains this run, the images are not those of the plan, or the
            plan names code that nobody has asked for. A NoMemoryError: the GPU is too small.
        DataError: the images cannot be read.
        OutputError: the disk is full, or the folder cannot be written.
    """
    plan = record.read_plan(folder)
    if plan.model != trusted and not is_of_library(plan.model):
        raise RunError(
            f"{folder / record.PLAN} says that its model is {plan.model}, and to build that would "
            "run its code, whoever wrote the file. Give the command that began the run."
        )
    with locked(folder):
        outcome = record.read_outcome(folder)
        if outcome.status in ("done", "failed"):
            return outcome
        data = ImageData(_images(plan, images), plan.recipe, seed=plan.seed)
        data.save_hyperparameters({}, logger=False)  # the module tells of the whole plan
        total = plan.recipe.total_steps(len(data.images.train_labels))
        recorder = Recorder(folder, data, total, stop, progress)
        try:
            with quiet(), device.seeded(plan.seed), device.own_stream():
                _fit(plan, data, recorder, loggers, extra)
        except Diverged as diverged:
            return _finish(folder, recorder, total, failed=str(diverged))
        except torch.OutOfMemoryError as error:
            traceback.clear_frames(error.__traceback__)  # which hold the net and its batch
            words = too_small(plan, data.images, device.free_memory(), device.hardware())
            raise NoMemoryError(words) from None
        finally:
            device.release()
        # The last step is measured: a run without that was stopped, by whom it may be.
        ended = bool(recorder.rows) and recorder.rows[-1].step >= total
        if recorder.stopped or not ended:
            return record.read_outcome(folder)
        return _finish(folder, recorder, total)


def planned(model: str, options: dict[str, Any], images: ImageSet, plan: Plan) -> Plan:
    """Return the plan with a model and options that fit the images."""
    classes = plan.recipe.categories or len(images.classes)
    fitted = fitting_options(
        model, options, classes=classes, shape=images.shape, widths=plan.recipe.widths
    )
    net = zoo.find(model)
    depth = plan.depth or (net.depth if net and net.depth else 0)
    plan = replace(plan, data_name=images.name, fingerprint=images.fingerprint)
    return replace(plan, model=model, options=fitted, depth=depth)


def check(plan: Plan, images: ImageSet) -> None:
    """Raise an OptionError unless the planned net can be trained on the images."""
    with quiet(), device.seeded(plan.seed):
        module = classifier(plan, total=1)
        check_trainable(module.model, images, plan.model)
        if module.freeze_plan is not None:
            module.freeze_plan.groups(module.model, 1.0)


def checked(callbacks: Iterable[pl.Callback] | pl.Callback) -> list[pl.Callback]:
    """Return callbacks as a list, or raise an OptionError for one that cannot work in a run."""
    given = list(callbacks) if isinstance(callbacks, Iterable) else [callbacks]
    for each in given:
        name = type(each).__name__
        if not isinstance(each, pl.Callback):
            raise OptionError(f"{keyword('callbacks')}: {name} is no callback of Lightning's.")
        if isinstance(each, _OF_A_TRAINER):
            raise OptionError(
                f"{keyword('callbacks')}: {name} needs a trainer of your own, which tunes or "
                "validates: pl.Trainer(callbacks=[…]).fit(archlab.Classifier(…), …)."
            )
    return given


def _fit(
    plan: Plan,
    data: ImageData,
    recorder: Recorder,
    loggers: Iterable[Logger],
    extra: Iterable[pl.Callback],
) -> None:
    module = classifier(plan, recorder.total)
    data.channels = input_channels(module.model, data.images.shape[0])
    with torch.no_grad():
        check_scores(module.model.eval(), data.images, plan.model)
    module.train()
    last = recorder.folder / record.CHECKPOINT
    resumed = last if last.exists() else None
    # Lightning's own message about a truncated file does not say what to do.
    begun = int(checkpoint.read(resumed)["global_step"]) if resumed else 0
    module.loader = data.begin_at(begun)
    extra = list(extra)
    profiles = [each for each in extra if isinstance(each, GradientProfiles)]
    module.due = [
        plan.recipe.measured_every(recorder.total),
        plan.recipe.saved_every(recorder.total),
        *(each.every for each in profiles),
    ]
    module.first_is_due = bool(profiles)
    # A callback of somebody's may look at every batch; ours know what stretches are.
    singly = len(extra) > len(profiles)
    batches = {"datamodule": data} if singly else {"train_dataloaders": Stretches(recorder.total)}
    # The recorder comes last, so that its checkpoint holds what the other callbacks have seen.
    trainer = pl.Trainer(
        max_steps=recorder.total,
        max_epochs=-1,
        callbacks=[*extra, recorder],
        logger=list(loggers) or False,
        # A checkpoint of somebody's beside the recorder's, which Lightning would refuse.
        enable_checkpointing=any(isinstance(each, pl.callbacks.Checkpoint) for each in extra),
        enable_progress_bar=False,
        enable_model_summary=False,
        limit_val_batches=0,
        num_sanity_val_steps=0,
        accelerator="gpu" if device.has_cuda() else "cpu",
        devices=1,
    )
    with _ended(recorder), device.switches(plan.recipe):
        recorder.numerics = device.numerics(plan.recipe)
        trainer.fit(module, **batches, ckpt_path=resumed, weights_only=True)
    if device.has_cuda() and not singly:
        why = module.stepper.uncaptured
        recorder.numerics += f", steps not captured: {why}" if why else ", captured steps"


@contextmanager
def _ended(recorder: Recorder) -> Iterator[None]:
    """Tell how Lightning ends a fit, by SystemExit, from how a model's code might."""
    try:
        with contained():
            yield
    except EndingError as error:
        cause = error.__cause__
        # Lightning ends so after SIGTERM; the recorder has saved.
        if isinstance(cause, SIGTERMException):
            recorder.stopped = True
        # And so after a second Ctrl-C, which does not wait for a checkpoint.
        elif isinstance(cause, SystemExit) and isinstance(cause.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        else:
            raise RunError(f"The training has failed: {error}.") from error


def classifier(plan: Plan, total: int) -> RecordedClassifier:
    """Return the plan's net as a LightningModule, fresh or from the plan's checkpoint."""
    freeze = None
    # JSON has made a list of the tuple.
    if plan.freeze:
        freeze = Freeze(**{**plan.freeze, "frozen": tuple(plan.freeze["frozen"])})
    if plan.init:
        model = checkpoint.load_model(Path(plan.init), plan.model)
        classes = plan.options.get("num_classes")
        if classes is not None:
            replace_head(model, int(classes))
    else:
        model = build(plan.model, plan.options, plan.seed)
    careful = 0 < plan.recipe.careful_depth <= plan.depth
    module = RecordedClassifier(
        device.placed(model, plan.recipe), plan.recipe, total=total, freeze=freeze, careful=careful
    )
    module.spec, module.options = plan.model, dict(plan.options)
    module.save_hyperparameters(hparams.of_plan(plan))
    return module


def _images(plan: Plan, images: ImageSet | None) -> ImageSet:
    images = images or load_images(plan.data, Path(plan.data_dir))
    if images.fingerprint != plan.fingerprint:
        raise RunError(
            f"The images in {plan.data} are not those that this run was planned with (fingerprint "
            f"{images.fingerprint}, planned {plan.fingerprint}). Give another {keyword('out')} for "
            "them."
        )
    return images


def _finish(folder: Path, recorder: Recorder, total: int, failed: str = "") -> Outcome:
    versions = {
        "archlab": __version__,
        "torch": torch.__version__,
        "lightning": version("pytorch-lightning"),
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
    outcome = Outcome(
        status="failed" if failed else "done",
        total=total,
        seconds=round(recorder.seconds, 2),
        hardware=device.hardware(),
        numerics=recorder.numerics,
        versions=", ".join(f"{name} {number}" for name, number in versions.items()),
        why=failed,
    )
    # A run that diverged has no result: its last errors are those of a net that was still good.
    if recorder.rows and not failed:
        names = ("step", "train_error", "running_error", "test_error")
        outcome = replace(outcome, **{name: getattr(recorder.rows[-1], name) for name in names})
    # Written last: with this file the run is over.
    files.write_json(folder / record.DONE, asdict(outcome))
    return outcome


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Lightning, which talks of devices and of tips; a sweep has its own progress."""
    names = ("pytorch_lightning", "lightning.pytorch", "lightning_fabric")
    levels = {logging.getLogger(name): logging.getLogger(name).level for name in names}
    for logger in levels:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)
