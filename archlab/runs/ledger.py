"""A sweep on disk: which runs belong to it, and one line a run in ledger.csv. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from archlab import files
from archlab.errors import RunError
from archlab.runs import record
from archlab.runs.record import Measurement, Outcome, Plan

SWEEP, LEDGER = "sweep.json", "ledger.csv"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of ledger.csv; errors in percent, at the last step."""

    run: str
    id: str
    kind: str
    depth: int
    seed: int
    recipe: str
    data: str
    status: str
    step: int
    train_error: float | None
    running_error: float | None
    test_error: float | None
    seconds: float
    hardware: str
    numerics: str
    versions: str
    why: str


@dataclass(frozen=True)
class Run:
    """One run read back: its plan, how it ended, and its measurements."""

    folder: Path
    plan: Plan
    outcome: Outcome
    rows: tuple[Measurement, ...]


def further(out: Path, plans: Sequence[Plan]) -> tuple[Plan, ...]:
    """Return the plans of the other runs in a sweep's folder that would be trained alike.

    They have the recipe and images of the sweep and this version of the code, and are nets of
    depths, or ways of fine-tuning, as its own are.
    """
    names = {plan.name for plan in plans}
    found = []
    for path in sorted(out.iterdir()) if plans else ():
        if path.name in names or not (path / record.PLAN).is_file():
            continue
        try:
            plan = record.read_plan(path)
        except RunError:  # a damaged record of a run that nobody asked for
            continue
        # The name ends in the id, of which the version of the code is a part.
        if plan.name == path.name and is_alike(plan, plans[0]):
            found.append(plan)
    return tuple(found)


def is_alike(plan: Plan, other: Plan) -> bool:
    """Whether two runs can be of one sweep: of one recipe, images and experiment."""
    return (plan.recipe, plan.fingerprint, bool(plan.depth)) == (
        other.recipe, other.fingerprint, bool(other.depth),
    )  # fmt: skip


def write_sweep(out: Path, plans: Sequence[Plan]) -> None:
    """Write which runs belong to the sweep."""
    files.write_json(out / SWEEP, {"runs": [plan.name for plan in plans]})


def sweep_runs(out: Path) -> tuple[str, ...]:
    """Return the names of a sweep's runs that have a plan; none where there is no sweep."""
    if not (out / SWEEP).is_file():
        return ()
    return tuple(name for name in _names(out) if (out / name / record.PLAN).is_file())


def read_sweep(out: Path) -> tuple[Run, ...]:
    """Return the runs of a sweep by kind, depth and seed; RunError where there is none."""
    if not out.is_dir():
        raise RunError(f"There is no folder {out}.")
    if not (out / SWEEP).is_file():
        raise RunError(f"{out} is no sweep of `archlab degradation`: it holds no {SWEEP}.")
    return read_runs(out, _names(out))


def read_runs(out: Path, names: Iterable[str]) -> tuple[Run, ...]:
    """Return some runs of a folder by kind, depth and seed; RunError where one has no plan."""
    runs = [read_run(out / name) for name in names]
    return tuple(sorted(runs, key=lambda run: (run.plan.kind, run.plan.depth, run.plan.seed)))


def _names(out: Path) -> list[str]:
    """Return the names of a sweep's runs, each a folder in its own."""
    names = files.read_json(out / SWEEP).get("runs")
    inside = isinstance(names, list) and all(
        isinstance(name, str) and Path(name).name == name for name in names
    )
    if not inside:
        raise RunError(f"{out / SWEEP} is damaged: `runs` is a list of folders in {out}.")
    assert isinstance(names, list)
    return names


def read_run(folder: Path) -> Run:
    """Return one run from its folder; a folder without one is a RunError."""
    plan = record.read_plan(folder)
    return Run(folder, plan, record.read_outcome(folder), record.read_metrics(folder))


def write_ledger(out: Path) -> None:
    """Write the state of every run of the sweep, and of those that it was once asked for."""
    # Anew each time: the folders are the truth, and the ledger is read by people alone.
    names = _names(out)
    plans = [record.read_plan(out / name) for name in names]
    runs = read_runs(out, [*names, *(plan.name for plan in further(out, plans))])
    files.write(out / LEDGER, files.as_csv(map(_entry, runs), Entry))


def _entry(run: Run) -> Entry:
    plan, outcome = run.plan, asdict(run.outcome)
    del outcome["total"]
    net = (plan.name, plan.id, plan.kind, plan.depth, plan.seed)
    return Entry(*net, recipe=plan.recipe.name, data=plan.data_name, **outcome)
