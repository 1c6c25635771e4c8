"""A sweep as processes: progress, holes filled, kill −9, Ctrl-C, failures; and equal twins."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from archlab import report
from archlab.errors import OptionError, RunError
from archlab.files import locked
from archlab.runs import ledger, record
from archlab.runs.recipe import RECIPES, Recipe
from archlab.train import degradation
from archlab.train.build import build
from archlab.train.degradation import Sweep, run_sweep
from archlab.train.gradients import read_gradients
from archlab.train.remote import Fan
from archlab.train.run import execute

TINY = Recipe(
    name="tiny", steps=4, batch_size=16, learning_rate=0.05, pad=0, flip=False, widths=(4, 4, 4),
    eval_every=2, eval_images=40, checkpoint_every=1,
)  # fmt: skip


@pytest.fixture
def source(tmp_path, images) -> str:
    path = tmp_path / "few.npz"
    np.savez(path, train_images=images.train_images, train_labels=images.train_labels,
             test_images=images.test_images, test_labels=images.test_labels,
             classes=np.array(images.classes))  # fmt: skip
    return str(path)


def test_twins_of_the_sweep_have_equal_parameters(images) -> None:
    sweep = Sweep(depths=(20, 56), seeds=(1, 2), recipe=RECIPES["paper"])
    plans = {(plan.kind, plan.depth, plan.seed): plan for plan in sweep.plans(images)}
    assert len(plans) == 8
    # He et al. 2015, section 4.2: 0.27 M and 0.85 M; with one input channel 2 × 9 × 16 fewer.
    for depth, count in ((20, 269_722), (56, 853_018)):
        for seed in (1, 2):
            nets = [
                build(plan.model, plan.options, plan.seed)
                for plan in (plans["plain", depth, seed], plans["residual", depth, seed])
            ]
            plain, residual = (dict(net.named_parameters()) for net in nets)
            assert sum(p.numel() for p in plain.values()) == count - 2 * 9 * 16
            assert plain.keys() == residual.keys()
            assert all(torch.equal(plain[key], residual[key]) for key in plain)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"depths": (20, 57)}, "57 is not 6n \\+ 2; try 56 or 62"),
        ({"depths": (2,)}, "try 8"),
        ({"kinds": ("plane",)}, "Allowed: plain, residual"),
        ({"seeds": ()}, "a seed or more"),
    ],
)
def test_bad_sweeps(changes, expected) -> None:
    with pytest.raises(OptionError, match=expected):
        replace(Sweep(depths=(20,), recipe=TINY), **changes).check()


@pytest.mark.slow
def test_a_sweep_fills_only_its_holes(tmp_path, images, source) -> None:
    out, told = tmp_path / "out", []
    sweep = Sweep(depths=(8, 14), seeds=(1,), recipe=TINY, data=source)
    run_sweep(sweep, images, out, jobs=2, report=told.append)
    assert (told[-1].share, told[-1].over, told[-1].runs) == (1.0, 4, 4)
    with (out / "ledger.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert {line["status"] for line in lines} == {"done"}
    assert {(line["kind"], line["depth"]) for line in lines} == {
        ("plain", "8"), ("plain", "14"), ("residual", "8"), ("residual", "14"),
    }  # fmt: skip
    times = {path: path.stat().st_mtime_ns for path in out.rglob("last.ckpt")}
    hole = next(out.glob("plain-8-*"))
    for path in hole.iterdir():
        path.unlink()
    run_sweep(sweep, images, out, jobs=2)
    now = {path: path.stat().st_mtime_ns for path in out.rglob("last.ckpt")}
    assert [path.parent for path in now if now[path] != times[path]] == [hole]


@pytest.mark.slow
def test_kill_9_in_the_middle_changes_no_weight(
    planned, images, source, largest_difference
) -> None:
    """Real processes: one trains to the end, one is killed with SIGKILL and started again."""
    folders = [planned(name, steps=60, eval_every=30, checkpoint_every=7) for name in ("a", "b")]
    for folder in folders:
        record.write_plan(folder, replace(record.read_plan(folder), data=source))
    straight, killed = folders
    worker = start(killed)
    wait_for((killed / record.CHECKPOINT).exists)
    worker.send_signal(signal.SIGKILL)
    assert worker.wait() == -signal.SIGKILL
    assert record.read_outcome(killed).status == "interrupted"
    assert start(killed).wait() == 0
    assert start(straight).wait() == 0
    assert largest_difference(straight, killed) == 0.0


@pytest.mark.slow
def test_ctrl_c_saves_and_a_lost_parent_too(planned, images, source) -> None:
    folder = planned("run", steps=3000, eval_every=3000, checkpoint_every=3000)
    record.write_plan(folder, replace(record.read_plan(folder), data=source))
    worker = start(folder)
    wait_for((folder / record.PROGRESS).exists)
    worker.send_signal(signal.SIGINT)
    assert worker.wait() == 0
    first = record.read_outcome(folder)
    assert (first.status, first.step > 0) == ("interrupted", True)
    # A parent that dies without a word: the worker notices, saves and ends.
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-m', "\
           f"'archlab.train.worker', {str(folder)!r}]); import time; time.sleep(60)"  # fmt: skip
    parent = subprocess.Popen([sys.executable, "-c", code], env=environment())
    wait_for(lambda: record.read_outcome(folder).step > first.step)
    parent.kill()
    parent.wait()
    wait_for(lambda: released(folder))
    assert record.read_outcome(folder).step > first.step


@pytest.mark.slow
def test_gradients_are_recorded_beside_and_change_nothing(tmp_path, images, source) -> None:
    sweep = Sweep(depths=(8, 14), kinds=("plain",), seeds=(1,), recipe=TINY, data=source)
    run_sweep(sweep, images, tmp_path / "with", jobs=2, fan=Fan(gradients=2))
    run_sweep(sweep, images, tmp_path / "without", jobs=2)
    for run in ledger.read_sweep(tmp_path / "with"):
        steps = {row.step for row in read_gradients(run.folder)}
        assert steps == {1, 2, 4}
        other = tmp_path / "without" / run.folder.name
        same = [(row.step, row.loss, row.train_error) for row in ledger.read_run(other).rows]
        assert [(row.step, row.loss, row.train_error) for row in run.rows] == same
        assert not (other / "gradients.csv").exists()
    page = report(tmp_path / "with").html
    assert page.count("Gradients over time: cifar_plain") == 2
    assert "Not recorded" in report(tmp_path / "without").html


def test_what_went_wrong_in_a_worker_is_told(tmp_path, images, monkeypatch) -> None:
    def failing(folder: Path, _gradients: int = 0):
        code = "import sys; sys.exit('line one\\nthe disk is full')"
        errors = (tmp_path / folder.name).open("w+b")
        return subprocess.Popen([sys.executable, "-c", code], stderr=errors), errors

    monkeypatch.setattr(degradation, "start", failing)
    monkeypatch.setattr(degradation, "_POLL", 0.02)
    sweep = Sweep(depths=(8, 14), kinds=("plain",), seeds=(1,), recipe=TINY)
    with pytest.raises(RunError, match=r"did not end: the disk is full \(1 more ended so\)"):
        run_sweep(sweep, images, tmp_path / "out", jobs=2)


def test_an_interrupted_sweep_waits_for_its_workers(tmp_path, images, monkeypatch) -> None:
    def sleeping(folder: Path, _gradients: int = 0):
        code = ("import signal, sys, time; signal.signal(signal.SIGINT, lambda *_: sys.exit(0)); "
                f"open({str(tmp_path / folder.name)!r}, 'w'); time.sleep(60)")  # fmt: skip
        return subprocess.Popen([sys.executable, "-c", code]), (tmp_path / "errors").open("w+b")

    def stop(_progress) -> None:
        if (tmp_path / name).exists():
            raise KeyboardInterrupt

    monkeypatch.setattr(degradation, "start", sleeping)
    monkeypatch.setattr(degradation, "_POLL", 0.02)
    sweep = Sweep(depths=(8,), kinds=("plain",), seeds=(1,), recipe=TINY)
    name = sweep.plans(images)[0].name
    with pytest.raises(KeyboardInterrupt):
        run_sweep(sweep, images, tmp_path / "out", jobs=1, report=stop)
    assert [run.outcome.status for run in ledger.read_sweep(tmp_path / "out")] == ["planned"]


def test_two_sweeps_do_not_share_a_folder(tmp_path, images) -> None:
    sweep = Sweep(depths=(8, 14), recipe=TINY)
    with locked(tmp_path / "out"), pytest.raises(RunError, match="is in use by another archlab"):
        run_sweep(sweep, images, tmp_path / "out")


def test_a_diverged_run_is_in_the_ledger_and_the_verdict(tmp_path, images) -> None:
    sweep = Sweep(depths=(8, 14), kinds=("plain",), seeds=(1,),
                  recipe=replace(TINY, learning_rate=1e30))  # fmt: skip
    plans = sweep.plans(images)
    for plan in plans:
        record.write_plan(tmp_path / plan.name, plan)
        assert execute(tmp_path / plan.name, images=images).status == "failed"
    ledger.write_sweep(tmp_path, plans)
    ledger.write_ledger(tmp_path)
    assert "failed" in (tmp_path / "ledger.csv").read_text()
    run_sweep(sweep, images, tmp_path)  # failed is a result: nothing is trained again
    from archlab.runs.verdict import verdict

    result = verdict(tmp_path)
    assert result.outcome == "not shown"
    assert len(result.missing) == 2
    assert json.dumps(result.to_dict(), allow_nan=False)


def start(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "archlab.train.worker", str(folder)],
                            env=environment())  # fmt: skip


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def wait_for(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def released(folder: Path) -> bool:
    try:
        with locked(folder):
            return True
    except RunError:
        return False
