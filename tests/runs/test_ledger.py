"""A sweep on disk: its runs in order, and a line of each in the ledger."""

import csv
from pathlib import Path

import pytest

from archlab import files
from archlab.errors import RunError
from archlab.runs import ledger, record
from archlab.runs.recipe import RECIPES
from archlab.runs.record import Plan


def plan(kind: str, depth: int, seed: int) -> Plan:
    return Plan(
        model=f"{kind}{depth}", options={}, seed=seed, recipe=RECIPES["demo"], data="embedded",
        data_dir=".data", data_name="made up", fingerprint="0", kind=kind, depth=depth,
    )  # fmt: skip


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Three runs, of which one is done, one is interrupted at step 3 of 9, and one is planned."""
    done, interrupted = plan("plain", 20, 2), plan("plain", 8, 1)
    plans = (done, interrupted, plan("a", 8, 1))
    for each in plans:
        record.write_plan(tmp_path / each.name, each)
    files.write_json(tmp_path / done.name / record.DONE, {
        "status": "done", "step": 9, "total": 9, "train_error": 1.5, "running_error": 2.5,
        "test_error": 3.5, "seconds": 4.0, "hardware": "CPU", "versions": "v", "why": "",
        "of_a_later_version": 1})  # fmt: skip
    (tmp_path / interrupted.name / record.CHECKPOINT).touch()
    files.write_json(tmp_path / interrupted.name / record.PROGRESS, {"step": 3, "total": 9})
    ledger.write_sweep(tmp_path, plans)
    return tmp_path


def test_runs_come_by_kind_depth_and_seed(sweep) -> None:
    runs = ledger.read_sweep(sweep)
    assert [(run.plan.kind, run.plan.depth, run.plan.seed) for run in runs] == [
        ("a", 8, 1), ("plain", 8, 1), ("plain", 20, 2),
    ]  # fmt: skip
    assert [run.outcome.status for run in runs] == ["planned", "interrupted", "done"]
    assert (runs[1].outcome.step, runs[1].outcome.total) == (3, 9)
    assert runs[0].plan == plan("a", 8, 1)


def test_the_ledger_has_a_line_a_run(sweep) -> None:
    ledger.write_ledger(sweep)
    with (sweep / "ledger.csv").open() as file:
        lines = list(csv.DictReader(file))
    done = plan("plain", 20, 2)
    assert [line["run"] for line in lines][2] == done.name == f"plain-20-seed2-{done.id}"
    assert lines[2] == {
        "run": done.name, "id": done.id, "kind": "plain", "depth": "20", "seed": "2",
        "recipe": "demo", "data": "made up", "status": "done", "step": "9", "train_error": "1.5",
        "running_error": "2.5", "test_error": "3.5", "seconds": "4.0", "hardware": "CPU",
        "numerics": "", "versions": "v", "why": "",
    }  # fmt: skip
    assert lines[0]["train_error"] == ""


def test_names_without_a_plan_are_left_out(sweep) -> None:
    names = ledger.sweep_runs(sweep)
    (sweep / names[0] / record.PLAN).unlink()
    assert ledger.sweep_runs(sweep) == names[1:]
    assert ledger.sweep_runs(sweep / "nowhere") == ()
    with pytest.raises(RunError, match="is no run"):
        ledger.read_sweep(sweep)


def test_what_is_no_sweep_is_refused(tmp_path) -> None:
    with pytest.raises(RunError, match="There is no folder"):
        ledger.read_sweep(tmp_path / "nowhere")
    with pytest.raises(RunError, match=r"is no sweep of `archlab degradation`.*sweep\.json"):
        ledger.read_sweep(tmp_path)


@pytest.mark.parametrize("names", [3, None, "run", [None], ["../.."], ["/etc"], [["a"]], ["a/b"]])
def test_a_sweep_names_folders_of_its_own(tmp_path, names) -> None:
    files.write_json(tmp_path / ledger.SWEEP, {"runs": names})
    with pytest.raises(RunError, match="is damaged: `runs` is a list of folders"):
        ledger.read_sweep(tmp_path)
