"""Curves from folders: sweeps, runs, Lightning's CSV and TensorBoard logs."""

import pytest

from archlab.api.training.curves import TrainingCurve, _runs, curves, read_series
from archlab.errors import OptionError, RunError
from archlab.runs import ledger, record
from archlab.runs.recipe import RECIPES
from archlab.runs.record import Measurement, Plan


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
    from archlab.api.training.curves import _sweep

    (panel,) = _sweep(sweep, "fig6").panels
    lines = {line.name: line for line in panel.lines}
    assert set(lines) == {"20 train", "20 test", "56 train", "56 test"}
    train = lines["56 train"]
    assert (train.steps, train.mean[0], train.low[0], train.high[0]) == ([100, 200], 42, 28, 56)
    assert (train.bold, lines["56 test"].bold) == (False, True)
    left, right = _sweep(sweep, "fig1").panels
    assert (left.title, right.title) == ("training", "test")
    assert right.lines[0].mean == [16.0, 16.0]  # (21 + 11) / 2


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
    for said in ("from train_loss, eval_top1", "epochs"):
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
