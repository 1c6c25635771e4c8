"""Pages of runs, from files with measurements made up by hand."""

from pathlib import Path

import pytest

from archlab.api.page.of_runs import _signed, is_runs, runs_page
from archlab.errors import RunError
from archlab.runs import record
from archlab.runs.recipe import RECIPES
from archlab.runs.record import Measurement, Plan


@pytest.fixture
def run(tmp_path):
    plan = Plan(
        model="plain8", options={}, seed=3, recipe=RECIPES["demo"], data="embedded",
        data_dir=".data", data_name="made up", fingerprint="0", kind="plain", depth=8,
    )  # fmt: skip
    record.write_plan(tmp_path, plan)
    return tmp_path


def test_what_is_a_folder_of_runs(run, monkeypatch) -> None:
    monkeypatch.chdir(run)
    Path("resnet18").mkdir()
    assert not is_runs("resnet18")  # a model's name, and its folder holds no run
    assert is_runs(Path("resnet18"))
    assert is_runs("./resnet18")
    assert is_runs(str(run))
    assert not is_runs("no/such/folder")
    assert not is_runs("")
    assert not is_runs(42)


def test_a_run_that_has_measured_nothing(run) -> None:
    page = runs_page(run, [("command", "archlab report")])
    assert (page.title, page.lead) == ("plain8 on made up", "One training run.")
    sections = {section.title: section for section in page.parts[0].sections}
    assert sections["Curves"].words == ("Nothing was measured yet.",)
    assert "Measurements" not in sections
    assert "--gradients N" in sections["Gradients over time"].words[0]


def test_a_run_with_measurements(run) -> None:
    rows = [Measurement(step, 1.0, 0.1, 0.5, 40, 40, 41, 0.7, 80, 1.5) for step in (100, 200)]
    record.write_metrics(run, rows)
    sections = {section.title: section for section in runs_page(run, []).parts[0].sections}
    assert sections["Curves"].figure.startswith("<?xml")
    assert [row["step"] for row in sections["Measurements"].table.rows] == [100, 200]


def test_a_folder_of_something_else_is_refused(tmp_path) -> None:
    with pytest.raises(RunError, match="holds no sweep and no run"):
        runs_page(tmp_path, [])


def test_a_gap_has_a_sign_and_a_true_minus() -> None:
    assert [_signed(value) for value in (31.125, -0.5, 0)] == ["+31.12", "−0.50", "+0.00"]
