"""Fine-tuning beside its two controls: a linear probe, and training from scratch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from archlab.api.training.single import MEASURED
from archlab.data.sets import ImageSet, load_images, located
from archlab.errors import RunError
from archlab.result import Column, Header, Missing, Result, Unit
from archlab.runs import ledger, record
from archlab.runs.recipe import Recipe
from archlab.runs.record import Plan
from archlab.train import checkpoint
from archlab.train.degradation import run_plans
from archlab.train.finetune import Freeze, freeze
from archlab.train.module import named


@dataclass(frozen=True, slots=True)
class FineTuneTotals:
    """The test errors of the three ways, in percent."""

    finetune: float | None
    probe: float | None
    scratch: float | None


@dataclass(frozen=True, slots=True)
class FineTuneRow:
    """One way: fine-tuned, only a linear head, or from scratch; errors in percent."""

    path: str
    status: str
    step: int
    train_error: float | None
    test_error: float | None
    seconds: float


FINETUNE_COLUMNS = (
    Column("path", "way"),
    Column("status", "status"),
    Column("step", "steps", Unit.COUNT),
    Column("train_error", "train error %", Unit.NUMBER),
    Column("test_error", "test error %", Unit.NUMBER),
    Column("seconds", "seconds", Unit.NUMBER),
)


def finetune_model(
    saved: str | Path,
    *,
    data: str = "cifar10",
    plan: Freeze | None = None,
    recipe: Recipe | str = "fast",
    seed: int = 1,
    out: str | Path | None = None,
    **how: Any,
) -> Result[FineTuneTotals, FineTuneRow]:
    """Fine-tune a checkpoint on other images, beside a linear probe and training from scratch.

    Args:
        saved: a checkpoint, or a run's folder.
        data: what `load_images` takes.
        plan: what is frozen until when; the backbone for a quarter of the steps by default.
        recipe: a recipe or its name, the same for the three ways.
        seed: of the new head, the order of images and the augmentation.
        out: the folder; runs/finetune-RECIPE by default.
        **how: `data_dir`, `download`, `jobs`, `report` as in `degradation`; `alone=True` leaves
            the other two ways out.

    Raises:
        RunError: the checkpoint is absent, truncated, or does not say how it is built.
        DataError: the images are absent or corrupt.

    Example:
        >>> finetune_model("runs/resnet20-seed1-1a2b3c4d", data="embedded")  # doctest: +SKIP
    """
    chosen, path = named(recipe), Path(saved).absolute()
    checkpoint.read(path)  # what is wrong with it is told before a download
    data_dir = str(Path(how.pop("data_dir", ".data")).absolute())
    images = load_images(data, Path(data_dir), download=bool(how.pop("download", False)))
    base = _finetuned(path, images, Plan(
        model="", options={}, seed=seed, recipe=chosen, data=located(data), data_dir=data_dir,
        data_name=images.name, fingerprint=images.fingerprint,
    ))  # fmt: skip
    total = chosen.total_steps(len(images.train_labels))
    frozen = plan or Freeze(until=max(1, total // 4))
    plans = [replace(base, kind="finetune", freeze=asdict(frozen))]
    if not how.pop("alone", False):
        whole = asdict(Freeze())  # never released: the head alone
        plans += [replace(base, kind="probe", freeze=whole),
                  replace(base, kind="scratch", init="", init_id="")]  # fmt: skip
    folder = Path(out) if out else Path("runs") / f"finetune-{chosen.name}"
    run_plans(plans, folder, **how)
    return _compared([ledger.read_run(folder / each.name) for each in plans])


def freeze_plan(text: str, until: int | None) -> Freeze | None:
    """Return the plan of `--freeze` and `--until`; None leaves a quarter of the steps."""
    parsed = freeze(text, until)
    return None if text == "backbone" and until is None else parsed


def _finetuned(path: Path, images: ImageSet, base: Plan) -> Plan:
    """Return the plan of a checkpoint's net with a head for these images."""
    content = checkpoint.read(path)
    told: Mapping[str, Any] = content.get("archlab", {})
    if not told.get("spec"):
        raise RunError(f"{path} does not say how its model is built: train it with archlab train.")
    file = path / record.CHECKPOINT if path.is_dir() else path
    options = {**told.get("options", {}), "num_classes": len(images.classes)}
    return replace(
        base, model=told["spec"], options=options, init=str(path),
        init_id=hashlib.sha256(file.read_bytes()).hexdigest()[:12],
    )  # fmt: skip


def _compared(runs: list[ledger.Run]) -> Result[FineTuneTotals, FineTuneRow]:
    ends = {item.plan.kind: item.outcome for item in runs}
    plan = runs[0].plan
    errors = {kind: ends[kind].test_error if kind in ends else None
              for kind in ("finetune", "probe", "scratch")}  # fmt: skip
    frozen = plan.freeze or {}
    until = frozen.get("until")
    how = f"{' and '.join(frozen.get('frozen', ())) or 'nothing'} frozen " + (
        "always" if until is None else f"until step {until:,}")  # fmt: skip
    return Result(
        name="finetune",
        header=Header(plan.model, plan.data_name, "train", plan.recipe.sentence(),
                      (f"finetune: {how}; probe: the head alone; scratch: fresh weights, the same "
                       "steps", MEASURED)),
        totals=FineTuneTotals(**errors),
        rows=tuple(FineTuneRow(kind, end.status, end.step, end.train_error, end.test_error,
                               end.seconds) for kind, end in ends.items()),
        columns=FINETUNE_COLUMNS,
        missing=tuple(Missing(kind, why=end.why or end.status) for kind, end in ends.items()
                      if end.status != "done"),
    )  # fmt: skip
