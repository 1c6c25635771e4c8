"""The verbs of single nets: train one, test one, fine-tune one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from archlab.data.sets import ImageSet, load_images, located
from archlab.errors import ArchlabError, DataError, RunError, keyword
from archlab.lock import locked
from archlab.result import Header, Missing, Result, columns
from archlab.runs import ledger, record
from archlab.runs.layout import RULE, layout_note
from archlab.runs.recipe import Recipe, from_record
from archlab.runs.record import Measurement, Plan
from archlab.spec import parse_options
from archlab.train import checkpoint as checkpoints, run
from archlab.train.build import input_channels
from archlab.train.cost import tell
from archlab.train.data import ImageData
from archlab.train.evaluate import TestRow, TestTotals, evaluate
from archlab.train.gradients import GradientProfiles
from archlab.train.module import named
from archlab.verb import Progress, verb

if TYPE_CHECKING:
    import pytorch_lightning as pl
    from pytorch_lightning.loggers import Logger


@dataclass(frozen=True, slots=True)
class TrainTotals:
    """A run at its end: status is done, failed or interrupted; errors in percent."""

    status: str
    step: int
    total: int
    train_error: float | None
    running_error: float | None
    test_error: float | None
    seconds: float


MEASURED = (
    "train error: eval mode, without augmentation, all training images in the last row · running: "
    "mean over the augmented batches since the row before"
)


@dataclass(frozen=True)
class Row(Measurement):
    """A measurement, named by its step, as each row of an answer has a name."""

    path: str = ""


@verb
def train_model(
    model: str,
    *,
    options: Mapping[str, object] | None = None,
    data: str | ImageSet = "embedded",
    data_dir: str | Path = ".data",
    download: bool = False,
    recipe: Recipe | str = "lesson",
    seed: int = 1,
    out: str | Path | None = None,
    gradients: int | None = None,
    loggers: Callable[[Path], Iterable[Logger]] | None = None,
    callbacks: Sequence[pl.Callback] | pl.Callback = (),
    stop: Callable[[], bool] | None = None,
    say: Callable[[str], None] | None = None,
    progress: Progress | None = None,
) -> Result[TrainTotals, Row]:
    """Train one net; started again with the same arguments it goes on where it was.

    Args:
        model: a spec, such as "resnet18" or "my_net.py:Net".
        options: constructor arguments. Without a layout among them, a net of the zoo takes "cifar"
            for images up to 64x64 and "imagenet" for larger ones.
        data: images, or what `archlab.data.sets.load_images` takes.
        data_dir: where official archives are, or go.
        download: fetch an official archive that is absent.
        recipe: a recipe or its name.
        seed: of the weights, the order of images and the augmentation.
        out: the run's folder; runs/MODEL-seedSEED-ID by default.
        gradients: record gradient norms by depth every so many steps.
        loggers: a function from the run's folder to Lightning loggers.
        callbacks: one or several of Lightning's, beside archlab's own.
        stop: asked once a second whether to save and end.
        say: called with how long it will take here, an estimate, before the first step, unless
            that is less than a minute.
        progress: called once a second with (steps done, steps in all, what runs).

    Raises:
        SpecError: no such model.
        OptionError: a net that takes no images, or gives no scores of their classes.
        DataError: the images are absent or corrupt, or do not fit the net.
        RunError: the folder holds another run, or is in use.

    Example:
        >>> train_model("resnet20", recipe="demo").totals.test_error  # doctest: +SKIP
    """
    others = run.checked(callbacks)
    data_dir = str(Path(data_dir).absolute())
    images = _images(data, data_dir, download=download)
    # What a run's id is made of is filled in by `planned`, which looks at the images.
    base = Plan(
        model=model, options={}, seed=seed, recipe=named(recipe),
        data=located(data) if isinstance(data, str) else images.name, data_dir=data_dir,
        data_name="", fingerprint="",
    )  # fmt: skip
    plan = run.planned(model, dict(options or {}), images, base)
    folder = Path(out) if out else Path("runs") / plan.name
    if (folder / record.PLAN).is_file() and record.read_plan(folder).id != plan.id:
        raise RunError(
            f"{folder} holds another run ({record.read_plan(folder).name}). Give another "
            f"{keyword('out')}."
        )
    if not (folder / record.PLAN).is_file():
        kept = (record.METRICS, record.CHECKPOINT, record.DONE, record.GRADIENTS)
        if foreign := [name for name in kept if (folder / name).exists()]:
            raise RunError(
                f"{folder} holds a {foreign[0]} and no {record.PLAN}: it is no run's, and would be "
                f"written over. Give another {keyword('out')}."
            )
        run.check(plan, images)
    images.tell(say)
    if say is not None:
        tell(say, {folder: plan}, images)
    profiles = [GradientProfiles(folder, gradients)] if gradients else []
    with _nothing_left(folder):
        # First of all, so that a run which is killed early is still known for what it is.
        record.write_plan(folder, plan)
        run.execute(
            folder,
            trusted=model,
            images=images,
            stop=stop,
            progress=progress,
            loggers=loggers(folder) if loggers else (),
            extra=[*others, *profiles],
        )
    return _trained(ledger.read_run(folder))


@verb
def evaluate_model(
    checkpoint: str | Path,
    *,
    data: str | ImageSet | None = None,
    data_dir: str | Path = ".data",
    model: str | None = None,
) -> Result[TestTotals, TestRow]:
    """Return accuracy, a table by class and the confusion matrix of a checkpoint.

    Args:
        checkpoint: a file, or a run's folder.
        data: images; those of the run by default.
        data_dir: where official archives are.
        model: the spec; needed where the checkpoint names none, or names a file or package.

    Raises:
        RunError: the checkpoint is absent, truncated, or of another model, or it names code that
            archlab runs only where `model` names it.
        DataError: the images are absent, or not named for a checkpoint outside a run.

    Example:
        >>> evaluate_model("runs/resnet20-seed1-1a2b3c4d").totals.accuracy  # doctest: +SKIP
    """
    path = Path(checkpoint)
    entry = checkpoints.read(path)["archlab"]
    folder = path if path.is_dir() else path.parent
    if data is None and not (folder / record.PLAN).is_file():
        raise DataError(
            f"{path} does not lie in a run's folder: name the images with {keyword('data')}."
        )
    plan = record.read_plan(folder) if (folder / record.PLAN).is_file() else None
    source = data if data is not None else (plan.data if plan else "embedded")
    # The plan's folder of archives belongs to the plan's images alone.
    archives = plan.data_dir if plan and data is None else str(data_dir)
    recipe = from_record(entry["recipe"]) if "recipe" in entry else None
    images = ImageData(_images(source, archives, download=False), recipe)
    net = checkpoints.load_model(path, model, images.images.shape)
    # A net of grey images gets grey ones, whatever the set has.
    images.channels = input_channels(net, images.images.shape[0])
    name = str(model or entry.get("spec") or entry.get("type", "model"))
    return evaluate(net, images, name, _how_far(folder) if plan else "trained")


def _how_far(folder: Path) -> str:
    """Return in words how far the net of a run's checkpoint is trained."""
    end = record.read_outcome(folder)
    if end.status == "done":
        return "trained"
    if end.status == "failed":
        return f"of a run that failed: {end.why}"
    return f"trained for {end.step:,} of {end.total:,} steps"


def logger_maker(
    paths: Sequence[str], settings: Sequence[str], *, tensorboard: bool
) -> Callable[[Path], list[Logger]]:
    """Return a function that makes the loggers for a run's folder."""
    from archlab.train import loggers as known

    arguments = parse_options(list(settings))  # now: the loggers are made after the images

    def make(folder: Path) -> list[Logger]:
        first = [known.tensorboard(folder)] if tensorboard else []
        return first + [known.logger(path, folder, arguments) for path in paths]

    return make


@contextmanager
def _nothing_left(folder: Path) -> Iterator[None]:
    """Remove what a run has written if it fails before it has anything to keep."""
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    before = set(folder.iterdir()) if folder.is_dir() else set()
    try:
        yield
    except Exception:
        # Under the lock: the failure may be that another process trains here, and its files stay.
        with suppress(ArchlabError), locked(folder):
            if not any((folder / name).exists() for name in (record.CHECKPOINT, record.METRICS)):
                for path in set(folder.iterdir()) - before:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        for place in made:
            with suppress(OSError):  # something lies in it, or it is gone
                place.rmdir()
        raise


def _images(data: str | ImageSet, data_dir: str, *, download: bool) -> ImageSet:
    if isinstance(data, ImageSet):
        return data
    return load_images(data, Path(data_dir), download=download)


def _trained(finished: ledger.Run) -> Result[TrainTotals, Row]:
    end, plan = finished.outcome, finished.plan
    where = f"{end.status} at step {end.step:,} of {end.total:,}; the same command goes on"
    totals = {field.name: getattr(end, field.name) for field in fields(TrainTotals)}
    notes = [f"{note} (by default {RULE})" for note in layout_note(plan.model, plan.options)]
    return Result(
        name="train",
        header=Header(
            plan.model, plan.data_name, "train", plan.recipe.sentence(), (*notes, MEASURED)
        ),
        totals=TrainTotals(**totals),
        rows=tuple(Row(**asdict(row), path=f"step {row.step}") for row in finished.rows),
        columns=columns(Row),
        missing=() if end.status == "done" else (Missing(plan.name, why=end.why or where),),
        footer=(f"{end.status}: {finished.folder}",),
    )
