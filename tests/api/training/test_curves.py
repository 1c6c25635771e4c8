"""Curves from folders: sweeps, runs, Lightning's CSV and TensorBoard logs."""

import json
from dataclasses import asdict

import pytest

from archlab import files
from archlab.api.training.curves import TrainingCurve, _runs, _sweep, curves, read_series
from archlab.errors import OptionError, RunError
from archlab.runs import ledger, record
from archlab.runs.recipe import RECIPES
from archlab.runs.record import Measurement, Outcome, Plan


@pytest.fixture
def sweep(tmp_path):
    """Two seeds of two depths of plain nets, with measurements made up by hand."""
    plans = [
        Plan(model=f"plain{depth}", options={}, seed=seed, recipe=RECIPES["demo"], data="embedded",
             data_dir=".data", data_name="made up", fingerprint="0", kind="plain", depth=depth)
        for depth in (20, 56) for seed in (1, 2)
    ]  # fmt: skip
    for plan in plans:
        record.write_plan(tmp_path / plan.name, plan)
        error = plan.depth / plan.seed
        rows = [Measurement(step, 1.0, 0.1, 0.5, error, error, error + 1, 0.7, 80, 1.5)
                for step in (100, 200, 200 + 50 * plan.seed)]  # fmt: skip
        record.write_metrics(tmp_path / plan.name, rows)
    ledger.write_sweep(tmp_path, plans)
    return tmp_path


def test_lines_are_means_of_what_all_seeds_have_measured(sweep) -> None:
    (panel,) = _sweep(sweep, "fig6").panels
    lines = {line.name: line for line in panel.lines}
    assert set(lines) == {"20 train", "20 test", "56 train", "56 test"}
    train = lines["56 train"]
    assert (train.steps, train.mean[0], train.low[0], train.high[0]) == ([100, 200], 42, 28, 56)
    assert (train.bold, lines["56 test"].bold) == (False, True)
    left, right = _sweep(sweep, "fig1").panels
    assert (left.title, right.title) == ("training", "test")
    assert right.lines[0].mean == [16.0, 16.0]  # (21 + 11) / 2


def finish(sweep, **changed: object) -> None:
    """End every run of a sweep: eval-mode training error is half a point below the running one."""
    for run in ledger.read_sweep(sweep):
        row = run.rows[-1]
        end = Outcome("done", row.step, row.step, row.train_error - 0.5, row.running_error,
                      row.test_error, 90.0 * run.plan.seed, "CPU, 1 thread")  # fmt: skip
        files.write_json(run.folder / record.DONE, asdict(end))
        plan = json.loads((run.folder / record.PLAN).read_text())
        files.write_json(run.folder / record.PLAN, plan | changed)


def test_a_finished_sweep_has_gaps_times_and_chance(sweep) -> None:
    finish(sweep)
    content = _sweep(sweep, "fig6")
    (panel,) = content.panels
    # 20 / seed and 56 / seed: the means are 15 and 42.
    assert [(each.first, each.second, each.text) for each in panel.brackets] == [
        ("20 train", "56 train", "gap\n+27.0")
    ]
    ends = {line.name: line.end for line in panel.lines}
    assert ends == {"20 train": 14.5, "20 test": None, "56 train": 41.5, "56 test": None}
    assert panel.chance == 90
    assert "1.5 to 3 min a run on CPU, 1 thread" in content.words.caption
    assert "● in eval mode" in content.words.caption
    left, right = _sweep(sweep, "fig1").panels
    assert (left.brackets[0].first, left.brackets[0].second) == ("plain-20", "plain-56")
    assert right.brackets == ()
    assert "gap" in curves(sweep, style="fig1").svg


def test_one_depth_has_no_gap(sweep) -> None:
    finish(sweep)
    plans = [run.plan for run in ledger.read_sweep(sweep)]
    ledger.write_sweep(sweep, [plan for plan in plans if plan.depth == 20])
    assert _sweep(sweep, "fig6").panels[0].brackets == ()


def test_an_unfinished_sweep_has_no_gaps_and_no_times(sweep) -> None:
    content = _sweep(sweep, "fig6")
    assert content.panels[0].brackets == ()
    assert "min a run" not in content.words.caption
    assert "●" not in content.words.caption


def test_no_line_leaves_the_scale_and_late_errors_have_most_of_it(sweep) -> None:
    # 57 % in the end: one scale up to beyond chance.
    (panel,) = _sweep(sweep, "fig6").panels
    assert (panel.top, panel.knee) == (pytest.approx(94.5), None)
    for run in ledger.read_sweep(sweep):
        errors = {100: 93.0, 500: 30.0, 900: 12.0, 1000: 11.0}
        rows = [Measurement(step, 1.0, 0.1, 0.5, error, error, error + 1, 0.7, 80, 1.5)
                for step, error in errors.items()]  # fmt: skip
        record.write_metrics(run.folder, rows)
    (panel,) = _sweep(sweep, "fig6").panels
    # By hand: 13 % after 600 steps, a tenth more is 14.3, the next multiple of 5 is 15.
    assert (panel.top, panel.knee) == (pytest.approx(1.05 * 94), 15)


@pytest.mark.parametrize("step", [0, 100])
def test_errors_that_are_no_numbers_are_drawn_over(sweep, step) -> None:
    for run in ledger.read_sweep(sweep):
        nothing = float("nan")
        row = Measurement(step, 1.0, 0.1, nothing, nothing, nothing, nothing, nothing, 0, 1.5)
        record.write_metrics(run.folder, [row])
    finish(sweep)
    (panel,) = _sweep(sweep, "fig6").panels
    assert (panel.top, panel.knee) == (pytest.approx(94.5), None)
    assert "chance" in curves(sweep).svg


def test_published_errors_are_marked_on_cifar10_alone(sweep) -> None:
    recipe = {**asdict(RECIPES["paper"])}
    recipe.pop("made_for")
    finish(sweep)
    assert "◇" not in _sweep(sweep, "fig6").words.caption
    finish(sweep, data="cifar10", data_name="CIFAR-10", recipe=recipe)
    content = _sweep(sweep, "fig6")
    assert content.words.title == "Does depth help? CIFAR-10"
    assert "◇ published test error, recipe paper" in content.words.caption
    marks = {line.name: line.published for line in content.panels[0].lines}
    # A replication's five runs: archlab.runs.published.
    assert marks["20 test"] == pytest.approx(9.78)
    assert marks["56 test"] == pytest.approx(12.95)
    assert marks["20 train"] is None


def test_the_title_names_the_images_as_people_do(sweep) -> None:
    finish(sweep, data_name="Fashion-MNIST subset, 16×16")
    assert _sweep(sweep, "fig6").words.title == "Does depth help? Fashion-MNIST at 16×16"


def test_a_sweep_is_drawn(sweep) -> None:
    text = curves(sweep).svg
    assert "mean of 2 seeds" in text
    assert curves(sweep, style="fig1").svg != curves(sweep).svg


def test_runs_side_by_side(sweep) -> None:
    folders = sorted(path for path in sweep.iterdir() if path.is_dir())
    assert "4 runs" in curves(*folders).svg
    with pytest.raises(OptionError, match="is a sweep: draw it alone"):
        curves(sweep, folders[0])


def test_lightnings_csv(tmp_path) -> None:
    (tmp_path / "metrics.csv").write_text(
        "epoch,step,train_acc,train_loss,val_acc,val_loss\n0,9,,,0.5,1.5\n0,9,0.4,2.0,,\n"
        "1,19,,,0.75,1.0\n1,19,0.6,1.25,,\n"
    )
    curve = TrainingCurve(tmp_path)
    assert curve.series["train_loss"] == ([9.0, 19.0], [2.0, 1.25])
    assert curve.series["val_acc"] == ([9.0, 19.0], [0.5, 0.75])
    assert curve.plot() == tmp_path / "curves.svg"
    assert curve.plot(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert curve._repr_svg_().startswith("<?xml")


def test_tensorboard_events(tmp_path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:
        for step, value in ((9, 2.0), (19, 1.25)):
            writer.add_scalar("train_loss", value, step)
    assert read_series(tmp_path)["train_loss"] == ([9.0, 19.0], [2.0, 1.25])


def test_other_names_are_said(tmp_path) -> None:
    (tmp_path / "summary.csv").write_text("epoch,train_loss,eval_top1,lr\n0,2.0,40,1\n1,1.0,60,1\n")
    curve = TrainingCurve(tmp_path)
    assert set(curve.series) == {"train_loss", "eval_top1", "lr"}
    text = curve.picture.svg
    for said in ("From train_loss, eval_top1", "epochs"):
        assert f">{said}<" in text
    figure = _runs([tmp_path])
    loss, accuracy = figure.panels
    assert [(line.name, line.mean) for line in loss.lines] == [("train", [2.0, 1.0])]
    assert [(line.name, line.steps, line.mean) for line in accuracy.lines] == [
        ("val", [0.0, 1.0], [0.4, 0.6])
    ]


def test_a_log_of_other_things_is_refused(tmp_path) -> None:
    (tmp_path / "metrics.csv").write_text("step,lr,grad_norm\n9,0.1,3.0\n")
    message = "logs no loss and no accuracy: it has lr, grad_norm. Understood are names such as"
    for draw in (TrainingCurve, curves):
        with pytest.raises(RunError, match=message):
            draw(tmp_path)


def test_a_run_that_has_measured_nothing_is_refused(sweep) -> None:
    folder = next(path for path in sweep.iterdir() if path.is_dir())
    record.write_metrics(folder, [])
    with pytest.raises(RunError, match="has measured nothing yet"):
        curves(folder)


@pytest.mark.parametrize("given", ["lightning_logs", "."])
def test_of_several_versions_the_newest_with_a_log_is_taken(tmp_path, monkeypatch, given) -> None:
    monkeypatch.chdir(tmp_path)
    for version in (2, 10, 11, "x"):
        folder = tmp_path / "lightning_logs" / f"version_{version}"
        folder.mkdir(parents=True)
        if version != 11:  # it has failed before it wrote anything
            (folder / "metrics.csv").write_text("step,train_loss\n9,2.0\n")
    curve = TrainingCurve(given)
    assert curve.path.name == "version_10"
    assert ">lightning_logs/version_10<" in curve.picture.svg
    assert curve.plot().parent == curve.path
    assert TrainingCurve("lightning_logs/version_2").path.name == "version_2"


def test_folders_without_logs(tmp_path) -> None:
    with pytest.raises(RunError, match="holds no logs"):
        TrainingCurve(tmp_path)
    with pytest.raises(RunError, match="There is no folder"):
        TrainingCurve(tmp_path / "absent")
    (tmp_path / "metrics.csv").write_text("step,loss\n1,x\n")
    with pytest.raises(RunError, match="is damaged"):
        TrainingCurve(tmp_path)
    with pytest.raises(OptionError, match="Did you mean fig"):
        curves(tmp_path, style="fig7")


def test_runs_of_one_name_are_told_apart(tmp_path) -> None:
    for run in ("first", "second"):
        folder = tmp_path / run / "version_0"
        folder.mkdir(parents=True)
        (folder / "metrics.csv").write_text("step,train_loss,val_loss\n9,2.0,1.5\n19,1.0,1.2\n")
    text = curves(*(tmp_path / run / "version_0" for run in ("first", "second"))).svg
    for name in ("first/version_0 train", "second/version_0 train"):
        assert f">{name}<" in text
    same = curves(*[tmp_path / "first" / "version_0"] * 2).svg
    assert ">version_0 train<" in same
    assert ">version_0 #2 train<" in same
