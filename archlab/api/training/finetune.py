"""Fine-tuning beside its two controls: a linear probe, and training from scratch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

from archlab.api.training.single import MEASURED
from archlab.data.sets import ImageSet, load_images, located
from archlab.result import Header, Missing, Result, Unit, columns
from archlab.runs import ledger, record
from archlab.runs.layout import layout_note
from archlab.runs.recipe import Recipe
from archlab.runs.record import Plan
from archlab.train import checkpoint as checkpoints, run
from archlab.train.cost import tell
from archlab.train.degradation import default_jobs, run_plans
from archlab.train.finetune import Freeze, freeze as parse_freeze
from archlab.train.module import named
from archlab.verb import Progress, verb


@dataclass(frozen=True, slots=True)
class FineTuneTotals:
    """The test errors of the three ways, in percent."""

    finetune: float | None
    probe: float | None
    scratch: float | None


@dataclass(frozen=True, slots=True)
class FineTuneRow:
    """One way: fine-tuned, only a linear head, or from scratch; errors in percent."""

    path: Annotated[str, "way"]
    status: Annotated[str, "status"]
    step: Annotated[int, "steps", Unit.COUNT]
    train_error: Annotated[float | None, "train error %", Unit.NUMBER]
    test_error: Annotated[float | None, "test error %", Unit.NUMBER]
    seconds: Annotated[float, "seconds", Unit.NUMBER]


@verb
def finetune_model(
    checkpoint: str | Path,
    *,
    data: str = "cifar10",
    data_dir: str | Path = ".data",
    download: bool = False,
    freeze: Freeze | None = None,
    recipe: Recipe | str = "fast",
    seed: int = 1,
    out: str | Path | None = None,
    jobs: int | None = None,
    alone: bool = False,
    model: str | None = None,
    say: Callable[[str], None] | None = None,
    progress: Progress | None = None,
) -> Result[FineTuneTotals, FineTuneRow]:
    """Fine-tune a checkpoint on other images, beside a linear probe and training from scratch.

    Args:
        checkpoint: a file, or a run's folder.
        data: the images, see `archlab.data.sets.load_images`.
        data_dir: where official archives are, or go.
        download: fetch an official archive that is absent.
        freeze: what is frozen until when; the backbone for a quarter of the steps by default.
        recipe: a recipe or its name, the same for the three ways.
        seed: of the new head, the order of images and the augmentation.
        out: the folder; runs/finetune-RECIPE by default.
        jobs: runs side by side; by default one a core, and with CUDA one a GPU.
        alone: leave out the linear probe and the training from scratch.
        model: the spec; needed where the checkpoint names none, or names a file or package.
        say: called with how long it will take here, an estimate, before the first run starts,
            unless that is less than a minute.
        progress: called with (done, total, what runs), twice a second.

    Raises:
        RunError: the checkpoint is absent or truncated, does not say how it is built, or names
            code that archlab runs only where `model` names it.
        OptionError: a net that takes no such images, gives no scores, or has no parts to freeze.
        DataError: the images are absent or corrupt.

    Example:
        >>> finetune_model("runs/resnet20-seed1-1a2b3c4d", data="embedded")  # doctest: +SKIP
    """
    recipe, path = named(recipe), Path(checkpoint).absolute()
    # What is wrong with the checkpoint is said before a download.
    name, kept = checkpoints.spec_of(path, checkpoints.read(path)["archlab"], model)
    data_dir = str(Path(data_dir).absolute())
    images = load_images(data, Path(data_dir), download=download)
    base = _finetuned(path, images, Plan(
        model=name, options=kept, seed=seed, recipe=recipe, data=located(data), data_dir=data_dir,
        data_name=images.name, fingerprint=images.fingerprint,
    ))  # fmt: skip
    # The three runs have the same steps and images: they differ in what is trained, and from where.
    total = recipe.total_steps(len(images.train_labels))
    plans = [
        replace(base, kind="finetune", freeze=asdict(freeze or Freeze(until=max(1, total // 4))))
    ]
    if not alone:
        whole = asdict(Freeze())  # never released: the head alone is trained
        plans += [
            replace(base, kind="probe", freeze=whole),
            replace(base, kind="scratch", init="", init_id=""),
        ]
    folder = Path(out) if out else Path("runs") / f"finetune-{recipe.name}"
    if not folder.exists():
        for plan in plans:
            run.check(plan, images)
    images.tell(say)
    if say is not None:
        tell(say, {folder / plan.name: plan for plan in plans}, images, jobs or default_jobs(plans))
    run_plans(plans, folder, jobs=jobs, progress=progress)
    return _compared([ledger.read_run(folder / plan.name) for plan in plans])


def freeze_plan(text: str, until: int | None) -> Freeze | None:
    """Return the plan of `--freeze` and `--until`, or None for the verb's own."""
    # None leaves the backbone frozen for a quarter of the steps: how many shows with the images.
    parsed = parse_freeze(text, until)
    return None if text == "backbone" and until is None else parsed


def _finetuned(path: Path, images: ImageSet, base: Plan) -> Plan:
    """Return the plan of a checkpoint's net with a head for these images."""
    # A run goes on only from the very file it began from: a hash tells one from its successor.
    file = path / record.CHECKPOINT if path.is_dir() else path
    options = {**base.options, "num_classes": len(images.classes)}
    return replace(
        base, options=options, init=str(path),
        init_id=hashlib.sha256(file.read_bytes()).hexdigest()[:12],
    )  # fmt: skip


def _compared(runs: list[ledger.Run]) -> Result[FineTuneTotals, FineTuneRow]:
    ends = {run.plan.kind: run.outcome for run in runs}
    plan = runs[0].plan
    ways = ("finetune", "probe", "scratch")
    errors = {kind: ends[kind].test_error if kind in ends else None for kind in ways}
    frozen = plan.freeze or {}
    until = frozen.get("until")
    parts = " and ".join(frozen.get("frozen", ()))
    end = "always" if until is None else f"until step {until:,}"
    schedule = f"{parts} frozen {end}" if parts else "nothing frozen"
    words = f"finetune: {schedule}; probe: the head alone; scratch: fresh weights, the same steps"
    conventions = (*layout_note(plan.model, plan.options), words, MEASURED)
    return Result(
        name="finetune",
        header=Header(plan.model, plan.data_name, "train", plan.recipe.sentence(), conventions),
        totals=FineTuneTotals(**errors),
        rows=tuple(
            FineTuneRow(kind, end.status, end.step, end.train_error, end.test_error, end.seconds)
            for kind, end in ends.items()
        ),
        columns=columns(FineTuneRow),
        missing=tuple(
            Missing(kind, why=end.why or end.status)
            for kind, end in ends.items()
            if end.status != "done"
        ),
    )
