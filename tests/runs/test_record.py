"""A run's files, and its identity: what changes a result changes it, and nothing else does."""

from dataclasses import replace

import pytest

from archlab import files
from archlab.errors import OutputError, RunError
from archlab.runs import record
from archlab.runs.recipe import RECIPES
from archlab.runs.record import Measurement, Plan

PLAN = Plan(
    model="zoo:resnet8", options={"num_classes": 10}, seed=3, recipe=RECIPES["demo"],
    data="embedded", data_dir=".data", data_name="Fashion", fingerprint="abc",
)  # fmt: skip


def test_where_the_images_lie_changes_no_identity() -> None:
    moved = replace(PLAN, data="elsewhere.npz", data_dir="/mnt", data_name="another name")
    assert moved.id == PLAN.id
    assert replace(PLAN, recipe=replace(PLAN.recipe, made_for="cifar10")).id == PLAN.id
    assert replace(PLAN, init="a/last.ckpt").id == PLAN.id


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "zoo:plain8"}, {"options": {}}, {"seed": 4}, {"fingerprint": "abd"},
        {"init_id": "1"}, {"freeze": {"frozen": ["stem"]}}, {"recipe": RECIPES["fast"]},
        {"kind": "plain"}, {"depth": 8},
    ],
    ids=lambda changes: next(iter(changes)),
)  # fmt: skip
def test_what_changes_a_result_changes_the_identity(changes) -> None:
    assert replace(PLAN, **changes).id != PLAN.id


def test_a_run_that_recorded_no_layout_is_that_of_the_net_for_cifar(tmp_path) -> None:
    bare = replace(PLAN, model="googlenet", options={"num_classes": 10})
    small = replace(bare, options={"num_classes": 10, "layout": "cifar"})
    assert small.id == bare.id  # its folder is found again
    assert small.options["layout"] == "cifar"
    assert replace(bare, options={"num_classes": 10, "layout": "imagenet"}).id != bare.id
    for options in (bare.options, small.options, {"num_classes": 10, "layout": "chapter"}):
        record.write_plan(tmp_path, replace(bare, options=options))
        assert record.read_plan(tmp_path) == small
    own = replace(PLAN, model="net.py:Net", options={"layout": "cifar"})
    assert own.id != replace(own, options={}).id


def test_a_name_is_for_people() -> None:
    assert PLAN.name == f"resnet8-seed3-{PLAN.id}"
    member = replace(PLAN, kind="plain", depth=20)
    assert member.name == f"plain-20-seed3-{member.id}"
    assert replace(PLAN, kind="probe").name.startswith("probe-seed3-")


def test_a_plan_comes_back(tmp_path) -> None:
    record.write_plan(tmp_path / "run", PLAN)
    assert record.read_plan(tmp_path / "run") == PLAN
    content = files.read_json(tmp_path / "run/run.json")
    del content["seed"]
    files.write_json(tmp_path / "run/run.json", content)
    with pytest.raises(RunError, match=r"lacks or mistypes an entry: .*seed"):
        record.read_plan(tmp_path / "run")
    with pytest.raises(RunError, match=r"is no run: it holds no run\.json"):
        record.read_plan(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be made"):
        record.write_plan(tmp_path / "file/run", PLAN)


def test_measurements_come_back_to_the_last_digit(tmp_path) -> None:
    rows = (Measurement(7, 0.1 + 0.2, 1e-5, 2.5, 90.0, 80.0, 85.0, 1 / 3, 80, 1.25),
            Measurement(8, 1.0, 0.0, float("inf"), 0.0, 0.0, 0.0, 0.0, 80, 2.0))  # fmt: skip
    assert record.read_metrics(tmp_path) == ()
    record.write_metrics(tmp_path, rows)
    header, first, _ = (tmp_path / "metrics.csv").read_text().splitlines()
    assert header.startswith("step,epoch,learning_rate,loss,")
    assert first == "7,0.30000000000000004,1e-05,2.5,90.0,80.0,85.0,0.3333333333333333,80,1.25"
    assert record.read_metrics(tmp_path) == rows
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("9,1.0\n")
    with pytest.raises(RunError, match="is damaged"):
        record.read_metrics(tmp_path)


@pytest.mark.parametrize(
    ("file", "key", "value"),
    [
        (record.PLAN, "model", None), (record.PLAN, "depth", [20]), (record.PLAN, "seed", "1"),
        (record.PLAN, "options", []), (record.PLAN, "recipe", 3), (record.PLAN, "kind", True),
        (record.DONE, "status", 3), (record.DONE, "train_error", [1.0]),
        (record.DONE, "seconds", "long"),
    ],
)  # fmt: skip
def test_entries_of_wrong_types(tmp_path, file, key, value) -> None:
    """Somebody else may have written the files of a run."""
    record.write_plan(tmp_path, PLAN)
    if file == record.DONE:
        files.write_json(tmp_path / file, {"status": "done"})
    files.write_json(tmp_path / file, {**files.read_json(tmp_path / file), key: value})
    read = {record.PLAN: record.read_plan, record.DONE: record.read_outcome}
    with pytest.raises(RunError, match=f"{file} lacks or mistypes an entry"):
        read[file](tmp_path)


@pytest.mark.parametrize("state", [{"step": "x", "total": 9}, {"step": 3, "total": None}, [], 3])
def test_a_damaged_display_of_progress_is_no_obstacle(tmp_path, state) -> None:
    files.write_json(tmp_path / record.PROGRESS, {"step": 3, "total": 9, "seconds": 1.0})
    assert record.read_progress(tmp_path) == (3, 9)
    files.write_json(tmp_path / record.PROGRESS, state)
    assert record.read_progress(tmp_path) == (0, 0)
