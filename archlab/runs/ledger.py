"""A sweep on disk: which runs belong to it, and one line a run in ledger.csv. No torch."""

from __future__ import annotations

from collections.abc import Sequence
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
    runs = [read_run(out / name) for name in _names(out)]
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
    """Write the state of every run of the sweep."""
    # Anew each time: the folders are the truth, and the ledger is read by people alone.
    files.write(out / LEDGER, files.as_csv(map(_entry, read_sweep(out)), Entry))


def _entry(run: Run) -> Entry:
    plan, outcome = run.plan, asdict(run.outcome)
    del outcome["total"]
    net = (plan.name, plan.id, plan.kind, plan.depth, plan.seed)
    return Entry(*net, recipe=plan.recipe.name, data=plan.data_name, **outcome)
