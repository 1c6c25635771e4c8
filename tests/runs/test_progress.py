"""How far a sweep is, from files made by hand."""

from archlab import files
from archlab.runs import progress, record
from archlab.runs.recipe import RECIPES
from archlab.runs.record import Plan


def plans(*depths: int) -> list[Plan]:
    return [
        Plan(model="m", options={}, seed=1, recipe=RECIPES["demo"], data="embedded", data_dir="",
             data_name="", fingerprint="", kind="plain", depth=depth)
        for depth in depths
    ]  # fmt: skip


def test_a_layer_and_a_step_are_one_piece_of_work(tmp_path) -> None:
    over, half, waiting = planned = plans(20, 56, 8)
    for plan in planned:
        (tmp_path / plan.name).mkdir()
    (tmp_path / over.name / record.DONE).touch()
    files.write_json(tmp_path / half.name / record.PROGRESS, {"step": 30, "total": 60})
    files.write_json(tmp_path / waiting.name / record.PROGRESS, {"step": 0, "total": 60})
    calls = []
    progress.show(lambda *call: calls.append(call), tmp_path, planned, [half.name])
    # All of 20 layers, half of 56, none of 8.
    assert calls == [(48.0, 84, "1 of 3 runs over · running plain-56-seed1")]
    assert progress.begun(tmp_path, planned) == [half.name]
    assert [progress.over(tmp_path, plan) for plan in planned] == [True, False, False]


def test_a_run_without_a_depth_counts_once(tmp_path) -> None:
    calls = []
    progress.show(lambda *call: calls.append(call), tmp_path, plans(0), [])
    assert calls == [(0.0, 1, "0 of 1 runs over")]
    progress.show(None, tmp_path, plans(0), [])


def test_more_steps_than_planned_are_all_of_them(tmp_path) -> None:
    (plan,) = plans(8)
    (tmp_path / plan.name).mkdir()
    files.write_json(tmp_path / plan.name / record.PROGRESS, {"step": 9, "total": 3})
    assert progress.begun(tmp_path, [plan]) == []
